using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;

namespace PsiMessaging.Messaging;

/// <summary>Where the broker is and who we are there. The password is never printed.</summary>
/// <param name="Host">Host name or address.</param>
/// <param name="Port">1 to 65535.</param>
/// <param name="VirtualHost">Virtual host, <c>/</c> by default.</param>
/// <param name="User">User name; with an own certificate and no password its common name.</param>
/// <param name="Password">Password; null where the own certificate takes its place, by the mechanism EXTERNAL.</param>
/// <param name="Tls">Whether the connection is encrypted, and the broker's certificate checked: chain and host name, at every connection.</param>
/// <param name="Files">Authorities that are believed, and the own certificate.</param>
public sealed record BrokerAddress(string Host, ushort Port, string VirtualHost, string User, string? Password, bool Tls, BrokerFiles Files)
{
    /// <summary>
    /// Reads <c>amqp[s]://[user[:password]@]host[:port][/vhost]</c>; a password in PSI_BROKER_PASSWORD comes before none in the address. With an own
    /// certificate and no password the certificate is the login.
    /// </summary>
    /// <param name="text">The address.</param>
    /// <param name="files">Files of certificates; what is null comes from the environment (PSI_BROKER_CA, PSI_BROKER_CERTIFICATE, PSI_BROKER_KEY).</param>
    /// <exception cref="ParticipantException">
    /// Not such an address, files for a connection without TLS, or a certificate that cannot be used or is not the named user's.
    /// </exception>
    public static BrokerAddress Parse(string text, BrokerFiles? files = null)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("amqp" or "amqps") || uri.Host.Length == 0)
        {
            throw new ParticipantException(FailureCodes.Malformed,
                "the broker's address must look like amqp://user:password@host:5672/vhost (or amqps:// for TLS)");
        }

        var user = uri.UserInfo.Split(':', 2);
        var tls = uri.Scheme == "amqps";
        files = (files ?? new BrokerFiles()).OrEnvironment();
        files.Check(tls);
        var path = uri.AbsolutePath.Length > 1 ? Uri.UnescapeDataString(uri.AbsolutePath[1..]) : "/";
        var named = user[0].Length > 0 ? Uri.UnescapeDataString(user[0]) : null;
        var password = user.Length > 1 ? Uri.UnescapeDataString(user[1]) : Environment.GetEnvironmentVariable("PSI_BROKER_PASSWORD");
        if (files.Certificate is not null && string.IsNullOrEmpty(password))
        {
            (named, password) = (UserOf(files, named), null);
        }
        else
        {
            password ??= "guest";
        }

        return new BrokerAddress(uri.Host, (ushort)(uri.Port > 0 ? uri.Port : tls ? 5671 : 5672), path, named ?? "guest", password, tls, files);
    }

    /// <summary>The broker takes the user from the certificate and from nowhere else: an address that names another is a mistake.</summary>
    private static string UserOf(BrokerFiles files, string? named)
    {
        var user = OwnCertificate.UserOf(files);
        return named is null || named == user ? user : throw new ParticipantException(FailureCodes.Malformed,
            $"the broker's address names the user {named}, and {files.Certificate} is the certificate of {user}: leave the user out, or name the other file");
    }

    /// <summary>The address without its password.</summary>
    public override string ToString() => $"{(Tls ? "amqps" : "amqp")}://{User}@{Host}:{Port}{(VirtualHost == "/" ? "" : "/" + VirtualHost)}";
}
