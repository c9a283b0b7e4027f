using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Files;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.Party.Session;

/// <summary>
/// A session's own secrets: the seed from which exponents, blinds and the shuffle derive, and the RSA key where this party signs under a fresh one. On disk
/// before the first message leaves, in a file only the owner can read, and destroyed when the session ends.
/// </summary>
internal sealed class SessionSecrets : IDisposable
{
    private const int SeedSizeBytes = 32;
    private const string FileName = "secret.key";
    private const string LaterFiles = "secret-*.key";

    private SessionSecrets(SecretBytes seed, RsaPrivateKey? rsa) => (Seed, Rsa) = (seed, rsa);

    public SecretBytes Seed { get; }

    public RsaPrivateKey? Rsa { get; }

    /// <summary>Proof of an own RSA key, bound to the session.</summary>
    public static byte[] KeyProof(RsaPrivateKey key, string sessionId)
    {
        using var arithmetic = RsaArithmetic.Create(key);
        return RsaKeyProof.Create(arithmetic, Encoding.UTF8.GetBytes(sessionId));
    }

    /// <summary>Checks a peer's key and its proof.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? FaultOf(int bits, byte[] modulus, byte[] exponent, byte[] proof, string sessionId)
    {
        if (!RsaPublicKey.TryCreate(bits, modulus, exponent, out var key, out var fault))
        {
            return fault;
        }

        using var arithmetic = RsaArithmetic.Create(key!);
        return RsaKeyProof.Verify(arithmetic, Encoding.UTF8.GetBytes(sessionId), proof) ? null : "the proof that its exponent permutes does not verify";
    }

    /// <summary>The hand-shake nonce, 32 bytes: fresh with the seed, and the same again after a restart.</summary>
    public byte[] Nonce()
    {
        using var nonce = Seed.Derive([], DomainTags.Nonce, 32);
        return nonce.Span.ToArray();
    }

    /// <summary>The keyed hash whose order is the session's shuffle.</summary>
    public KeyedHash Shuffle()
    {
        using var key = Seed.Derive([], DomainTags.Shuffle, KeyedHash.KeySizeBytes);
        return new KeyedHash(key.Span);
    }

    /// <param name="sessionPath">The session's folder; made when missing.</param>
    /// <param name="rsaBits">Length of the RSA key to make, or 0 for none.</param>
    /// <param name="attempt">Each attempt at the rounds has secrets of its own.</param>
    public static SessionSecrets LoadOrCreate(string sessionPath, int rsaBits, int attempt = 0)
    {
        PrivateFile.CreateFolder(sessionPath);
        var path = PathOf(sessionPath, attempt);
        if (!File.Exists(path))
        {
            using var seed = SecretBytes.Random(SeedSizeBytes);
            using var rsa = rsaBits == 0 ? null : RsaPrivateKey.Generate(rsaBits);
            byte[] content = rsa is null ? seed.Span.ToArray() : [.. seed.Span, .. rsa.Pkcs8.Span];
            AtomicFile.Write(path, content);
            CryptographicOperations.ZeroMemory(content);
        }

        return Load(sessionPath, attempt);
    }

    /// <summary>The secrets of a session that has begun; never makes new ones, which would continue it under other blinds.</summary>
    public static SessionSecrets Load(string sessionPath, int attempt = 0)
    {
        var stored = OwnerOnlyFile.Read(PathOf(sessionPath, attempt), "the session's secret file");
        var secrets = new SessionSecrets(
            SecretBytes.CopyOf(stored.AsSpan(0, SeedSizeBytes)), stored.Length == SeedSizeBytes ? null : RsaPrivateKey.FromPkcs8(stored.AsSpan(SeedSizeBytes)));
        CryptographicOperations.ZeroMemory(stored);
        return secrets;
    }

    public static bool Exist(string sessionPath) =>
        File.Exists(PathOf(sessionPath, 0)) || (Directory.Exists(sessionPath) && Directory.EnumerateFiles(sessionPath, LaterFiles).Any());

    public static void Destroy(string sessionPath)
    {
        AtomicFile.Destroy(PathOf(sessionPath, 0));
        if (Directory.Exists(sessionPath))
        {
            Array.ForEach(Directory.GetFiles(sessionPath, LaterFiles), AtomicFile.Destroy);
        }
    }

    /// <summary>Destroys the secrets of one attempt that has been given up.</summary>
    public static void Destroy(string sessionPath, int attempt) => AtomicFile.Destroy(PathOf(sessionPath, attempt));

    private static string PathOf(string sessionPath, int attempt) => Path.Combine(sessionPath, attempt == 0 ? FileName : $"secret-{attempt}.key");

    public void Dispose()
    {
        Seed.Dispose();
        Rsa?.Dispose();
    }

    /// <summary>16-byte check value of the shared key, bound to the session.</summary>
    public static byte[] SharedKeyCheck(SecretBytes shared, string sessionId)
    {
        using var check = shared.Derive(Encoding.UTF8.GetBytes(sessionId), DomainTags.SharedKeyCheck, 16);
        return check.Span.ToArray();
    }
}
