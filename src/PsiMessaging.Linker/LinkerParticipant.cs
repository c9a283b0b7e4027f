using Microsoft.Extensions.Logging;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Linker.Engines;
using PsiMessaging.Linker.Engines.Masked;
using PsiMessaging.Linker.Engines.Tokens;
using PsiMessaging.Linker.Registering;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker;

/// <summary>The linker at work: puts its parts together. It never has a key; what it sees is each engine's to say.</summary>
public sealed class LinkerParticipant : Participant<LinkSession>
{
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(1);

    private readonly LinkerContext _linker;
    private readonly ILinkerEngine[] _engines;
    private readonly Ending _ending;
    private readonly Registrations _registrations;

    /// <param name="home">Own home.</param>
    /// <param name="store">Own state.</param>
    /// <param name="sender">The way out.</param>
    /// <param name="time">Clock.</param>
    /// <param name="log">Log.</param>
    /// <param name="sealing">Seals what leaves; null means as always.</param>
    public LinkerParticipant(ParticipantHome home, IParticipantStore store, IEnvelopeSender sender, TimeProvider time, ILogger<LinkerParticipant> log,
        IFrameSealing? sealing = null)
        : base(home, store, sealing, sender, time, log)
    {
        _linker = new LinkerContext(home, Services, log);
        var masked = new MaskedEngine(_linker);
        _engines = [new TokensEngine(_linker), masked];
        _ending = new Ending(_linker, _engines);
        _registrations = new Registrations(_linker, _ending, _engines);
        Routes = new LinkerRoutes(new SessionOpening(_linker), masked.Rows.TakeStraight).Create();
    }

    /// <inheritdoc/>
    protected override RouteTable<LinkSession> Routes { get; }

    /// <inheritdoc/>
    protected override (TimeSpan Age, int Sessions) Kept => (PartyBounds.EndedAge, PartyBounds.EndedSessions);

    /// <inheritdoc/>
    protected override IReadOnlyList<ISessionArea<LinkSession>> AreasOf(LinkSession session) =>
        [_ending, _registrations, .. _engines.SelectMany(engine => engine.AreasOf(session))];

    /// <inheritdoc/>
    protected override bool NeedsCleanUp(string state, string folder) => state is nameof(LinkState.Deleted) or nameof(LinkState.Failed);

    /// <inheritdoc/>
    protected override TurnOutcome OnFault(Turn<LinkSession> turn, Exception exception)
    {
        var fault = exception switch
        {
            InvalidDataException => new Fault(FailureCodes.BadBatch, exception.Message),
            ParticipantException known => new Fault(known.Code, known.ForPeer),
            _ => null,
        };
        if (fault is null || turn.Session.Ended)
        {
            _linker.Log.StepFault(exception, turn.Session.Id);
        }

        return turn.Session.Ended || (fault is null && Faults.IsPassing(exception)) ? TurnOutcome.IdleUntil(turn.Now + AfterFault)
            : _ending.FailNow(turn, fault ?? new Fault(FailureCodes.Internal, $"{Home.Name} could not go on: {exception.GetType().Name}; its log says more"));
    }

    /// <inheritdoc/>
    protected override void OnTurnFault(string session, Exception exception) => _linker.Log.StepFault(exception, session);
}
