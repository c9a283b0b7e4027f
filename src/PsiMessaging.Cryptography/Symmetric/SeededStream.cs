using System.Buffers.Binary;
using System.Security.Cryptography;

namespace PsiMessaging.Cryptography.Symmetric;

/// <summary>
/// A reproducible stream of pseudorandom bytes: AES-256 in counter mode (NIST SP 800-38A section 6.5) from a zero counter, under a key that HKDF derives
/// from a session's seed and a label. The seed comes from the system generator; the stream lets a restarted process repeat its messages byte for byte.
/// Each label must be used for one purpose only. Not thread-safe.
/// </summary>
public sealed class SeededStream : IDisposable
{
    private const int BlockSizeBytes = 16;
    private readonly Aes _aes;
    private readonly byte[] _buffer = new byte[4096];
    private ulong _counter;
    private int _used;

    /// <summary>Opens the stream of <paramref name="label"/> and <paramref name="index"/> under <paramref name="seed"/>.</summary>
    public SeededStream(SecretBytes seed, ReadOnlySpan<byte> label, long index = 0)
    {
        Span<byte> salt = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(salt, index);
        using var key = seed.Derive(salt, label, 32);
        _aes = CreateAes(key.Span);
        _used = _buffer.Length;
    }

    /// <summary>The bare counter mode under a given key, for the published vectors.</summary>
    internal SeededStream(ReadOnlySpan<byte> key, ulong counter)
    {
        _aes = CreateAes(key);
        _counter = counter;
        _used = _buffer.Length;
    }

    private static Aes CreateAes(ReadOnlySpan<byte> key)
    {
        var aes = Aes.Create();
        aes.SetKey(key);
        return aes;
    }

    /// <summary>Fills <paramref name="destination"/> with the next bytes.</summary>
    public void Fill(Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            if (_used == _buffer.Length)
            {
                Refill();
            }

            var take = Math.Min(destination.Length, _buffer.Length - _used);
            _buffer.AsSpan(_used, take).CopyTo(destination);
            _buffer.AsSpan(_used, take).Clear();
            destination = destination[take..];
            _used += take;
        }
    }

    /// <summary>A uniform integer in [0, <paramref name="exclusiveMax"/>), by rejection.</summary>
    public int NextInt(int exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMax);
        var limit = uint.MaxValue - (uint)(((ulong)uint.MaxValue + 1) % (uint)exclusiveMax);
        Span<byte> word = stackalloc byte[4];
        while (true)
        {
            Fill(word);
            var value = BinaryPrimitives.ReadUInt32LittleEndian(word);
            if (value <= limit)
            {
                return (int)(value % (uint)exclusiveMax);
            }
        }
    }

    /// <summary>A uniform permutation of 0..<paramref name="count"/>-1 (Fisher–Yates).</summary>
    public int[] Permutation(int count)
    {
        var order = new int[count];
        for (var i = 0; i < count; i++)
        {
            order[i] = i;
        }

        for (var i = count - 1; i > 0; i--)
        {
            var j = NextInt(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }

    private void Refill()
    {
        for (var offset = 0; offset < _buffer.Length; offset += BlockSizeBytes)
        {
            BinaryPrimitives.WriteUInt64BigEndian(_buffer.AsSpan(offset), 0);
            BinaryPrimitives.WriteUInt64BigEndian(_buffer.AsSpan(offset + 8), _counter++);
        }

        _aes.EncryptEcb(_buffer, _buffer, PaddingMode.None);
        _used = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _aes.Dispose();
        CryptographicOperations.ZeroMemory(_buffer);
    }
}
