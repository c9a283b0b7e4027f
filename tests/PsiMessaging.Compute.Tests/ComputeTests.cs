using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.Testing;

namespace PsiMessaging.Compute.Tests;

/// <summary>The compute key and what is sealed under it.</summary>
public sealed class SealedFrameTests : IDisposable
{
    private const string Id = "0123456789abcdef0123456789abcdef";
    private static readonly ComputeReady Ready = new(Id, 3, 1, []);
    private readonly TempFolder _folder = new();

    private ComputeKey Key(string name) =>
        ComputeKey.LoadOrCreate(ParticipantHome.Create(Path.Combine(_folder.Path, name), new ParticipantConfig { Name = name, Role = ParticipantRole.Party }));

    [Fact]
    public void Frame_Sealed_OpensUnderTheSameKeyAndDirectionOnly()
    {
        using var key = Key("P1");
        using var other = Key("P2");
        var frame = SealedFrame.Seal(key, toWorkers: true, Ready, new byte[] { 1, 2 }, new byte[] { 3 });
        var (message, body) = SealedFrame.Open(key, toWorkers: true, frame);
        Assert.Equal((Id, 3, 1), Assert.IsType<ComputeReady>(message) is var read ? (read.WorkerId, read.Cores, read.Beat) : default);
        Assert.Equal([1, 2, 3], body.ToArray());
        Assert.Throws<RejectedEnvelopeException>(() => SealedFrame.Open(key, toWorkers: false, frame));
        Assert.Throws<RejectedEnvelopeException>(() => SealedFrame.Open(other, toWorkers: true, frame));
    }

    [Fact]
    public void Frame_AlteredOrCutAnywhere_IsRefused()
    {
        using var key = Key("P1");
        var frame = SealedFrame.Seal(key, toWorkers: true, Ready, new byte[] { 1, 2, 3 });
        for (var i = 0; i < frame.Length; i++)
        {
            var altered = frame.ToArray();
            altered[i] ^= 1;
            Assert.Throws<RejectedEnvelopeException>(() => SealedFrame.Open(key, toWorkers: true, altered));
            Assert.Throws<RejectedEnvelopeException>(() => SealedFrame.Open(key, toWorkers: true, frame.AsSpan(0, i)));
        }
    }

    [Fact]
    public void Frame_SameMessageTwice_SharesNoBytes()
    {
        using var key = Key("P1");
        var (one, two) = (SealedFrame.Seal(key, true, Ready, new byte[64]),
            SealedFrame.Seal(key, true, Ready, new byte[64]));
        // Magic and run are the same; nothing behind them is.
        var head = 4 + RunName.SizeBytes;
        Assert.Empty(one.Skip(head).Chunk(16).Select(Convert.ToHexString).Intersect(two.Skip(head).Chunk(16).Select(Convert.ToHexString)));
    }

