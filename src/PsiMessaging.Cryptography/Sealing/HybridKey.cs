using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Math.EC.Rfc7748;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Sealing;

/// <summary>
/// X-Wing (draft-connolly-cfrg-xwing-kem-10, ePrint 2024/039): a key encapsulation of ML-KEM-768 and X25519 together, safe while either of the two is. What
/// is recorded today does not open when X25519 falls to a quantum computer, nor when ML-KEM falls to an idea.
/// </summary>
/// <remarks>
/// Who holds the private key learns the secret of every encapsulation to it; who sees keys and encapsulations learns nothing of the secrets. It says nothing of
/// who made an encapsulation: messages are signed inside. Disposal wipes the half of X25519; that of ML-KEM lies in the library's objects, which cannot be
/// wiped, and goes with the garbage collector. Thread-safe.
/// </remarks>
public sealed class HybridKey : IDisposable
{
    /// <summary>Length of a private key in bytes: a seed.</summary>
    public const int SizeBytes = 32;
    /// <summary>Length of a public key in bytes.</summary>
    public const int PublicKeySizeBytes = MlKem768.PublicKeySizeBytes + CurveBytes;
    /// <summary>Length of an encapsulation in bytes.</summary>
    public const int EncapsulationSizeBytes = MlKem768.CiphertextSizeBytes + CurveBytes;
    /// <summary>Length of an encapsulation's secret in bytes.</summary>
    public const int SecretSizeBytes = 32;
    /// <summary>Length of what an encapsulation draws from the system generator in bytes.</summary>
    internal const int DrawnSizeBytes = MlKem768.MessageSizeBytes + CurveBytes;

    private const int CurveBytes = 32;
    private readonly MLKemPrivateKeyParameters _lattice;
    private readonly SecretBytes _curve;

