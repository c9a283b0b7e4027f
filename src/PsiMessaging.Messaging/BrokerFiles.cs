using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.Messaging;

/// <summary>The files of a connection to an <c>amqps</c> broker, all in PEM form; null where none is named.</summary>
/// <param name="Authorities">The only certificate authorities that are believed; null means those of the system.</param>
/// <param name="Certificate">Own certificate, with those between it and the authority behind it.</param>
/// <param name="Key">Its private key, not encrypted: its owner's alone, or readable by the group as a mounted secret is.</param>
public sealed record BrokerFiles(string? Authorities = null, string? Certificate = null, string? Key = null)
{
    /// <summary>Variable that names the file of certificate authorities.</summary>
    public const string AuthoritiesVariable = "PSI_BROKER_CA";
    /// <summary>Variable that names the file with the own certificate.</summary>
    public const string CertificateVariable = "PSI_BROKER_CERTIFICATE";
    /// <summary>Variable that names the file with its key.</summary>
    public const string KeyVariable = "PSI_BROKER_KEY";

    /// <summary>What a home's configuration names.</summary>
    public static BrokerFiles Of(ParticipantConfig config) => new(config.BrokerCa, config.BrokerCertificate, config.BrokerKey);

    /// <summary>The same, with what the environment names in place of what is null here.</summary>
    public BrokerFiles OrEnvironment() =>
        new(Authorities ?? Variable(AuthoritiesVariable), Certificate ?? Variable(CertificateVariable), Key ?? Variable(KeyVariable));

    /// <summary>The same with full paths, so that they hold in another folder too.</summary>
    public BrokerFiles Full() => new(Full(Authorities), Full(Certificate), Full(Key));

    /// <summary>Refuses files where there is nothing to use them for, and a certificate without its key.</summary>
    /// <exception cref="ParticipantException">One of these, in one line.</exception>
    internal void Check(bool isTls)
    {
        if (!isTls && (Authorities ?? Certificate ?? Key) is { } file)
        {
            throw new ParticipantException(FailureCodes.Malformed,
                $"{(file == Authorities ? "certificate authorities are" : "an own certificate is")} named ({file}), "
                    + "but the broker's address is amqp://, without TLS: write amqps://");
        }

        if (Certificate is null != Key is null)
        {
            throw new ParticipantException(FailureCodes.Malformed, Key is null
                ? $"the certificate for the broker ({Certificate}) is named without its key: add --broker-key FILE, {KeyVariable} or \"brokerKey\" in psi.json"
                : $"the key for the broker ({Key}) is named without its certificate: add --broker-certificate FILE, {CertificateVariable} "
                    + "or \"brokerCertificate\" in psi.json");
        }
    }

    private static string? Full(string? path) => path is null ? null : Path.GetFullPath(path);

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } named ? named : null;
}
