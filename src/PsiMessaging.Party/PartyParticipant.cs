using Microsoft.Extensions.Logging;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Data;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Agreement;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Exchange;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Questions.Masked;
using PsiMessaging.Party.Questions.Tokens;
using PsiMessaging.Party.Result;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Party;

/// <summary>
/// A party at work: opens and answers sessions, runs the protocol's rounds, sends the common rows to the linker, asks it questions. The rules of a session are
/// its dataset's; the two parties compare them before anything that depends on data leaves. What is done in which state is listed here; how, in the areas.
/// </summary>
public sealed class PartyParticipant : Participant<PartySession>
{
    private readonly IBatchEvaluator _evaluator;
    private readonly PartyContext _party;
    private readonly QuestionEngines _engines;
    private readonly RowsDesk _rows;
    private readonly Ending _ending;
    private readonly Attempts _attempts;
    private readonly Dictionary<SessionState, IReadOnlyList<ISessionArea<PartySession>>> _areas;

    /// <param name="home">The party's home.</param>
    /// <param name="store">Its state.</param>
    /// <param name="sender">The way out.</param>
    /// <param name="time">Clock.</param>
    /// <param name="log">Log.</param>
    /// <param name="evaluator">Where batches are evaluated, owned by the party from here on; null means on this process's cores.</param>
    /// <param name="openScratch">Makes folders for sorted runs; null means ordinary ones.</param>
    /// <param name="sealing">Seals what leaves; null means as always.</param>
    public PartyParticipant(
        ParticipantHome home, IParticipantStore store, IEnvelopeSender sender, TimeProvider time, ILogger<PartyParticipant> log,
        IBatchEvaluator? evaluator = null, Func<string, ScratchFolder>? openScratch = null, IFrameSealing? sealing = null)
        : base(home, store, sealing, sender, time, log)
    {
        var cores = Cores.CountOf(home.Config.Parallelism);
        _evaluator = evaluator ?? new LocalEvaluator(cores);
        _party = new PartyContext
        {
            Home = home, Services = Services, Datasets = new DatasetCatalog(home, store, time, openScratch),
            Cores = new Cores(cores), Refused = Refused, Log = log,
            Signal = Scheduler.Signal, OnOpened = session => OnChanged(session),
        };
        Memory = new VectorMemory(time, Scheduler.Signal);
        Exchanges = new Exchanges(_party, _evaluator, Memory);
        var (bound, answers, choosing, keys) = (new BoundQuestions(_party), new Answers(_party), new Choosing(_party), new HandshakeKeys(_party));
        var policy = new PolicyDesk(_party);
        _engines = new QuestionEngines([new MaskedQuestions(_party, bound, answers, policy), new TokenQuestions(_party, bound, answers)]);
        _ending = new Ending(_party, Exchanges);
        _rows = new RowsDesk(_party, _engines);
        _attempts = new Attempts(_party, Exchanges, _ending);
        var (opening, questions) = (new Opening(_party, choosing), new QuestionDesk(_party, _engines, bound, answers));
        var commands = new CommandDesk(_party, new Dictionary<Type, CommandHandler>
        {
            [typeof(SendDataset)] = _rows.Allow, [typeof(SubmitQuery)] = questions.Ask, [typeof(CancelSession)] = new Cancelling(_party, _ending).Cancel,
            [typeof(DecideApproval)] = policy.Decide,
        });
        var pending = new PendingApproval(_party);
        var cleaning = new CleaningUp(_party, Exchanges, _engines);
        _areas = new Dictionary<SessionState, IReadOnlyList<ISessionArea<PartySession>>>
        {
            [SessionState.Preparing] = [_ending, commands, new Proposing(_party, keys)],
            [SessionState.Asked] = [_ending, commands, new Answering(_party, keys, choosing, policy)],
            [SessionState.Proposed] = [_ending, commands, pending, new Accepting(_party, keys, choosing)],
            [SessionState.Running] = [_ending, commands, _attempts, new RoundDriver(_party, Exchanges, Memory, new Finishing(_party, Exchanges))],
            [SessionState.Comparing] = [_ending, commands, _attempts, new Comparing(_party)],
            [SessionState.Completed] = [_ending, commands, cleaning, pending, new News(_party, _ending), _rows, questions],
            [SessionState.Failed] = [_ending, commands, cleaning],
        };
        Routes = new RouteTable<PartySession>(
        [
            .. opening.Routes, .. commands.Routes, .. new ExchangeRoutes(_party).Routes, .. News.Routes, .. PendingApproval.Routes,
            .. QuestionDesk.Routes, .. _engines.All.SelectMany(engine => engine.Routes),
            new Route<AbortSession, PartySession>(SenderRole.Party | SenderRole.Linker, Limit.By("one a sender and session"), SlotKinds.Abort)
            {
                Names = message => message.SessionId, BySender = true, Rule = Ending.Admit, Unknown = opening.Overtaken,
            },
            .. NotForAParty(),
        ], PeerBounds.Room);
    }

