using System.Reflection;
using System.Text.RegularExpressions;
using PsiMessaging.Shape;

namespace PsiMessaging.Architecture.Tests;

/// <summary>Pages can be read and compared line by line, and what they point to is there: links, pages, tests, places in the code, states.</summary>
public partial class DocumentTests
{
    private const int Width = 120;

    private static readonly string Root = SourceTree.RootAbove(AppContext.BaseDirectory);

    public static TheoryData<string> Pages => [.. AllPages()];

    public static TheoryData<string> Decisions => [.. DecisionFiles()];

    /// <summary>Prose is wrapped. Tables and code are apart, and so is a line that cannot be shorter: a long link, a long piece of code.</summary>
    [Theory]
    [MemberData(nameof(Pages))]
    public void Prose_IsWrapped(string page)
    {
        var tooLong = ProseLines(page).Where(line => line.Text.EnumerateRunes().Count() > Width && CanBreak(line.Text)).Select(line => $"{page}:{line.Number}");
        Assert.Empty(tooLong);
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Links_LeadToFilesThatAreThere(string page)
    {
        var folder = Path.GetDirectoryName(Path.Combine(Root, page))!;
        var targets = ProseAndTables(page).SelectMany(line => Link().Matches(CodeSpan().Replace(line.Text, ""))).Select(link => link.Groups["target"].Value)
            .Where(target => !target.Contains("://", StringComparison.Ordinal) && target[0] != '#').Select(target => target.Split('#')[0]);
        Assert.All(targets, target => Assert.True(Path.Exists(Path.Combine(folder, target)), $"{page} links to {target}"));
    }

    [Theory]
    [MemberData(nameof(Decisions))]
    public void Decision_HasItsParagraphsAndItsLineInTheList(string file)
    {
        var text = Read($"docs/decisions/{file}");
        var title = DecisionTitle().Match(text);
        Assert.True(title.Success && file.StartsWith(title.Groups["number"].Value + "-", StringComparison.Ordinal), $"{file} begins with its number and title");
        string[] paragraphs = ["**Context.** ", "**Decision.** ", "**Why.** ", "**Not taken.** ", "**Consequences.** ", "**Held by.** "];
        Assert.Equal(paragraphs, DecisionParagraph().Matches(text).Select(paragraph => paragraph.Value));
        var item = $"- [{title.Groups["number"].Value}]({file}) {title.Groups["title"].Value}";
        Assert.Contains(item, Unwrapped("docs/decisions/README.md"), StringComparison.Ordinal);
    }

    [Fact]
    public void Decisions_AreNumberedWithoutGaps() =>
        Assert.Equal(Enumerable.Range(1, DecisionFiles().Length).Select(number => $"{number:D4}"), DecisionFiles().Select(file => file[..4]));

    /// <summary>A claim's test that was renamed or removed is no claim any more.</summary>
    [Theory]
    [InlineData("docs/README.md")]
    [InlineData("SECURITY.md")]
    [InlineData("docs/architecture.md")]
    [MemberData(nameof(DecisionPages))]
    public void Tests_ThatAPageNames_AreThere(string page)
    {
        foreach (Match named in TestsNamed().Matches(Unwrapped(page)))
        {
            var sources = Sources($"PsiMessaging.{named.Groups["project"].Value}");
            Assert.All(named.Groups["test"].Captures.Select(capture => capture.Value.Split('.')), test =>
            {
                Assert.Matches($@"\bclass {test[0]}\b", sources);
                var isThere = test.Length == 1 || Regex.IsMatch(sources, $@"\b{test[1]}\(", RegexOptions.None, TimeSpan.FromSeconds(5));
                Assert.True(isThere, $"{page} names {string.Join('.', test)}");
            });
        }
    }

    public static TheoryData<string> DecisionPages => [.. DecisionFiles().Select(file => $"docs/decisions/{file}")];

    [Fact]
    public void Index_NamesPlacesThatAreThere()
    {
        var places = Place().Matches(Read("docs/README.md")).Select(place => Expanded(place.Value)).Distinct(StringComparer.Ordinal).ToArray();
        Assert.True(places.Length > 40, $"only {places.Length} places were found");
        Assert.All(places, place => Assert.True(Path.Exists(Path.Combine(Root, place)), place));
    }

    /// <summary>docs/architecture.md has a row for each state, and the cells of the machine.</summary>
    [Fact]
    public void SessionTable_IsTheMachines()
    {
        var section = Read("docs/architecture.md").Split("### Session, at a party")[1].Split('\n');
        var table = section.SkipWhile(line => !line.StartsWith("| from |", StringComparison.Ordinal))
            .TakeWhile(line => line.StartsWith('|')).Select(line => line.Trim('|', ' ').Split(" | ")).ToArray();
        var (triggers, rows) = (table[0], table[2..]);
        var party = Assembly.Load("PsiMessaging.Party").GetTypes();
        var states = Enum.GetNames(party.Single(type => type.Name == "SessionState"));
        Assert.Equal(["none", .. states], rows.Select(row => row[0]));
        Assert.All(rows, row => Assert.Equal(triggers.Length, row.Length));
        Assert.All(rows.SelectMany(row => row[1..]), cell => Assert.Contains(cell, states.Append("·").Append("✗")));
        var next = party.Single(type => type.Name == "SessionMachine").GetMethod("Next")!;

        Assert.Equal(triggers[1..], Enum.GetNames(next.GetParameters()[1].ParameterType));
        Assert.All(rows, row => Assert.Equal(row[1..], triggers[1..].Select(trigger => CellOf(next, row[0], trigger))));
    }

    private static string CellOf(MethodInfo next, string from, string trigger)
    {
        var states = Nullable.GetUnderlyingType(next.GetParameters()[0].ParameterType)!;
        var state = from == "none" ? null : Enum.Parse(states, from);
        try
        {
            // Running stays Running by what changes it, and by what is let pass alike: the column tells them apart.
            var to = next.Invoke(null, [state, Enum.Parse(next.GetParameters()[1].ParameterType, trigger)]);
            return Equals(to, state) && !(from == "Running" && trigger is "Progress" or "Restart") ? "·" : to!.ToString()!;
        }
        catch (TargetInvocationException exception) when (exception.InnerException is InvalidOperationException)
        {
            return "✗";
        }
    }

    private static string[] AllPages() =>
    [
        .. Directory.GetFiles(Root, "*.md").Concat(new[] { "contracts", "deploy", "docs", "tests" }
            .SelectMany(folder => Directory.GetFiles(Path.Combine(Root, folder), "*.md", SearchOption.AllDirectories)))
            .Select(path => Path.GetRelativePath(Root, path)).Order(StringComparer.Ordinal),
    ];

    private static string[] DecisionFiles() =>
        [.. Directory.GetFiles(Path.Combine(Root, "docs", "decisions"), "0*.md").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    private static string Read(string page) => File.ReadAllText(Path.Combine(Root, page));

    /// <summary>A page with its line ends as blanks, for sentences that are wrapped.</summary>
    private static string Unwrapped(string page) => WhiteSpace().Replace(Read(page), " ");

    private static string Sources(string project) =>
        string.Concat(Directory.GetFiles(Path.Combine(Root, "tests", project), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));

    private static string Expanded(string place)
    {
        var full = place.Trim('`').Replace("….", "PsiMessaging.", StringComparison.Ordinal);
        return full.StartsWith("PsiMessaging.", StringComparison.Ordinal) ? "src/" + full : full;
    }

    /// <summary>Lines outside of fences.</summary>
    private static IEnumerable<(int Number, string Text)> ProseAndTables(string page)
    {
        var isCode = false;
        foreach (var (index, line) in Read(page).Split('\n').Index())
        {
            var isFence = line.TrimStart().StartsWith("```", StringComparison.Ordinal);
            isCode ^= isFence;
            if (!isCode && !isFence)
            {
                yield return (index + 1, line);
            }
        }
    }

    private static IEnumerable<(int Number, string Text)> ProseLines(string page) =>
        ProseAndTables(page).Where(line => !line.Text.StartsWith('|') && !line.Text.StartsWith("    ", StringComparison.Ordinal) && !line.Text.StartsWith('#'));

    /// <summary>Whether a line has a blank to break at before the width, outside of links and code.</summary>
    private static bool CanBreak(string line)
    {
        var whole = Unbreakable().Replace(line, match => new string('x', match.Length));
        var start = ItemStart().Match(whole).Length;
        return whole.LastIndexOf(' ', Math.Min(Width, whole.Length - 1)) > start;
    }


    [GeneratedRegex(@"\[[^\]]+\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Link();

    [GeneratedRegex("`[^`]+`", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex CodeSpan();

    [GeneratedRegex(@"`[^`]+`|\[[^\]]*\]\([^)]*\)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Unbreakable();

    [GeneratedRegex(@"^\s*([-*+]|\d{1,3}\.)?\s*", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ItemStart();

    [GeneratedRegex(@"^# (?<number>\d{4})\. (?<title>[^\n]+)\n", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex DecisionTitle();

    [GeneratedRegex(@"^\*\*[A-Z][a-z ]+\.\*\* ", RegexOptions.Multiline, matchTimeoutMilliseconds: 1000)]
    private static partial Regex DecisionParagraph();

    [GeneratedRegex(@"\s+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex WhiteSpace();

    /// <summary>A test project, then classes of it, or tests in them, in code spans with commas between.</summary>
    [GeneratedRegex(@"(?<project>\w+\.Tests) (`(?<test>[A-Z]\w+(\.\w+)?)`(, )?)+", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex TestsNamed();

    [GeneratedRegex(@"`(….[A-Z]|contracts/|tests/)[^`]+`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Place();
}
