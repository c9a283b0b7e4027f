using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Measures;

/// <summary>
/// A function that a table has measures of, <c>mean</c> say: its name, the sums it follows from, how it follows. Under a minimum cell size a measure is
/// shown by the rule for the columns
/// it multiplies (<see cref="Disclosure.ColumnRelease"/>), the same for every function. Closed: <see cref="MeasureFunctions.All"/> has all of them.
/// </summary>
public abstract class MeasureFunction
{
    /// <summary>Its name in the language, in lower case.</summary>
    public abstract string Name { get; }

    /// <summary>How many columns it takes, 0 to 2.</summary>
    public abstract int Columns { get; }

    /// <summary>
    /// Whether it is the number of records: the engine <c>tokens</c> can answer it, and under a minimum cell size the rule for counts has decided what is
    /// shown of it where there is no weight.
    /// </summary>
    public virtual bool IsCount => false;

    /// <summary>How the number comes about, for the person who reads the answer.</summary>
    public abstract string Rule { get; }

    /// <summary>Every sum that a measure follows from. The order is that of the parties' matrices and may not change.</summary>
    /// <param name="query">The query.</param>
    /// <param name="columns">The measure's columns.</param>
    public abstract IEnumerable<Moment> Moments(BoundQuery query, ColumnName[] columns);

    /// <summary>Heading of a measure's column and what it holds.</summary>
    public virtual AnswerColumn Heading(BoundQuery query, Measure measure, ColumnName[] columns) => new(measure.Name, AnswerRole.Real);

    /// <summary>The measure from its sums; empty where it does not exist, a variance of one record say.</summary>
    public abstract AnswerCell Compute(MeasureSums sums);
}
