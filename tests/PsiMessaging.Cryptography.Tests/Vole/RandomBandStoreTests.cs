using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using CsCheck;
using PsiMessaging.Cryptography.KeyValueStore;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Oprf;

namespace PsiMessaging.Cryptography.Tests.Vole;

public sealed class RandomBandStoreTests
{
    private static byte[] Key() => RandomNumberGenerator.GetBytes(16);

    private static BlockBuffer Blocks(int count)
    {
        var blocks = new BlockBuffer(count);
        RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(blocks.Span));
        return blocks;
    }

    private static void CheckDecodes(int count, Cores cores)
    {
        using var keys = Blocks(count);
        using var values = Blocks(count);
        var (hash, seed) = (Key(), Key());
        using var rows = BandRows.Create(keys, RandomBandStore.StartsOf(count), hash, cores);
        using var store = RandomBandStore.Encode(rows, values.Span, seed, cores, out var fault);
        Assert.Equal(EncodeFault.None, fault);
        Assert.Equal(RandomBandStore.LengthOf(rows.Starts), store!.Length);
        foreach (var accelerated in new[] { RandomBandStore.IsAccelerated, false })
        {
            using var decoded = new BlockBuffer(count);
            RandomBandStore.Decode(store, rows, decoded, cores, accelerated);
            Assert.True(decoded.Span.SequenceEqual(values.Span));
        }

        // The same vector however the work is split, and on the portable path.
        using var sameRows = BandRows.Create(keys, RandomBandStore.StartsOf(count), hash, Cores.One);
        Assert.Equal(Enumerable.Range(0, count).Select(rows.IndexOf), Enumerable.Range(0, count).Select(sameRows.IndexOf));
        using var same = RandomBandStore.Encode(sameRows, values.Span, seed, Cores.One, accelerated: false, RandomBandStore.BandWidth, out _);
        Assert.True(store.Span.SequenceEqual(same!.Span));
    }

    [Fact]
    public void Encode_EverySmallSize_DecodesToItsValues()
    {
        using var cores = new Cores(2);
        foreach (var count in (int[])[.. Enumerable.Range(1, 80), 100, 150, 255, 256, 257, 300, 1024, 4096])
        {
            CheckDecodes(count, cores);
        }
    }

    [Theory]
    [InlineData(1 << 16, 2)]
    [InlineData(100_003, 4)]
    [InlineData(1 << 18, 3)]
    public void Encode_LargeSizesOnSeveralThreads_DecodesToItsValues(int count, int threads)
    {
        using var cores = new Cores(threads);
        CheckDecodes(count, cores);
    }

    [Fact]
    public void Rows_AreAPermutationInOrderOfTheirStarts() => Gen.Int[0, 5000].Sample(count =>
    {
        using var keys = Blocks(count);
        using var cores = new Cores(3);
        using var rows = BandRows.Create(keys, RandomBandStore.StartsOf(count), Key(), cores);
        Assert.Equal(Enumerable.Range(0, count), Enumerable.Range(0, count).Select(rows.IndexOf).Order());
        for (var row = 0; row < count; row++)
        {
            Assert.Equal(keys.Span[rows.IndexOf(row)], rows.Keys[row]);
            Assert.InRange(rows.StartOf(row), row == 0 ? 0 : rows.StartOf(row - 1), rows.Starts - 1);
        }
    }, iter: 20);

    [Fact]
    public void Decode_OfOtherKeys_IsUniform()
    {
        const int Count = 1 << 17;
        using var keys = Blocks(4096);
        using var values = new BlockBuffer(4096);
        using var rows = BandRows.Create(keys, RandomBandStore.StartsOf(4096), Key(), Cores.One);
        using var store = RandomBandStore.Encode(rows, values.Span, Key(), Cores.One, out _);
        using var others = Blocks(Count);
        using var otherRows = BandRows.Create(others, rows.Starts, Key(), Cores.One);
        using var decoded = new BlockBuffer(Count);
        RandomBandStore.Decode(store!, otherRows, decoded, Cores.One);

        // 2^21 bytes: chi-square with 255 degrees of freedom is beyond 380 once in 10^6.
        var cells = new int[256];
        foreach (var value in MemoryMarshal.AsBytes(decoded.Span))
        {
            cells[value]++;
        }

        var mean = Count * 16 / 256.0;
        Assert.True(cells.Sum(cell => Math.Pow(cell - mean, 2) / mean) < 380);

        // Values of zero: a store that left its free places empty would be zero nearly everywhere.
        Assert.True(store!.Span[..RandomBandStore.ColumnsOf(4096)].ToArray().Distinct().Count() >= RandomBandStore.ColumnsOf(4096));
    }

    [Fact]
    public void Encode_OneKeyTwice_SaysSo()
    {
        using var keys = Blocks(5000);
        using var values = Blocks(5000);
        keys.Span[17] = keys.Span[4711];
        using var rows = BandRows.Create(keys, RandomBandStore.StartsOf(5000), Key(), Cores.One);
        Assert.Null(RandomBandStore.Encode(rows, values.Span, Key(), Cores.One, out var fault));
        Assert.Equal(EncodeFault.Unsolvable, fault);

        // Equal keys have equal values when the values are hashes of the keys, as in the protocol.
        using var same = RandomBandStore.Encode(rows, rows.Keys, Key(), Cores.One, out fault);
        Assert.Equal(EncodeFault.DuplicateKey, fault);
    }

    /// <summary>
    /// Failures with narrow bands against the published fit λ(w) = 0.2685·w - 9.3 bits at 2^14 keys (BPSY23, extrapolated to the 59 bits of w = 256): within a
    /// factor of three, so that a weaker construction would show.
    /// </summary>
    [Theory]
    [InlineData(40, 4000)]
    [InlineData(48, 4000)]
    public void Encode_NarrowBands_FailAsOftenAsTheFitSays(int width, int runs)
    {
        const int Count = 1 << 14;
        using var values = Blocks(Count);
        using var keys = Blocks(Count);
        var failures = 0;
        runs /= 10;
        for (var run = 0; run < runs; run++)
        {
            using var rows = BandRows.Create(keys, RandomBandStore.StartsOf(Count), Key(), Cores.One);
            using var store = RandomBandStore.Encode(rows, values.Span, Key(), Cores.One, RandomBandStore.IsAccelerated, width, out var fault);
            failures += fault == EncodeFault.None ? 0 : 1;
        }

        var expected = runs * Math.Pow(2, -((0.2685 * width) - 9.3));
        var deviation = Math.Sqrt(expected);
        Assert.InRange(failures, (expected / 3) - (3 * deviation), (expected * 3) + (3 * deviation));
    }

    [Fact]
    public void SortedTags_MatchAsSetsDo() =>
        Gen.Select(Gen.Int[0, 3000], Gen.Int[0, 3000], Gen.Int[8, 16], Gen.Int[1, 3]).Sample((own, peer, tagSize, threads) =>
    {
        using var cores = new Cores(threads);
        using var mine = Blocks(own);
        using var theirs = Blocks(peer);
        var common = Math.Min(own, peer) / 2;
        mine.Span[..common].CopyTo(theirs.Span);
        using var sorted = SortedTags.Create(mine, tagSize, cores)!;
        using var others = SortedTags.Create(theirs, tagSize, cores)!;
        Assert.Equal(Enumerable.Range(0, own), Enumerable.Range(0, own).Select(sorted.RowOf).Order());
        var wire = new byte[peer * tagSize];
        others.CopyTo(0, wire);
        var tags = Enumerable.Range(0, peer).Select(i => Convert.ToHexString(wire.AsSpan(i * tagSize, tagSize))).ToArray();
        Assert.Equal(tags.Order(StringComparer.Ordinal), tags);

        // In batches of 64, last first.
        for (var first = (peer - 1) / 64 * 64; first >= 0 && peer > 0; first -= 64)
        {
            var count = Math.Min(64, peer - first);
            var found = new byte[(count + 7) / 8];
            Assert.True(sorted.TryMatch(wire.AsSpan(first * tagSize, count * tagSize), found));
            for (var i = 0; i < count; i++)
            {
                Assert.Equal(others.RowOf(first + i) < common, (found[i / 8] & (1 << (i % 8))) != 0);
            }
        }

        Assert.Equal(Enumerable.Range(0, own).Select(place => sorted.RowOf(place) < common), Enumerable.Range(0, own).Select(sorted.IsCommon));

        // And all at once, without a branch.
        using var evenly = SortedTags.Create(mine, tagSize, cores)!;
        Assert.True(evenly.TryMatchEvenly(wire));
        Assert.Equal(Enumerable.Range(0, own).Select(sorted.IsCommon), Enumerable.Range(0, own).Select(evenly.IsCommon));
        Assert.Equal(Enumerable.Range(0, own).Select(sorted.IsCommon), Enumerable.Range(0, own).Select(place => evenly.CommonBit(place) == 1));
    }, iter: 60);

    [Fact]
    public void SortedTags_UnorderedOrRepeated_AreRefused()
    {
        using var blocks = Blocks(100);
        using var sorted = SortedTags.Create(blocks, 10, Cores.One)!;
        var wire = new byte[1000];
        sorted.CopyTo(0, wire);
        var found = new byte[13];
        Assert.True(sorted.TryMatch(wire, found) && sorted.TryMatchEvenly(wire));
        wire.AsSpan(30, 10).CopyTo(wire.AsSpan(40));
        Assert.False(sorted.TryMatch(wire, found) || sorted.TryMatchEvenly(wire));
        sorted.CopyTo(0, wire);
        wire.AsSpan(500, 10).Fill(0xFF);
        Assert.False(sorted.TryMatch(wire, found) || sorted.TryMatchEvenly(wire));

        blocks.Span[3] = blocks.Span[77];
        Assert.Null(SortedTags.Create(blocks, 10, Cores.One));
    }

    /// <summary>Tags at both ends of the numbers, sets of one and of none.</summary>
    [Fact]
    public void SortedTags_MatchedEvenly_AtTheEdges()
    {
        using var blocks = new BlockBuffer(4);
        blocks.Span[1] = Vector128<byte>.AllBitsSet;
        blocks.Span[2] = Vector128.Create(0UL, ulong.MaxValue).AsByte();
        blocks.Span[3] = Vector128.Create(ulong.MaxValue, 0UL).AsByte();
        for (var own = 0; own < 16; own++)
        {
            for (var peer = 0; peer < 16; peer++)
            {
                using var mine = Chosen(own);
                using var theirs = Chosen(peer);
                using var sorted = SortedTags.Create(mine, 16, Cores.One)!;
                using var others = SortedTags.Create(theirs, 16, Cores.One)!;
                var wire = new byte[16 * others.Count];
                others.CopyTo(0, wire);
                Assert.True(sorted.TryMatchEvenly(wire));
                var rows = Enumerable.Range(0, 4).Where(i => (own & (1 << i)) != 0).ToArray();
                Assert.All(Enumerable.Range(0, sorted.Count), place => Assert.Equal((peer >> rows[sorted.RowOf(place)]) & 1, sorted.CommonBit(place)));
            }
        }

        BlockBuffer Chosen(int which)
        {
            var chosen = new BlockBuffer(System.Numerics.BitOperations.PopCount((uint)which));
            var at = 0;
            for (var i = 0; i < 4; i++)
            {
                if ((which & (1 << i)) != 0)
                {
                    chosen.Span[at++] = blocks.Span[i];
                }
            }

            return chosen;
        }
    }
}
