using System.CommandLine;
using PsiMessaging.Cli.Output;
using PsiMessaging.Cli.Simulation;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.Storage;

namespace PsiMessaging.Cli.Commands;

/// <summary><c>psi dataset add | list | prepare | remove</c>.</summary>
internal static class DatasetCommands
{
    public static Command Create() => new("dataset", "This party's datasets") { Add(), List(), Prepare(), Remove() };

    private static Command Add()
    {
        var input = new InputOptions();
        var name = new Argument<string>("NAME") { Description = "Name of the dataset" };
        var file = new Argument<string>("FILE") { Description = "CSV, Parquet or Excel workbook (.xlsx); CSV also compressed (.gz, .zst) or through a pipe" };
        var minCell = PsiRootCommand.OptionalNumber("--min-cell",
            "Fewest records anything is said about in sessions with this dataset (default: the home's, 10 at first); below 3 only for data that are not "
                + "confidential",
            1, ParticipantConfig.MostMinCell);
        var command = new Command("add", "Read, check and keep a file") { name, file, minCell };
        input.AddTo(command);
        return command.Do(async (parsed, _) =>
        {
            using var home = SessionCommands.OpenParty(parsed);
            using var store = new SqliteParticipantStore(home.StatePath);
            var dataset = await new DatasetCatalog(home, store, TimeProvider.System).AddAsync(new DatasetRequest(
                parsed.GetValue(name)!, parsed.GetValue(file)!, input.KeyOf(parsed), input.ReadingOf(parsed), input.FoldOf(parsed), input.DuplicatesOf(parsed),
                input.TypesOf(parsed), parsed.GetValue(minCell), input.TextsOf(parsed), input.MissingWordsOf(parsed), parsed.GetValue(input.WholeIdentifiers)));
            if (parsed.GetValue(PsiRootCommand.Json))
            {
                Terminal.Json(dataset, OutputJson.Plain.Dataset);
                return;
            }

            Console.Out.WriteLine($"{dataset.Name}: {dataset.Rows:N0} rows, {dataset.Distinct:N0} distinct identifiers in {string.Join(" + ", dataset.Key)}"
                + (dataset.Dropped > 0 ? $"; {dataset.Dropped:N0} rows without one left out" : "")
                + (dataset.Repeated > 0 ? $"; {dataset.Repeated:N0} rows that repeat one left out" : ""));
            Console.Out.WriteLine($"Read as {dataset.Reading}");
            var described = dataset.Described.Select(column => $"{column.Name} {column.Type}{(column.Missing > 0 ? $" ({column.Missing:N0} missing)" : "")}");
            Console.Out.WriteLine($"Columns to ask about: {string.Join(", ", described.DefaultIfEmpty("none"))}");
            foreach (var line in DatasetNotices.Forms(dataset).Concat(DatasetNotices.Of(dataset)))
            {
                Console.Out.WriteLine(line);
            }

            Console.Out.WriteLine(dataset.MinCell == 1
                ? "Answers say everything, also about single records: right for data that are not confidential, and for no others."
                : $"Nothing is said about fewer than {dataset.MinCell ?? home.Config.MinCell:N0} records{WhoseMinimum(dataset, home)}.");
        });
    }

    private static string WhoseMinimum(Dataset dataset, ParticipantHome home) => dataset.MinCell is null ? $" (minCell of {home.Name}'s home)"
        : dataset.MinCell < ParticipantConfig.LeastMinCell ? ": right for data that are not confidential, and for no others" : "";

    private static Command List() => new Command("list", "All datasets").Do((parsed, _) =>
    {
        using var home = SessionCommands.OpenParty(parsed);
        using var store = new SqliteParticipantStore(home.StatePath);
        var datasets = new DatasetCatalog(home, store, TimeProvider.System).List();
        if (parsed.GetValue(PsiRootCommand.Json))
        {
            Terminal.Json([.. datasets], OutputJson.Plain.ListDataset);
        }
        else if (datasets.Count == 0)
        {
            Console.Out.WriteLine($"{home.Name} has no dataset; add one with: psi dataset add NAME FILE --key COLUMN");
        }
        else
        {
            Terminal.Table(["name", "rows", "identifiers", "key", "other columns"], datasets.Select(dataset => (IReadOnlyList<string>)
                [dataset.Name, dataset.Rows.ToString("N0"), dataset.Distinct.ToString("N0"),
                    string.Join(" + ", dataset.Key), string.Join(", ", dataset.Attributes)]), 1, 2);
            foreach (var dataset in datasets.Where(dataset => !dataset.HasCurrentRules))
            {
                Console.Out.WriteLine($"{dataset.Name} was added under older rules for identifiers and cannot be used: remove it and add it again");
            }
        }

        return Task.CompletedTask;
    });

    private static Command Prepare()
    {
        var name = new Argument<string>("NAME") { Description = "Name of the dataset" };
        var session = new SessionOptions();
        var parallelism = PsiRootCommand.Number("--parallelism", "Cores to use (default: all)", 0, 0, 1024);
        return new Command("prepare", "Sign a large dataset once, for rsa sessions in which a small party is the receiver")
        {
            name,
            session.RsaBits,
            parallelism
        }.Do(async (parsed, cancellation) =>
        {
            using var home = SessionCommands.OpenParty(parsed);
            using var store = new SqliteParticipantStore(home.StatePath);
            var catalog = new DatasetCatalog(home, store, TimeProvider.System);
            var dataset = catalog.Resolve(parsed.GetValue(name));
            using var threads = new ComputeThreads(Cores.CountOf(parsed.GetValue(parallelism) is > 0 and var asked ? asked : home.Config.Parallelism));
            var set = await ProgressDisplay.ShowAsync(update => ReusableSets.MakeAsync(
                catalog, dataset, home.Name, parsed.GetValue(session.RsaBits), threads, TimeProvider.System,
                done => update(new SimulationProgress("reusable set", done)), cancellation));
            store.Write(transaction => new AuditLog(home, TimeProvider.System).Append(
                transaction, "reusable-set-made", ("dataset", dataset.Name), ("tags", set.Tags),
                ("rsaBits", set.RsaBits), ("set", Convert.ToHexStringLower(set.Id))));
            if (parsed.GetValue(PsiRootCommand.Json))
            {
                Terminal.Json(set, OutputJson.Plain.ReusableSet);
                return;
            }

            Console.Out.WriteLine(
                $"{dataset.Name}: {set.Tags:N0} identifiers signed under a key of {set.RsaBits} bits. Sessions that use the set (--protocol rsa --reuse) all "
                    + "see the same tags: a receiver can tell whether the set has changed since.");
        });
    }

    private static Command Remove()
    {
        var name = new Argument<string>("NAME") { Description = "Name of the dataset" };
        return new Command("remove", "Remove a dataset and its stored rows") { name }.Do((parsed, _) =>
        {
            using var home = SessionCommands.OpenParty(parsed);
            using var store = new SqliteParticipantStore(home.StatePath);
            new DatasetCatalog(home, store, TimeProvider.System).Remove(parsed.GetValue(name)!);
            if (!parsed.GetValue(PsiRootCommand.Json))
            {
                Console.Out.WriteLine($"{parsed.GetValue(name)} removed");
            }

            return Task.CompletedTask;
        });
    }
}
