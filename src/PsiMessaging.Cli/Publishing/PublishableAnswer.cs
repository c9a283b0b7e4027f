using System.Globalization;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Analytics.Statistics.Measures;
using PsiMessaging.Analytics.Statistics.Tables;
using PsiMessaging.Cli.Output;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Party.Questions;

namespace PsiMessaging.Cli.Publishing;

/// <summary>A line of an answer that has a count.</summary>
/// <param name="Row">Its index in the answer.</param>
/// <param name="Labels">Label by column, in a fixed order of columns whatever the question's; a column that the line is a total over is not there.</param>
/// <param name="Count">Its count.</param>
internal sealed record PublishableLine(int Row, IReadOnlyDictionary<string, string?> Labels, long Count)
{
    /// <summary>The same for the same cell of any table of a session.</summary>
    public string Key { get; } = KeyOf(Labels);

    /// <summary>The key of a cell with these labels.</summary>
    public static string KeyOf(IEnumerable<KeyValuePair<string, string?>> labels) =>
        LabelKey.Of(labels.OrderBy(label => label.Key, StringComparer.Ordinal).SelectMany(label => new[] { label.Key, label.Value }));
}

/// <summary>A stored answer as a table of counts: what it shows, and whether it shows everybody.</summary>
internal sealed class PublishableAnswer
{
    private PublishableAnswer(QueryResult result, Query query)
    {
        (Result, Query) = (result, query);
        Columns = [.. query.By.Select(grouping => grouping.Column)];
        Groupings = query.By.ToDictionary(grouping => grouping.Column, Text, StringComparer.Ordinal);
        CountColumn = Columns.Count + ((TableClause)query.Clause).Listed.TakeWhile(measure => !measure.Function.IsCount).Count();
        HasOtherMeasures = ((TableClause)query.Clause).Listed.Any(measure => !measure.Function.IsCount);
        var lines = Enumerable.Range(0, result.Answer.Rows.Count).Select(LineOf).OfType<PublishableLine>().ToList();
        Leaves = lines.FindAll(line => line.Labels.Count == Columns.Count);
        Totals = lines.FindAll(line => line.Labels.Count < Columns.Count);
        IsComplete = !result.Answer.Rows.Any(row => QueryOutput.IsWithheldLine(row) || row[CountColumn].Text is null);
    }

    /// <summary>The answer.</summary>
    public QueryResult Result { get; }

    /// <summary>Its question.</summary>
    public Query Query { get; }

    /// <summary>Columns that it groups by, in the question's order.</summary>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>How each of them is grouped, as the language writes it.</summary>
    public IReadOnlyDictionary<string, string> Groupings { get; }

    /// <summary>Column of the answer that has the counts.</summary>
    public int CountColumn { get; }

    /// <summary>Whether it has sums beside the counts.</summary>
    public bool HasOtherMeasures { get; }

    /// <summary>The lines of one label for each column.</summary>
    public IReadOnlyList<PublishableLine> Leaves { get; }

    /// <summary>The lines of totals that the answer shows.</summary>
    public IReadOnlyList<PublishableLine> Totals { get; }

    /// <summary>Whether the answer hides nothing: then every total is the sum of its lines.</summary>
    public bool IsComplete { get; }

    /// <summary>Whether the answer withholds a sum of a line whose count it shows.</summary>
    public bool WithholdsSums => Leaves.Any(line => Result.Answer.Rows[line.Row].Skip(Columns.Count).Any(cell => cell.IsWithheld));

    /// <summary>The filter as the language writes it; empty for none.</summary>
    public string Filter => Query.Where is { } where ? QueryText.Write(where) : "";

    /// <summary>How people name it.</summary>
    public string Name => Result.QueryId[..Math.Min(8, Result.QueryId.Length)];

    /// <summary>Takes an answer that is a table of counts, with sums or without.</summary>
    /// <exception cref="ParticipantException">It is something else.</exception>
    public static PublishableAnswer Of(QueryResult result)
    {
        var query = Query.Parse(result.Text);
        var name = result.QueryId[..Math.Min(8, result.QueryId.Length)];
        if (query.Clause is not TableClause clause || query.Statistic != TableStatistic.Instance)
        {
            throw Refused($"{name} is a {query.Statistic.Title}; only tables of counts, with sums or without, can be judged");
        }

        if (result.Answer.Noise is { } noise)
        {
            throw Refused(noise.Law == NoiseKind.CellKey
                ? $"{name} has noise by cell keys: its counts are not the true ones, and what follows from them cannot be audited; see psi answer {name}"
                : $"{name} has noise, which protects it already: print it with psi answer {name}");
        }

        if (query.Weight is not null)
        {
            throw Refused($"{name} is weighted; how many records are behind its numbers is not known");
        }

        if (clause.Listed.FirstOrDefault(measure => !measure.Function.IsCount && measure.Function.Name != "sum") is { } other)
        {
            throw Refused($"{name} has {other.Name}; only counts and sums can be judged");
        }

        if (!clause.Listed.Any(measure => measure.Function.IsCount))
        {
            throw Refused($"{name} has no counts; ask for count beside {clause.Listed[0].Name}");
        }

        if (query.By.DistinctBy(grouping => BareName(grouping.Column), StringComparer.OrdinalIgnoreCase).Count() != query.By.Count)
        {
            throw Refused($"{name} groups by one name twice");
        }

        return new(result, query);
    }

    /// <summary>A column's name without the party that it may stand behind.</summary>
    public static string BareName(string column) => column[(column.LastIndexOf('.') + 1)..];

    internal static ParticipantException Refused(string reason) => new(Contracts.V1.FailureCodes.WrongState, $"cannot be published: {reason}");

    private static string Text(Grouping grouping) => QueryText.Write(new Query { Clause = TableClause.Count, By = [grouping] });

    private PublishableLine? LineOf(int index)
    {
        var row = Result.Answer.Rows[index];
        return QueryOutput.IsWithheldLine(row) || row[CountColumn].Text is not { } text ? null
            : new(index, Enumerable.Range(0, Columns.Count).Where(column => !row[column].IsTotal)
                .ToDictionary(column => Columns[column], column => row[column].Text, StringComparer.Ordinal),
                long.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
    }
}
