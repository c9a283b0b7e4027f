using PsiMessaging.Testing;

namespace PsiMessaging.Cli.Tests;

/// <summary><c>psi policy</c> and <c>psi approvals</c> as a person sees them.</summary>
public sealed class PolicyCommandTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string Home => Path.Combine(_folder.Path, "p1");

    public void Dispose() => _folder.Dispose();

    private async Task<PsiResult> PsiAsync(params string[] arguments) => await PsiProcess.RunAsync([.. arguments, "--home", Home]);

    private async Task MakeAsync(string partners)
    {
        Assert.Equal(0, (await PsiAsync("init", "--party", "P1")).ExitCode);
        var data = Path.Combine(_folder.Path, "people.csv");
        await File.WriteAllTextAsync(data, "ID,REGION,INCOME,NAME\n1,N,10,a\n2,S,20,b\n");
        var added = await PsiAsync("dataset", "add", "people", data, "--key", "ID");
        Assert.True(added.ExitCode == 0, added.ToString());
        await File.WriteAllTextAsync(Path.Combine(Home, "policy.json"),
            $"{{ \"version\": 1, \"never\": {{ \"people\": [\"NAME\"] }}, \"partners\": {{ {partners} }} }}");
    }

    [Fact]
    public async Task Explain_SaysOfEachColumnAndOfTheQuestionWhatBecomesOfIt()
    {
        await MakeAsync("\"P2\": [{ \"datasets\": [\"people\"], \"columns\": { \"groupBy\": [\"REGION\"], \"measure\": [\"INCOME\"] } }]");
        var granted = await PsiAsync("policy", "explain", "mean(INCOME) by REGION", "--with", "P2");
        Assert.Equal(0, granted.ExitCode);
        Assert.Contains("Sessions of P2 about people: granted", granted.Output, StringComparison.Ordinal);
        Assert.Contains("The question is answered, within the bounds of a day", granted.Output, StringComparison.Ordinal);
        Assert.Contains("No earlier question of P2 counts against it.", granted.Output, StringComparison.Ordinal);

        var refused = await PsiAsync("policy", "explain", "mean(INCOME) by REGION where REGION = 'N'", "--with", "P2");
        Assert.Contains("The question is refused: the column REGION may not stand in a condition.", refused.Output, StringComparison.Ordinal);
        Assert.Contains("The question is refused: the column NAME may not be used in any question.",
            (await PsiAsync("policy", "explain", "NAME", "--with", "P2")).Output, StringComparison.Ordinal);
        Assert.Contains("Sessions of P3 about people: each waits for a person.", (await PsiAsync("policy", "explain", "REGION", "--with", "P3")).Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_OfAGrantOfBoundQuestionsOnly_SaysWhichAreRefusedAndWhy()
    {
        await MakeAsync("\"P2\": [{ \"datasets\": [\"people\"], \"boundOnly\": true, \"columns\": { \"groupBy\": [\"REGION\"], \"measure\": [\"INCOME\"] } }]");
        async Task<string> ExplainAsync(string question) => (await PsiAsync("policy", "explain", question, "--with", "P2")).Output;
        Assert.Contains("The question is answered", await ExplainAsync("mean(INCOME) by REGION, THEIRS"), StringComparison.Ordinal);
        Assert.Contains("refused with engine masked: nothing binds the asking party to the numbers of its column THEIRS (boundOnly)",
            await ExplainAsync("cov(INCOME, THEIRS) by REGION"), StringComparison.Ordinal);
        Assert.Contains("nothing binds the asking party to the rows of a regression", await ExplainAsync("ols(INCOME ~ THEIRS)"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_OfADatasetWithNoise_SaysWhatItCostsAndWhatIsRefused()
    {
        await MakeAsync("\"P2\": [{ \"datasets\": [\"people\"], \"columns\": { \"groupBy\": [\"*\"], \"measure\": [\"INCOME\"] } }] }, "
            + "\"noise\": { \"people\": { \"spread\": 20, \"epsilon\": 1, \"delta\": 0.000001 }");
        var answered = await PsiAsync("policy", "explain", "count by REGION in ('N') as north, THEIRS", "--with", "P2");
        Assert.Contains("The question is answered, within the bounds of a day and of the dataset's account.", answered.Output, StringComparison.Ordinal);
        Assert.Contains("Counts about people have noise and are off by 40 or less in 95 of 100 cells; each question costs rho 0.0025 of 0.024356, 0 is spent: "
            + "epsilon 0 of 1 at delta 1e-06.", answered.Output, StringComparison.Ordinal);
        Assert.Contains("Counts about people have noise", (await PsiAsync("policy", "check")).Output, StringComparison.Ordinal);
        var refused = await PsiAsync("policy", "explain", "mean(INCOME) by THEIRS", "--with", "P2");
        Assert.Contains("The question is refused with engine masked: what is said of people has noise, and counts alone have it", refused.Output,
            StringComparison.Ordinal);
        Assert.DoesNotContain("is answered", refused.Output, StringComparison.Ordinal);
    }

    /// <summary>A rule for a column or dataset that there is not holds nothing to anything: it is said.</summary>
    [Fact]
    public async Task Explain_OfADatasetWithRulesOfConcentration_SaysWhichSums_AndCheckWhatIsMisspelt()
    {
        const string Grant = "\"P2\": [{ \"datasets\": [\"people\"], \"columns\": { \"groupBy\": [\"*\"], \"measure\": [\"*\"] } }] }, ";
        await MakeAsync(Grant + "\"dominance\": { \"people\": { \"p\": 10, \"nk\": \"(2,85)\", \"columns\": [\"INCOME\"] }");
        var held = await PsiAsync("policy", "explain", "mean(INCOME) by THEIRS", "--with", "P2");
        Assert.Contains("What follows from sums of INCOME is withheld where few records may hold too much of one, by p% with p 10 and (2,85);", held.Output,
            StringComparison.Ordinal);
        Assert.DoesNotContain("p% with", (await PsiAsync("policy", "explain", "count by REGION", "--with", "P2")).Output, StringComparison.Ordinal);
        var sound = await PsiAsync("policy", "check");
        Assert.Contains("Sums of people (INCOME) are held to p% with p 10 and (2,85), which partners are not told.", sound.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("INCOME", sound.Error, StringComparison.Ordinal);

        var text = await File.ReadAllTextAsync(Path.Combine(Home, "policy.json"));
        await File.WriteAllTextAsync(Path.Combine(Home, "policy.json"), text.Replace("[\"INCOME\"]", "[\"INCOM\"]", StringComparison.Ordinal));
        Assert.Contains("the dataset people has no column INCOM that can be asked about, which \"dominance\" names", (await PsiAsync("policy", "check")).Error,
            StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(Home, "policy.json"), text.Replace("\"people\": { \"p\"", "\"peple\": { \"p\"", StringComparison.Ordinal));
        Assert.Contains("there is no dataset peple, which \"dominance\" names", (await PsiAsync("policy", "check")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_OfADatasetWithCellKeys_SaysThatTheExactRulesStayAndWhatItIsNot()
    {
        await MakeAsync("\"P2\": [{ \"datasets\": [\"people\"], \"columns\": { \"groupBy\": [\"*\"], \"measure\": [\"INCOME\"] } }] }, "
            + "\"noise\": { \"people\": { \"law\": \"cellKey\", \"variance\": 1.08, \"deviation\": 2 }");
        const string Line = "Counts about people have noise by cell keys, on top of all exact rules: variance 1.08, off by 2 or less in 95 of 100 cells and "
            + "by 2 at most, under a minimum cell size of 3 or more. It is not differential privacy and has no account: over many partitions it averages out.";
        var answered = (await PsiAsync("policy", "explain", "count by REGION, THEIRS", "--with", "P2")).Output;
        Assert.Contains("The question is answered, within the bounds of a day, if the minimum cell size lets it be.", answered, StringComparison.Ordinal);
        Assert.Contains(Line, answered, StringComparison.Ordinal);
        Assert.Contains(Line, (await PsiAsync("policy", "check")).Output, StringComparison.Ordinal);
        Assert.Contains("refused with engine masked: what is said of people has noise, and counts alone have it",
            (await PsiAsync("policy", "explain", "mean(INCOME) by REGION", "--with", "P2")).Output, StringComparison.Ordinal);

        // What P2 can count by itself says nothing of people, and has no noise.
        Assert.DoesNotContain("cell keys", (await PsiAsync("policy", "explain", "count by THEIRS", "--with", "P2")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_OfAGrantWithoutHistory_SaysThatNothingIsHeldAgainst()
    {
        await MakeAsync("\"P2\": [{ \"datasets\": [\"people\"], \"history\": \"off\", \"columns\": { \"groupBy\": [\"REGION\"] } }]");
        Assert.Contains("It is not held against earlier questions (history).", (await PsiAsync("policy", "explain", "REGION", "--with", "P2")).Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_PrintsWhatIsGranted_OrEveryFault()
    {
        await MakeAsync("\"P2\": [{ \"datasets\": [\"people\"], \"columns\": { \"groupBy\": [\"REGION\"] } }]");
        var sound = await PsiAsync("policy", "check");
        Assert.Equal(0, sound.ExitCode);
        Assert.Contains("P1's policy is sound. What it does not grant waits for a person.", sound.Output, StringComparison.Ordinal);
        Assert.Contains("no card of P2 is pinned here", sound.Error, StringComparison.Ordinal);

        await File.WriteAllTextAsync(Path.Combine(Home, "policy.json"), "{ \"version\": 1, \"partners\": { \"P2\": [{ \"datasets\": [], \"minCell\": 0 }] } }");
        var faulty = await PsiAsync("policy", "check");
        Assert.Equal(1, faulty.ExitCode);
        Assert.Contains("\"datasets\" is empty or left out", faulty.Error, StringComparison.Ordinal);
        Assert.Contains("\"minCell\" is 1 to 1,000,000", faulty.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Approvals_WhereNothingWaits_SaySo_AndNothingCanBeApproved()
    {
        await MakeAsync("");
        Assert.Contains("Nothing waits for a person.", (await PsiAsync("approvals")).Output, StringComparison.Ordinal);
        var denied = await PsiAsync("deny", "P2/12345678");
        Assert.Equal(1, denied.ExitCode);
        Assert.Contains("nothing was approved under P2/12345678", denied.Error, StringComparison.Ordinal);
    }
}
