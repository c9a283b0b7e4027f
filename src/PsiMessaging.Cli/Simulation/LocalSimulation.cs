using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Analytics.Tokens;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Types;
using PsiMessaging.Files;
using PsiMessaging.Linker;
using PsiMessaging.Messaging;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party;
using PsiMessaging.Party.Agreement;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Result;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.Storage;

namespace PsiMessaging.Cli.Simulation;

/// <summary>What to simulate.</summary>
internal sealed record SimulationRequest
{
    public required string P1File { get; init; }
    public required string P2File { get; init; }
    public required IReadOnlyList<string> Key { get; init; }
    /// <summary>P2's key columns, where they have other names; as many.</summary>
    public IReadOnlyList<string>? P2Key { get; init; }
    public IReadOnlyList<string> Queries { get; init; } = [];
    /// <summary>The protocol; null leaves the choice to the parties.</summary>
    public PsiProtocol? Protocol { get; init; }
    /// <summary>Which checks run.</summary>
    public SecurityModel Security { get; init; }
    /// <summary>Whether both parties allow <c>vole</c> where the protocol is left to them.</summary>
    public bool AllowVole { get; init; }
    /// <summary>Who learns what; the initiator is P1.</summary>
    public RevealTo Reveal { get; init; }
    /// <summary>Whether the sender makes and uses a reusable set.</summary>
    public bool Reuse { get; init; }
    /// <summary>Whether the rows go to the linker after a session that reveals its result to both.</summary>
    public bool SendRows { get; init; } = true;
    public QueryEngine Engine { get; init; }
    /// <summary>Whether the same questions are asked once more in a second session under the other engine.</summary>
    public bool CompareEngines { get; init; }
    /// <summary>Types a person has set, by column of either file.</summary>
    public IReadOnlyDictionary<string, ColumnType> Types { get; init; } = new Dictionary<string, ColumnType>();
    /// <summary>Columns of masked matrices are padded to a multiple of this.</summary>
    public int Pad { get; init; } = 1;
    /// <summary>Form of pictures to draw beside the answers: svg or png; null for none.</summary>
    public string? Plot { get; init; }
    public int RsaBits { get; init; } = 3072;
    public DuplicateRule Duplicates { get; init; } = DuplicateRule.Reject;
    public bool FoldCase { get; init; }
    /// <summary>Which texts of both files are one value.</summary>
    public TextRule Texts { get; init; } = TextRule.Normal;
    /// <summary>Whether words such as NA in key columns stand for missing values.</summary>
    public bool MissingWords { get; init; } = true;
    /// <summary>Whether 100234.0 in key columns is 100234.</summary>
    public bool WholeNumbers { get; init; }
    /// <summary>Both datasets' minimum cell size: all files are the caller's own.</summary>
    public int MinCell { get; init; } = ParticipantConfig.DefaultMinCell;
    public int Parallelism { get; init; }
    public string? Broker { get; init; }
    /// <summary>File of certificate authorities, for an amqps broker.</summary>
    public string? BrokerCa { get; init; }
    public string? OutputFolder { get; init; }
    /// <summary>Whether labels in CSV files stand as they are in the data.</summary>
    public bool RawLabels { get; init; }
    /// <summary>How P1's and P2's file are read.</summary>
    public IReadOnlyList<RecordReaderOptions> Reading { get; init; } = [new(), new()];
    /// <summary>Types a person has set for P1's and P2's columns alone.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, ColumnType>> OwnTypes { get; init; } = [new Dictionary<string, ColumnType>(),
        new Dictionary<string, ColumnType>()];
    public int DeadlineSeconds { get; init; } = 24 * 3600;
}

/// <summary>Where a simulation stands: the phase, and the part of it that is done.</summary>
internal sealed record SimulationProgress(string Phase, double Done);

