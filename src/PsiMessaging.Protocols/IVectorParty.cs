using System.Collections;

namespace PsiMessaging.Protocols;

/// <summary>
/// A party that computes over whole vectors and keeps them in memory while the session runs. It is made anew after a restart and given again what it had
/// received, from disk; since all it draws comes from the session's seed, what it sends is then the same byte for byte, and whoever drives it sees to that. Not
/// thread-safe, but the tasks it returns may be awaited together.
/// </summary>
public interface IVectorParty : ISessionParty
{
    /// <summary>
    /// A batch of an outgoing round. Everything the round is <see cref="Round.After"/> must have been absorbed, and all rounds of the stages before its own be
    /// over (<see cref="Round.Stage"/>); so for <see cref="AbsorbAsync"/>.
    /// </summary>
    /// <exception cref="RestartException">The protocol must begin again under other keys.</exception>
    /// <exception cref="ProtocolViolationException">What the peer sent breaks the protocol.</exception>
    Task<byte[]> ProduceAsync(Round round, int sequence);

    /// <summary>Takes a batch of an incoming round, whose length the caller has checked; each once, in any order.</summary>
    /// <exception cref="ProtocolViolationException">It breaks the protocol.</exception>
    Task AbsorbAsync(Round round, int sequence, ReadOnlyMemory<byte> payload);

    /// <summary>Which own items are common, by their position, and how many. All rounds must be over.</summary>
    /// <exception cref="ProtocolViolationException">The peer claims what does not hold.</exception>
    Task<(BitArray Positions, int Count)> FinishAsync();
}

/// <summary>By chance, not by fault, the protocol cannot go on under the keys it has; it must begin again with fresh secrets.</summary>
/// <param name="message">One line for a person.</param>
public sealed class RestartException(string message) : Exception(message);
