using System.Globalization;
using System.Security.Cryptography;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Analytics.Tests;

/// <summary>
/// Noise by cell keys through both parties' matrices, the product and the circuit, against the table in the clear: a shown count is the true one and the noise
/// of the sum of its records' keys, and what is shown is what is shown without noise.
/// </summary>
public class CellKeyAnswerTests
{
    private const int Rows = 600;
    private const int MinCell = 5;

    /// <summary>The last row of the table that is built in: D = 2, variance 1.08.</summary>
    private static readonly NoiseTerms Census = new(NoiseKind.CellKey, Thresholds: [4846, 20851, 44685, 60690]);

    private static readonly Func<int, ushort> KeyOf = Keys("the owner's secret");

    private static Func<int, ushort> Keys(string secret)
    {
        var keys = Enumerable.Range(0, Rows).Select(i => BitConverter.ToUInt16(SHA256.HashData([.. BitConverter.GetBytes(i),
            .. System.Text.Encoding.UTF8.GetBytes(secret)]))).ToArray();
        return i => keys[i];
    }

    private static string AreaOf(int i) => $"A{i * 37 % 7}";

    private static string SexOf(int i) => i % 3 == 0 ? "F" : "M";

    private static string DiseaseOf(int i) => i is 17 or 101 or 230 ? "RARE" : $"D{i * i % 11}";

    private static int AgeOf(int i) => 20 + (i * 13 % 60);

    private static async Task<MaskedRun> OpenAsync(NoiseTerms? terms = null, Func<int, ushort>? keyOf = null)
    {
        var run = await MaskedRun.OpenAsync(
            "ID,AREA,SEX\n" + string.Join('\n', Enumerable.Range(0, Rows).Select(i => $"{i},{AreaOf(i)},{SexOf(i)}")),
            "ID,DISEASE,AGE\n" + string.Join('\n', Enumerable.Range(0, Rows).Select(i => $"{i},{DiseaseOf(i)},{AgeOf(i)}")));
        run.CellKeys = (terms ?? Census, keyOf ?? KeyOf);
        return run;
    }

    /// <summary>The noise of some records, from the thresholds as the contract says it.</summary>
    private static int NoiseOf(NoiseTerms terms, Func<int, ushort> keyOf, IEnumerable<int> records) =>
        records.Aggregate(0, (sum, i) => (sum + keyOf(i)) & 0xFFFF) is var key
            ? terms.Thresholds!.Count(threshold => threshold <= key) - (terms.Thresholds!.Count / 2) : 0;

    /// <summary>Lines of cells, without totals and the line of all that is not shown.</summary>
    private static Dictionary<string, long> CellsOf(Answer answer, int labels) => answer.Rows
        .Where(row => !row.Any(cell => cell.IsWithheld) && !row.Take(labels).Any(cell => cell.IsTotal))
        .ToDictionary(row => string.Join('|', row.Take(labels).Select(cell => cell.Text)),
            row => long.Parse(row[labels].Text!, CultureInfo.InvariantCulture), StringComparer.Ordinal);

    private static void RequireNoise(Answer answer, int labels, Func<int, string> cellOf, Func<int, bool>? where = null, NoiseTerms? terms = null)
    {
        var cells = CellsOf(answer, labels);
        var people = Enumerable.Range(0, Rows).Where(where ?? (_ => true)).GroupBy(cellOf).ToDictionary(cell => cell.Key, cell => cell.ToArray());
        Assert.NotEmpty(cells);
        Assert.All(cells, cell =>
        {
            Assert.True(people[cell.Key].Length >= MinCell);
            Assert.Equal(people[cell.Key].Length + NoiseOf(terms ?? Census, KeyOf, people[cell.Key]), cell.Value);
        });
    }

