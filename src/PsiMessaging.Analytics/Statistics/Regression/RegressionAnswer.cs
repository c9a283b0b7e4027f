using System.Globalization;
using System.Numerics;
using MathNet.Numerics;
using MathNet.Numerics.Distributions;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Regression;

/// <summary>The coefficients of a regression with their errors, and what is said of the whole.</summary>
internal sealed class RegressionAnswer(AnswerGroups groups, int[] listed)
{
    private readonly BoundQuery _query = groups.Query;
    private readonly IMomentTable _table = groups.Table;
    private readonly RegressionRecords _records = new(groups, listed);

    /// <exception cref="QueryException">No unique solution, or it is about too few records.</exception>
    public Answer Build()
    {
        new RegressionRelease(groups, _records).Check();
        var (n, size, shown) = (_records.Complete, _records.Size, _records.ShownRecords);
        var equations = new NormalEquations(_query, _records.Design, moment => _table.Sum(_records.Group, moment), i => _records.Names[i]);
        var rows = Rows(equations, n - size, shown - size);
        Describe(n, shown);
        return new Answer(
            [
                new AnswerColumn("term", AnswerRole.Label), new AnswerColumn("estimate", AnswerRole.Real), new AnswerColumn("std error", AnswerRole.Real),
                new AnswerColumn("t", AnswerRole.Real), new AnswerColumn("p-value", AnswerRole.Real), new AnswerColumn("low 95%", AnswerRole.Real), new AnswerColumn("high 95%", AnswerRole.Real),
            ],
            rows, shown, 0, Facts(equations, n - size, shown), []);
    }

    /// <param name="equations">Solved.</param>
    /// <param name="freedom">Degrees of freedom: for errors those of the records that count.</param>
    /// <param name="shownFreedom">For p-values and intervals those that are shown.</param>
    private List<IReadOnlyList<AnswerCell>> Rows(NormalEquations equations, long freedom, long shownFreedom)
    {
        var quantile = new StudentT(0, 1, shownFreedom).InverseCumulativeDistribution(0.975);
        var rows = new List<IReadOnlyList<AnswerCell>>();
        for (var i = 0; i < _records.Size; i++)
        {
            var (estimate, error) = (equations.Estimate(i), equations.StandardError(i, freedom));
            var t = error > 0 ? estimate / error : (double?)null;
            rows.Add(
            [
                new AnswerCell(_records.Names[i]), AnswerCell.Real(estimate), AnswerCell.Real(error), AnswerCell.Real(t),
                AnswerCell.Real(t is { } value ? TwoSided(shownFreedom, value) : null),
                AnswerCell.Real(estimate - (quantile * error)), AnswerCell.Real(estimate + (quantile * error)),
            ]);
        }

        return rows;
    }

    private Dictionary<string, string> Facts(NormalEquations equations, long freedom, long shown)
    {
        var shownFreedom = shown - _records.Size;
        var determination = equations.Determination;
        return new Dictionary<string, string>
        {
            ["n"] = shown.ToString(CultureInfo.InvariantCulture),
            ["degrees of freedom"] = shownFreedom.ToString(CultureInfo.InvariantCulture),
            ["residual standard error"] = AnswerCell.Real(equations.ResidualError(freedom)).Text ?? "",
            ["R²"] = AnswerCell.Real(determination).Text ?? "",
            ["adjusted R²"] = AnswerCell.Real(1 - ((1 - determination) * (shown - 1) / shownFreedom)).Text ?? "",
        };
    }

    private void Describe(long n, long shown)
    {
        foreach (var term in _query.Terms.Where(term => term.Grouping is not null && _table.Levels(term).Count > 0))
        {
            groups.Rules.Add($"{term.Column.Name}: the reference is {_table.Levels(term)[0]}");
        }

        if (groups.HasMinimum && _query.Terms.Any(term => term.Grouping is not null))
        {
            groups.Rules.Add($"classes of fewer than {groups.MinCell} records are counted with the reference, if there are any");
        }

        if (groups.MinCell == 1)
        {
            groups.Rules.AddMissing("", (long)_table.Sum(_records.Group, _query.Records) - n, "without all values");
        }
        else
        {
            groups.Rules.AddLeftOut(groups.CommonRecords - shown, "without one of the values");
        }

        if (_records.LeavesFew)
        {
            groups.Rules.Add($"none or fewer than {groups.MinCell} more lack a value of the other party's and are left out too; "
                + "n, the degrees of freedom, p-values, intervals and adjusted R² are as if none was, estimates and standard errors of those that count");
        }

        groups.Rules.Add("the normal equations are exact integers and are solved exactly; coefficients are rounded once to doubles, "
            + "standard errors are the root of an exact quotient; t and the 95% interval from Student's distribution");
    }

    /// <summary>P(|T| ≥ |t|), by the incomplete beta function so that small ones keep their digits.</summary>
    private static double TwoSided(long freedom, double t) => SpecialFunctions.BetaRegularized(freedom / 2.0, 0.5, freedom / (freedom + (t * t)));
}
