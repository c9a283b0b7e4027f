using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace PsiMessaging.Messaging;

/// <summary>What a broker says of our certificate, or of there being none (RFC 8446, section 6).</summary>
internal enum TlsAlert
{
    /// <summary>Nothing of the kind.</summary>
    None = 0,
    /// <summary>What TLS 1.2 says for most things, a missing certificate among them.</summary>
    HandshakeFailure = 40,
    /// <summary>It cannot be read, or its signature is wrong.</summary>
    BadCertificate = 42,
    /// <summary>It is for another use.</summary>
    UnsupportedCertificate = 43,
    /// <summary>Taken back.</summary>
    CertificateRevoked = 44,
    /// <summary>Out of date.</summary>
    CertificateExpired = 45,
    /// <summary>Refused for a reason of the broker's.</summary>
    CertificateUnknown = 46,
    /// <summary>From an authority that the broker does not believe.</summary>
    UnknownCa = 48,
    /// <summary>Believed, and not let in.</summary>
    AccessDenied = 49,
    /// <summary>Its signature is not that of the authority it names.</summary>
    DecryptError = 51,
    /// <summary>None was shown.</summary>
    CertificateRequired = 116,
}

/// <summary>
/// Finds out why a broker ended a connection whose handshake was done. By TLS 1.3 it judges our certificate after that, when the client library has begun to
/// write, and what it says is lost as often as not.
/// </summary>
internal static class TlsAlerts
{
    private const int LibraryMask = 0x7F800000;
    private const int SslLibrary = 20 << 23;
    private const int ReasonMask = 0x7FFFFF;
    private const int FirstAlert = 1000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>The alert that an exception carries, as OpenSSL numbers it.</summary>
    public static TlsAlert Of(Exception? exception) => exception switch
    {
        null => TlsAlert.None,
        CryptographicException { HResult: var code } when (code & LibraryMask) == SslLibrary
            && (TlsAlert)((code & ReasonMask) - FirstAlert) is var alert && Enum.IsDefined(alert) => alert,
        AggregateException aggregate => aggregate.InnerExceptions.Select(Of).FirstOrDefault(alert => alert != TlsAlert.None),
        _ => Of(exception.InnerException),
    };

    /// <summary>Shows our certificate once more, says nothing, and listens.</summary>
    public static async Task<TlsAlert> AskAsync(BrokerAddress broker, TimeProvider time, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            var option = BrokerTls.OptionFor(broker, new CertificateVerdict(), time.GetUtcNow());
            using var client = new TcpClient();
            await client.ConnectAsync(broker.Host, broker.Port, either.Token);
            await using var tls = new SslStream(client.GetStream());
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = broker.Host, EnabledSslProtocols = option.Version, ClientCertificateContext = option.ClientCertificateContext,
                RemoteCertificateValidationCallback = option.CertificateValidationCallback,
            }, either.Token);
            await tls.ReadExactlyAsync(new byte[1], either.Token);
            return TlsAlert.None;
        }
        catch (Exception exception) when (!cancellation.IsCancellationRequested)
        {
            return Of(exception);
        }
    }
}