    [Fact]
    public void Key_OfAHome_StaysAndFollowsItsQueues()
    {
        using var home = ParticipantHome.Create(Path.Combine(_folder.Path, "home"), new ParticipantConfig { Name = "P1", Role = ParticipantRole.Party });
        using var first = ComputeKey.LoadOrCreate(home);
        Assert.Equal(("psi.p1.compute.v1", "psi.p1.computed.v1"), (first.JobQueue.Name, first.ResultQueue.Name));
        home.Override(config => config with { QueuePrefix = "other" });
        using var second = ComputeKey.LoadOrCreate(home);
        Assert.Equal("other.p1.compute.v1", second.JobQueue.Name);
        using var loaded = ComputeKey.Load(ComputeKey.PathIn(home));
        SealedFrame.Open(loaded, true, SealedFrame.Seal(first, true, Ready));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(ComputeKey.PathIn(home)));
        }
    }

    [Fact]
    public void Key_BadFile_IsNamedInOneLine()
    {
        Assert.Contains("does not exist",
            Assert.Throws<ParticipantException>(() => ComputeKey.Load(Path.Combine(_folder.Path, "none"))).Message, StringComparison.Ordinal);
        var path = _folder.Write("bad.key", "{\"party\":\"P1\",\"queuePrefix\":\"psi\",\"key\":\"AAAA\"}");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        Assert.Contains("can be read or changed by others", Assert.Throws<ParticipantException>(() => ComputeKey.Load(path)).Message, StringComparison.Ordinal);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.Contains("cannot be read as a compute key", Assert.Throws<ParticipantException>(() => ComputeKey.Load(path)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}

/// <summary>Who evaluates a batch, and what happens when a worker goes away.</summary>
public sealed class DistributedEvaluatorTests : IAsyncDisposable
{
    private static readonly byte[] Items = [1, 0, 0, 0, 65, 1, 0, 0, 0, 66];
    private readonly TempFolder _folder = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly Wire _wire = new();
    private readonly WorkerRuns _worker;
    private long _beat;
    private readonly SecretBytes _secret = SecretBytes.CopyOf([7, .. new byte[31]]);
    private readonly ComputeKey _key;
    private readonly ParticipantHome _home;
    private readonly DistributedEvaluator _evaluator;

    public DistributedEvaluatorTests()
    {
        _home = ParticipantHome.Create(Path.Combine(_folder.Path, "p1"), new ParticipantConfig { Name = "P1", Role = ParticipantRole.Party });
        _key = ComputeKey.LoadOrCreate(_home);
        _worker = new WorkerRuns(_time);
        _evaluator = NewEvaluator();
    }

    private DistributedEvaluator NewEvaluator() => new(ComputeKey.LoadOrCreate(_home), _wire, 1, _time, NullLogger.Instance);

    private IEnumerable<byte[]> Jobs => _wire.Frames.Where(sent => sent.Queue == "psi.p1.compute.v1").Select(sent => sent.Frame);

    private byte[] Beat() => SealedFrame.Seal(_key, toWorkers: false, _worker.Ready(2, ++_beat));

    /// <summary>As a compute worker does: says that it is there, takes the key it is sent, and says that.</summary>
    private async Task ReadyAsync(DistributedEvaluator? evaluator = null)
    {
        await (evaluator ?? _evaluator).ReceiveAsync(Beat());
        foreach (var (_, frame) in _wire.Frames.Where(sent => sent.Queue == $"psi.p1.worker.{_worker.WorkerId}"))
        {
            Assert.True(_worker.Take((ComputeRun)SealedFrame.Open(_key, toWorkers: true, frame).Message));
        }

        await (evaluator ?? _evaluator).ReceiveAsync(Beat());
    }

    private async Task<(EvaluateBatch Job, ReadOnlyMemory<byte> Body, RunKey Run)> OpenAsync(byte[] frame)
    {
        var run = (await _worker.FindAsync(SealedFrame.NameOf(frame)))!;
        var (message, body) = SealedFrame.Open(run, toWorkers: true, frame);
        return ((EvaluateBatch)message, body, run);
    }

    private EvaluationRequest Request() => new(EvaluationKind.EcdhMask, "tag"u8.ToArray(), _secret, Items, 64);

    private Task<byte[]> EvaluateAsync() => _evaluator.EvaluateAsync("s", 1, 0, Request(), CancellationToken.None);

    private async Task<byte[]> ExpectedAsync()
    {
        using var threads = new ComputeThreads(1);
        return await Evaluator.EvaluateAsync(Request(), threads, CancellationToken.None);
    }

    [Fact]
    public async Task NoWorkers_IsDoneHere()
    {
        Assert.Equal(await ExpectedAsync(), await EvaluateAsync());
        Assert.Empty(_wire.Frames);
        Assert.Equal((true, false), (_evaluator.HasRoom(1), _evaluator.HasRoom(2)));
    }

    [Fact]
    public async Task Worker_GetsTheJobSealedAndItsResultCounts()
    {
        await ReadyAsync();
        Assert.True(_evaluator.HasRoom(7));
        var pending = EvaluateAsync();
        var frame = Assert.Single(Jobs);
        Assert.False(frame.AsSpan().IndexOf(Items) >= 0);
        var (job, body, run) = await OpenAsync(frame);
        Assert.Equal(Items, body[(job.ParametersSize + job.SecretSize)..].ToArray());
        Assert.False(pending.IsCompleted);

        // Results of other jobs, and repeats, change nothing.
        await _evaluator.ReceiveAsync(SealedFrame.Seal(run, toWorkers: false, new BatchEvaluated(new string('f', 32)), new byte[] { 1 }));
        await _evaluator.ReceiveAsync(SealedFrame.Seal(run, toWorkers: false, new BatchEvaluated(job.JobId), Enumerable.Repeat((byte)5, 64).ToArray()));
        await _evaluator.ReceiveAsync(SealedFrame.Seal(run, toWorkers: false, new BatchEvaluated(job.JobId), new byte[64]));
        Assert.Equal(Enumerable.Repeat((byte)5, 64), await pending);
    }

    [Fact]
    public async Task Job_HasTheSameNameAfterARestartAndAnotherForOtherContent()
    {
        await ReadyAsync();
        string Name(EvaluationRequest request, int sequence) => DistributedEvaluator.IdOf("s", 1, sequence, request);
        Assert.Equal(Name(Request(), 0), Name(Request(), 0));
        Assert.NotEqual(Name(Request(), 0), Name(Request(), 1));
        Assert.NotEqual(Name(Request(), 0), Name(Request() with { Input = new byte[] { 0, 0, 0, 0 } }, 0));
        Assert.NotEqual(Name(Request(), 0), Name(Request() with { Parameters = "other"u8.ToArray() }, 0));
    }

    [Fact]
    public async Task SilentWorker_ItsJobsAreDoneHere()
    {
        await ReadyAsync();
        var pending = EvaluateAsync();
        Assert.Single(Jobs);
        for (var second = 0; second < 8; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(await ExpectedAsync(), await pending.WaitAsync(TestNetwork.Patience));
        Assert.Equal(0, _evaluator.Workers);
    }

    [Fact]
    public async Task WorkerThatTakesJobsAndNeverAnswers_IsNotWaitedForForEver()
    {
        await ReadyAsync();
        var pending = EvaluateAsync();
        for (var second = 0; second < DistributedEvaluator.JobPatience.TotalSeconds + 2 && !pending.IsCompleted; second += 2)
        {
            _time.Advance(TimeSpan.FromSeconds(2));
            await ReadyAsync();
        }

        Assert.Equal(await ExpectedAsync(), await pending.WaitAsync(TestNetwork.Patience));
    }

    [Fact]
    public async Task QueueGoneOrBrokerAway_IsDoneHere()
    {
        await ReadyAsync();
        _wire.Send = _ => throw new UnroutableException("gone");
        Assert.Equal(await ExpectedAsync(), await EvaluateAsync());
        _wire.Send = _ => Task.FromException(new InvalidOperationException("the connection is closed"));
        Assert.Equal(await ExpectedAsync(), await EvaluateAsync());

        // A send that never ends: the workers are silent too, and the job is taken back.
        _wire.Send = cancellation => Task.Delay(Timeout.InfiniteTimeSpan, _time, cancellation);
        var pending = EvaluateAsync();
        for (var second = 0; second < 8; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(await ExpectedAsync(), await pending.WaitAsync(TestNetwork.Patience));
    }

    /// <summary>A worker that fails, or answers with something else, is not believed: the batch is evaluated here, and only what is seen here counts.</summary>
    [Theory]
    [InlineData(FailureCodes.BadBatch)]
    [InlineData(FailureCodes.Internal)]
    [InlineData(null)]
    public async Task WorkerThatFails_IsNotBelieved(string? code)
    {
        await ReadyAsync();
        var pending = EvaluateAsync();
        var (job, _, run) = await OpenAsync(Jobs.Single());
        await _evaluator.ReceiveAsync(SealedFrame.Seal(run, toWorkers: false, new BatchEvaluated(job.JobId, code, code), new byte[code is null ? 63 : 0]));
        Assert.Equal(await ExpectedAsync(), await pending);
    }

    [Fact]
    public async Task BadElement_EndsAsItWouldHere()
    {
        await ReadyAsync();
        var pending = _evaluator.EvaluateAsync("s", 1, 0,
            new EvaluationRequest(EvaluationKind.EcdhRemask, (byte[])[10, 1], _secret, new byte[32], 10), CancellationToken.None);
        var (job, _, run) = await OpenAsync(Jobs.Single());
        await _evaluator.ReceiveAsync(SealedFrame.Seal(run, toWorkers: false, new BatchEvaluated(job.JobId, FailureCodes.BadBatch, "a bad element")));
        Assert.Equal(FailureCodes.BadBatch, (await Assert.ThrowsAsync<ProtocolViolationException>(() => pending)).Code);
    }

    [Fact]
    public async Task ReplayedAnnouncement_BringsNoWorkerBack()
    {
        await ReadyAsync();
        var frame = Beat();
        await _evaluator.ReceiveAsync(frame);
        Assert.Equal(1, _evaluator.Workers);
        for (var second = 0; second < 9; second++)
        {
            await _evaluator.ReceiveAsync(frame);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(0, _evaluator.Workers);
    }

    [Fact]
    public async Task ForgedFrames_AreRefused()
    {
        await Assert.ThrowsAsync<RejectedEnvelopeException>(() => _evaluator.ReceiveAsync("PSW2 forged"u8.ToArray()));
        await Assert.ThrowsAsync<RejectedEnvelopeException>(() =>
            _evaluator.ReceiveAsync(SealedFrame.Seal(_key, toWorkers: true, _worker.Ready(1, 1))));

        // Under the right key, as somebody who has stolen it could: ids and keys that are none become no queue, and no key.
        foreach (var ready in new[]
        {
            _worker.Ready(1, 1) with { Key = [] }, _worker.Ready(1, 2) with { Key = new byte[5000] }, _worker.Ready(1, 3) with { WorkerId = "../x" },
            _worker.Ready(1, 4) with { WorkerId = new string('Z', 32) },
        })
        {
            await Assert.ThrowsAsync<RejectedEnvelopeException>(() => _evaluator.ReceiveAsync(SealedFrame.Seal(_key, toWorkers: false, ready)));
        }

        Assert.Equal((0, 0), (_evaluator.Workers, _wire.Frames.Count));
        _beat = 10;
        await ReadyAsync();
        var word = (ComputeRun)SealedFrame.Open(_key, toWorkers: true, _wire.Frames.Single().Frame).Message;
        foreach (var altered in new[]
        {
            word with { RunId = "x" }, word with { RunId = new string('a', 32) }, word with { StartedAt = 0 }, word with { WorkerId = new string('b', 32) },
            word with { Encapsulation = [] }, word with { Encapsulation = new byte[1120] },
            word with { SealedKey = [] }, word with { SealedKey = new byte[48] },
        })
        {
            Assert.False(_worker.Take(altered));
        }
    }

    /// <summary>What is under the compute key are words about keys: a job or a result under it is nobody's.</summary>
    [Fact]
    public async Task WhoeverHoldsTheComputeKey_OpensNoRecordedJob_AndSendsNoResult()
    {
        await ReadyAsync();
        var pending = EvaluateAsync();
        var frame = Assert.Single(Jobs);
        foreach (var (_, recorded) in _wire.Frames)
        {
            // All it gets out of everything that was sent are keys under a worker's key that nobody has stored.
            if (SealedFrame.NameOf(recorded) == RunName.None)
            {
                using var other = new WorkerRuns(_time);
                var word = Assert.IsType<ComputeRun>(SealedFrame.Open(_key, toWorkers: true, recorded).Message);
                Assert.False(other.Take(word));
                Assert.False(other.Take(word with { WorkerId = other.WorkerId }));
            }
            else
            {
                Assert.Throws<RejectedEnvelopeException>(() => SealedFrame.Open(_key, toWorkers: true, recorded));
            }
        }

        var (job, _, _) = await OpenAsync(frame);
        await Assert.ThrowsAsync<RejectedEnvelopeException>(() =>
            _evaluator.ReceiveAsync(SealedFrame.Seal(_key, toWorkers: false, new BatchEvaluated(job.JobId), new byte[64])));
        Assert.False(pending.IsCompleted);
    }

    /// <summary>The party's worker starts anew: its compute workers get the new run's key, and what was of the old run is over.</summary>
    [Fact]
    public async Task AnotherRun_HasAnotherKey_AndJobsOfTheOldOneAreOver()
    {
        await ReadyAsync();
        var pending = EvaluateAsync();
        var old = Assert.Single(Jobs);
        var (job, _, run) = await OpenAsync(old);
        var result = SealedFrame.Seal(run, toWorkers: false, new BatchEvaluated(job.JobId), new byte[64]);
        _wire.Frames.Clear();
        await using var next = NewEvaluator();
        await ReadyAsync(next);
        Assert.Equal(1, next.Workers);
        Assert.True(_worker.IsOver(SealedFrame.NameOf(old)));
        var waiting = next.EvaluateAsync("s", 1, 0, Request(), CancellationToken.None);
        await next.ReceiveAsync(result);
        Assert.False(waiting.IsCompleted || pending.IsCompleted);
        Assert.NotEqual(SealedFrame.NameOf(old), SealedFrame.NameOf(Assert.Single(Jobs)));
    }

    /// <summary>An old word about a run, repeated: the party hears that its worker has another run's key, and sends its own again.</summary>
    [Fact]
    public async Task WhoeverRunsTheBroker_RepeatsAnOldKey_TheWorkerIsGivenTheRightOneAgain()
    {
        await ReadyAsync();
        var replayed = _wire.Frames.Single().Frame;
        await using var next = NewEvaluator();
        _wire.Frames.Clear();
        await ReadyAsync(next);
        Assert.True(_worker.Take((ComputeRun)SealedFrame.Open(_key, toWorkers: true, replayed).Message));
        _wire.Frames.Clear();
        await ReadyAsync(next);
        _ = next.EvaluateAsync("s", 1, 0, Request(), CancellationToken.None);
        Assert.NotNull(await _worker.FindAsync(SealedFrame.NameOf(Assert.Single(Jobs))));
    }

    [Fact]
    public async Task JobThatComesBeforeItsKey_WaitsForIt_AndNotForEver()
    {
        await ReadyAsync();
        _ = EvaluateAsync();
        using var late = new WorkerRuns(_time);
        var name = SealedFrame.NameOf(Assert.Single(Jobs));
        var waiting = late.FindAsync(name);
        Assert.False(waiting.IsCompleted);
        await _evaluator.ReceiveAsync(SealedFrame.Seal(_key, toWorkers: false, late.Ready(1, 1)));
        var word = _wire.Frames.Single(sent => sent.Queue == $"psi.p1.worker.{late.WorkerId}").Frame;
        Assert.True(late.Take((ComputeRun)SealedFrame.Open(_key, toWorkers: true, word).Message));
        Assert.NotNull(await waiting.WaitAsync(TestNetwork.Patience));

        var never = late.FindAsync(name with { StartedAt = long.MaxValue });
        _time.Advance(WorkerRuns.KeyPatience + TimeSpan.FromMilliseconds(1));
        Assert.Null(await never.WaitAsync(TestNetwork.Patience));
    }

    [Fact]
    public async Task SessionEnds_NobodyWaitsAnyMore()
    {
        await ReadyAsync();
        using var ended = new CancellationTokenSource();
        var pending = _evaluator.EvaluateAsync("s", 1, 0, Request(), ended.Token);
        await ended.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pending);
    }

    public async ValueTask DisposeAsync()
    {
        await _evaluator.DisposeAsync();
        _worker.Dispose();
        _key.Dispose();
        _home.Dispose();
        _secret.Dispose();
        _folder.Dispose();
    }

    private sealed class Wire : IEnvelopeSender
    {
        public ConcurrentQueue<(string Queue, byte[] Frame)> Frames { get; } = new();

        public Func<CancellationToken, Task> Send { get; set; } = _ => Task.CompletedTask;

        public Task SendAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation)
        {
            Frames.Enqueue((queue.Name, frame.ToArray()));
            return SendAsync(cancellation);
        }

        private async Task SendAsync(CancellationToken cancellation) => await Send(cancellation);
    }
}
