using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using RabbitMQ.Client;

namespace PsiMessaging.Messaging;

/// <summary>What was found wrong with the certificate of one connection's broker.</summary>
internal sealed class CertificateVerdict
{
    /// <summary>The rest of a sentence that begins with "this one"; null as long as nothing was found.</summary>
    public string? Fault { get; set; }
    /// <summary>Whether it was looked at, and is to be believed.</summary>
    public bool IsBelieved { get; set; }
}

/// <summary>
/// How an <c>amqps</c> broker proves that it is the one: TLS 1.3 where it has it, else 1.2, a certificate for the very host name, from an authority of the
/// system or, where a file of authorities is named, from one of those and no other. Used by every connection and reconnection; there is no way to leave a
/// check out. Who has a certificate of its own shows it.
/// </summary>
internal static class BrokerTls
{
    /// <summary>The settings of a connection.</summary>
    /// <param name="broker">Where.</param>
    /// <param name="verdict">Told what is wrong with the certificate.</param>
    /// <param name="now">To see that the own certificate is in date.</param>
    /// <exception cref="ParticipantException">The file of authorities is missing or holds no certificate, or the own certificate cannot be used.</exception>
    public static SslOption OptionFor(BrokerAddress broker, CertificateVerdict verdict, DateTimeOffset now)
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
        if (broker.Files.Certificate is not null)
        {
            option.ClientCertificateContext = OwnCertificate.Load(broker.Files, now);
        }

        var authorities = broker.Files.Authorities is { } file ? Load(file) : null;
        option.CertificateValidationCallback = (_, certificate, chain, errors) =>
        {
            // Said outright, since what a library does by default may change.
            verdict.Fault = FaultOf(authorities, certificate, chain, errors);
            verdict.IsBelieved = verdict.Fault is null;
            return verdict.IsBelieved;
        };
        return option;
    }

    private static string? FaultOf(X509Certificate2Collection? authorities, X509Certificate? shown, X509Chain? received, SslPolicyErrors errors)
    {
        if (shown is null)
        {
            return "shows none at all";
        }

        using var certificate = X509CertificateLoader.LoadCertificate(shown.GetRawCertData());
        if ((errors & SslPolicyErrors.RemoteCertificateNameMismatch) != SslPolicyErrors.None)
        {
            return "is for another name";
        }

        if (authorities is null)
        {
            return errors == SslPolicyErrors.None ? null : ChainFault(certificate, received);
        }

        // The chain is judged here, everything else was above.
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

        return (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) == SslPolicyErrors.None
            && chain.Build(certificate) ? null : ChainFault(certificate, chain);
    }

    private static string ChainFault(X509Certificate2 certificate, X509Chain? chain)
    {
        var status = (chain?.ChainStatus ?? []).Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status);
        return status.HasFlag(X509ChainStatusFlags.NotTimeValid)
            ? $"is out of date, or not in date yet ({OwnCertificate.Day(certificate.NotBefore)} to {OwnCertificate.Day(certificate.NotAfter)})"
            : status.HasFlag(X509ChainStatusFlags.NotValidForUsage) ? "is not for a server"
            : status.HasFlag(X509ChainStatusFlags.Revoked) ? "was revoked"
            : certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData) ? "is signed by itself"
            : "is from somebody else";
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
            throw new ParticipantException(FailureCodes.Malformed,
                $"the file of certificate authorities {file} cannot be read: {exception.Message}", exception);
        }

        return authorities.Count > 0 ? authorities
            : throw new ParticipantException(FailureCodes.Malformed,
                $"the file {file} holds no certificate; it must hold the authority's in PEM form (-----BEGIN CERTIFICATE-----)");
    }
}
