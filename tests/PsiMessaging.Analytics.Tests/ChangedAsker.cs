using System.Globalization;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Tests;

/// <summary>
/// An asking party that has changed its worker, and sends another matrix or another correction than the question's: the linker refuses what is not rows of
/// zeros and ones of one group each, and a correction that is not theirs. Each attack is shown to give something where nobody looks.
/// </summary>
public class ChangedAsker
{
    private const string Text = "count, sum(INCOME) by AREA";
    private const int Rows = 40;
    private const int Groups = 4;

    private static long IncomeOf(int i) => 20_000 + (i * 137 % 9_000);

    /// <summary>Columns of A for the question: for each area the records, those with an income alike.</summary>
    private static Task<MaskedRun> OpenAsync() => MaskedRun.OpenAsync(
        "ID,AREA\n" + string.Join('\n', Enumerable.Range(0, Rows).Select(i => $"{i},{"NSEW"[i % Groups]}")),
        "ID,INCOME\n" + string.Join('\n', Enumerable.Range(0, Rows).Select(i => string.Create(CultureInfo.InvariantCulture, $"{i},{IncomeOf(i)}"))),
        new Dictionary<string, string> { ["INCOME"] = "integer(6)" });

    /// <summary>Asks with a matrix, or a correction, that was changed; what the linker refused it for, and the product as it would have been opened.</summary>
    private static async Task<(string? Refused, long[] Sums)> AskAsync(Action<ulong[]>? rows = null, Action<ulong[]>? correction = null)
    {
        using var run = await OpenAsync();
        try
        {
            await run.AskAsync(Text, minCell: 10, batchRows: Rows, tamper: (what, words) =>
            {
                if (what == "A0")
                {
                    rows?.Invoke(words);
                }
                else if (what == "U1")
                {
                    correction?.Invoke(words);
                }
            });
        }
        catch (Exception exception) when (exception is InvalidDataException or Xunit.Sdk.XunitException)
        {
            // The stock worker's own checks find it: a changed one has none.
        }

        return (run.Refused, [.. run.Unmasked.Product.Select(word => (long)word)]);
    }

    [Fact]
    public async Task NothingChanged_IsNotRefused()
    {
        var (refused, sums) = await AskAsync();
        Assert.Null(refused);
        Assert.Contains(Enumerable.Range(0, Rows).Where(i => i % Groups == 1).Sum(IncomeOf), sums);
    }

    /// <summary>The unit vector of one record, ten times: the count reads ten, and the sum is ten times that one's income.</summary>
    [Fact]
    public async Task UnitVectorTimesTheMinimum_IsRefused()
    {
        var (refused, sums) = await AskAsync(rows: words =>
        {
            words.AsSpan(0, Rows).Clear();
            words[17] = 10;
        });
        Assert.Contains(sums, sum => Enumerable.Range(0, Rows).Any(i => sum == 10 * IncomeOf(i)));
        Assert.Equal("its rows are not zeros and ones of one group each", refused);
    }

    /// <summary>Powers of two: marks of many records in one word.</summary>
    [Fact]
    public async Task PowersOfTwo_AreRefused()
    {
        var (refused, sums) = await AskAsync(rows: words =>
        {
            for (var i = 0; i < Rows; i++)
            {
                words[i] = 1UL << i;
            }
        });
        Assert.Contains(sums, sum => sum == (1L << Rows) - 1);
        Assert.Equal("its rows are not zeros and ones of one group each", refused);
    }

    /// <summary>A record in two groups, or taken off one that nine others are in.</summary>
    [Theory]
    [InlineData(4, 1UL)]
    [InlineData(0, ulong.MaxValue)]
    public async Task RecordOfTwoGroups_OrOfLessThanNone_IsRefused(int row, ulong value)
    {
        var (refused, _) = await AskAsync(rows: words =>
        {
            // The second area's column, where record 0 and 4 are not.
            var width = words.Length / Rows / Groups;
            words[(width * Rows) + row] = value;
        });
        Assert.Equal("its rows are not zeros and ones of one group each", refused);
    }

