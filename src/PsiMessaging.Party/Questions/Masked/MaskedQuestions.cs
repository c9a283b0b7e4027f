using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Privacy;
using PsiMessaging.Party.Questions.History;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.Masked;

/// <summary>
/// Engine <c>masked</c> at a party: questions to which both contribute masked matrices (docs/masked.md). One own question of a session is at work at a time, so
/// that mask counters reach the peer in order.
/// </summary>
internal sealed class MaskedQuestions : IQuestionEngine
{
    /// <summary>Highest mask counter: a peer that reports a higher one is not believed.</summary>
    private const long MaximumCounter = 1L << 40;

    /// <summary>Questions of a peer that may wait in a session.</summary>
    private const int MostWaiting = 16;

    private readonly PartyContext _party;
    private readonly BoundQuestions _bound;
    private readonly Contributions _contributions;
    private readonly StandingReady _ready;
    private readonly GivingUp _givingUp;
    private readonly Asking _asking;
    private readonly Joining _joining;
    private readonly Releasing _releasing;

    public MaskedQuestions(PartyContext party, BoundQuestions bound, Answers answers, PolicyDesk policy)
    {
        (_party, _bound, _contributions, _ready) = (party, bound, new Contributions(party, bound), new StandingReady(party));
        var (sealing, history) = (new Sealing(party), new HistoryGuard(party));
        _givingUp = new GivingUp(party, bound, _contributions, answers);
        _asking = new Asking(party, bound, _contributions, sealing, _givingUp, answers, history);
        var noises = new NoiseDesk(party);
        _joining = new Joining(party, bound, _contributions, sealing, policy, noises, history);
        _releasing = new Releasing(party, bound, _contributions, sealing, _givingUp, noises);
    }

    /// <inheritdoc/>
    public QueryEngine Engine => QueryEngine.Masked;

    /// <inheritdoc/>
    public IEnumerable<Route<PartySession>> Routes =>
    [
        About<ProposeQuery>(SlotKinds.Ask, Limit.Few(MostWaiting), message => message.SessionId, message => message.QueryId, arrival =>
            ParticipantNames.IsId(arrival.Message.QueryId) && arrival.Message.Counter is > 0 and <= MaximumCounter
            && arrival.Message.DeadlineSeconds is >= 1 and <= PartyContext.MaximumDeadlineSeconds),
        About<AcceptQuery>(SlotKinds.AskedBack, Limit.By("one an own question"), message => message.SessionId, message => message.QueryId, arrival =>
            IsProposed(arrival.State, arrival.Session!, arrival.Message.QueryId)),
        About<RefuseQuery>(SlotKinds.AskedBack, Limit.By("one an own question"), message => message.SessionId, message => message.QueryId, arrival =>
            IsProposed(arrival.State, arrival.Session!, arrival.Message.QueryId) && arrival.Message.HighestCounter is >= 0 and <= MaximumCounter),
        SessionRoutes.FromLinker<ReleaseTransfer>(SlotKinds.Transfer, Limit.By("one a question of the peer's"), message => message.SessionId,
            message => message.QueryId, arrival => IsReleasing(arrival.State, arrival.Session!, arrival.Message.QueryId) ? Admission.Store
                : SessionRoutes.Unwanted(arrival)),
        About<WithdrawQuery>(SlotKinds.Withdraw, Limit.Few(MostWaiting), message => message.SessionId, message => message.QueryId, arrival =>
            ParticipantNames.IsId(arrival.Message.QueryId) && arrival.Envelope.Body.Length == 0),
    ];

    /// <inheritdoc/>
    public string NotReady(string who) => $"questions are not yet allowed by {who}; each party allows them at its own home";

    /// <inheritdoc/>
    public Task<TurnOutcome> SendRowsAsync(Turn<PartySession> turn) => _ready.StandAsync(turn);

    /// <inheritdoc/>
    public TurnOutcome Begin(Turn<PartySession> turn, Question question, BoundQuery asked, SubmitQuery query, Action<Effects> follow) =>
        _asking.Begin(turn, question, query, follow);

    /// <inheritdoc/>
    public Question? OpenAnswer(PartySession session, Question question, Waiting<object> answer) => _asking.OpenProduct(session, question, answer);