    [Theory]
    [InlineData("count by AREA, DISEASE", 2, 10)]
    [InlineData("count by DISEASE", 1, 5)]
    [InlineData("count by SEX, DISEASE with totals", 2, 5)]
    public async Task Count_OfEveryCell_IsTheTrueOneAndTheNoiseOfItsRecords(string text, int labels, int deviation)
    {
        // Under one noise of each kind: few steps and many.
        var terms = deviation == 5 ? Census : new NoiseTerms(NoiseKind.CellKey, Thresholds: [3000, 9000, 20000, 30000, 35536, 45536, 56536, 62536]);
        Assert.True(CellKeyRule.IsValid(terms.Thresholds));
        using var run = await OpenAsync(terms);
        var answer = await run.AskAsync(text, minCell: MinCell);
        Func<int, string> cellOf = labels == 1 ? DiseaseOf : text.Contains("SEX", StringComparison.Ordinal) ? i => $"{SexOf(i)}|{DiseaseOf(i)}"
            : i => $"{AreaOf(i)}|{DiseaseOf(i)}";
        RequireNoise(answer, labels, cellOf, terms: terms);

        // What is shown is what is shown without noise: the decisions are about the true counts.
        run.CellKeys = null;
        var exact = await run.AskAsync(text, minCell: MinCell);
        Assert.Equal(CellsOf(exact, labels).Keys.Order(StringComparer.Ordinal), CellsOf(answer, labels).Keys.Order(StringComparer.Ordinal));
        Assert.NotEqual(CellsOf(exact, labels).Values, CellsOf(answer, labels).Values);
        Assert.Null(exact.Noise);
    }

    /// <summary>The same people are the same cell, whatever they are called and beside whichever others; other people have another noise.</summary>
    [Fact]
    public async Task Noise_OfTheSameCell_IsTheSameInEveryQuestion()
    {
        using var run = await OpenAsync();
        var one = CellsOf(await run.AskAsync("count by SEX, DISEASE", minCell: MinCell), 2);
        var filtered = CellsOf(await run.AskAsync("count by DISEASE where SEX = 'F'", minCell: MinCell), 1);
        var classes = CellsOf(await run.AskAsync("count by DISEASE in ('D1') as one, ('D4') as four, SEX where AREA != 'A9'", minCell: MinCell), 2);
        Assert.Equal(one["F|D1"], filtered["D1"]);
        Assert.Equal((one["F|D1"], one["M|D1"], one["F|D4"]), (classes["one|F"], classes["one|M"], classes["four|F"]));

        // Under another secret the same cells have other noise: the noise is no function of what everybody knows.
        run.CellKeys = (Census, Keys("another"));
        Assert.NotEqual(one.Values, CellsOf(await run.AskAsync("count by SEX, DISEASE", minCell: MinCell), 2).Values);
    }

    /// <summary>Side numbers: what who asks can count by itself is exact, all else is the sum of what is shown, or withheld.</summary>
    [Fact]
    public async Task SideNumbers_OfAnAnswer_SayNoTrueCountOfTheOthers()
    {
        using var run = await OpenAsync();
        var answer = await run.AskAsync("count by SEX, DISEASE in ('D0', 'D1', 'D3') as low, ('D4', 'D5', 'D9', 'RARE') as high with totals", minCell: MinCell);
        var cells = CellsOf(answer, 2);
        Assert.Equal(4, cells.Count);
        static string? Label(AnswerCell cell) => cell.IsTotal ? "all" : cell.Text;
        string LineOf(string sex, string disease) =>
            answer.Rows.Single(row => Label(row[0]) == sex && Label(row[1]) == disease)[2] is { IsWithheld: false } cell ? cell.Text! : "W";
        Assert.Equal($"{Rows}", LineOf("all", "all"));
        Assert.Equal($"{Rows / 3}", LineOf("F", "all"));
        Assert.Equal(cells["F|low"] + cells["M|low"], long.Parse(LineOf("all", "low"), CultureInfo.InvariantCulture));
        Assert.Equal(Rows, answer.Records);

        // Nothing is withheld here, and the line that stands for what is does not say so.
        Assert.Contains(answer.Rows, row => row[0] == AnswerCell.WithheldGroups && row[2] == AnswerCell.Withheld);
        Assert.Contains(answer.Rules, rule =>
            rule.StartsWith("every count has noise that depends on who is in its cell, of variance 1.08:", StringComparison.Ordinal));
        Assert.Contains(answer.Rules, rule => rule.StartsWith($"groups of fewer than {MinCell} records are not shown", StringComparison.Ordinal));
        Assert.Equal(Census, answer.Noise);

        var selected = await run.AskAsync("count where AGE > 50", minCell: MinCell);
        RequireNoise(new Answer([], [[new AnswerCell("x"), .. selected.Rows[0]]], 0, 0, new Dictionary<string, string>(), []), 1, _ => "x", i => AgeOf(i) > 50);
        Assert.Equal(-1, selected.Records);

        // A total over a cell that is not shown is not shown, and a filter of the other's leaves no total that is exact.
        var rare = await run.AskAsync("count by SEX, DISEASE where AGE > 50 with totals", minCell: MinCell);
        Assert.Equal(-1, rare.Records);
        Assert.All(rare.Rows.Where(row => row[1].IsTotal), row => Assert.True(row[2].IsWithheld));
    }

