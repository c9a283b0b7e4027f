using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using CsCheck;
using PsiMessaging.Disclosure.Noise;

namespace PsiMessaging.Disclosure.Tests.Noise;

/// <summary>The cell-key method against the published table and cases.</summary>
public class CellKeyTests
{
    private const string Published = "\"i\";\"j\";\"p\";\"v\";\"p_int_lb\";\"p_int_ub\"\n0;0;1;0;0;1\n1;0;0.513333333333334;-1;0;0.5133333333\n"
        + "1;2;0.459999999999997;1;0.5133333333;0.9733333333\n1;3;0.0266666666666684;2;0.9733333333;1\n2;0;0.165608346861048;-2;0;0.1656083469\n"
        + "2;2;0.546349918833711;0;0.1656083469;0.7119582657\n2;3;0.244866774888386;1;0.7119582657;0.9568250406\n2;4;0.043174959416855;2;0.9568250406;1\n"
        + "3;2;0.420784681404797;-1;0;0.4207846814\n3;3;0.277645955785609;0;0.4207846814;0.6984306372\n3;4;0.182354044214391;1;0.6984306372;0.8807846814\n"
        + "3;5;0.119215318595203;2;0.8807846814;1\n4;2;0.0739466779323054;-2;0;0.0739466779\n4;3;0.244213288270854;-1;0.0739466779;0.3181599662\n"
        + "4;4;0.363680067593605;0;0.3181599662;0.6818400338\n4;5;0.244213288271006;1;0.6818400338;0.9260533221\n4;6;0.0739466779322297;2;0.9260533221;1\n";

    private static readonly Rational Variance = Rational.Parse("1.08");

    private static ulong Key(string fraction) => (ulong)(Rational.Parse(fraction) * new Rational(BigInteger.One << 64, 1)).Floor();

    /// <summary>Count, record keys, perturbed count (vectors, cell_key; the second of ones with key 0.6, the last with 250 of 0.37).</summary>
    [Theory]
    [InlineData(3, "0.9 0.3 0.6", "0.8", 4)]
    [InlineData(2, "0.41 0.29", "0.7", 2)]
    [InlineData(1, "0.5", "0.5", 0)]
    [InlineData(1, "0.6", "0.6", 2)]
    [InlineData(2, "0.98 0.99", "0.97", 4)]
    [InlineData(17, "0.1", "0.7", 18)]
    [InlineData(250, "0.37", "0.5", 250)]
    public void Perturb_PublishedCase_GivesThePublishedCount(int count, string keys, string cellKey, long expected)
    {
        var records = keys.Split(' ').Select(Key).ToArray();
        var all = Enumerable.Range(0, count).Select(i => records[i % records.Length]).ToArray();
        var sum = CellKeyRecordKeys.CellKey(all);
        Assert.True(BigInteger.Abs((BigInteger)sum - Key(cellKey)) <= count, $"{sum}");
        Assert.Equal(expected, CellKeyTable.Census().Perturb(count, sum));
    }

    [Fact]
    public void Parse_PublishedFile_IsTheBuiltInTableAndComesOutAgain()
    {
        var table = CellKeyTable.Parse(Published, Variance, maximumDeviation: 2, avoided: 1);
        var builtIn = CellKeyTable.Census();
        Assert.Equal(builtIn.ToString(), table.ToString());
        Assert.Equal(table.ToString(), CellKeyTable.Parse(table.ToString(), Variance, 2, 1).ToString());
        Assert.Equal(2, table.MaximumDeviation);
        Assert.All(table.Rows, row => Assert.Equal(1.08, row.Variance.ToDouble(), 1e-9));
        Assert.All(table.Rows, row => Assert.Equal(0, row.Mean.ToDouble(), 1e-9));
    }

