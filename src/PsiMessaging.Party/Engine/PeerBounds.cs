using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Party.Engine;

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
    /// <summary>Ids of a peer's forgotten sessions that are kept, some 50 bytes each, so that no old message opens one again; with so many it may open no more.</summary>
    public const int ForgottenSessions = 1_000_000;
    /// <summary>Messages of one sender that may wait to be dealt with, batches of rounds left out.</summary>
    public const int WaitingMessages = 1024;
    /// <summary>Bytes of them.</summary>
    public const long WaitingBytes = 128L << 20;
    /// <summary>Refusals that may wait for a peer: beyond them it is not answered.</summary>
    public const int WaitingRefusals = 64;

    /// <summary>Bytes of a peer's batches of rounds that may wait to be dealt with, in all sessions: some eight sets of 2^24 with <c>vole</c>, and far more with the others.</summary>
    public const long RoundBytes = 4L << 30;

    private const int WaitingNews = 256;

    /// <summary>
    /// Under whose name a message counts as waiting. Batches of rounds count by themselves, since <c>vole</c> keeps them for a restart: no number of them turns anything else away.
    /// </summary>
    public static string CountsFor(Envelope envelope) => envelope.Message is RoundBatch ? RoundsOf(envelope.Header.From) : envelope.Header.From;

    /// <summary>Whether a peer's batch of a round may wait, beside its credit in the session.</summary>
    public static bool HasRoomForRound(IStoreTransaction transaction, Envelope envelope) => transaction.Waiting(RoundsOf(envelope.Header.From)).Bytes + envelope.Frame.Length <= RoundBytes;

    /// <summary>Whether one more session of a peer's making may be kept.</summary>
    public static bool MayBeKept(IStoreTransaction transaction, string peer) => transaction.CountSessions(peer, openOnly: false) < Sessions && transaction.CountForgotten(peer) < ForgottenSessions;

    /// <summary>Whether a message for a session may wait in it.</summary>
    public static bool MayWait(IStoreTransaction transaction, PartySession session, Envelope envelope)
    {
        switch (envelope.Message)
        {
            case DatasetRegistered registered:
                // What this party has not sent cannot be confirmed, and would take the place of the true word.
                return registered.Party == session.Peer || (registered.Party == envelope.Header.To && session is { Registration: not RegistrationState.None, OwnColumns: not null });
            case QueryAnswered or QueryRefused or ProductComputed:
                return IsOwnQuestion(transaction, session, envelope.Message);
            case QueryAsked asked:
                return ParticipantNames.IsId(asked.QueryId) && transaction.PendingSlots(session.Id, "asked/").Count < WaitingNews && HasRoom(transaction, envelope);
            case ProposeQuery or WithdrawQuery:
                return HasRoom(transaction, envelope);
            default:
                // One place a session and kind, or bounded where it is received (credit, replies to own questions).
                return true;
        }
    }

    private static string RoundsOf(string peer) => peer + "/rounds";

    private static bool HasRoom(IStoreTransaction transaction, Envelope envelope)
    {
        var (messages, bytes) = transaction.Waiting(envelope.Header.From);
        return messages < WaitingMessages && bytes + envelope.Frame.Length <= WaitingBytes;
    }

    private static bool IsOwnQuestion(IStoreTransaction transaction, PartySession session, object message)
    {
        var id = message switch { QueryAnswered answered => answered.QueryId, ProductComputed product => product.QueryId, _ => ((QueryRefused)message).QueryId };
        return ParticipantNames.IsId(id) && PartyEngine.IsQuestionOf(transaction, session.Id, id);
    }
}
