using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Types;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Rows;

/// <summary>What a party tells of its columns.</summary>
internal static class Columns
{
    /// <summary>
    /// The columns that it answers questions about, with their types: neither key columns, nor those that the policy lets nobody use.
    /// </summary>
    public static ColumnDescription[] DescribedColumns(this PartyContext party, PartySession session) =>
        [.. party.OfferedColumns(party.DatasetOf(session), session).Select(column => new ColumnDescription(column.Name, column.Type.ToString()))];

    /// <summary>The same as columns of the dataset: as they were announced, once they are.</summary>
    public static IReadOnlyList<DatasetColumn> OfferedColumns(this PartyContext party, Dataset dataset, PartySession session)
    {
        if (session.OwnColumns is { } announced)
        {
            return [.. dataset.Described.Where(column => announced.Any(own => own.Name == column.Name))];
        }

        var policy = PartyPolicy.Load(party.Home);
        return [.. dataset.Described.Where(column => !PolicyRules.IsNever(policy, dataset.Name, column.Name))];
    }
}
