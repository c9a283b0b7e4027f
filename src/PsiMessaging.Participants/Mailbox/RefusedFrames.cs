using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace PsiMessaging.Participants.Mailbox;

/// <summary>
/// Counts frames that nobody known has signed. Anybody who may write to the queue can send them, so they get no answer, change no state and are kept nowhere:
/// there is one log line for the first and then one a minute with how many there were. Thread-safe.
/// </summary>
public sealed partial class RefusedFrames(TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, long> _inNameOf = new(StringComparer.Ordinal);
    private long _total, _unsaid;
    private DateTimeOffset _saidAt = DateTimeOffset.MinValue;

    /// <summary>Frames refused since the start.</summary>
    public long Total => Interlocked.Read(ref _total);

    /// <summary>Frames that came in a pinned participant's name and were not signed by its card.</summary>
    public long InNameOf(string pinned) => _inNameOf.GetValueOrDefault(pinned);

    /// <summary>Counts one.</summary>
    /// <param name="reason">Why, in words of ours.</param>
    /// <param name="pinned">The pinned participant in whose name it came, if any: no other name is kept.</param>
    public void Add(string reason, string? pinned = null)
    {
        if (pinned is not null)
        {
            _inNameOf.AddOrUpdate(pinned, 1, (_, count) => count + 1);
        }

        long count;
        lock (_lock)
        {
            _total++;
            _unsaid++;
            var now = time.GetUtcNow();
            if (now - _saidAt < Interval)
            {
                return;
            }

            _saidAt = now;
            count = _unsaid;
            _unsaid = 0;
        }

        LogRefused(count, reason, _total);
    }

    [LoggerMessage(EventId = 110, Level = LogLevel.Warning,
        Message = "{Count} frame(s) dropped that no pinned card has signed, the last because {Reason}; {Total} since the start")]
    private partial void LogRefused(long count, string reason, long total);
}