    /// <summary>lower &lt; key ≤ upper, to the last bit.</summary>
    [Fact]
    public void Noise_AtTheEndOfAnInterval_BelongsToIt()
    {
        var table = CellKeyTable.Census();
        var end = Key("0.5133333333");
        Assert.Equal((-1, 1), (table.Noise(1, end), table.Noise(1, end + 1)));
        Assert.Equal((-1, 2), (table.Noise(1, 0), table.Noise(1, ulong.MaxValue)));
        Assert.Equal((0, 0), (table.Noise(0, 0), table.Noise(0, ulong.MaxValue)));
    }

    [Fact]
    public void Noise_AnyKey_IsThatOfAPlainSearch()
    {
        using var random = Statistics.Stream("keys");
        var bytes = new byte[8000];
        random.Fill(bytes);
        foreach (var row in CellKeyTable.Census().Rows)
        {
            for (var i = 0; i < bytes.Length; i += 8)
            {
                var key = BitConverter.ToUInt64(bytes, i);
                var expected = row.Intervals.First(interval => new Rational(key, BigInteger.One << 64) <= interval.Upper).Noise;
                Assert.Equal(expected, row.Noise(key));
            }
        }
    }

    /// <summary>Over all identifiers the noise has mean 0 and the table's variance: record keys are uniform.</summary>
    [Fact]
    public void RecordKeys_ManyIdentifiers_GiveNoiseOfTheTablesMoments()
    {
        using var keys = new CellKeyRecordKeys(new byte[32]);
        var row = CellKeyTable.Census().CountIndependent(10);
        var noise = Enumerable.Range(0, 100_000).Select(i => (double)row.Noise(keys.Of(Encoding.UTF8.GetBytes($"person {i}")))).ToArray();
        Assert.InRange(noise.Average() / Math.Sqrt(1.08 / noise.Length), -4.9, 4.9);
        Assert.InRange(noise.Average(x => x * x), 1.08 - 0.025, 1.08 + 0.025);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(11)]
    [InlineData(600)]
    public void RecordKeys_AnyIdentifier_AreTheLibrarysHmac(int length)
    {
        byte[] key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
        byte[] identifier = [.. Enumerable.Range(0, length).Select(i => (byte)i)];
        using var keys = new CellKeyRecordKeys(key);
        byte[] message = [.. "psi-disclosure record key 1:"u8, .. identifier];
        Assert.Equal(BitConverter.ToUInt64(HMACSHA256.HashData(key, message)), keys.Of(identifier));
    }

    [Fact]
    public void RecordKeys_SameRecordsInAnyOrder_GiveTheSameCellKey()
    {
        using var keys = new CellKeyRecordKeys(new byte[32]);
        var records = Enumerable.Range(0, 50).Select(i => keys.Of([(byte)i])).ToArray();
        Assert.Equal(CellKeyRecordKeys.CellKey(records), CellKeyRecordKeys.CellKey([.. records.Reverse()]));
        Assert.NotEqual(CellKeyRecordKeys.CellKey(records), CellKeyRecordKeys.CellKey(records.AsSpan(1)));
        Assert.Equal(0UL, CellKeyRecordKeys.CellKey([]));
        using var others = new CellKeyRecordKeys([.. Enumerable.Repeat((byte)1, 32)]);
        Assert.NotEqual(keys.Of([1]), others.Of([1]));
        Assert.Throws<ArgumentException>(() => new CellKeyRecordKeys(new byte[31]));
    }

    /// <summary>SDC Handbook, 5.7: with true means one combination of counts is left; with means over perturbed counts the sums say nothing of them.</summary>
    [Fact]
    public void Mean_OverThePerturbedCount_LeavesTheHandbooksAttackNothing()
    {
        Assert.Equal(Rational.Parse("10"), CellKeyTable.Mean(90, 9));
        Assert.Null(CellKeyTable.Mean(90, 0));
        int Candidates(Rational first, Rational second, Rational all) =>
            (from a in Enumerable.Range(7, 5) from b in Enumerable.Range(12, 5)
             where a + b is >= 17 and <= 21 && (first * a) + (second * b) == all * (a + b) select (a, b)).Count();
        Assert.Equal(1, Candidates(new(90, 8), new(95, 12), new(185, 20)));
        var withPerturbed = Candidates(CellKeyTable.Mean(90, 9)!.Value, CellKeyTable.Mean(95, 14)!.Value, CellKeyTable.Mean(185, 19)!.Value);
        Assert.NotEqual(1, withPerturbed);
    }

