namespace PsiMessaging.Suppression.Tests;

/// <summary>What docs/suppression.md prints is what the program prints.</summary>
public class PageTests
{
    [Fact]
    public void Page_BothAudits_AreWhatTheReportPrints()
    {
        var page = Page();
        var tables = Tables.TauExample(Protection.NotExact);
        Assert.Contains("```\n" + Audit.Run(tables, tables.Indices("A,female")) + "```", page);
        Assert.Contains("```\n" + Audit.Run(tables, Suppressor.Solve(tables).Withheld) + "```", page);
    }

    private static string Page()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "PsiMessaging.sln")))
        {
            folder = folder.Parent;
        }

        return File.ReadAllText(Path.Combine(folder.FullName, "docs", "suppression.md"));
    }
}
