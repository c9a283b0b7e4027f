using System.CommandLine;
using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.Cli.Output;
using PsiMessaging.Cli.Simulation;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Messaging;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Result;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Storage;
using PsiMessaging.WorkerHost;

namespace PsiMessaging.Cli.Commands;

/// <summary>A session as people and <c>--json</c> see it.</summary>
internal sealed record SessionView(
    string Session, string State, string Peer, string Linker, string? Dataset,
    string Protocol, string Reveal, string Engine, DateTimeOffset CreatedAt, double Progress,
    int OwnIdentifiers, int PeerIdentifiers, int? Intersection, string? IntersectionFile, int MinCell, string OwnRows, string PeerRows,
    IReadOnlyDictionary<string, double> Phases, string? FailureCode, string? FailureReason, string? KeyWarning = null, string? OwnIntersectionFile = null);

/// <summary>
/// <c>psi intersect</c>, <c>send</c>, <c>query</c>, <c>sessions</c>, <c>status</c>, <c>cancel</c>: messages to the own worker, and a look at its state.
/// </summary>
internal static class SessionCommands
{
    private static readonly TimeSpan BrokerPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(200);

    private static readonly Option<int> Patience = PsiRootCommand.Number("--timeout", "Seconds to wait for the worker's answer", 60, 1, 86_400);

    /// <summary>CSV for programs that join by the labels.</summary>
    public static readonly Option<bool> RawLabels = new("--raw-labels")
        { Description = "CSV: leave labels as they are in the data; without it, none can act as a spreadsheet formula or carries control characters" };

    private static Argument<string> SessionArgument() => new("SESSION") { Description = "Session id, or enough of its beginning to be the only one" };

    public static Command Intersect()
    {
        var session = new SessionOptions();
        var with = new Option<string>("--with") { Description = "The other party", Required = true, HelpName = "PARTY" };
        var dataset = new Option<string>("--dataset") { Description = "Own dataset", Required = true, HelpName = "NAME" };
        var peerDataset = new Option<string?>("--peer-dataset") { Description = "The other party's dataset (default: its only one)", HelpName = "NAME" };
        var linker = new Option<string?>("--linker") { Description = "Linker (default: the only one pinned)", HelpName = "NAME" };
        var wait = new Option<bool>("--wait") { Description = "Wait until both parties have the intersection" };
        var deadline = PsiRootCommand.Number("--deadline", "Seconds until the session gives up", 24 * 3600, 1, 30 * 24 * 3600);
        var command = new Command("intersect",
            "Find the records in common with another party") { with, dataset, peerDataset, linker, wait, deadline, Patience };
        session.AddTo(command);
        return command.Do((parsed, cancellation) => WithWorkerAsync(parsed, async (home, store, client) =>
        {
            var reply = await client.SendAsync(null, new StartSession
            {
                Peer = parsed.GetValue(with)!,
                Linker = parsed.GetValue(linker),
                Dataset = parsed.GetValue(dataset)!,
                PeerDataset = parsed.GetValue(peerDataset),
                Protocol = parsed.GetValue(session.Protocol)!,
                Security = WireNames.NameOf(session.SecurityOf(parsed)),
                Engine = parsed.GetValue(session.Engine)!,
                Reveal = WireNames.NameOf(session.RevealOf(parsed, home.Name, parsed.GetValue(with)!)),
                RsaBits = parsed.GetValue(session.RsaBits),
                Reuse = parsed.GetValue(session.Reuse),
                MinCell = parsed.GetValue(session.MinCell),
                DeadlineSeconds = parsed.GetValue(deadline),
            }, TimeSpan.FromSeconds(parsed.GetValue(Patience)), cancellation);
            var id = Require(reply).SessionId!;
            if (!parsed.GetValue(PsiRootCommand.Json))
            {
                Console.Out.WriteLine($"Session {id}");
            }

            if (parsed.GetValue(wait))
            {
                if (!parsed.GetValue(PsiRootCommand.Json))
                {
                    Console.Out.WriteLine($"Waiting for {parsed.GetValue(with)}; the session goes on without this command, see: psi status {id[..8]}");
                }

                var ended = await WaitAsync(store, id, candidate => candidate.IsEnded, cancellation);
                if (ended.State == SessionState.Failed)
                {
                    throw new ParticipantException(ended.FailureCode!, $"the session failed: {ended.FailureReason}");
                }
            }

            Report(parsed, home, store, id, () =>
            {
                var current = Load(store, id);
                if (!PsiProtocols.IsAuto(current.Protocol))
                {
                    Console.Out.WriteLine($"protocol {ProtocolText(current)}");
                }

                Console.Out.WriteLine(current.State == SessionState.Completed ? ResultText(home, current)
                    : $"proposed to {current.Peer}; follow it with: psi status {id[..8]}");
            });
        }, cancellation));
    }

