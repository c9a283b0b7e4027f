using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Messaging;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Engine;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Ports;
using PsiMessaging.Storage;

namespace PsiMessaging.WorkerHost;

/// <summary>Makes a participant's engine from its parts.</summary>
public delegate ParticipantEngine EngineFactory(ParticipantHome home, IParticipantStore store, IEnvelopeSender sender, TimeProvider time, ILoggerFactory logs);

/// <summary>
/// A participant as a long-running process: waits for the broker, serves its inbox, drains on SIGTERM, answers <c>/health</c> (the process lives) and
/// <c>/ready</c> (the broker is connected and the inbox served).
/// </summary>
public static class Worker
{
    /// <summary>Runs until stopped.</summary>
    /// <param name="home">The participant's home; one worker at a time.</param>
    /// <param name="create">Makes the engine.</param>
    /// <param name="jsonLogs">Whether log lines are JSON.</param>
    /// <param name="cancellation">Stops the worker, besides SIGTERM and SIGINT.</param>
    /// <exception cref="ParticipantException">Another worker has the home, or the broker refuses us.</exception>
    public static async Task RunAsync(ParticipantHome home, EngineFactory create, bool jsonLogs, CancellationToken cancellation)
    {
        using var single = TakeHome(home);
        using var host = home.Config.HealthPort > 0 ? BuildWithHealth(home, create, jsonLogs) : BuildPlain(home, create, jsonLogs);
        MessageBus.UseLogs(host.Services.GetRequiredService<ILoggerFactory>());

        // Taken before the run: the host disposes its services at the end of it.
        var service = host.Services.GetRequiredService<ParticipantService>();
        await host.RunAsync(cancellation);
        if (service.Fault is { } fault)
        {
            throw fault;
        }
    }

    private static IHost BuildPlain(ParticipantHome home, EngineFactory create, bool jsonLogs)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        Configure(builder, home, create, jsonLogs);
        return builder.Build();
    }

    private static WebApplication BuildWithHealth(ParticipantHome home, EngineFactory create, bool jsonLogs)
    {
        var builder = WebApplication.CreateSlimBuilder();
        Configure(builder, home, create, jsonLogs);
        builder.WebHost.UseKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Listen(System.Net.IPAddress.Parse(home.Config.HealthAddress), home.Config.HealthPort);
        });
        var application = builder.Build();
        var service = application.Services.GetRequiredService<ParticipantService>();
        application.MapGet("/health", () => Results.Text("alive\n"));
        application.MapGet("/ready", () => service.IsReady ? Results.Text("ready\n") : Results.Text("waiting for the broker\n", statusCode: StatusCodes.Status503ServiceUnavailable));
        return application;
    }

    private static void Configure(IHostApplicationBuilder builder, ParticipantHome home, EngineFactory create, bool jsonLogs)
    {
        builder.Logging.ClearProviders();
        builder.Logging.SetMinimumLevel(LogLevel.Information);

        // Kestrel warns that our own address comes before an image's ASPNETCORE_HTTP_PORTS; that is meant.
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Error)
            .AddFilter("MassTransit", LogLevel.Error).AddFilter("RabbitMQ", LogLevel.Error);
        if (jsonLogs)
        {
            builder.Logging.AddJsonConsole(options =>
            {
                options.UseUtcTimestamp = true;
                options.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
            });
        }
        else
        {
            builder.Logging.AddSimpleConsole(options =>
            {
                options.SingleLine = true;
                options.TimestampFormat = "HH:mm:ss ";
            });
        }

        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(30));
        builder.Services.AddSingleton(home);
        builder.Services.AddSingleton(create);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<ParticipantService>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ParticipantService>());
    }

    private static FileStream TakeHome(ParticipantHome home)
    {
        try
        {
            return new FileStream(Path.Combine(home.Path, "worker.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new ParticipantException(FailureCodes.WrongState, $"another worker runs on {home.Path} already", exception);
        }
    }
}

/// <summary>Ties bus, state and engine to the host's life.</summary>
internal sealed partial class ParticipantService(
    ParticipantHome home, EngineFactory create, TimeProvider time, ILoggerFactory logs, ILogger<ParticipantService> log, IHostApplicationLifetime lifetime) : BackgroundService
{
    private MessageBus? _bus;

    /// <summary>Why the service stopped by itself, if it did.</summary>
    public ParticipantException? Fault { get; private set; }

    public bool IsReady => _bus is { IsReady: true };

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var store = new SqliteParticipantStore(home.StatePath);
        ParticipantEngine? engine = null;
        var bus = MessageBus.RabbitMq(BrokerAddress.Parse(home.Config.Broker!), [new Inbox(home.InboxName, frame => engine!.ReceiveAsync(frame))], time, log);
        try
        {
            engine = create(home, store, bus, time, logs);
            await bus.StartAsync(patience: null, stoppingToken);
            engine.Start();
            _bus = bus;
            LogServing(home.Name, home.InboxName);
            await Task.Delay(Timeout.InfiniteTimeSpan, time, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            LogStopping(home.Name);
        }
        catch (ParticipantException exception)
        {
            Fault = exception;
            lifetime.StopApplication();
        }
        finally
        {
            // First the inbox, so that no new frame arrives; then the step in hand.
            await bus.DisposeAsync();
            if (engine is not null)
            {
                await engine.DisposeAsync();
            }
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "{Name} serves {Queue}")]
    private partial void LogServing(string name, string queue);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "{Name} finishes its work in hand and stops")]
    private partial void LogStopping(string name);
}
