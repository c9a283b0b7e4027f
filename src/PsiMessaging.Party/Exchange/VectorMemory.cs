using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Exchange;

/// <summary>
/// Memory of sessions over whole vectors: half of what this process may use, and one session always. A session that stands still is asked to give its place up,
/// since it can be brought back from disk, and does so in its own turn; one without a place waits. Thread-safe.
/// </summary>
/// <param name="time">Clock.</param>
/// <param name="signal">Says that a session may have work.</param>
internal sealed class VectorMemory(TimeProvider time, Action<string> signal)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Place> _places = new(StringComparer.Ordinal);
    private readonly HashSet<string> _waiting = new(StringComparer.Ordinal);

    /// <summary>Memory that such sessions may take together, in bytes.</summary>
    public long Bytes { get; set; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>How long a session may stand still before another that needs its memory takes it.</summary>
    public TimeSpan IdleAfter { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Memory a session's vectors take, roughly, in bytes; 0 for a protocol without.</summary>
    public static long EstimateOf(PartySession session) =>
        session is { Chosen: VectorProtocol protocol, Reveal: { } reveal }
            ? protocol.EstimatedMemoryBytes(session.Sizes, reveal, session.Security, session.IsInitiator) : 0;

    /// <summary>Takes a place for a session; says when to try again where there is none.</summary>
    /// <returns>Null where it has one, or needs none.</returns>
    public TurnOutcome? Take(PartySession session)
    {
        var bytes = EstimateOf(session);
        if (bytes == 0)
        {
            return null;
        }

        string? idle = null;
        DateTimeOffset? again = null;
        lock (_lock)
        {
            if (_places.ContainsKey(session.Id))
            {
                return null;
            }

            if (_places.Count == 0 || _places.Values.Sum(place => place.Bytes) + bytes <= Bytes)
            {
                _places.Add(session.Id, new Place(bytes) { UsedAt = time.GetUtcNow() });
                _waiting.Remove(session.Id);
                return null;
            }

            _waiting.Add(session.Id);
            (idle, again) = FindIdle(session.Id);
        }

        if (idle is not null)
        {
            signal(idle);
        }

        return again is { } at ? TurnOutcome.IdleUntil(at) : TurnOutcome.Idle;
    }

    /// <summary>Says that a session has something in hand.</summary>
    public void Touch(string session)
    {
        lock (_lock)
        {
            if (_places.TryGetValue(session, out var place))
            {
                (place.UsedAt, place.IsBusy, place.IsAskedBack) = (time.GetUtcNow(), true, false);
            }
        }
    }

    /// <summary>Says that nothing of a session is in hand any more.</summary>
    public void Rest(string session)
    {
        lock (_lock)
        {
            if (_places.TryGetValue(session, out var place))
            {
                place.IsBusy = false;
            }
        }
    }

    /// <summary>Whether a session is to give up its place.</summary>
    public bool IsAskedBack(string session)
    {
        lock (_lock)
        {
            return _places.TryGetValue(session, out var place) && place.IsAskedBack;
        }
    }

    /// <summary>A session does not need its place any more, or gives it up.</summary>
    public void Free(string session)
    {
        string[] waiting;
        lock (_lock)
        {
            _waiting.Remove(session);
            if (!_places.Remove(session))
            {
                return;
            }

            waiting = [.. _waiting];
        }

        // The lower id goes first, so that two parties that hold different sessions come together.
        foreach (var id in waiting.Order(StringComparer.Ordinal))
        {
            signal(id);
        }
    }

    /// <summary>One that stands still, and is asked; or when the next will have stood still for long enough. Under the lock.</summary>
    private (string? Idle, DateTimeOffset? Again) FindIdle(string forSession)
    {
        var now = time.GetUtcNow();
        DateTimeOffset? again = null;
        foreach (var (id, place) in _places)
        {
            // The lower id goes first, so that two parties that hold different sessions come together.
            var idleAt = place.UsedAt + (string.CompareOrdinal(forSession, id) < 0 ? IdleAfter : 3 * IdleAfter);
            if (!place.IsBusy && idleAt <= now)
            {
                place.IsAskedBack = true;
                return (id, now + IdleAfter);
            }

            var lookAt = place.IsBusy || idleAt <= now ? now + IdleAfter : idleAt;
            again = again < lookAt ? again : lookAt;
        }

        return (null, again);
    }

    private sealed class Place(long bytes)
    {
        public long Bytes => bytes;

        public DateTimeOffset UsedAt { get; set; }

        public bool IsBusy { get; set; }

        public bool IsAskedBack { get; set; }
    }
}