    /// <summary>
    /// Noise of many cells against the law: chi-square of five classes with four degrees of freedom, and neighbouring cells of one table are as if drawn anew.
    /// Odds of a false alarm are one in a million each; the seeds are fixed.
    /// </summary>
    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Noise_OfThousandsOfCells_HasTheLawAndIsIndependent()
    {
        using var run = await OpenAsync();
        var (frequency, pairs, draws) = (new long[5], 0.0, 0);
        for (var key = 0; draws < 4_000; key++)
        {
            var keyOf = Keys($"secret {key}");
            run.CellKeys = (Census, keyOf);
            var cells = CellsOf(await run.AskAsync("count by AREA, DISEASE", minCell: MinCell), 2);
            var people = Enumerable.Range(0, Rows).GroupBy(i => $"{AreaOf(i)}|{DiseaseOf(i)}").ToDictionary(cell => cell.Key, cell => cell.Count());
            var noise = cells.Select(cell => (int)(cell.Value - people[cell.Key])).ToArray();
            Assert.All(noise, value => Assert.InRange(value, -2, 2));
            Array.ForEach(noise, value => frequency[value + 2]++);
            pairs += noise.Zip(noise.Skip(1), (one, next) => one * next).Sum();
            draws += noise.Length;
        }

        double Statistic(NoiseTerms law) => frequency.Select((count, i) => (double)CellKeyRule.KeysWith(law, i - 2) / CellKeyRule.Keys * draws is var expected
            ? (count - expected) * (count - expected) / expected : 0).Sum();
        Assert.True(Statistic(Census) < 33.4, $"chi-square {Statistic(Census):F1} of {string.Join(", ", frequency)}");

        // The test itself: a law of a little more variance is told from it.
        Assert.True(Statistic(new NoiseTerms(NoiseKind.CellKey, Thresholds: [7000, 20851, 44685, 58536])) > 33.4);

        // A product of two independent ones has mean 0 and the square of the variance as its variance.
        Assert.InRange(pairs / Math.Sqrt(draws) / CellKeyRule.Variance(Census), -5, 5);
    }

    /// <summary>What the asking party has in memory: of no shown cell the true count, of no cell the sum of keys; and of shown ones what is shown.</summary>
    [Fact]
    public async Task AskerWhoReadsItsMemory_HasTheTrueCountOfNoCell()
    {
        using var run = await OpenAsync();
        var (memory, truth, opened) = await run.MemoryAsync("count by AREA, DISEASE", MinCell, isReleased: true);
        var needed = run.Unmasked.Needed;
        var closed = Enumerable.Range(0, needed.Length).Where(i => needed[i]).ToArray();
        Assert.DoesNotContain(true, opened);
        Assert.DoesNotContain(closed, i => memory[i] == truth[i]);
        Assert.True(run.Noisy.Count > 20);
        Assert.All(run.Noisy, noisy => Assert.InRange((long)noisy.Count - (long)truth[noisy.Place], -2, 2));
        Assert.Contains(run.Noisy, noisy => noisy.Count != truth[noisy.Place]);

        // The places of counts are small numbers, and of no place with noise is the word itself there: below 2^32 nothing is.
        Assert.DoesNotContain(closed, i => memory[i] <= uint.MaxValue);

        // The attack works where its worker is to withhold by itself.
        (memory, truth, _) = await run.MemoryAsync("count by AREA, DISEASE", MinCell, isReleased: false);
        Assert.All(closed, i => Assert.Equal(truth[i], memory[i]));
    }

    /// <summary>Who asks is bound beside keys as without: a record ten times in a group, or a count added to, is seen before anything is opened.</summary>
    [Theory]
    [InlineData("A0")]
    [InlineData("U1")]
    public async Task ChangedAsker_WhoSendsOtherThanZerosAndOnes_IsRefused(string what)
    {
        using var run = await OpenAsync();
        try
        {
            await run.AskAsync("count by AREA, DISEASE", minCell: MinCell, tamper: (sent, words) => words[0] += sent == what ? 9UL : 0);
        }
        catch (InvalidDataException)
        {
            // The counts of what was sent cannot be; the linker has refused it before.
        }

        Assert.NotNull(run.Refused);
    }

