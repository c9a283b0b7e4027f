using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Batches;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Analytics.Masked;

/// <summary>
/// The masks of one query, equal at both parties and unknown to the linker: R1 (n × p), R2 (n × q), S1 and S2 (p × q), sequences of AES-256 in counter
/// mode under keys that depend on everything a query is made of. Two queries that differ in anything have independent masks; only the very same query over the
/// very same rows has the same ones, and then its messages are the same bytes. Not thread-safe.
/// </summary>
public sealed class QueryMasks : IDisposable
{
    private readonly WordStream _r1, _r2, _s1, _s2;

    /// <param name="shared">The key the parties share.</param>
    /// <param name="context">What the masks are for.</param>
    public QueryMasks(SecretBytes shared, MaskContext context)
    {
        var hash = context.Hash();
        (_r1, _r2, _s1, _s2) = (Open(shared, context, hash, "R1"u8), Open(shared, context, hash, "R2"u8),
            Open(shared, context, hash, "S1"u8), Open(shared, context, hash, "S2"u8));
    }

    private static WordStream Open(SecretBytes shared, MaskContext context, byte[] hash, ReadOnlySpan<byte> name)
    {
        using var key = shared.Derive(context.Transcript, [.. DomainTags.MaskedMask, .. hash, .. name], WordStream.KeySizeBytes);
        return new WordStream(key);
    }

    /// <summary>R1 for some rows: p words a row, those of a batch column after column.</summary>
    public void R1(int firstRow, int columns, Span<ulong> words) => _r1.Fill((long)firstRow * columns, words);

    /// <summary>R2 for some rows: q words a row, those of a batch column after column.</summary>
    public void R2(int firstRow, int columns, Span<ulong> words) => _r2.Fill((long)firstRow * columns, words);

    /// <summary>S1, p × q words.</summary>
    public void S1(Span<ulong> words) => _s1.Fill(0, words);

    /// <summary>S2, p × q words.</summary>
    public void S2(Span<ulong> words) => _s2.Fill(0, words);

    /// <summary>
    /// The other party's own masks over the entries of AᵀB that the answer does not need: from a secret
    /// of its home, so that the asking party cannot remove them.
    /// </summary>
    public static ulong[] Withheld(SecretBytes homeSecret, MaskContext context, bool[] needed)
    {
        using var key = homeSecret.Derive(context.Transcript, [.. DomainTags.MaskedWithheld, .. context.Hash()], WordStream.KeySizeBytes);
        using var stream = new WordStream(key);
        var words = new ulong[needed.Length];
        stream.Fill(0, words);
        for (var i = 0; i < words.Length; i++)
        {
            if (needed[i])
            {
                words[i] = 0;
            }
        }

        return words;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _r1.Dispose();
        _r2.Dispose();
        _s1.Dispose();
        _s2.Dispose();
    }
}

/// <summary>Everything that masks depend on.</summary>
/// <param name="Transcript">The session's transcript hash, 32 bytes.</param>
/// <param name="QueryId">Drawn at random for each query, 32 hexadecimal digits.</param>
/// <param name="Counter">The asking party's count of queries in the session, from 1.</param>
/// <param name="Asker">The asking party.</param>
/// <param name="Text">The query's text.</param>
/// <param name="Rows">n.</param>
/// <param name="P">Columns of the asking party's matrix, with padding.</param>
/// <param name="Q">Columns of the other's.</param>
/// <param name="Layout">
/// What the two shapes, the limbs and their widths and the padding are: two layouts of one size have different masks, and different entries are needed of them.
/// </param>
public sealed record MaskContext(byte[] Transcript, string QueryId, long Counter, string Asker, string Text, int Rows, int P, int Q, string Layout = "")
{
    /// <summary>SHA-256 over all of it, 32 bytes.</summary>
    public byte[] Hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> numbers = stackalloc byte[20];
        BinaryPrimitives.WriteInt64BigEndian(numbers, Counter);
        BinaryPrimitives.WriteInt32BigEndian(numbers[8..], Rows);
        BinaryPrimitives.WriteInt32BigEndian(numbers[12..], P);
        BinaryPrimitives.WriteInt32BigEndian(numbers[16..], Q);
        hash.AppendData(DomainTags.MaskedContext);
        hash.AppendData(Transcript);
        hash.AppendData(numbers);

        // Fixed lengths before and after: no two contexts run together.
        hash.AppendData(SHA256.HashData(Encoding.UTF8.GetBytes(QueryId)));
        hash.AppendData(SHA256.HashData(Encoding.UTF8.GetBytes(Asker)));
        hash.AppendData(SHA256.HashData(Encoding.UTF8.GetBytes(Text)));
        hash.AppendData(SHA256.HashData(Encoding.UTF8.GetBytes(Layout)));
        return hash.GetHashAndReset();
    }
}

