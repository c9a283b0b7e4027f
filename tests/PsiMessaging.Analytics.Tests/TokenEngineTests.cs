using System.Text;
using CsCheck;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Tokens;
using PsiMessaging.Batches;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Analytics.Tests;

/// <summary>Engine tokens against counting the plaintext.</summary>
public sealed class TokenEngineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("psi-tokens-").FullName;
    private readonly SecretBytes _shared = SecretBytes.CopyOf(new byte[32]);
    private readonly byte[] _transcript = new byte[32];

    private async Task<TokenRows> WriteAsync(TokenKeys keys, string party, string[] columns, IEnumerable<(string Id, string?[] Values)> rows, int batchRows)
    {
        var folder = Directory.CreateTempSubdirectory("psi-tokens-t").FullName;
        var target = Path.Combine(_folder, Path.GetFileName(folder));
        Directory.Move(folder, target);
        var tokens = columns.Select(column => keys.ColumnToken(party, column)).ToArray();
        var ciphers = columns.Select(column => keys.ValueCipher(party, column)).ToArray();
        var encrypted =
            rows.Select(row =>
                (Token: keys.RowToken(Encoding.UTF8.GetBytes(row.Id)), Cells: row.Values.Select((value, i) => ciphers[i].Encrypt(value)).ToArray()))
            .OrderBy(row => Convert.ToHexString(row.Token), StringComparer.Ordinal).ToArray();
        var sequence = 0;
        foreach (var batch in encrypted.Chunk(batchRows).DefaultIfEmpty([]))
        {
            await File.WriteAllBytesAsync(Path.Combine(target, $"{sequence++:D8}.parquet"),
                await EncryptedBatch.WriteAsync([.. batch.Select(row => row.Token)], tokens,
                    [.. columns.Select((_, i) => (IReadOnlyList<byte[]>)[.. batch.Select(row => row.Cells[i])])]));
        }

        return new TokenRows(target);
    }

    [Fact]
    public void Count_RandomTables_EqualsCountingThePlaintext() =>
        Gen.Int[0, 3].Array[0, 60].Select(Gen.Int[0, 2].Array[60], Gen.Int[1, 5], Gen.Int[1, 20]).Sample((left, right, minCell, batchRows) =>
        {
            using var keys = new TokenKeys(_shared, _transcript);
            string?[] labels = ["BASSA", "", null, "two\nlines 👩‍👩‍👧"];
            var one = WriteAsync(keys, "P1", ["A"], left.Select((value, i) => ($"id-{i}", new[] { labels[value] })), batchRows).Result;
            var two = WriteAsync(keys, "P2", ["A", "B"], left.Select((_, i) => ($"id-{i}", new[] { labels[right[i]], $"{i % 2}" })), batchRows).Result;
            var path = Path.Combine(_folder, "answer.parquet");
            var outcome = TokenEngine.Count(one, two, [(false, keys.ColumnToken("P1", "A")),
                (true, keys.ColumnToken("P2", "A"))], minCell, batchRows % 2 == 0, path, 256 << 20);
            using var first = keys.ValueCipher("P1", "A");
            using var second = keys.ValueCipher("P2", "A");
            var answer = ParquetInspection.ReadAnswer(path, 2, outcome.Groups)
                .Select(group =>
                {
                    Assert.True(first.TryDecrypt(group.Labels[0], out var a) & second.TryDecrypt(group.Labels[1], out var b));
                    return $"{a ?? "<null>"}|{b ?? "<null>"}|{group.Count}";
                });

            // Own groups below the minimum go first, at both parties; then the rule for cells, own group by own group of the party that asks.
            int[] Large(IEnumerable<int> values) =>
                [.. values.GroupBy(value => value).Where(group => group.Count() >= minCell).Select(group => group.Key).Order()];
            var (lefts, rights) = (Large(left), Large(left.Select((_, i) => right[i])));
            var (own, others) = batchRows % 2 == 0 ? (rights, lefts) : (lefts, rights);
            long Count(int mine, int other) =>
                left.Where((value, i) => batchRows % 2 == 0 ? right[i] == mine && value == other : value == mine && right[i] == other).Count();
            long All(int mine) => left.Where((value, i) => (batchRows % 2 == 0 ? right[i] : value) == mine).Count();
            var rest = own.Sum(All) > own.Sum(mine => others.Sum(other => Count(mine, other)));
            var expected = own.SelectMany(mine =>
                others.Zip(ReleaseRule.Show([.. others.Select(other => Count(mine, other))], All(mine), rest, minCell)).Where(cell => cell.Second)
                .Select(cell => batchRows % 2 == 0
                    ? $"{labels[cell.First] ?? "<null>"}|{labels[mine] ?? "<null>"}|{Count(mine, cell.First)}"
                    : $"{labels[mine] ?? "<null>"}|{labels[cell.First] ?? "<null>"}|{Count(mine, cell.First)}"))
                .ToArray();
            Assert.Equal(expected.Order(StringComparer.Ordinal), answer.Order(StringComparer.Ordinal));
            Assert.Equal(minCell == 1 || (left.Length > 0 && expected.Length == own.Length * others.Length
                && expected.Length > 0 && own.Sum(All) == left.Length && !rest), outcome.IsComplete);
            Assert.Equal(left.Length, TokenEngine.JoinSize(one, two));
        }, iter: 15, threads: 1);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Count_MoreGroupsThanAnAnswerHolds_IsRefused(int minCell)
    {
        using var keys = new TokenKeys(_shared, _transcript);
        var rows = Enumerable.Range(0, minCell * (TokenEngine.MaximumGroups + 1)).Select(i => ($"id-{i}", new string?[] { $"{i / minCell}" })).ToArray();
        var one = await WriteAsync(keys, "P1", ["A"], rows, 20_000);
        var two = await WriteAsync(keys, "P2", ["B"], rows, 20_000);
        Assert.Equal(TokenEngine.MaximumGroups + 1,
            Assert.Throws<QueryTooLargeException>(() =>
                TokenEngine.Count(one, two, [(false, keys.ColumnToken("P1", "A"))], minCell, false, Path.Combine(_folder, "a.parquet"), 256 << 20)).Groups);
    }

    [Fact]
    public void Count_ColumnTokenThatIsNone_NeverReachesSql() => Assert.Throws<ArgumentException>(() =>
        TokenEngine.Count(new TokenRows(_folder), new TokenRows(_folder),
            [(false, "\" ; DROP TABLE x; --             ")], 1, false, Path.Combine(_folder, "a.parquet"), 256 << 20));

    [Fact]
    public void Tokens_OtherColumnPartyOrSession_AreUnlinkable()
    {
        using var keys = new TokenKeys(_shared, _transcript);
        using var other = new TokenKeys(_shared, [1, .. new byte[31]]);
        Assert.NotEqual(keys.RowToken("x"u8), other.RowToken("x"u8));
        Assert.Equal(4, new[] { keys.ColumnToken("P1", "A"), keys.ColumnToken("P2", "A"), keys.ColumnToken("P1", "B"), other.ColumnToken("P1", "A") }.Distinct(
            StringComparer.Ordinal).Count());
        var ciphertexts = new[] { keys.ValueCipher("P1", "A"), keys.ValueCipher("P2", "A"), keys.ValueCipher("P1", "B"), other.ValueCipher("P1", "A") }.Select(
            cipher => Convert.ToHexString(cipher.Encrypt("BASSA")));
        Assert.Equal(4, ciphertexts.Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public void ValueCipher_AnyText_ComesBackAndItsLengthIsPadded() => Gen.String.Sample(text =>
    {
        using var keys = new TokenKeys(_shared, _transcript);
        using var cipher = keys.ValueCipher("P1", "A");
        var value = new string([.. text.Where(character => !char.IsSurrogate(character))]);
        var ciphertext = cipher.Encrypt(value);
        Assert.Equal(0, (ciphertext.Length - DeterministicAead.TagSizeBytes) % ValueCipher.BlockSizeBytes);
        Assert.True(cipher.TryDecrypt(ciphertext, out var back));
        Assert.Equal(value, back);
        Assert.False(cipher.TryDecrypt(ciphertext.AsSpan(1), out _));
    }, iter: 300);

    [Fact]
    public void ValueCipher_NullAndEmpty_AreDifferent()
    {
        using var keys = new TokenKeys(_shared, _transcript);
        using var cipher = keys.ValueCipher("P1", "A");
        Assert.NotEqual(cipher.Encrypt(null), cipher.Encrypt(""));
        Assert.True(cipher.TryDecrypt(cipher.Encrypt(null), out var value));
        Assert.Null(value);
    }

    [Fact]
    public void ValueCipher_ValuesOfOneBlock_HaveOneLength()
    {
        using var keys = new TokenKeys(_shared, _transcript);
        using var cipher = keys.ValueCipher("P1", "A");
        Assert.Single(Enumerable.Range(0, 31).Select(length => cipher.Encrypt(new string('x', length)).Length).Distinct());
        Assert.Throws<ArgumentException>(() => cipher.Encrypt(new string('x', ValueCipher.MaximumValueBytes + 1)));
    }

    public void Dispose()
    {
        _shared.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
