using Microsoft.Extensions.Logging;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.WorkerHost;

/// <summary>
/// Tells people what keeps a worker from its work: in the log at once and once a minute, and in the home's
/// state, where <c>psi status</c> and <c>psi sessions</c> find it.
/// </summary>
public sealed partial class WorkerHealth(IParticipantStore store, TimeProvider time, ILogger log)
{
    private const string Kind = "worker";
    private const string Id = "broker";
    private static readonly TimeSpan SayAgain = TimeSpan.FromMinutes(1);

    /// <summary>What the home's worker says is wrong, if anything.</summary>
    public static string? ProblemOf(IStoreReader state) => state.FindDocument(Kind, Id);

    /// <summary>Looks about once a second until it is stopped.</summary>
    /// <param name="problem">What is wrong, in one line; null when nothing is.</param>
    /// <param name="stop">Stops looking.</param>
    public async Task WatchAsync(Func<string?> problem, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        string? said = null;
        var saidAt = DateTimeOffset.MinValue;
        Store(null);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                var now = time.GetUtcNow();
                var current = problem();
                if (current != said)
                {
                    Store(current);
                }

                if (current is not null && (current != said || now - saidAt > SayAgain))
                {
                    LogProblem(current);
                    saidAt = now;
                }
                else if (current is null && said is not null)
                {
                    LogWell();
                }

                said = current;
            }
        }
        catch (OperationCanceledException)
        {
            Store(null);
        }
    }

    private void Store(string? problem)
    {
        try
        {
            store.Write(transaction =>
            {
                if (problem is null)
                {
                    transaction.DeleteDocument(Kind, Id);
                }
                else
                {
                    transaction.PutDocument(Kind, Id, problem);
                }
            });
        }
        catch (Exception exception)
        {
            // A disk that is full is said by who needs it more.
            LogNotStored(exception.GetType().Name);
        }
    }

    [LoggerMessage(EventId = 3, Level = LogLevel.Warning, Message = "{Problem}")]
    private partial void LogProblem(string problem);

    [LoggerMessage(EventId = 4, Level = LogLevel.Information, Message = "The broker serves again")]
    private partial void LogWell();

    [LoggerMessage(EventId = 5, Level = LogLevel.Warning, Message = "The state of the worker could not be written down: {Fault}")]
    private partial void LogNotStored(string fault);
}
