using System.Runtime.Intrinsics;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Vole;

/// <summary>
/// The sender's vector B̂ of <see cref="SilentVole"/>: the leaves of all trees, before the code. The corrections can leave, and the check of the trees be
/// answered, while they stand here; the code then takes them in place.
/// </summary>
public sealed class SenderLeaves : IDisposable
{
    private readonly LpnParameters _parameters;
    private readonly byte[] _code;
    private readonly BlockBuffer _tail;
    private BlockBuffer? _head;

    private SenderLeaves(LpnParameters parameters, byte[] code) => (_parameters, _code, _head, _tail) =
        (parameters, code, new BlockBuffer(parameters.Outputs), new BlockBuffer(ExpandConvoluteCode.Wrap + parameters.Folded));

    /// <summary>Expands the trees.</summary>
    /// <param name="parameters">Sizes.</param>
    /// <param name="keys">Public keys.</param>
    /// <param name="roots">Secret key from which the trees' roots come, 16 bytes, used for this once.</param>
    /// <param name="delta">Δ.</param>
    /// <param name="transfers">q of all transfers.</param>
    /// <param name="corrections">Receives the message: <see cref="LpnParameters.TreeSizeBytes"/> a tree.</param>
    /// <param name="cores">Threads.</param>
    public static SenderLeaves Expand(LpnParameters parameters, VoleKeys keys, SecretBytes roots,
        Vector128<byte> delta, BlockBuffer transfers, Memory<byte> corrections, Cores cores)
    {
        parameters.ThrowIfWeak();
        ArgumentOutOfRangeException.ThrowIfNotEqual(corrections.Length, parameters.Noise * parameters.TreeSizeBytes);
        var leaves = new SenderLeaves(parameters, keys.Code);
        try
        {
            leaves.Fill(keys, roots, delta, transfers, corrections, cores);
            return leaves;
        }
        catch
        {
            leaves.Dispose();
            throw;
        }
    }

    private BlockBuffer Head => _head ?? throw new InvalidOperationException("the leaves were encoded");

    private void Fill(VoleKeys keys, SecretBytes roots, Vector128<byte> delta, BlockBuffer transfers, Memory<byte> corrections, Cores cores)
    {
        using var rootKey = new Aes128(roots.Span);
        cores.Split(_parameters.Noise, 8, (_, first, end) =>
        {
            using var trees = new PuncturedTrees(keys.Left, keys.Right, keys.Transfer, _parameters.BlockLength);
            Span<Vector128<byte>> root = stackalloc Vector128<byte>[1];
            for (var tree = first; tree < end; tree++)
            {
                var q = transfers.Span;
                var correction = corrections.Span.Slice(tree * _parameters.TreeSizeBytes, _parameters.TreeSizeBytes);
                rootKey.Counter((ulong)tree, root);
                var leaves = trees.Expand(root[0], q.Slice(tree * _parameters.Depth, _parameters.Depth),
                    delta, (ulong)tree * (ulong)_parameters.Depth, correction[..^16]);
                var sum = SilentVole.Pack(q.Slice((_parameters.Noise * _parameters.Depth) + (tree * 128), 128));
                sum ^= SilentVole.Sum(leaves);
                sum.CopyTo(correction[^16..]);
                SilentVole.Place(leaves, _parameters, tree, Head.Span, _tail.Span, 1, 0);
            }

            root.Clear();
        });
    }

    /// <summary>Σ X^(i+1)·B̂_i, for the check of the trees.</summary>
    /// <param name="point">The receiver's X.</param>
    /// <param name="cores">Threads.</param>
    public Vector128<byte> Evaluate(Vector128<byte> point, Cores cores)
    {
        const int Grain = 4096;
        var (head, sums) = (Head, new Vector128<byte>[cores.Count]);
        cores.Split(_parameters.Outputs, Grain, (part, first, end) => sums[part] ^= SilentVole.Evaluate(point, first, head.Span[first..end]));
        cores.Split(_parameters.Folded, Grain, (part, first, end) => sums[part] ^= SilentVole.Evaluate(
            point, (long)_parameters.Outputs + first, _tail.Span.Slice(ExpandConvoluteCode.Wrap + first, end - first)));
        return sums.Aggregate(Vector128<byte>.Zero, (sum, value) => sum ^ value);
    }

    /// <summary>Encodes. The leaves are used up.</summary>
    /// <param name="cores">Threads.</param>
    /// <returns>B, m blocks or a few more, the caller's from here on.</returns>
    public BlockBuffer Encode(Cores cores)
    {
        var head = Head;
        using var code = new ExpandConvoluteCode(_code, _parameters.Outputs, _parameters.Folded);
        code.Encode(head, _tail, cores);
        _head = null;
        _tail.Dispose();
        return head;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _head?.Dispose();
        _tail.Dispose();
    }
}