    /// <summary>The protocol, its options, and why it was chosen where nobody asked for it.</summary>
    private static string ProtocolText(PartySession session) =>
        $"{session.Protocol}{(session.RsaBits == 0 ? "" : $", {session.RsaBits} bits")}{(session.Reuse ? ", reusable set" : "")}"
            + $"{(WireNames.NameOf(session.Security) is { } model ? $", {model} (not reviewed)" : "")}"
            + $"{(session.ChosenBecause is null ? "" : $" (auto: {session.ChosenBecause})")}";

    public static Command Send()
    {
        var argument = SessionArgument();
        return new Command("send", "Allow questions about the common rows; with engine tokens, send them encrypted to the linker")
        {
            argument,
            Patience
        }.Do((parsed, cancellation) => WithWorkerAsync(parsed, async (home, store, client) =>
        {
            var id = Resolve(home, store, parsed.GetValue(argument)!);
            Require(await client.SendAsync(id, new SendDataset(id), TimeSpan.FromSeconds(parsed.GetValue(Patience)), cancellation));
            var sent = await WaitAsync(store, id, candidate => candidate.State == SessionState.Failed || candidate.Registration == RegistrationState.Registered
                || candidate.Registration == RegistrationState.Refused, cancellation, TimeSpan.FromSeconds(parsed.GetValue(Patience)));
            if (sent.Registration != RegistrationState.Registered || sent.State == SessionState.Failed)
            {
                throw new ParticipantException(sent.FailureCode ?? FailureCodes.UnusableDataset, $"the rows were not sent: {sent.FailureReason}");
            }

            Report(parsed, home, store, id, () => Console.Out.WriteLine(
                sent.Engine == QueryEngine.Masked
                    ? $"{home.Name} answers questions about the {sent.IntersectionSize:N0} common records by {sent.OwnColumns!.Count} columns: "
                        + $"{string.Join(", ", sent.OwnColumns.Select(column => $"{column.Name} {column.Type}"))}; {sent.Linker} knows their number and gets "
                        + "masked rows with each question"
                    : $"{sent.Linker} has the {sent.IntersectionSize:N0} rows of {home.Name}, encrypted, with {sent.OwnColumns!.Count} columns: "
                        + $"{string.Join(", ", sent.OwnColumns.Select(column => column.Name))}"));
        }, cancellation));
    }

    public static Command Query()
    {
        var argument = SessionArgument();
        var text = new Argument<string>("QUERY")
            { Description = "Columns of either party to count by, or measures: \"mean(INCOME) by SEX where AGE >= 18\" (docs/analytics.md; JSON too)" };
        var form = new AnswerOptions();
        var pad = PsiRootCommand.Number("--pad", "Engine masked: round the numbers of columns the linker sees up to a multiple of this", 1, 1, 100);
        var deadline = PsiRootCommand.Number("--deadline", "Engine masked: seconds until the question is given up", 600, 1, 30 * 24 * 3600);
        var command = new Command("query", "Ask about the common records") { argument, text, pad, deadline, Patience };
        form.AddTo(command);
        return command.Do((parsed, cancellation) => WithWorkerAsync(parsed, async (home, store, client) =>
        {
            var id = Resolve(home, store, parsed.GetValue(argument)!);
            form.Check(parsed);
            var wait = Math.Max(parsed.GetValue(Patience), Load(store, id).Engine == QueryEngine.Masked ? parsed.GetValue(deadline) + 10 : 0);
            var reply = Require(await client.SendAsync(id, new SubmitQuery(id, parsed.GetValue(text)!, parsed.GetValue(deadline), parsed.GetValue(pad)),
                TimeSpan.FromSeconds(wait), cancellation));
            var result = store.Read(transaction => QuestionBook.FindAnswer(transaction, reply.QueryId!))!;
            await form.WriteAsync(parsed, result);
        }, cancellation));
    }

