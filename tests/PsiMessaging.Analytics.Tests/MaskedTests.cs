using System.Numerics;
using System.Security.Cryptography;
using CsCheck;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Analytics.Tests;

/// <summary>The arithmetic and the masks of engine masked.</summary>
public class MaskedTests
{
    private const string People = "ID;g;x\n1;r;5\n2;s;7\n3;r;\n4;s;9\n";
    private const string Firms = "ID;h;y\n1;u;1\n2;u;2\n3;v;3\n4;v;4\n";

    private static ulong[] Random(int count)
    {
        var words = new ulong[count];
        RandomNumberGenerator.Fill(System.Runtime.InteropServices.MemoryMarshal.AsBytes(words.AsSpan()));
        return words;
    }

    [Fact]
    public async Task Product_AtTheAskingParty_HoldsOnlyWhatTheAnswerNeeds()
    {
        using var run = await MaskedRun.OpenAsync(People, Firms);
        await run.AskAsync("ols(y ~ x)");
        var (product, needed) = run.Unmasked;
        Assert.Contains(false, needed);

        // What is needed is small; what is not stays masked by the other party's own words, which are not.
        Assert.All(product.Zip(needed), entry => Assert.Equal(entry.Second, Math.Abs((double)(long)entry.First) < 1e6));
    }

    [Fact]
    public async Task Padding_ChangesTheShapeAndNothingElse()
    {
        using var run = await MaskedRun.OpenAsync(People, Firms);
        var plain = await run.AskAsync("count, sum(x) by g, h");
        var words = run.LinkerSaw.Count;
        var padded = await run.AskAsync("count, sum(x) by g, h", pad: 50);
        Assert.Equal(plain.Rows.Select(row => string.Join('|', row)), padded.Rows.Select(row => string.Join('|', row)));
        Assert.Equal((4 * 50 * 2) + (2 * 50 * 50), run.LinkerSaw.Count);
        Assert.True(words < run.LinkerSaw.Count);
    }

    [Fact]
    public async Task Product_Tampered_IsRefused()
    {
        using var run = await MaskedRun.OpenAsync(People, Firms);
        await Assert.ThrowsAsync<InvalidDataException>(() => run.AskAsync("g, h", tamper: (_, correction) => correction[0] += 1));
        await Assert.ThrowsAsync<InvalidDataException>(() => run.AskAsync("g, h", tamper: (_, correction) => correction[0] = 12345));
    }

    [Fact]
    public void Masks_OfContextsThatDifferInAnything_HaveNothingInCommon()
    {
        using var shared = SecretBytes.Random(32);
        var context = new MaskContext(new byte[32], "q1", 1, "P1", "count", 10, 2, 3);
        var streams = new[]
        {
            context, context with { QueryId = "q2" }, context with { Counter = 2 }, context with { Asker = "P2" }, context with { Text = "count " },
            context with { Rows = 11 }, context with { P = 3 }, context with { Q = 2 }, context with { Transcript = [.. Enumerable.Repeat((byte)1, 32)] },
        }.SelectMany(one =>
        {
            using var masks = new QueryMasks(shared, one);
            var words = new ulong[4][];
            for (var i = 0; i < 4; i++)
            {
                words[i] = new ulong[8];
            }

            masks.R1(0, 2, words[0]);
            masks.R2(0, 3, words[1]);
            masks.S1(words[2]);
            masks.S2(words[3]);
            return words.SelectMany(word => word);
        }).ToArray();
        Assert.Equal(streams.Length, streams.Distinct().Count());
        using var again = new QueryMasks(shared, context);
        var first = new ulong[8];
        again.R1(0, 2, first);
        Assert.Equal(streams[..8], first);
    }

    /// <summary>The extreme values of every type, in every row: the bound of the plan is what keeps sums from wrapping round.</summary>
    [Theory]
    [InlineData(11, 3)]
    [InlineData(18, 3)]
    [InlineData(18, 40)]
    public async Task Sums_OfExtremeValues_AreExact(int digits, int rows)
    {
        var extreme = new string('9', digits);
        var values = Enumerable.Range(0, rows).Select(i => i % 3 == 2 ? "-" + extreme : extreme).ToArray();
        using var run = await MaskedRun.OpenAsync("ID;x\n" + string.Concat(values.Select((value, i) => $"{i};{value}\n")), "ID;y\n"
            + string.Concat(values.Select((value, i) => $"{i};{value}\n")),
            new Dictionary<string, string> { ["x"] = $"integer({digits})", ["y"] = $"integer({digits})" });
        var sum = values.Aggregate(BigInteger.Zero, (total, value) => total + BigInteger.Parse(value, System.Globalization.CultureInfo.InvariantCulture));
        var squares = values.Aggregate(BigInteger.Zero,
            (total, value) => total + BigInteger.Pow(BigInteger.Parse(value, System.Globalization.CultureInfo.InvariantCulture), 2));
        var answer = await run.AskAsync("sum(x), sum(y), cov(x, y), var(x)");
        Assert.Equal(sum.ToString(System.Globalization.CultureInfo.InvariantCulture), answer.Rows[0][0].Text);
        Assert.Equal(sum.ToString(System.Globalization.CultureInfo.InvariantCulture), answer.Rows[0][1].Text);
        var expected = AnswerCell.Real(ExactRatio.ToDouble((rows * squares) - (sum * sum), (BigInteger)rows * (rows - 1))).Text;
        Assert.Equal((expected, expected), (answer.Rows[0][2].Text, answer.Rows[0][3].Text));
    }

