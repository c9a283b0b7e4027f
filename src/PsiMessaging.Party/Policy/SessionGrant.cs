using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Policy;

/// <summary>What a partner's questions in a session may do.</summary>
/// <param name="Bounds">The grant whose bounds of a day hold.</param>
/// <param name="Columns">What they may do with the own columns.</param>
internal sealed record SessionGrant(PolicyGrant Bounds, PolicyColumns Columns)
{
    /// <summary>
    /// What holds of a session now: the first grant that covers it. Where none does and a person let it be, or began it (and with psi send allowed questions):
    /// the first that names its dataset, or, without any, what held when it began. To take a grant away leaves nobody more than there was.
    /// </summary>
    /// <param name="policy">The policy.</param>
    /// <param name="state">The state.</param>
    /// <param name="session">The session.</param>
    /// <param name="now">The time.</param>
    /// <returns>Null where nothing grants the session any more.</returns>
    public static SessionGrant? Of(PartyPolicy policy, IStoreReader state, PartySession session, DateTimeOffset now)
    {
        var terms = SessionRequest.Of(session);
        var grant = PolicyRules.GrantOf(policy, terms, now);
        if (grant is null && !IsAPersons(state, session, terms))
        {
            return null;
        }

        grant ??= PolicyRules.GrantsAbout(policy, session.Peer, session.Dataset!).FirstOrDefault();
        return new SessionGrant(grant ?? new PolicyGrant(), grant?.Columns ?? session.GrantedColumns ?? new PolicyColumns());
    }

    /// <summary>What holds of columns when a session begins that a person lets be: what the first grant about its dataset names, or all columns.</summary>
    public static PolicyColumns AtTheStart(PartyPolicy policy, string partner, string dataset) =>
        (PolicyRules.GrantsAbout(policy, partner, dataset).FirstOrDefault() ?? PolicyGrant.Everything).Columns;

    /// <summary>Whether a person of this party began a session, or approved it or its terms.</summary>
    private static bool IsAPersons(IStoreReader state, PartySession session, SessionRequest terms) => session.IsInitiator
        || Approval.OfSession(state, session.Id, terms) is { State: ApprovalState.Approved } || ApprovedTerms.Cover(state, terms);
}