    public static Command Sessions() => new Command("sessions", "All sessions of this party").Do((parsed, _) => WithStoreAsync(parsed, (home, store) =>
    {
        var sessions = store.Read(transaction => transaction.ListSessions()).Select(PartySession.Parse).ToArray();
        if (parsed.GetValue(PsiRootCommand.Json))
        {
            Terminal.Json([.. sessions.Select(session => View(home, session))], OutputJson.Plain.ListSessionView);
        }
        else if (sessions.Length == 0)
        {
            Console.Out.WriteLine($"{home.Name} has no sessions yet; open one with: psi intersect --with PARTY --dataset NAME");
        }
        else
        {
            Terminal.Table(["session", "with", "state", "common", "own rows", "peer's rows", "opened (UTC)"], sessions.Select(session => (IReadOnlyList<string>)
            [
                session.Id[..8], session.Peer, StateText(session), session.IntersectionSize?.ToString("N0") ?? "",
                session.State == SessionState.Failed ? "" : RowsText(session, session.Registration),
                session.State == SessionState.Failed ? "" : RowsText(session, session.PeerRegistered ? RegistrationState.Registered : RegistrationState.None),
                session.CreatedAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss"),
            ]), 3);
        }
    }));

    public static Command Status()
    {
        var argument = SessionArgument();
        return new Command("status", "One session in detail") { argument }.Do((parsed, _) => WithStoreAsync(parsed, (home, store) =>
        {
            var session = Load(store, Resolve(home, store, parsed.GetValue(argument)!));
            Report(parsed, home, store, session.Id, () =>
            {
                List<IReadOnlyList<string>> rows =
                [
                    ["session", session.Id],
                    ["state", StateText(session)],
                    ["with", $"{session.Peer}, linker {session.Linker}"],
                    ["dataset", session.Dataset ?? ""],
                    ["protocol", $"{ProtocolText(session)}; engine {WireNames.NameOf(session.Engine)}; minimum cell size {session.MinCell}"],
                    ["result to", RevealText(session)],
                    ["identifiers",
                        $"{session.OwnDistinct:N0} here, {(session.PeerDistinct == 0 ? "not known yet" : session.PeerDistinct.ToString("N0"))} at "
                            + $"{session.Peer}"],
                ];
                if (session.State == SessionState.Completed)
                {
                    rows.Add(["in common", session.IntersectionSize?.ToString("N0") ?? "known to the peer alone"]);
                    if (HasFile(session))
                    {
                        rows.Add(["file", FileOf(home, session)]);
                        rows.Add(["own rows", OwnFileOf(home, session)]);
                    }

                    rows.Add(["rows",
                        $"{home.Name}: {RowsText(session, session.Registration)}; {session.Peer}: "
                            + $"{RowsText(session, session.PeerRegistered ? RegistrationState.Registered : RegistrationState.None)}"]);
                }

                if (session.Attempt > 0)
                {
                    rows.Add(["attempt", $"{session.Attempt + 1}: the protocol was begun again under fresh secrets; audit and log say why"]);
                }

                foreach (var warning in new[] { session.KeyWarning, session.Warning }.OfType<string>())
                {
                    rows.Add(["warning", warning]);
                }

                if (session.FailureReason is { } reason)
                {
                    rows.Add(["reason", $"{session.FailureCode}: {reason}"]);
                }

                rows.Add(["phases", string.Join(", ", session.Phases().Select(phase => $"{phase.Name} {DemoNarrative.Seconds(phase.Seconds)}"))]);
                var width = rows.Max(row => row[0].Length);
                rows.ForEach(row => Console.Out.WriteLine($"{row[0].PadRight(width)}  {row[1]}"));
            });
        }));
    }

    public static Command Cancel()
    {
        var argument = SessionArgument();
        return new Command("cancel", "End a session and delete its rows at the linker")
        {
            argument,
            Patience
        }.Do((parsed, cancellation) => WithWorkerAsync(parsed, async (home, store, client) =>
        {
            var id = Resolve(home, store, parsed.GetValue(argument)!);
            Require(await client.SendAsync(id, new CancelSession(id), TimeSpan.FromSeconds(parsed.GetValue(Patience)), cancellation));
            Report(parsed, home, store, id, () => Console.Out.WriteLine($"Session {id[..8]} cancelled"));
        }, cancellation));
    }

