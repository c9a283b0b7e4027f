using System.Security.Cryptography;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>Where noise has its randomness from. Every byte given is uniform, independent of all others, and given once.</summary>
public interface IRandomBytes
{
    /// <summary>Fills <paramref name="destination"/>.</summary>
    void Fill(Span<byte> destination);
}

/// <summary>The operating system's generator, for noise that nobody can compute again. Safe for several threads.</summary>
public sealed class SystemRandomBytes : IRandomBytes
{
    public void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);
}

/// <summary>
/// AES-256 in counter mode under a key: the same key gives the same bytes, so whoever has it can compute the noise and take it off. For noise that must come
/// out the same again (of one cell key, or of a question whose answer is computed anew after a crash), and for tests with fixed seeds. Not for several threads.
/// Source: NIST SP 800-38A, 6.5; the counter is the block's last 8 bytes, big-endian, from zero.
/// </summary>
public sealed class SeededRandomBytes : IRandomBytes, IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyBytes = 32;

    private const int BlockBytes = 16;
    private const int BufferBytes = 256 * BlockBytes;

    private readonly Aes _aes;
    private readonly byte[] _counters = new byte[BufferBytes];
    private readonly byte[] _stream = new byte[BufferBytes];
    private ulong _counter;
    private int _used = BufferBytes;

    /// <summary>A stream from its beginning.</summary>
    /// <param name="key">32 bytes that serve for this stream alone: the same key elsewhere gives the same noise.</param>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    public SeededRandomBytes(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeyBytes)
        {
            throw new ArgumentException($"a stream's key has {KeyBytes} bytes, not {key.Length}", nameof(key));
        }

        _aes = Aes.Create();
        _aes.Key = key.ToArray();
    }

    public void Fill(Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            if (_used == BufferBytes)
            {
                Refill();
            }

            var taken = Math.Min(destination.Length, BufferBytes - _used);
            _stream.AsSpan(_used, taken).CopyTo(destination);
            _used += taken;
            destination = destination[taken..];
        }
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_stream);
        _aes.Dispose();
    }

    private void Refill()
    {
        for (var at = 0; at < BufferBytes; at += BlockBytes)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(_counters.AsSpan(at + 8), _counter++);
        }

        // One block after the other of distinct counters: the mode's name is ECB, what it makes here is a counter mode.
        _aes.EncryptEcb(_counters, _stream, PaddingMode.None);
        _used = 0;
    }
}
