using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Rows;

/// <summary>What a party tells of its columns.</summary>
internal static class Columns
{
    /// <summary>
    /// The columns that it answers questions about, with their types: as they were announced, once they are; neither key columns, nor those that the policy
    /// lets nobody use. Engine <c>tokens</c> asks nobody before the linker answers, so that no column goes there that the partner may not group and filter by.
    /// </summary>
    /// <exception cref="ParticipantException">The policy cannot be read, or grants the session no more.</exception>
    public static IReadOnlyList<ColumnDescription> DescribedColumns(this PartyContext party, PartySession session, IStoreReader state)
    {
        if (session.OwnColumns is { } announced)
        {
            return announced;
        }

        var (dataset, policy) = (party.DatasetOf(session), PartyPolicy.Load(party.Home));
        var granted = SessionGrant.Of(policy, state, session, party.Time.GetUtcNow())
            ?? throw new ParticipantException(FailureCodes.NotGranted, $"{party.Name}'s policy does not grant this session to {session.Peer} any more")
            {
                ForPeer = $"{party.Name} has taken back what it granted",
            };
        if (PolicyDesk.ExactOf(policy, dataset.Name, WireNames.NameOf(session.Engine)) is { } exact)
        {
            throw new ParticipantException(FailureCodes.NotGranted, exact)
            {
                ForPeer = $"{party.Name} answers about this dataset with noise, and engine tokens has none",
            };
        }

        ColumnUse[] uses = session.Engine == QueryEngine.Tokens ? [ColumnUse.GroupBy, ColumnUse.Filter] : [];
        return [.. dataset.Described.Where(column => !PolicyRules.IsNever(policy, dataset.Name, column.Name)
            && PolicyRules.FaultOf(policy, granted.Columns, dataset.Name, uses.Select(use => (column.Name, use))) is null)
            .Select(column => new ColumnDescription(column.Name, column.Type.ToString()))];
    }
}
