using System.Net;
using System.Runtime.ExceptionServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using PsiMessaging.Files;
using PsiMessaging.Messaging;
using PsiMessaging.Participants;

namespace PsiMessaging.WorkerHost;

/// <summary>How a worker process shows itself.</summary>
/// <param name="JsonLogs">Whether log lines are JSON.</param>
/// <param name="HealthPort">Port of the health endpoints; 0 means none.</param>
/// <param name="HealthAddress">Address they listen on.</param>
public sealed record WorkerSurface(bool JsonLogs, int HealthPort, string HealthAddress);

/// <summary>What a worker process does from start to stop.</summary>
public abstract class WorkerService : BackgroundService
{
    /// <summary>Why the service stopped by itself, if it did.</summary>
    public Exception? Fault { get; private set; }

    /// <summary>Whether the broker is connected and the queues are served.</summary>
    public abstract bool IsReady { get; }

    /// <summary>What keeps it from serving, in one line; null when all is well.</summary>
    public virtual string? Problem => null;

    internal IHostApplicationLifetime? Lifetime { get; set; }

    /// <summary>Serves until stopped.</summary>
    /// <exception cref="ParticipantException">The broker refuses us.</exception>
    protected abstract Task ServeAsync(CancellationToken stop);

    /// <inheritdoc/>
    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await ServeAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Asked for.
        }
        catch (Exception exception)
        {
            // Otherwise the host would stop with exit code 0, and nothing would start it again.
            Fault = exception;
            Lifetime!.StopApplication();
        }
    }
}

/// <summary>
/// A long-running process: JSON or plain logs, drains on SIGTERM, answers <c>/health</c> (the process lives) and <c>/ready</c> (the broker is connected and
/// the queues served).
/// </summary>
public static class Worker
{
    /// <summary>Runs a service until stopped.</summary>
    /// <param name="surface">Logs and health endpoints.</param>
    /// <param name="create">Makes the service.</param>
    /// <param name="cancellation">Stops the worker, besides SIGTERM and SIGINT.</param>
    /// <exception cref="ParticipantException">Why the service gave up; another exception is a fault of ours or of the disk.</exception>
    public static async Task RunAsync(WorkerSurface surface, Func<ILoggerFactory, WorkerService> create, CancellationToken cancellation)
    {
        using var host = surface.HealthPort > 0 ? BuildWithHealth(surface, create) : BuildPlain(surface, create);
        MessageBus.UseLogs(host.Services.GetRequiredService<ILoggerFactory>());

        // Taken before the run: the host disposes its services at the end of it.
        var service = host.Services.GetRequiredService<WorkerService>();
        service.Lifetime = host.Services.GetRequiredService<IHostApplicationLifetime>();
        await host.RunAsync(cancellation);
        if (service.Fault is { } fault)
        {
            ExceptionDispatchInfo.Throw(fault);
        }
    }

    private static IHost BuildPlain(WorkerSurface surface, Func<ILoggerFactory, WorkerService> create)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        Configure(builder, surface, create);
        return builder.Build();
    }

    private static WebApplication BuildWithHealth(WorkerSurface surface, Func<ILoggerFactory, WorkerService> create)
    {
        var builder = WebApplication.CreateSlimBuilder();
        Configure(builder, surface, create);
        builder.WebHost.UseKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Listen(IPAddress.Parse(surface.HealthAddress), surface.HealthPort);
        });
        var application = builder.Build();
        var service = application.Services.GetRequiredService<WorkerService>();
        application.MapGet("/health", () => Results.Text("alive\n"));
        application.MapGet("/ready", () => service is { IsReady: true, Problem: null }
            ? Results.Text("ready\n")
            : Results.Text(PrintableText.Of(service.Problem ?? "waiting for the broker") + "\n", statusCode: StatusCodes.Status503ServiceUnavailable));
        return application;
    }

    private static void Configure(IHostApplicationBuilder builder, WorkerSurface surface, Func<ILoggerFactory, WorkerService> create)
    {
        builder.Logging.AddWorkerConsole(surface.JsonLogs, WorkerLogs.IsDebugging);

        // Kestrel warns that our own address comes before an image's ASPNETCORE_HTTP_PORTS; that is meant.
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Error)
            .AddFilter("MassTransit", LogLevel.Error).AddFilter("RabbitMQ", LogLevel.Error);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(30));
        builder.Services.AddSingleton(services => create(services.GetRequiredService<ILoggerFactory>()));
        builder.Services.AddHostedService(services => services.GetRequiredService<WorkerService>());
    }
}
