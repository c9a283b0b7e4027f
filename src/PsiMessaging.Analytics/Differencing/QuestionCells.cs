using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Statistics;

namespace PsiMessaging.Analytics.Differencing;

/// <summary>Of which of a party's records a question's sums are.</summary>
public static class QuestionCells
{
    /// <summary>The groups, one partition for each way in which the question puts the party's records into groups.</summary>
    /// <param name="matrix">The party's side of the question.</param>
    /// <param name="part">The party's part of it.</param>
    /// <param name="isAsker">Whether the party asks: then records without a value that the question needs are not among them.</param>
    /// <param name="order">For each row of the matrix its place among the common records in the order of the dataset.</param>
    public static async Task<IReadOnlyList<RecordCells>> OfAsync(PartyMatrix matrix, QuestionPart part, bool isAsker, int[] order)
    {
        var found = new List<RecordCells>();
        foreach (var (by, labels, rows) in await matrix.MembershipAsync(ignoresGaps: !isAsker))
        {
            var ordered = new int[rows.Length];
            for (var row = 0; row < rows.Length; row++)
            {
                ordered[order[row]] = rows[row];
            }

            found.Add(RecordCells.From([.. labels.Select(group => DefinitionOf(part, by, group))], ordered));
        }

        return found;
    }

    private static (ulong Definition, ulong Chosen) DefinitionOf(QuestionPart part, IReadOnlyList<BoundGrouping> by, IReadOnlyList<string?> labels)
    {
        var meanings = by.Zip(labels, (grouping, label) => (grouping.HasClasses, Meaning: QuestionPart.MeaningOf(grouping, label).ToArray())).ToArray();
        return (part.DefinitionOf(meanings.SelectMany(entry => entry.Meaning)),
            part.DefinitionOf(meanings.Where(entry => entry.HasClasses).SelectMany(entry => entry.Meaning)));
    }
}
