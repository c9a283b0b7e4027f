namespace PsiMessaging.Participants.Ports;

/// <summary>The way out: puts a frame on a queue and returns once the broker has it on disk. Declares nothing: a queue is its owner's.</summary>
public interface IEnvelopeSender
{
    /// <exception cref="UnroutableException">No such queue yet.</exception>
    /// <exception cref="SendRefusedException">The broker does not let this user write there.</exception>
    Task SendAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation);
}

/// <summary>The queue does not exist (yet).</summary>
/// <param name="queue">Its name.</param>
public sealed class UnroutableException(string queue) : Exception($"the queue {queue} does not exist; its owner's worker makes it when it starts");

/// <summary>The broker refuses something to this user. It may be granted any time, so it is tried again, and said meanwhile.</summary>
/// <param name="message">What was refused, to whom, and what to do, in one line.</param>
/// <param name="inner">Cause.</param>
public sealed class SendRefusedException(string message, Exception? inner = null) : Exception(message, inner);