/// <summary>What came out.</summary>
/// <param name="Report">What <c>report.json</c> holds.</param>
/// <param name="Queries">Answers, one for each question; null where it was refused.</param>
/// <param name="Refusals">Why, one for each question; null where there is an answer.</param>
/// <param name="Other">The other engine's session, where both were asked for.</param>
/// <param name="LinkerSaw">What the linker saw, by engine.</param>
internal sealed record SimulationOutcome(SimulationReport Report, IReadOnlyList<QueryResult?> Queries,
    IReadOnlyList<string?> Refusals, OtherEngine? Other, IReadOnlyDictionary<QueryEngine, IReadOnlyList<string>> LinkerSaw)
{
    /// <summary>The end of a run whose other results have been shown.</summary>
    /// <exception cref="SimulationException">A question was refused; names each.</exception>
    public void RequireAnswers()
    {
        if (Refusals.OfType<string>().ToArray() is { Length: > 0 } refused)
        {
            throw new SimulationException(string.Join("; ", refused));
        }
    }
}

/// <summary>The same questions under another engine: its answers, and whether each table is the same.</summary>
internal sealed record OtherEngine(QueryEngine Engine, IReadOnlyList<QueryResult?> Answers, IReadOnlyList<string?> Refusals)
{
    /// <summary>Whether every answer the engine gave equals the first engine's.</summary>
    public bool Agrees(IReadOnlyList<QueryResult?> first) =>
        Answers.Zip(first).All(pair => pair.First is null || pair.Second is null || Same(pair.First, pair.Second));

    private static bool Same(QueryResult left, QueryResult right) =>
        left.Answer.Columns.SequenceEqual(right.Answer.Columns) && left.Answer.Rows.Count == right.Answer.Rows.Count
            && left.Answer.Rows.Zip(right.Answer.Rows).All(rows => rows.First.SequenceEqual(rows.Second));
}

/// <summary>
/// All three participants in this process, each with a home of its own: the same engines, messages and files as three workers, over MassTransit in memory or
/// over RabbitMQ. Results appear in the output folder when everything is done, or not at all.
/// </summary>
internal sealed class LocalSimulation(SimulationRequest request, TimeProvider time, Action<SimulationProgress> progress)
{
    private static readonly TimeSpan CommandPatience = TimeSpan.FromDays(1);
    private const string First = "P1";
    private const string Second = "P2";
    private const string Linker = "LINKER";

    private readonly ConcurrentDictionary<string, long> _bytes = new(StringComparer.Ordinal);
    private readonly List<PhaseReport> _phases = [];
    private readonly LinkerView _view = new();
    private CancellationTokenSource? _stop;
    private Exception? _fault;

