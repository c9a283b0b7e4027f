using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Compute;

/// <summary>
/// Hands batches to the party's compute workers while there are any, and evaluates them in this process while there are none. Workers are known by the sealed
/// messages they send every two seconds, and each is given the key of this run, under which jobs are sealed. A job whose worker dies goes to another, by the
/// broker; one that no worker answers is done here. Nothing about jobs is on disk: after a restart of the party's worker, batches without a committed result
/// are evaluated again, to the same bytes.
/// </summary>
public sealed partial class DistributedEvaluator : IBatchEvaluator
{
    /// <summary>A worker that has been silent for so long is gone.</summary>
    internal static readonly TimeSpan WorkerSilence = TimeSpan.FromSeconds(7);
    /// <summary>A job without an answer for so long is done here, whatever the workers say.</summary>
    internal static readonly TimeSpan JobPatience = TimeSpan.FromMinutes(5);

    private const int JobsAWorker = 4;
    private const int MostJobs = 64;

    private readonly ComputeKey _key;
    private readonly RunKey _run;
    private readonly IEnvelopeSender _sender;
    private readonly LocalEvaluator _local;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, DateTimeOffset> _workers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _beats = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Job> _jobs = new(StringComparer.Ordinal);
    private readonly Task _watching;

    /// <param name="key">The party's compute key; owned from here on.</param>
    /// <param name="sender">The way out.</param>
    /// <param name="parallelism">Cores to use in this process while there are no workers.</param>
    /// <param name="time">Clock.</param>
    /// <param name="log">Log.</param>
    public DistributedEvaluator(ComputeKey key, IEnvelopeSender sender, int parallelism, TimeProvider time, ILogger log)
    {
        (_key, _sender, _time, _log) = (key, sender, time, log);
        _run = RunKey.Draw(time.GetUtcNow());
        _local = new LocalEvaluator(parallelism);
        _watching = WatchAsync();
    }

    /// <summary>Compute workers heard of lately.</summary>
    public int Workers => _workers.Count;

    /// <summary>
    /// Enough jobs for every worker to have one in hand and some waiting, so that the queue's length shows whether more workers would help; over all sessions.
    /// </summary>
    public bool HasRoom(int inHand) =>
        _workers.IsEmpty ? _local.HasRoom(inHand) : inHand == 0 || _jobs.Count < Math.Min(MostJobs, JobsAWorker * (_workers.Count + 1));

    /// <inheritdoc/>
    public async Task<byte[]> EvaluateAsync(string session, int round, int sequence, EvaluationRequest request, CancellationToken cancellation)
    {
        if (_workers.IsEmpty)
        {
            return await _local.EvaluateAsync(session, round, sequence, request, cancellation);
        }

        var id = IdOf(session, round, sequence, request);
        var job = new Job(request, _time.GetUtcNow(), cancellation);
        _jobs[id] = job;
        try
        {
            var message = new EvaluateBatch(id, session, round, sequence, request.Kind.ToString(), request.Parameters.Length, request.Secret.SizeBytes);
            var secret = request.Secret.Span.ToArray();
            var frame = SealedFrame.Seal(_run, toWorkers: true, message, request.Parameters, secret, request.Input);
            CryptographicOperations.ZeroMemory(secret);

            // A broker that is away may keep a send waiting; the job may be taken back meanwhile.
            var sending = _sender.SendAsync(_key.JobQueue, id, frame, cancellation);
            await Task.WhenAny(sending, job.Result.Task).WaitAsync(cancellation);
            if (sending.IsFaulted && job.TryTakeBack())
            {
                // The queue is gone, and with it every worker that served it; or the broker is.
                LogNotSent(id[..8], SendFault.Describe(sending.Exception.InnerException));
                return await _local.EvaluateAsync(session, round, sequence, request, cancellation);
            }

            return await job.Result.Task.WaitAsync(cancellation);
        }
        finally
        {
            _jobs.TryRemove(id, out _);
        }
    }

    /// <summary>Takes a frame from the queue of results.</summary>
    /// <exception cref="RejectedEnvelopeException">Not sealed under the party's compute key, or its run's.</exception>
    public Task ReceiveAsync(ReadOnlyMemory<byte> frame)
    {
        var name = SealedFrame.NameOf(frame.Span);
        if (name != RunName.None && name != _run.Name)
        {
            // A result for a worker of this party's that has ended: nobody waits for it.
            return Task.CompletedTask;
        }

        var (message, body) = SealedFrame.Open(name == RunName.None ? _key : _run, toWorkers: false, frame.Span);
        return name == RunName.None
            ? message is ComputeReady ready && ParticipantNames.IsId(ready.WorkerId) ? HearAsync(ready) : throw Misplaced()
            : Take(message, body);
    }

    /// <summary>A worker that has the key of this run takes jobs; to one that has not it is sent.</summary>
    private Task HearAsync(ComputeReady ready)
    {
        // A beat that was heard before is a replay: it does not bring a worker back.
        if (_beats.TryGetValue(ready.WorkerId, out var beat) && ready.Beat <= beat)
        {
            return Task.CompletedTask;
        }

        _beats[ready.WorkerId] = ready.Beat;
        if (ready.RunId != _run.Name.Id)
        {
            return HandOverAsync(ready);
        }

        if (_workers.TryAdd(ready.WorkerId, _time.GetUtcNow()))
        {
            LogWorker(ready.WorkerId[..8], ready.Cores, _workers.Count);
        }

        _workers[ready.WorkerId] = _time.GetUtcNow();
        return Task.CompletedTask;
    }

