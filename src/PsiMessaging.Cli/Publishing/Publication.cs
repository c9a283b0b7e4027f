using System.Globalization;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Cli.Output;
using PsiMessaging.Party.Questions;
using PsiMessaging.Suppression;
using static PsiMessaging.Cli.Publishing.PublishableAnswer;

namespace PsiMessaging.Cli.Publishing;

/// <summary>Answers as they may be published.</summary>
/// <param name="Results">The answers, in their order: what is withheld bears one mark, whatever the reason.</param>
/// <param name="Audit">What an attacker can compute of every withheld cell; null where numbers are rounded. It has the true values.</param>
/// <param name="Summary">For whoever publishes: how much was withheld or changed.</param>
internal sealed record Publication(IReadOnlyList<QueryResult> Results, AuditReport? Audit, string Summary)
{
    private const int NamedAtMost = 5;

    /// <summary>Withholds the counts below a threshold and what gives them away, with all that stands beside them in their lines.</summary>
    /// <param name="answers">Of one session.</param>
    /// <param name="threshold">The least count that is printed, not below the session's minimum cell size.</param>
    /// <exception cref="Participants.ParticipantException">It cannot be judged, or cells cannot be protected.</exception>
    public static Publication Suppress(IReadOnlyList<PublishableAnswer> answers, int threshold)
    {
        var linked = LinkedAnswers.Of(answers, threshold);
        var tables = linked.Tables;
        var found = Suppressor.Solve(tables);
        if (found.Unprotectable.Count > 0)
        {
            throw Refused($"{Several(found.Unprotectable.Count, "count")} below {threshold:N0} would follow from what is printed, whatever is withheld: "
                + $"{Names(tables, found.Unprotectable)}; coarser classes or one table less may help");
        }

        // What is published is what was audited: the search's own word is not taken for it.
        var audit = PsiMessaging.Suppression.Audit.Run(tables, found.Withheld, AuditKind.Integer);
        if (!audit.IsSafe)
        {
            throw Refused($"the audit does not bear out the pattern that was found: {string.Join(", ", audit.Cells.Where(cell => !cell.IsSafe)
                .Take(NamedAtMost).Select(cell => cell.Cell.Name))}");
        }

        var withheld = found.Withheld.ToHashSet();
        List<string> rules =
        [
            string.Create(CultureInfo.InvariantCulture, $"counts below {threshold} are withheld, and others from which those would follow, under one mark"),
            "a sum is withheld where its count is",
        ];
        QueryResult[] results = [.. answers.Select(answer => Rewrite(answer, rules, (row, column, cell) =>
            linked.CellOf(answer, row) is { } index && !withheld.Contains(index) && !cell.IsWithheld ? cell : AnswerCell.Withheld))];
        var primary = found.Withheld.Count - found.Secondary.Count;
        return new(results, audit, $"{Several(primary, "count")} below {threshold:N0} and {Several(found.Secondary.Count, "more count")} that "
            + $"{(found.Secondary.Count == 1 ? "protects" : "protect")} them are withheld, {(found.IsOptimal ? "the fewest that will do" : $"at least "
            + $"{found.LowerBound:N0} would be needed")}");
    }

    /// <summary>Rounds every count to a multiple of a base next to it, so that all sums stay true.</summary>
    /// <param name="answers">Of one session, counts alone.</param>
    /// <param name="roundingBase">The base.</param>
    /// <exception cref="Participants.ParticipantException">It cannot be judged, or there is no such rounding.</exception>
    public static Publication Round(IReadOnlyList<PublishableAnswer> answers, int roundingBase)
    {
        if (answers.FirstOrDefault(answer => answer.HasOtherMeasures) is { } other)
        {
            throw Refused($"{other.Name} has sums, which would say what its rounded counts do not");
        }

        var linked = LinkedAnswers.Of(answers, 1);
        var rounded = ControlledRounding.Round(linked.Tables, roundingBase);
        if (rounded.Values.Count == 0)
        {
            throw Refused(rounded.Outcome == RoundingOutcome.Impossible
                ? $"no rounding to multiples of {roundingBase:N0} keeps every sum true; another base may have one, or withhold with --rule"
                : $"no rounding to multiples of {roundingBase:N0} that keeps every sum true was found, nor that there is none; withhold with --rule");
        }

        List<string> rules = [string.Create(CultureInfo.InvariantCulture, $"every count is a multiple of {roundingBase} next to it; sums stay true")];
        QueryResult[] results = [.. answers.Select(answer => Rewrite(answer, rules, (row, _, cell) => linked.CellOf(answer, row) is { } index
            ? new(rounded.Values[index].ToString(CultureInfo.InvariantCulture)) : AnswerCell.Withheld) with { CommonRecords = -1 })];
        return new(results, null, $"every count is a multiple of {roundingBase:N0} now; they deviate by {rounded.Deviation:N0} in all");
    }

    /// <summary>The answer with other numbers, and with nothing beside them that counts: no number of records, no notes.</summary>
    private static QueryResult Rewrite(PublishableAnswer answer, List<string> rules, Func<int, int, AnswerCell, AnswerCell> cellOf)
    {
        var old = answer.Result.Answer;
        List<IReadOnlyList<AnswerCell>> rows = [.. old.Rows.Select((row, i) => (IReadOnlyList<AnswerCell>)
            [.. row.Select((cell, column) => column < answer.Columns.Count ? cell : cellOf(i, column, cell))])];
        if (answer.Result.MinCell > 1)
        {
            rules = [.. rules, AnswerBuilder.WithheldRule(answer.Result.MinCell)];
        }

        return answer.Result with
        {
            Answer = old with
            {
                Rows = rows, Records = -1, Withheld = rows.Count(row => row.Any(cell => cell.IsWithheld)), Facts = new Dictionary<string, string>(),
                Rules = rules,
            },
        };
    }

    private static string Names(LinkedTables tables, IReadOnlyList<int> cells) =>
        string.Join("; ", cells.Take(NamedAtMost).Select(cell => tables.Cells[cell].Name)) + (cells.Count > NamedAtMost ? " …" : "");

    private static string Several(int number, string what) => $"{number.ToString("N0", CultureInfo.InvariantCulture)} {what}{(number == 1 ? "" : "s")}";
}
