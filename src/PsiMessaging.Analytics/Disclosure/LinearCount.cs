using PsiMessaging.Analytics.Statistics;

namespace PsiMessaging.Analytics.Disclosure;

/// <summary>A number of records as a sum of counts that nobody sees, each with a sign, and a part that both parties know.</summary>
/// <param name="Terms">Counts and their signs.</param>
/// <param name="Constant">What is known.</param>
internal sealed record LinearCount(IReadOnlyList<(Moment Count, int Sign)> Terms, long Constant = 0)
{
    /// <summary>A count.</summary>
    public static LinearCount Of(Moment count) => new([(count, 1)]);

    /// <summary>A number that both parties know.</summary>
    public static LinearCount Known(long number) => new([], number);

    /// <summary>The sum of two.</summary>
    public static LinearCount operator +(LinearCount left, LinearCount right) => new([.. left.Terms, .. right.Terms], left.Constant + right.Constant);

    /// <summary>What is left of one without the other.</summary>
    public static LinearCount operator -(LinearCount left, LinearCount right) =>
        new([.. left.Terms, .. right.Terms.Select(term => (term.Count, -term.Sign))], left.Constant - right.Constant);
}
