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
    private readonly TempFolder _folder = new();

    private ComputeKey Key(string name) =>
        ComputeKey.LoadOrCreate(ParticipantHome.Create(Path.Combine(_folder.Path, name), new ParticipantConfig { Name = name, Role = ParticipantRole.Party }));

    [Fact]
    public void Frame_Sealed_OpensUnderTheSameKeyAndDirectionOnly()
    {
        using var key = Key("P1");
        using var other = Key("P2");
        var frame = SealedFrame.Seal(key, toWorkers: true, new ComputeReady(Id, 3, 1), new byte[] { 1, 2 }, new byte[] { 3 });
        var (message, body) = SealedFrame.Open(key, toWorkers: true, frame);
        Assert.Equal(new ComputeReady(Id, 3, 1), message);
        Assert.Equal([1, 2, 3], body.ToArray());
        Assert.Throws<RejectedEnvelopeException>(() => SealedFrame.Open(key, toWorkers: false, frame));
        Assert.Throws<RejectedEnvelopeException>(() => SealedFrame.Open(other, toWorkers: true, frame));
    }

    [Fact]
    public void Frame_AlteredOrCutAnywhere_IsRefused()
    {
        using var key = Key("P1");
        var frame = SealedFrame.Seal(key, toWorkers: true, new ComputeReady(Id, 3, 1), new byte[] { 1, 2, 3 });
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
        var (one, two) = (SealedFrame.Seal(key, true, new ComputeReady(Id, 3, 1), new byte[64]),
            SealedFrame.Seal(key, true, new ComputeReady(Id, 3, 1), new byte[64]));
        Assert.Empty(one.Skip(4).Chunk(16).Select(Convert.ToHexString).Intersect(two.Skip(4).Chunk(16).Select(Convert.ToHexString)));
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
        SealedFrame.Open(loaded, true, SealedFrame.Seal(first, true, new ComputeReady(Id, 1, 1)));
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
    private const string Worker = "00000000000000000000000000000001";
    private static readonly byte[] Items = [1, 0, 0, 0, 65, 1, 0, 0, 0, 66];
    private readonly TempFolder _folder = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly Wire _wire = new();
    private long _beat;
    private readonly SecretBytes _secret = SecretBytes.CopyOf([7, .. new byte[31]]);
    private readonly ComputeKey _key;
    private readonly DistributedEvaluator _evaluator;

    public DistributedEvaluatorTests()
    {
        var home = ParticipantHome.Create(Path.Combine(_folder.Path, "p1"), new ParticipantConfig { Name = "P1", Role = ParticipantRole.Party });
        _key = ComputeKey.LoadOrCreate(home);
        _evaluator = new DistributedEvaluator(ComputeKey.LoadOrCreate(home), _wire, 1, _time, NullLogger.Instance);
    }

    private EvaluationRequest Request() => new(EvaluationKind.EcdhMask, "tag"u8.ToArray(), _secret, Items, 64);

    private Task<byte[]> EvaluateAsync() => _evaluator.EvaluateAsync("s", 1, 0, Request(), CancellationToken.None);

    private Task ReadyAsync() => _evaluator.ReceiveAsync(SealedFrame.Seal(_key, toWorkers: false, new ComputeReady(Worker, 2, ++_beat)));

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
        var (queue, frame) = Assert.Single(_wire.Frames);
        Assert.Equal("psi.p1.compute.v1", queue);
        Assert.False(frame.AsSpan().IndexOf(Items) >= 0);
        var (message, body) = SealedFrame.Open(_key, toWorkers: true, frame);
        var job = Assert.IsType<EvaluateBatch>(message);
        Assert.Equal(Items, body[(job.ParametersSize + job.SecretSize)..].ToArray());
        Assert.False(pending.IsCompleted);

        // Results of other jobs, and repeats, change nothing.
        await _evaluator.ReceiveAsync(SealedFrame.Seal(_key, toWorkers: false, new BatchEvaluated(new string('f', 32)), new byte[] { 1 }));
        await _evaluator.ReceiveAsync(SealedFrame.Seal(_key, toWorkers: false, new BatchEvaluated(job.JobId), Enumerable.Repeat((byte)5, 64).ToArray()));
        await _evaluator.ReceiveAsync(SealedFrame.Seal(_key, toWorkers: false, new BatchEvaluated(job.JobId), new byte[64]));
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
        Assert.Single(_wire.Frames);
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
        var job = (EvaluateBatch)SealedFrame.Open(_key, toWorkers: true, _wire.Frames.Single().Frame).Message;
        await _evaluator.ReceiveAsync(SealedFrame.Seal(_key, toWorkers: false, new BatchEvaluated(job.JobId, code, code), new byte[code is null ? 63 : 0]));
        Assert.Equal(await ExpectedAsync(), await pending);
    }

    [Fact]
    public async Task BadElement_EndsAsItWouldHere()
    {
        await ReadyAsync();
        var pending = _evaluator.EvaluateAsync("s", 1, 0,
            new EvaluationRequest(EvaluationKind.EcdhRemask, (byte[])[10, 1], _secret, new byte[32], 10), CancellationToken.None);
        var job = (EvaluateBatch)SealedFrame.Open(_key, toWorkers: true, _wire.Frames.Single().Frame).Message;
        await _evaluator.ReceiveAsync(SealedFrame.Seal(_key, toWorkers: false, new BatchEvaluated(job.JobId, FailureCodes.BadBatch, "a bad element")));
        Assert.Equal(FailureCodes.BadBatch, (await Assert.ThrowsAsync<ProtocolViolationException>(() => pending)).Code);
    }

    [Fact]
    public async Task ReplayedAnnouncement_BringsNoWorkerBack()
    {
        var frame = SealedFrame.Seal(_key, toWorkers: false, new ComputeReady(Worker, 2, 5));
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
        await Assert.ThrowsAsync<RejectedEnvelopeException>(() => _evaluator.ReceiveAsync("PSW1 forged"u8.ToArray()));
        await Assert.ThrowsAsync<RejectedEnvelopeException>(() =>
            _evaluator.ReceiveAsync(SealedFrame.Seal(_key, toWorkers: true, new ComputeReady(Worker, 1, 1))));
        Assert.Equal(0, _evaluator.Workers);
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
        _key.Dispose();
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