    internal static async Task WithWorkerAsync(ParseResult parsed,
        Func<ParticipantHome, IParticipantStore, CommandClient, Task> action, CancellationToken cancellation)
    {
        using var home = WorkerSettings.OpenHome(PsiRootCommand.HomeOf(parsed),
            parsed.GetValue(PsiRootCommand.Broker), PsiRootCommand.FilesOf(parsed));
        RequireParty(home);
        using var store = new SqliteParticipantStore(home.StatePath);
        await using var bus = MessageBus.RabbitMq(BrokerAddress.Parse(home.Config.Broker!, BrokerFiles.Of(home.Config)), [],
            TimeProvider.System, NullLogger.Instance);
        await bus.StartAsync(BrokerPatience, cancellation);
        await action(home, store, new CommandClient(home, bus, TimeProvider.System));
    }

    internal static Task WithStoreAsync(ParseResult parsed, Action<ParticipantHome, IParticipantStore> action)
    {
        using var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
        RequireParty(home);
        using var store = new SqliteParticipantStore(home.StatePath);
        if (store.Read(WorkerHealth.ProblemOf) is { } problem)
        {
            Console.Error.WriteLine($"psi: {home.Name}'s worker says: {problem}");
        }

        action(home, store);
        return Task.CompletedTask;
    }

    /// <summary>Opens a home and refuses a linker's: a linker holds nobody's records.</summary>
    public static ParticipantHome OpenParty(ParseResult parsed)
    {
        var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
        RequireParty(home);
        return home;
    }

    private static void RequireParty(ParticipantHome home)
    {
        if (home.Config.Role != ParticipantRole.Party)
        {
            throw new ParticipantException(FailureCodes.WrongState,
                $"{home.Path} is a linker's home; this command is a party's: name the party's home with --home");
        }
    }

    internal static CommandReply Require(CommandReply reply) =>
        reply.Ok ? reply : throw new ParticipantException(reply.Code ?? FailureCodes.Internal, reply.Message ?? "the worker refused");

    /// <summary>Follows a session in the home's state, which the worker changes.</summary>
    private static async Task<PartySession> WaitAsync(IParticipantStore store, string id,
        Func<PartySession, bool> until, CancellationToken cancellation, TimeSpan? patience = null)
    {
        using var timer = new PeriodicTimer(PollInterval, TimeProvider.System);
        var warned = new HashSet<string>(StringComparer.Ordinal);
        string? said = null;
        var (sent, lastSent) = (-1, TimeProvider.System.GetTimestamp());
        return await ProgressDisplay.ShowAsync(async update =>
        {
            while (true)
            {
                var session = Load(store, id);
                foreach (var warning in new[] { session.KeyWarning,
                        session.Warning is not null && warned.All(known => known == session.KeyWarning) ? session.Warning : null }.OfType<string>()
                    .Where(warned.Add))
                {
                    await Console.Error.WriteLineAsync($"psi: warning: {warning}");
                }

                if (store.Read(WorkerHealth.ProblemOf) is { } problem && problem != said)
                {
                    said = problem;
                    await Console.Error.WriteLineAsync($"psi: the worker says: {problem}");
                }

                if (session.SendSequence != sent)
                {
                    (sent, lastSent) = (session.SendSequence, TimeProvider.System.GetTimestamp());
                }

                if (TimeProvider.System.GetElapsedTime(lastSent) > patience && !until(session))
                {
                    throw new ParticipantException(FailureCodes.Deadline,
                        $"{session.Linker} has not confirmed the rows after {patience.Value.TotalSeconds:0} s; is its worker running, and does it have this "
                            + $"party's card pinned? They stay queued: psi status {id[..8]} tells when they are there");
                }

                if (until(session))
                {
                    return session;
                }

                update(session.State == SessionState.Completed ? new SimulationProgress("send", 0) : new SimulationProgress("exchange", session.Progress));
                await timer.WaitForNextTickAsync(cancellation);
            }
        });
    }

    private static PartySession Load(IParticipantStore store, string id) => PartySession.Parse(store.Read(transaction => transaction.FindSession(id))!);

