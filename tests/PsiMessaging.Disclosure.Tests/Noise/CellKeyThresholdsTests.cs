using PsiMessaging.Disclosure.Noise;

namespace PsiMessaging.Disclosure.Tests.Noise;

/// <summary>Rows of p-tables for keys of 16 bits: even, of mean exactly 0, and the row's own noise but for keys at an end.</summary>
public class CellKeyThresholdsTests
{
    private static int NoiseOf(IReadOnlyList<int> thresholds, int key) => thresholds.Count(threshold => threshold <= key) - (thresholds.Count / 2);

    [Theory]
    [InlineData(1, "0.5")]
    [InlineData(2, "1.08")]
    [InlineData(3, "2")]
    [InlineData(5, "4.5")]
    [InlineData(10, "9")]
    [InlineData(20, "60")]
    public void Of_ALastRow_HasItsNoiseAndMeanZero(int deviation, string variance)
    {
        var row = CellKeyTableBuilder.LastRow(deviation, Rational.Parse(variance));
        var thresholds = CellKeyThresholds.Of(row);
        Assert.Equal(2 * deviation, thresholds.Length);
        Assert.Equal(thresholds.Order(), thresholds);
        Assert.Equal(thresholds.Distinct(), thresholds);
        var (sum, squares, other) = (0L, 0L, 0);
        for (var key = 0; key < CellKeyThresholds.Keys; key++)
        {
            var noise = NoiseOf(thresholds, key);
            sum += noise;
            squares += noise * noise;

            // The key in the middle of what 16 bits leave open.
            other += noise == row.Noise(((ulong)key << 48) | (1UL << 47)) ? 0 : 1;
        }

        Assert.Equal(0, sum);
        Assert.InRange(other, 0, 2 * deviation);

        // Each tail is off by half a key at most: D² / 2^16 in all.
        Assert.True(Math.Abs((new Rational(squares, CellKeyThresholds.Keys) - Rational.Parse(variance)).ToDouble()) <= deviation * deviation / 65536.0);
    }

    [Fact]
    public void Of_TheTableThatIsBuiltIn_IsThatOfTheDocument()
    {
        var thresholds = CellKeyThresholds.Of(CellKeyTable.Census().CountIndependent(4));
        Assert.Equal([4846, 20851, 44685, 60690], thresholds);
        Assert.Equal(new Rational(35_389, 32_768), new Rational(
            Enumerable.Range(0, CellKeyThresholds.Keys).Sum(key => NoiseOf(thresholds, key) * (long)NoiseOf(thresholds, key)), CellKeyThresholds.Keys));

        // From D and variance alone the same, whatever small values the table avoids: its last row is the same.
        Assert.Equal(thresholds, CellKeyThresholds.Of(CellKeyTableBuilder.Build(2, Rational.Parse("1.08"), 0).CountIndependent(3)));
        Assert.Equal(thresholds, CellKeyThresholds.Of(CellKeyTableBuilder.LastRow(2, Rational.Parse("1.08"))));
    }

    [Fact]
    public void Of_ARowThatHasNoiseWithoutKeys_IsRefused()
    {
        Assert.Contains("take a smaller deviation", Assert.Throws<CellKeyTableException>(() =>
            CellKeyThresholds.Of(CellKeyTableBuilder.LastRow(20, Rational.Parse("1.08")))).Message, StringComparison.Ordinal);
        Assert.Contains("no noise of -2, -1, 0, 1, 2 has mean 0 and variance 9", Assert.Throws<CellKeyTableException>(() =>
            CellKeyTableBuilder.LastRow(2, 9)).Message, StringComparison.Ordinal);

        // A row of one count is not even.
        Assert.Contains("not equally frequent", Assert.Throws<CellKeyTableException>(() => CellKeyThresholds.Of(CellKeyTable.Census().Rows[0])).Message,
            StringComparison.Ordinal);
    }
}
