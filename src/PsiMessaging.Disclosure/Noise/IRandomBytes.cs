using System.Runtime.InteropServices;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Symmetric;

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

    private const int BufferWords = 512;

    private readonly WordStream _words;
    private readonly byte[] _stream = new byte[BufferWords * sizeof(ulong)];
    private long _next;
    private int _used = BufferWords * sizeof(ulong);

    /// <summary>A stream from its beginning.</summary>
    /// <param name="key">32 bytes that serve for this stream alone: the same key elsewhere gives the same noise.</param>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    public SeededRandomBytes(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeyBytes)
        {
            throw new ArgumentException($"a stream's key has {KeyBytes} bytes, not {key.Length}", nameof(key));
        }

        using var secret = SecretBytes.CopyOf(key);
        _words = new WordStream(secret);
    }

    public void Fill(Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            if (_used == _stream.Length)
            {
                _words.Fill(_next, MemoryMarshal.Cast<byte, ulong>(_stream.AsSpan()));
                (_next, _used) = (_next + BufferWords, 0);
            }

            var taken = Math.Min(destination.Length, _stream.Length - _used);
            _stream.AsSpan(_used, taken).CopyTo(destination);
            _used += taken;
            destination = destination[taken..];
        }
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_stream);
        _words.Dispose();
    }
}
