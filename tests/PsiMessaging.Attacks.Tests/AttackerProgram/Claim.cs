namespace PsiMessaging.Attacks.Tests.AttackerProgram;

/// <summary>What an attack says to have proved: that no other data of the contributing party's fit what was seen.</summary>
/// <param name="What">In words.</param>
/// <param name="Where">The records it is about, by the data of both parties.</param>
/// <param name="Value">How many they are, or the sum of their incomes.</param>
/// <param name="IsIncome">Whether it is the sum of incomes.</param>
/// <param name="IsOfLabel">Whether it is about a label that was shown: then that nobody of some group has it is one too.</param>
internal sealed record Claim(string What, Func<int, bool> Where, decimal Value, bool IsIncome = false, bool IsOfLabel = false)
{
    /// <summary>Whether it is true.</summary>
    public bool IsTrue(RandomSession session) => Value == (IsIncome ? Records(session).Sum(i => session.Income[i]) : Records(session).Count());

    /// <summary>Whether it is about fewer records than the minimum: nothing may be said of those.</summary>
    public bool IsOfFew(RandomSession session) => Records(session).Count() is var count && count < RandomSession.Minimum && (count > 0 || IsOfLabel);

    private IEnumerable<int> Records(RandomSession session) => Enumerable.Range(0, session.Records).Where(Where);
}
