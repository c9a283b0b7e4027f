using Microsoft.Extensions.Logging;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Messaging;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Store;
using PsiMessaging.Storage;

namespace PsiMessaging.WorkerHost;

/// <summary>What makes a participant's worker a party's or a linker's.</summary>
public abstract class ParticipantParts
{
    /// <summary>The role its home must have.</summary>
    public abstract ParticipantRole Role { get; }

    /// <summary>Queues it serves beside its inbox; frames come only after <see cref="CreateParticipant"/>.</summary>
    public virtual IReadOnlyList<Inbox> ExtraInboxes(ParticipantHome home) => [];

    /// <summary>Makes the participant.</summary>
    public abstract Participant CreateParticipant(ParticipantHome home, IParticipantStore store,
        IEnvelopeSender sender, TimeProvider time, ILoggerFactory logs);
}

/// <summary>A participant's worker: waits for the broker, serves its inbox, ties bus, state and participant together.</summary>
public sealed partial class ParticipantService : WorkerService
{
    private readonly ParticipantHome _home;
    private readonly ParticipantParts _parts;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _log;
    private MessageBus? _bus;

    private ParticipantService(ParticipantHome home, ParticipantParts parts, TimeProvider time, ILoggerFactory logs)
    {
        (_home, _parts, _time, _logs, _log) = (home, parts, time, logs, logs.CreateLogger<ParticipantService>());
    }

    /// <inheritdoc/>
    public override bool IsReady => _bus is { IsReady: true };

    /// <inheritdoc/>
    public override string? Problem => _bus?.Problem;

    /// <summary>Runs a participant's worker until stopped.</summary>
    /// <param name="home">The participant's home; one worker at a time.</param>
    /// <param name="parts">Party or linker.</param>
    /// <param name="jsonLogs">Whether log lines are JSON.</param>
    /// <param name="cancellation">Stops the worker, besides SIGTERM and SIGINT.</param>
    /// <exception cref="ParticipantException">Another worker has the home, it is a home of the other role, or the broker refuses us.</exception>
    public static async Task RunAsync(ParticipantHome home, ParticipantParts parts, bool jsonLogs, CancellationToken cancellation)
    {
        if (home.Config.Role != parts.Role)
        {
            throw new ParticipantException(FailureCodes.WrongState, parts.Role == ParticipantRole.Party
                ? $"{home.Path} is a linker's home; run it with: psi linker run"
                : $"{home.Path} is a party's home; run it with: psi party run");
        }

        using var single = TakeHome(home);
        home.SweepParts();
        await Worker.RunAsync(new WorkerSurface(jsonLogs, home.Config.HealthPort, home.Config.HealthAddress),
            logs => new ParticipantService(home, parts, TimeProvider.System, logs), cancellation);
    }

    private static FileStream TakeHome(ParticipantHome home)
    {
        try
        {
            return PrivateFile.Open(Path.Combine(home.Path, "worker.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new ParticipantException(FailureCodes.WrongState, $"another worker runs on {home.Path} already", exception);
        }
    }

    /// <inheritdoc/>
    protected override async Task ServeAsync(CancellationToken stop)
    {
        using var store = new SqliteParticipantStore(_home.StatePath);
        Participant? participant = null;
        var bus = MessageBus.RabbitMq(
            BrokerAddress.Parse(_home.Config.Broker!, BrokerFiles.Of(_home.Config)),
            [new Inbox(_home.Inbox, frame => participant!.ReceiveAsync(frame)) { HasErrors = true }, .. _parts.ExtraInboxes(_home)], _time, _log);
        var health = new WorkerHealth(store, _time, _log);
        using var watch = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var watching = health.WatchAsync(() => bus.Problem ?? bus.Waiting, watch.Token);
        try
        {
            participant = _parts.CreateParticipant(_home, store, bus, _time, _logs);
            _bus = bus;
            await bus.StartAsync(patience: null, stop);
            participant.Start();
            LogServing(_home.Name, _home.Inbox.Name);
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            LogStopping(_home.Name);
        }
        finally
        {
            await watch.CancelAsync();
            await watching;

            // First the inbox, so that no new frame arrives; then the step in hand.
            await bus.DisposeAsync();
            if (participant is not null)
            {
                await participant.DisposeAsync();
            }
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "{Name} serves {Queue}")]
    private partial void LogServing(string name, string queue);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "{Name} finishes its work in hand and stops")]
    private partial void LogStopping(string name);
}
