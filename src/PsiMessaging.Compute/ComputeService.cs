using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Messaging;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.WorkerHost;

namespace PsiMessaging.Compute;

/// <summary>
/// A compute worker: takes jobs from the party's queue beside others of its kind, evaluates them, sends the results back. It keeps nothing: a job is
/// acknowledged once its result is with the broker, so a worker may be killed at any moment, and started and stopped as the load asks.
/// </summary>
public sealed partial class ComputeService : WorkerService
{
    private static readonly TimeSpan ReadyInterval = TimeSpan.FromSeconds(2);
    private readonly ComputeKey _key;
    private readonly ComputeThreads _threads;
    private readonly MessageBus _bus;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly WorkerRuns _runs;
    private long _beat;

    /// <param name="key">The party's compute key; stays owned by the caller.</param>
    /// <param name="broker">Where the queues are.</param>
    /// <param name="parallelism">Cores to use, 1 or more.</param>
    /// <param name="time">Clock.</param>
    /// <param name="log">Log.</param>
    public ComputeService(ComputeKey key, BrokerAddress broker, int parallelism, TimeProvider time, ILogger log)
    {
        (_key, _time, _log) = (key, time, log);
        _threads = new ComputeThreads(parallelism);
        _runs = new WorkerRuns(time);

        // One job in work and one at hand; the rest stay on the queue, for others and for whoever counts them.
        _bus = MessageBus.RabbitMq(broker,
            [new Inbox(key.JobQueue, EvaluateAsync) { Prefetch = 2, Concurrency = 2, MessageLifetime = DistributedEvaluator.JobPatience }], time, log);
    }

    /// <inheritdoc/>
    public override bool IsReady => _bus.IsReady;

    /// <inheritdoc/>
    public override string? Problem => _bus.Problem;

    /// <inheritdoc/>
    protected override async Task ServeAsync(CancellationToken stop)
    {
        try
        {
            await _bus.StartAsync(patience: null, stop);
            await using var keys = await _bus.ListenAsync(_key.KeyQueueOf(_runs.WorkerId), frame => TakeKeyAsync(frame, stop), stop);
            LogServing(_key.Party, _key.JobQueue.Name, _threads.Count);
            using var timer = new PeriodicTimer(ReadyInterval, _time);
            do
            {
                await SendReadyAsync(stop);
            }
            while (await timer.WaitForNextTickAsync(stop));
        }
        finally
        {
            await _bus.DisposeAsync();
            _threads.Dispose();
            _runs.Dispose();
        }
    }

    /// <summary>Takes the key of a run, and says at once that it is here.</summary>
    private async Task TakeKeyAsync(ReadOnlyMemory<byte> frame, CancellationToken stop)
    {
        if (SealedFrame.Open(_key, toWorkers: true, frame.Span).Message is not ComputeRun word || !_runs.Take(word))
        {
            throw new RejectedEnvelopeException("a key that is not for this worker");
        }

        await SendReadyAsync(stop);
    }

    private async Task SendReadyAsync(CancellationToken stop)
    {
        try
        {
            var frame = SealedFrame.Seal(_key, toWorkers: false, _runs.Ready(_threads.Count, Interlocked.Increment(ref _beat)));
            await _bus.SendAsync(_key.ResultQueue, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), frame, stop, lifetime: ReadyInterval * 3);
        }
        catch (UnroutableException)
        {
            LogNoParty(_key.Party);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // The broker is away; the next one may arrive.
            LogFault(SendFault.Describe(exception));
        }
    }

    private async Task EvaluateAsync(ReadOnlyMemory<byte> frame)
    {
        if (SealedFrame.NameOf(frame.Span) is var name && _runs.IsOver(name))
        {
            // The party's worker that handed it out has ended.
            return;
        }

        var run = await _runs.FindAsync(name);
        (object Message, ReadOnlyMemory<byte> Body) opened;
        try
        {
            opened = SealedFrame.Open(run ?? throw new RejectedEnvelopeException("the key of its run has not come"), toWorkers: true, frame.Span);
        }
        catch (RejectedEnvelopeException)
        {
            LogForeignJob(_key.Party);
            throw;
        }

        if (opened.Message is not EvaluateBatch job || job.ParametersSize < 0 || job.SecretSize < 0
            || (long)job.ParametersSize + job.SecretSize > opened.Body.Length)
        {
            throw new RejectedEnvelopeException("a job whose lengths do not fit");
        }

        if (!Enum.TryParse<EvaluationKind>(job.Kind, out var kind))
        {
            // From a party of another version: told at once, it computes the batch itself.
            await _bus.SendAsync(_key.ResultQueue, job.JobId, SealedFrame.Seal(run, toWorkers: false,
                new BatchEvaluated(job.JobId, FailureCodes.Unsupported, "the worker is of another version")), CancellationToken.None);
            return;
        }

        var secretBytes = opened.Body.Slice(job.ParametersSize, job.SecretSize);
        using var secret = SecretBytes.CopyOf(secretBytes.Span);
        var request = new EvaluationRequest(kind, opened.Body[..job.ParametersSize], secret, opened.Body[(job.ParametersSize + job.SecretSize)..], 0);
        BatchEvaluated outcome;
        byte[] result = [];
        try
        {
            result = await Evaluator.EvaluateAsync(request, _threads, CancellationToken.None);
            outcome = new BatchEvaluated(job.JobId);
        }
        catch (ProtocolViolationException violation)
        {
            outcome = new BatchEvaluated(job.JobId, violation.Code, violation.Message);
        }
        catch (Exception exception)
        {
            outcome = new BatchEvaluated(job.JobId, FailureCodes.Internal, exception.GetType().Name);
        }

        // Identifiers and the secret are in it.
        MemoryMarshal.AsMemory(opened.Body).Span.Clear();
        try
        {
            await _bus.SendAsync(_key.ResultQueue, job.JobId, SealedFrame.Seal(run, toWorkers: false, outcome, result), CancellationToken.None);
        }
        catch (ObjectDisposedException)
        {
            // The key has gone with its run, and with it who waits for this.
        }

        LogDone(job.SessionId, job.Round, job.Sequence, outcome.Code ?? "done");
    }

    [LoggerMessage(EventId = 510, Level = LogLevel.Information, Message = "Computes for {Party} from {Queue} on {Cores} cores")]
    private partial void LogServing(string party, string queue, int cores);

    [LoggerMessage(EventId = 511, Level = LogLevel.Information, Message = "Session {Session}: round {Round}, batch {Sequence}: {Outcome}")]
    private partial void LogDone(string session, int round, int sequence, string outcome);

    [LoggerMessage(EventId = 512, Level = LogLevel.Error,
        Message = "A job was refused: it is not sealed under a key that the worker of {Party} gave this one; is the key file the party's compute.key?")]
    private partial void LogForeignJob(string party);

    [LoggerMessage(EventId = 513, Level = LogLevel.Information, Message = "The worker of {Party} has not run on this broker yet")]
    private partial void LogNoParty(string party);

    [LoggerMessage(EventId = 514, Level = LogLevel.Warning, Message = "The party could not be told that this worker takes jobs: {Fault}")]
    private partial void LogFault(string fault);
}
