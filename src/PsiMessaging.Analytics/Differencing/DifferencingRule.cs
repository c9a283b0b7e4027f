namespace PsiMessaging.Analytics.Differencing;

/// <summary>How near two questions are on the asking party's side, as far as the contributing party can see it: conditions, groupings and numbers.</summary>
public enum AskerRelation
{
    /// <summary>The records are others.</summary>
    Apart,
    /// <summary>Conditions and numbers differ, and yet some groups, alone or together, may be of the same records.</summary>
    MayCoincide,
    /// <summary>The records are the same, or overlap wherever the groups do.</summary>
    Same,
    /// <summary>The records may differ in few.</summary>
    Close,
}

/// <summary>One party's side of a question as its history holds it.</summary>
/// <param name="Part">The part of the question.</param>
/// <param name="Groups">Records of the asking party's groups, the smallest first.</param>
public sealed record AskedSide(QuestionPart Part, IReadOnlyList<int> Groups)
{
    /// <summary>Records in all groups.</summary>
    public long Total => Groups.Sum(count => (long)count);
}

/// <summary>
/// Whether two questions are so near each other that their answers' difference may be about few records (docs/disclosure.md, "Differencing between
/// questions"). A difference is about few only where both sides are near: the records of an answer are those that pass both.
/// </summary>
public static class DifferencingRule
{
    /// <summary>What the contributing party makes of the asking party's side.</summary>
    /// <param name="one">A question.</param>
    /// <param name="other">Another.</param>
    /// <param name="minimum">Fewest records.</param>
    /// <param name="isSameSession">Whether both are of one session: between two the asking party's data may have changed, and words prove nothing.</param>
    public static AskerRelation OfAsker(AskedSide one, AskedSide other, int minimum, bool isSameSession)
    {
        var apart = Math.Abs(one.Total - other.Total);
        if (!one.Part.HasConditionsOf(other.Part))
        {
            return isSameSession && one.Part.Excludes(other.Part) ? AskerRelation.Apart
                : apart < minimum ? AskerRelation.Close
                : one.Groups.Count == 1 && other.Groups.Count == 1 ? AskerRelation.Apart : AskerRelation.MayCoincide;
        }

        // The same conditions over the same data pass the same records; what is put aside may still be a few, and the data may be others.
        return apart > 0 && apart < minimum ? AskerRelation.Close
            : isSameSession || one.Groups.Count != other.Groups.Count ? AskerRelation.Same
            : HasMoved(one, other, minimum) ? AskerRelation.Close : AskerRelation.Same;
    }

    /// <summary>Whether a contributing party refuses.</summary>
    /// <param name="asker">What it can tell of the asking party's side.</param>
    /// <param name="own">What it knows of its own.</param>
    public static bool IsTooClose(AskerRelation asker, CellRelation own) =>
        (asker == AskerRelation.Close && own != CellRelation.Apart)
            || (asker != AskerRelation.Apart && (own & (CellRelation.FewApart | CellRelation.Equal)) != CellRelation.Apart);

    /// <summary>
    /// Whether two questions make tables of their own of records that may be the same (<c>"history": "once"</c>): other groups, other conditions, or other
    /// sizes. Records are others for certain where the asking party's conditions exclude each other in one session; that the contributing party's do is not
    /// enough, since the asking party knows how many there are of all: what two years leave of a group are the others.
    /// </summary>
    /// <param name="one">The asking party's side of a question.</param>
    /// <param name="other">The same of another.</param>
    /// <param name="own">The contributing party's part of the one.</param>
    /// <param name="ownOther">The same of the other.</param>
    /// <param name="isSameSession">Whether both are of one session: between two the asking party's data may have changed.</param>
    public static bool IsAnotherTable(AskedSide one, AskedSide other, QuestionPart own, QuestionPart ownOther, bool isSameSession) =>
        !isSameSession || (!one.Part.Excludes(other.Part)
            && !(IsSame(one.Part, other.Part) && IsSame(own, ownOther) && one.Groups.SequenceEqual(other.Groups)));

    private static bool IsSame(QuestionPart one, QuestionPart other) => one.HasConditionsOf(other) && one.HasGroupingsOf(other);

    /// <summary>Whether an asking party's worker refuses its own people's question. That none lie between is no news to them.</summary>
    /// <param name="own">What it knows of its own side.</param>
    /// <param name="one">The other party's part of a question.</param>
    /// <param name="other">The same of another question, of the same session or over the same data.</param>
    public static bool IsTooCloseToAsk(CellRelation own, QuestionPart one, QuestionPart other) =>
        own.HasFlag(CellRelation.FewApart) && !one.Excludes(other);

    /// <summary>
    /// Over two sessions: whether as many groups are of nearly the same sizes and some of them of others. In the same words a few records have gone from one
    /// group to another; in others the columns were made alike.
    /// </summary>
    private static bool HasMoved(AskedSide one, AskedSide other, int minimum) =>
        one.Part.HasGroupingsOf(other.Part)
            ? one.Groups.Zip(other.Groups).Any(pair => pair.First != pair.Second && Math.Abs(pair.First - pair.Second) < minimum)
            : one.Groups.Count > 1 && one.Groups.Zip(other.Groups).All(pair => Math.Abs(pair.First - pair.Second) < minimum);
}
