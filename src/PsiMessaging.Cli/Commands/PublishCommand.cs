using System.CommandLine;
using System.Globalization;
using System.Text;
using PsiMessaging.Cli.Output;
using PsiMessaging.Cli.Publishing;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Party.Questions;

namespace PsiMessaging.Cli.Commands;

/// <summary><c>psi publish</c>: stored tables of counts as they may be shown to everybody; nobody is asked.</summary>
internal static class PublishCommand
{
    private const string RulePrefix = "minimum-frequency=";

    /// <summary>
    /// Where nothing is said, counts below so many times the session's minimum are withheld. Everybody knows that a count with a line is not below the minimum,
    /// so that a withheld one stays open over a range of twice the minimum.
    /// </summary>
    private const int DefaultTimes = 3;

    private static readonly Argument<string[]> Ids = new("ID")
    {
        Description = "Of psi answers; their beginnings are enough", Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<string?> Rule = new("--rule")
    {
        Description = "Withhold counts below N and what gives them away: minimum-frequency=N, N not below the session's minimum cell size (default: "
            + $"{DefaultTimes} times that)",
        HelpName = "RULE",
    };

    private static readonly Option<int?> Round = PsiRootCommand.OptionalNumber("--round",
        "Instead of withholding, round every count to a multiple of this next to it, so that all sums stay true", 2, 1_000_000);

    private static readonly Option<string> Form = PsiRootCommand.Choice("--form", "Form of the tables", "table", AnswerWriter.Forms);

    private static readonly Option<string?> Out = new("--out")
    {
        Description = "File for the table (default: standard output); of several, each with the beginning of its id in the name", HelpName = "FILE",
    };

    private static readonly Option<string?> AuditFile = new("--audit")
    {
        Description = "File for the audit: what an attacker can compute of each withheld count. It has the true values: never publish it", HelpName = "FILE",
    };

    private static readonly Option<bool> ShowAudit = new("--show-audit") { Description = "Print the audit on standard error too" };

    public static Command Create()
    {
        Rule.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && ThresholdOf(token.Value) is null)
            {
                result.AddError($"--rule takes {RulePrefix}N with a whole number from 1 to 1000000, not {token.Value}");
            }
        });
        var command = new Command("publish", "Make stored tables of counts fit for publication: what is small is withheld, and what gives it away. Not "
            + "protected: what is published elsewhere (also earlier, and answers not named here), what insiders know, sums that one record dominates")
        {
            Ids, Rule, Round, Form, Out, AuditFile, ShowAudit, SessionCommands.RawLabels,
        };
        return command.Do(async (parsed, _) =>
        {
            Check(parsed);
            List<QueryResult> results = [];
            await SessionCommands.WithStoreAsync(parsed, (home, store) =>
            {
                var stored = store.Read(QuestionBook.Answers);
                results = [.. parsed.GetValue(Ids)!.Select(id => AnswerCommands.Find(stored, id, home.Name)).DistinctBy(result => result.QueryId)];
            });
            await PublishAsync(parsed, results);
        });
    }

    private static async Task PublishAsync(ParseResult parsed, List<QueryResult> results)
    {
        var answers = results.ConvertAll(PublishableAnswer.Of);
        var minimum = results.Max(result => result.MinCell);
        var threshold = parsed.GetValue(Rule) is { } rule ? ThresholdOf(rule)!.Value : DefaultTimes * minimum;
        if (threshold < minimum)
        {
            throw new UsageException($"--rule {RulePrefix}{threshold} is below the session's minimum cell size, {minimum}");
        }

        var form = FormOf(parsed);
        var publication = parsed.GetValue(Round) is { } roundingBase ? Publication.Round(answers, roundingBase) : Publication.Suppress(answers, threshold);
        var raw = parsed.GetValue(SessionCommands.RawLabels);

        // Every form is made before the first file is written, so that a table that has no such form leaves nothing.
        foreach (var result in publication.Results)
        {
            await AnswerWriter.ContentAsync(result, form, raw);
        }

        foreach (var result in publication.Results)
        {
            if (publication.Results.Count > 1 && parsed.GetValue(Out) is null)
            {
                Console.Out.WriteLine(result.Text);
            }

            await AnswerWriter.WriteAsync(result, form, FileOf(parsed, result, results.Count > 1), raw);
        }

        if (publication.Audit is { } audit)
        {
            if (parsed.GetValue(AuditFile) is { } file)
            {
                AtomicFile.Write(file, Encoding.UTF8.GetBytes(audit.ToString()));
            }

            if (parsed.GetValue(ShowAudit))
            {
                await Console.Error.WriteAsync(audit.ToString());
            }
        }

        await Console.Error.WriteLineAsync(publication.Summary);
    }

    /// <summary>Refuses a choice that cannot be, before anything is computed.</summary>
    private static void Check(ParseResult parsed)
    {
        var isRounded = parsed.GetValue(Round) is not null;
        if (isRounded && parsed.GetValue(Rule) is not null)
        {
            throw new UsageException("--round and --rule do not go together: counts are rounded, or withheld");
        }

        if (isRounded && (parsed.GetValue(AuditFile) is not null || parsed.GetValue(ShowAudit)))
        {
            throw new UsageException("--audit and --show-audit are of withheld counts; --round withholds none");
        }

        var file = parsed.GetValue(Out);
        AnswerWriter.Check(FormOf(parsed), file, null, parsed.GetValue(SessionCommands.RawLabels));
        if (file is null && FormOf(parsed) != "table" && parsed.GetValue(Ids)!.Length > 1)
        {
            throw new UsageException("several tables in one form need files: add --out FILE");
        }

        if (parsed.GetValue(AuditFile) is { } audit && Path.GetDirectoryName(Path.GetFullPath(audit)) is { } folder && !Directory.Exists(folder))
        {
            throw new UsageException($"the folder {folder} does not exist");
        }
    }

    private static string FormOf(ParseResult parsed) => parsed.GetValue(PsiRootCommand.Json) ? "json" : parsed.GetValue(Form)!;

    private static string? FileOf(ParseResult parsed, QueryResult result, bool isOneOfSeveral) => parsed.GetValue(Out) is not { } file ? null
        : !isOneOfSeveral ? file
        : Path.Combine(Path.GetDirectoryName(file) ?? "", $"{Path.GetFileNameWithoutExtension(file)}-{result.QueryId[..8]}{Path.GetExtension(file)}");

    private static int? ThresholdOf(string rule) => rule.StartsWith(RulePrefix, StringComparison.Ordinal)
        && int.TryParse(rule.AsSpan(RulePrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number is >= 1 and <= 1_000_000 ? number : null;
}
