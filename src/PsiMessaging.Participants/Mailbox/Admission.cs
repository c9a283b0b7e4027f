using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Mailbox;

/// <summary>What becomes of a message at the door. A session that exists is never changed there: one writer, its turn, does that.</summary>
public abstract record Admission
{
    private Admission()
    {
    }

    /// <summary>It is stored for its session's turn.</summary>
    public static Admission Store { get; } = new Storing();

    /// <summary>Nothing waits for it any more: it is acknowledged, and that is all.</summary>
    public static Admission Drop { get; } = new Dropping();

    /// <summary>What came before has to be dealt with first: it stays with the broker.</summary>
    public static Admission Busy { get; } = new Waiting();

    /// <summary>It was answered in the outbox, in the same transaction, and nothing is kept of it.</summary>
    public static Admission Answered { get; } = new Answering();

    /// <summary>It goes to the error queue.</summary>
    /// <param name="reason">Why, without anything of its content.</param>
    public static Admission Refuse(string reason) => new Refusal(reason);

    /// <summary>It breaks a rule of its session: the session's turn is told so, and ends it.</summary>
    /// <param name="code">A failure code of the wire contract.</param>
    /// <param name="reason">One line for a person.</param>
    public static Admission EndSession(string code, string reason) => new Ending(new Verdict(code, reason));

    /// <summary>See <see cref="Store"/>.</summary>
    public sealed record Storing : Admission;

    /// <summary>See <see cref="Drop"/>.</summary>
    public sealed record Dropping : Admission;

    /// <summary>See <see cref="Busy"/>.</summary>
    public sealed record Waiting : Admission;

    /// <summary>See <see cref="Answered"/>.</summary>
    public sealed record Answering : Admission;

    /// <summary>See <see cref="Refuse"/>.</summary>
    public sealed record Refusal(string Reason) : Admission;

    /// <summary>See <see cref="EndSession"/>.</summary>
    public sealed record Ending(Verdict Verdict) : Admission;
}

/// <summary>A message at the door, with what its route's rules look at.</summary>
/// <typeparam name="TMessage">The message.</typeparam>
/// <typeparam name="TSession">Sessions of this participant.</typeparam>
/// <param name="Message">The message.</param>
/// <param name="Envelope">Its envelope, signed by a pinned card.</param>
/// <param name="Session">Its session, where there is one.</param>
/// <param name="State">The state, in the transaction that stores the message.</param>
/// <param name="Now">The time.</param>
public readonly record struct Arrival<TMessage, TSession>(TMessage Message, Envelope Envelope, TSession? Session, IStoreWriter State, DateTimeOffset Now)
    where TSession : class
{
    /// <summary>Who sent it.</summary>
    public string From => Envelope.Header.From;

    /// <summary>The session it is for; null for a command that opens one.</summary>
    public string? Id => Envelope.Header.Session;

    /// <summary>Messages of a kind of slot that wait in the session.</summary>
    public int Waiting(string slotPrefix) => State.PendingSlots(Id!, slotPrefix).Count;
}
