using System.Text.RegularExpressions;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Shape;

namespace PsiMessaging.Architecture.Tests;

/// <summary>docs/audit.md lists what the code enters into audit logs: every event with its fields, and none that there is not.</summary>
public partial class AuditEventTests
{
    private static readonly string Root = SourceTree.RootAbove(AppContext.BaseDirectory);

    [Fact]
    public void Events_ThatTheCodeEnters_StandInTheList_AndTheOtherWayRound()
    {
        var entered = Entered();
        Assert.True(entered.Count > 25, $"only {entered.Count} events were found in the code");
        Assert.Equal(entered.Keys.Order(StringComparer.Ordinal), Listed().Keys.Order(StringComparer.Ordinal));
        Assert.Equal(entered.Keys.Order(StringComparer.Ordinal), AuditEvents.Words.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Fields_OfEveryEvent_AreThoseOfTheList()
    {
        var listed = Listed();
        Assert.All(Entered(), entered => Assert.Equal(
            $"{entered.Key}: {string.Join(' ', entered.Value)}", $"{entered.Key}: {string.Join(' ', listed[entered.Key].Order(StringComparer.Ordinal))}"));
    }

    [Fact]
    public void Messages_ThatNameTheHead_AreThoseOfThePage()
    {
        var section = File.ReadAllText(Path.Combine(Root, "docs", "audit.md")).Split("## What the others witness")[1].Split("(The")[0];
        Assert.Equal(MessageLimits.Messages.Where(MessageLimits.NamesAuditHead).Select(message => message.Name).Order(StringComparer.Ordinal),
            CodesIn(section).Order(StringComparer.Ordinal));
    }

    /// <summary>Events and the fields that any place enters them with. Two that differ only by what happened share their fields.</summary>
    private static SortedDictionary<string, SortedSet<string>> Entered()
    {
        var found = new SortedDictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        foreach (var path in Directory.GetFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories))
        {
            var source = File.ReadAllText(path);
            foreach (Match entry in Entry().Matches(source))
            {
                var call = source[entry.Index..Math.Max(entry.Index, source.IndexOf(';', entry.Index))];
                var text = call.Contains("details", StringComparison.Ordinal) ? source : call;
                var name = entry.Groups["event"].Value;
                var fields = found.TryGetValue(name, out var known) ? known : found[name] = new(StringComparer.Ordinal);
                fields.UnionWith(Field().Matches(text).Select(field => field.Groups["field"].Value));
                if (WithCause().IsMatch(call))
                {
                    fields.Add(AuditLog.Heard);
                }
            }
        }

        return found;
    }

    private static Dictionary<string, string[]> Listed() => File.ReadLines(Path.Combine(Root, "docs", "audit.md"))
        .Select(line => Row().Match(line)).Where(row => row.Success)
        .ToDictionary(row => row.Groups["event"].Value, row => CodesIn(row.Groups["fields"].Value), StringComparer.Ordinal);

    private static string[] CodesIn(string text) => [.. CodeSpan().Matches(text).Select(span => span.Groups["code"].Value)];

    [GeneratedRegex(@"(\bAudit|[aA]udit\.Append|\)\.Append|AuditCommands\.Enter)\(\s*((arrival\.State|state|transaction|home|renewed|rotated),\s*)?"
        + @"""(?<event>[a-z]+(-[a-z]+)+)""",
        RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Entry();

    [GeneratedRegex(@"\(""(?<field>[a-zA-Z]+)"",", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Field();

    [GeneratedRegex(@"""[a-z-]+"",\s*(word|waiting\.Envelope|abort\.Envelope)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex WithCause();

    [GeneratedRegex(@"^\| `(?<event>[a-z-]+)` \| (?<fields>[^|]*) \|", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Row();

    [GeneratedRegex("`(?<code>[a-zA-Z]+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex CodeSpan();
}
