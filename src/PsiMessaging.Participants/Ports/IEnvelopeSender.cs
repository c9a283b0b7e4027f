namespace PsiMessaging.Participants.Ports;

/// <summary>The way out: puts a frame on a queue and returns once the broker has it on disk.</summary>
public interface IEnvelopeSender
{
    /// <exception cref="UnroutableException">No such queue yet.</exception>
    Task SendAsync(string queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation);
}

/// <summary>The queue does not exist (yet).</summary>
/// <param name="queue">Its name.</param>
public sealed class UnroutableException(string queue) : Exception($"the queue {queue} does not exist");