    /// <summary>The key that grows from a seed; the caller keeps the seed.</summary>
    /// <param name="seed"><see cref="SizeBytes"/>.</param>
    public HybridKey(SecretBytes seed)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(seed.SizeBytes, SizeBytes);
        Span<byte> expanded = stackalloc byte[MlKem768.SeedSizeBytes + CurveBytes];
        Xof(seed.Span, expanded);
        _lattice = MlKem768.FromSeed(expanded[..MlKem768.SeedSizeBytes]);
        _curve = SecretBytes.CopyOf(expanded[MlKem768.SeedSizeBytes..]);
        CryptographicOperations.ZeroMemory(expanded);
        var scalar = _curve.Span.ToArray();
        var point = new byte[CurveBytes];
        X25519.ScalarMultBase(scalar, 0, point, 0);
        CryptographicOperations.ZeroMemory(scalar);
        PublicKey = [.. _lattice.GetPublicKeyEncoded(), .. point];
    }

    /// <summary>The public key, <see cref="PublicKeySizeBytes"/>.</summary>
    public byte[] PublicKey { get; }

    /// <summary>Makes a secret that only the holder of a public key opens.</summary>
    /// <param name="publicKey">Anything; a key of another length, or one FIPS 203 section 7.2 refuses, gives false.</param>
    /// <param name="encapsulation">What to send, <see cref="EncapsulationSizeBytes"/>.</param>
    /// <param name="secret">The secret, <see cref="SecretSizeBytes"/>.</param>
    public static bool TryEncapsulate(ReadOnlySpan<byte> publicKey, out byte[] encapsulation, out SecretBytes? secret)
    {
        Span<byte> drawn = stackalloc byte[DrawnSizeBytes];
        RandomNumberGenerator.Fill(drawn);
        var made = TryEncapsulate(publicKey, drawn, out encapsulation, out secret);
        CryptographicOperations.ZeroMemory(drawn);
        return made;
    }

    /// <summary>The same from what was drawn, for the published vectors (the draft's EncapsulateDerand).</summary>
    internal static bool TryEncapsulate(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> drawn, out byte[] encapsulation, out SecretBytes? secret)
    {
        encapsulation = [];
        secret = null;
        if (publicKey.Length != PublicKeySizeBytes)
        {
            return false;
        }

        var result = new byte[EncapsulationSizeBytes];
        using var lattice = MlKem768.TryEncapsulate(publicKey[..MlKem768.PublicKeySizeBytes], drawn[..MlKem768.MessageSizeBytes],
            result.AsSpan(0, MlKem768.CiphertextSizeBytes));
        if (lattice is null)
        {
            return false;
        }

        var scalar = drawn[MlKem768.MessageSizeBytes..].ToArray();
        X25519.ScalarMultBase(scalar, 0, result, MlKem768.CiphertextSizeBytes);
        var point = publicKey[MlKem768.PublicKeySizeBytes..];
        secret = Combine(lattice, scalar, point, result.AsSpan(MlKem768.CiphertextSizeBytes), point);
        CryptographicOperations.ZeroMemory(scalar);
        encapsulation = result;
        return true;
    }

    /// <summary>
    /// The secret of an encapsulation; null when its length is wrong. One that was made for another key, or altered, gives a secret that nobody else has:
    /// what is sealed under it does not open.
    /// </summary>
    public SecretBytes? TryDecapsulate(ReadOnlySpan<byte> encapsulation)
    {
        if (encapsulation.Length != EncapsulationSizeBytes)
        {
            return null;
        }

        using var lattice = MlKem768.Decapsulate(_lattice, encapsulation[..MlKem768.CiphertextSizeBytes]);
        var scalar = _curve.Span.ToArray();
        var point = encapsulation[MlKem768.CiphertextSizeBytes..];
        var secret = Combine(lattice, scalar, point, point, PublicKey.AsSpan(MlKem768.PublicKeySizeBytes));
        CryptographicOperations.ZeroMemory(scalar);
        return secret;
    }

    /// <inheritdoc/>
    public void Dispose() => _curve.Dispose();

    /// <summary>SHA3-256 over both secrets, the encapsulation's point and the key's, and X-Wing's label (section 5.3 of the draft).</summary>
    private static SecretBytes Combine(SecretBytes lattice, byte[] scalar, ReadOnlySpan<byte> other, ReadOnlySpan<byte> sentPoint, ReadOnlySpan<byte> ownPoint)
    {
        // An all-zero result (a point of small order) is not refused, as the draft has it: ML-KEM's secret is in the hash all the same.
        var shared = new byte[CurveBytes];
        X25519.ScalarMult(scalar, 0, other.ToArray(), 0, shared, 0);
        byte[] all = [.. lattice.Span, .. shared, .. sentPoint, .. ownPoint, .. DomainTags.XWing];
        Span<byte> hash = stackalloc byte[SecretSizeBytes];
        Sha3(all, hash);
        var secret = SecretBytes.CopyOf(hash);
        CryptographicOperations.ZeroMemory(shared);
        CryptographicOperations.ZeroMemory(all);
        CryptographicOperations.ZeroMemory(hash);
        return secret;
    }

    // The system's SHA-3 where it has one; the library's elsewhere, such as on machines with an older OpenSSL.
    private static void Sha3(byte[] input, Span<byte> output)
    {
        if (SHA3_256.IsSupported)
        {
            SHA3_256.HashData(input, output);
            return;
        }

        var digest = new Org.BouncyCastle.Crypto.Digests.Sha3Digest(256);
        digest.BlockUpdate(input);
        digest.DoFinal(output);
    }

    private static void Xof(ReadOnlySpan<byte> input, Span<byte> output)
    {
        if (Shake256.IsSupported)
        {
            Shake256.HashData(input, output);
            return;
        }

        var digest = new Org.BouncyCastle.Crypto.Digests.ShakeDigest(256);
        digest.BlockUpdate(input);
        digest.OutputFinal(output);
    }
}