    [Theory]
    [InlineData("4846 20851 44685 60690", true)]
    [InlineData("32768 32768", false)]
    [InlineData("1 65535", true)]
    [InlineData("0 65536", false)]
    [InlineData("4846 20851 44685", false)]
    [InlineData("20851 4846 60690 44685", false)]
    [InlineData("4846 20851 44686 60690", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Thresholds_OfAPartner_AreEvenOrNone(string? text, bool isValid)
    {
        int[]? thresholds = text?.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(number => int.Parse(number, CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(isValid, CellKeyRule.IsValid(thresholds));
        Assert.Equal(isValid, NoiseRule.IsValid(new NoiseTerms(NoiseKind.CellKey, Thresholds: thresholds)));
        Assert.False(NoiseRule.IsValid(new NoiseTerms(NoiseKind.CellKey, 10, thresholds)));
        Assert.False(NoiseRule.IsValid(new NoiseTerms(NoiseKind.Gaussian, null, thresholds)));
    }

    [Fact]
    public void Law_OfThresholds_IsWhatIsSaidOfIt()
    {
        Assert.Equal((2, 2), (CellKeyRule.Deviation(Census), CellKeyRule.MostOff(Census)));
        Assert.Equal(CellKeyRule.Keys, Enumerable.Range(-2, 5).Sum(noise => CellKeyRule.KeysWith(Census, noise)));
        Assert.Equal(0, Enumerable.Range(-2, 5).Sum(noise => noise * CellKeyRule.KeysWith(Census, noise)));
        Assert.Equal(1.08, CellKeyRule.Variance(Census), 3);

        // Two cells whose sum somebody knows: both are off by 2 in one direction, and both are known then.
        var most = (double)CellKeyRule.KeysWith(Census, 2) / CellKeyRule.Keys;
        Assert.Equal(91, 1 / (2 * most * most), 0);
        Assert.InRange((double)CellKeyRule.KeysWith(Census, 0) / CellKeyRule.Keys, 1 / 3.0, 0.37);
        Assert.Equal(1, CellKeyRule.MostOff(new NoiseTerms(NoiseKind.CellKey, Thresholds: [1000, 20000, 45536, 64536])));
    }

    [Theory]
    [InlineData("count by G, A where T > 3 with totals", 3, null)]
    [InlineData("count by G, A where T > 3 with totals", 2, "begin one with 3 or more")]
    [InlineData("count", 1, "a minimum cell size of 1")]
    [InlineData("histogram(T, 0 to 100 step 10) by A", 3, null)]
    [InlineData("count, mean(T) by A", 10, "counts alone have it")]
    [InlineData("chisq(A, G)", 10, "counts alone have it")]
    [InlineData("count by A weight T", 10, "counts alone have it")]
    public void FaultOf_AQuestion_SaysWhatToAskInstead(string text, int minCell, string? fault)
    {
        var found = NoiseRule.FaultOf(Query.Parse(text), column => column is "G" or "T", minCell, Census);
        Assert.Equal(fault is null, found is null);
        Assert.Contains(fault ?? "", found ?? "", StringComparison.Ordinal);
    }

    /// <summary>What a cell costs, for docs/noise.md: the same table with noise and without.</summary>
    [Fact]
    public async Task CostOfACell_IsThatOfTheDocument()
    {
        using var run = await OpenAsync();
        await run.AskAsync("count by AREA, DISEASE", minCell: MinCell);
        var noisy = run.Cost;
        run.CellKeys = null;
        await run.AskAsync("count by AREA, DISEASE", minCell: MinCell);
        var (exact, cells) = (run.Cost, 7 * 6);
        Assert.Equal(84, (noisy.Gates - exact.Gates) / cells);
        Assert.Equal((34, 292, 2688, 0, 1), ((noisy.Program - exact.Program) / cells, (noisy.Transfer - exact.Transfer) / cells,
            (noisy.Tables - exact.Tables) / cells, noisy.Sealed - exact.Sealed, (noisy.Labels - exact.Labels) / cells));

        // Two steps of deviation more.
        run.CellKeys = (new NoiseTerms(NoiseKind.CellKey, Thresholds: [301, 1201, 4847, 20851, 44685, 60689, 64335, 65235]), KeyOf);
        await run.AskAsync("count by AREA, DISEASE", minCell: MinCell);
        Assert.InRange((run.Cost.Gates - noisy.Gates) / cells, 55, 70);
    }
}
