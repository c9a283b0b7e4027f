using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Data.Keys;
using PsiMessaging.Participants;
using PsiMessaging.Party.Agreement;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Party.Exchange;

/// <summary>What a party's side of a protocol is made from: the session's secrets, its identifiers, and a reusable set where one is used.</summary>
internal sealed class PartySide : IDisposable
{
    private PartySide(SessionSecrets secrets, OpenReusableSet? reusable, IdentifierFile? items) => (Secrets, Reusable, Items) = (secrets, reusable, items);

    /// <summary>The session's secrets of this attempt.</summary>
    public SessionSecrets Secrets { get; }

    /// <summary>The reusable set, where one is used.</summary>
    public OpenReusableSet? Reusable { get; }

    /// <summary>Own identifiers, where they are read during the session.</summary>
    public IdentifierFile? Items { get; }

    /// <summary>Opens the files.</summary>
    /// <param name="party">The party.</param>
    /// <param name="session">The session.</param>
    /// <param name="ownOrder">Whether the identifiers are wanted as they are, and not in the session's order.</param>
    /// <exception cref="ParticipantException">A file is missing, or the reusable set is another.</exception>
    public static PartySide Open(PartyContext party, PartySession session, bool ownOrder)
    {
        var folder = party.FolderOf(session);
        var dataset = party.DatasetOf(session);
        var secrets = SessionSecrets.Load(folder.Path, session.Attempt);
        OpenReusableSet? reusable = null;
        try
        {
            reusable = session.OwnReusableSet is null ? null : ReusableSets.Open(party.Datasets, dataset, party.Name, session.RsaBits);
            if (reusable is not null && !reusable.Set.Id.AsSpan().SequenceEqual(session.OwnReusableSet))
            {
                throw new ParticipantException(FailureCodes.ReusableSet,
                    $"the reusable set of {dataset.Name} was made anew during the session; open another session");
            }

            var items = ownOrder ? party.Datasets.OpenIdentifiers(dataset) : HandshakeKeys.NeedsItems(session) ? IdentifierFile.Open(folder.Items) : null;
            return new PartySide(secrets, reusable, items);
        }
        catch
        {
            reusable?.Dispose();
            secrets.Dispose();
            throw;
        }
    }

    /// <summary>From what a protocol makes this party's side.</summary>
    public PartySetup SetupOf(PartyContext party, PartySession session) => new()
    {
        OwnName = party.Name,
        PeerName = session.Peer,
        IsInitiator = session.IsInitiator,
        OwnSize = session.OwnDistinct,
        PeerSize = session.PeerDistinct,
        Transcript = session.Transcript,
        Seed = Secrets.Seed,
        RevealTo = session.Reveal!.Value,
        Security = session.Security,
        OwnKey = Reusable?.Key ?? Secrets.Rsa,
        OwnReusableSet = session.OwnReusableSet,
        PeerKey = PeerKeyOf(session),
        PeerReusableSet = session.PeerReusableSet,
        ReadItems = Items is null ? null : (take, cancellation) => Read(Items, take, party.Cores, cancellation),
        Cores = party.Cores,
    };

    private static RsaPublicKey? PeerKeyOf(PartySession session) => session.PeerRsaModulus is null ? null
        : RsaPublicKey.TryCreate(session.RsaBits, session.PeerRsaModulus, RsaPublicKey.Exponent, out var key, out var fault) ? key
        : throw new InvalidOperationException(fault);

    /// <summary>Reads the own identifiers, a batch at a time, on all cores.</summary>
    private static void Read(IdentifierFile items, Action<int, PackedItems> take, Cores cores, CancellationToken cancellation) =>
        cores.Split(items.Count, ItemBatch.Items, (_, first, end) =>
        {
            for (var at = first; at < end; at += ItemBatch.Items)
            {
                cancellation.ThrowIfCancellationRequested();
                take(at, new PackedItems(items.ReadPacked(at, Math.Min(ItemBatch.Items, end - at))));
            }
        });

    /// <inheritdoc/>
    public void Dispose()
    {
        Items?.Dispose();
        Reusable?.Dispose();
        Secrets.Dispose();
    }
}