    public async Task<SimulationOutcome> RunAsync(CancellationToken cancellation)
    {
        if (request.OutputFolder is { } output && File.Exists(output))
        {
            throw new SimulationException($"{output} is a file; --out takes a folder");
        }

        for (var i = 0; i < request.Queries.Count; i++)
        {
            try
            {
                _ = Query.Parse(request.Queries[i]);
            }
            catch (QueryException exception)
            {
                throw new Output.UsageException(NameOf(i) + exception.Message);
            }
        }

        if (request.OutputFolder is { } results)
        {
            // Before the work, not after it: whether anything can be put where the results go, or above it where that has to be made first.
            var place = Path.TrimEndingDirectorySeparator(Path.GetFullPath(results));
            var name = Path.GetFileName(place);
            while (Path.GetDirectoryName(place) is { } parent && !Path.Exists(parent))
            {
                place = parent;
            }

            await WriteAsync(results, Path.Combine(Path.GetDirectoryName(place) ?? place, name), _ => Task.CompletedTask);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _stop = stop;
        return await TemporaryFolder.UseAsync(async root =>
        {
            try
            {
                return await RunInAsync(root, stop.Token);
            }
            catch (Exception) when (_fault is { } fault)
            {
                // What ended the run; the rest followed from it.
                throw DiskFault.IsFull(fault) ? new IOException(fault.Message, fault) : new SimulationException($"the run cannot go on: {fault.Message}");
            }
        });
    }

    /// <summary>A fault of the disk ends the run: an engine would wait for it to pass, with nobody there to mend it.</summary>
    private void OnFault(Exception fault)
    {
        if (DiskFault.IsOne(fault) && Interlocked.CompareExchange(ref _fault, fault, null) is null)
        {
            _stop!.Cancel();
        }
    }

    private async Task ReceiveAsync(Participant engine, ReadOnlyMemory<byte> frame)
    {
        try
        {
            await engine.ReceiveAsync(frame);
        }
        catch (Exception exception)
        {
            OnFault(exception);
            throw;
        }
    }

    private async Task<SimulationOutcome> RunInAsync(string root, CancellationToken cancellation)
    {
        var start = time.GetTimestamp();
        var prefix = request.Broker is null ? "psi" : "psi-sim-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
        using var homes = new DisposableList<ParticipantHome>();
        foreach (var (name, role) in new[] { (First, ParticipantRole.Party), (Second, ParticipantRole.Party), (Linker, ParticipantRole.Linker) })
        {
            homes.Add(ParticipantHome.Create(Path.Combine(root, name), new ParticipantConfig
            {
                Name = name,
                Role = role,
                QueuePrefix = prefix,
                Parallelism = request.Parallelism,
                AcceptOneSided = true,
                AllowVole = request.AllowVole || request.Protocol is { NeedsConsent: true }
            }));
        }

        foreach (var home in homes)
        {
            foreach (var other in homes.Where(other => other != home))
            {
                home.Pin(other.Card, replace: false);
            }
        }

        using var stores = new DisposableList<IParticipantStore>();
        var engines = new List<Participant>();
        var inboxes = homes.Select((home, i) => new Inbox(home.Inbox, frame => ReceiveAsync(engines[i], frame))).ToArray();
        var bus = request.Broker is null
            ? MessageBus.InMemory(inboxes, time, NullLogger.Instance)
            : MessageBus.RabbitMq(BrokerAddress.Parse(request.Broker, request.BrokerCa), inboxes, time, NullLogger.Instance, temporary: true);
        foreach (var home in homes)
        {
            var store = new SqliteParticipantStore(home.StatePath);
            stores.Add(store);
            var sender = new MeteredSender(home.Name, homes, bus, _bytes, _view);
            engines.Add(home.Config.Role == ParticipantRole.Linker
                ? new LinkerParticipant(home, store, sender, time, new FaultLog<LinkerParticipant>(OnFault))
                : new PartyParticipant(home, store, sender, time, new FaultLog<PartyParticipant>(OnFault)));
        }

        await bus.StartAsync(TimeSpan.FromSeconds(5), cancellation);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var saying = SayProblemsAsync(bus, over.Token);
        try
        {
            var parties = engines.OfType<PartyParticipant>().ToArray();
            var datasets = await ReadInputsAsync(parties, start);
            CheckQueries(datasets);
            await PrepareReusableAsync(parties, datasets, cancellation);
            engines.ForEach(engine => engine.Start());
            var watch = new SessionWatch(parties, progress);
            var (own, peer) = await IntersectAsync(homes[0], bus, watch, request.Engine, cancellation);
            var (answers, refusals) = (new List<QueryResult?>(), new List<string?>());
            var saw = new Dictionary<QueryEngine, IReadOnlyList<string>>();
            OtherEngine? other = null;
            if (request.SendRows && request.Reveal == RevealTo.Both)
            {
                await SendRowsAsync(homes, bus, watch, own.Id, cancellation);
                foreach (var text in request.Queries)
                {
                    progress(new SimulationProgress("query", (double)answers.Count / request.Queries.Count));
                    var (answer, refusal) = await AskAsync(homes[0], stores[0], bus, own.Id, text, cancellation);
                    refusals.Add(answer is null ? NameOf(answers.Count) + (refusal ?? "no reason given") : null);
                    answers.Add(answer);
                }

                if (answers.Count > 0 && answers.TrueForAll(answer => answer is null))
                {
                    throw new SimulationException(string.Join("; ", refusals));
                }

                saw.Add(request.Engine, _view.Describe(own.Id, homes[2].SessionPath(own.Id), root));
                if (request.CompareEngines)
                {
                    other = await AskOtherEngineAsync(homes, stores, bus, watch, saw, root, cancellation);
                }
            }

            var report = new SimulationReport(
                own.Protocol, request.Engine, request.Broker is null ? "memory" : "rabbitmq",
                new Dictionary<string, PartyReport>
                {
                    [First] = new(datasets[0].Rows, datasets[0].Distinct, datasets[0].Dropped, datasets[0].Reading?.ToString(), NoticesOf(datasets[0])),
                    [Second] = new(datasets[1].Rows, datasets[1].Distinct, datasets[1].Dropped, datasets[1].Reading?.ToString(), NoticesOf(datasets[1])),
                },
                own.IntersectionSize ?? peer.IntersectionSize ?? 0,
                [.. _phases, .. answers.Select((answer, i) => (answer, i)).Where(entry => entry.answer is not null)
                    .Select(entry => new PhaseReport($"query-{entry.i + 1}", Math.Round(entry.answer!.Seconds, 3)))],
                _bytes.OrderBy(edge => edge.Key, StringComparer.Ordinal).ToDictionary(edge => edge.Key, edge => edge.Value),
                Process.GetCurrentProcess().PeakWorkingSet64,
                [
                    .. answers.Select((answer, i) => answer is null
                        ? new QueryReport(request.Queries[i], 0, 0, 0, refusals[i])
                        : new QueryReport(answer.Text, answer.Answer.Rows.Count, answer.Answer.Withheld, Math.Round(answer.Seconds, 3)))
                ],
                own.ChosenBecause,
                KeyOutlines.WarningOf(First, OutlinesOf(datasets[0]), Second, OutlinesOf(datasets[1])));
            if (request.OutputFolder is { } folder)
            {
                await WriteOutputAsync(folder, homes, own.Id, report, answers, request.Plot, request.RawLabels);
            }

            progress(new SimulationProgress("done", 1));
            return new SimulationOutcome(report, answers, refusals, other, saw);
        }
        finally
        {
            await over.CancelAsync();
            await saying;
            await bus.DisposeAsync();
            foreach (var engine in engines)
            {
                await engine.DisposeAsync();
            }
        }
    }

    /// <summary>A broker that takes nothing, or is gone, is waited for: a person must know for what.</summary>
    private async Task SayProblemsAsync(MessageBus bus, CancellationToken over)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        string? said = null;
        try
        {
            while (await timer.WaitForNextTickAsync(over))
            {
                var problem = bus.Problem ?? bus.Waiting;
                if (problem is not null && problem != said)
                {
                    await Console.Error.WriteLineAsync($"psi: {problem}");
                }

                said = problem;
            }
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
    }

    private string NameOf(int query) => request.Queries.Count == 1 ? "" : $"query {query + 1}, `{request.Queries[query]}`: ";

    /// <summary>What cannot be asked of these files is refused before anything is exchanged: names, types, and what the engine cannot compute.</summary>
    private void CheckQueries(Dataset[] datasets)
    {
        var schema = new QuerySchema(datasets.Zip([First, Second]).ToDictionary(entry => entry.Second,
            entry => (IReadOnlyList<TypedColumn>)[.. entry.First.Described.Select(column => new TypedColumn(column.Name, column.Type))],
            StringComparer.Ordinal), datasets[0].Texts);
        for (var i = 0; i < request.Queries.Count; i++)
        {
            try
            {
                var bound = new BoundQuery(Query.Parse(request.Queries[i]), schema);
                if (request.Engine == QueryEngine.Tokens)
                {
                    TokenTable.Check(bound, request.MinCell);
                }
                else
                {
                    MaskedPlan.Check(bound);
                }
            }
            catch (QueryException exception)
            {
                throw new SimulationException(NameOf(i) + exception.Message);
            }
        }
    }

    private static string[]? NoticesOf(Dataset dataset) => Output.DatasetNotices.Of(dataset).ToArray() is { Length: > 0 } notices ? notices : null;

    private static KeyOutline[] OutlinesOf(Dataset dataset) => [.. (dataset.KeyForms ?? []).Select(KeyOutline.Of)];

    private static async Task<(QueryResult? Answer, string? Refusal)> AskAsync(ParticipantHome home, IParticipantStore store,
        MessageBus bus, TimeProvider time, string session, SubmitQuery query, CancellationToken cancellation)
    {
        var reply = await new CommandClient(home, bus, time).SendAsync(session, query, CommandPatience, cancellation);
        return (reply.Ok ? store.Read(transaction => QuestionBook.FindAnswer(transaction, reply.QueryId!)) : null, reply.Message);
    }

    private Task<(QueryResult? Answer, string? Refusal)> AskAsync(ParticipantHome home, IParticipantStore store,
        MessageBus bus, string session, string text, CancellationToken cancellation) =>
        AskAsync(home, store, bus, time, session, new SubmitQuery(session, text, request.DeadlineSeconds, request.Pad == 1 ? null : request.Pad), cancellation);

    private async Task<OtherEngine> AskOtherEngineAsync(
        IReadOnlyList<ParticipantHome> homes, IReadOnlyList<IParticipantStore> stores, MessageBus bus, SessionWatch watch,
        Dictionary<QueryEngine, IReadOnlyList<string>> saw, string root, CancellationToken cancellation)
    {
        var engine = request.Engine == QueryEngine.Masked ? QueryEngine.Tokens : QueryEngine.Masked;
        progress(new SimulationProgress($"engine {WireNames.NameOf(engine)}", 0));
        var phases = _phases.ToArray();
        var start = time.GetTimestamp();
        var (session, _) = await IntersectAsync(homes[0], bus, watch, engine, cancellation);
        await SendRowsAsync(homes, bus, watch, session.Id, cancellation);
        var (answers, refusals) = (new List<QueryResult?>(), new List<string?>());
        foreach (var text in request.Queries)
        {
            var (answer, refusal) = await AskAsync(homes[0], stores[0], bus, session.Id, text, cancellation);
            answers.Add(answer);
            refusals.Add(refusal);
        }

        saw.Add(engine, _view.Describe(session.Id, homes[2].SessionPath(session.Id), root));
        _phases.Clear();
        _phases.AddRange(phases);
        AddPhase($"again with {WireNames.NameOf(engine)}", time.GetElapsedTime(start).TotalSeconds);
        return new OtherEngine(engine, answers, refusals);
    }

    private async Task<Dataset[]> ReadInputsAsync(PartyParticipant[] parties, long start)
    {
        progress(new SimulationProgress("read", 0));
        var done = 0;

        // As on two machines: side by side.
        var datasets = await Task.WhenAll(parties.Select((party, i) => Task.Run(async () =>
        {
            var dataset = await party.Datasets.AddAsync(new DatasetRequest("data", i == 0 ? request.P1File : request.P2File,
                i == 0 ? request.Key : request.P2Key ?? request.Key, request.Reading[i],
                request.FoldCase, request.Duplicates, request.OwnTypes[i], request.MinCell,
                request.Texts, request.MissingWords, request.WholeNumbers, request.Types));
            progress(new SimulationProgress("read", Interlocked.Increment(ref done) / 2.0));
            return dataset;
        })));
        // What is said for both files may be of either.
        var shared = request.Reading.Where(reading => reading.OtherFileHasRest).SelectMany(reading => reading.Columns ?? []).Select(RecordReader.NormalizeName);
        if (request.Types.Keys.Select(RecordReader.NormalizeName)
            .FirstOrDefault(name => !datasets.Any(dataset => dataset.Attributes.Contains(name))) is { } untyped)
        {
            throw new SimulationException(
                $"neither file has a column {untyped} to set the type of beside its key; {request.P1File} has {string.Join(", ", datasets[0].Attributes)}, "
                    + $"{request.P2File} has {string.Join(", ", datasets[1].Attributes)}");
        }

        if (shared.FirstOrDefault(name => !datasets.Any(dataset => dataset.Columns.Contains(name))) is { } unknown)
        {
            throw new SimulationException($"neither file has a column {unknown}");
        }

        AddPhase("read", time.GetElapsedTime(start).TotalSeconds);
        return datasets;
    }

    private async Task PrepareReusableAsync(PartyParticipant[] parties, Dataset[] datasets, CancellationToken cancellation)
    {
        if (!request.Reuse)
        {
            return;
        }

        var start = time.GetTimestamp();
        var sender = request.Reveal == RevealTo.Initiator ? 1 : 0;
        using var threads = new ComputeThreads(Cores.CountOf(parties[sender].Home.Config.Parallelism));
        await ReusableSets.MakeAsync(parties[sender].Datasets, datasets[sender], parties[sender].Home.Name,
            request.RsaBits, threads, time, done => progress(new SimulationProgress("reusable set", done)), cancellation);
        AddPhase("reusable set", time.GetElapsedTime(start).TotalSeconds);
    }

    private async Task<(PartySession Own, PartySession Peer)> IntersectAsync(ParticipantHome home,
        MessageBus bus, SessionWatch watch, QueryEngine engine, CancellationToken cancellation)
    {
        var reply = await new CommandClient(home, bus, time).SendAsync(null, new StartSession
        {
            Peer = Second,
            Dataset = "data",
            Protocol = request.Protocol?.Name ?? PsiProtocols.Auto,
            Security = WireNames.NameOf(request.Security),
            Engine = WireNames.NameOf(engine),
            Reveal = WireNames.NameOf(request.Reveal),
            RsaBits = request.RsaBits,
            Reuse = request.Reuse,
            DeadlineSeconds = request.DeadlineSeconds,
        }, CommandPatience, cancellation);
        if (!reply.Ok)
        {
            throw new SimulationException(reply.Message ?? "the session was refused");
        }

        var sessions = await watch.WaitAsync(session => session.Id == reply.SessionId && session.IsEnded, cancellation);
        if (Array.Find(sessions, session => session.State == SessionState.Failed) is { } failed)
        {
            throw new SimulationException(failed.FailureReason ?? "the session failed");
        }

        foreach (var (name, seconds) in sessions[0].Phases())
        {
            AddPhase(name, seconds);
        }

        return (sessions[0], sessions[1]);
    }

    private async Task SendRowsAsync(IReadOnlyList<ParticipantHome> homes, MessageBus bus, SessionWatch watch, string session, CancellationToken cancellation)
    {
        progress(new SimulationProgress("send", 0));
        var start = time.GetTimestamp();
        foreach (var home in homes.Take(2))
        {
            var reply = await new CommandClient(home, bus, time).SendAsync(session, new SendDataset(session), CommandPatience, cancellation);
            if (!reply.Ok)
            {
                throw new SimulationException(reply.Message ?? "sending was refused");
            }
        }

        var sessions = await watch.WaitAsync(
            candidate => candidate.State == SessionState.Failed || SendFailed(candidate) || (candidate.Id == session
                && candidate.Registration == RegistrationState.Registered && candidate.PeerRegistered && candidate.PeerColumns is not null), cancellation);
        if (Array.Find(sessions, candidate => candidate.State == SessionState.Failed || SendFailed(candidate)) is { } failed)
        {
            throw new SimulationException(failed.FailureReason ?? "the session failed");
        }

        AddPhase("send", time.GetElapsedTime(start).TotalSeconds);
    }

    private static bool SendFailed(PartySession session) => session is { State: SessionState.Completed, Registration: RegistrationState.Refused };

    private void AddPhase(string name, double seconds) => _phases.Add(new PhaseReport(name, Math.Round(seconds, 3)));

    /// <summary>Everything is written beside the output folder first and moved in at the end, so that a failed run leaves nothing.</summary>
    private static async Task WriteOutputAsync(string folder, IReadOnlyList<ParticipantHome> homes, string session,
        SimulationReport report, IReadOnlyList<QueryResult?> answers, string? plot, bool rawLabels)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        await WriteAsync(folder, target, async beside =>
        {
            var staging = Path.Combine(beside, "results");
            foreach (var home in homes.Take(2))
            {
                PrivateFile.CreateFolder(Path.Combine(staging, home.Name));
                foreach (var name in new[] { IntersectionFile.Name, IntersectionFile.OwnName }.Where(name =>
                    File.Exists(Path.Combine(home.SessionPath(session), name))))
                {
                    AtomicFile.Write(Path.Combine(staging, home.Name, name), to =>
                    {
                        using var from = File.OpenRead(Path.Combine(home.SessionPath(session), name));
                        from.CopyTo(to);
                    });
                }
            }

            for (var i = 0; i < answers.Count; i++)
            {
                if (answers[i] is not { } answer)
                {
                    continue;
                }

                await Output.AnswerWriter.WriteAsync(answer, "csv", Path.Combine(staging, $"query-{i + 1}.csv"), rawLabels);
                if (plot is not null)
                {
                    try
                    {
                        Output.AnswerPlot.Write(answer, Path.Combine(staging, $"query-{i + 1}.{plot}"));
                    }
                    catch (SimulationException exception)
                    {
                        // The answer stands without its picture.
                        await Console.Error.WriteLineAsync($"psi: query {i + 1} is not drawn: {exception.Message}");
                    }
                }
            }

            AtomicFile.Write(Path.Combine(staging, "report.json"),
                System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(report, Output.OutputJson.Plain.SimulationReport));
            if (!Directory.Exists(target))
            {
                PrivateFile.RenameFolder(staging, target);
                return;
            }

            foreach (var file in Directory.GetFiles(staging, "*", SearchOption.AllDirectories))
            {
                var place = Path.Combine(target, Path.GetRelativePath(staging, file));
                PrivateFile.CreateFolder(Path.GetDirectoryName(place)!);
                AtomicFile.Rename(file, place);
            }
        });
    }

