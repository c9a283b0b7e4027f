using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Analytics.Tokens;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Types;
using PsiMessaging.Party;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Cli.Simulation;

/// <summary>
/// What a run needs before its session: both files as datasets, questions that can be asked of them, and the sender's reusable set where there is to be one.
/// </summary>
/// <param name="request">What to simulate.</param>
/// <param name="parties">P1 and P2.</param>
/// <param name="time">Clock.</param>
/// <param name="progress">Told how far it is.</param>
internal sealed class SimulationInputs(
    SimulationRequest request, IReadOnlyList<PartyParticipant> parties, TimeProvider time, Action<SimulationProgress> progress)
{
    /// <summary>The name of both parties' dataset.</summary>
    public const string DatasetName = "data";

    /// <summary>Whether every question can be read as one; needs no file.</summary>
    /// <exception cref="Output.UsageException">One cannot; names it.</exception>
    public static void CheckTexts(SimulationRequest request)
    {
        for (var i = 0; i < request.Queries.Count; i++)
        {
            try
            {
                _ = Query.Parse(request.Queries[i]);
            }
            catch (QueryException exception)
            {
                throw new Output.UsageException(request.NameOf(i) + exception.Message);
            }
        }
    }

    /// <summary>Adds both files, side by side as on two machines.</summary>
    /// <exception cref="SimulationException">A setting names a column that neither file has.</exception>
    public async Task<Dataset[]> ReadAsync()
    {
        progress(new SimulationProgress("read", 0));
        var done = 0;
        var datasets = await Task.WhenAll(parties.Select((party, i) => Task.Run(async () =>
        {
            var dataset = await party.Datasets.AddAsync(RequestOf(i));
            progress(new SimulationProgress("read", Interlocked.Increment(ref done) / 2.0));
            return dataset;
        })));
        CheckColumns(datasets);
        return datasets;
    }

    /// <summary>What cannot be asked of these files is refused before anything is exchanged: names, types, and what the engine cannot compute.</summary>
    /// <exception cref="SimulationException">Names the question and says why.</exception>
    public void CheckQuestions(Dataset[] datasets)
    {
        var columns = datasets.Zip(parties).ToDictionary(entry => entry.Second.Home.Name, entry => ColumnsOf(entry.First), StringComparer.Ordinal);
        var schema = new QuerySchema(columns, datasets[0].Texts);
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
                throw new SimulationException(request.NameOf(i) + exception.Message);
            }
        }
    }

    /// <summary>Makes the sender's reusable set.</summary>
    public async Task PrepareReusableAsync(Dataset[] datasets, CancellationToken cancellation)
    {
        var sender = request.Reveal == RevealTo.Initiator ? 1 : 0;
        var home = parties[sender].Home;
        using var threads = new ComputeThreads(Cores.CountOf(home.Config.Parallelism));
        await ReusableSets.MakeAsync(
            parties[sender].Datasets, datasets[sender], home.Name, request.RsaBits, threads, time,
            done => progress(new SimulationProgress("reusable set", done)), cancellation);
    }

    private DatasetRequest RequestOf(int party) => new(
        DatasetName, party == 0 ? request.P1File : request.P2File, party == 0 ? request.Key : request.P2Key ?? request.Key, request.Reading[party],
        request.FoldCase, request.Duplicates, request.OwnTypes[party], request.MinCell, request.Texts, request.MissingWords, request.WholeNumbers,
        request.Types);

    /// <summary>What is said for both files may be of either.</summary>
    private void CheckColumns(Dataset[] datasets)
    {
        var typed = request.Types.Keys.Select(RecordReader.NormalizeName);
        if (typed.FirstOrDefault(name => !datasets.Any(dataset => dataset.Attributes.Contains(name))) is { } untyped)
        {
            throw new SimulationException($"neither file has a column {untyped} to set the type of beside its key; "
                + $"{request.P1File} has {string.Join(", ", datasets[0].Attributes)}, {request.P2File} has {string.Join(", ", datasets[1].Attributes)}");
        }

        var shared = request.Reading.Where(reading => reading.OtherFileHasRest).SelectMany(reading => reading.Columns ?? [])
            .Select(RecordReader.NormalizeName);
        if (shared.FirstOrDefault(name => !datasets.Any(dataset => dataset.Columns.Contains(name))) is { } unknown)
        {
            throw new SimulationException($"neither file has a column {unknown}");
        }
    }

    private static IReadOnlyList<TypedColumn> ColumnsOf(Dataset dataset) => [.. dataset.Described.Select(column => new TypedColumn(column.Name, column.Type))];
}
