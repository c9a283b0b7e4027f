using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Fields;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Vole;

/// <summary>
/// Public keys of one silent VOLE, all bound to its session by whoever derives them. 16 bytes each.
/// </summary>
/// <param name="Left">Left children of the trees.</param>
/// <param name="Right">Right children.</param>
/// <param name="Transfer">Hash that hides the trees' corrections.</param>
/// <param name="Code">Coefficients of the code.</param>
public sealed record VoleKeys(byte[] Left, byte[] Right, byte[] Transfer, byte[] Code);

/// <summary>
/// Silent vector oblivious linear evaluation over GF(2^128) (Boyle, Couteau, Gilboa, Ishai, ePrint 2018 and 2019/1159; parameters of
/// <see cref="LpnParameters"/>): the receiver gets vectors A and C, the sender a vector B, with C = Δ·A + B for the sender's Δ. Correlated transfers under Δ
/// give the trees' corrections and, packed by 128, one correlation a tree, which becomes the noise; the code makes it pseudorandom. One message, from sender to
/// receiver: (32·d + 16) bytes a tree.
/// </summary>
/// <remarks>
/// Order of the transfers: d a tree, then 128 a tree, then in the malicious variant 128 for the check of the trees. That check (after Boyle et al. and RRT23,
/// soundness 2^-104): with X from the receiver, both sides compare a hash of Σ X^(i+1)·leaf_i and a spare correlation, so a sender whose trees are not
/// consistent is caught, except that it learns whether a guess about the noise's places was right.
/// </remarks>
public static class SilentVole
{
    /// <summary>Bytes of the receiver's check message: X and δ.</summary>
    public const int ChallengeSizeBytes = 32;
    /// <summary>Bytes of the sender's answer to it.</summary>
    public const int AnswerSizeBytes = 32;

    /// <summary>Σ x^i · rows_i over 128 rows: packs 128 bit-wise correlations into one over the field.</summary>
    internal static Vector128<byte> Pack(ReadOnlySpan<Vector128<byte>> rows)
    {
        var sum = Vector128<byte>.Zero;
        for (var i = rows.Length - 1; i >= 0; i--)
        {
            sum = BinaryField128.Double(sum) ^ rows[i];
        }

        return sum;
    }

    /// <summary>base^exponent, in time that does not depend on the exponent: it tells where the noise is.</summary>
    /// <param name="value">The base.</param>
    /// <param name="exponent">0 to 2^32 - 1.</param>
    internal static Vector128<byte> Power(Vector128<byte> value, long exponent)
    {
        var result = Vector128.CreateScalar((byte)1);
        for (var bit = 0; bit < 32; bit++)
        {
            var taken = Vector128.Create((byte)-(int)((exponent >> bit) & 1));
            var product = BinaryField128.Multiply(result, value);
            result = (product & taken) | (result & ~taken);
            value = BinaryField128.Multiply(value, value);
        }

        return result;
    }

    /// <summary>Σ X^(first + i + 1)·leaf_i.</summary>
    internal static Vector128<byte> Evaluate(Vector128<byte> point, long first, ReadOnlySpan<Vector128<byte>> leaves) =>
        BinaryField128.Multiply(BinaryField128.Evaluate(point, leaves), Power(point, first + 1));

    /// <summary>The sum of all blocks.</summary>
    internal static Vector128<byte> Sum(ReadOnlySpan<Vector128<byte>> blocks)
    {
        var lines = MemoryMarshal.Cast<Vector128<byte>, Vector512<byte>>(blocks);
        var wide = Vector512<byte>.Zero;
        foreach (var line in lines)
        {
            wide ^= line;
        }

        var half = wide.GetLower() ^ wide.GetUpper();
        var sum = half.GetLower() ^ half.GetUpper();
        foreach (var block in blocks[(lines.Length * 4)..])
        {
            sum ^= block;
        }

        return sum;
    }

    internal static byte[] HashOf(Vector128<byte> value)
    {
        Span<byte> bytes = stackalloc byte[16];
        value.CopyTo(bytes);
        return SHA256.HashData([.. DomainTags.VoleTreeCheck, .. bytes]);
    }

    /// <summary>
    /// Copies a tree's leaves to their places: the first m elements to the head, the others behind the tail's wrap, every <paramref name="stride"/>-th block.
    /// </summary>
    internal static void Place(ReadOnlySpan<Vector128<byte>> leaves, LpnParameters parameters,
        int tree, Span<Vector128<byte>> head, Span<Vector128<byte>> tail, int stride, int lane)
    {
        var first = tree * parameters.BlockLength;
        var inHead = Math.Clamp(parameters.Outputs - first, 0, leaves.Length);
        leaves[..inHead].CopyTo(head[Math.Min(first, parameters.Outputs)..]);
        var at = ((first + inHead - parameters.Outputs + ExpandConvoluteCode.Wrap) * stride) + lane;
        if (stride == 1)
        {
            leaves[inHead..].CopyTo(tail[Math.Max(0, at)..]);
            return;
        }

        foreach (var leaf in leaves[inHead..])
        {
            tail[at] = leaf;
            at += stride;
        }
    }
}

