using PsiMessaging.Testing;

namespace PsiMessaging.Cli.Tests;

/// <summary>
/// What <c>psi dataset add</c> and <c>psi simulate</c> say of identifiers and columns: how many, of which form, damaged in which way, and no value.
/// </summary>
public sealed class IdentifierReportTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private async Task<string> AddAsync(string csv, params string[] options)
    {
        var home = Path.Combine(_folder.Path, "p1");
        if (!Directory.Exists(home))
        {
            await PsiProcess.RunAsync("init", "--home", home, "--party", "P1");
        }

        var added = await PsiProcess.RunAsync(["dataset", "add", "data", _folder.Write("a.csv", csv), "--key", "ID", "--home", home, .. options]);
        Assert.True(added.ExitCode == 0, added.ToString());
        await PsiProcess.RunAsync("dataset", "remove", "data", "--home", home);
        return added.Output;
    }

    [Theory]
    [InlineData("ID;A\n=\"00417\";1\n'00518;2\n00619;3\n", "ID: 2 were written for a spreadsheet", "417")]
    [InlineData("ID;A\n9,70017E+12;1\n9,70018E+12;2\n4711;3\n", "ID: 2 are numbers that a spreadsheet has rounded, as 9,78013E+12", "9,70017E+12")]
    [InlineData("ID,A\n470017.0,1\n470018.0,2\n,3\n", "ID: 2 are whole numbers with a fraction of zero", "470017")]
    [InlineData("ID;A\n\u200b470017;1\n470018\ufeff;2\n470019;3\n", "ID: 2 had invisible signs", "470017")]
    [InlineData("ID;A\n470017;1\nNA;2\nNULL;3\n", "ID: 2 stand for missing values", "470017")]
    [InlineData("ID;A\n####;1\n470018;2\n", "ID: 1 are ####", "470018")]
    [InlineData("ID;A\n4700170000000010;1\n4700170000000000;2\n", "ID: 2 have more than fifteen digits", "4700170000000010")]
    public async Task IdentifiersThatAreNotWhatTheyWere_AreCountedWithoutValues(string csv, string expected, string value)
    {
        var output = await AddAsync(csv);
        Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.DoesNotContain(value, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SoundIdentifiers_AreDescribedAndNothingElseIsSaid()
    {
        var ibans = await AddAsync("ID;A\nIT60X0542811101000000123456;1\n"
            + string.Concat(Enumerable.Range(0, 11).Select(i => $"GB82WEST12345698765432{new string(' ', i)};x\n")), "--duplicates", "first");
        Assert.Contains("Identifiers, ID: letters and digits; 22 to 27 characters (22 in 11 of 12); check digit ISO 7064 mod 97-10: right in all\n",
            ibans, StringComparison.Ordinal);
        Assert.DoesNotContain("\nID: ", ibans, StringComparison.Ordinal);
        Assert.DoesNotContain("WEST", ibans, StringComparison.Ordinal);

        // One long number in ten ends in zero by itself.
        Assert.DoesNotContain("fifteen", await AddAsync("ID;A\n4700170000000010;1\n4700170000000011;2\n4700170000000012;3\n"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1E2\n100\n", "V is text, because row 1 holds what may be a code, as 12E3")]
    [InlineData("+39\n+44\n", "V is text, because row 1 holds a code with a plus; if it holds numbers: --type V=integer")]
    [InlineData("1\n60200000000000123456\n", "V is text, because row 2 holds more than 18 digits")]
    [InlineData("1.1\n1.10\n", "fractions differ in length and end in zeros, so that 1.1 and 1.10 may be two; if it holds numbers: --type V=decimal")]
    [InlineData("7\n007\n", "V is text, because row 2 holds a code with a leading zero")]
    public async Task ColumnsOfCodes_AreSaidToBeText(string values, string expected)
    {
        var csv = "ID;V\n" + string.Concat(values.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select((value, i) => $"{i};{value}\n"));
        Assert.Contains(expected, await AddAsync(csv), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Simulate_IdentifiersThatCannotMatch_SaysSoBesideTheZero()
    {
        var (p1, p2) = (_folder.Write("p1.csv", "ID,A\n470017.0,1\n470018.0,2\n"), _folder.Write("p2.csv", "ID;B\n470017;1\n470018;2\n"));
        var run = await PsiProcess.RunAsync("simulate", "--p1", p1, "--p2", p2, "--key", "ID");
        Assert.Contains("Warning: the identifiers look different", run.Output, StringComparison.Ordinal);
        Assert.Contains("P1: ID: 2 are whole numbers with a fraction of zero", run.Output, StringComparison.Ordinal);
        Assert.Contains("In common: 0;", run.Output, StringComparison.Ordinal);
        var mended = await PsiProcess.RunAsync("simulate", "--p1", p1, "--p2", p2, "--key", "ID", "--whole-identifiers");
        Assert.Contains("In common: 2;", mended.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Warning", mended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Simulate_MissingWords_AreIdentifiersOnlyWhenAskedFor()
    {
        var (p1, p2) = (_folder.Write("p1.csv", "ID;A\n1;1\nNA;2\n"), _folder.Write("p2.csv", "ID;B\n1;1\nNA;2\n"));
        Assert.Contains("In common: 1;", (await PsiProcess.RunAsync("simulate", "--p1", p1, "--p2", p2, "--key", "ID")).Output, StringComparison.Ordinal);
        Assert.Contains("In common: 2;",
            (await PsiProcess.RunAsync("simulate", "--p1", p1, "--p2", p2, "--key", "ID", "--missing-identifiers", "empty")).Output, StringComparison.Ordinal);
    }
}
