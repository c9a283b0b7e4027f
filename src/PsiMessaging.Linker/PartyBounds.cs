using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Linker;

/// <summary>
/// How much of a party the linker keeps before it has dealt with it: bounded in number and bytes, per session, per party and in all. The bounds of one message are those of
/// <see cref="MessageLimits"/>. Every message has its rule; one without is not stored.
/// </summary>
internal static class PartyBounds
{
    /// <summary>Sessions a party may have open, by registrations of its own.</summary>
    public const int OpenSessions = 1000;
    /// <summary>Ended sessions that are kept of a party, so that late messages find them ended.</summary>
    public const int EndedSessions = 200;
    /// <summary>Forgotten sessions of a party whose ids are kept, some 50 bytes each.</summary>
    public const int ForgottenSessions = 1_000_000;
    /// <summary>How long an ended session is kept.</summary>
    public static readonly TimeSpan EndedAge = TimeSpan.FromDays(30);
    /// <summary>How long messages may wait for their session's registration.</summary>
    public static readonly TimeSpan UnregisteredAge = TimeSpan.FromMinutes(10);
    /// <summary>How long a registration waits for the other party's.</summary>
    public static readonly TimeSpan HalfRegisteredAge = TimeSpan.FromDays(30);
    /// <summary>Sessions of a party whose registration has not come yet: their first messages overtook it.</summary>
    public const int UnregisteredSessions = 8;
    /// <summary>Batches that may wait in a session, for its registration or for the linker's time.</summary>
    public const int WaitingBatches = 64;
    /// <summary>Batches that may wait in a session without a registration: a few more than are in hand at once.</summary>
    public const int EarlyBatches = 16;
    /// <summary>How long batches beyond those wait with the broker, since the registration before them may be in another hand that the machine has kept waiting.</summary>
    public static readonly TimeSpan EarlyGrace = TimeSpan.FromSeconds(10);
    /// <summary>Messages of one party that may wait in all sessions.</summary>
    public const int WaitingMessages = 2048;
    /// <summary>Bytes of them.</summary>
    public const long WaitingBytes = 512L << 20;

    /// <summary>Messages that may wait for a party to read them: with more of them, its partners begin nothing with it.</summary>
    public const int UnreadMessages = 4096;

    private const int WaitingForQueries = 64;
    private const int WaitingQuestions = 16;

    /// <summary>Under whose name a message counts as waiting: rows of a registered session, which are on their way to files, by themselves.</summary>
    public static string CountsFor(IStoreTransaction transaction, LinkSession session, Envelope envelope) =>
        envelope.Message is DatasetBatch && IsRegistered(transaction, session, envelope.Header.From) ? RowsOf(envelope.Header.From) : envelope.Header.From;

    /// <summary>Whether a message may wait in its session.</summary>
    /// <param name="transaction">State.</param>
    /// <param name="session">The session, of which the sender is a party.</param>
    /// <param name="envelope">The message.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="ReceiverBusyException">
    /// Rows of a registered session faster than they are checked, masked rows before their opening was looked at: the frame waits with the broker. Only where what it waits for
    /// goes by the linker's own work, and by no message that may lie behind it; or not for long.
    /// </exception>
    public static bool MayWait(IStoreTransaction transaction, LinkSession session, Envelope envelope, DateTimeOffset now)
    {
        var (id, from) = (session.Id, envelope.Header.From);
        int Waiting(string kind) => transaction.PendingSlots(id, $"{kind}/{from}/").Count;
        bool HasRoom()
        {
            var (messages, bytes) = transaction.Waiting(from);
            return messages < WaitingMessages && bytes + envelope.Frame.Length <= WaitingBytes;
        }

        // The parties ask when both have heard that both are registered.
        var isReady = session.State == "Ready";
        switch (envelope.Message)
        {
            case AbortSession or RegisterDataset:
                return true;
            case DatasetBatch batch when batch.Sequence is < 0 or >= 1_000_000 || envelope.Body.Length > EncryptedBatch.MaximumBodyBytes:
                return false;
            case DatasetBatch when IsRegistered(transaction, session, from):
                return session.Ended || (Waiting("batch") < WaitingBatches && transaction.Waiting(RowsOf(from)).Bytes + envelope.Frame.Length <= WaitingBytes) ? true : throw new ReceiverBusyException();
            case DatasetBatch:
                return Waiting("batch") < EarlyBatches ? HasRoom() : now < session.CreatedAt + EarlyGrace ? throw new ReceiverBusyException() : false;
            case RunQuery query:
                return ParticipantNames.IsId(query.QueryId) && Waiting("query") < WaitingQuestions && HasRoom();
            case OpenProduct open:
                return isReady && ParticipantNames.IsId(open.QueryId) && Waiting("open") < WaitingForQueries && HasRoom();
            case MaskedRows rows when !isReady || !ParticipantNames.IsId(rows.QueryId) || rows.Sequence < 0 || envelope.Body.Length > MaskedBatch.MaximumBodyBytes:
                return false;
            case MaskedRows rows when Waiting("masked") >= WaitingForQueries && transaction.FindFrame(id, $"open/{from}/{rows.QueryId}") is not null:
                throw new ReceiverBusyException();
            case MaskedRows:
                return Waiting("masked") < WaitingForQueries && HasRoom();
            case MaskedCorrection correction:
                return isReady && ParticipantNames.IsId(correction.QueryId) && envelope.Body.Length <= 8 * MaskedBatch.MaximumColumns * MaskedBatch.MaximumColumns
                    && Waiting("correction") < WaitingForQueries && HasRoom();
            case WithdrawQuery withdrawal:
                return ParticipantNames.IsId(withdrawal.QueryId) && Waiting("withdraw") < WaitingForQueries && HasRoom();
            default:
                return false;
        }
    }

    /// <summary>Whether a party's registration is here, looked at or not yet.</summary>
    private static bool IsRegistered(IStoreTransaction transaction, LinkSession session, string party) =>
        session.Registrations.Any(registration => registration.Party == party) || transaction.FindFrame(session.Id, $"register/{party}") is not null;

    private static string RowsOf(string party) => party + "/rows";
}
