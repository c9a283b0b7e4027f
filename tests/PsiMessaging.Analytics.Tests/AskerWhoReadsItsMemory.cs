using System.Globalization;

namespace PsiMessaging.Analytics.Tests;

/// <summary>
/// An asking party that follows the protocol and reads its worker's memory: what is there of sums that are not shown. Each attack is made against the release
/// by linker and contributing party, and against a worker that withholds by itself, where it must succeed.
/// </summary>
public class AskerWhoReadsItsMemory
{
    private const int MinCell = 10;

    /// <summary>300 people, of whom three have something rare, and a mark that four have.</summary>
    private static Task<MaskedRun> OpenAsync() => MaskedRun.OpenAsync(
        "ID,AREA\n" + string.Join('\n', Enumerable.Range(0, 300).Select(i => $"{i},{"NSEW"[i % 4]}")),
        "ID,DISEASE,INCOME,MARK\n" + string.Join('\n', Enumerable.Range(0, 300).Select(i => string.Create(CultureInfo.InvariantCulture,
            $"{i},{(i is 17 or 101 or 230 ? "RARE" : i % 3 == 0 ? "FLU" : "COLD")},{20_000 + (i * 37 % 9_000)},{(i % 71 == 3 ? 1 : 0)}"))),
        new Dictionary<string, string> { ["INCOME"] = "integer(6)", ["MARK"] = "integer(1)" });

    [Theory]
    [InlineData("count by AREA, DISEASE")]
    [InlineData("count, sum(INCOME), mean(INCOME) by AREA, DISEASE")]
    [InlineData("count, sum(MARK) by AREA")]
    [InlineData("count by DISEASE where MARK = 1")]
    [InlineData("ols(INCOME ~ C(AREA) + MARK)")]
    [InlineData("quantile(INCOME, 0.5, 20000 to 29000 step 100) by AREA")]
    [InlineData("quantile(INCOME, 0.1, 0.9, 20000 to 29000 step 500) by AREA, DISEASE")]
    [InlineData("chisq(AREA, DISEASE) where MARK = 1")]
    public async Task WordsThatAreNotShown_AreNowhereInIt(string text)
    {
        using var run = await OpenAsync();
        async Task<(int Found, int Closed)> AttackAsync(bool isReleased)
        {
            var (memory, truth, opened) = await run.MemoryAsync(text, MinCell, isReleased);
            var (_, needed) = run.Unmasked;
            bool IsNeeded(int place) => place >= needed.Length || needed[place];
            var hidden = Enumerable.Range(0, truth.Length).Where(i => IsNeeded(i) && !opened[i]).ToArray();
            Assert.All(Enumerable.Range(0, truth.Length).Where(i => opened[i]), i => Assert.Equal(truth[i], memory[i]));
            return (hidden.Count(i => memory[i] == truth[i]), hidden.Length);
        }

        var (found, closed) = await AttackAsync(isReleased: true);
        Assert.True(closed > 0, "nothing is withheld");
        Assert.Equal(0, found);
        Assert.Equal((closed, closed), await AttackAsync(isReleased: false));
    }

    /// <summary>What is there in place of them is as coins thrown: it says nothing of their size.</summary>
    [Fact]
    public async Task WhatIsThereInstead_IsAsCoinsThrown()
    {
        using var run = await OpenAsync();
        var (memory, _, opened) = await run.MemoryAsync("count, sum(INCOME), mean(INCOME), var(INCOME) by AREA, DISEASE", MinCell, isReleased: true);
        var closed = memory.Where((_, i) => !opened[i]).ToArray();
        var (bits, ones) = (64.0 * closed.Length, closed.Sum(word => (long)ulong.PopCount(word)));
        Assert.Equal(closed.Length, closed.Distinct().Count());

        // Six standard deviations.
        Assert.InRange(ones, (bits / 2) - (3 * Math.Sqrt(bits)), (bits / 2) + (3 * Math.Sqrt(bits)));
    }
}