    [Fact]
    public void CountIndependent_BelowTheLastRow_IsRefused()
    {
        var table = CellKeyTable.Census();
        Assert.Throws<ArgumentOutOfRangeException>(() => table.CountIndependent(3));
        var row = table.CountIndependent(4);
        Assert.Equal(Enumerable.Range(4, 20).Select(count => table.Noise(count, 12345)), Enumerable.Repeat(row.Noise(12345), 20));
    }

    [Theory]
    [InlineData("0.9733333333", "0.9733333334", "row of count 1: an interval begins at")]
    [InlineData("2;0;0.165608346861048", "3;1;0.165608346861048", "line 6: a row of count 3 after one of 1")]
    [InlineData("1;2;0.459999999999997;1", "1;2;0.459999999999997;2", "line 4: count 1 and noise 2 do not make 2")]
    [InlineData("0.459999999999997", "0.45", "line 4: the interval from 0.5133333333 to 0.9733333333 has not the line's probability")]
    [InlineData("0.459999999999997", "NaN", "has not the line's probability")]
    [InlineData("4;6;0.0739466779322297;2;0.9260533221;1", "4;6;0.0639466779322297;2;0.9260533221;0.99", "row of count 4: its probabilities sum to 0.99")]
    [InlineData("0;0;1;0;0;1\n", "", "line 2: a row of count 1 after one of -1")]
    [InlineData("i\";\"j", "j\";\"i", "line 1: not the header")]
    [InlineData("0.0266666666666684;2", "0,0266666666666684;2", "line 5: not six numbers")]
    public void Parse_DamagedTable_SaysWhatAndWhere(string from, string to, string expected)
    {
        var at = Published.LastIndexOf(from, StringComparison.Ordinal);
        var text = Published.Remove(at, from.Length).Insert(at, to);
        AssertRefused(text, Variance, 2, 1, expected);
    }

    /// <summary>Characters put in, taken out and changed anywhere: a table, or our own exception.</summary>
    [Fact]
    public void Parse_AnyChange_IsReadOrRefused() =>
        Gen.Select(Gen.Int[0, Published.Length - 1], Gen.Int[0, 12], Gen.OneOf(Gen.String[Gen.Char["0123456789.;-\n\"eE/"], 0, 12], Gen.String[0, 5])).Sample(
            (at, cut, put) =>
            {
                try
                {
                    var table = CellKeyTable.Parse(Published.Remove(at, Math.Min(cut, Published.Length - at)).Insert(at, put), Variance, 2, 1);
                    Assert.All(table.Rows, row => Assert.InRange(row.Mean.ToDouble(), -1e-6, 1e-6));
                }
                catch (CellKeyTableException exception)
                {
                    Assert.DoesNotContain('\n', exception.Message);
                }
            }, iter: 20_000);

    [Theory]
    [InlineData("i;j;p;v;p_int_lb;p_int_ub\n0;0;1;-2147483648;0;1\n")]
    [InlineData("i;j;p;v;p_int_lb;p_int_ub\n")]
    [InlineData("")]
    [InlineData("\n\n")]
    public void Parse_NothingOrExtremes_IsRefused(string text) => AssertRefused(text, Variance, 2, 1, "");

