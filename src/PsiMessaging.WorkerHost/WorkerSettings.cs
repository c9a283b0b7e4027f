using PsiMessaging.Contracts.V1;
using PsiMessaging.Messaging;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.WorkerHost;

/// <summary>Where a worker's or command's settings come from: command line, then environment, then <c>psi.json</c> in the home, then the default.</summary>
public static class WorkerSettings
{
    /// <summary>Broker address when nothing else says.</summary>
    public const string DefaultBroker = "amqp://localhost";

    /// <summary>Home folder: the option, PSI_HOME, or <c>.psi</c> in the user's folder.</summary>
    public static string HomePath(string? option) =>
        option ?? Environment.GetEnvironmentVariable("PSI_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".psi");

    /// <summary>Opens a home and applies what the command line and the environment say.</summary>
    public static ParticipantHome OpenHome(string path, string? broker, BrokerFiles? files = null)
    {
        var named = (files ?? new BrokerFiles()).OrEnvironment();
        var home = ParticipantHome.Open(path);
        home.Override(config => config with
        {
            Broker = broker ?? Environment.GetEnvironmentVariable("PSI_BROKER") ?? config.Broker ?? DefaultBroker,
            BrokerCa = named.Authorities ?? config.BrokerCa,
            BrokerCertificate = named.Certificate ?? config.BrokerCertificate,
            BrokerKey = named.Key ?? config.BrokerKey,
            HealthPort = Number("PSI_HEALTH_PORT", 0, 65535) ?? config.HealthPort,
            HealthAddress = Environment.GetEnvironmentVariable("PSI_HEALTH_ADDRESS") ?? config.HealthAddress,
            Parallelism = Number("PSI_PARALLELISM", 0, 1024) ?? config.Parallelism,
        });
        return home;
    }

    /// <summary>A number from the environment, or null when it is not set.</summary>
    /// <exception cref="ParticipantException">Not a number in the range.</exception>
    public static int? Number(string variable, int least, int most)
    {
        var text = Environment.GetEnvironmentVariable(variable);
        return string.IsNullOrEmpty(text) ? null
            : int.TryParse(text, out var value) && value >= least && value <= most ? value
            : throw new ParticipantException(FailureCodes.Malformed, $"the environment variable {variable} must be a number from {least} to {most}");
    }
}
