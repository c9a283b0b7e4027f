using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Policy;

/// <summary>What a party's owner says to something a partner asks for.</summary>
internal abstract record OwnersWord
{
    private OwnersWord()
    {
    }

    /// <summary>Yes.</summary>
    public sealed record Yes(string Because) : OwnersWord;

    /// <summary>A person has to say.</summary>
    public sealed record Ask(string Why) : OwnersWord;

    /// <summary>No.</summary>
    public sealed record No(string Code, string Why, string ForPeer) : OwnersWord;
}

/// <summary>
/// Whether a partner gets what it asks for: by the policy, by what a person has approved before, within the bounds of a day. What is none of these waits for a
/// person, or is refused.
/// </summary>
internal sealed class PolicyDesk(PartyContext party)
{
    /// <summary>Sessions with sets that differ by little, in <see cref="Usage.Memory"/>, from which on a person must say.</summary>
    public const int MostNearlySame = 3;

    /// <summary>The same with sets that the partner calls the same one.</summary>
    public const int MostRepeated = 30;

    private readonly Notifier _notifier = new(party.Log);

    /// <summary>What is said to a session that a partner proposes.</summary>
    /// <param name="state">The state.</param>
    /// <param name="session">The session.</param>
    /// <param name="request">Its terms.</param>
    /// <param name="commitment">The partner's commitment to its set.</param>
    public OwnersWord OnSession(IStoreReader state, PartySession session, SessionRequest request, byte[]? commitment)
    {
        if (Approval.Find(state, session.Id) is { } approval)
        {
            return approval.State switch
            {
                ApprovalState.Approved => new OwnersWord.Yes("a person"),
                ApprovalState.Denied => Denied(approval.Reason),
                _ => new OwnersWord.Ask(approval.Why),
            };
        }

        var (policy, now) = (PartyPolicy.Load(party.Home), party.Time.GetUtcNow());
        var (grant, why) = PolicyRules.GrantFor(policy, request, now);
        if (grant is null && !ApprovedTerms.Cover(state, request))
        {
            return policy.Otherwise == Otherwise.Ask ? new OwnersWord.Ask(why)
                : new OwnersWord.No(FailureCodes.NotGranted, why, $"{party.Name} has not granted this session; its people decide what it grants");
        }

        return WithinBounds(grant ?? new PolicyGrant(), Usage.Of(state, session.Peer), request, commitment, now);
    }

    private OwnersWord WithinBounds(PolicyGrant grant, Usage usage, SessionRequest request, byte[]? commitment, DateTimeOffset now)
    {
        if (OverBudget(grant, usage, request, now) is { } over)
        {
            return over;
        }

        var (others, same) = usage.NearlySame(request.Dataset, request.SetSize, commitment, now);
        return others < MostNearlySame && same < MostRepeated ? new OwnersWord.Yes("policy")
            : new OwnersWord.Ask($"{request.Partner} has had {others + same} sessions in {Usage.Memory.TotalDays:0} days about {request.Dataset} with sets of "
                + "nearly this size: from the difference of two results it learns of single records");
    }

    /// <summary>A session that begins counts.</summary>
    public void Count(Effects effects, SessionRequest request, byte[]? commitment) =>
        Usage.Count(effects, request.Partner, new SessionUse(party.Time.GetUtcNow(), request.Dataset, request.SetSize, commitment));

    /// <summary>A question that is answered counts.</summary>
    public void CountQuestion(Effects effects, string partner) => Usage.CountQuestion(effects, partner, party.Time.GetUtcNow());

    /// <summary>What is said to a question of a partner's.</summary>
    /// <param name="state">The state.</param>
    /// <param name="session">Its session.</param>
    /// <param name="id">The question's id.</param>
    /// <param name="query">What it asks.</param>
    public OwnersWord OnQuestion(IStoreReader state, PartySession session, string id, BoundQuery query)
    {
        var (policy, terms, now) = (PartyPolicy.Load(party.Home), SessionRequest.Of(session), party.Time.GetUtcNow());
        var uses = PolicyRules.UsesOf(query, party.Name);
        var grant = PolicyRules.GrantOf(policy, terms, now);
        if (grant is null && !IsAPersons(state, session, terms))
        {
            // Taken out of the policy since, or ended: what it allowed must not become more by that.
            return new OwnersWord.No(FailureCodes.NotGranted, "nothing grants this session any more", $"{party.Name} has taken back what it granted");
        }

        // Where no grant covers the session a person let it be, or began it, and with psi send allowed questions: of what grants about this dataset name, or,
        // without any, of all columns but those of "never".
        grant ??= PolicyRules.GrantsAbout(policy, session.Peer, session.Dataset!).FirstOrDefault();
        var columns = grant?.Columns ?? PolicyGrant.Everything.Columns;
        if (PolicyRules.FaultOf(policy, columns, session.Dataset!, uses) is { } fault)
        {
            return new OwnersWord.No(FailureCodes.NotGranted, fault, $"{fault}; {party.Name}'s policy has it so");
        }

        var bounds = grant ?? new PolicyGrant();
        if (Usage.Of(state, session.Peer).QuestionsSince(now) >= bounds.QuestionsPerDay)
        {
            return new OwnersWord.No(FailureCodes.OverBudget, $"{session.Peer} has asked {bounds.QuestionsPerDay:N0} questions in 24 hours",
                $"{party.Name} answers no more questions today");
        }

        return !bounds.AskQuestions ? new OwnersWord.Yes("policy") : Approval.Find(state, id) switch
        {
            { State: ApprovalState.Approved } => new OwnersWord.Yes("a person"),
            { State: ApprovalState.Denied, Reason: var reason } => Denied(reason),
            _ => new OwnersWord.Ask("the policy has every question wait for a person"),
        };
    }

