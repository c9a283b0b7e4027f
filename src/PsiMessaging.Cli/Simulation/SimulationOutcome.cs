using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Questions;

namespace PsiMessaging.Cli.Simulation;

/// <summary>Where a simulation stands: the phase, and the part of it that is done.</summary>
internal sealed record SimulationProgress(string Phase, double Done);

/// <summary>What came out.</summary>
/// <param name="Report">What <c>report.json</c> holds.</param>
/// <param name="Queries">Answers, one for each question; null where it was refused.</param>
/// <param name="Refusals">Why, one for each question; null where there is an answer.</param>
/// <param name="Other">The other engine's session, where both were asked for.</param>
/// <param name="LinkerSaw">What the linker saw, by engine.</param>
internal sealed record SimulationOutcome(
    SimulationReport Report, IReadOnlyList<QueryResult?> Queries, IReadOnlyList<string?> Refusals, OtherEngine? Other,
    IReadOnlyDictionary<QueryEngine, IReadOnlyList<string>> LinkerSaw)
{
    /// <summary>The end of a run whose other results have been shown.</summary>
    /// <exception cref="SimulationException">A question was refused; names each.</exception>
    public void RequireAnswers()
    {
        if (Refusals.OfType<string>().ToArray() is { Length: > 0 } refused)
        {
            throw new SimulationException(string.Join("; ", refused));
        }
    }
}

/// <summary>The same questions under another engine: its answers, and whether each table is the same.</summary>
internal sealed record OtherEngine(QueryEngine Engine, IReadOnlyList<QueryResult?> Answers, IReadOnlyList<string?> Refusals)
{
    /// <summary>Whether every answer the engine gave equals the first engine's.</summary>
    public bool Agrees(IReadOnlyList<QueryResult?> first) =>
        Answers.Zip(first).All(pair => pair.First is null || pair.Second is null || Same(pair.First, pair.Second));

    private static bool Same(QueryResult left, QueryResult right) =>
        left.Answer.Columns.SequenceEqual(right.Answer.Columns) && left.Answer.Rows.Count == right.Answer.Rows.Count
        && left.Answer.Rows.Zip(right.Answer.Rows).All(rows => rows.First.SequenceEqual(rows.Second));
}