/// <summary>
/// Makes one party's contribution to a query from the plain rows of its matrix: masked batches for the linker and, at the end, the correction that lets the
/// linker's product come out as AᵀB − S1 − S2. Not thread-safe.
/// </summary>
/// <param name="masks">The query's masks.</param>
/// <param name="isAsker">Whether this is the asking party, whose matrix is A.</param>
/// <param name="p">Columns of A, with padding.</param>
/// <param name="q">Columns of B, with padding.</param>
/// <param name="binding">At the other party, what binds the asking one; null where nothing does.</param>
/// <param name="wordBits">Bits of a word, 1 to 64: what leaves this party has no more.</param>
public sealed class Contribution(
    QueryMasks masks, bool isAsker, int p, int q, Binding? binding = null, int wordBits = MaskedBatch.MaximumWordBits)
{
    private readonly ulong[] _correction = new ulong[p * q];

    /// <summary>Masks a batch in place and takes it into the correction.</summary>
    /// <param name="firstRow">First row of the batch.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="words">The plain batch, column after column; masked on return.</param>
    public void Mask(int firstRow, int rows, ulong[] words)
    {
        var other = new ulong[rows * (isAsker ? q : p)];
        var own = new ulong[words.Length];
        if (isAsker)
        {
            // U1 = AᵀR2 + S1
            masks.R2(firstRow, q, other);
            ColumnProducts.Add(words, p, other, q, rows, _correction);
            masks.R1(firstRow, p, own);
            ColumnProducts.AddTo(words, own);
        }
        else
        {
            // U2 = R1ᵀ(B + R2) + S2
            masks.R2(firstRow, q, own);
            masks.R1(firstRow, p, other);
            binding?.Fill(firstRow, rows, other, words);
            ColumnProducts.AddTo(words, own);
            binding?.Open(firstRow, rows, own, words);
            ColumnProducts.Add(other, p, words, q, rows, _correction);
        }
    }

    /// <summary>The correction after the last batch: p × q words.</summary>
    /// <param name="withheld">The other party's own masks over what the answer does not need; null for the asking party.</param>
    public ulong[] Finish(ulong[]? withheld)
    {
        var mask = new ulong[_correction.Length];
        if (isAsker)
        {
            masks.S1(mask);
        }
        else
        {
            masks.S2(mask);
        }

        var correction = (ulong[])_correction.Clone();
        ColumnProducts.AddTo(correction, mask);
        if (withheld is not null)
        {
            ColumnProducts.AddTo(correction, withheld);
        }

        PackedWords.Cut(correction, wordBits);
        return correction;
    }

    /// <summary>What the linker needs to see that the asking party is bound; nothing where it is not.</summary>
    /// <param name="withheld">The other party's own masks, over every entry.</param>
    public ulong[] FinishBinding(ulong[] withheld)
    {
        if (binding is null)
        {
            return [];
        }

        var s1 = new ulong[_correction.Length];
        masks.S1(s1);
        var sent = binding.Finish(_correction, s1, ShareOf(masks, withheld));
        PackedWords.Cut(sent, wordBits);
        return sent;
    }

    /// <summary>The other party's shares of how many records the asking party put into each of its columns: the sums of that one's masks, taken off.</summary>
    /// <param name="masks">The question's masks.</param>
    /// <param name="rows">Common records.</param>
    /// <param name="p">Columns of A, with padding.</param>
    /// <param name="batchRows">Rows of every batch but the last.</param>
    public static ulong[] RecordShares(QueryMasks masks, int rows, int p, int batchRows)
    {
        var shares = new ulong[p];
        var words = new ulong[Math.Min(rows, batchRows) * p];
        for (var first = 0; first < rows; first += batchRows)
        {
            var count = Math.Min(batchRows, rows - first);
            masks.R1(first, p, words.AsSpan(0, count * p));
            for (var i = 0; i < count * p; i++)
            {
                shares[i / count] -= words[i];
            }
        }

        return shares;
    }

    /// <summary>
    /// The other party's share of the product: with the linker's, AᵀB. Of it the asking party cannot make what <paramref name="withheld"/> covers.
    /// </summary>
    /// <param name="masks">The question's masks.</param>
    /// <param name="withheld">The other party's own masks, over every entry.</param>
    public static ulong[] ShareOf(QueryMasks masks, ulong[] withheld)
    {
        var share = (ulong[])withheld.Clone();
        Unmask(masks, share);
        return share;
    }

    /// <summary>Removes the masks of the linker's product at the asking party.</summary>
    public static void Unmask(QueryMasks masks, Span<ulong> product)
    {
        var mask = new ulong[product.Length];
        masks.S1(mask);
        ColumnProducts.AddTo(product, mask);
        masks.S2(mask);
        ColumnProducts.AddTo(product, mask);
    }
}
