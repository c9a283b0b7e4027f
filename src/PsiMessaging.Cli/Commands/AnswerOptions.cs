using System.CommandLine;
using PsiMessaging.Cli.Output;
using PsiMessaging.Party.Questions;

namespace PsiMessaging.Cli.Commands;

/// <summary>In which form an answer is wanted, and where; the same for one that is asked for and one that is stored.</summary>
internal sealed class AnswerOptions
{
    private readonly Option<string> _format = PsiRootCommand.Choice("--format", "Form of the answer", "table", AnswerWriter.Forms);
    private readonly Option<string?> _file = new("--out")
    {
        Description = "File for the answer (default: standard output); a CSV file gets its metadata beside it", HelpName = "FILE",
    };
    private readonly Option<string?> _plot = new("--plot") { Description = "Draw the answer into this file, .svg or .png", HelpName = "FILE" };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _format, _file, _plot, SessionCommands.RawLabels })
        {
            command.Add(option);
        }
    }

    /// <summary>Refuses a choice that cannot be, before anybody is asked.</summary>
    /// <exception cref="UsageException">It cannot be.</exception>
    public void Check(ParseResult parsed) =>
        AnswerWriter.Check(FormOf(parsed), parsed.GetValue(_file), parsed.GetValue(_plot), parsed.GetValue(SessionCommands.RawLabels));

    /// <summary>Writes an answer as it is wanted.</summary>
    /// <exception cref="UsageException">It has no such form.</exception>
    public async Task WriteAsync(ParseResult parsed, QueryResult result)
    {
        await AnswerWriter.WriteAsync(result, FormOf(parsed), parsed.GetValue(_file), parsed.GetValue(SessionCommands.RawLabels));
        if (parsed.GetValue(_plot) is { } picture)
        {
            AnswerPlot.Write(result, picture);
            await Console.Error.WriteLineAsync($"drawn into {picture}");
        }
    }

    private string FormOf(ParseResult parsed) => parsed.GetValue(PsiRootCommand.Json) ? "json" : parsed.GetValue(_format)!;
}
