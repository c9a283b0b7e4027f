using System.Numerics;
using PsiMessaging.Disclosure.Noise;

namespace PsiMessaging.Disclosure.Tests.Noise;

/// <summary>Draws against their law, and tables against the law's exact numbers.</summary>
public class SamplerTests
{
    public static TheoryData<string> Laws => ["L1", "L1/2", "L5", "L19/3", "G0.1", "G1", "G27/25", "G20", "G100"];

    /// <summary>
    /// As the tests of google/differential-privacy, OpenDP and IBM do it: distance, cells, moments, sign; all at one false alarm in a million.
    /// </summary>
    [Theory]
    [MemberData(nameof(Laws))]
    [Trait("Speed", "Slow")]
    public void ExactSampler_HundredThousandDraws_FitTheLaw(string name)
    {
        using var random = Statistics.Stream("exact " + name);
        AssertFits(new ExactSampler(Statistics.Law(name), random), 100_000);
    }

    [Theory]
    [MemberData(nameof(Laws))]
    [InlineData("L150")]
    [InlineData("G1800")]
    [InlineData("G250000")]
    public void TableSampler_AMillionDraws_FitTheLaw(string name)
    {
        using var random = Statistics.Stream("table " + name);
        using var sampler = new TableSampler(Statistics.Law(name), random);
        AssertFits(sampler, 1_000_000);
    }

    /// <summary>The whole law that the tables make, by convolution in integers, is as near to the exact one as the sampler says.</summary>
    [Theory]
    [MemberData(nameof(Laws))]
    [InlineData("G113")]
    [InlineData("G1800")]
    [InlineData("G4000")]
    [InlineData("L77")]
    [Trait("Speed", "Slow")]
    public void TableSampler_LawOfItsTables_IsWithinTheDistanceItStates(string name)
    {
        using var random = Statistics.Stream("unused");
        using var sampler = new TableSampler(Statistics.Law(name), random);
        var made = Made(sampler);
        var exact = Statistics.Exact(sampler.Law);
        var distance = BigInteger.Zero;
        for (var y = 0; y < Math.Max(made.Length, exact.Length); y++)
        {
            var difference = BigInteger.Abs((y < made.Length ? made[y] : 0) - (y < exact.Length ? exact[y] : 0));
            distance += y == 0 ? difference : 2 * difference;
        }

        Assert.True(sampler.DistanceLog2 <= -90);
        Assert.True(distance / 2 <= BigInteger.One << (FixedPoint.Bits + sampler.DistanceLog2), $"2^{(distance / 2).GetBitLength() - FixedPoint.Bits}");
        // And what it states is no idle bound: it is not off by more than some bits where parts are put together.
        Assert.True(distance > 0);
    }

    [Theory]
    [InlineData("L1099511627776")]
    [InlineData("G1208925819614629174706176")]
    [InlineData("G0.001")]
    [InlineData("L0.001")]
    public void TableSampler_ExtremeParameters_DrawWithinTheLaw(string name)
    {
        using var random = Statistics.Stream("extreme");
        using var sampler = new TableSampler(Statistics.Law(name), random);
        var draws = new long[20_000];
        sampler.Fill(draws);
        var spread = name[^1] == '6' ? Math.Pow(2, 40) : 0;
        var second = draws.Average(y => (double)y * y);
        var expected = name[0] == 'L' ? 2 * spread * spread : spread * spread;
        Assert.InRange(second, expected * 0.9, expected * 1.1);
        Assert.True(sampler.DistanceLog2 <= -90);
        Assert.True(sampler.ComparisonsPerDraw < 4096);
    }

    /// <summary>The work is of a kind that can be counted: random bytes asked for, whatever is drawn.</summary>
    [Fact]
    public void TableSampler_TwoStreams_AskForTheSameBytes()
    {
        static long Asked(string seed)
        {
            using var stream = Statistics.Stream(seed);
            var counting = new CountingBytes(stream);
            using var sampler = new TableSampler(new DiscreteGaussian(1000), counting);
            sampler.Fill(new long[1000]);
            Assert.Equal(1024L * sampler.RandomBytesPerDraw, counting.Bytes);
            return counting.Bytes;
        }

        Assert.Equal(Asked("one"), Asked("two"));
    }

