using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;

namespace PsiMessaging.Messaging;

/// <summary>Where the broker is and who we are there. The password is never printed.</summary>
/// <param name="Host">Host name or address.</param>
/// <param name="Port">1 to 65535.</param>
/// <param name="VirtualHost">Virtual host, <c>/</c> by default.</param>
/// <param name="User">User name.</param>
/// <param name="Password">Password.</param>
/// <param name="Tls">Whether the connection is encrypted.</param>
public sealed record BrokerAddress(string Host, ushort Port, string VirtualHost, string User, string Password, bool Tls)
{
    /// <summary>Reads <c>amqp[s]://[user[:password]@]host[:port][/vhost]</c>; a password in PSI_BROKER_PASSWORD comes before none in the address.</summary>
    /// <exception cref="ParticipantException">Not such an address.</exception>
    public static BrokerAddress Parse(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("amqp" or "amqps") || uri.Host.Length == 0)
        {
            throw new ParticipantException(FailureCodes.Malformed, "the broker's address must look like amqp://user:password@host:5672/vhost (or amqps:// for TLS)");
        }

        var user = uri.UserInfo.Split(':', 2);
        var tls = uri.Scheme == "amqps";
        var path = uri.AbsolutePath.Length > 1 ? Uri.UnescapeDataString(uri.AbsolutePath[1..]) : "/";
        return new BrokerAddress(
            uri.Host,
            (ushort)(uri.Port > 0 ? uri.Port : tls ? 5671 : 5672),
            path,
            user[0].Length > 0 ? Uri.UnescapeDataString(user[0]) : "guest",
            user.Length > 1 ? Uri.UnescapeDataString(user[1]) : Environment.GetEnvironmentVariable("PSI_BROKER_PASSWORD") ?? "guest",
            tls);
    }

    /// <summary>The address without its password.</summary>
    public override string ToString() => $"{(Tls ? "amqps" : "amqp")}://{User}@{Host}:{Port}{(VirtualHost == "/" ? "" : "/" + VirtualHost)}";
}
