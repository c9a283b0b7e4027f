using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;

namespace PsiMessaging.Messaging;

/// <summary>Where the broker is and who we are there. The password is never printed.</summary>
/// <param name="Host">Host name or address.</param>
/// <param name="Port">1 to 65535.</param>
/// <param name="VirtualHost">Virtual host, <c>/</c> by default.</param>
/// <param name="User">User name.</param>
/// <param name="Password">Password.</param>
/// <param name="Tls">Whether the connection is encrypted, and the broker's certificate checked: chain and host name, at every connection.</param>
/// <param name="CaFile">PEM file of the only certificate authorities that are believed; null means those of the system.</param>
public sealed record BrokerAddress(string Host, ushort Port, string VirtualHost, string User, string Password, bool Tls, string? CaFile = null)
{
    /// <summary>Variable that names the file of certificate authorities.</summary>
    public const string CaVariable = "PSI_BROKER_CA";

    /// <summary>Reads <c>amqp[s]://[user[:password]@]host[:port][/vhost]</c>; a password in PSI_BROKER_PASSWORD comes before none in the address.</summary>
    /// <param name="text">The address.</param>
    /// <param name="caFile">File of certificate authorities; null takes PSI_BROKER_CA, or those of the system.</param>
    /// <exception cref="ParticipantException">Not such an address, or a file of authorities for a connection without TLS.</exception>
    public static BrokerAddress Parse(string text, string? caFile = null)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("amqp" or "amqps") || uri.Host.Length == 0)
        {
            throw new ParticipantException(FailureCodes.Malformed,
                "the broker's address must look like amqp://user:password@host:5672/vhost (or amqps:// for TLS)");
        }

        var user = uri.UserInfo.Split(':', 2);
        var tls = uri.Scheme == "amqps";
        caFile ??= Environment.GetEnvironmentVariable(CaVariable) is { Length: > 0 } named ? named : null;
        if (caFile is not null && !tls)
        {
            throw new ParticipantException(FailureCodes.Malformed,
                $"certificate authorities are named ({caFile}), but the broker's address is amqp://, without TLS: write amqps://");
        }

        var path = uri.AbsolutePath.Length > 1 ? Uri.UnescapeDataString(uri.AbsolutePath[1..]) : "/";
        return new BrokerAddress(
            uri.Host,
            (ushort)(uri.Port > 0 ? uri.Port : tls ? 5671 : 5672),
            path,
            user[0].Length > 0 ? Uri.UnescapeDataString(user[0]) : "guest",
            user.Length > 1 ? Uri.UnescapeDataString(user[1]) : Environment.GetEnvironmentVariable("PSI_BROKER_PASSWORD") ?? "guest",
            tls,
            caFile);
    }

    /// <summary>The address without its password.</summary>
    public override string ToString() => $"{(Tls ? "amqps" : "amqp")}://{User}@{Host}:{Port}{(VirtualHost == "/" ? "" : "/" + VirtualHost)}";
}
