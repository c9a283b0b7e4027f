namespace PsiMessaging.Analytics.Statistics;

/// <summary>What a column of an answer holds.</summary>
public enum AnswerRole
{
    /// <summary>Labels of a grouping, or names of terms.</summary>
    Label,
    /// <summary>A whole number of records.</summary>
    Count,
    /// <summary>An exact number with a fixed number of digits after the point.</summary>
    Exact,
    /// <summary>A floating number.</summary>
    Real,
}

/// <summary>A column of an answer.</summary>
/// <param name="Name">Heading.</param>
/// <param name="Role">What it holds.</param>
/// <param name="Decimals">Digits after the point, for exact numbers.</param>
public sealed record AnswerColumn(string Name, AnswerRole Role, int Decimals = 0);

/// <summary>One value of an answer.</summary>
/// <param name="Text">The label or number; exact numbers with all their digits, floating ones so that they read back the same. Null where there is none, or where it is withheld.</param>
/// <param name="IsWithheld">Whether the minimum cell size withholds it.</param>
/// <param name="IsTotal">Whether it stands for all groups of its column.</param>
public sealed record AnswerCell(string? Text, bool IsWithheld = false, bool IsTotal = false)
{
    /// <summary>A value that the minimum cell size withholds.</summary>
    public static AnswerCell Withheld { get; } = new(null, true);
    /// <summary>A label that stands for all groups.</summary>
    public static AnswerCell Total { get; } = new("(total)", IsTotal: true);
    /// <summary>A value that does not exist: a variance of one record, say.</summary>
    public static AnswerCell None { get; } = new((string?)null);

    /// <summary>A floating number.</summary>
    public static AnswerCell Real(double? value) => value is { } number && double.IsFinite(number) ? new AnswerCell(number.ToString("R", System.Globalization.CultureInfo.InvariantCulture)) : None;
}

/// <summary>An answer: a table, and what must be known to read it.</summary>
/// <param name="Columns">Headings.</param>
/// <param name="Rows">Rows in the order people expect, totals last.</param>
/// <param name="Records">Common records that pass the filter.</param>
/// <param name="Withheld">Rows of which something is withheld.</param>
/// <param name="Facts">Single numbers that belong to the whole: R², n.</param>
/// <param name="Rules">How the numbers came about: missing values, precision, withheld cells.</param>
public sealed record Answer(
    IReadOnlyList<AnswerColumn> Columns, IReadOnlyList<IReadOnlyList<AnswerCell>> Rows, long Records, int Withheld, IReadOnlyDictionary<string, string> Facts, IReadOnlyList<string> Rules);

/// <summary>The exact sums an answer follows from, group by group.</summary>
public interface IMomentTable
{
    /// <summary>Labels of each group, one for each grouping of the query in its order; null where the value is missing.</summary>
    IReadOnlyList<IReadOnlyList<string?>> Groups { get; }

    /// <summary>A sum in units over one group.</summary>
    System.Numerics.BigInteger Sum(int group, Moment moment);

    /// <summary>Whether the group's sums are withheld already, by the linker.</summary>
    bool IsWithheld(int group);

    /// <summary>Labels of a class term's levels, in order.</summary>
    IReadOnlyList<string> Levels(BoundTerm term);
}