/// <summary>The side of <see cref="SilentVole"/> that holds Δ and gets B.</summary>
public static class VoleSender
{
    /// <summary>Expands the trees and encodes, for whoever needs neither the leaves nor the corrections before.</summary>
    /// <param name="parameters">Sizes.</param>
    /// <param name="keys">Public keys.</param>
    /// <param name="roots">Secret key from which the trees' roots come, 16 bytes, used for this once.</param>
    /// <param name="delta">Δ.</param>
    /// <param name="transfers">q of all transfers.</param>
    /// <param name="point">The receiver's X in the malicious variant's check, or null.</param>
    /// <param name="corrections">Receives the message: <see cref="LpnParameters.TreeSizeBytes"/> a tree.</param>
    /// <param name="cores">Threads.</param>
    /// <returns>B, m blocks or a few more, and Σ X^(i+1)·B̂_i when a point was given.</returns>
    public static (BlockBuffer B, Vector128<byte> Evaluation) Expand(
        LpnParameters parameters, VoleKeys keys, SecretBytes roots, Vector128<byte> delta,
        BlockBuffer transfers, Vector128<byte>? point, Memory<byte> corrections, Cores cores)
    {
        using var leaves = SenderLeaves.Expand(parameters, keys, roots, delta, transfers, corrections, cores);
        var evaluation = point is { } x ? leaves.Evaluate(x, cores) : default;
        return (leaves.Encode(cores), evaluation);
    }

    /// <summary>The answer to the receiver's check.</summary>
    /// <param name="parameters">Sizes.</param>
    /// <param name="delta">Δ.</param>
    /// <param name="transfers">q of all transfers.</param>
    /// <param name="evaluation">Σ X^(i+1)·B̂_i.</param>
    /// <param name="claim">The receiver's δ.</param>
    public static byte[] Answer(LpnParameters parameters, Vector128<byte> delta,
        ReadOnlySpan<Vector128<byte>> transfers, Vector128<byte> evaluation, Vector128<byte> claim)
    {
        var spare = SilentVole.Pack(transfers.Slice(parameters.Noise * (parameters.Depth + 128), 128));
        return SilentVole.HashOf(evaluation ^ spare ^ BinaryField128.Multiply(delta, claim));
    }
}

/// <summary>
/// The side of <see cref="SilentVole"/> that gets A and C. Its noise places and choice bits come from one secret key, the same for the same key.
/// </summary>
public sealed class VoleReceiver : IDisposable
{
    private readonly LpnParameters _parameters;
    private readonly int[] _points;

    /// <param name="parameters">Sizes.</param>
    /// <param name="noise">Secret key of the noise, 16 bytes, used for this once.</param>
    /// <param name="malicious">Whether there are transfers for the check of the trees.</param>
    public VoleReceiver(LpnParameters parameters, ReadOnlySpan<byte> noise, bool malicious)
    {
        parameters.ThrowIfWeak();
        _parameters = parameters;
        using var stream = new Aes128(noise);
        var draws = new Vector128<byte>[parameters.Noise];
        stream.Counter(0, draws);
        _points = Array.ConvertAll(draws, draw => (int)Math.BigMul(draw.AsUInt64().GetElement(0), (ulong)parameters.BlockLength, out _));
        draws.AsSpan().Clear();

        // All bits are random but those that open the trees.
        Choices = new Vector128<byte>[parameters.TransferTiles(malicious)];
        stream.Counter(1UL << 32, Choices);
        var words = MemoryMarshal.Cast<Vector128<byte>, ulong>(Choices.AsSpan());
        for (var tree = 0; tree < parameters.Noise; tree++)
        {
            for (var level = 1; level <= parameters.Depth; level++)
            {
                var at = (tree * parameters.Depth) + level - 1;
                var bit = 1UL - (ulong)PuncturedTrees.PathBit(_points[tree], parameters.Depth, level);
                words[at >> 6] = (words[at >> 6] & ~(1UL << (at & 63))) | (bit << (at & 63));
            }
        }
    }

    /// <summary>Choice bits of the correlated transfers, a block a tile.</summary>
    public Vector128<byte>[] Choices { get; }