    [Theory]
    [InlineData("1.07", 2, 1, "its variance is 1.08")]
    [InlineData("1.08", 1, 1, "noise 2 is beyond the stated deviation 1")]
    [InlineData("1.08", 2, 2, "makes 2, which must not occur")]
    public void Parse_OtherThanStated_IsRefused(string variance, int deviation, int avoided, string expected) =>
        AssertRefused(Published, Rational.Parse(variance), deviation, avoided, expected);

    [Fact]
    public void Parse_NegativeResultOrDrift_IsRefused()
    {
        const string Header = "i;j;p;v;p_int_lb;p_int_ub\n0;0;1;0;0;1\n";
        var negative = Header + "1;-1;0.5;-2;0;0.5\n1;3;0.5;2;0.5;1\n";
        AssertRefused(negative, 4, 2, 0, "makes -1");
        var drift = Header + "1;1;0.5;0;0;0.5\n1;2;0.5;1;0.5;1\n";
        AssertRefused(drift, Rational.Parse("0.5"), 2, 0, "mean is 0.5");
    }

    /// <summary>
    /// The published table is the one of greatest entropy: made anew from D, variance and avoided values it has the same thresholds, to its ten digits.
    /// </summary>
    [Fact]
    public void Build_ParametersOfThePublishedTable_GivesItsThresholds()
    {
        var built = CellKeyTableBuilder.Build(2, Variance, 1);
        foreach (var row in CellKeyTable.Census().Rows)
        {
            Assert.Equal(row.Intervals.Select(interval => interval.Noise), built.Rows[row.Count - 1].Intervals.Select(interval => interval.Noise));
            Assert.All(
                row.Intervals.Zip(built.Rows[row.Count - 1].Intervals), pair => Assert.Equal(pair.First.Upper.ToDouble(), pair.Second.Upper.ToDouble(), 2e-9));
        }
    }

    [Theory]
    [InlineData(1, "0.5", 0)]
    [InlineData(3, "2.25", 2)]
    [InlineData(5, "3", 2)]
    [InlineData(10, "3", 0)]
    [InlineData(20, "6", 3)]
    public void Build_OtherParameters_GivesATableThatParses(int deviation, string variance, int avoided)
    {
        var table = CellKeyTableBuilder.Build(deviation, Rational.Parse(variance), avoided);
        Assert.Equal(table.ToString(), CellKeyTable.Parse(table.ToString(), Rational.Parse(variance), deviation, avoided).ToString());
    }

    [Fact]
    public void Build_VarianceThatNoNoiseHas_SaysWhichRow()
    {
        var message = Assert.Throws<CellKeyTableException>(() => CellKeyTableBuilder.Build(2, Rational.Parse("0.9"), 1)).Message;
        Assert.StartsWith("row of count 1: no noise of -1, 1, 2 has mean 0 and variance 0.9", message, StringComparison.Ordinal);
    }

    /// <summary>What the method does not stop, so that nobody believes it: over many partitions of one set the noise averages out (arXiv 1902.06414).</summary>
    [Fact]
    public void Noise_ManyPartitionsOfOneSet_AveragesToTheCount()
    {
        using var keys = new CellKeyRecordKeys(new byte[32]);
        var records = Enumerable.Range(0, 40).Select(i => keys.Of([(byte)i])).ToArray();
        var table = CellKeyTable.Census();
        var sums = Enumerable.Range(4, 33).SelectMany(cut => Enumerable.Range(0, 40).Select(turn =>
        {
            ulong[] turned = [.. records.Skip(turn), .. records.Take(turn)];
            return table.Perturb(cut, CellKeyRecordKeys.CellKey(turned.AsSpan(0, cut)))
                + table.Perturb(40 - cut, CellKeyRecordKeys.CellKey(turned.AsSpan(cut)));
        })).ToArray();
        Assert.Equal(40, Math.Round(sums.Average()));
    }

    private static void AssertRefused(string text, Rational variance, int deviation, int avoided, string expected)
    {
        var message = Assert.Throws<CellKeyTableException>(() => CellKeyTable.Parse(text, variance, deviation, avoided)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }
}
