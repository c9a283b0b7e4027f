using PsiMessaging.Contracts.V1;
using PsiMessaging.InProcess;
using PsiMessaging.Messaging;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Cli.Simulation;

/// <summary>What the sessions of one run share.</summary>
/// <param name="Request">What to simulate.</param>
/// <param name="Cluster">The participants, at work.</param>
/// <param name="Bus">The bus, for commands.</param>
/// <param name="Watch">Follows the sessions at both parties.</param>
/// <param name="Time">Clock.</param>
/// <param name="Progress">Told how far it is.</param>
internal sealed record SimulationStage(
    SimulationRequest Request, LocalCluster Cluster, MessageBus Bus, SessionWatch Watch, TimeProvider Time, Action<SimulationProgress> Progress);

/// <summary>One session of a run under one engine, driven by the commands a person would give.</summary>
/// <param name="stage">Where it runs.</param>
/// <param name="engine">Who computes the answers.</param>
/// <param name="phases">Where its phases are put, one after the other.</param>
internal sealed class SimulatedSession(SimulationStage stage, QueryEngine engine, ICollection<PhaseReport> phases)
{
    private static readonly TimeSpan CommandPatience = TimeSpan.FromDays(1);
    private string _id = "";

    /// <summary>Finds the common records; returns the session as P1 and as P2 hold it.</summary>
    /// <exception cref="SimulationException">The session was refused, or failed.</exception>
    public async Task<(PartySession Own, PartySession Peer)> IntersectAsync(CancellationToken cancellation)
    {
        var request = stage.Request;
        var reply = await CommandAsync(stage.Cluster.P1.Home, null, new StartSession
        {
            Peer = stage.Cluster.P2.Name,
            Dataset = SimulationInputs.DatasetName,
            Protocol = request.Protocol?.Name ?? PsiProtocols.Auto,
            Security = WireNames.NameOf(request.Security),
            Engine = WireNames.NameOf(engine),
            Reveal = WireNames.NameOf(request.Reveal),
            RsaBits = request.RsaBits,
            Reuse = request.Reuse,
            DeadlineSeconds = request.DeadlineSeconds,
        }, cancellation);
        if (!reply.Ok)
        {
            throw new SimulationException(reply.Message ?? "the session was refused");
        }

        _id = reply.SessionId!;
        var sessions = await stage.Watch.WaitAsync(session => session.Id == _id && session.IsEnded, cancellation);
        if (Array.Find(sessions, session => session.State == SessionState.Failed) is { } failed)
        {
            throw new SimulationException(failed.FailureReason ?? "the session failed");
        }

        foreach (var (name, seconds, endedAt) in sessions[0].Phases())
        {
            phases.Add(PhaseReport.Of(name, seconds, endedAt));
        }

        return (sessions[0], sessions[1]);
    }

    /// <summary>Has both parties send their common rows to the linker, and waits until both know that all are there.</summary>
    /// <exception cref="SimulationException">A party or the linker refused.</exception>
    public async Task SendRowsAsync(CancellationToken cancellation)
    {
        stage.Progress(new SimulationProgress("send", 0));
        var start = stage.Time.GetTimestamp();
        foreach (var party in stage.Cluster.Parties)
        {
            var reply = await CommandAsync(party.Home, _id, new SendDataset(_id), cancellation);
            if (!reply.Ok)
            {
                throw new SimulationException(reply.Message ?? "sending was refused");
            }
        }

        var sessions = await stage.Watch.WaitAsync(session => SessionWatch.HasFailed(session) || AllSent(session), cancellation);
        if (Array.Find(sessions, SessionWatch.HasFailed) is { } failed)
        {
            throw new SimulationException(failed.FailureReason ?? "the session failed");
        }

        phases.Add(PhaseReport.Of("send", stage.Time.GetElapsedTime(start).TotalSeconds, stage.Time.GetUtcNow()));
    }

    /// <summary>Asks one question from P1: the answer, or why there is none.</summary>
    public async Task<(QueryResult? Answer, string? Refusal)> AskAsync(string text, CancellationToken cancellation)
    {
        var request = stage.Request;
        var query = new SubmitQuery(_id, text, request.DeadlineSeconds, request.Pad == 1 ? null : request.Pad);
        var reply = await CommandAsync(stage.Cluster.P1.Home, _id, query, cancellation);
        return (reply.Ok ? stage.Cluster.P1.Engine!.Store.Read(state => QuestionBook.FindAnswer(state, reply.QueryId!)) : null, reply.Message);
    }

    /// <summary>What the linker saw of the session, line by line.</summary>
    /// <param name="view">What reached it.</param>
    /// <param name="scratch">Folder for files to look into.</param>
    public IReadOnlyList<string> Describe(LinkerView view, string scratch) => view.Describe(_id, stage.Cluster.Linker.Home.SessionPath(_id), scratch);

    private bool AllSent(PartySession session) =>
        session.Id == _id && session is { Registration: RegistrationState.Registered, PeerRegistered: true, PeerColumns: not null };

    private Task<CommandReply> CommandAsync(ParticipantHome home, string? session, object command, CancellationToken cancellation) =>
        new CommandClient(home, stage.Bus, stage.Time).SendAsync(session, command, CommandPatience, cancellation);
}