    /// <summary>Rebuilds the trees and encodes.</summary>
    /// <param name="keys">Public keys.</param>
    /// <param name="transfers">t of all transfers.</param>
    /// <param name="corrections">The sender's message.</param>
    /// <param name="point">X of the check, or null without.</param>
    /// <param name="cores">Threads.</param>
    /// <returns>A and C, m blocks or a few more, and what the sender's answer must be when a point was given.</returns>
    public (BlockBuffer A, BlockBuffer C, byte[]? Answer) Expand(VoleKeys keys,
        BlockBuffer transfers, ReadOnlyMemory<byte> corrections, Vector128<byte>? point, Cores cores)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(corrections.Length, _parameters.Noise * _parameters.TreeSizeBytes);
        BlockBuffer? a = null, c = null;
        try
        {
            (a, c) = (new BlockBuffer(_parameters.Outputs), new BlockBuffer(_parameters.Outputs));
            var evaluations = new Vector128<byte>[cores.Count];
            using (var tails = new BlockBuffer(2 * (ExpandConvoluteCode.Wrap + _parameters.Folded)))
            {
                cores.Split(_parameters.Noise, 8, (part, first, end) =>
                {
                    using var trees = new PuncturedTrees(keys.Left, keys.Right, keys.Transfer, _parameters.BlockLength);
                    for (var tree = first; tree < end; tree++)
                    {
                        evaluations[part] ^= Rebuild(trees, tree, transfers.Span, corrections.Span, point, a, c, tails);
                    }
                });
                using var code = new ExpandConvoluteCode(keys.Code, _parameters.Outputs, _parameters.Folded);
                code.EncodePair(a, c, tails, cores);
            }

            var spare = point is null ? default : SilentVole.Pack(transfers.Span.Slice(SpareAt, 128));
            return (a, c, point is null ? null : SilentVole.HashOf(evaluations.Aggregate(spare, (sum, value) => sum ^ value)));
        }
        catch
        {
            a?.Dispose();
            c?.Dispose();
            throw;
        }
    }

    /// <summary>δ of the check: a* + Σ X^(p + 1 + tree·L)·a over all trees.</summary>
    public Vector128<byte> Claim(Vector128<byte> point)
    {
        var claim = Choices[SpareAt / 128];
        if (SpareAt % 128 != 0)
        {
            claim = BitsAt(SpareAt);
        }

        for (var tree = 0; tree < _parameters.Noise; tree++)
        {
            claim ^= BinaryField128.Multiply(SilentVole.Power(point, ((long)tree * _parameters.BlockLength) + _points[tree] + 1), NoiseOf(tree));
        }

        return claim;
    }

    private int SpareAt => _parameters.Noise * (_parameters.Depth + 128);

    private Vector128<byte> NoiseOf(int tree) => BitsAt((_parameters.Noise * _parameters.Depth) + (tree * 128));

    /// <summary>128 choice bits from any place.</summary>
    private Vector128<byte> BitsAt(int first)
    {
        var words = MemoryMarshal.Cast<Vector128<byte>, ulong>(Choices.AsSpan());
        return Vector128.Create(Word(words, first), Word(words, first + 64)).AsByte();

        static ulong Word(ReadOnlySpan<ulong> words, int bit) =>
            (bit & 63) == 0 ? words[bit >> 6] : (words[bit >> 6] >> (bit & 63)) | (words[(bit >> 6) + 1] << (64 - (bit & 63)));
    }

    private Vector128<byte> Rebuild(
        PuncturedTrees trees, int tree, ReadOnlySpan<Vector128<byte>> t, ReadOnlySpan<byte> corrections,
        Vector128<byte>? point, BlockBuffer a, BlockBuffer c, BlockBuffer tails)
    {
        var (depth, length, p) = (_parameters.Depth, _parameters.BlockLength, _points[tree]);
        var correction = corrections.Slice(tree * _parameters.TreeSizeBytes, _parameters.TreeSizeBytes);
        var leaves = trees.ExpandPunctured(p, t.Slice(tree * depth, depth), (ulong)tree * (ulong)depth, correction[..^16]);
        var sum = Vector128.Create<byte>(correction[^16..]) ^ SilentVole.Pack(t.Slice((_parameters.Noise * depth) + (tree * 128), 128));
        sum ^= SilentVole.Sum(leaves);

        // Where the noise is, is the secret: its places in both vectors, which hold zeros, are written with all others of the block.
        PuncturedTrees.AddAt(leaves, p, sum);
        SilentVole.Place(leaves, _parameters, tree, c.Span, tails.Span, 2, 1);
        var first = tree * length;
        var inHead = Math.Clamp(_parameters.Outputs - first, 0, length);
        PuncturedTrees.AddAt(a.Span.Slice(Math.Min(first, _parameters.Outputs), inHead), p, NoiseOf(tree));
        var tail = 2 * (ExpandConvoluteCode.Wrap + first + inHead - _parameters.Outputs);
        PuncturedTrees.AddAt(inHead == length ? [] : tails.Span.Slice(tail, 2 * (length - inHead)), p - inHead, NoiseOf(tree), stride: 2);

        return point is { } x ? SilentVole.Evaluate(x, (long)tree * length, leaves) : default;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _points.AsSpan().Clear();
        Choices.AsSpan().Clear();
    }
}
