using System.Diagnostics;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Ristretto;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Party.Engine;

namespace PsiMessaging.Cli.Simulation;

/// <summary>The primitives' own speed on one core, and how often a protocol needs them: the ceiling a run is held against.</summary>
internal static class PrimitiveRates
{
    public const string Multiplication = "ristretto255 multiplications";
    public const string HashToGroup = "ristretto255 hashes to the group";
    private const string PrivateOperation = "RSA private operations";
    private const string Block = "AES-128 blocks";
    private static readonly TimeSpan Sample = TimeSpan.FromSeconds(1);

    /// <summary>Operations both parties need together.</summary>
    public static Dictionary<string, long> OperationsOf(string protocol, string reveal, bool reuse, int rows1, int rows2)
    {
        if (protocol == SessionRules.Ecdh)
        {
            // Each set is hashed once, masked by its owner and again by the other.
            return new() { [Multiplication] = 2L * (rows1 + rows2), [HashToGroup] = rows1 + rows2 };
        }

        if (protocol == SessionRules.Vole)
        {
            // A row is hashed for its start, its band each time it is used, its value and its output; trees and code follow the receiver's set. The smaller set receives.
            var (receiver, sender) = reveal == SessionRules.Responder || (reveal == SessionRules.Both && rows1 > rows2) ? (rows2, rows1) : (rows1, rows2);
            var length = (long)(2.2 * receiver);
            return new() { [Block] = (9L * receiver) + (5L * sender) + (2 * ((2 * length) + (4 * receiver))) };
        }

        // A receiver's identifiers are signed blinded, a sender's own for its tags, unless they were before.
        long first = rows1 + (reuse ? 0 : rows2), second = rows2 + (reuse ? 0 : rows1);
        return new() { [PrivateOperation] = (reveal is SessionRules.Both or SessionRules.Initiator ? first : 0) + (reveal is SessionRules.Both or SessionRules.Responder ? second : 0) };
    }

    /// <summary>Measures every operation a protocol needs.</summary>
    public static Dictionary<string, double> Measure(string protocol, int rsaBits)
    {
        if (protocol == SessionRules.Ecdh)
        {
            using var seed = SecretBytes.Random(32);
            using var scalar = RistrettoScalar.Derive(seed, "psi bench"u8);
            byte[] element = new byte[32], product = new byte[32];
            RistrettoGroup.HashToGroup("psi bench"u8, "item"u8, element);
            return new()
            {
                [Multiplication] = Rate(() => scalar.TryMultiply(element, product)),
                [HashToGroup] = Rate(() => RistrettoGroup.HashToGroup("psi bench, a tag of usual length, with a transcript of 32 bytes behind"u8, "000123456789"u8, product)),
            };
        }

        if (protocol == SessionRules.Vole)
        {
            using var aes = new Aes128(new byte[Aes128.KeySizeBytes]);
            var blocks = new System.Runtime.Intrinsics.Vector128<byte>[4096];
            return new() { [Block] = blocks.Length * Rate(() => aes.Hash(blocks, blocks)) };
        }

        using var key = RsaPrivateKey.Generate(rsaBits);
        using var arithmetic = RsaArithmetic.Create(key);
        byte[] value = new byte[arithmetic.SizeBytes], result = new byte[arithmetic.SizeBytes];
        BlindRsaSuite.Encode("psi bench"u8, value);
        return new() { [PrivateOperation] = Rate(() => arithmetic.PrivateOperation(value, result)) };
    }

    private static double Rate(Action operation)
    {
        operation();
        var watch = Stopwatch.StartNew();
        var count = 0;
        while (watch.Elapsed < Sample)
        {
            operation();
            count++;
        }

        return count / watch.Elapsed.TotalSeconds;
    }
}
