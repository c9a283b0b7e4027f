using PsiMessaging.Contracts.V1;
using PsiMessaging.Suppression;
using static PsiMessaging.Cli.Publishing.PublishableAnswer;

namespace PsiMessaging.Cli.Publishing;

/// <summary>
/// Answers of one session as one set of cells with all that is known to add up: cells that two tables have are one cell, totals are the sums of their lines,
/// and what a table does not show of a number that is known is a cell that is never printed. The attacker is held to know how many records are common.
/// </summary>
internal sealed class LinkedAnswers
{
    private readonly long minimum;
    private readonly int threshold;
    private readonly int common;
    private readonly List<Cell> cells = [];
    private readonly List<Relation> relations = [];
    private readonly Dictionary<string, int> indices = new(StringComparer.Ordinal);
    private readonly HashSet<string> names = new(StringComparer.Ordinal);
    private readonly Dictionary<PublishableAnswer, int?> rests = [];
    private readonly Dictionary<(PublishableAnswer, int Row), int> printed = [];

    private LinkedAnswers(IReadOnlyList<PublishableAnswer> answers, int threshold)
    {
        (Answers, this.threshold) = (answers, threshold);
        (minimum, common) = (answers[0].Result.MinCell, answers[0].Result.CommonRecords);
    }

    /// <summary>The answers.</summary>
    public IReadOnlyList<PublishableAnswer> Answers { get; }

    /// <summary>All cells and relations.</summary>
    public LinkedTables Tables { get; private set; } = new([], []);

    private bool IsAll => Answers[0].Filter.Length == 0;

    /// <summary>Puts answers together.</summary>
    /// <param name="answers">Of one session.</param>
    /// <param name="threshold">The least count that is printed.</param>
    /// <exception cref="Participants.ParticipantException">What can be known of them together cannot be judged.</exception>
    public static LinkedAnswers Of(IReadOnlyList<PublishableAnswer> answers, int threshold)
    {
        var linked = new LinkedAnswers(answers, threshold);
        linked.Check();
        foreach (var answer in answers)
        {
            linked.Add(answer);
        }

        for (var first = 0; first < answers.Count; first++)
        {
            for (var second = first + 1; second < answers.Count; second++)
            {
                linked.Link(answers[first], answers[second]);
            }
        }

        linked.Tables = new(linked.cells, linked.relations);
        return linked;
    }

    /// <summary>The cell that a line of an answer prints; null where the line is not printed, whatever is withheld.</summary>
    public int? CellOf(PublishableAnswer answer, int row) => printed.TryGetValue((answer, row), out var cell) ? cell : null;

    private void Check()
    {
        var all = Answers[0];
        foreach (var answer in Answers.Skip(1))
        {
            if (answer.Result.Session != all.Result.Session)
            {
                throw Refused($"{all.Name} and {answer.Name} are of two sessions; what both tell together cannot be judged");
            }

            if (answer.Filter != all.Filter)
            {
                throw Refused($"{all.Name} and {answer.Name} have two filters; their differences cannot be judged");
            }
        }

        if (Answers.SelectMany(answer => answer.Columns).GroupBy(BareName, StringComparer.OrdinalIgnoreCase)
            .FirstOrDefault(group => group.Distinct(StringComparer.Ordinal).Count() > 1) is { } column)
        {
            throw Refused($"{string.Join(" and ", column.Distinct(StringComparer.Ordinal))} may be one column; ask for it by one name");
        }

        if (Answers.SelectMany(answer => answer.Groupings).GroupBy(grouping => grouping.Key, StringComparer.Ordinal)
            .FirstOrDefault(group => group.DistinctBy(grouping => grouping.Value, StringComparer.Ordinal).Count() > 1) is { } classes)
        {
            throw Refused($"{classes.Key} is grouped in two ways; what both tell together cannot be judged");
        }

        if (Answers.Count > 1 && Answers.FirstOrDefault(answer => answer.WithholdsSums) is { } sums)
        {
            throw Refused($"{sums.Name} withholds sums of counts that it shows; beside another table they could follow: name it alone");
        }

        if (common < threshold)
        {
            throw Refused($"the session has {common:N0} common records, fewer than {threshold:N0}");
        }
    }

