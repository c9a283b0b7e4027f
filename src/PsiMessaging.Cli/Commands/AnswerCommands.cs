using System.CommandLine;
using System.Globalization;
using PsiMessaging.Cli.Output;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Party.Questions;

namespace PsiMessaging.Cli.Commands;

/// <summary>A stored answer as <c>psi answers --json</c> lists it.</summary>
internal sealed record AnswerView(string Id, string Session, string Question, DateTimeOffset AnsweredAt, int Rows, int Withheld);

/// <summary>
/// <c>psi answers</c> and <c>psi answer</c>: answers stay in the asker's home, and are had again in any form without asking anybody.
/// </summary>
internal static class AnswerCommands
{
    public static Command Answers() => new Command("answers", "Answers to this party's questions, which stay in its home").Do((parsed, _) =>
        SessionCommands.WithStoreAsync(parsed, (home, store) =>
        {
            var answers = store.Read(QuestionBook.Answers);
            if (parsed.GetValue(PsiRootCommand.Json))
            {
                Terminal.Json([.. answers.Select(answer => new AnswerView(answer.QueryId, answer.Session, answer.Text, answer.AnsweredAt,
                    answer.Answer.Rows.Count, answer.Answer.Withheld))], OutputJson.Plain.ListAnswerView);
            }
            else if (answers.Count == 0)
            {
                Console.Out.WriteLine($"{home.Name} has no answers yet; ask with: psi query SESSION \"…\"");
            }
            else
            {
                Terminal.Table(["id", "session", "question", "rows", "answered (UTC)"], answers.Select(answer => (IReadOnlyList<string>)
                [
                    answer.QueryId[..8], answer.Session[..8], answer.Text, answer.Answer.Rows.Count.ToString("N0", CultureInfo.InvariantCulture),
                    answer.AnsweredAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
                ]), 3);
                Console.Out.WriteLine("psi answer ID --format … prints one again; nobody is asked.");
            }
        }));

    public static Command Answer()
    {
        var id = new Argument<string>("ID") { Description = "Of psi answers; its beginning is enough" };
        var format = PsiRootCommand.Choice("--format", "Form of the answer", "table", AnswerWriter.Forms);
        var file = new Option<string?>("--out")
        {
            Description = "File for the answer (default: standard output); a CSV file gets its metadata beside it", HelpName = "FILE",
        };
        var plot = new Option<string?>("--plot") { Description = "Draw the answer into this file, .svg or .png", HelpName = "FILE" };
        return new Command("answer", "Print a stored answer again, in any form, without asking") { id, format, file, plot, SessionCommands.RawLabels }
            .Do(async (parsed, _) =>
        {
            var form = parsed.GetValue(PsiRootCommand.Json) ? "json" : parsed.GetValue(format)!;
            AnswerWriter.Check(form, parsed.GetValue(file), parsed.GetValue(plot), parsed.GetValue(SessionCommands.RawLabels));
            QueryResult? result = null;
            await SessionCommands.WithStoreAsync(parsed, (home, store) => result = Find(store.Read(QuestionBook.Answers), parsed.GetValue(id)!, home.Name));
            if (parsed.GetValue(plot) is { } picture)
            {
                AnswerPlot.Write(result!, picture);
            }

            await AnswerWriter.WriteAsync(result!, form, parsed.GetValue(file), parsed.GetValue(SessionCommands.RawLabels));
        });
    }

    private static QueryResult Find(IReadOnlyList<QueryResult> answers, string prefix, string name)
    {
        var found = answers.Where(answer => prefix.Length > 0 && answer.QueryId.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).Take(2).ToArray();
        return found is [var only] ? only : throw new ParticipantException(FailureCodes.WrongState,
            found.Length == 0 ? $"{name} has no answer {prefix}; see: psi answers" : $"several answers begin with {prefix}; write more of the id");
    }
}
