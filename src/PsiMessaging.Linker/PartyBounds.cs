using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Linker;

/// <summary>
/// How much of a party the linker keeps before it has dealt with it: bounded in number and bytes, per session, per party and in all. The bounds of one
/// message are those of
/// <see cref="MessageLimits"/>; which bound holds for which message: <see cref="LinkerRoutes"/>.
/// </summary>
internal static class PartyBounds
{
    /// <summary>Sessions a party may have open, by registrations of its own.</summary>
    public const int OpenSessions = 1000;
    /// <summary>Ended sessions that are kept of a party, so that late messages find them ended.</summary>
    public const int EndedSessions = 200;
    /// <summary>Marks of sessions that ended before they began, beyond open and ended sessions: what may stand there until the oldest are forgotten.</summary>
    public const int OvertakenSessions = 64;
    /// <summary>Forgotten sessions of a party whose ids are kept, some 50 bytes each.</summary>
    public const int ForgottenSessions = 1_000_000;
    /// <summary>How long an ended session is kept.</summary>
    public static readonly TimeSpan EndedAge = TimeSpan.FromDays(30);
    /// <summary>How long a registration waits for the other party's.</summary>
    public static readonly TimeSpan HalfRegisteredAge = TimeSpan.FromDays(30);
    /// <summary>Batches of a party that may wait in a session for the linker's time.</summary>
    public const int WaitingBatches = 64;
    /// <summary>Batches of a party in a session.</summary>
    public const int Batches = 1_000_000;
    /// <summary>Messages of one party that may wait in all sessions.</summary>
    public const int WaitingMessages = 2048;
    /// <summary>Bytes of them.</summary>
    public const long WaitingBytes = 512L << 20;
    /// <summary>Messages that may wait for a party to read them: with more of them, its partners begin nothing with it.</summary>
    public const int UnreadMessages = 4096;
    /// <summary>Messages of one kind and party that may wait in a session for queries of engine <c>masked</c>.</summary>
    public const int WaitingForQueries = 64;
    /// <summary>Questions of a party that may wait in a session.</summary>
    public const int WaitingQuestions = 16;
}
