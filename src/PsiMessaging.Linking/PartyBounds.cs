using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Batches;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Ports;

namespace PsiMessaging.Linking;

/// <summary>
/// How much of a party the linker keeps before it has dealt with it: bounded in number and bytes, per session, per party and in all. The bounds of one message are those of
/// <see cref="MessageLimits"/>. Every message has its rule; one without is not stored.
/// </summary>
internal static class PartyBounds
{
    /// <summary>Sessions a party may have open, by registrations of its own.</summary>
    public const int OpenSessions = 128;
    /// <summary>Ended sessions that are kept of a party, so that late messages find them ended.</summary>
    public const int EndedSessions = 200;
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
    /// <summary>Batches that may wait in a session without a registration: as many as are in hand at once.</summary>
    public const int EarlyBatches = 4;
    /// <summary>Messages of one party that may wait in all sessions.</summary>
    public const int WaitingMessages = 2048;
    /// <summary>Bytes of them.</summary>
    public const long WaitingBytes = 512L << 20;

    private const int WaitingForQueries = 64;
    private const int WaitingQuestions = 16;

    /// <summary>Whether a message may wait in its session.</summary>
    /// <param name="transaction">State.</param>
    /// <param name="session">The session, of which the sender is a party.</param>
    /// <param name="envelope">The message.</param>
    /// <exception cref="ReceiverBusyException">Rows of a registered session faster than they are checked: the frame waits with the broker.</exception>
    public static bool MayWait(IStoreTransaction transaction, LinkSession session, Envelope envelope)
    {
        var (id, from) = (session.Id, envelope.Header.From);
        int Waiting(string kind) => transaction.PendingSlots(id, $"{kind}/{from}/").Count;
        var isRegistered = session.Registrations.Any(registration => registration.Party == from);
        var fits = envelope.Message switch
        {
            RegisterDataset => true,
            AbortSession => true,
            DatasetBatch batch => batch.Sequence is >= 0 and < 1_000_000 && envelope.Body.Length <= EncryptedBatch.MaximumBodyBytes && (isRegistered || Waiting("batch") < EarlyBatches),
            RunQuery query => ParticipantNames.IsId(query.QueryId) && isRegistered && Waiting("query") < WaitingQuestions,
            OpenProduct open => ParticipantNames.IsId(open.QueryId) && isRegistered && Waiting("open") < WaitingForQueries,
            MaskedRows rows => ParticipantNames.IsId(rows.QueryId) && rows.Sequence >= 0 && isRegistered && envelope.Body.Length <= MaskedBatch.MaximumBodyBytes && Waiting("masked") < WaitingForQueries,
            MaskedCorrection correction => ParticipantNames.IsId(correction.QueryId) && isRegistered && envelope.Body.Length <= 8 * MaskedBatch.MaximumColumns * MaskedBatch.MaximumColumns && Waiting("correction") < WaitingForQueries,
            WithdrawQuery withdrawal => ParticipantNames.IsId(withdrawal.QueryId) && isRegistered && Waiting("withdraw") < WaitingForQueries,
            _ => false,
        };
        if (!fits || envelope.Message is AbortSession)
        {
            return fits;
        }

        var (messages, bytes) = transaction.Waiting(from);
        var hasRoom = messages < WaitingMessages && bytes + envelope.Frame.Length <= WaitingBytes;
        if (envelope.Message is DatasetBatch && isRegistered && !session.Ended && (!hasRoom || Waiting("batch") >= WaitingBatches))
        {
            // These are on their way from the inbox to files; there is room again as soon as one is checked.
            throw new ReceiverBusyException();
        }

        return hasRoom;
    }
}