    /// <summary>Whether a person of this party began a session, or approved it or its terms.</summary>
    private static bool IsAPersons(IStoreReader state, PartySession session, SessionRequest terms) =>
        session.IsInitiator || Approval.Find(state, session.Id) is { State: ApprovalState.Approved } || ApprovedTerms.Cover(state, terms);

    /// <summary>Puts something before a person, once, and lets the partner know that it waits.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="approval">What.</param>
    /// <returns>Nothing more can be done until the person has decided; whether something was done just now.</returns>
    public TurnOutcome PutBefore(Turn<PartySession> turn, Approval approval)
    {
        if (turn.Read(state => Approval.Find(state, approval.Id)) is not null)
        {
            return TurnOutcome.Idle;
        }

        turn.Commit(effects =>
        {
            approval.Put(effects);
            effects.Send(approval.Partner, new ApprovalPending(approval.Session, approval.Question is null ? null : approval.Id));
            effects.Audit("approval-asked", ("session", approval.Session), ("peer", approval.Partner),
                ("query", approval.Question is null ? null : approval.Id), ("why", approval.Why));
        });
        party.Log.ApprovalAsked(approval.Id, approval.Partner, approval.Why);
        _notifier.Tell(PartyPolicy.Load(party.Home).Notify, approval);
        return TurnOutcome.Worked;
    }

    /// <summary>A person of this party has decided.</summary>
    public TurnOutcome Decide(Turn<PartySession> turn, Waiting<object> command)
    {
        var (session, decision) = (turn.Session, (DecideApproval)command.Message);
        var approval = turn.Read(state => Approval.Find(state, decision.ApprovalId));
        if (approval is null || approval.Session != session.Id)
        {
            return CommandDesk.Answer(turn, command,
                CommandDesk.Refusal(session, FailureCodes.WrongState, $"nothing waits under {decision.ApprovalId}; see: psi approvals"));
        }

        if (OverBecause(turn, approval) is { } over)
        {
            return CommandDesk.Answer(turn, command, CommandDesk.Refusal(session, FailureCodes.WrongState, $"nothing is left to decide, {over}"));
        }

        var decided = approval with { State = decision.Approve ? ApprovalState.Approved : ApprovalState.Denied, Reason = decision.Reason };
        return turn.Commit(effects =>
        {
            decided.Put(effects);
            if (decision is { Approve: true, Once: false } && approval.Terms is { } terms)
            {
                new ApprovedTerms { Id = $"{terms.Partner}/{session.Id[..8]}", Terms = terms, At = turn.Now, Reason = decision.Reason }.Put(effects);
            }

            effects.Audit("approval-decided", ("session", session.Id), ("peer", approval.Partner), ("decision", decision.Approve ? "approved" : "denied"),
                ("query", approval.Question is null ? null : approval.Id), ("once", decision.Once), ("reason", decision.Reason));
            CommandDesk.Answer(effects, command, new CommandReply(true, session.Id, null, decision.Approve ? "approved" : "denied"));
        });
    }

    private static string? OverBecause(Turn<PartySession> turn, Approval approval) =>
        approval.State != ApprovalState.Waiting ? $"it was {approval.State.ToString().ToLowerInvariant()} before"
        : turn.Session.State == SessionState.Failed ? $"it is over: {turn.Session.FailureReason}"
        : turn.Now > approval.DeadlineAt ? $"it is over: its deadline was {approval.DeadlineAt:u}"
        : null;

    private OwnersWord.No? OverBudget(PolicyGrant grant, Usage usage, SessionRequest request, DateTimeOffset now)
    {
        var why = usage.SessionsSince(now) >= grant.SessionsPerDay ? $"{request.Partner} has had {grant.SessionsPerDay:N0} sessions in 24 hours"
            : usage.EvaluationsSince(now) + request.SetSize > grant.EvaluationsPerDay
                ? $"with this set {request.Partner} would have had more than {grant.EvaluationsPerDay:N0} identifiers evaluated in 24 hours" : null;
        return why is null ? null : new OwnersWord.No(FailureCodes.OverBudget, why, $"{party.Name} takes no more of {request.Partner} today");
    }

    private OwnersWord.No Denied(string? reason) => new(FailureCodes.Denied, $"a person here has denied it{(reason is null ? "" : $": {reason}")}",
        $"{party.Name}'s people have denied it{(reason is null ? "" : $": {reason}")}");
}
