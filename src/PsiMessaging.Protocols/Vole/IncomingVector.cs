using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Protocols.Vole;

/// <summary>A round as it comes in, batch by batch in any order.</summary>
/// <param name="round">The round.</param>
/// <param name="stored">Whether its bytes are kept here.</param>
internal sealed class IncomingVector(Round round, bool stored)
{
    private readonly bool[] _seen = new bool[round.Batches];
    private readonly Lock _lock = new();
    private int _left = round.Batches;

    /// <summary>The bytes so far; whole when <see cref="Take"/> has said so.</summary>
    public byte[] Bytes { get; } = stored ? new byte[(long)round.Elements * round.ElementSizeBytes] : [];

    /// <summary>Whether every batch is here.</summary>
    public bool IsWhole => Volatile.Read(ref _left) == 0;

    /// <summary>Takes a batch.</summary>
    /// <returns>Whether it was the last one missing.</returns>
    public bool Take(int sequence, ReadOnlySpan<byte> payload)
    {
        if (payload.Length != round.CountOf(sequence) * round.ElementSizeBytes)
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"a batch of round {round.Name} does not fit the announced sizes");
        }

        lock (_lock)
        {
            if (_seen[sequence])
            {
                throw new InvalidOperationException($"batch {sequence} of round {round.Name} was taken before");
            }

            _seen[sequence] = true;
            if (stored)
            {
                payload.CopyTo(Bytes.AsSpan(round.FirstOf(sequence) * round.ElementSizeBytes));
            }

            return Interlocked.Decrement(ref _left) == 0;
        }
    }
}
