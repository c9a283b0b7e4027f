using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Privacy;
using PsiMessaging.Party.Questions.History;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.Masked;

/// <summary>The other party's part of a question: decides whether it contributes, and says why not.</summary>
internal sealed class Joining(PartyContext party, BoundQuestions bound, Contributions contributions, Sealing sealing, PolicyDesk policy, NoiseDesk noises,
    HistoryGuard history)
{
    private const int MaximumPad = 100;

    /// <summary>Questions of both parties that may be at work in a session; a peer's beyond them wait.</summary>
    private const int MaximumOpen = 32;

    /// <summary>Takes back a question of the peer's: only who asked does that.</summary>
    public async Task<TurnOutcome> TakeWithdrawalAsync(Turn<PartySession> turn)
    {
        if (turn.Next<WithdrawQuery>(SlotKinds.Withdraw) is not { } waiting)
        {
            return TurnOutcome.Idle;
        }

        var (session, id) = (turn.Session, waiting.Message.QueryId);
        var question = turn.Read(state => QuestionBook.Find(state, id));
        var isTheirs = question is { IsOwn: false } && question.Session == session.Id;
        turn.Commit(isTheirs ? OpenQuestions.Without(turn, id) : session, effects =>
        {
            effects.Finish(waiting.Slot);
            effects.Finish($"{SlotKinds.Ask}/{id}");
            Approval.Forget(effects, session.Id, id);
            if (isTheirs)
            {
                QuestionBook.Delete(effects, question!);
                effects.Audit("peer-question-ended", ("session", session.Id), ("query", id), ("asker", session.Peer),
                    ("code", FailureCodes.Known(waiting.Message.Code)));
                GivingUp.End(effects, session, id, withdraw: null);
            }
        });
        if (isTheirs)
        {
            bound.Forget(session.Id, id);
            await contributions.CloseAsync(session.Id, id);
        }

        return TurnOutcome.Worked;
    }

    /// <summary>Decides on a question of the peer's.</summary>
    public async Task<TurnOutcome> TakeProposalAsync(Turn<PartySession> turn)
    {
        var session = turn.Session;
        if (session.Registration != RegistrationState.Registered || session.PeerColumns is null || session.OpenQueries.Count >= MaximumOpen
            || turn.Next<ProposeQuery>(SlotKinds.Ask) is not { } waiting)
        {
            return TurnOutcome.Idle;
        }

        try
        {
            return await JoinAsync(turn, waiting);
        }
        catch (Exception fault) when (Faults.IsLasting(fault))
        {
            if (turn.Read(state => QuestionBook.Find(state, waiting.Message.QueryId)) is null)
            {
                // Opened just before, and never said; what runs under an id that is used again stays.
                await contributions.CloseAsync(session.Id, waiting.Message.QueryId);
            }

            return Refuse(turn, waiting, fault);
        }
    }

    /// <param name="turn">The turn.</param>
    /// <param name="waiting">The question.</param>
    /// <param name="fault">Why.</param>
    /// <param name="draft">The question, where its refusal says something of the own records: then it counts as an answer does.</param>
    private TurnOutcome Refuse(Turn<PartySession> turn, Waiting<ProposeQuery> waiting, Exception fault, HistoryDraft? draft = null)
    {
        var (session, id) = (turn.Session, waiting.Message.QueryId);
        if (fault is not QueryException)
        {
            party.Log.StepFault(fault, session.Id);
        }

        bound.Forget(session.Id, id);
        var exception = fault as QueryException ?? new QueryException(FailureCodes.Internal, $"{party.Name} could not look at the question; its log says why");
        var body = sealing.Seal(session, id, nameof(RefuseQuery), new QueryRefusal(exception.Message), SealedBodyJson.Default.QueryRefusal);
        return turn.Commit(effects =>
        {
            draft?.Keep(effects);
            effects.Finish(waiting.Slot);
            if (exception.Code != FailureCodes.OverBudget)
            {
                policy.CountQuestion(effects, session, id);
            }

            // Beyond the bounds of a day the log says so once an hour, not once a question.
            if (exception.Code != FailureCodes.OverBudget || policy.CountTurnedAway(effects, session.Peer))
            {
                effects.Audit("peer-asked", waiting.Envelope, ("session", session.Id), ("query", id), ("asker", session.Peer), ("outcome", exception.Code));
            }

            if (exception.Earlier is { } earlier)
            {
                effects.Audit("history-refused", ("session", session.Id), ("query", id), ("asker", session.Peer), ("earlier", earlier));
            }

            Approval.Forget(effects, session.Id, id);
            effects.Send(session.Peer, new RefuseQuery(session.Id, session.Transcript, id, exception.Code, session.PeerMaskCounter), body);
        });
    }

    private async Task<TurnOutcome> JoinAsync(Turn<PartySession> turn, Waiting<ProposeQuery> waiting)
    {
        var (session, proposal) = (turn.Session, waiting.Message);
        var asked = Read(turn, waiting);
        var query = bound.Of(session, proposal.QueryId, asked.Text);
        RequireShape(session, asked, query);
        switch (turn.Read(state => policy.OnQuestion(state, session, proposal.QueryId, asked.Text, query)))
        {
            case OwnersWord.Ask { Why: var why }:
                return policy.PutBefore(turn, new Approval
                {
                    Session = session.Id, Query = proposal.QueryId, Partner = session.Peer, Question = asked.Text, Why = why, AskedAt = turn.Now,
                    DeadlineAt = turn.Now.AddSeconds(proposal.DeadlineSeconds),
                });
            case OwnersWord.No no:
                throw new QueryException(no.Code, no.ForPeer);
        }

        var noise = noises.On(session.Dataset, query);
        if (noise is not null)
        {
            NoiseRule.Require(query, party.Name, session.MinCell, noise.Terms);
        }

        HistoryDraft? draft = null;
        var account = noise is { Law: not NoiseKind.CellKey } ? noise : null;
        var matrix = await contributions.MatrixOfAsync(session, proposal.QueryId, asked.Text, peer: null, hasEveryClass: account is not null);
        if (session.MinCell > 1)
        {
            RequireOffer(session);
            RequireAnnounced(session, query, asked);

            // Before anything that depends on the own records is said: of two refusals one is on the other side of the minimum.
            draft = await history.OnPeersAsync(turn, proposal.QueryId, query, matrix, asked.Announced!.Groups);
            if (account is null && QuestionRule.Fault(matrix.Announced, query, party.Name, session.MinCell, isAsker: false) is { } few)
            {
                return RefuseByOwn(turn, waiting, few, draft);
            }
        }

        var dominance = noise is null && PartyPolicy.Load(party.Home).Dominance.TryGetValue(session.Dataset!, out var rules)
            ? await rules.OnAsync(query, party.Name, matrix, session.MinCell) : null;
        var question = QuestionOf(turn, proposal, asked, matrix, noise?.Terms, new OwnerTerms(dominance, matrix.HeldByFew));
        RequireRoom(session, question);

        // Last of all: what is spent is spent.
        var spent = account is null ? null : noises.Spend(session.Dataset!, question, account);
        return await ContributeAsync(turn, waiting, question, query, matrix, draft, spent);
    }

    private static Question QuestionOf(
        Turn<PartySession> turn, ProposeQuery proposal, QueryProposal asked, PartyMatrix matrix, NoiseTerms? noise, OwnerTerms owner)
    {
        var session = turn.Session;
        var sides = session.MinCell == 1 ? null : new ReleaseSides(session.Peer, asked.Announced!.Groups, asked.Announced.Levels, asked.Release!,
            matrix.TwoValued, ReleaseSides.MissingOf(matrix.GroupLabels));
        return new Question(QuestionState.Contributing)
        {
            Id = proposal.QueryId, Session = session.Id, Asker = session.Peer, Text = asked.Text, AskedAt = turn.Now,
            Masked = new MaskedQuestion(proposal.Counter, asked.Pad, turn.Now.AddSeconds(proposal.DeadlineSeconds), matrix.Shape, asked.Shape, Sides: sides,
                Noise: noise, Owner: owner),
        };
    }

    private async Task<TurnOutcome> ContributeAsync(
        Turn<PartySession> turn, Waiting<ProposeQuery> waiting, Question question, BoundQuery query, PartyMatrix matrix, HistoryDraft? draft,
        NoiseSpending? spent)
    {
        var session = turn.Session;
        await contributions.OpenAsync(session, question, matrix);
        var keyed = question.Masked!.Noise is { Law: NoiseKind.CellKey } ? contributions.CellKeys.NameOf(session.Dataset!) : null;
        var labels = matrix.Labels with { Noise = question.Masked.Noise, Dominance = question.Masked.Owner?.Dominance?.Columns };
        var body = sealing.Seal(session, question.Id, nameof(AcceptQuery), labels, SealedBodyJson.Default.PartyLabels);
        try
        {
            return turn.Commit((session with { PeerMaskCounter = waiting.Message.Counter }).With(question), effects =>
            {
                PolicyDesk.RequireStill(policy.OnQuestion(effects.State, session, question.Id, question.Text, query));
                policy.CountQuestion(effects, session, question.Id);
                draft?.Keep(effects);
                Approval.Forget(effects, session.Id, question.Id);
                effects.Finish(waiting.Slot);
                QuestionBook.Put(effects, question);
                effects.Audit("peer-asked", waiting.Envelope, ("session", session.Id), ("query", question.Id),
                    ("asker", session.Peer), ("text", question.Text), ("outcome", "contributed"));
                if (spent is not null)
                {
                    effects.Audit("noise-spent", ("session", session.Id), ("query", question.Id), ("dataset", session.Dataset),
                        ("rho", spent.Cost.ToString()), ("left", spent.Left.ToString()));
                }

                if (keyed is not null)
                {
                    effects.Audit("cell-keys-used", ("session", session.Id), ("query", question.Id), ("dataset", session.Dataset), ("keys", keyed));
                }

                effects.Send(session.Peer, new AcceptQuery(session.Id, session.Transcript, question.Id), body);
            });
        }
        catch (PolicyDesk.SupersededException)
        {
            // A question of another session was quicker: it took what the day had left, or this one was not held against it. The next turn says so.
            await contributions.CloseAsync(session.Id, question.Id);
            return TurnOutcome.Worked;
        }
    }

    private static void RequireOffer(PartySession session)
    {
        if (session.ReleaseOffer is null)
        {
            throw new QueryException(FailureCodes.WrongState, "this session was registered by an earlier version, whose answers the asking party withheld by "
                + "itself; open another session");
        }
    }

    /// <summary>Whether what the answer would open is small enough to be decided about; said before anything is contributed.</summary>
    private void RequireRoom(PartySession session, Question question)
    {
        var (plan, masks) = contributions.PlanOf(session, question);
        masks.Dispose();
        try
        {
            if (contributions.ReleaseOf(session, question, plan) is { } release)
            {
                ReleaseCircuit.Of(release.Program);
            }
        }
        catch (InvalidDataException exception)
        {
            throw new QueryException(QueryException.TooManyGroups, exception.Message);
        }
    }

    private QueryProposal Read(Turn<PartySession> turn, Waiting<ProposeQuery> waiting)
    {
        var (session, proposal) = (turn.Session, waiting.Message);
        Sealing.RequireTranscript(session, proposal.Transcript);
        if (turn.Read(state => QuestionBook.Find(state, proposal.QueryId)) is not null)
        {
            throw new QueryException(FailureCodes.Malformed, "a question under this id is known already");
        }

        if (proposal.Counter <= session.PeerMaskCounter)
        {
            throw new QueryException(FailureCodes.MaskCounter, $"the mask counter went backwards: {session.Peer} asks under {proposal.Counter} "
                + $"where {session.PeerMaskCounter} was seen; was its home restored from an older copy?");
        }

        var asked = sealing.Unseal(session, proposal.QueryId, nameof(ProposeQuery), waiting.Envelope.Body, SealedBodyJson.Default.QueryProposal);
        return asked.Text is not null ? asked : throw new QueryException(FailureCodes.Malformed, "the question has no text");
    }

    private static void RequireShape(PartySession session, QueryProposal asked, BoundQuery query)
    {
        if (asked.Pad is < 1 or > MaximumPad || asked.Shape?.Levels is null || asked.Shape.Groups is < 1 or > PartyMatrix.MaximumGroups
            || asked.Shape.Levels.Any(count => count is < 0 or > PartyMatrix.MaximumGroups)
            || asked.Shape.Levels.Count != query.Terms.Count(term => term.Grouping is not null && term.Column.Party == session.Peer))
        {
            throw new QueryException(FailureCodes.Malformed, "the question's shape cannot be");
        }
    }

    /// <summary>
    /// Whether what the asking party announces of its own side can be, and singles out nobody.
    /// </summary>
    /// <param name="session">The session.</param>
    /// <param name="query">The question.</param>
    /// <param name="asked">What the asking party says.</param>
    private void RequireAnnounced(PartySession session, BoundQuery query, QueryProposal asked)
    {
        if (QuestionRule.Malformed(asked.Announced, query, session.Peer, party.Name, asked.Shape, session.IntersectionSize!.Value) is { } unknown)
        {
            throw new QueryException(QueryException.BelowMinimum, $"the question cannot be checked against the minimum cell size, and is refused: {unknown}");
        }

        if (QuestionRule.Malformed(asked.Release, asked.Announced!, query, session.Peer, asked.Shape) is { } unsaid)
        {
            throw new QueryException(QueryException.BelowMinimum, $"the question cannot be checked against the minimum cell size, and is refused: {unsaid}");
        }

        if (QuestionRule.Fault(asked.Announced!, query, session.Peer, session.MinCell, isAsker: true) is { } fault)
        {
            throw new QueryException(QueryException.BelowMinimum, fault);
        }
    }

    /// <summary>Refuses for what the own records are. The question is entered: a refusal that depends on them is an answer.</summary>
    private TurnOutcome RefuseByOwn(Turn<PartySession> turn, Waiting<ProposeQuery> waiting, string why, HistoryDraft? draft)
    {
        try
        {
            return Refuse(turn, waiting, new QueryException(QueryException.BelowMinimum, why), draft);
        }
        catch (PolicyDesk.SupersededException)
        {
            // A question of another session was quicker, and this one was not held against it. The next turn does.
            return TurnOutcome.Worked;
        }
    }
}
