using System.Text;
using PsiMessaging.Cryptography.Ristretto;

namespace PsiMessaging.Cryptography.Symmetric;

/// <summary>Argon2id (RFC 9106), as libsodium computes it, on one lane: a key from a passphrase, as dear to guess as memory and time make it.</summary>
public static class PasswordHash
{
    /// <summary>Length of a salt in bytes.</summary>
    public const int SaltSizeBytes = 16;
    /// <summary>Passes that new files take; three, as libsodium's moderate limit.</summary>
    public const int UsualPasses = 3;
    /// <summary>Memory that new files take, in KiB: 256 MiB.</summary>
    public const int UsualMemoryKiB = 256 * 1024;
    /// <summary>Most passes that a file may ask for.</summary>
    public const int MostPasses = 64;
    /// <summary>Most memory that a file may ask for, in KiB: 1 GiB.</summary>
    public const int MostMemoryKiB = 1024 * 1024;

    private const int Argon2id = 2;

    /// <summary>Derives a key.</summary>
    /// <param name="passphrase">Any length.</param>
    /// <param name="salt"><see cref="SaltSizeBytes"/>, random for each use.</param>
    /// <param name="passes">1 to <see cref="MostPasses"/>.</param>
    /// <param name="memoryKiB">8 to <see cref="MostMemoryKiB"/>.</param>
    /// <param name="sizeBytes">16 or more.</param>
    /// <exception cref="InvalidOperationException">There is not so much memory.</exception>
    public static unsafe SecretBytes Derive(SecretBytes passphrase, ReadOnlySpan<byte> salt, int passes, int memoryKiB, int sizeBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(salt.Length, SaltSizeBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(passes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(passes, MostPasses);
        ArgumentOutOfRangeException.ThrowIfLessThan(memoryKiB, 8);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(memoryKiB, MostMemoryKiB);
        var grains = salt.ToArray();
        return SecretBytes.Fill(sizeBytes, output =>
        {
            fixed (byte* key = output, text = passphrase.Span, seasoning = grains)
            {
                var (size, length, memory) = ((ulong)output.Length, (ulong)passphrase.SizeBytes, (nuint)memoryKiB * 1024);
                if (Libsodium.crypto_pwhash(key, size, text, length, seasoning, (ulong)passes, memory, Argon2id) != 0)
                {
                    throw new InvalidOperationException($"the machine has no {memoryKiB / 1024:N0} MiB of memory for the passphrase's key");
                }
            }
        });
    }

    /// <summary>Whether an encoded hash is a passphrase's, for the published vectors.</summary>
    internal static unsafe bool Verify(string encoded, string passphrase)
    {
        var (hash, text) = (Encoding.ASCII.GetBytes(encoded + "\0"), Encoding.UTF8.GetBytes(passphrase));
        fixed (byte* hashAt = hash, textAt = text)
        {
            return Libsodium.crypto_pwhash_str_verify(hashAt, textAt, (ulong)text.Length) == 0;
        }
    }
}
