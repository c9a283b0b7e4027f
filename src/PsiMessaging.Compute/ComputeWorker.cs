using Microsoft.Extensions.Logging;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Messaging;
using PsiMessaging.Participants;
using PsiMessaging.WorkerHost;

namespace PsiMessaging.Compute;

/// <summary>What a compute worker needs to know. It has no home.</summary>
/// <param name="KeyFile">The party's compute.key, mounted or copied.</param>
/// <param name="Broker">Broker address.</param>
/// <param name="Parallelism">Cores to use; 0 means all.</param>
/// <param name="HealthPort">Port of the health endpoints; 0 means none.</param>
/// <param name="HealthAddress">Address they listen on.</param>
/// <param name="BrokerFiles">Files of certificates; what is null comes from the environment.</param>
public sealed record ComputeSettings(string KeyFile, string Broker, int Parallelism, int HealthPort, string HealthAddress, BrokerFiles? BrokerFiles = null)
{
    /// <summary>Variable that names the key file.</summary>
    public const string KeyFileVariable = "PSI_COMPUTE_KEY_FILE";

    /// <summary>Settings from the environment: PSI_COMPUTE_KEY_FILE, PSI_BROKER, PSI_PARALLELISM, PSI_HEALTH_PORT, PSI_HEALTH_ADDRESS.</summary>
    /// <param name="keyFile">Comes before the environment.</param>
    /// <param name="broker">Comes before the environment.</param>
    /// <param name="parallelism">Comes before the environment.</param>
    /// <param name="files">Files of certificates; comes before the environment.</param>
    /// <exception cref="ParticipantException">No key file is named, or a number is none.</exception>
    public static ComputeSettings FromEnvironment(string? keyFile = null, string? broker = null, int? parallelism = null, BrokerFiles? files = null) => new(
        keyFile ?? Environment.GetEnvironmentVariable(KeyFileVariable)
            ?? throw new ParticipantException(FailureCodes.Malformed,
                $"no compute key is named; give the party's compute.key with --key FILE or {KeyFileVariable}"),
        broker ?? Environment.GetEnvironmentVariable("PSI_BROKER") ?? WorkerSettings.DefaultBroker,
        parallelism ?? WorkerSettings.Number("PSI_PARALLELISM", 0, 1024) ?? 0,
        WorkerSettings.Number("PSI_HEALTH_PORT", 0, 65535) ?? 0,
        Environment.GetEnvironmentVariable("PSI_HEALTH_ADDRESS") ?? "127.0.0.1",
        files);
}

/// <summary>A compute worker as a process.</summary>
public static class ComputeWorker
{
    private static readonly TimeSpan KeyPoll = TimeSpan.FromSeconds(1);

    /// <summary>Runs until stopped; waits for the key file, which the party's home may get only later.</summary>
    /// <exception cref="ParticipantException">The key file is unusable, or the broker refuses us.</exception>
    public static async Task RunAsync(ComputeSettings settings, bool jsonLogs, CancellationToken cancellation)
    {
        if (!File.Exists(settings.KeyFile))
        {
            await Console.Error.WriteLineAsync($"psi: waiting for the compute key {settings.KeyFile}");
            using var timer = new PeriodicTimer(KeyPoll, TimeProvider.System);
            while (!File.Exists(settings.KeyFile) && await timer.WaitForNextTickAsync(cancellation))
            {
            }
        }

        using var key = ComputeKey.Load(settings.KeyFile);
        var parallelism = Cores.CountOf(settings.Parallelism);
        await Worker.RunAsync(
            new WorkerSurface(jsonLogs, settings.HealthPort, settings.HealthAddress),
            logs => new ComputeService(key, BrokerAddress.Parse(settings.Broker, settings.BrokerFiles),
                parallelism, TimeProvider.System, logs.CreateLogger<ComputeService>()), cancellation);
    }
}
