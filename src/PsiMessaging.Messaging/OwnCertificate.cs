using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Participants;

namespace PsiMessaging.Messaging;

/// <summary>
/// The certificate by which a broker knows us. Read anew for every connection, so that one that was renewed in its place is taken without a restart.
/// </summary>
internal static class OwnCertificate
{
    /// <summary>The user that a broker takes from it: its common name.</summary>
    /// <exception cref="ParticipantException">As <see cref="Load"/>.</exception>
    public static string UserOf(BrokerFiles files)
    {
        using var certificate = Read(files);
        return certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
    }

    /// <summary>The certificate with its key, and those that lead from it to the authority.</summary>
    /// <param name="files">Both files.</param>
    /// <param name="now">To see that it is in date: the broker would say no more than that it is not.</param>
    /// <exception cref="ParticipantException">A file is missing, not one's own or not what it must be, or the certificate is out of date.</exception>
    public static SslStreamCertificateContext Load(BrokerFiles files, DateTimeOffset now)
    {
        var certificate = Read(files);
        if (now.UtcDateTime < certificate.NotBefore.ToUniversalTime() || now.UtcDateTime > certificate.NotAfter.ToUniversalTime())
        {
            var (from, to) = (Day(certificate.NotBefore), Day(certificate.NotAfter));
            certificate.Dispose();
            throw Malformed($"the certificate for the broker ({files.Certificate}) is out of date, or not in date yet ({from} to {to}): get another one from "
                + "whoever runs the broker");
        }

        var between = new X509Certificate2Collection();
        between.ImportFromPemFile(files.Certificate!);
        return SslStreamCertificateContext.Create(certificate, between, offline: true);
    }

    private static X509Certificate2 Read(BrokerFiles files)
    {
        var (certificate, key) = (files.Certificate!, files.Key!);
        foreach (var (what, path) in new[] { ("certificate", certificate), ("key", key) })
        {
            if (!File.Exists(path))
            {
                throw Malformed($"the {what} for the broker ({path}) does not exist");
            }
        }

        if (PrivateFile.IsOpenBeyondGroup(key))
        {
            throw Malformed($"the key for the broker ({key}) can be read or changed by others; mend it with: chmod 400 {key}");
        }

        if (PrivateFile.IsForeign(key))
        {
            throw Malformed($"the key for the broker ({key}) belongs to another user, who could change it; copy it to a file of your own with rights 400");
        }

        try
        {
            return X509Certificate2.CreateFromPemFile(certificate, key);
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw Malformed($"{certificate} and {key} are not a certificate and its key in PEM form, without a password "
                + $"(-----BEGIN CERTIFICATE-----, -----BEGIN PRIVATE KEY-----): {exception.Message}", exception);
        }
    }

    /// <summary>A certificate's date for a person: the day, in UTC.</summary>
    public static string Day(DateTime local) => local.ToUniversalTime().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static ParticipantException Malformed(string message, Exception? cause = null) => new(FailureCodes.Malformed, message, cause);
}
