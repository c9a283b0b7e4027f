using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Keys;
using PsiMessaging.InProcess;
using PsiMessaging.Messaging;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Party;
using PsiMessaging.Party.Agreement;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Session;
using PsiMessaging.Storage;

namespace PsiMessaging.Cli.Simulation;

/// <summary>
/// The whole job with all participants in this process, step by step: files, session, rows to the linker, questions, results. Results appear in the output
/// folder when everything is done, or not at all.
/// </summary>
/// <param name="request">What to simulate.</param>
/// <param name="time">Clock.</param>
/// <param name="progress">Told how far it is.</param>
internal sealed class SimulationRun(SimulationRequest request, TimeProvider time, Action<SimulationProgress> progress)
{
    private readonly List<PhaseReport> _phases = [];
    private readonly TrafficMeter _traffic = new();
    private readonly List<QueryResult?> _answers = [];
    private readonly List<DateTimeOffset> _answeredAt = [];
    private LoadSampler? _load;
    private readonly List<string?> _refusals = [];
    private readonly Dictionary<QueryEngine, IReadOnlyList<string>> _saw = [];
    private CancellationTokenSource? _stop;
    private Exception? _fault;

    /// <summary>Runs it once.</summary>
    /// <exception cref="Output.UsageException">A question cannot be read.</exception>
    /// <exception cref="SimulationException">It ended without a result; says why.</exception>
    public async Task<SimulationOutcome> RunAsync(CancellationToken cancellation)
    {
        var output = request.OutputFolder is { } folder ? new SimulationOutput(folder) : null;
        SimulationInputs.CheckTexts(request);
        if (output is not null)
        {
            await output.TryAsync();
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _stop = stop;
        return await TemporaryFolder.UseAsync(async root =>
        {
            try
            {
                return await RunInAsync(root, output, stop.Token);
            }
            catch (Exception) when (_fault is { } fault)
            {
                // What ended the run; the rest followed from it.
                throw DiskFault.IsFull(fault) ? new IOException(fault.Message, fault) : new SimulationException($"the run cannot go on: {fault.Message}");
            }
        });
    }

    /// <summary>A fault of the disk ends the run: a participant would wait for it to pass, with nobody there to mend it.</summary>
    private void OnFault(Exception fault)
    {
        if (DiskFault.IsOne(fault) && Interlocked.CompareExchange(ref _fault, fault, null) is null)
        {
            _stop!.Cancel();
        }
    }

    private async Task<SimulationOutcome> RunInAsync(string root, SimulationOutput? output, CancellationToken cancellation)
    {
        var start = time.GetTimestamp();
        using var load = request.Explain ? new LoadSampler(time, () => _traffic.Total) : null;
        _load = load;
        var transport = new BusTransport(request.Broker, request.BrokerFiles, time, _traffic, OnFault);
        using var logs = new FaultLog(OnFault);
        var options = new LocalClusterOptions
        {
            Root = root, Configure = Configure(), Stores = new SqliteStores(), Time = time, Logs = logs, Sealing = request.Sealing,
        };
        await using var cluster = new LocalCluster(options, transport);
        await cluster.OpenAsync(cancellation);
        cluster.Linker.Engine!.OnOpened = _traffic.View.Add;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var saying = SayProblemsAsync(transport.Bus, over.Token);
        try
        {
            return await WorkAsync(cluster, transport.Bus, start, output, cancellation);
        }
        finally
        {
            await over.CancelAsync();
            await saying;
        }
    }

    private Func<ParticipantConfig, ParticipantConfig> Configure()
    {
        // Runs on one broker do not meet.
        var prefix = request.Broker is null ? "psi" : "psi-sim-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
        return config => config with
        {
            QueuePrefix = prefix, Parallelism = request.Parallelism, AcceptOneSided = true,
            AllowVole = request.AllowVole || request.Protocol is { NeedsConsent: true },
        };
    }

    private async Task<SimulationOutcome> WorkAsync(LocalCluster cluster, MessageBus bus, long start, SimulationOutput? output, CancellationToken cancellation)
    {
        PartyParticipant[] parties = [.. cluster.Parties.Select(party => (PartyParticipant)party.Engine!)];
        var datasets = await PrepareAsync(parties, start, cancellation);
        cluster.Start();
        var stage = new SimulationStage(request, cluster, bus, new SessionWatch(parties, progress), time, progress);
        var session = new SimulatedSession(stage, request.Engine, _phases);
        var (own, peer) = await session.IntersectAsync(cancellation);
        OtherEngine? other = null;
        if (request.SendRows && request.Reveal == RevealTo.Both)
        {
            await session.SendRowsAsync(cancellation);
            await AskAsync(session, cancellation);
            _saw.Add(request.Engine, session.Describe(_traffic.View, cluster.Root));
            other = request.CompareEngines ? await AskOtherEngineAsync(stage, cancellation) : null;
        }

        var report = ReportOf(cluster, datasets, own, peer);
        if (output is not null)
        {
            await output.WriteAsync(cluster.Parties.Select(party => party.Home), own.Id, report, _answers, request.Plot, request.RawLabels);
        }

        progress(new SimulationProgress("done", 1));
        return new SimulationOutcome(report, _answers, _refusals, other, _saw);
    }

    private async Task<Dataset[]> PrepareAsync(PartyParticipant[] parties, long start, CancellationToken cancellation)
    {
        var inputs = new SimulationInputs(request, parties, time, progress);
        var datasets = await inputs.ReadAsync();
        AddPhase("read", start);
        inputs.CheckQuestions(datasets);
        if (request.Reuse)
        {
            var since = time.GetTimestamp();
            await inputs.PrepareReusableAsync(datasets, cancellation);
            AddPhase("reusable set", since);
        }

        return datasets;
    }

    private async Task AskAsync(SimulatedSession session, CancellationToken cancellation)
    {
        for (var i = 0; i < request.Queries.Count; i++)
        {
            progress(new SimulationProgress("query", (double)i / request.Queries.Count));
            var (answer, refusal) = await session.AskAsync(request.Queries[i], cancellation);
            _refusals.Add(answer is null ? request.NameOf(i) + (refusal ?? "no reason given") : null);
            _answers.Add(answer);
            _answeredAt.Add(time.GetUtcNow());
        }

        if (_answers.Count > 0 && _answers.TrueForAll(answer => answer is null))
        {
            throw new SimulationException(string.Join("; ", _refusals));
        }
    }

    /// <summary>The same questions in a second session, whose phases count as one.</summary>
    private async Task<OtherEngine> AskOtherEngineAsync(SimulationStage stage, CancellationToken cancellation)
    {
        var engine = request.Engine == QueryEngine.Masked ? QueryEngine.Tokens : QueryEngine.Masked;
        progress(new SimulationProgress($"engine {WireNames.NameOf(engine)}", 0));
        var start = time.GetTimestamp();
        var session = new SimulatedSession(stage, engine, []);
        await session.IntersectAsync(cancellation);
        await session.SendRowsAsync(cancellation);
        var (answers, refusals) = (new List<QueryResult?>(), new List<string?>());
        foreach (var text in request.Queries)
        {
            var (answer, refusal) = await session.AskAsync(text, cancellation);
            answers.Add(answer);
            refusals.Add(refusal);
        }

        _saw.Add(engine, session.Describe(_traffic.View, stage.Cluster.Root));
        AddPhase($"again with {WireNames.NameOf(engine)}", start);
        return new OtherEngine(engine, answers, refusals);
    }

    private SimulationReport ReportOf(LocalCluster cluster, Dataset[] datasets, PartySession own, PartySession peer) => new(
        own.Protocol, request.Engine, request.Broker is null ? "memory" : "rabbitmq",
        new Dictionary<string, PartyReport> { [cluster.P1.Name] = PartyOf(datasets[0]), [cluster.P2.Name] = PartyOf(datasets[1]) },
        own.IntersectionSize ?? peer.IntersectionSize ?? 0,
        [
            .. _phases.Concat(_answers.Index().Where(entry => entry.Item is not null)
                .Select(entry => PhaseReport.Of($"query-{entry.Index + 1}", entry.Item!.Seconds, _answeredAt[entry.Index]))).Select(WithLoad),
        ],
        _traffic.Bytes,
        Process.GetCurrentProcess().PeakWorkingSet64,
        [.. _answers.Select(QueryOf)],
        own.ChosenBecause,
        KeyOutlines.WarningOf(cluster.P1.Name, OutlinesOf(datasets[0]), cluster.P2.Name, OutlinesOf(datasets[1])));

    private QueryReport QueryOf(QueryResult? answer, int query) => answer is null
        ? new QueryReport(request.Queries[query], 0, 0, 0, _refusals[query])
        : new QueryReport(answer.Text, answer.Answer.Rows.Count, answer.Answer.Withheld, Math.Round(answer.Seconds, 3),
            Answer: JsonNode.Parse(Output.QueryOutput.Json(answer)));

    private static PartyReport PartyOf(Dataset dataset) => new(
        dataset.Rows, dataset.Distinct, dataset.Dropped, dataset.Reading?.ToString(),
        Output.DatasetNotices.Of(dataset).ToArray() is { Length: > 0 } notices ? notices : null);

    private static KeyOutline[] OutlinesOf(Dataset dataset) => [.. (dataset.KeyForms ?? []).Select(KeyOutline.Of)];

    private void AddPhase(string name, long start) => _phases.Add(PhaseReport.Of(name, time.GetElapsedTime(start).TotalSeconds, time.GetUtcNow()));

    private PhaseReport WithLoad(PhaseReport phase) =>
        _load is null ? phase : phase with { Load = _load.Between(phase.EndedAt - TimeSpan.FromSeconds(phase.Seconds), phase.EndedAt) };

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
}