    /// <summary>A correction that adds ten to a count of nobody: without a look at it the circuit would let it pass.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(-10)]
    [InlineData(1L << 40)]
    public async Task CorrectionThatAdds_IsRefused(long added)
    {
        var (honest, before) = await AskAsync();
        var (refused, after) = await AskAsync(correction: words => words[0] -= (ulong)added);
        Assert.Null(honest);
        Assert.Equal(before[0] + added, after[0]);
        Assert.Equal("its correction is not that of its rows", refused);
    }

    /// <summary>A group of one record is still zeros and ones: it is the minimum that withholds it, since its count is one.</summary>
    [Fact]
    public async Task GroupOfOne_IsNotRefused_AndStaysBelowTheMinimum()
    {
        var (refused, sums) = await AskAsync(rows: words =>
        {
            // Rows are in the order of their tokens: the first that is in the area.
            var (width, row) = (words.Length / Rows / Groups, Array.IndexOf(words, 1UL));
            words.AsSpan(0, width * Rows).Clear();
            for (var column = 0; column < width; column++)
            {
                words[(column * Rows) + row] = 1;
            }
        });
        Assert.Null(refused);
        Assert.Equal(1, sums[0]);
    }

    /// <summary>
    /// An asking party that announces larger groups than it sends, so that what is left of them looks like enough and a small cell could be subtracted: the
    /// decisions are about what it sent.
    /// </summary>
    [Fact]
    public async Task LargerGroupsThanWereSent_ChangeNoDecision()
    {
        using var run = await MaskedRun.OpenAsync(
            "ID,AREA\n" + string.Join('\n', Enumerable.Range(0, Rows).Select(i => $"{i},{"NS"[i % 2]}")),
            "ID,DISEASE\n" + string.Join('\n', Enumerable.Range(0, Rows).Select(i => $"{i},{(i == 0 ? "RARE" : i % 4 < 2 ? "FLU" : "COLD")}")));
        var honest = await run.DecideAsync("count by AREA, DISEASE", 5, announced: 1);
        Assert.Contains(false, honest);
        Assert.Equal(honest, await run.DecideAsync("count by AREA, DISEASE", 5, announced: 40));
    }

    /// <summary>A question made so long that its counts would be too many to look at is refused, and not asked without looking.</summary>
    [Fact]
    public async Task SoManyMeasuresThatNobodyCouldLook_AreRefused()
    {
        var names = Enumerable.Range(0, 18).Select(i => $"X{i}").ToArray();
        string Row(int i) => $"{i},{string.Join(',', names.Select((_, j) => i * (j + 3)))}";
        using var run = await MaskedRun.OpenAsync(
            $"ID,{string.Join(',', names)}\n" + string.Join('\n', Enumerable.Range(0, Rows).Select(Row)),
            "ID,INCOME\n" + string.Join('\n', Enumerable.Range(0, Rows).Select(i => $"{i},{20_000 + i}")));
        var refused = await Assert.ThrowsAsync<QueryException>(() =>
            run.AskAsync($"count, sum(INCOME), {string.Join(", ", names.Skip(1).Select(name => $"cov(X0, {name})"))}", minCell: 10));
        Assert.Equal(QueryException.EngineCannot, refused.Code);
        Assert.Contains("ask for fewer measures at once", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>What is not stopped, so that nobody takes it for stopped: an entry of 2^63 passes half of the time, one of 2^60 one time in sixteen.</summary>
    [Fact]
    public async Task EntryInTheHighestBits_PassesSometimes()
    {
        var passed = 0;
        for (var round = 0; round < 24; round++)
        {
            var (refused, _) = await AskAsync(rows: words => words[1] = 1UL << 63);
            passed += refused is null ? 1 : 0;
        }

        Assert.InRange(passed, 1, 23);
    }
}
