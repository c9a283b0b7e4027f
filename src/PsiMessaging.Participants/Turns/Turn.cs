using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Turns;

/// <summary>What a turn needs of its participant.</summary>
/// <param name="Store">State.</param>
/// <param name="Post">The way out.</param>
/// <param name="Audit">Audit log.</param>
/// <param name="Time">Clock.</param>
public sealed record TurnServices(IParticipantStore Store, Post Post, AuditLog Audit, TimeProvider Time);

/// <summary>Who is told of a session's changes.</summary>
/// <param name="OnCommitting">Inside the transaction.</param>
/// <param name="OnCommitted">After it: the session as stored, null where only effects were, and what else was done.</param>
public sealed record CommitListener<TSession>(Action<TSession> OnCommitting, Action<StoredSession?, Effects> OnCommitted);

/// <summary>A received message in a session.</summary>
/// <param name="Slot">Its slot, to be finished with what follows from it.</param>
/// <param name="Message">The message.</param>
/// <param name="Envelope">Its envelope.</param>
public sealed record Waiting<TMessage>(string Slot, TMessage Message, Envelope Envelope)
{
    /// <summary>Who sent it.</summary>
    public string From => Envelope.Header.From;
}

/// <summary>
/// One piece of work on one session. While it lasts nobody else changes the session: what arrives meanwhile waits in the mailbox. What it changes it commits in
/// one transaction, with the messages that follow.
/// </summary>
/// <typeparam name="TSession">Sessions.</typeparam>
public sealed class Turn<TSession>
    where TSession : class, ISession<TSession>
{
    private readonly TurnServices _services;
    private readonly Action<TSession> _onCommitting;
    private readonly Action<StoredSession?, Effects> _onCommitted;
    private int _version;
    private IReadOnlyList<string> _slots;
    private int? _inOutbox;

    private Turn(TurnServices services, StoredSession stored, IReadOnlyList<string> slots, CommitListener<TSession> listener, CancellationToken ended)
    {
        (_services, _version, _slots, Ended, DueAt) = (services, stored.Version, slots, ended, stored.DueAt);
        (_onCommitting, _onCommitted) = (listener.OnCommitting, listener.OnCommitted);
        Session = TSession.Parse(stored);
    }

    /// <summary>The session as it stands.</summary>
    public TSession Session { get; private set; }

    /// <summary>Cancelled when the session's time is over, or the participant stops, while the turn lasts.</summary>
    public CancellationToken Ended { get; }

    /// <summary>The time.</summary>
    public DateTimeOffset Now => _services.Time.GetUtcNow();

    /// <summary>Messages of the session that are on their way out.</summary>
    public int InOutbox => _inOutbox ??= Read(state => state.CountOutgoing(Session.Id));

    /// <summary>When the session must be looked at next, whatever comes.</summary>
    internal DateTimeOffset? DueAt { get; private set; }

    /// <summary>Begins a turn; null where the session is not here.</summary>
    /// <param name="services">What it needs.</param>
    /// <param name="id">Session id.</param>
    /// <param name="listener">Told of changes.</param>
    /// <param name="ended">Ends it.</param>
    public static Turn<TSession>? Begin(TurnServices services, string id, CommitListener<TSession> listener, CancellationToken ended) =>
        services.Store.Read(state =>
        state.FindSession(id) is { } stored ? new Turn<TSession>(services, stored, state.PendingSlots(id, ""), listener, ended) : null);

    /// <summary>Looks at the state.</summary>
    public T Read<T>(Func<IStoreReader, T> look) => _services.Store.Read(look);

    /// <summary>Slots of waiting messages of a kind, in order.</summary>
    public IEnumerable<string> Slots(string kind) => _slots.Where(slot => IsOf(slot, kind));

    /// <summary>Whether a message of a kind waits.</summary>
    public bool Has(string kind) => _slots.Any(slot => IsOf(slot, kind));

    /// <summary>The first waiting message of a kind, or null.</summary>
    public Waiting<TMessage>? Next<TMessage>(string kind) => Slots(kind).FirstOrDefault() is { } slot ? At<TMessage>(slot) : null;

    /// <summary>The waiting message in a slot, or null.</summary>
    public Waiting<TMessage>? At<TMessage>(string slot)
    {
        if (Read(state => state.FindFrame(Session.Id, slot)) is not { } frame)
        {
            return null;
        }

        var envelope = Envelope.Restore(frame);
        return new Waiting<TMessage>(slot, (TMessage)envelope.Message, envelope);
    }

    /// <summary>What the door found against the session, or null.</summary>
    public Verdict? Verdict() =>
        _slots.Contains(Mailbox.Verdict.Slot)
            && Read(state => state.FindFrame(Session.Id, Mailbox.Verdict.Slot)) is { } row ? Mailbox.Verdict.Parse(row) : null;

    /// <summary>Changes the session, with what follows from it, in one transaction.</summary>
    /// <param name="next">The session from now on.</param>
    /// <param name="follow">What else belongs to it.</param>
    /// <returns>That the turn has worked.</returns>
    /// <exception cref="InvalidOperationException">Somebody else has changed the session: a fault of ours.</exception>
    public TurnOutcome Commit(TSession next, Action<Effects>? follow = null)
    {
        Effects? effects = null;
        var stored = ReferenceEquals(next, Session) ? null : next.ToStored();
        _services.Store.Write(state =>
        {
            if (state.FindVersion(next.Id) != _version)
            {
                throw new InvalidOperationException($"session {next.Id} was changed beside its turn");
            }

            effects = new Effects(next.Id, state, _services.Post, _services.Audit);
            follow?.Invoke(effects);
            if (stored is not null)
            {
                state.PutSession(stored);
                _onCommitting(next);
            }
        });
        if (stored is not null)
        {
            (Session, _version, DueAt) = (next, _version + 1, stored.DueAt);
        }

        _inOutbox = null;
        if (effects!.Finished.Count > 0)
        {
            _slots = [.. _slots.Where(slot => !effects.Finished.Contains(slot))];
        }

        _onCommitted(stored, effects);
        return TurnOutcome.Worked;
    }

    /// <summary>Does what leaves the session as it is.</summary>
    public TurnOutcome Commit(Action<Effects> follow) => Commit(Session, follow);

    private static bool IsOf(string slot, string kind) =>
        slot.StartsWith(kind, StringComparison.Ordinal) && (slot.Length == kind.Length || slot[kind.Length] == '/');
}
