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
        var form = new AnswerOptions();
        var command = new Command("answer", "Print a stored answer again, in any form, without asking") { id };
        form.AddTo(command);
        return command.Do(async (parsed, _) =>
        {
            form.Check(parsed);
            QueryResult? result = null;
            await SessionCommands.WithStoreAsync(parsed, (home, store) => result = Find(store.Read(QuestionBook.Answers), parsed.GetValue(id)!, home.Name));
            await form.WriteAsync(parsed, result!);
        });
    }

    /// <summary>The stored answer whose id begins so.</summary>
    internal static QueryResult Find(IReadOnlyList<QueryResult> answers, string prefix, string name)
    {
        var found = answers.Where(answer => prefix.Length > 0 && answer.QueryId.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).Take(2).ToArray();
        return found is [var only] ? only : throw new ParticipantException(FailureCodes.WrongState,
            found.Length == 0 ? $"{name} has no answer {prefix}; see: psi answers" : $"several answers begin with {prefix}; write more of the id");
    }
}
