using PsiMessaging.Analytics.Disclosure;
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

    /// <summary>Sessions about one dataset, whatever their sets, in <see cref="Usage.Memory"/>, from which on a person must say.</summary>
    public const int MostAboutADataset = 30;

    /// <summary>What of one partner may be put before a person in a day.</summary>
    public const int MostAsked = 50;

    private readonly Notifier _notifier = new(party.Log);

    /// <summary>What is said to a session that a partner proposes.</summary>
    /// <param name="state">The state.</param>
    /// <param name="session">The session.</param>
    /// <param name="request">Its terms.</param>
    /// <param name="commitment">The partner's commitment to its set.</param>
    public OwnersWord OnSession(IStoreReader state, PartySession session, SessionRequest request, byte[]? commitment)
    {
        if (Approval.OfSession(state, session.Id, request) is { } approval)
        {
            return approval.State switch
            {
                ApprovalState.Approved => new OwnersWord.Yes("a person"),
                ApprovalState.Denied => Denied(approval.Reason),
                _ => new OwnersWord.Ask(approval.Why),
            };
        }

        var (policy, now) = (PartyPolicy.Load(party.Home), party.Time.GetUtcNow());
        if (ExactOf(policy, request.Dataset, request.Engine) is { } exact)
        {
            return new OwnersWord.No(FailureCodes.NotGranted, exact,
                $"{party.Name} has rules for answers about this dataset that engine tokens does not keep; propose the engine masked");
        }

        var usage = Usage.Of(state, session.Peer);
        var (grant, why) = PolicyRules.GrantFor(policy, request, now);
        if (grant is null && !ApprovedTerms.Cover(state, request))
        {
            return policy.Otherwise == Otherwise.Ask ? AskOrNo(usage, session.Peer, why, now)
                : new OwnersWord.No(FailureCodes.NotGranted, why, $"{party.Name} has not granted this session; its people decide what it grants");
        }

        return WithinBounds(grant ?? new PolicyGrant(), usage, request, commitment, now);
    }

    /// <summary>Why a session would say exact counts of what has noise; null where it would not.</summary>
    public static string? ExactOf(PartyPolicy policy, string dataset, string engine) =>
        engine == WireNames.NameOf(QueryEngine.Tokens) && policy.Noise.ContainsKey(dataset)
            ? $"engine tokens says exact counts of {dataset}, which stands in \"noise\" of {PartyPolicy.FileName}"
        : engine == WireNames.NameOf(QueryEngine.Tokens) && policy.Dominance.ContainsKey(dataset)
            ? $"engine tokens holds no sum of {dataset} to rules of concentration, and it stands in \"dominance\" of {PartyPolicy.FileName}" : null;

    private OwnersWord WithinBounds(PolicyGrant grant, Usage usage, SessionRequest request, byte[]? commitment, DateTimeOffset now)
    {
        if (OverBudget(grant, usage, request, now) is { } over)
        {
            return over;
        }

        var (near, others, same) = usage.ByTheirSets(request.Dataset, request.SetSize, commitment, now);
        var had = $"{request.Partner} has had {others + same} sessions in {Usage.Memory.TotalDays:0} days about {request.Dataset}";
        return near >= MostNearlySame ? AskOrNo(usage, request.Partner, $"{had}, {near} of them with other sets of nearly this size: from the difference of "
                + "two results it learns of single records", now)
            : others + same >= MostAboutADataset ? AskOrNo(usage, request.Partner, $"{had}: from the differences of results it learns of single records", now)
            : new OwnersWord.Yes("policy");
    }

    /// <summary>A person is asked, of one partner's doing not more often in a day than a person can take.</summary>
    private OwnersWord AskOrNo(Usage usage, string partner, string why, DateTimeOffset now) => usage.Since(now).Asked < MostAsked ? new OwnersWord.Ask(why)
        : new OwnersWord.No(FailureCodes.OverBudget, $"{MostAsked} requests of {partner} were put before a person in 24 hours",
            $"{party.Name}'s people have been asked often enough today");

    /// <summary>
    /// Inside the transaction that counts: bounds hold over sessions, and others may have counted since this one was looked at.
    /// </summary>
    /// <exception cref="SupersededException">Yes is no more what is said.</exception>
    public static void RequireStill(OwnersWord word)
    {
        if (word is not OwnersWord.Yes)
        {
            throw new SupersededException();
        }
    }

    /// <summary>A session that begins counts.</summary>
    public void Count(Effects effects, SessionRequest request, byte[]? commitment) =>
        Usage.Count(effects, request.Partner, new SessionUse(party.Time.GetUtcNow(), request.Dataset, request.SetSize, commitment));

    /// <summary>A question counts once it is looked at, whatever comes of it; one that a person was asked about counted then.</summary>
    public void CountQuestion(Effects effects, PartySession session, string id)
    {
        if (!Approval.IsAsked(effects.State, session.Id, id))
        {
            Usage.CountQuestion(effects, session.Peer, party.Time.GetUtcNow());
        }
    }

    /// <summary>A question is refused since a day has no more; whether it is the first of its hour, which is enough for the log.</summary>
    public bool CountTurnedAway(Effects effects, string partner) => Usage.CountTurnedAway(effects, partner, party.Time.GetUtcNow());

    private static string? UnboundIn(SessionGrant granted, PartySession session, BoundQuery query) =>
        granted.Bounds.BoundOnly && session.Engine == QueryEngine.Masked ? QuestionRule.Unbound(
            query.Query, column => query.Schema.Resolve(column).Party == session.Peer, session.MinCell) : null;

    /// <summary>What is said to a question of a partner's.</summary>
    /// <param name="state">The state.</param>
    /// <param name="session">Its session.</param>
    /// <param name="id">The question's id.</param>
    /// <param name="text">Its words.</param>
    /// <param name="query">What it asks.</param>
    public OwnersWord OnQuestion(IStoreReader state, PartySession session, string id, string text, BoundQuery query)
    {
        var (policy, now) = (PartyPolicy.Load(party.Home), party.Time.GetUtcNow());
        if (SessionGrant.Of(policy, state, session, now) is not { } granted)
        {
            // Taken out of the policy since, or ended: what it allowed must not become more by that.
            return new OwnersWord.No(FailureCodes.NotGranted, "nothing grants this session any more", $"{party.Name} has taken back what it granted");
        }

        if ((UnboundIn(granted, session, query)
            ?? PolicyRules.FaultOf(policy, granted.Columns, session.Dataset!, PolicyRules.UsesOf(query, party.Name))) is { } fault)
        {
            return new OwnersWord.No(FailureCodes.NotGranted, fault, $"{fault}; {party.Name}'s policy has it so");
        }

        var (approval, usage) = (Approval.OfQuestion(state, session.Id, id, text), Usage.Of(state, session.Peer));
        if (approval is null && usage.Since(now).Questions >= granted.Bounds.QuestionsPerDay)
        {
            return new OwnersWord.No(FailureCodes.OverBudget, $"{session.Peer} has asked {granted.Bounds.QuestionsPerDay:N0} questions in 24 hours",
                $"{party.Name} answers no more questions today");
        }

        return !granted.Bounds.AskQuestions ? new OwnersWord.Yes("policy") : approval switch
        {
            { State: ApprovalState.Approved } => new OwnersWord.Yes("a person"),
            { State: ApprovalState.Denied, Reason: var reason } => Denied(reason),
            { } waiting => new OwnersWord.Ask(waiting.Why),
            null => AskOrNo(usage, session.Peer, "the policy has every question wait for a person", now),
        };
    }

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
            Usage.CountAsked(effects, approval.Partner, turn.Now);
            if (approval.Query is not null)
            {
                Usage.CountQuestion(effects, approval.Partner, turn.Now);
            }

            effects.Send(approval.Partner, new ApprovalPending(approval.Session, approval.Query));
            effects.Audit("approval-asked", ("session", approval.Session), ("peer", approval.Partner),
                ("query", approval.Query), ("approval", approval.Id), ("why", approval.Why));
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
                ("query", approval.Query), ("approval", approval.Id), ("once", decision.Once), ("reason", decision.Reason));
            CommandDesk.Answer(effects, command, new CommandReply(true, session.Id, null, decision.Approve ? "approved" : "denied"));
        });
    }

    /// <summary>What was said has changed before it could be done.</summary>
    public sealed class SupersededException : Exception;

    private static string? OverBecause(Turn<PartySession> turn, Approval approval) =>
        approval.State != ApprovalState.Waiting ? $"it was {approval.State.ToString().ToLowerInvariant()} before"
        : turn.Session.State == SessionState.Failed ? $"it is over: {turn.Session.FailureReason}"
        : turn.Now > approval.DeadlineAt ? $"it is over: its deadline was {approval.DeadlineAt:u}"
        : null;

    private OwnersWord.No? OverBudget(PolicyGrant grant, Usage usage, SessionRequest request, DateTimeOffset now)
    {
        var today = usage.Since(now);
        var why = today.Sessions >= grant.SessionsPerDay ? $"{request.Partner} has had {grant.SessionsPerDay:N0} sessions in 24 hours"
            : today.Evaluations + request.SetSize > grant.EvaluationsPerDay
                ? $"with this set {request.Partner} would have had more than {grant.EvaluationsPerDay:N0} identifiers evaluated in 24 hours" : null;
        return why is null ? null : new OwnersWord.No(FailureCodes.OverBudget, why, $"{party.Name} takes no more of {request.Partner} today");
    }

    private OwnersWord.No Denied(string? reason) => new(FailureCodes.Denied, $"a person here has denied it{(reason is null ? "" : $": {reason}")}",
        $"{party.Name}'s people have denied it{(reason is null ? "" : $": {reason}")}");
}
