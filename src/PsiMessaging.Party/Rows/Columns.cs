using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Rows;

/// <summary>What a party tells of its columns.</summary>
internal static class Columns
{
    /// <summary>The columns that it answers questions about, with their types; key columns are not among them.</summary>
    public static ColumnDescription[] DescribedColumns(this PartyContext party, PartySession session) =>
        [.. party.DatasetOf(session).Described.Select(column => new ColumnDescription(column.Name, column.Type.ToString()))];
}
