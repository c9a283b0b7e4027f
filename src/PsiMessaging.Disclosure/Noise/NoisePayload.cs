using System.Buffers.Binary;
using System.Collections.Immutable;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>Noise as an account keeps it, so that a question that is asked again gets the same: 8 bytes a draw, little-endian.</summary>
public static class NoisePayload
{
    /// <summary>Takes draws from a pool, as the payload of an entry.</summary>
    /// <param name="pool">Of the law whose cost is spent.</param>
    /// <param name="count">How many, at most 8,192 for an account's entry.</param>
    /// <exception cref="InvalidOperationException">
    /// The pool has too few now. Nothing is taken, and nothing is spent where this is what makes a payload.
    /// </exception>
    public static byte[] Take(NoisePool pool, int count)
    {
        var draws = new long[count];
        if (!pool.TryTake(draws))
        {
            throw new InvalidOperationException($"{count} draws of a {pool.Law} are not ready; draw batches ahead and ask again");
        }

        var payload = new byte[count * sizeof(long)];
        for (var i = 0; i < count; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(payload.AsSpan(i * sizeof(long)), draws[i]);
        }

        return payload;
    }

    /// <summary>The draws of an entry's payload.</summary>
    /// <exception cref="FormatException">Its length is no whole number of draws.</exception>
    public static long[] Read(ImmutableArray<byte> payload)
    {
        if (payload.Length % sizeof(long) != 0)
        {
            throw new FormatException($"{payload.Length} bytes are no draws of {sizeof(long)} bytes; the entry keeps something else");
        }

        var draws = new long[payload.Length / sizeof(long)];
        for (var i = 0; i < draws.Length; i++)
        {
            draws[i] = BinaryPrimitives.ReadInt64LittleEndian(payload.AsSpan()[(i * sizeof(long))..]);
        }

        return draws;
    }
}
