using System.Collections.Immutable;
using System.Globalization;

namespace PsiMessaging.Disclosure.PrimaryRules;

/// <summary>
/// An (n,k)-dominance rule: a cell is unsafe where its n largest contributions are <b>more than</b> k percent of it; exactly k percent is safe.
/// </summary>
/// <param name="Count">n, 1 to 100.</param>
/// <param name="Percent">k, 1 to 99: 100 percent would never be exceeded.</param>
public readonly record struct DominanceRule(int Count, int Percent)
{
    public const int MaximumCount = 100;
    public const int MaximumPercent = 99;

    /// <summary>Whether whatever <paramref name="other"/> calls unsafe this one does too: as many contributions or more, and as few percent or fewer.</summary>
    public bool Implies(DominanceRule other) => Count >= other.Count && Percent <= other.Percent;

    public override string ToString() => $"({Count},{Percent})";
}

/// <summary>
/// Dominance rules that all hold. Those that follow from others are left out and the rest is in order, so that two sets that forbid the same are equal.
/// </summary>
public sealed class DominanceRules : IEquatable<DominanceRules>
{
    private const string NoneText = "none";

    /// <summary>No rule.</summary>
    public static readonly DominanceRules None = new([]);

    /// <exception cref="ArgumentOutOfRangeException">A rule's numbers are not in their ranges.</exception>
    public DominanceRules(IEnumerable<DominanceRule> rules)
    {
        var all = rules.Distinct().OrderBy(rule => rule.Count).ThenBy(rule => rule.Percent).ToArray();
        foreach (var rule in all)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(rule.Count, 1, nameof(rules));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(rule.Count, DominanceRule.MaximumCount, nameof(rules));
            ArgumentOutOfRangeException.ThrowIfLessThan(rule.Percent, 1, nameof(rules));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(rule.Percent, DominanceRule.MaximumPercent, nameof(rules));
        }

        Rules = [.. all.Where(rule => !all.Any(other => other != rule && other.Implies(rule)))];
    }

    /// <summary>Reads rules: <c>(1,90) (2,85)</c>, or <c>none</c>.</summary>
    /// <param name="text">At least one rule, blanks between them.</param>
    /// <returns>Null where the text is none of these, or a number is not in its range.</returns>
    public static DominanceRules? TryParse(string text)
    {
        if (text == NoneText)
        {
            return None;
        }

        var rules = new List<DominanceRule>();
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var comma = word.IndexOf(',', StringComparison.Ordinal);
            if (comma < 0 || word[0] != '(' || word[^1] != ')' || Number(word[1..comma], DominanceRule.MaximumCount) is not { } count
                || Number(word[(comma + 1)..^1], DominanceRule.MaximumPercent) is not { } percent)
            {
                return null;
            }

            rules.Add(new DominanceRule(count, percent));
        }

        return rules.Count == 0 ? null : new DominanceRules(rules);
    }

    private static int? Number(string text, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= most ? number : null;

    /// <summary>By n.</summary>
    public ImmutableArray<DominanceRule> Rules { get; }

    /// <summary>All of both.</summary>
    public DominanceRules With(DominanceRules other) => new(Rules.AddRange(other.Rules));

    public bool Equals(DominanceRules? other) => other is not null && Rules.AsSpan().SequenceEqual(other.Rules.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as DominanceRules);

    public override int GetHashCode() => Rules.Aggregate(0, HashCode.Combine);

    /// <summary><c>(1,90) (2,85)</c>, or <c>none</c>.</summary>
    public override string ToString() => Rules.IsEmpty ? NoneText : string.Join(' ', Rules);
}
