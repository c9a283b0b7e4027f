using System.Globalization;
using System.Text;

namespace PsiMessaging.Disclosure.PrimaryRules;

/// <summary>A policy's text that is none: what is wrong, in which line, and what to write there, in one line.</summary>
public sealed class PolicyTextException(string message) : FormatException(message);

/// <summary>
/// A policy as text: a line for each rule, its name, a blank and its value; lines that begin with <c>#</c> and empty ones are left out. What is not named keeps
/// its default. A name that is not known, stands twice or has no such value is a fault: nothing is guessed.
/// </summary>
public static class PolicyText
{
    private const string None = "none";

    private static readonly Dictionary<string, Rule> Rules = new Rule[]
    {
        new("minimum-frequency", Whole(1, PrimaryPolicy.LargestFrequency), policy => $"{policy.MinimumFrequency}",
            (policy, value) => Number(value, 1, PrimaryPolicy.LargestFrequency) is { } n ? policy with { MinimumFrequency = n } : null),
        new("p-percent", $"{Whole(1, PrimaryPolicy.LargestPercent)}, or {None}", policy => policy.PercentRule is { } p ? $"{p}" : None,
            (policy, value) => value == None ? policy with { PercentRule = null }
                : Number(value, 1, PrimaryPolicy.LargestPercent) is { } p ? policy with { PercentRule = p } : null),
        new("dominance", $"rules such as (2,85) or (1,75) (2,85), percents from 1 to {DominanceRule.MaximumPercent}, or {None}",
            policy => $"{policy.Dominance}",
            (policy, value) => DominanceRules.TryParse(value) is { } rules ? policy with { Dominance = rules } : null),
        new("weights", Words<WeightRule>(), policy => Word(policy.Weights),
            (policy, value) => Choice<WeightRule>(value) is { } rule ? policy with { Weights = rule } : null),
        new("holders", "one, or apart", policy => policy.GroupHolders ? "one" : "apart",
            (policy, value) => value is "one" or "apart" ? policy with { GroupHolders = value is "one" } : null),
        new("zero-cells", Words<CellRule>(), policy => Word(policy.ZeroCells),
            (policy, value) => Choice<CellRule>(value) is { } rule ? policy with { ZeroCells = rule } : null),
        new("full-cells", Words<CellRule>(), policy => Word(policy.FullCells),
            (policy, value) => Choice<CellRule>(value) is { } rule ? policy with { FullCells = rule } : null),
        new("zero-variance", Words<CellRule>(), policy => Word(policy.ZeroVariance),
            (policy, value) => Choice<CellRule>(value) is { } rule ? policy with { ZeroVariance = rule } : null),
        new("degrees-of-freedom", Whole(1, PrimaryPolicy.LargestFrequency), policy => $"{policy.MinimumDegreesOfFreedom}",
            (policy, value) => Number(value, 1, PrimaryPolicy.LargestFrequency) is { } n ? policy with { MinimumDegreesOfFreedom = n } : null),
        new("records-per-parameter", Whole(1, PrimaryPolicy.LargestRecordsPerParameter), policy => $"{policy.RecordsPerParameter}",
            (policy, value) => Number(value, 1, PrimaryPolicy.LargestRecordsPerParameter) is { } n ? policy with { RecordsPerParameter = n } : null),
        new("maximum-cells", Whole(1, PrimaryPolicy.LargestCells), policy => $"{policy.MaximumCells}",
            (policy, value) => Number(value, 1, PrimaryPolicy.LargestCells) is { } n ? policy with { MaximumCells = n } : null),
        new("maximum-dimensions", Whole(1, PrimaryPolicy.LargestDimensions), policy => $"{policy.MaximumDimensions}",
            (policy, value) => Number(value, 1, PrimaryPolicy.LargestDimensions) is { } n ? policy with { MaximumDimensions = n } : null)
    }.ToDictionary(rule => rule.Name, StringComparer.Ordinal);

    private sealed record Rule(string Name, string Expected, Func<PrimaryPolicy, string> Print, Func<PrimaryPolicy, string, PrimaryPolicy?> Read);

    /// <summary>All rules with their values, each on a line that ends with a line feed; <see cref="Parse"/> gives the same policy again.</summary>
    public static string Print(PrimaryPolicy policy) =>
        Rules.Values.Aggregate(new StringBuilder(), (text, rule) => text.Append(rule.Name).Append(' ').Append(rule.Print(policy)).Append('\n')).ToString();

    /// <summary>Reads a policy.</summary>
    /// <param name="text">Lines; a carriage return before a line feed is left out.</param>
    /// <exception cref="PolicyTextException">A line is none of a policy.</exception>
    public static PrimaryPolicy Parse(string text)
    {
        var policy = new PrimaryPolicy();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        var number = 0;
        foreach (var full in text.Split('\n'))
        {
            number++;
            var line = full.TrimEnd('\r').Trim(' ');
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            var (name, value) = line.IndexOf(' ') is >= 0 and var blank ? (line[..blank], line[(blank + 1)..].TrimStart(' ')) : (line, "");
            if (!Rules.TryGetValue(name, out var rule))
            {
                throw new PolicyTextException($"line {number}: there is no rule '{Shown(name)}'; the rules are {string.Join(", ", Rules.Keys)}");
            }

            if (!seen.TryAdd(name, number))
            {
                throw new PolicyTextException($"line {number}: {name} stands in line {seen[name]} already; take one of them out");
            }

            policy = rule.Read(policy, value)
                ?? throw new PolicyTextException($"line {number}: {name} cannot be '{Shown(value)}'; write {rule.Expected}");
        }

        return policy;
    }

    private static string Whole(int least, int most) => $"a whole number from {least} to {most}";

    private static int? Number(string value, int least, int most) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number : null;

    private static string Words<T>()
        where T : struct, Enum => string.Join(" or ", Enum.GetValues<T>().Select(Word));

    private static string Word<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static T? Choice<T>(string value)
        where T : struct, Enum => Enum.GetValues<T>().Where(choice => Word(choice) == value).Select(choice => (T?)choice).FirstOrDefault();

    /// <summary>What a person wrote, cut short and without what a terminal would act on.</summary>
    private static string Shown(string text) => string.Concat(text.Take(40).Select(c => char.IsControl(c) ? '?' : c));
}
