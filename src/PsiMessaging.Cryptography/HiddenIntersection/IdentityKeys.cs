using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.HiddenIntersection;

/// <summary>
/// What a record's identity gives: a token, by which the linker matches, and two mask keys, one for the uploads of each party. They are made from the values
/// F1 and F2 of two oblivious pseudorandom functions, one keyed by each party: output = (π(F1) ⊕ F1) ⊕ (π'(F2) ⊕ F2) with a pair of permutations of its own
/// for each of the three, under keys that both parties know and that are bound to the session (Matyas–Meyer–Oseas, ePrint 2019/074, AES as an ideal cipher).
/// </summary>
/// <remarks>
/// Whoever lacks one of the two values has three independent uniform blocks: a linker that knows all a party knows can test that party's own identifiers only.
/// Never one mask key for both directions: the linker is given the keys of one party's unmatched records, and would unmask their uploads.
/// </remarks>
public static class IdentityKeys
{
    private const int Chunk = 4096;

    /// <summary>Makes all three for records in any order, which is kept. The caller owns the results, which are secret.</summary>
    /// <param name="transcript">Hash of the parties' hand-shake, 32 bytes.</param>
    /// <param name="first">F1 of each record, keyed by the responder.</param>
    /// <param name="second">F2 of each record, keyed by the initiator.</param>
    /// <param name="cores">Threads.</param>
    /// <returns>Blocks whose first bytes are tokens; keys κ1 of the initiator's uploads; keys κ2 of the responder's.</returns>
    public static (BlockBuffer Tokens, BlockBuffer InitiatorKeys, BlockBuffer ResponderKeys) Derive(
        ReadOnlySpan<byte> transcript, BlockBuffer first, BlockBuffer second, Cores cores)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(second.Length, first.Length);
        return (Combine("token", transcript, first, second, cores), Combine("initiator", transcript, first, second, cores),
            Combine("responder", transcript, first, second, cores));
    }

    private static BlockBuffer Combine(string purpose, ReadOnlySpan<byte> transcript, BlockBuffer first, BlockBuffer second, Cores cores)
    {
        using var one = new Aes128(Key(purpose, 1, transcript));
        using var two = new Aes128(Key(purpose, 2, transcript));
        var outputs = new BlockBuffer(first.Length);
        cores.Split(first.Length, Chunk, (_, from, end) =>
        {
            Span<Vector128<byte>> hashes = new Vector128<byte>[Math.Min(Chunk, end - from)];
            for (var at = from; at < end; at += Chunk)
            {
                var to = outputs.Span[at..Math.Min(end, at + Chunk)];
                one.Hash(first.Span.Slice(at, to.Length), to);
                two.Hash(second.Span.Slice(at, to.Length), hashes);
                for (var i = 0; i < to.Length; i++)
                {
                    to[i] ^= hashes[i];
                }
            }

            hashes.Clear();
        });
        return outputs;
    }

    private static byte[] Key(string purpose, byte value, ReadOnlySpan<byte> transcript) =>
        SHA256.HashData([.. DomainTags.HiddenIdentity, .. transcript, value, .. System.Text.Encoding.ASCII.GetBytes(purpose)])[..Aes128.KeySizeBytes];
}
