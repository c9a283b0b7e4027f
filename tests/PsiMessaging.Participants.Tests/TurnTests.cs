using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Participants.Tests;

/// <summary>Turns of a key one after the other, and times at which keys are woken: nothing is looked at before it has to be.</summary>
public class TurnTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Turns_OfOneKey_NeverRunSideBySide_AndNoSignalIsLost()
    {
        var (inside, most, seen, given) = (0, 0, 0, 0);
        using var stop = new CancellationTokenSource();
        var scheduler = new TurnScheduler((_, _) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref inside));
            seen = Volatile.Read(ref given);
            Interlocked.Decrement(ref inside);
            return Task.FromResult(TurnOutcome.Idle);
        }, (_, exception) => throw exception, TimeProvider.System, stop.Token);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 2000; i++)
            {
                Interlocked.Increment(ref given);
                scheduler.Signal("a");
            }
        })));
        await scheduler.DrainAsync().WaitAsync(Patience);
        Assert.Equal((1, 16_000), (most, seen));
    }

    [Fact]
    public async Task Turn_ThatIsInterrupted_EndsByItsToken_AndAnotherFollows()
    {
        var (begun, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        using var stop = new CancellationTokenSource();
        var turns = 0;
        var scheduler = new TurnScheduler(async (_, ended) =>
        {
            if (++turns == 1)
            {
                begun.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ended);
            }

            second.TrySetResult();
            return TurnOutcome.Idle;
        }, (_, exception) => throw exception, TimeProvider.System, stop.Token);
        scheduler.Signal("a");
        await begun.Task.WaitAsync(Patience);
        scheduler.Interrupt("a");
        await second.Task.WaitAsync(Patience);
        await scheduler.DrainAsync().WaitAsync(Patience);
        Assert.InRange(turns, 2, 3);
    }

    [Fact]
    public async Task Turn_ThatRunsWhenWorkStops_EndsByItsToken_AndNoneFollows()
    {
        var begun = new TaskCompletionSource();
        using var stop = new CancellationTokenSource();
        var turns = 0;
        var scheduler = new TurnScheduler(async (_, ended) =>
        {
            turns++;
            begun.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ended);
            return TurnOutcome.Worked;
        }, (_, exception) => throw exception, TimeProvider.System, stop.Token);
        scheduler.Signal("a");
        await begun.Task.WaitAsync(Patience);
        await stop.CancelAsync();
        await scheduler.DrainAsync().WaitAsync(Patience);
        scheduler.Signal("a");
        await scheduler.DrainAsync().WaitAsync(Patience);
        Assert.Equal(1, turns);
    }

    [Fact]
    public async Task Turn_ThatFaults_IsTakenAgainAfterASecond()
    {
        var time = new FakeTimeProvider();
        var faults = new ConcurrentQueue<string>();
        var turns = 0;
        using var stop = new CancellationTokenSource();
        var scheduler = new TurnScheduler((_, _) => ++turns == 1 ? throw new IOException("full") : Task.FromResult(TurnOutcome.Idle),
            (key, fault) => faults.Enqueue($"{key}: {fault.Message}"), time, stop.Token);
        scheduler.Signal("a");
        await scheduler.DrainAsync().WaitAsync(Patience);
        Assert.Equal((1, "a: full"), (turns, Assert.Single(faults)));
        time.Advance(TimeSpan.FromMilliseconds(900));
        await scheduler.DrainAsync().WaitAsync(Patience);
        Assert.Equal(1, turns);
        time.Advance(TimeSpan.FromMilliseconds(200));
        await scheduler.DrainAsync().WaitAsync(Patience);
        Assert.Equal(2, turns);
    }

    [Fact]
    public async Task Turn_ThatHasNothingToDoUntilATime_IsTakenThen_AndNotBefore()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        var turns = 0;
        using var stop = new CancellationTokenSource();
        var scheduler = new TurnScheduler((_, _) =>
                Task.FromResult(++turns == 1 ? TurnOutcome.IdleUntil(DateTimeOffset.UnixEpoch.AddSeconds(30)) : TurnOutcome.Idle),
            (_, exception) => throw exception, time, stop.Token);
        scheduler.Signal("a");
        await scheduler.DrainAsync().WaitAsync(Patience);
        time.Advance(TimeSpan.FromSeconds(29));
        await scheduler.DrainAsync().WaitAsync(Patience);
        Assert.Equal(1, turns);
        time.Advance(TimeSpan.FromSeconds(2));
        await scheduler.DrainAsync().WaitAsync(Patience);
        Assert.Equal(2, turns);
        time.Advance(TimeSpan.FromDays(100));
        await scheduler.DrainAsync().WaitAsync(Patience);
        Assert.Equal(2, turns);
    }

    [Fact]
    public void WakeUps_InAnyOrderOfSetting_ComeInTheirOwn()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        var woken = new List<string>();
        using var wakeUps = new WakeUps(time, woken.Add);
        wakeUps.Set("late", DateTimeOffset.UnixEpoch.AddHours(5));
        wakeUps.Set("soon", DateTimeOffset.UnixEpoch.AddSeconds(5));
        wakeUps.Set("never", DateTimeOffset.UnixEpoch.AddSeconds(1));
        wakeUps.Set("never", null);
        wakeUps.Set("moved", DateTimeOffset.UnixEpoch.AddSeconds(2));
        wakeUps.Set("moved", DateTimeOffset.UnixEpoch.AddSeconds(9));
        time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(["soon"], woken);
        time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(["soon", "moved"], woken);
        time.Advance(TimeSpan.FromHours(6));
        Assert.Equal(["soon", "moved", "late"], woken);
        Assert.Equal(0, wakeUps.Count);
    }

    /// <summary>A machine that slept, or whose clock was set: a timer does not count that.</summary>
    [Fact]
    public void WakeUps_ClockThatJumps_IsNoticedWithinAMinute()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        var woken = new List<string>();
        using var wakeUps = new WakeUps(time, woken.Add);
        wakeUps.Set("a", DateTimeOffset.UnixEpoch.AddHours(1));
        time.AdjustTime(DateTimeOffset.UnixEpoch.AddHours(2));
        Assert.Empty(woken);
        time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(["a"], woken);
    }
}