    [Fact]
    public void Fill_SameKey_GivesTheSameNoise()
    {
        long[] Draw(string seed, int count)
        {
            using var random = Statistics.Stream(seed);
            using var sampler = new TableSampler(new DiscreteLaplace(50), random);
            var draws = new long[count];
            sampler.Fill(draws);
            return draws;
        }

        Assert.Equal(Draw("key", 300), Draw("key", 300));
        Assert.Equal(Draw("key", 300)[..10], Draw("key", 10));
        Assert.NotEqual(Draw("key", 300), Draw("other", 300));
    }

    /// <summary>
    /// Random numbers at a threshold and one below it, which random draws never hit: both halves are compared, in all eight places that are made at once, and
    /// the sign's bit is not.
    /// </summary>
    [Theory]
    [InlineData("G1")]
    [InlineData("G100")]
    public void ThresholdTable_NumbersAtTheThresholds_AreCountedToTheLastBit(string name)
    {
        using var random = Statistics.Stream("unused");
        using var sampler = new TableSampler(Statistics.Law(name), random);
        var table = sampler.Tables[0];
        var threshold = BigInteger.Zero;
        foreach (var (probability, i) in table.Probabilities().SkipLast(1).Select((p, i) => (p, i)))
        {
            threshold += probability;
            Assert.Equal(Enumerable.Repeat(i + 1L, ThresholdTable.Block), Draw(threshold, 0));
            Assert.Equal(Enumerable.Repeat((long)i, ThresholdTable.Block), Draw(threshold - 1, 1));
        }

        Assert.Equal(Enumerable.Repeat(0L, ThresholdTable.Block), Draw(0, 1));
        Assert.Equal(Enumerable.Repeat((long)table.Count, ThresholdTable.Block), Draw((BigInteger.One << ThresholdTable.Bits) - 1, 1));

        long[] Draw(BigInteger number, int sign)
        {
            var word = (UInt128)((number << 1) | sign);
            var words = new long[2 * ThresholdTable.Block];
            words.AsSpan(0, ThresholdTable.Block).Fill((long)(ulong)(word >> 64));
            words.AsSpan(ThresholdTable.Block).Fill((long)(ulong)word);
            var draws = new long[ThresholdTable.Block];
            table.Draw(words, draws);
            return draws;
        }
    }

    private static void AssertFits(INoiseSampler sampler, int count)
    {
        var draws = new long[count];
        sampler.Fill(draws);
        var probabilities = Statistics.Probabilities(sampler.Law);
        Statistics.AssertKolmogorovSmirnov(draws, probabilities);
        Statistics.AssertChiSquare(draws, probabilities);
        Statistics.AssertMoments(draws, probabilities);
    }

    /// <summary>P(0), P(1), … that the tables make, in units of 2^-320.</summary>
    private static BigInteger[] Made(TableSampler sampler)
    {
        var shift = FixedPoint.Bits - ThresholdTable.Bits;
        var tables = sampler.Tables.Select(table => table.Probabilities().Select(p => p << shift).ToArray()).ToArray();
        if (sampler.Law is DiscreteLaplace)
        {
            // Digits of |Y| − 1, then zero or not.
            BigInteger[] magnitude = [FixedPoint.One];
            for (var i = 0; i < tables.Length - 1; i++)
            {
                magnitude = [.. tables[i].SelectMany(digit => magnitude.Select(p => digit * p >> FixedPoint.Bits))];
            }

            var zero = tables[^1];
            return [zero[0], .. magnitude.Select(p => p * zero[1] >> (FixedPoint.Bits + 1))];
        }

        var parts = tables.Zip(sampler.Factors, (table, factor) => (Table: table, Factor: (int)factor)).ToArray();
        var reach = parts.Sum(part => (part.Table.Length - 1) * part.Factor);
        var law = new BigInteger[(2 * reach) + 1];
        law[reach] = FixedPoint.One;
        foreach (var (table, factor) in parts)
        {
            var next = new BigInteger[law.Length];
            for (var y = 0; y < law.Length; y++)
            {
                for (var d = 1 - table.Length; !law[y].IsZero && d < table.Length; d++)
                {
                    next[y + (d * factor)] += law[y] * table[Math.Abs(d)] >> (FixedPoint.Bits + (d == 0 ? 0 : 1));
                }
            }

            law = next;
        }

        return law[reach..];
    }

    private sealed class CountingBytes(IRandomBytes inner) : IRandomBytes
    {
        public long Bytes { get; private set; }

        public void Fill(Span<byte> destination)
        {
            Bytes += destination.Length;
            inner.Fill(destination);
        }
    }
}
