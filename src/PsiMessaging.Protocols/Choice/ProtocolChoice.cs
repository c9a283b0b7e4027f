using System.Globalization;
using PsiMessaging.Protocols.Vole;

namespace PsiMessaging.Protocols.Choice;

/// <summary>
/// Which protocol <c>auto</c> takes: of those both parties allow, the one whose estimated time is least for the announced sizes. All give the same result. <c>rsa</c> is no
/// candidate: without a set that was signed before, it is never the quickest.
/// </summary>
/// <param name="Protocol">Its name.</param>
/// <param name="Because">Why, as the end of a sentence.</param>
public sealed record ProtocolChoice(string Protocol, string Because)
{
    private const string Ecdh = "ecdh", VoleName = "vole";

    /// <summary>Chooses.</summary>
    /// <param name="allowed">Names both allow; <c>ecdh</c> is always among them.</param>
    /// <param name="receiver">Size of the set of whoever would be <c>vole</c>'s receiver.</param>
    /// <param name="sender">Size of the other set.</param>
    /// <param name="costs">Measured costs.</param>
    /// <param name="cores">Cores a party uses.</param>
    public static ProtocolChoice Choose(IReadOnlyCollection<string> allowed, int receiver, int sender, ProtocolCosts costs, int cores)
    {
        if (!allowed.Contains(VoleName, StringComparer.Ordinal))
        {
            return new ProtocolChoice(Ecdh, "both parties allow no other");
        }

        if (receiver > VoleSettings.MaximumReceiverSize || sender > VoleSettings.MaximumSenderSize)
        {
            return new ProtocolChoice(Ecdh, "the sets are larger than vole takes");
        }

        var (ecdh, vole) = (costs.Ecdh(receiver, sender, cores), costs.Vole(receiver, sender));
        var estimates = $"about {Seconds(vole)} with vole against {Seconds(ecdh)} with ecdh for {receiver.ToString("N0", CultureInfo.InvariantCulture)} and {sender.ToString("N0", CultureInfo.InvariantCulture)} identifiers";
        return new ProtocolChoice(vole < ecdh ? VoleName : Ecdh, estimates);
    }

    private static string Seconds(double seconds) => seconds < 10 ? seconds.ToString("0.0", CultureInfo.InvariantCulture) + " s" : seconds.ToString("N0", CultureInfo.InvariantCulture) + " s";
}