    /// <summary>Does something in a folder of this run beside another, so that a failed run leaves nothing.</summary>
    private static async Task WriteAsync(string folder, string target, Func<string, Task> write)
    {
        try
        {
            using var beside = TemporaryFolder.Beside(target);
            await write(beside.Path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SimulationException(DiskFault.IsFull(exception)
                ? $"no space is left for the results in {folder}; free some there, or take another folder with --out"
                : $"the results cannot be written to {folder}: {exception.Message}");
        }
    }

    private sealed class MeteredSender(string from, IReadOnlyList<ParticipantHome> homes,
        MessageBus bus, ConcurrentDictionary<string, long> bytes, LinkerView view) : IEnvelopeSender
    {
        public async Task SendAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation)
        {
            await bus.SendAsync(queue, messageId, frame, cancellation);
            if (homes.FirstOrDefault(home => home.Inbox == queue) is { } receiver)
            {
                if (receiver.Name == Linker)
                {
                    view.Add(frame);
                }

                bytes.AddOrUpdate($"{from}->{receiver.Name}", frame.Length, (_, known) => known + frame.Length);
            }
        }
    }

    private sealed class DisposableList<T> : List<T>, IDisposable
        where T : IDisposable
    {
        public void Dispose() => ForEach(item => item.Dispose());
    }
}

