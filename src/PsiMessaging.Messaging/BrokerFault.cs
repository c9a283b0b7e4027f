using System.Net.Sockets;
using System.Security.Authentication;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Outbox;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace PsiMessaging.Messaging;

/// <summary>
/// What is the matter with a broker, in one line for the person who can mend it: which of the many ways not to get through it was, where, and what to do.
/// </summary>
internal static class BrokerFault
{
    private const ushort NotAllowed = 530;

    /// <summary>What the broker, or its certificate, says once and for all; null where another attempt may go better.</summary>
    /// <param name="broker">Where.</param>
    /// <param name="exception">What came of connecting.</param>
    /// <param name="verdict">What was found about the certificate.</param>
    /// <param name="alert">What the broker says of ours.</param>
    public static string? Refusal(BrokerAddress broker, Exception exception, CertificateVerdict verdict, TlsAlert alert) =>
        Find<AuthenticationFailureException>(exception) is not null ? broker.Password is not null
            ? $"the broker at {broker} refuses the user or its password"
            : $"the broker at {broker} has no user {broker.User}, as whom the certificate {broker.Files.Certificate} comes: whoever runs the broker makes the "
                + "users, with deploy/rabbitmq/setup"
        : IsWithoutMechanism(exception) ? broker.Password is not null
            ? $"the broker at {broker} takes no password, only a certificate: give the address without one, --broker-certificate FILE and --broker-key FILE"
            : $"the broker at {broker} takes no certificate for a login: it needs the plugin rabbitmq_auth_mechanism_ssl and auth_mechanisms.1 = EXTERNAL"
        : ReasonOf(exception) is { ReplyCode: NotAllowed, ReplyText: var text }
        ? $"the broker at {broker} refuses the virtual host {broker.VirtualHost} to this user ({text})"
        : broker.Tls && verdict.Fault is { } fault
        ? $"the broker at {broker} shows no certificate to be believed: it must be for the name {broker.Host}, in date, and from "
            + $"{(broker.Files.Authorities is { } file ? $"an authority in {file}" : "an authority of this system (a private one: --broker-ca FILE)")}; "
            + $"this one {fault}"
        : alert != TlsAlert.None ? OfOurs(broker, alert) : null;

    private static string OfOurs(BrokerAddress broker, TlsAlert alert) => broker.Files.Certificate is not { } file
        ? $"the broker at {broker} asks for a certificate of ours, and none is named: --broker-certificate FILE and --broker-key FILE"
        : $"the broker at {broker} refuses our certificate {file}: {alert switch
        {
            TlsAlert.UnknownCa => "it is not from the authority that the broker believes",
            TlsAlert.CertificateExpired => "it is out of date by the broker's clock",
            TlsAlert.CertificateRevoked => "it was taken back",
            TlsAlert.UnsupportedCertificate => "it is not for a client",
            _ => $"the broker's log says why (TLS alert {alert:D})",
        }}; get another one from whoever runs the broker";

    /// <summary>The client library says it with no exception of its own.</summary>
    private static bool IsWithoutMechanism(Exception? exception) => exception is not null
        && (exception.Message.Contains("No compatible authentication mechanism", StringComparison.Ordinal) || IsWithoutMechanism(exception.InnerException));

    /// <summary>Whether the broker ended the connection and said nothing.</summary>
    public static bool IsWithoutAnswer(Exception exception) =>
        Find<AuthenticationFailureException>(exception) is null && ReasonOf(exception) is null && !IsWithoutMechanism(exception)
            && Find<TimeoutException>(exception) is null;

    /// <summary>Why an attempt came to nothing, where the next one may go better.</summary>
    /// <param name="broker">Where.</param>
    /// <param name="exception">What came of it.</param>
    public static string Waiting(BrokerAddress broker, Exception? exception) =>
        exception is SendRefusedException or BrokerAwayException or ParticipantException ? exception.Message
        : Find<SocketException>(exception) is { } socket ? socket.SocketErrorCode switch
        {
            SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain or SocketError.NoRecovery =>
                $"no broker answers at {broker}: no machine is known by the name {broker.Host}",
            SocketError.ConnectionRefused => $"no broker answers at {broker}; is RabbitMQ running, and is the address right?",
            SocketError.NetworkUnreachable or SocketError.HostUnreachable => $"no broker answers at {broker}: there is no way to that machine from here",
            _ => $"the connection to the broker at {broker} was cut off ({socket.SocketErrorCode})",
        }
        : Find<AuthenticationException>(exception) is not null
        ? $"the broker at {broker} does not speak TLS on that port; is it the one for amqp:// (5672 as a rule, and 5671 for amqps://)?"
        : Find<TimeoutException>(exception) is not null || Find<OperationCanceledException>(exception) is not null
        ? $"the broker at {broker} does not answer; does it still start, does it stand still, or does something on the way take nothing for it?"
        : ReasonOf(exception) is { ReplyText: { Length: > 0 } text } ? $"the broker at {broker} ends the connection ({text})"
        : $"what answers at {broker} ends the connection, or does not speak AMQP 0-9-1; does it still start, or is that not the port for "
            + $"{(broker.Tls ? "amqps:// (5671 as a rule)" : "amqp:// (5672 as a rule)")}?";

    /// <summary>Why the broker closed a channel or connection.</summary>
    public static ShutdownEventArgs? ReasonOf(Exception? exception, IChannel? channel = null) =>
        Find<OperationInterruptedException>(exception)?.ShutdownReason ?? channel?.CloseReason;

    private static T? Find<T>(Exception? exception)
        where T : Exception => exception switch
        {
            null => null,
            T found => found,
            AggregateException aggregate => aggregate.InnerExceptions.Select(Find<T>).FirstOrDefault(found => found is not null),
            _ => Find<T>(exception.InnerException),
        };
}