    private static string Resolve(ParticipantHome home, IParticipantStore store, string text)
    {
        var ids = store.Read(transaction => transaction.ListSessions()).Select(session => session.Id)
            .Where(id => text.Length > 0 && id.StartsWith(text, StringComparison.OrdinalIgnoreCase)).ToArray();
        return ids.Length switch
        {
            1 => ids[0],
            0 => throw new ParticipantException(FailureCodes.UnknownSession, $"{home.Name} has no session {text}; see: psi sessions"),
            _ => throw new ParticipantException(FailureCodes.UnknownSession, $"{ids.Length} sessions begin with {text}; write more of the id"),
        };
    }

    private static void Report(ParseResult parsed, ParticipantHome home, IParticipantStore store, string id, Action text)
    {
        if (parsed.GetValue(PsiRootCommand.Json))
        {
            Terminal.Json(View(home, Load(store, id)), OutputJson.Plain.SessionView);
        }
        else
        {
            text();
        }
    }

    private static SessionView View(ParticipantHome home, PartySession session) => new(
        session.Id, session.State.ToString(), session.Peer, session.Linker, session.Dataset, session.Protocol,
        WireNames.NameOf(session.Reveal), WireNames.NameOf(session.Engine), session.CreatedAt, Math.Round(session.Progress, 4),
        session.OwnDistinct, session.PeerDistinct, session.State == SessionState.Completed ? session.IntersectionSize : null,
        HasFile(session) ? FileOf(home, session) : null, session.MinCell, NameOf(session.Registration), session.PeerRegistered ? "Registered" : "None",
        session.Phases().ToDictionary(phase => phase.Name, phase => Math.Round(phase.Seconds, 3)), session.FailureCode,
        session.FailureReason, session.KeyWarning, HasFile(session) ? OwnFileOf(home, session) : null);

    /// <summary>The names that scripts know: rows that were refused may be sent again, as those that never were.</summary>
    private static string NameOf(RegistrationState state) => state switch
    {
        RegistrationState.Opening => nameof(RegistrationState.Sending),
        RegistrationState.Refused => nameof(RegistrationState.None),
        _ => state.ToString(),
    };

    private static bool HasFile(PartySession session) =>
        session.State == SessionState.Completed && session.IntersectionSize is not null && session.Reveal != RevealTo.Size;

    private static string FileOf(ParticipantHome home, PartySession session) => Path.Combine(home.SessionPath(session.Id), IntersectionFile.Name);

    private static string OwnFileOf(ParticipantHome home, PartySession session) => Path.Combine(home.SessionPath(session.Id), IntersectionFile.OwnName);

    private static string ResultText(ParticipantHome home, PartySession session) =>
        session.IntersectionSize is null
            ? $"{session.Peer} has the result; by the session's --reveal, {home.Name} learns nothing but that {session.Peer} has {session.PeerDistinct:N0} "
                + "identifiers."
        : $"{session.IntersectionSize:N0} of {session.OwnDistinct:N0} identifiers are common with {session.Peer}, which has {session.PeerDistinct:N0}."
            + (session.Reveal == RevealTo.Size
                ? " Which ones stays unknown to both."
                : $" They are in {FileOf(home, session)}, and as they stand in the own file in {IntersectionFile.OwnName} beside it");

    private static string RevealText(PartySession session) => session.Reveal switch
    {
        RevealTo.Both => "both parties",
        RevealTo.Size => "both parties, the size alone",
        _ => (session.Reveal == RevealTo.Initiator) == session.IsInitiator ? "this party alone" : $"{session.Peer} alone",
    };

    private static string StateText(PartySession session) =>
        session.State == SessionState.Running ? $"running, {session.Progress:P0}"
            : session.FailureCode == FailureCodes.Cancelled ? "cancelled"
            : session.State.ToString().ToLowerInvariant();

    /// <summary>How far a party's rows are: with engine masked they stay at home, ready for questions.</summary>
    private static string RowsText(PartySession session, RegistrationState state) => state switch
    {
        RegistrationState.None or RegistrationState.Refused => session.Engine == QueryEngine.Masked ? "not allowed" : "not sent",
        RegistrationState.Registered => session.Engine == QueryEngine.Masked ? "ready for questions" : "at the linker",
        _ => "on their way",
    };
}