/// <summary>Follows one session at both parties.</summary>
internal sealed class SessionWatch
{
    private readonly Lock _lock = new();
    private readonly PartySession?[] _latest;
    private readonly Action<SimulationProgress> _progress;
    private (Func<PartySession, bool> Condition, TaskCompletionSource<PartySession[]> Reached)? _waiting;

    public SessionWatch(PartyParticipant[] parties, Action<SimulationProgress> progress)
    {
        _latest = new PartySession?[parties.Length];
        _progress = progress;
        for (var i = 0; i < parties.Length; i++)
        {
            var index = i;
            parties[i].OnChanged = session => Update(index, session);
        }
    }

    /// <summary>Completes when the condition holds for the session at every party.</summary>
    public Task<PartySession[]> WaitAsync(Func<PartySession, bool> condition, CancellationToken cancellation)
    {
        lock (_lock)
        {
            _waiting = (condition, new TaskCompletionSource<PartySession[]>(TaskCreationOptions.RunContinuationsAsynchronously));
            Check();
            return _waiting?.Reached.Task.WaitAsync(cancellation) ?? Task.FromResult(Array.ConvertAll(_latest, session => session!));
        }
    }

    private void Update(int index, PartySession session)
    {
        lock (_lock)
        {
            _latest[index] = session;
            if (!session.IsEnded)
            {
                _progress(new SimulationProgress("exchange", _latest.Sum(latest => latest?.Progress ?? 0) / _latest.Length));
            }

            Check();
        }
    }

    private void Check()
    {
        // A refusal leaves the responder without a running session, so a failure at one party is enough.
        if (_waiting is { } waiting && (_latest.All(session => session is not null && waiting.Condition(session))
            || _latest.Any(session =>
                session?.State == SessionState.Failed || session is { State: SessionState.Completed, Registration: RegistrationState.Refused })))
        {
            _waiting = null;
            waiting.Reached.SetResult([.. _latest.OfType<PartySession>()]);
        }
    }
}
