using PsiMessaging.Analytics.Differencing;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Result;

namespace PsiMessaging.Party.Questions.History;

/// <summary>A question as it is held against a history, with its own records in groups.</summary>
/// <param name="Entry">As it would be entered.</param>
/// <param name="Matched">Which records of the own dataset are common.</param>
/// <param name="Cells">Its own groups, for each way of grouping.</param>
/// <param name="Parts">The same as parts.</param>
/// <param name="Numbers">Of the own columns through which it draws lines: the common records' numbers, in order.</param>
internal sealed record HistoryQuestion(
    HistoryEntry Entry, MatchedRows Matched, IReadOnlyList<RecordCells> Cells, IReadOnlyList<HistoryPart> Parts, IReadOnlyDictionary<string, long[]> Numbers)
{
    /// <summary>Reads the own groups of a question: one pass over the common rows.</summary>
    /// <param name="entry">The question, without its parts.</param>
    /// <param name="own">The own part of it.</param>
    /// <param name="matrix">The own side.</param>
    /// <param name="folder">The session's folder.</param>
    /// <exception cref="QueryException">An earlier version put the session's rows in order.</exception>
    public static async Task<HistoryQuestion> ReadAsync(HistoryEntry entry, QuestionPart own, PartyMatrix matrix, string folder)
    {
        var rows = AlignedRows.Open(folder);
        if (!rows.HasOrder)
        {
            throw new QueryException(Contracts.V1.FailureCodes.WrongState,
                "this session's rows were put in order by an earlier version, whose questions cannot be held against each other; open another session");
        }

        var matched = MatchedRows.Read(folder);
        var cells = await QuestionCells.OfAsync(matrix, own, ReferenceEquals(own, entry.Asker.Part), await rows.ReadOrderAsync());
        var records = HistoryPart.Of(matched);
        HistoryPart[] parts = [records, .. cells.Select(partition => HistoryPart.Of(partition, records.Name))];
        var numbers = new Dictionary<string, long[]>(StringComparer.Ordinal);
        foreach (var column in own.Lines.Keys)
        {
            numbers.Add(column, await NumbersAsync(rows, column));
        }

        return new HistoryQuestion(entry with { Records = records.Name, Cells = [.. parts.Skip(1).Select(part => part.Name)] }, matched, cells, parts, numbers);
    }

    private static async Task<long[]> NumbersAsync(AlignedRows rows, string column)
    {
        var (values, count) = (new long[rows.Rows], 0);
        await foreach (var chunk in rows.ReadAsync([column]))
        {
            foreach (var value in chunk.Values[0])
            {
                if (value != AlignedRows.Missing)
                {
                    values[count++] = value;
                }
            }
        }

        Array.Resize(ref values, count);
        Array.Sort(values);
        return values;
    }

    /// <summary>A question as it would be entered, without its parts.</summary>
    /// <param name="query">What it asks.</param>
    /// <param name="id">Its id.</param>
    /// <param name="session">Its session.</param>
    /// <param name="parties">The asking and the other party.</param>
    /// <param name="groups">Sizes of the asking party's groups.</param>
    /// <param name="minCell">The session's minimum cell size.</param>
    /// <param name="at">The time.</param>
    public static HistoryEntry EntryOf(
        BoundQuery query, string id, string session, (string Asker, string Other) parties, IEnumerable<int> groups, int minCell, DateTimeOffset at) => new(
        id, session, at, QueryText.Write(query.Query), minCell, new AskedSide(QuestionPart.Of(query, parties.Asker), [.. groups.Order()]),
        QuestionPart.Of(query, parties.Other), "", []);
}

