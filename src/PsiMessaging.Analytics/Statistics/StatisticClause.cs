using System.Text.Json.Nodes;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>
/// What a question says of its statistic, as written: names are not resolved. What it has of measures, outcome and terms is resolved and checked for every
/// statistic alike
/// (<see cref="BoundQuery"/>), announced, and counted under a minimum cell size.
/// </summary>
public abstract record StatisticClause
{
    /// <summary>The statistic.</summary>
    public abstract Statistic Statistic { get; }

    /// <summary>Measures with the numeric columns they are about.</summary>
    public virtual IReadOnlyList<Measure> Measures => [];

    /// <summary>Bins that the question agrees on, or null.</summary>
    public virtual Bins? Bins => null;

    /// <summary>A numeric column that is explained, or null.</summary>
    public virtual string? Outcome => null;

    /// <summary>What explains it: numeric columns, or classes.</summary>
    public virtual IReadOnlyList<Term> Terms => [];

    /// <summary>Groupings as they are computed, in the order of the answer's columns.</summary>
    /// <param name="by">Those of the question.</param>
    public virtual IReadOnlyList<Grouping> Groupings(IReadOnlyList<Grouping> by) => by;

    /// <summary>What is wrong with it, for the person who asked; null where nothing is.</summary>
    public virtual string? Fault => null;

    /// <summary>The clause in the language.</summary>
    internal abstract string Write(Query query);

    /// <summary>The clause in JSON: the value of the member <see cref="Statistic.Member"/>.</summary>
    internal abstract JsonNode WriteJson(Query query);
}
