using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Analytics.Differencing;

/// <summary>One party's part of a question, in a form in which the same part is the same however it was written.</summary>
/// <param name="Conditions">What its records must pass, in order of their texts: its filter, and a weight.</param>
/// <param name="Groupings">Into what they are put, in order: groupings with their classes, without the classes' names, and class terms.</param>
/// <param name="Columns">All its columns in the question, in order.</param>
/// <param name="Lines">
/// Lines that conditions and classes draw through its numeric columns, by column: of each the lowest number above it, in units. Bins, which are drawn at even
/// distances, are groups and no more.
/// </param>
public sealed record QuestionPart(
    IReadOnlyList<Conjunct> Conditions, IReadOnlyList<string> Groupings, IReadOnlyList<string> Columns, IReadOnlyDictionary<string, IReadOnlyList<long>> Lines)
{
    /// <summary>A party's part of a question.</summary>
    public static QuestionPart Of(BoundQuery query, string party)
    {
        var terms = query.Terms.Select(term => term.Column).Append(query.Outcome).OfType<ColumnName>();
        var conditions = query.Where.Where(condition => condition.Party == party).SelectMany(condition => Conjunct.Of(condition.Condition, query.Schema))
            .Concat(query.Weight is { } weight && weight.Party == party ? [new Conjunct($"weight {QueryText.Name(weight.Name)}")] : []);
        var groupings = query.Groupings.Where(grouping => grouping.Column.Party == party).Select(FormOf)
            .Concat(query.Terms.Where(term => term.Grouping is not null && term.Column.Party == party).Select(term => $"C({FormOf(term.Grouping!)})"));
        var columns = query.Groupings.Select(grouping => grouping.Column).Concat(query.Where.SelectMany(condition => condition.Columns))
            .Concat(query.Measures.SelectMany(measure => measure.Columns)).Concat(query.WeightColumns).Concat(terms);
        return new QuestionPart(
            [.. conditions.DistinctBy(conjunct => conjunct.Text, StringComparer.Ordinal).OrderBy(conjunct => conjunct.Text, StringComparer.Ordinal)],
            [.. groupings.Order(StringComparer.Ordinal)],
            [.. columns.Where(column => column.Party == party).Select(column => column.Name).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)],
            LinesOf(query, party).Distinct().GroupBy(line => line.Column, StringComparer.Ordinal).ToDictionary(lines => lines.Key,
                lines => (IReadOnlyList<long>)[.. lines.Select(line => line.Line).Order()], StringComparer.Ordinal));
    }

    private static IEnumerable<(string Column, long Line)> LinesOf(BoundQuery query, string party)
    {
        var classes = query.Groupings.SkipLast(query.Query.Clause.Bins is null ? 0 : 1)
            .Concat(query.Terms.Select(term => term.Grouping).OfType<BoundGrouping>());
        return query.Where.Where(condition => condition.Party == party).SelectMany(condition => Conjunct.LinesOf(condition.Condition, query.Schema))
            .Concat(classes.Where(grouping => grouping.Column.Party == party).SelectMany(grouping => (grouping.Grouping.Categories ?? [])
                .SelectMany(category => MeaningOf(grouping, category)).SelectMany(conjunct => conjunct.Lines)));
    }

    /// <summary>Whether two parts have the same conditions.</summary>
    public bool HasConditionsOf(QuestionPart other) =>
        Conditions.Select(conjunct => conjunct.Text).SequenceEqual(other.Conditions.Select(conjunct => conjunct.Text), StringComparer.Ordinal);

    /// <summary>Whether two parts have the same groupings.</summary>
    public bool HasGroupingsOf(QuestionPart other) => Groupings.SequenceEqual(other.Groupings, StringComparer.Ordinal);

    /// <summary>Whether no record can pass the conditions of both, whatever the data: another year, another region.</summary>
    public bool Excludes(QuestionPart other) => Conditions.Any(one => other.Conditions.Any(two => Conjunct.Exclude(one, two)));

    /// <summary>Whether both are about some column: of none in common no two answers have a difference.</summary>
    public bool SharesColumns(QuestionPart other) => Columns.Intersect(other.Columns, StringComparer.Ordinal).Any();

    /// <summary>What a group of the part is, as a number: the same for the same conditions, whether they stand in the filter or make the group.</summary>
    /// <param name="group">What the records of the group pass beside <see cref="Conditions"/>.</param>
    public ulong DefinitionOf(IEnumerable<Conjunct> group)
    {
        var texts = Conditions.Concat(group).Select(conjunct => conjunct.Text).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
        return BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', texts))));
    }

    /// <summary>What a label of a grouping stands for.</summary>
    /// <param name="grouping">The grouping.</param>
    /// <param name="label">The label; null for records without a value.</param>
    public static IEnumerable<Conjunct> MeaningOf(BoundGrouping grouping, string? label)
    {
        if (label is null)
        {
            return [Conjunct.Missing(grouping.Column)];
        }

        if (!grouping.HasClasses)
        {
            return [Conjunct.OneOf(grouping.Column, [FormOf(grouping, label)])];
        }

        return grouping.Grouping.Categories!.FirstOrDefault(category => category.Title == label) is { } category
            ? MeaningOf(grouping, category) : [new Conjunct($"in no class of {FormOf(grouping)}")];
    }

    private static IEnumerable<Conjunct> MeaningOf(BoundGrouping grouping, Category category)
    {
        if (category.Values is { } values)
        {
            return [Conjunct.OneOf(grouping.Column, values.Select(value => FormOf(grouping, value)))];
        }

        var (from, to) = Conjunct.Units(category.From, category.To, isFromOpen: false, category.ToIsOpen, grouping.Type);
        return Conjunct.Between(grouping.Column, from, to);
    }

    /// <summary>A value as its column holds it: of a number the units.</summary>
    private static string FormOf(BoundGrouping grouping, string value) => grouping.Type.IsNumber
        && FixedPoint.Read(value, grouping.Type.Digits, grouping.Type.Decimals, out var units) == NumberReading.Exact ? QueryText.Number(units) : value;

    private static string FormOf(BoundGrouping grouping) => grouping.Grouping.Categories is not { } categories ? QueryText.Name(grouping.Column.Name)
        : $"{QueryText.Name(grouping.Column.Name)}: {string.Join("; ", categories.Select(category =>
            string.Join(" and ", MeaningOf(grouping, category).Select(conjunct => conjunct.Text))))}";
}
