using System.Globalization;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Protocols.Choice;

/// <summary>
/// Which protocol <see cref="PsiProtocols.Auto"/> takes: of those both parties allow, the one whose estimated time is least for the announced sizes. All give
/// the same result.
/// </summary>
/// <param name="Protocol">The protocol.</param>
/// <param name="Because">Why, as the end of a sentence.</param>
public sealed record ProtocolChoice(PsiProtocol Protocol, string Because)
{
    /// <summary>Chooses.</summary>
    /// <param name="allowed">What both allow; what is no candidate is left out. The first of <see cref="PsiProtocols.All"/> is always among them.</param>
    /// <param name="sizes">Both sizes.</param>
    /// <param name="reveal">Who learns the result.</param>
    /// <param name="costs">Measured costs.</param>
    /// <param name="cores">Cores a party uses, 1 or more.</param>
    public static ProtocolChoice Choose(IReadOnlyCollection<PsiProtocol> allowed, SetSizes sizes, RevealTo reveal, ProtocolCosts costs, int cores)
    {
        PsiProtocol[] candidates = [.. PsiProtocols.All.Where(protocol =>
            protocol == PsiProtocols.All[0] || (protocol.IsCandidate && allowed.Contains(protocol)))];
        if (candidates is [var only])
        {
            return new ProtocolChoice(only, "both parties allow no other");
        }

        var able = Array.FindAll(candidates, protocol => protocol.FaultOf(sizes, reveal) is null);
        if (able is [var sole])
        {
            return new ProtocolChoice(sole, $"the sets are larger than {string.Join(" or ", candidates.Except(able))} takes");
        }

        var estimates = able.ToDictionary(protocol => protocol, protocol => protocol.Seconds(sizes, reveal, costs, cores));
        var (receiver, sender) = sizes.Sides(reveal);
        return new ProtocolChoice(able.MinBy(protocol => estimates[protocol])!,
            $"about {string.Join(" against ", able.Reverse().Select(protocol => $"{Seconds(estimates[protocol])} with {protocol}"))} "
                + $"for {Number(receiver)} and {Number(sender)} identifiers");
    }

    private static string Number(int count) => count.ToString("N0", CultureInfo.InvariantCulture);

    private static string Seconds(double seconds) =>
        seconds < 10 ? seconds.ToString("0.0", CultureInfo.InvariantCulture) + " s" : seconds.ToString("N0", CultureInfo.InvariantCulture) + " s";
}
