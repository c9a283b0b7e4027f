using System.Globalization;
using PsiMessaging.Analytics.Statistics;

namespace PsiMessaging.Attacks.Tests.AttackerProgram;

/// <summary>
/// A way to put questions, each chosen by what was seen before, and to say what follows: not a guess, but what no other data of the contributing party's fit.
/// </summary>
internal abstract class Attack
{
    /// <summary>What it does, in words.</summary>
    public abstract string Name { get; }

    /// <summary>Puts its questions. Where one is refused it says what follows from the others.</summary>
    public abstract Task<IReadOnlyList<Claim>> RunAsync(Desk desk);

    /// <summary>Lines of an answer that are no totals, and not the one for what is not shown: labels, and numbers behind them.</summary>
    /// <param name="answer">The answer; null for none.</param>
    /// <param name="labels">How many labels stand first.</param>
    protected static IEnumerable<(string[] Labels, decimal?[] Numbers)> LinesOf(Answer? answer, int labels) =>
        (answer?.Rows ?? []).Where(row => !row.Take(labels).Any(cell => cell.IsTotal || cell.IsWithheld || cell.Text is null))
            .Select(row => (row.Take(labels).Select(cell => cell.Text!).ToArray(), row.Skip(labels).Select(NumberOf).ToArray()));

    /// <summary>The only number of an answer about all records; null where it is not shown.</summary>
    protected static decimal? NumberOf(Reply reply) => reply.Answer is { } answer ? NumberOf(answer.Rows[0][0]) : null;

    /// <summary>The number behind labels; null where it is not shown.</summary>
    protected static decimal? NumberOf(Reply reply, params string[] labels) => LinesOf(reply.Answer, labels.Length)
        .Where(line => line.Labels.SequenceEqual(labels)).Select(line => line.Numbers[0]).FirstOrDefault();

    private static decimal? NumberOf(AnswerCell cell) =>
        decimal.TryParse(cell.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>What the target earns.</summary>
    protected static Claim EarnsOf(RandomSession session, decimal value) => new("what a person earns", i => i == session.Target, value, IsIncome: true);

    /// <summary>The target's income where two numbers are shown, as their difference.</summary>
    protected static IReadOnlyList<Claim> DifferenceOf(Desk desk, decimal? with, decimal? without) =>
        with is { } all && without is { } others ? [EarnsOf(desk.Session, all - others)] : [];
}
