using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Vole;

/// <summary>
/// A puncturable pseudorandom function as a binary tree (Goldreich, Goldwasser, Micali; as used by Boyle et al., ePrint 2019/1159): the sender expands all
/// leaves, the receiver all but the one at its secret point, for two 16-byte corrections a level, one of which a transfer opens to it. Trees are cut off at the
/// number of leaves wanted. A child is the hash of its parent under the left or the right key. The secret point decides no address and
/// no branch, against who watches the caches of the same machine: whole levels are read and written. Not thread-safe.
/// </summary>
public sealed class PuncturedTrees : IDisposable
{
    private readonly Aes128 _left;
    private readonly Aes128 _right;
    private readonly Aes128 _transfer;
    private readonly int _leaves;
    private readonly int _depth;
    private readonly Vector128<byte>[] _former;
    private readonly Vector128<byte>[] _current;

    /// <param name="leftKey">Key of left children, 16 bytes.</param>
    /// <param name="rightKey">Key of right children.</param>
    /// <param name="transferKey">Key under which corrections are hidden by the transfers.</param>
    /// <param name="leaves">Leaves of a tree, 2 or more.</param>
    public PuncturedTrees(ReadOnlySpan<byte> leftKey, ReadOnlySpan<byte> rightKey, ReadOnlySpan<byte> transferKey, int leaves)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(leaves, 2);
        (_left, _right, _transfer) = (new Aes128(leftKey), new Aes128(rightKey), new Aes128(transferKey));
        _leaves = leaves;
        _depth = 32 - System.Numerics.BitOperations.LeadingZeroCount((uint)leaves - 1);
        _former = GC.AllocateUninitializedArray<Vector128<byte>>(leaves + 1, pinned: true);
        _current = GC.AllocateUninitializedArray<Vector128<byte>>(leaves + 1, pinned: true);
    }

    /// <summary>Levels below the root.</summary>
    public int Depth => _depth;

    /// <summary>Nodes of a level: ⌈leaves / 2^(depth - level)⌉.</summary>
    private int WidthOf(int level) => (int)((_leaves + (1L << (_depth - level)) - 1) >> (_depth - level));

    /// <summary>Which child the path to a leaf takes below level - 1: 0 left, 1 right.</summary>
    public static int PathBit(int point, int depth, int level) => (point >> (depth - level)) & 1;

    /// <summary>The sender's side of one tree.</summary>
    /// <param name="root">Secret, fresh for this tree.</param>
    /// <param name="transfers">q of the tree's transfers, one a level.</param>
    /// <param name="delta">The transfers' offset.</param>
    /// <param name="firstTransfer">Index of the first of them, which tweaks the hash.</param>
    /// <param name="corrections">Receives 32 bytes a level: what hides the sum of the left children, then of the right.</param>
    /// <returns>The leaves, valid until the next call.</returns>
    public Span<Vector128<byte>> Expand(Vector128<byte> root, ReadOnlySpan<Vector128<byte>> transfers,
        Vector128<byte> delta, ulong firstTransfer, Span<byte> corrections)
    {
        var blocks = MemoryMarshal.Cast<byte, Vector128<byte>>(corrections);
        var (parents, children) = (_former, _current);
        parents[0] = root;
        for (var level = 1; level <= _depth; level++)
        {
            var (left, right) = Aes128.Double(_left, _right, parents.AsSpan(0, WidthOf(level - 1)), children.AsSpan(0, WidthOf(level)));
            var q = transfers[level - 1];
            blocks[2 * (level - 1)] = left ^ _transfer.TweakedHash(q, firstTransfer + (ulong)level - 1);
            blocks[(2 * (level - 1)) + 1] = right ^ _transfer.TweakedHash(q ^ delta, firstTransfer + (ulong)level - 1);
            (parents, children) = (children, parents);
        }

        return parents.AsSpan(0, _leaves);
    }

    /// <summary>
    /// The receiver's side: every leaf but the one at <paramref name="point"/>, which is zero. The choice bits of the transfers were 1 - <see cref="PathBit"/>.
    /// </summary>
    /// <param name="point">The secret point, 0 to leaves - 1.</param>
    /// <param name="transfers">t of the tree's transfers, one a level.</param>
    /// <param name="firstTransfer">Index of the first of them.</param>
    /// <param name="corrections">32 bytes a level.</param>
    /// <returns>The leaves, valid until the next call.</returns>
    public Span<Vector128<byte>> ExpandPunctured(int point, ReadOnlySpan<Vector128<byte>> transfers, ulong firstTransfer, ReadOnlySpan<byte> corrections)
    {
        var blocks = MemoryMarshal.Cast<byte, Vector128<byte>>(corrections);
        var (parents, children) = (_former, _current);
        parents[0] = default;
        for (var level = 1; level <= _depth; level++)
        {
            // The children of the unknown node come out as noise and are taken out of the sums again.
            var width = WidthOf(level);
            var sums = Aes128.Double(_left, _right, parents.AsSpan(0, WidthOf(level - 1)), children.AsSpan(0, width));
            var path = point >> (_depth - level);
            var sibling = path ^ 1;
            var isLeft = Vector128.Create((byte)-(path & 1));
            var (left, right) = (sums.Left ^ blocks[2 * (level - 1)], sums.Right ^ blocks[(2 * (level - 1)) + 1]);
            var sum = right ^ ((left ^ right) & isLeft);

            // The last node of a level that was cut off has no sibling; what is written behind it nobody reads.
            var nodes = children.AsSpan(0, width + 1);
            Replace(nodes, sibling, Select(nodes, sibling) ^ sum ^ _transfer.TweakedHash(transfers[level - 1], firstTransfer + (ulong)level - 1), path);
            (parents, children) = (children, parents);
        }

        return parents.AsSpan(0, _leaves);
    }

    /// <summary>Adds a value at one secret place of a vector, by writing all.</summary>
    /// <param name="blocks">The vector; every <paramref name="stride"/>-th block counts.</param>
    /// <param name="index">The place; one that is outside, negative too, adds nothing.</param>
    /// <param name="value">What is added.</param>
    /// <param name="stride">1 or more.</param>
    internal static void AddAt(Span<Vector128<byte>> blocks, int index, Vector128<byte> value, int stride = 1)
    {
        var from = 0;
        if (stride == 1)
        {
            var lines = MemoryMarshal.Cast<Vector128<byte>, Vector512<ulong>>(blocks);
            var (place, wanted, step) = (Vector512.Create(0L, 0, 1, 1, 2, 2, 3, 3), Vector512.Create((long)index), Vector512.Create(4L));
            var wide = Vector512.Create(Vector256.Create(value.AsUInt64(), value.AsUInt64()), Vector256.Create(value.AsUInt64(), value.AsUInt64()));
            for (var i = 0; i < lines.Length; i++)
            {
                lines[i] ^= wide & Vector512.Equals(place, wanted).AsUInt64();
                place += step;
            }

            from = lines.Length * 4;
        }

        var single = Vector128.Create((long)index);
        for (int i = from, at = from * stride; at < blocks.Length; i++, at += stride)
        {
            blocks[at] ^= value & Vector128.Equals(Vector128.Create((long)i), single).AsByte();
        }
    }

    /// <summary>The node at a secret place, by reading all.</summary>
    private static Vector128<byte> Select(ReadOnlySpan<Vector128<byte>> nodes, int index)
    {
        var lines = MemoryMarshal.Cast<Vector128<byte>, Vector512<ulong>>(nodes);
        var (place, wanted, step) = (Vector512.Create(0UL, 0, 1, 1, 2, 2, 3, 3), Vector512.Create((ulong)index), Vector512.Create(4UL));
        var sum = Vector512<ulong>.Zero;
        for (var i = 0; i < lines.Length; i++)
        {
            sum ^= lines[i] & Vector512.Equals(place, wanted);
            place += step;
        }

        var half = sum.GetLower() ^ sum.GetUpper();
        var result = (half.GetLower() ^ half.GetUpper()).AsByte();
        for (var i = lines.Length * 4; i < nodes.Length; i++)
        {
            result ^= nodes[i] & Vector128.Equals(Vector128.Create((ulong)i), Vector128.Create((ulong)index)).AsByte();
        }

        return result;
    }

    /// <summary>Writes a node at one secret place and zero at another, by writing all.</summary>
    private static void Replace(Span<Vector128<byte>> nodes, int index, Vector128<byte> value, int cleared)
    {
        var lines = MemoryMarshal.Cast<Vector128<byte>, Vector512<ulong>>(nodes);
        var (place, wanted, zeroed, step) = (Vector512.Create(0UL, 0, 1, 1, 2, 2, 3, 3),
            Vector512.Create((ulong)index), Vector512.Create((ulong)cleared), Vector512.Create(4UL));
        var wide = Vector512.Create(Vector256.Create(value.AsUInt64(), value.AsUInt64()), Vector256.Create(value.AsUInt64(), value.AsUInt64()));
        for (var i = 0; i < lines.Length; i++)
        {
            lines[i] = Vector512.AndNot(Vector512.ConditionalSelect(Vector512.Equals(place, wanted), wide, lines[i]), Vector512.Equals(place, zeroed));
            place += step;
        }

        for (var i = lines.Length * 4; i < nodes.Length; i++)
        {
            var (here, there) = (Vector128.Equals(Vector128.Create((ulong)i), Vector128.Create((ulong)index)).AsByte(),
                Vector128.Equals(Vector128.Create((ulong)i), Vector128.Create((ulong)cleared)).AsByte());
            nodes[i] = Vector128.AndNot(Vector128.ConditionalSelect(here, value, nodes[i]), there);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _left.Dispose();
        _right.Dispose();
        _transfer.Dispose();
        _former.AsSpan().Clear();
        _current.AsSpan().Clear();
    }
}
