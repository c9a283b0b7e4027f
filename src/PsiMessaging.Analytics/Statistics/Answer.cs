using System.Text.Json.Serialization;
using PsiMessaging.Contracts.V1;

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
/// <param name="Text">
/// The label or number; exact numbers with all their digits, floating ones so that they read back the same. Null where there is none, or where it is withheld.
/// </param>
/// <param name="IsWithheld">
/// Whether it is withheld: for its own sake or because another would follow from it is not said, since either tells something of the other.
/// </param>
/// <param name="IsTotal">Whether it stands for all groups of its column.</param>
public sealed record AnswerCell(string? Text, bool IsWithheld = false, bool IsTotal = false)
{
    /// <summary>A value that is withheld.</summary>
    public static AnswerCell Withheld { get; } = new(null, true);
    /// <summary>The label of the line that stands for all groups that are not shown.</summary>
    public static AnswerCell WithheldGroups { get; } = new("(withheld)", true);
    /// <summary>A label that stands for all groups.</summary>
    public static AnswerCell Total { get; } = new("(total)", IsTotal: true);
    /// <summary>A value that does not exist: a variance of one record, say.</summary>
    public static AnswerCell None { get; } = new((string?)null);

    /// <summary>A floating number.</summary>
    public static AnswerCell Real(double? value) =>
        value is { } number && double.IsFinite(number) ? new AnswerCell(number.ToString("R", System.Globalization.CultureInfo.InvariantCulture)) : None;
}

/// <summary>An answer: a table, and what must be known to read it.</summary>
/// <param name="Columns">Headings.</param>
/// <param name="Rows">Rows in the order people expect, totals last.</param>
/// <param name="Records">
/// Common records that pass the filter; -1 where that is withheld. Those the asking party puts aside because
/// they lack a value are not among them, as a rule of the answer says.
/// </param>
/// <param name="Withheld">Rows of which something is withheld; the line that stands for all groups not shown is one.</param>
/// <param name="Facts">Single numbers that belong to the whole: R², n.</param>
/// <param name="Rules">How the numbers came about: missing values, precision, withheld cells.</param>
public sealed record Answer(
    IReadOnlyList<AnswerColumn> Columns, IReadOnlyList<IReadOnlyList<AnswerCell>> Rows, long Records,
    int Withheld, IReadOnlyDictionary<string, string> Facts, IReadOnlyList<string> Rules)
{
    /// <summary>What was added to every count; null for nothing.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public NoiseTerms? Noise { get; init; }
}

/// <summary>How many common records the asking party's own side has, after its own part of the filter: what it knows without asking.</summary>
/// <param name="Groups">Records in each of its groups.</param>
/// <param name="Aside">Records in its groups that are put aside as too small.</param>
/// <param name="Columns">
/// Its numeric columns that the plan counts differences of: records with a value, and records that differ from the most frequent value of all groups together.
/// </param>
/// <param name="Levels">Regression: records at each level of each of its class terms, in the order of the terms.</param>
/// <param name="Bins">
/// Where the bins of a quantile are its own, each bin of each group: records, and those of another weight than the most frequent one. Null elsewhere.
/// </param>
/// <param name="Notes">What is to be said of what is put aside.</param>
/// <param name="Counts">For each of <see cref="BoundQuery.OwnMoments"/>, in order, the own records of each group.</param>
public sealed record OwnRecords(
    IReadOnlyList<int> Groups, int Aside, IReadOnlyList<ColumnAnnouncement> Columns,
    IReadOnlyList<IReadOnlyList<int>> Levels, IReadOnlyList<ColumnSpread>? Bins = null,
    IReadOnlyList<string>? Notes = null, IReadOnlyList<IReadOnlyList<int>>? Counts = null);

/// <summary>The exact sums an answer follows from, group by group.</summary>
public interface IMomentTable
{
    /// <summary>Labels of each group, one for each grouping of the query in its order; null where the value is missing.</summary>
    IReadOnlyList<IReadOnlyList<string?>> Groups { get; }

    /// <summary>A sum in units over one group.</summary>
    System.Numerics.BigInteger Sum(int group, Moment moment);

    /// <summary>
    /// Set where the linker has applied the minimum cell size and every group in the table may be shown: whether that is every group that can be. Null where it
    /// is for the reader of the table to apply.
    /// </summary>
    bool? IsComplete { get; }

    /// <summary>The asking party's own groups; null where they are not known or there is no minimum cell size.</summary>
    OwnRecords? Own { get; }

    /// <summary>Set where others have decided what is shown: sums of what is not are 0 here. Null where it is for the reader of the table to decide.</summary>
    Disclosure.Release? Release => null;

    /// <summary>Own group that a group belongs to.</summary>
    int OwnGroupOf(int group);

    /// <summary>
    /// Records of an own group that meet the asking party's part of one of the counts a minimum cell size is held against. Known where <see cref="Own"/> is.
    /// </summary>
    int OwnCount(int ownGroup, Moment moment);

    /// <summary>
    /// Under a minimum cell size, where the bins of a quantile are the asking party's: records of the own group in the group's bin, and those of another weight
    /// than the most frequent one. Null elsewhere.
    /// </summary>
    ColumnSpread? OwnBinOf(int group) => null;

    /// <summary>Whether the other party's filter or weight decides which records count.</summary>
    bool OthersSelect { get; }

    /// <summary>Whether a numeric column has two values or one, but for fewer than the minimum of records.</summary>
    bool IsTwoValued(Queries.ColumnName column);

    /// <summary>Whether a column is the other party's, or may be.</summary>
    bool IsOthers(Queries.ColumnName column);

    /// <summary>Labels of a class term's levels, in order.</summary>
    IReadOnlyList<string> Levels(BoundTerm term);
}
