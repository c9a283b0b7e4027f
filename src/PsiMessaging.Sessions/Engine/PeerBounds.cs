using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Ports;

namespace PsiMessaging.Sessions.Engine;

/// <summary>
/// How much of others a party keeps, per peer and in all sessions: what a pinned participant can make it store is bounded in number and bytes before it is stored. The bounds of
/// one message are those of <see cref="MessageLimits"/>.
/// </summary>
internal static class PeerBounds
{
    /// <summary>Sessions of a peer's making that may be open at once.</summary>
    public const int OpenSessions = 32;
    /// <summary>Sessions of a peer's making that are kept in all: those with a result, and the last that failed.</summary>
    public const int Sessions = 2000;
    /// <summary>Failed sessions of a peer that are kept; the oldest go.</summary>
    public const int FailedSessions = 200;
    /// <summary>How long a failed session is kept.</summary>
    public static readonly TimeSpan FailedAge = TimeSpan.FromDays(30);
    /// <summary>Messages of one sender that may wait to be dealt with, batches of rounds left out.</summary>
    public const int WaitingMessages = 1024;
    /// <summary>Bytes of them.</summary>
    public const long WaitingBytes = 128L << 20;
    /// <summary>Refusals that may wait for a peer: beyond them it is not answered.</summary>
    public const int WaitingRefusals = 64;

    private const int WaitingNews = 256;

    /// <summary>Whether a message for a session may wait in it.</summary>
    public static bool MayWait(IStoreTransaction transaction, PartySession session, Envelope envelope)
    {
        var (sender, message) = (envelope.Header.From, envelope.Message);
        var isExpected = message switch
        {
            // Bounded by credit and by the agreed sizes, see MayBeStored.
            RoundBatch => true,
            DatasetRegistered registered => registered.Party is { } party && (party == session.Peer || party == envelope.Header.To),
            QueryAnswered or QueryRefused or ProductComputed => IsOpenQuestion(transaction, session, message),
            QueryAsked asked => ParticipantNames.IsId(asked.QueryId) && transaction.PendingSlots(session.Id, "asked/").Count < WaitingNews,
            _ => true,
        };
        if (!isExpected || message is RoundBatch)
        {
            return isExpected;
        }

        var (messages, bytes) = transaction.Waiting(sender);
        return message is AbortSession || (messages < WaitingMessages && bytes + envelope.Frame.Length <= WaitingBytes);
    }

    private static bool IsOpenQuestion(IStoreTransaction transaction, PartySession session, object message)
    {
        var id = message switch { QueryAnswered answered => answered.QueryId, ProductComputed product => product.QueryId, _ => ((QueryRefused)message).QueryId };
        return ParticipantNames.IsId(id) && PartyEngine.IsQuestionOf(transaction, session.Id, id);
    }
}
