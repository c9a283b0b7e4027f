using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Participants.Outbox;

/// <summary>The way out: puts a frame on a queue and returns once the broker has it on disk. Declares nothing: a queue is its owner's.</summary>
public interface IEnvelopeSender
{
    /// <exception cref="UnroutableException">No such queue yet.</exception>
    /// <exception cref="SendRefusedException">The broker does not let this user write there.</exception>
    /// <exception cref="BrokerAwayException">There is no broker to be had, or it does not answer.</exception>
    Task SendAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation);
}

/// <summary>The queue does not exist (yet).</summary>
/// <param name="queue">Its name.</param>
public sealed class UnroutableException(string queue) : Exception($"the queue {queue} does not exist; its owner's worker makes it when it starts");

/// <summary>The broker refuses something to this user. It may be granted any time, so it is tried again, and said meanwhile.</summary>
/// <param name="message">What was refused, to whom, and what to do, in one line.</param>
/// <param name="inner">Cause.</param>
public sealed class SendRefusedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The broker is not to be had for now: not there, not answering, or gone in the middle. The next attempt may go better.</summary>
/// <param name="message">Which of these, where, and what to look at, in one line.</param>
/// <param name="inner">Cause.</param>
public sealed class BrokerAwayException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Why a message does not leave, for a person.</summary>
public static class SendFault
{
    /// <summary>One line: ours where the way out has named the cause, else the kind of exception.</summary>
    public static string Describe(Exception? fault) =>
        fault is SendRefusedException or UnroutableException or BrokerAwayException or ParticipantException
            ? fault.Message
            : $"an unexpected failure ({fault?.GetType().Name})";
}
