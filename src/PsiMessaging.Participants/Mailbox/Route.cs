using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Mailbox;

/// <summary>Who may send a message at all, before it is known in which session.</summary>
[Flags]
public enum SenderRole
{
    /// <summary>Nobody: the message is known, and not for this participant.</summary>
    Nobody = 0,
    /// <summary>The own people, by this home's CLI.</summary>
    Self = 1,
    /// <summary>A pinned party.</summary>
    Party = 2,
    /// <summary>A pinned linker.</summary>
    Linker = 4,
}

/// <summary>How one kind of message comes in: who may send it, for which session, into which slot, how many may wait.</summary>
/// <typeparam name="TSession">Sessions of this participant.</typeparam>
public abstract class Route<TSession>
    where TSession : class
{
    private protected Route(Type message, SenderRole from, Limit limit) => (Message, From, Limit) = (message, from, limit);

    /// <summary>The message.</summary>
    public Type Message { get; }

    /// <summary>Who may send it.</summary>
    public SenderRole From { get; }

    /// <summary>How many may wait.</summary>
    public Limit Limit { get; }

    /// <summary>Id of the session a message is for; null where it names none.</summary>
    /// <exception cref="RejectedEnvelopeException">It names another than its envelope.</exception>
    internal abstract string? SessionOf(Envelope envelope);

    /// <summary>Puts a message where it belongs without the mailbox; false where it has to go through it.</summary>
    internal abstract bool Stream(string session, Envelope envelope);

    /// <summary>Whether it does something where the session is not here.</summary>
    internal abstract bool KnowsUnknown { get; }

    /// <summary>Opens or finds the session of a message whose session is not here; null where there is nothing to store it in.</summary>
    internal abstract TSession? WhenUnknown(Envelope envelope, IStoreWriter state, DateTimeOffset now);

    /// <summary>What becomes of a message.</summary>
    internal abstract Admission Admit(Envelope envelope, TSession session, IStoreWriter state, DateTimeOffset now);

    /// <summary>What is said of who sends it twice with different content, between the name and "twice".</summary>
    public string? Act { get; init; }

    /// <summary>Its slot: kind, then what tells messages of the kind apart.</summary>
    internal abstract string SlotOf(Envelope envelope);

    /// <summary>What messages of the same kind and sender have in common in their slots.</summary>
    internal abstract string KindOf(Envelope envelope);

    /// <summary>Under whose name it counts while it waits.</summary>
    internal abstract string CountsFor(Envelope envelope, TSession session, IStoreWriter state, DateTimeOffset now);
}

/// <inheritdoc/>
/// <typeparam name="TMessage">The message.</typeparam>
/// <typeparam name="TSession">Sessions of this participant.</typeparam>
/// <param name="from">Who may send it.</param>
/// <param name="limit">How many may wait.</param>
/// <param name="kind">First part of its slots.</param>
public sealed class Route<TMessage, TSession>(SenderRole from, Limit limit, string kind) : Route<TSession>(typeof(TMessage), from, limit)
    where TSession : class
{
    /// <summary>The session's id in the message, which must be the envelope's.</summary>
    public Func<TMessage, string>? Names { get; init; }

    /// <summary>The session's id where the envelope has none that counts: a command.</summary>
    public Func<TMessage, Envelope, string>? For { get; init; }

    /// <summary>What tells messages of the kind apart in the slot: after the kind and a slash. Null for the one of its kind.</summary>
    public Func<TMessage, Envelope, string>? Place { get; init; }

    /// <summary>Whether the sender's name stands behind the kind in the slot.</summary>
    public bool BySender { get; init; }

    /// <summary>The rule of admission; without one whatever its session does not refuse is stored.</summary>
    public Func<Arrival<TMessage, TSession>, Admission>? Rule { get; init; }

    /// <summary>What to do where the session is not here; without it the message is dropped.</summary>
    public Func<Arrival<TMessage, TSession>, TSession?>? Unknown { get; init; }

    /// <summary>Puts a message straight where it belongs, if it can be.</summary>
    public Func<string, TMessage, Envelope, bool>? Straight { get; init; }

    /// <summary>Under whose name a message counts while it waits; by default its sender's.</summary>
    public Func<Arrival<TMessage, TSession>, string>? Account { get; init; }

    internal override string? SessionOf(Envelope envelope)
    {
        var message = (TMessage)envelope.Message;
        if (For is not null)
        {
            return For(message, envelope);
        }

        return Names is null || envelope.Header.Session is null || Names(message) == envelope.Header.Session ? envelope.Header.Session
            : throw new RejectedEnvelopeException("the message names another session than its envelope");
    }

    internal override bool Stream(string session, Envelope envelope) => Straight?.Invoke(session, (TMessage)envelope.Message, envelope) ?? false;

    internal override bool KnowsUnknown => Unknown is not null;

    internal override TSession? WhenUnknown(Envelope envelope, IStoreWriter state, DateTimeOffset now) => Unknown?.Invoke(At(envelope, null, state, now));

    internal override Admission Admit(Envelope envelope, TSession session, IStoreWriter state, DateTimeOffset now) =>
        Rule?.Invoke(At(envelope, session, state, now)) ?? Admission.Store;

    internal override string KindOf(Envelope envelope) => BySender ? $"{kind}/{envelope.Header.From}" : kind;

    internal override string SlotOf(Envelope envelope) =>
        Place is null ? KindOf(envelope) : $"{KindOf(envelope)}/{Place((TMessage)envelope.Message, envelope)}";

    internal override string CountsFor(Envelope envelope, TSession session, IStoreWriter state, DateTimeOffset now) =>
        Account?.Invoke(At(envelope, session, state, now)) ?? envelope.Header.From;

    private static Arrival<TMessage, TSession> At(Envelope envelope, TSession? session, IStoreWriter state, DateTimeOffset now) =>
        new((TMessage)envelope.Message, envelope, session, state, now);
}
