using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using RabbitMQ.Client;

namespace PsiMessaging.Messaging;

/// <summary>
/// How an <c>amqps</c> broker proves that it is the one: TLS 1.2 or 1.3, a certificate for the very host name, from an authority of the system or, where a file of authorities
/// is named, from one of those and no other. Used by every connection and reconnection; there is no way to leave a check out.
/// </summary>
internal static class BrokerTls
{
    /// <summary>The settings of a connection.</summary>
    /// <exception cref="ParticipantException">The file of authorities is missing or holds no certificate.</exception>
    public static SslOption OptionFor(BrokerAddress broker)
    {
        if (!broker.Tls)
        {
            return new SslOption { Enabled = false };
        }

        var option = new SslOption(broker.Host, enabled: true)
        {
            Version = SslProtocols.Tls12 | SslProtocols.Tls13,
            AcceptablePolicyErrors = SslPolicyErrors.None,
        };
        if (broker.CaFile is { } file)
        {
            var authorities = Load(file);
            option.CertificateValidationCallback = (_, certificate, chain, errors) => IsFrom(authorities, certificate, chain, errors);
        }
        else
        {
            // Said outright, since what a library does by default may change.
            option.CertificateValidationCallback = (_, certificate, _, errors) => certificate is not null && errors == SslPolicyErrors.None;
        }

        return option;
    }

    private static bool IsFrom(X509Certificate2Collection authorities, X509Certificate? certificate, X509Chain? received, SslPolicyErrors errors)
    {
        // The chain is judged here; everything else, the host name above all, as it was.
        if (certificate is null || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None)
        {
            return false;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1", "TLS server"));
        foreach (var element in received?.ChainElements ?? Enumerable.Empty<X509ChainElement>())
        {
            chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        }

        return chain.Build(X509CertificateLoader.LoadCertificate(certificate.GetRawCertData()));
    }

    private static X509Certificate2Collection Load(string file)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ParticipantException(FailureCodes.Malformed, $"the file of certificate authorities {file} cannot be read: {exception.Message}", exception);
        }

        return authorities.Count > 0 ? authorities
            : throw new ParticipantException(FailureCodes.Malformed, $"the file {file} holds no certificate; it must hold the authority's in PEM form (-----BEGIN CERTIFICATE-----)");
    }
}
