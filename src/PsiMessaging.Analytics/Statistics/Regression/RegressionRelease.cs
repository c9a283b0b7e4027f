using System.Numerics;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Analytics.Statistics.Regression;

/// <summary>
/// What a regression must not be about under a minimum cell size: fewer records than that, in all, at a class, away from a column's most frequent value, or
/// at two of those together; and of
/// the asking party's own columns none of few that the other party leaves out.
/// </summary>
internal sealed class RegressionRelease(AnswerGroups groups, RegressionRecords records)
{
    private readonly BoundQuery _query = groups.Query;
    private readonly IMomentTable _table = groups.Table;
    private readonly int _minimum = groups.MinCell;

    private RegressionDesign Design => records.Design;

    /// <summary>Refuses a regression that must not be shown.</summary>
    /// <exception cref="QueryException">It is about too few records.</exception>
    public void Check()
    {
        CheckRecords();
        if (!groups.HasMinimum)
        {
            return;
        }

        CheckClasses();
        CheckReferences();
        foreach (var column in groups.Columns.WithWeight([.. RegressionDesign.Numbers(_query)]))
        {
            CheckSpread(column);
        }

        foreach (var column in RegressionDesign.Numbers(_query).Where(column => _table.Release?.Decided(RegressionDecisions.DominanceOf(column)) == false))
        {
            throw Below($"few records may hold too much of {column.Name}, by rules of its owner's; leave it out");
        }

        if (new JointRelease(groups, records).FewTogether() is { } few)
        {
            throw Below($"{few} have, or leave out, fewer than {_minimum} records together at one of their classes or values, none and few alike; take "
                + "coarser classes or leave one out");
        }
    }

    /// <summary>What others have decided, where they have; else what follows from the sums.</summary>
    private bool IsFew(string name, Func<bool> fromSums) => _table.Release is { } release ? !release.Decided(name) : fromSums();

    private static QueryException Below(string message) => new(QueryException.BelowMinimum, message);

    private void CheckRecords()
    {
        // Too few for the minimum or for the coefficients is one text, and none and few left out give the same.
        if (records.Group < 0 || (groups.HasMinimum && IsFew(RegressionDecisions.Records, IsAboutFew)))
        {
            throw Below($"the regression, or what is left out of it, would be about fewer than {_minimum} records, or about too few for its coefficients "
                + $"(three for each, and {_minimum} beyond them, are the fewest), none and few alike, and is withheld");
        }

        if (_table.Release is null && records.Complete <= records.Size)
        {
            throw new QueryException(QueryException.NothingSelected,
                $"the regression has {records.Size} coefficients and only {records.Complete:N0} complete records");
        }
    }

    /// <summary>
    /// Fewest records of a regression: with about as many coefficients as records these are nearly the records' own values. Three for each coefficient
    /// (DataSHIELD's default bound, 0.33) and the minimum beyond them (degrees of freedom; ACRO's default is 10).
    /// </summary>
    internal static long RecordsFor(int coefficients, int minimum) => Math.Max(3L * coefficients, (long)coefficients + minimum);

    private bool IsAboutFew()
    {
        var surely = records.LeavesFew ? records.Own - _minimum + 1 : records.Complete;
        return records.Complete < _minimum || (_table.OthersSelect && records.LeavesFew) || surely < RecordsFor(records.Size, _minimum);
    }

    private void CheckClasses()
    {
        for (var i = 0; i < records.Size; i++)
        {
            var column = Design.Columns[i];
            if (column.Level is { } level && IsFew(RegressionDecisions.ClassOf(column.Term!, level), () =>
                _table.Sum(records.Group, Design.RecordsAt(column)) is var at && (at < _minimum || LeavesFew(column.Term!, level, at))))
            {
                throw FewAt(records.Names[i]);
            }
        }
    }

    private void CheckReferences()
    {
        foreach (var term in _query.Terms.Where(term => term.Grouping is not null && _table.Levels(term).Count > 0))
        {
            var others = Design.Columns.Where(column => column.Term == term)
                .Aggregate(BigInteger.Zero, (sum, column) => sum + _table.Sum(records.Group, Design.RecordsAt(column)));
            var reference = records.Complete - (long)others;
            if (IsFew(RegressionDecisions.ClassOf(term, 0), () => reference < _minimum || LeavesFew(term, 0, reference)))
            {
                throw FewAt($"{term.Column.Name}[{_table.Levels(term)[0]}]");
            }
        }
    }

    private QueryException FewAt(string level) =>
        Below($"{level} has, or leaves out, fewer than {_minimum} records, none and few alike; put its class together with another");

    /// <summary>Of its own columns the asking party knows how many differ: none of few of them may be left out by the other party.</summary>
    private void CheckSpread(ColumnName column)
    {
        var columns = groups.Columns;
        var different = _table.Sum(records.Group, Design.RecordsDifferent(column));
        bool IsFew(BigInteger here, Func<ColumnSpread, int> ownOf) =>
            here < _minimum || (_table.OthersSelect && columns.OwnSpread(column) is { } mine && ownOf(mine.Groups[0]) - here < _minimum);
        var fewDiffer = !columns.HasNone([records.Group], column, isRest: false) && IsFew(different, own => own.Different);
        var fewDoNot = _table.IsTwoValued(column) && !columns.HasNone([records.Group], column, isRest: true)
            && IsFew(records.Complete - different, own => own.Records - own.Different);
        if (this.IsFew(RegressionDecisions.SpreadOf(column), () => fewDiffer || fewDoNot))
        {
            throw Below($"{column.Name} has one value in all but fewer than {_minimum} of the records the regression is about, or of those it leaves out, "
                + "none and few alike; leave it out");
        }
    }

    /// <summary>Whether the other party's filter leaves out so few records of one of the own classes that it would show.</summary>
    private bool LeavesFew(BoundTerm term, int level, BigInteger at)
    {
        if (!_table.OthersSelect || _table.IsOthers(term.Column))
        {
            return false;
        }

        var index = _query.Terms.Where(candidate => candidate.Grouping is not null && !_table.IsOthers(candidate.Column)).ToList().IndexOf(term);
        return _table.Own!.Levels[index][level] - at < _minimum;
    }
}