    /// <summary>A table's lines, those of its totals that hide nothing, and that all is the common records.</summary>
    private void Add(PublishableAnswer answer)
    {
        foreach (var line in answer.Leaves)
        {
            printed[(answer, line.Row)] = CellOf(line.Labels, line.Count, CellRole.Free);
        }

        // Records that lack a value may be put aside, and the line of all is then not of all common records.
        var shown = answer.Totals.Where(total => total.Count == (IsAll && total.Labels.Count == 0 ? common
            : Under(answer, total.Labels).Sum(line => line.Count))).ToList();
        foreach (var total in shown)
        {
            printed[(answer, total.Row)] = CellOf(total.Labels, total.Count, CellRole.Free);
        }

        foreach (var total in shown.Where(total => total.Labels.Count > 0 || !IsAll))
        {
            AddSums(answer, total);
        }

        if (IsAll && answer.Columns.Count > 0)
        {
            var all = CellOf(new Dictionary<string, string?>(), common, CellRole.Published);
            if (shown.Find(total => total.Labels.Count == 0) is { } grand && answer.Leaves.Sum(line => line.Count) == common)
            {
                AddSums(answer, grand);
            }
            else
            {
                rests[answer] = AddWithRest(all, answer.Leaves, $"(not shown in {answer.Name})");
            }
        }
    }

    /// <summary>A total along each column of which all lines are known; else of the lines of the table itself.</summary>
    private void AddSums(PublishableAnswer answer, PublishableLine total)
    {
        var cell = indices[total.Key];
        var under = Under(answer, total.Labels).ToList();
        var isSum = false;
        foreach (var column in answer.Columns.Where(column => !total.Labels.ContainsKey(column)))
        {
            var parts = under.Select(line => PublishableLine.KeyOf(total.Labels.Append(KeyValuePair.Create(column, line.Labels[column]))))
                .Distinct(StringComparer.Ordinal).ToList();
            if (parts.TrueForAll(indices.ContainsKey) && parts.Sum(part => cells[indices[part]].Value) == total.Count)
            {
                relations.Add(Relation.Sum(cell, parts.Select(part => indices[part])));
                isSum = true;
            }
        }

        if (!isSum)
        {
            relations.Add(Relation.Sum(cell, under.Select(line => indices[line.Key])));
        }
    }

    /// <summary>What two tables tell together: the cells of one that are sums of the other's, or the sums that both have.</summary>
    private void Link(PublishableAnswer first, PublishableAnswer second)
    {
        var shared = first.Columns.Intersect(second.Columns, StringComparer.Ordinal).ToList();
        var (coarse, fine) = first.Columns.Count <= second.Columns.Count ? (first, second) : (second, first);
        if (shared.Count == first.Columns.Count && shared.Count == second.Columns.Count)
        {
            return;
        }

        if (shared.Count == coarse.Columns.Count)
        {
            LinkNested(coarse, fine);
        }
        else if (first.IsComplete && second.IsComplete)
        {
            foreach (var group in first.Leaves.GroupBy(line => PublishableLine.KeyOf(Shared(line)), StringComparer.Ordinal))
            {
                var labels = Shared(group.First()).ToDictionary(StringComparer.Ordinal);
                var isKnown = indices.ContainsKey(group.Key);
                var sum = isKnown ? indices[group.Key] : CellOf(labels, group.Sum(line => line.Count), CellRole.Internal);
                AddWithRest(sum, group, "");
                AddWithRest(sum, Under(second, labels), "");
            }
        }
        else if (shared.Count > 0)
        {
            throw Refused($"{first.Name} and {second.Name} share {string.Join(", ", shared)} and not all is shown; what both tell together cannot be judged: "
                + "name one of them, or ask for one table by all their columns");
        }

        IEnumerable<KeyValuePair<string, string?>> Shared(PublishableLine line) => line.Labels.Where(label => shared.Contains(label.Key));
    }