    private static IEnumerable<Route<PartySession>> NotForAParty() =>
    [
        RouteTable<PartySession>.Never<RegisterDataset>(), RouteTable<PartySession>.Never<DatasetBatch>(), RouteTable<PartySession>.Never<RunQuery>(),
        RouteTable<PartySession>.Never<OpenProduct>(), RouteTable<PartySession>.Never<MaskedRows>(), RouteTable<PartySession>.Never<MaskedCorrection>(),
        RouteTable<PartySession>.Never<ReleaseTables>(),
        RouteTable<PartySession>.Never<CommandReply>(),
    ];

    /// <summary>The party's datasets.</summary>
    public DatasetCatalog Datasets => _party.Datasets;

    /// <summary>Told of every change of a session's document, for progress in the same process.</summary>
    public Action<PartySession> OnChanged { get; set; } = _ => { };

    /// <summary>What is open of sessions' rounds.</summary>
    internal Exchanges Exchanges { get; }

    /// <summary>Who may send what.</summary>
    internal RouteTable<PartySession> Table => Routes;

    /// <summary>Memory of sessions over whole vectors.</summary>
    internal VectorMemory Memory { get; }

    /// <inheritdoc/>
    protected override RouteTable<PartySession> Routes { get; }

    /// <inheritdoc/>
    protected override (TimeSpan Age, int Sessions) Kept => (PeerBounds.FailedAge, PeerBounds.FailedSessions);

    /// <inheritdoc/>
    protected override IReadOnlyList<ISessionArea<PartySession>> AreasOf(PartySession session) => _areas[session.State];

    /// <inheritdoc/>
    protected override void OnCommitting(PartySession session) => OnChanged(session);

    /// <inheritdoc/>
    protected override bool NeedsCleanUp(string state, string folder) =>
        state == nameof(SessionState.Failed) || (state == nameof(SessionState.Completed) && SessionSecrets.Exist(folder));

    /// <inheritdoc/>
    protected override TurnOutcome OnFault(Turn<PartySession> turn, Exception exception)
    {
        var session = turn.Session;
        switch (exception)
        {
            case ProtocolViolationException or ParticipantException or InputException when session.State == SessionState.Completed:
                // The intersection stands; only the sending failed, and a person may try it again.
                return _rows.Fail(turn, exception.Message);
            case RestartException when session.State == SessionState.Running:
                return _attempts.RestartOrFail(turn, exception.Message);
            case ProtocolViolationException violation:
                return _ending.Fail(turn, SessionTrigger.Fault, violation.Code, violation.Message);
            case ParticipantException refusal:
                return _ending.Fail(turn, SessionTrigger.Fault, refusal.Code, refusal.Message, peerReason: refusal.ForPeer);
            case InputException unusable:
                return _ending.Fail(turn, SessionTrigger.Fault, FailureCodes.UnusableDataset, unusable.Message, peerReason: _party.OwnMatter);
            default:
                Log.StepFault(exception, session.Id);
                return Faults.IsPassing(exception) ? AwaitDisk(turn, exception) : GiveUp(turn, exception);
        }
    }

    /// <inheritdoc/>
    protected override void OnTurnFault(string session, Exception exception) => Log.StepFault(exception, session);

    /// <summary>
    /// It may pass, and the session's deadline bounds how often it is tried. What holds vectors in memory may have a hole now and is built again.
    /// </summary>
    private TurnOutcome AwaitDisk(Turn<PartySession> turn, Exception exception)
    {
        var session = turn.Session;
        Exchanges.CloseReplayed(session.Id);
        var warning = $"{Home.Name} cannot use its disk and tries again every second: {PartyContext.Printable(exception.Message)}";
        if (!session.IsEnded && session.Warning != warning)
        {
            turn.Commit(session with { Warning = warning });
        }

        return TurnOutcome.IdleUntil(turn.Now + TimeSpan.FromSeconds(1));
    }

    private TurnOutcome GiveUp(Turn<PartySession> turn, Exception exception)
    {
        var reason = $"{Home.Name} could not go on: {exception.GetType().Name}; its log says more";
        if (turn.Session.State == SessionState.Failed)
        {
            // What it leaves behind is taken away later.
            return TurnOutcome.IdleUntil(turn.Now + TimeSpan.FromMinutes(1));
        }

        return turn.Session.IsEnded ? _rows.Fail(turn, reason) : _ending.Fail(turn, SessionTrigger.Fault, FailureCodes.Internal, reason);
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _engines.DisposeAsync();
        Exchanges.Dispose();
        await _evaluator.DisposeAsync();
        _party.Cores.Dispose();
    }
}
