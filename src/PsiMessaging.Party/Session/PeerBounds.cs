using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Party.Session;

/// <summary>
/// How much of others a party keeps, per peer and in all sessions: what a pinned participant can make it store is bounded in number and bytes before it is
/// stored. The bounds of one message are those of <see cref="MessageLimits"/>, those of a kind of message stand with its route.
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

    /// <summary>
    /// Ids of a peer's forgotten sessions that are kept, some 50 bytes each, so that no old message opens one again; with so many it may open no more.
    /// </summary>
    public const int ForgottenSessions = 1_000_000;

    /// <summary>Messages of one sender that may wait to be dealt with, batches of rounds left out.</summary>
    public const int WaitingMessages = 1024;

    /// <summary>Bytes of them.</summary>
    public const long WaitingBytes = 128L << 20;

    /// <summary>Refusals that may wait for a peer: beyond them it is not answered.</summary>
    public const int WaitingRefusals = 64;

    /// <summary>
    /// Bytes of a peer's batches of rounds that may wait to be dealt with, in all sessions: some eight
    /// sets of 2^24 with <c>vole</c>, and far more with the others.
    /// </summary>
    public const long RoundBytes = 4L << 30;

    /// <summary>What of one sender may wait in all sessions.</summary>
    public static Room Room { get; } = new(WaitingMessages, WaitingBytes);

    /// <summary>
    /// Under whose name batches of rounds count as waiting: by themselves, since a protocol over vectors keeps
    /// them for a restart; no number of them turns anything else away.
    /// </summary>
    public static string RoundsOf(string peer) => peer + "/rounds";

    /// <summary>Whether a peer's batch of a round may wait, beside its credit in the session.</summary>
    public static bool HasRoomForRound(IStoreReader state, Envelope envelope) =>
        state.Waiting(RoundsOf(envelope.Header.From)).Bytes + envelope.Frame.Length <= RoundBytes;

    /// <summary>Whether one more session of a peer's making may be kept.</summary>
    public static bool MayBeKept(IStoreReader state, string peer) =>
        state.CountSessions(peer, openOnly: false) < Sessions && state.CountForgotten(peer) < ForgottenSessions;
}