    /// <inheritdoc/>
    public PartySession Without(Turn<PartySession> turn, string id) => OpenQuestions.Without(turn, id);

    /// <inheritdoc/>
    public void End(Effects effects, PartySession session, string id, bool withdraw) =>
        GivingUp.End(effects, session, id, withdraw ? FailureCodes.Cancelled : null);

    /// <inheritdoc/>
    public async Task<TurnOutcome> StepAsync(Turn<PartySession> turn)
    {
        var open = OpenQuestions.Of(turn);
        if (open.FirstOrDefault(entry => entry.Question is null) is { Id: { } old })
        {
            return await _givingUp.DropAsync(turn, old);
        }

        if (await _givingUp.ExpireAsync(turn, open) is { } expired)
        {
            return expired;
        }

        if (await _joining.TakeWithdrawalAsync(turn) is { HasWorked: true } withdrawn)
        {
            return withdrawn;
        }

        if (await _joining.TakeProposalAsync(turn) is { HasWorked: true } joined)
        {
            return joined;
        }

        var isOneRunning = open.Any(entry =>
            entry.Question is { IsOwn: true, State: QuestionState.Proposed or QuestionState.Contributing or QuestionState.Contributed });
        foreach (var (_, question) in open)
        {
            if (await AdvanceAsync(turn, question!, isOneRunning) is { HasWorked: true } advanced)
            {
                return advanced;
            }
        }

        return TurnOutcome.Idle;
    }

    private async Task<TurnOutcome> AdvanceAsync(Turn<PartySession> turn, Question question, bool isOneRunning)
    {
        try
        {
            return question.State switch
            {
                QuestionState.Preparing when !isOneRunning => await _asking.ProposeAsync(turn, question),
                QuestionState.Proposed => await _asking.TakeReplyAsync(turn, question),
                QuestionState.Contributing => await _contributions.ContributeAsync(turn, question),
                QuestionState.Contributed when !question.IsOwn => await _releasing.StepAsync(turn, question),
                _ => TurnOutcome.Idle,
            };
        }
        catch (QueryException exception)
        {
            return await _givingUp.GiveUpAsync(turn, question, exception.Code, exception.Message, tellPeer: question.State != QuestionState.Preparing);
        }
        catch (Exception exception) when (Faults.IsLasting(exception))
        {
            // A question fails alone.
            _party.Log.StepFault(exception, turn.Session.Id);
            return await _givingUp.GiveUpAsync(turn, question, FailureCodes.Internal,
                $"{_party.Name} could not go on: {exception.GetType().Name}; its log says more",
                tellPeer: question.State != QuestionState.Preparing);
        }
    }

    /// <inheritdoc/>
    public ValueTask CloseAsync(string session, string id) => _contributions.CloseAsync(session, id);

    /// <inheritdoc/>
    public ValueTask CloseAsync(string session)
    {
        _bound.Forget(session);
        _releasing.Close(session);
        return _contributions.CloseAsync(session);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _contributions.DisposeAsync();

    private static Route<PartySession> About<TMessage>(
        string kind, Limit limit, Func<TMessage, string> session, Func<TMessage, string> question, Func<Arrival<TMessage, PartySession>, bool> isFit) =>
        SessionRoutes.FromPeer(kind, limit, session, question, arrival => arrival.Session!.Engine == QueryEngine.Masked && isFit(arrival) ? Admission.Store
            : Admission.Refuse($"{arrival.From} sent a {arrival.Envelope.Header.Type} message out of range, or more questions than may wait"));

    /// <summary>Whether a question of the peer's waits for the linker's part of its release.</summary>
    private static bool IsReleasing(IStoreReader state, PartySession session, string id) =>
        session.OpenQueries.Contains(id) && QuestionBook.Find(state, id) is { IsOwn: false, State: QuestionState.Contributed } question
            && question.Session == session.Id;

    /// <summary>Whether an own question waits for the peer's word. The peer's own questions take no answer from it.</summary>
    private static bool IsProposed(IStoreReader state, PartySession session, string id) =>
        session.OpenQueries.Contains(id) && QuestionBook.Find(state, id) is { IsOwn: true, State: QuestionState.Proposed } question
            && question.Session == session.Id;
}