/// <summary>Holds a question against a history.</summary>
internal static class HistoryComparison
{
    /// <summary>The first question of a history that another is too close to; null where it is to none.</summary>
    /// <param name="state">The state.</param>
    /// <param name="key">Which history.</param>
    /// <param name="earlier">What counts of it.</param>
    /// <param name="question">The question.</param>
    /// <param name="rule">What it is held to: <see cref="HistoryRule.Once"/> says the same of whatever data.</param>
    /// <param name="isBoundOnly">Whether the asking party's worker is taken to be changed.</param>
    public static HistoryEntry? FirstTooClose(
        IStoreReader state, HistoryKey key, IReadOnlyList<HistoryEntry> earlier, HistoryQuestion question, HistoryRule rule, bool isBoundOnly)
    {
        var known = new Dictionary<string, CellRelation>(StringComparer.Ordinal);
        return earlier.FirstOrDefault(entry => entry.Other.SharesColumns(question.Entry.Other)
            && (rule == HistoryRule.Once ? IsAnotherTable(entry, question.Entry, isBoundOnly) : IsTooClose(state, key, entry, question, known)));
    }

    /// <summary>
    /// Whether a question makes another table than an earlier one. A changed worker can send other rows under the same words, and nobody sees that it does: of
    /// who is taken for one every question is another.
    /// </summary>
    public static bool IsAnotherTable(HistoryEntry entry, HistoryEntry next, bool isBoundOnly) =>
        isBoundOnly || DifferencingRule.IsAnotherTable(entry.Asker, next.Asker, entry.Other, next.Other, entry.Session == next.Session);

    private static bool IsTooClose(
        IStoreReader state, HistoryKey key, HistoryEntry entry, HistoryQuestion question, Dictionary<string, CellRelation> known)
    {
        var next = question.Entry;
        if (key.Role == HistoryRole.Own)
        {
            return DifferencingRule.IsTooCloseToAsk(OfOwn(state, key, entry, question, known), entry.Other, next.Other);
        }

        var asker = DifferencingRule.OfAsker(entry.Asker, next.Asker, Math.Max(entry.MinCell, next.MinCell), entry.Session == next.Session);
        return asker != AskerRelation.Apart && DifferencingRule.IsTooClose(asker, OfOwn(state, key, entry, question, known));
    }

    /// <summary>What the own sides of two questions have in common.</summary>
    /// <param name="state">The state.</param>
    /// <param name="key">Which history.</param>
    /// <param name="entry">A question of it.</param>
    /// <param name="question">The question that is held against it.</param>
    /// <param name="known">What was found already: groups are read once for each part that several questions have.</param>
    public static CellRelation OfOwn(
        IStoreReader state, HistoryKey key, HistoryEntry entry, HistoryQuestion question, Dictionary<string, CellRelation> known)
    {
        var (next, minimum, isAsker) = (question.Entry, Math.Max(entry.MinCell, question.Entry.MinCell), key.Role == HistoryRole.Own);
        var (before, now) = isAsker ? (entry.Asker.Part, next.Asker.Part) : (entry.Other, next.Other);
        var hasTotals = before.Conditions.Count > 0 || now.Conditions.Count > 0 || entry.Records != next.Records || isAsker;
        var found = !isAsker && question.Numbers.Any(numbers => before.Lines.TryGetValue(numbers.Key, out var lines)
            && LineComparison.AnyNear(numbers.Value, now.Lines[numbers.Key], lines, minimum)) ? CellRelation.Equal : CellRelation.Apart;
        foreach (var name in entry.Cells)
        {
            var place = $"{name}/{minimum}/{hasTotals}";
            if (!known.TryGetValue(place, out var relation))
            {
                known[place] = relation = Compare(state, key, entry.Records, name, question, minimum, hasTotals);
            }

            found |= relation;
        }

        return found;
    }

    private static CellRelation Compare(
        IStoreReader state, HistoryKey key, string records, string name, HistoryQuestion question, int minimum, bool hasTotals)
    {
        var before = HistoryPart.ReadCells(PartOf(state, key, name));
        (int, int)[]? pairs = records == question.Entry.Records ? null
            : [.. HistoryPart.ReadRecords(PartOf(state, key, records)).Pairs(question.Matched)];
        return question.Cells.Aggregate(CellRelation.Apart, (found, cells) => found | CellComparison.Of(before, cells, minimum, pairs, hasTotals));
    }

    private static string PartOf(IStoreReader state, HistoryKey key, string name) =>
        HistoryBook.FindPart(state, key, name) ?? throw new InvalidDataException($"the history of {key.Partner}'s questions lacks a part");
}
