using System.Globalization;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Questions;

namespace PsiMessaging.Cli.Tests;

/// <summary>Answers about made-up records, as a party's worker stores them, and an attacker on what is published of them who tries everything.</summary>
internal static class PublishedTables
{
    public const int Minimum = 3;

    /// <summary>Numbers of a seed, the same on every machine (Steele, Lea and Flood 2014).</summary>
    public static Func<int, int> Numbers(ulong seed)
    {
        var state = seed;
        return end =>
        {
            var z = state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return (int)((z ^ (z >> 31)) % (ulong)end);
        };
    }

    /// <summary>
    /// The answer to a question that counts <paramref name="cells"/> by columns: groups below the minimum are in the line for what is not shown, and totals
    /// over one of them are withheld.
    /// </summary>
    public static QueryResult Answer(string text, IReadOnlyList<(string[] Labels, long Count)> cells, int id = 1, int minimum = Minimum)
    {
        var query = Query.Parse(text);
        var columns = query.By.Count;
        var groups = cells.GroupBy(cell => string.Join('|', cell.Labels), StringComparer.Ordinal)
            .Select(group => (group.First().Labels, Count: group.Sum(cell => cell.Count))).Where(group => group.Count > 0).ToList();
        var common = groups.Sum(group => group.Count);
        AnswerCell[] Values(long count) => [new(Text(count)), .. text.Contains("sum(", StringComparison.Ordinal) ? [new AnswerCell(Text(count * 7))]
            : Array.Empty<AnswerCell>()];
        List<IReadOnlyList<AnswerCell>> rows = [.. groups.Where(group => group.Count >= minimum).Select(group =>
            (IReadOnlyList<AnswerCell>)[.. group.Labels.Select(label => new AnswerCell(label)), .. Values(group.Count)])];
        for (var kept = (1 << columns) - 2; query.Totals && kept >= 0; kept--)
        {
            string? Label(string[] labels, int column) => (kept >> column & 1) == 1 ? labels[column] : null;
            foreach (var total in groups.GroupBy(group => string.Join('|', Enumerable.Range(0, columns).Select(column => Label(group.Labels, column))),
                StringComparer.Ordinal))
            {
                var isShown = total.All(group => group.Count >= minimum) || (kept == 0 && query.Where is null);
                var values = Values(total.Sum(group => group.Count));
                rows.Add([.. Enumerable.Range(0, columns).Select(column => Label(total.First().Labels, column) is { } label ? new(label) : AnswerCell.Total),
                    .. isShown ? values : Array.ConvertAll(values, _ => AnswerCell.Withheld)]);
            }
        }

        if (groups.Exists(group => group.Count < minimum))
        {
            var rest = groups.Where(group => group.Count < minimum).Sum(group => group.Count);
            rows.Add([.. Enumerable.Repeat(AnswerCell.WithheldGroups, columns), .. Values(rest).Select((cell, i) =>
                i == 0 && rest >= minimum ? AnswerCell.Withheld with { Text = cell.Text } : AnswerCell.Withheld)]);
        }

        List<AnswerColumn> headings = [.. query.By.Select(grouping => new AnswerColumn(grouping.Column, AnswerRole.Label)), new("count", AnswerRole.Count)];
        if (text.Contains("sum(", StringComparison.Ordinal))
        {
            headings.Add(new("sum(X)", AnswerRole.Exact));
        }

        return new($"{id:x}".PadRight(32, '0'), text, new string('5', 32), QueryEngine.Masked, QueryKind.Table, new Answer(headings, rows, common, 0,
            new Dictionary<string, string>(), ["12 records have no value"]), minimum, (int)common, columns, DateTimeOffset.UnixEpoch.AddYears(56), 1.5);
    }

    /// <summary>
    /// For each line of labels and of totals, by its name, the least and the largest count in all tables that agree with what is published: counts of lines are
    /// not below the minimum, all records are known to be so many, and what is not shown is anything.
    /// </summary>
    public static Dictionary<string, (long Low, long High)> Attack(QueryResult published, bool hasRest, long common)
    {
        var columns = published.Groupings;
        var lines = published.Answer.Rows.Where(row => row[0] != AnswerCell.WithheldGroups).ToList();
        var leaves = lines.FindAll(row => !row.Take(columns).Any(cell => cell.IsTotal));
        var totals = lines.FindAll(row => row.Take(columns).Any(cell => cell.IsTotal) && row[columns].Text is not null);
        var values = new long[leaves.Count];
        var found = new Dictionary<string, (long, long)>(StringComparer.Ordinal);
        Try(0, 0);
        return found;

        void Try(int leaf, long sum)
        {
            if (sum + ((leaves.Count - leaf) * published.MinCell) > common)
            {
                return;
            }

            if (leaf == leaves.Count)
            {
                Keep(sum);
                return;
            }

            var printed = leaves[leaf][columns].Text is { } text ? Number(text) : (long?)null;
            for (var value = printed ?? published.MinCell; value <= (printed ?? common - sum); value++)
            {
                values[leaf] = value;
                Try(leaf + 1, sum + value);
            }
        }

        void Keep(long sum)
        {
            if ((!hasRest && sum != common) || totals.Exists(total => Under(total).Sum(leaf => values[leaf]) + (IsAll(total) ? common - sum : 0)
                != Number(total[columns].Text!)))
            {
                return;
            }

            foreach (var line in lines)
            {
                var value = IsAll(line) ? common : Under(line).Sum(leaf => values[leaf]);
                Widen(NameOf(line, columns), value);
            }

            Widen("rest", common - sum);
        }

        void Widen(string name, long value) => found[name] = found.TryGetValue(name, out var interval)
            ? (Math.Min(interval.Item1, value), Math.Max(interval.Item2, value)) : (value, value);

        bool IsAll(IReadOnlyList<AnswerCell> line) => line.Take(columns).All(cell => cell.IsTotal);

        IEnumerable<int> Under(IReadOnlyList<AnswerCell> line) => Enumerable.Range(0, leaves.Count).Where(leaf =>
            Enumerable.Range(0, columns).All(column => line[column].IsTotal || line[column].Text == leaves[leaf][column].Text));
    }

    public static string NameOf(IReadOnlyList<AnswerCell> line, int columns) => string.Join(',', line.Take(columns).Select(cell => cell.Text));

    public static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