    /// <summary>Each cell of the coarse table is the sum of cells of the fine one, and so is what the coarse one does not show.</summary>
    private void LinkNested(PublishableAnswer coarse, PublishableAnswer fine)
    {
        var totals = fine.Totals.Where(total => CellOf(fine, total.Row) is not null).Select(total => total.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var line in coarse.Leaves.Where(line => (line.Labels.Count > 0 || !IsAll) && !totals.Contains(line.Key)))
        {
            AddWithRest(indices[line.Key], Under(fine, line.Labels), $"({NameOf(line.Labels)}, not shown in {fine.Name})");
        }

        if (rests.GetValueOrDefault(coarse) is { } rest)
        {
            var listed = coarse.Leaves.Select(line => line.Key).ToHashSet(StringComparer.Ordinal);
            AddWithRest(rest, fine.Leaves.Where(line => !listed.Contains(Coarse(line))), $"(not shown in {coarse.Name} and {fine.Name})");
        }

        string Coarse(PublishableLine line) => PublishableLine.KeyOf(line.Labels.Where(label => coarse.Columns.Contains(label.Key)));
    }

    /// <summary>
    /// A number that is known is the sum of these lines and of what is not shown: a cell that is never printed, and is protected where it is small.
    /// </summary>
    /// <returns>That cell; null where nothing is hidden.</returns>
    private int? AddWithRest(int whole, IEnumerable<PublishableLine> lines, string name)
    {
        var parts = lines.Select(line => indices[line.Key]).ToList();
        var rest = cells[whole].Value - parts.Sum(part => cells[part].Value);
        if (rest < 0 || (rest > 0 && name.Length == 0))
        {
            throw Refused($"the answers contradict one another about {cells[whole].Name}");
        }

        if (rest > 0)
        {
            // None or as many as the minimum are never shown; fewer only where they were put aside.
            var least = rest >= minimum ? minimum : 0;
            cells.Add(new(Unique(name), rest)
            {
                Role = CellRole.Internal, Low = least, High = common, Protection = rest < threshold ? Protection.MinimumFrequency(rest, threshold,
                    Math.Max(1, least)) : null,
            });
            parts.Add(cells.Count - 1);
        }

        relations.Add(Relation.Sum(whole, parts));
        return rest > 0 ? cells.Count - 1 : null;
    }

    private int CellOf(IReadOnlyDictionary<string, string?> labels, long value, CellRole role)
    {
        var key = PublishableLine.KeyOf(labels);
        if (indices.TryGetValue(key, out var found))
        {
            return cells[found].Value == value ? found : throw Refused($"the answers contradict one another about {cells[found].Name}");
        }

        var isAll = IsAll && labels.Count == 0;
        cells.Add(new(Unique(NameOf(labels)), value)
        {
            // Totals are read more than single cells.
            Cost = 1 + Answers.Max(answer => answer.Columns.Count) - labels.Count, Role = isAll ? CellRole.Published : role,
            Low = role == CellRole.Internal ? 0 : Math.Min(value, minimum), High = common,
            Protection = value >= threshold || isAll ? null : Protection.MinimumFrequency(value, threshold, role == CellRole.Internal ? 1
                : Math.Min(value, minimum)),
        });
        return indices[key] = cells.Count - 1;
    }

    private string NameOf(IReadOnlyDictionary<string, string?> labels) => labels.Count == 0 ? "(all)"
        : string.Join(',', Answers.SelectMany(answer => answer.Columns).Distinct(StringComparer.Ordinal).Where(labels.ContainsKey)
            .Select(column => $"{column}={labels[column] ?? "(missing)"}"));

    /// <summary>Labels may be anything, so that two names may be one.</summary>
    private string Unique(string name)
    {
        var unique = name;
        for (var i = 2; !names.Add(unique); i++)
        {
            unique = $"{name} ({i})";
        }

        return unique;
    }

    private static IEnumerable<PublishableLine> Under(PublishableAnswer answer, IReadOnlyDictionary<string, string?> labels) =>
        answer.Leaves.Where(line => labels.All(label => line.Labels[label.Key] == label.Value));
}
