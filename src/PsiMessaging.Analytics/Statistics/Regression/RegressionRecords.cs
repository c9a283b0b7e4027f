using System.Numerics;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Regression;

/// <summary>The records that a regression is about: one group, and under a minimum cell size what the asking party knows of its own side of it.</summary>
internal sealed class RegressionRecords
{
    /// <param name="groups">The groups.</param>
    /// <param name="listed">The only one, or none: the other party's filter leaves none, or few.</param>
    public RegressionRecords(AnswerGroups groups, int[] listed)
    {
        var table = groups.Table;
        Group = listed.Length == 0 ? -1 : listed[0];
        Design = new RegressionDesign(groups.Query, term => table.Levels(term).Count);
        Complete = Group < 0 ? 0 : (long)table.Sum(Group, Design.CompleteRecords);
        Own = groups.MinCell == 1 ? Complete : (long)groups.OwnOf(listed);
        LeavesFew = groups.HasMinimum && Own - Complete < groups.MinCell;
        Names = [.. Design.Columns.Select(column => column switch
        {
            { Term: null } => "(intercept)",
            { Term: { } term, Level: { } level } => $"{term.Grouping!.Grouping.Column}[{table.Levels(term)[level]}]",
            { Term: { } term } => term.Column.Name,
        })];
    }

    /// <summary>The group; -1 for none.</summary>
    public int Group { get; }

    /// <summary>The design.</summary>
    public RegressionDesign Design { get; }

    /// <summary>Number of coefficients.</summary>
    public int Size => Design.Columns.Count;

    /// <summary>Names of the design's columns.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Complete records.</summary>
    public long Complete { get; }

    /// <summary>Complete records on the asking party's side; without a minimum cell size the same.</summary>
    public long Own { get; }

    /// <summary>Whether none or few of the own records are left out by the other party: they look alike.</summary>
    public bool LeavesFew { get; }

    /// <summary>The number that is shown: where none or few are left out, that of the asking party's own side.</summary>
    public long ShownRecords => LeavesFew ? Own : Complete;
}