    [Fact]
    public void Plan_AnyTypesAndSizes_CannotOverflow() =>
        Gen.Select(Gen.Int[1, 18], Gen.Int[1, 18], Gen.Int[1, int.MaxValue]).Sample((own, other, rows) =>
        {
            var schema = new QuerySchema(new Dictionary<string, IReadOnlyList<TypedColumn>>(StringComparer.Ordinal)
            {
                ["P1"] = [new("x", new ColumnType(ColumnKind.Integer, own))],
                ["P2"] = [new("y", new ColumnType(ColumnKind.Integer, other))]
            });
            var query = new BoundQuery(Query.Parse("corr(x, y), sum(x)"), schema);
            var plan = MaskedPlan.Build(query, rows, ("P1", new PartyShape(1, [])), ("P2", new PartyShape(1, [])));
            foreach (var moment in query.Moments(_ => 0, 1))
            {
                var (left, right) = (moment.Of("P1"), moment.Of("P2"));
                var (i, j) = (plan.A.Factors.ToList().IndexOf(left), plan.B.Factors.ToList().IndexOf(right));
                Assert.True(rows * BigInteger.Pow(2, plan.A.LimbBits[i] + plan.B.LimbBits[j]) < BigInteger.Pow(2, 63));
                Assert.True(BigInteger.Pow(2, plan.A.Limbs[i] * plan.A.LimbBits[i]) >= BigInteger.Pow(10, left.Digits(schema)));
            }
        });

    [Theory]
    [InlineData("1", "3", 1.0 / 3)]
    [InlineData("-7", "2", -3.5)]
    [InlineData("9007199254740993", "1", 9007199254740992.0)]
    [InlineData("9007199254740995", "1", 9007199254740996.0)]
    [InlineData("123456789012345678901234567890", "1000000000000000000000", 123456789.01234567890)]
    public void Ratio_IsRoundedOnce(string numerator, string denominator, double expected) =>
        Assert.Equal(expected, ExactRatio.ToDouble(BigInteger.Parse(numerator, System.Globalization.CultureInfo.InvariantCulture),
            BigInteger.Parse(denominator, System.Globalization.CultureInfo.InvariantCulture)));

