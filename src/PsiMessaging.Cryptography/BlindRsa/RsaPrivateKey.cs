using System.Security.Cryptography;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.BlindRsa;

/// <summary>An RSA private key, kept as a PKCS#8 document in wiped memory.</summary>
public sealed class RsaPrivateKey : IDisposable
{
    private RsaPrivateKey(SecretBytes pkcs8, RsaPublicKey publicKey)
    {
        Pkcs8 = pkcs8;
        PublicKey = publicKey;
    }

    /// <summary>The public half.</summary>
    public RsaPublicKey PublicKey { get; }

    /// <summary>RFC 5208 PrivateKeyInfo, DER.</summary>
    public SecretBytes Pkcs8 { get; }

    /// <summary>Makes a key with .NET's generator (OpenSSL on Linux).</summary>
    /// <param name="bits">A length <see cref="RsaPublicKey.IsAllowedLength"/> accepts.</param>
    public static RsaPrivateKey Generate(int bits)
    {
        if (!RsaPublicKey.IsAllowedLength(bits))
        {
            throw new ArgumentOutOfRangeException(nameof(bits), bits, "not an allowed RSA length");
        }

        using var rsa = RSA.Create(bits);
        return FromRsa(rsa);
    }

    /// <summary>Reads a stored key.</summary>
    /// <exception cref="CryptographicException">The document is not an RSA key of an allowed length.</exception>
    public static RsaPrivateKey FromPkcs8(ReadOnlySpan<byte> pkcs8)
    {
        using var rsa = RSA.Create();
        rsa.ImportPkcs8PrivateKey(pkcs8, out _);
        return FromRsa(rsa);
    }

    internal static RsaPrivateKey FromRsa(RSA rsa)
    {
        var parameters = rsa.ExportParameters(includePrivateParameters: false);
        if (!RsaPublicKey.TryCreate(parameters.Modulus!.Length * 8, parameters.Modulus, parameters.Exponent, out var publicKey, out var fault))
        {
            throw new CryptographicException(fault);
        }

        var document = rsa.ExportPkcs8PrivateKey();
        var secret = SecretBytes.CopyOf(document);
        CryptographicOperations.ZeroMemory(document);
        return new RsaPrivateKey(secret, publicKey!);
    }

    /// <inheritdoc/>
    public void Dispose() => Pkcs8.Dispose();
}
