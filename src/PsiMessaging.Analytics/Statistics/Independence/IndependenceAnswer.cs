using System.Globalization;
using System.Numerics;
using MathNet.Numerics;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Independence;

/// <summary>The test of independence from the counts of all pairs of values; shown where every one of them may be.</summary>
internal sealed class IndependenceAnswer(AnswerGroups groups)
{
    private readonly BoundQuery _query = groups.Query;
    private readonly IMomentTable _table = groups.Table;

    private string Columns(string between) => string.Join(between, _query.Groupings.Select(grouping => grouping.Grouping.Column));

    private string Name => $"chisq({Columns(", ")})";

    /// <param name="listed">The groups, records without a value among them.</param>
    /// <exception cref="QueryException">A cell or what is left out has too few records, or one side has one value.</exception>
    public Answer Build(int[] listed)
    {
        if (!groups.IsComplete && _table.IsComplete is not null)
        {
            throw new QueryException(QueryException.EngineCannot,
                "the engine tokens cannot test independence here, because the linker keeps small groups back and it cannot be known that none is missing; "
                    + "take a session with --engine masked, or coarser classes");
        }

        var table = new ContingencyTable([.. listed.Where(group => _table.Groups[group].All(label => label is not null))
            .Select(group => (_table.Groups[group][0]!, _table.Groups[group][1]!, _table.Sum(group, _query.Records)))]);
        if (groups.HasMinimum && !MayBeShown(table, listed))
        {
            throw new QueryException(QueryException.BelowMinimum,
                $"{Name} is withheld: a cell of its table, or what is left out of it, has fewer than {groups.MinCell} records, none and few alike, and "
                    + "the statistic could give it away; take coarser classes");
        }

        if (table.Rows.Count < 2 || table.Columns.Count < 2)
        {
            throw new QueryException(QueryException.NothingSelected,
                $"{Name} needs two or more values on each side; among the records that count "
                    + $"{_query.Groupings[table.Rows.Count < 2 ? 0 : 1].Grouping.Column} has one");
        }

        Describe(table, listed);
        var (n, statistic, freedom) = (table.Records, table.ChiSquare(), table.Freedom);
        return new Answer(
            [
                new AnswerColumn("chi-square", AnswerRole.Real), new AnswerColumn("df", AnswerRole.Count), new AnswerColumn("p-value", AnswerRole.Real),
                new AnswerColumn("Cramér's V", AnswerRole.Real), new AnswerColumn("n", AnswerRole.Count),
            ],
            [[
                AnswerCell.Real(statistic), new AnswerCell(freedom.ToString(CultureInfo.InvariantCulture)), AnswerCell.Real(UpperTail(freedom, statistic)),
                AnswerCell.Real(table.CramersV(statistic)), new AnswerCell(n.ToString(CultureInfo.InvariantCulture)),
            ]],
            groups.MinCell == 1 ? groups.Records.Sum() : (long)n, 0, new Dictionary<string, string>(), []);
    }

    /// <summary>
    /// None and few alike: also a cell that does not occur, and records that are left out. Own records without a label are none of them: the asking party
    /// knows how many it has.
    /// </summary>
    private bool MayBeShown(ContingencyTable table, int[] listed)
    {
        bool LacksOwn(int group) => Enumerable.Range(0, _query.Groupings.Count).Any(i => _table.Groups[group][i] is null
            && !_table.IsOthers(_query.Groupings[i].Column));
        var leftOut = groups.CommonRecords - table.Records;
        return table.HasEvery(groups.MinCell) && (_table.IsComplete == true
            ? leftOut == 0 || leftOut >= groups.MinCell
            : groups.IsAboutEnough(table.Records, groups.OwnOf(listed.Where(group => !LacksOwn(group)))));
    }

    private void Describe(ContingencyTable table, int[] listed)
    {
        if (groups.MinCell == 1)
        {
            groups.Rules.AddMissing($"{Columns(" or ")}: ", groups.Total(listed, _query.Records) - table.Records, "without a value");
        }
        else
        {
            groups.Rules.AddLeftOut(groups.CommonRecords - table.Records, $"without a value in {Columns(" or ")}",
                $"in a group of fewer than {groups.MinCell}");
        }

        groups.Rules.Add("chi-square: N·(Σ O²/(R·C) − 1) of exact counts, terms and sum as doubles; p from the chi-square distribution; no continuity "
            + "correction");
        if (table.LowExpected is var low and > 0)
        {
            groups.Rules.Add($"{low:N0} of {table.Rows.Count * table.Columns.Count:N0} expected counts are below 5: take the p-value with care");
        }
    }

    /// <summary>P(χ² ≥ x), without the loss of 1 − CDF in the tail.</summary>
    private static double UpperTail(int freedom, double x) => x <= 0 ? 1 : SpecialFunctions.GammaUpperRegularized(freedom / 2.0, x / 2.0);
}