    [Fact]
    public async Task WeightedProduct_TooLongToBeExact_IsRefused()
    {
        using var run = await MaskedRun.OpenAsync("ID;x;w\n1;5;1\n2;6;1\n", "ID;y\n1;5\n2;6\n",
            new Dictionary<string, string> { ["x"] = "integer(18)", ["w"] = "integer(18)" });
        var refused = await Assert.ThrowsAsync<QueryException>(() => run.AskAsync("var(x) weight w"));
        Assert.Equal(QueryException.EngineCannot, refused.Code);
        Assert.Contains("can have 54 digits, and 38 is the most", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// As many coefficients as the rule allows for the records, and one record fewer: nearly a coefficient a record would be nearly the records' own values.
    /// </summary>
    [Theory]
    [InlineData(24, true)]
    [InlineData(23, false)]
    public async Task MinimumCell_RegressionWithManyCoefficientsForItsRecords_IsWithheld(int rows, bool isShown)
    {
        // Five coefficients: 15 are three for each, and ten beyond them. Nine more may lack a value of the other's, since none and few are alike.
        string Csv(string header, params int[] factors) => header + "\n" + string.Concat(Enumerable.Range(0, rows).Select(i =>
            $"{i};{string.Join(';', factors.Select(factor => (i * factor) % 17))}\n"));
        using var run = await MaskedRun.OpenAsync(Csv("ID;y;x1;x2", 3, 5, 7), Csv("ID;x3;x4", 11, 13));
        if (isShown)
        {
            Assert.Equal(5, (await run.AskAsync("ols(y ~ x1 + x2 + x3 + x4)", minCell: 10)).Rows.Count);
            return;
        }

        Assert.Contains("too few for its coefficients (three for each, and 10 beyond them, are the fewest)",
            (await Assert.ThrowsAsync<QueryException>(() => run.AskAsync("ols(y ~ x1 + x2 + x3 + x4)", minCell: 10))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MinimumCell_StatisticsThatCouldGiveACellAway_AreWithheld()
    {
        // One F among twenty, one in the highest bin, one v.
        using var run = await MaskedRun.OpenAsync("ID;sex;a\n" + string.Concat(Enumerable.Range(0, 20).Select(i => $"{i};{(i == 0 ? "F" : "M")};{i}\n")),
            "ID;h;y\n" + string.Concat(Enumerable.Range(0, 20).Select(i => $"{i};{(i == 3 ? "v" : "u")};{i * i}\n")));
        // Changed with the rule: refusals are the same for none and few, small bins of a quantile are put together, and a small group has no line.
        Assert.Contains("chisq(sex, h) is withheld: a cell of its table, or what is left out of it, has fewer than 3 records, none and few alike",
            (await Assert.ThrowsAsync<QueryException>(() => run.AskAsync("chisq(sex, h)", minCell: 3))).Message, StringComparison.Ordinal);
        // Changed with the rule: a rare class is counted with the reference instead of refused, which told few from none.
        Assert.Equal("(intercept)", Assert.Single((await run.AskAsync("ols(y ~ C(sex))", minCell: 3)).Rows)[0].Text);
        Assert.Equal("(intercept)", Assert.Single((await run.AskAsync("ols(a ~ C(h))", minCell: 3)).Rows)[0].Text);
        var quantiles = await run.AskAsync("quantile(a, 0.5, 0.99, 0 to 20 step 5)", minCell: 3);
        Assert.Equal((false, false), (quantiles.Rows[0][0].IsWithheld, quantiles.Rows[0][1].IsWithheld));

        // Bins of one record are put together: 15 to 20 with five is the last.
        Assert.Equal("19.8", (await run.AskAsync("quantile(a, 0.99, 0 to 20 step 1)", minCell: 3)).Rows[0][0].Text);
        var counts = await run.AskAsync("count by sex where a < 15", minCell: 3);
        Assert.Equal(["M|14", "(withheld)|"], counts.Rows.Select(row => string.Join('|', row.Select(cell => cell.Text))));
        Assert.Equal((1, 15L), (counts.Withheld, counts.Records));
        var others = await run.AskAsync("count by sex where a < 15", asker: "P2", minCell: 3);
        Assert.Equal(["M|14", "(withheld)|"], others.Rows.Select(row => string.Join('|', row.Select(cell => cell.Text))));
        Assert.Equal(-1, others.Records);
        Assert.Equal(-1, (await run.AskAsync("count where a = 4", asker: "P2", minCell: 3)).Records);
    }

    [Fact]
    public void Plan_OfAHostileShape_IsRefusedBeforeItIsMade()
    {
        var schema = new QuerySchema(new Dictionary<string, IReadOnlyList<TypedColumn>>(StringComparer.Ordinal)
        {
            ["P1"] = [.. Enumerable.Range(0, 30).Select(i => new TypedColumn($"c{i}", ColumnType.Text))],
            ["P2"] = [new("y", new ColumnType(ColumnKind.Integer, 5))],
        });
        var query = new BoundQuery(Query.Parse($"ols(y ~ {string.Join(" + ", Enumerable.Range(0, 30).Select(i => $"C(c{i})"))})"), schema);
        var refused = Assert.Throws<QueryException>(() =>
            MaskedPlan.Build(query, 1000, ("P1", new PartyShape(1, [.. Enumerable.Repeat(1000, 30)])), ("P2", new PartyShape(1, []))));
        Assert.Contains("29,971 coefficients, and 64 is the most", refused.Message, StringComparison.Ordinal);
        refused = Assert.Throws<QueryException>(() =>
            MaskedPlan.Build(new BoundQuery(Query.Parse("count by c0, y"), schema), 1000, ("P1", new PartyShape(1001, [])), ("P2", new PartyShape(1, []))));
        Assert.Contains("1,001 columns", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("histogram(x, 0 to 100 step 0.0000000000000000000000000001)")]
    [InlineData("{\"by\":[\"\\ud800\"]}")]
    [InlineData("x in 99999999999999999999999999999999999")]
    public void Parse_NumbersAndTextsThatCannotBe_AreRefusedByName(string text) => Assert.Throws<QueryException>(() => Query.Parse(text));
}
