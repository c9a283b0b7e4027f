using Microsoft.Extensions.Logging;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Datasets;

namespace PsiMessaging.Party.Session;

/// <summary>What every area of a party's sessions needs of the party.</summary>
internal sealed class PartyContext
{
    /// <summary>Longest deadline of a session or question, in seconds: 30 days.</summary>
    public const int MaximumDeadlineSeconds = 30 * 24 * 3600;

    /// <summary>Largest minimum cell size.</summary>
    public const int MaximumMinCell = 1_000_000;

    /// <summary>Messages of a session that may be on their way out before it makes more.</summary>
    public const int OutboxWindow = 16;

    public required ParticipantHome Home { get; init; }

    public required TurnServices Services { get; init; }

    public required DatasetCatalog Datasets { get; init; }

    public required Cores Cores { get; init; }

    public required RefusedFrames Refused { get; init; }

    public required ILogger Log { get; init; }

    /// <summary>Says that a session may have work.</summary>
    public required Action<string> Signal { get; init; }

    /// <summary>Told of a session that was opened at the door.</summary>
    public required Action<PartySession> OnOpened { get; init; }

    public TimeProvider Time => Services.Time;

    public string Name => Home.Name;

    /// <summary>What a peer is told where the reason speaks of own files, datasets or settings.</summary>
    public string OwnMatter => $"{Name} cannot go on with its own files or settings; its people see why";

    public SessionFolder FolderOf(PartySession session) => new(Home.SessionPath(session.Id));

    /// <summary>The session's dataset, as it was when the session began.</summary>
    /// <exception cref="ParticipantException">It was replaced or removed.</exception>
    public Dataset DatasetOf(PartySession session)
    {
        var dataset = Datasets.Resolve(session.Dataset);
        return dataset.Hash == session.DatasetHash ? dataset
            : throw new ParticipantException(FailureCodes.UnusableDataset,
                $"the dataset {dataset.Name} was replaced after the session began") { ForPeer = OwnMatter };
    }

    /// <summary>The key that the two parties share.</summary>
    public SecretBytes SharedKeyWith(PartySession session) => Home.SharedKeyWith(
        Home.FindCard(session.Peer) ?? throw new ParticipantException(FailureCodes.NotPinned, $"{session.Peer}'s card is not pinned any more"));

    public QueueAddress InboxOf(string party) =>
        Home.InboxOf(party, ParticipantRole.Party) ?? throw new ParticipantException(FailureCodes.NotPinned, $"{party}'s card is not pinned any more");

    /// <summary>A place for what is sorted in a turn; sorting ends when the turn is ended.</summary>
    public ScratchFolder Scratch(Turn<PartySession> turn, string name)
    {
        var scratch = Datasets.Scratch(FolderOf(turn.Session).Scratch(name));
        scratch.Ended = turn.Ended;
        return scratch;
    }

    /// <summary>A peer's text as it may be shown: one line, no control characters, 500 characters at most.</summary>
    public static string Printable(string text)
    {
        var line = PrintableText.Of(text);
        return line.Length <= 500 ? line : line[..500];
    }
}