    private async Task HandOverAsync(ComputeReady ready)
    {
        if (_run.TryFor(ready.WorkerId, ready.Key) is not { } word)
        {
            throw new RejectedEnvelopeException("a compute worker with a key that is none");
        }

        using var limit = new CancellationTokenSource(WorkerSilence, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stop.Token);
        try
        {
            await _sender.SendAsync(
                _key.KeyQueueOf(ready.WorkerId), ParticipantNames.NewId(), SealedFrame.Seal(_key, toWorkers: true, word), either.Token);
        }
        catch (Exception exception) when (exception is UnroutableException or SendRefusedException or OperationCanceledException)
        {
            // It has gone again, or may not be written to; it asks once more in two seconds.
            LogNoKey(ready.WorkerId[..8], SendFault.Describe(exception));
        }
    }

    private static RejectedEnvelopeException Misplaced() => new("a message that does not belong on the queue of results");

    private Task Take(object message, ReadOnlyMemory<byte> body)
    {
        switch (message)
        {
            case BatchEvaluated { Code: null } done when _jobs.TryGetValue(done.JobId, out var job) && body.Length == job.Request.ResultSizeBytes:
                job.Result.TrySetResult(body.ToArray());
                break;
            case BatchEvaluated failed when _jobs.TryGetValue(failed.JobId, out var job):
                // The peer is accused, or the session ended, only of what this process has seen itself.
                LogFailed(failed.JobId[..8], failed.Code ?? "a result of the wrong length");
                if (job.TryTakeBack())
                {
                    _ = DoHereAsync(job);
                }

                break;
            case BatchEvaluated:
                // Done twice, or of a session that has ended.
                break;
            default:
                throw Misplaced();
        }

        return Task.CompletedTask;
    }

    /// <summary>Names a job by everything that decides its result but the secret, which follows from session and round.</summary>
    internal static string IdOf(string session, int round, int sequence, EvaluationRequest request)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{session}/{round}/{sequence}/{request.Kind}/{request.Parameters.Length}/"));
        hash.AppendData(request.Parameters.Span);
        hash.AppendData(request.Input.Span);
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    private async Task WatchAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                Look();
            }
        }
        catch (OperationCanceledException)
        {
            // The worker stops.
        }
    }

    private void Look()
    {
        var now = _time.GetUtcNow();
        foreach (var (worker, _) in _workers.Where(entry => now - entry.Value > WorkerSilence))
        {
            _workers.TryRemove(worker, out _);
            LogGone(worker[..8], _workers.Count);
        }

        if (_jobs.Values.Any(job => now - job.Since > JobPatience))
        {
            // They say that they take jobs, and do not: whoever still does will say so again.
            _workers.Clear();
        }

        foreach (var (id, job) in _jobs)
        {
            if ((_workers.IsEmpty || now - job.Since > JobPatience) && job.TryTakeBack())
            {
                LogTakenBack(id[..8]);
                _ = DoHereAsync(job);
            }
        }
    }

    private async Task DoHereAsync(Job job)
    {
        try
        {
            job.Result.TrySetResult(await _local.EvaluateAsync("", 0, 0, job.Request, job.Cancellation));
        }
        catch (Exception exception)
        {
            job.Result.TrySetException(exception);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        await _local.DisposeAsync();
        _key.Dispose();
        _run.Dispose();
        _stop.Dispose();
    }

    private sealed class Job(EvaluationRequest request, DateTimeOffset since, CancellationToken cancellation)
    {
        private int _taken;

        public EvaluationRequest Request => request;

        public DateTimeOffset Since => since;

        public CancellationToken Cancellation => cancellation;

        public TaskCompletionSource<byte[]> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool TryTakeBack() => Interlocked.Exchange(ref _taken, 1) == 0;
    }

    [LoggerMessage(EventId = 500, Level = LogLevel.Information, Message = "Compute worker {Worker} with {Cores} cores takes jobs; {Count} in all")]
    private partial void LogWorker(string worker, int cores, int count);

    [LoggerMessage(EventId = 505, Level = LogLevel.Warning, Message = "Compute worker {Worker} could not be given the key of this run: {Fault}")]
    private partial void LogNoKey(string worker, string fault);

    [LoggerMessage(EventId = 501, Level = LogLevel.Warning, Message = "Compute worker {Worker} is silent; {Count} left")]
    private partial void LogGone(string worker, int count);

    [LoggerMessage(EventId = 504, Level = LogLevel.Warning, Message = "Job {Job} failed at a compute worker and is evaluated here: {Fault}")]
    private partial void LogFailed(string job, string fault);

    [LoggerMessage(EventId = 503, Level = LogLevel.Information,
        Message = "Job {Job} could not be handed to the compute workers and was evaluated here: {Fault}")]
    private partial void LogNotSent(string job, string fault);

    [LoggerMessage(EventId = 502, Level = LogLevel.Information, Message = "Job {Job} is evaluated here, because no compute worker answered")]
    private partial void LogTakenBack(string job);
}
