using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.Sessions.Engine;

/// <summary>
/// A session's own secrets: the seed from which blinds and shuffles derive, and the RSA key. On disk before the first message leaves, in a file only the
/// owner can read, and destroyed when the session ends.
/// </summary>
internal sealed class SessionSecrets : IDisposable
{
    private const int SeedSizeBytes = 32;
    private const string FileName = "secret.key";

    private SessionSecrets(SecretBytes seed, RsaPrivateKey rsa)
    {
        Seed = seed;
        Rsa = rsa;
    }

    public SecretBytes Seed { get; }

    public RsaPrivateKey Rsa { get; }

    /// <summary>Proof of the own RSA key, bound to the session.</summary>
    public byte[] KeyProof(string sessionId)
    {
        using var arithmetic = RsaArithmetic.Create(Rsa);
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
        using var nonce = Seed.Derive([], Encoding.UTF8.GetBytes("psi/v1/nonce"), 32);
        return nonce.Span.ToArray();
    }

    public static SessionSecrets LoadOrCreate(string sessionPath, int rsaBits)
    {
        Directory.CreateDirectory(sessionPath);
        var path = Path.Combine(sessionPath, FileName);
        if (!File.Exists(path))
        {
            using var seed = SecretBytes.Random(SeedSizeBytes);
            using var rsa = RsaPrivateKey.Generate(rsaBits);
            byte[] content = [.. seed.Span, .. rsa.Pkcs8.Span];
            OwnerOnlyFile.Write(path, content);
            CryptographicOperations.ZeroMemory(content);
        }

        return Load(sessionPath);
    }

    /// <summary>The secrets of a session that has begun; never makes new ones, which would continue it under other blinds.</summary>
    public static SessionSecrets Load(string sessionPath)
    {
        var stored = OwnerOnlyFile.Read(Path.Combine(sessionPath, FileName), "the session's secret file");
        var secrets = new SessionSecrets(SecretBytes.CopyOf(stored.AsSpan(0, SeedSizeBytes)), RsaPrivateKey.FromPkcs8(stored.AsSpan(SeedSizeBytes)));
        CryptographicOperations.ZeroMemory(stored);
        return secrets;
    }

    public static bool Exist(string sessionPath) => File.Exists(Path.Combine(sessionPath, FileName));

    public static void Destroy(string sessionPath) => OwnerOnlyFile.Destroy(Path.Combine(sessionPath, FileName));

    public void Dispose()
    {
        Seed.Dispose();
        Rsa.Dispose();
    }

    /// <summary>16-byte check value of the shared key, bound to the session.</summary>
    public static byte[] SharedKeyCheck(SecretBytes shared, string sessionId)
    {
        using var check = shared.Derive(Encoding.UTF8.GetBytes(sessionId), DomainTags.SharedKeyCheck, 16);
        return check.Span.ToArray();
    }
}

/// <summary>The positions of common identifiers in the own key table, as a file.</summary>
internal static class MatchedFile
{
    public static string PathIn(string sessionPath) => Path.Combine(sessionPath, "matched.bin");

    public static void Write(string sessionPath, int[] matched) => Data.Output.AtomicFile.Write(PathIn(sessionPath), stream =>
    {
        Span<byte> word = stackalloc byte[4];
        foreach (var index in matched)
        {
            BinaryPrimitives.WriteInt32LittleEndian(word, index);
            stream.Write(word);
        }
    });

    public static int[] Read(string sessionPath)
    {
        var bytes = File.ReadAllBytes(PathIn(sessionPath));
        var matched = new int[bytes.Length / 4];
        for (var i = 0; i < matched.Length; i++)
        {
            matched[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(i * 4));
        }

        return matched;
    }
}
