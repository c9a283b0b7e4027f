using System.Text.Json;
using PsiMessaging.Cli.Output;
using PsiMessaging.Files;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Result;

namespace PsiMessaging.Cli.Simulation;

/// <summary>A run's results as files of a folder: they appear when everything is done, or not at all.</summary>
internal sealed class SimulationOutput
{
    private readonly string _folder;
    private readonly string _target;

    /// <param name="folder">The folder as a person gave it; made when it is missing.</param>
    /// <exception cref="SimulationException">It is a file.</exception>
    public SimulationOutput(string folder)
    {
        if (File.Exists(folder))
        {
            throw new SimulationException($"{folder} is a file; --out takes a folder");
        }

        (_folder, _target) = (folder, Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
    }

    /// <summary>Before the work, not after it: whether anything can be put where the results go, or above it where that has to be made first.</summary>
    /// <exception cref="SimulationException">It cannot.</exception>
    public async Task TryAsync()
    {
        var place = _target;
        var name = Path.GetFileName(place);
        while (Path.GetDirectoryName(place) is { } parent && !Path.Exists(parent))
        {
            place = parent;
        }

        await BesideAsync(Path.Combine(Path.GetDirectoryName(place) ?? place, name), _ => Task.CompletedTask);
    }

    /// <summary>Writes both parties' intersections, an answer's table and, where asked for, its picture, and <c>report.json</c>.</summary>
    /// <param name="parties">The parties' homes.</param>
    /// <param name="session">The session whose files they hold.</param>
    /// <param name="report">The report.</param>
    /// <param name="answers">Answers, one for each question; null where it was refused.</param>
    /// <param name="plot">Form of pictures, svg or png; null for none.</param>
    /// <param name="rawLabels">Whether labels stand as they are in the data.</param>
    /// <exception cref="SimulationException">The folder cannot be written, or has no room.</exception>
    public Task WriteAsync(
        IEnumerable<ParticipantHome> parties, string session, SimulationReport report, IReadOnlyList<QueryResult?> answers, string? plot, bool rawLabels) =>
        BesideAsync(_target, async beside =>
        {
            var staging = Path.Combine(beside, "results");
            foreach (var home in parties)
            {
                CopyIntersections(home, session, Path.Combine(staging, home.Name));
            }

            for (var i = 0; i < answers.Count; i++)
            {
                if (answers[i] is { } answer)
                {
                    await WriteAnswerAsync(answer, i + 1, staging, plot, rawLabels);
                }
            }

            AtomicFile.Write(Path.Combine(staging, "report.json"), JsonSerializer.SerializeToUtf8Bytes(report, OutputJson.Plain.SimulationReport));
            MoveIn(staging);
        });

    private static void CopyIntersections(ParticipantHome home, string session, string target)
    {
        PrivateFile.CreateFolder(target);
        var folder = home.SessionPath(session);
        foreach (var name in new[] { IntersectionFile.Name, IntersectionFile.OwnName }.Where(name => File.Exists(Path.Combine(folder, name))))
        {
            AtomicFile.Write(Path.Combine(target, name), to =>
            {
                using var from = File.OpenRead(Path.Combine(folder, name));
                from.CopyTo(to);
            });
        }
    }

    private static async Task WriteAnswerAsync(QueryResult answer, int number, string staging, string? plot, bool rawLabels)
    {
        await AnswerWriter.WriteAsync(answer, "csv", Path.Combine(staging, $"query-{number}.csv"), rawLabels);
        if (plot is null)
        {
            return;
        }

        try
        {
            AnswerPlot.Write(answer, Path.Combine(staging, $"query-{number}.{plot}"));
        }
        catch (SimulationException exception)
        {
            // The answer stands without its picture.
            await Console.Error.WriteLineAsync($"psi: query {number} is not drawn: {exception.Message}");
        }
    }

    private void MoveIn(string staging)
    {
        if (!Directory.Exists(_target))
        {
            PrivateFile.RenameFolder(staging, _target);
            return;
        }

        foreach (var file in Directory.GetFiles(staging, "*", SearchOption.AllDirectories))
        {
            var place = Path.Combine(_target, Path.GetRelativePath(staging, file));
            PrivateFile.CreateFolder(Path.GetDirectoryName(place)!);
            AtomicFile.Rename(file, place);
        }
    }

    /// <summary>Does something in a folder of this run beside another, so that a failed run leaves nothing.</summary>
    private async Task BesideAsync(string target, Func<string, Task> write)
    {
        try
        {
            using var beside = TemporaryFolder.Beside(target);
            await write(beside.Path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SimulationException(DiskFault.IsFull(exception)
                ? $"no space is left for the results in {_folder}; free some there, or take another folder with --out"
                : $"the results cannot be written to {_folder}: {exception.Message}");
        }
    }
}
