using System.CommandLine;
using PsiMessaging.Cli.Output;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Sessions.Datasets;
using PsiMessaging.Storage;

namespace PsiMessaging.Cli.Commands;

/// <summary><c>psi dataset add | list | remove</c>.</summary>
internal static class DatasetCommands
{
    public static Command Create() => new("dataset", "This party's datasets") { Add(), List(), Remove() };

    private static Command Add()
    {
        var input = new InputOptions();
        var name = new Argument<string>("NAME") { Description = "Name of the dataset" };
        var file = new Argument<string>("FILE") { Description = "CSV or Parquet" };
        var command = new Command("add", "Read, check and keep a file") { name, file };
        input.AddTo(command);
        return command.Do(async (parsed, _) =>
        {
            using var home = SessionCommands.OpenParty(parsed);
            using var store = new SqliteParticipantStore(home.StatePath);
            var dataset = await new DatasetCatalog(home, store, TimeProvider.System).AddAsync(new DatasetRequest(
                parsed.GetValue(name)!, parsed.GetValue(file)!, input.KeyOf(parsed), input.ReadingOf(parsed), input.FoldOf(parsed), input.DuplicatesOf(parsed)));
            if (parsed.GetValue(PsiRootCommand.Json))
            {
                Terminal.Json(dataset, OutputJson.Plain.Dataset);
                return;
            }

            Console.Out.WriteLine($"{dataset.Name}: {dataset.Rows:N0} rows, {dataset.Distinct:N0} distinct identifiers in {string.Join(" + ", dataset.Key)}"
                + (dataset.Dropped > 0 ? $"; {dataset.Dropped:N0} rows without one left out" : "")
                + (dataset.Repeated > 0 ? $"; {dataset.Repeated:N0} rows that repeat one left out" : ""));
            Console.Out.WriteLine($"Columns to ask about: {(dataset.Attributes.Count == 0 ? "none" : string.Join(", ", dataset.Attributes))}");
        });
    }

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
                [dataset.Name, dataset.Rows.ToString("N0"), dataset.Distinct.ToString("N0"), string.Join(" + ", dataset.Key), string.Join(", ", dataset.Attributes)]), 1, 2);
        }

        return Task.CompletedTask;
    });

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
