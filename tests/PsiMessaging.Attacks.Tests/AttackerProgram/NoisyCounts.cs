using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Disclosure.Privacy;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Privacy;

namespace PsiMessaging.Attacks.Tests.AttackerProgram;

/// <summary>
/// Counts of P2's dataset where it has noise: the product's law, draws, costs and account, over counts of a seed. No threshold is applied there.
/// </summary>
internal sealed class NoisyCounts(RandomSession session, bool hasAccount)
{
    /// <summary>The example of docs/noise.md: nine tables.</summary>
    public static readonly PolicyNoise Noise = new() { Spread = 20, Epsilon = 1, Delta = 1e-6 };

    private PrivacyAccount _account = new("data", Noise.Budget);
    private int _asked;

    /// <summary>Asks how many records are of some kind, again and again, until it is refused.</summary>
    /// <param name="isIn">The kind.</param>
    /// <param name="times">How often at most.</param>
    public IReadOnlyList<long> Ask(Func<int, bool> isIn, int times)
    {
        var paid = hasAccount ? Enumerable.Range(0, times).TakeWhile(_ => Pay()).Count() : times;

        // One key for all draws of a call: a stream of independent ones, as a key for each would give.
        var draws = new long[paid];
        NoiseDesk.Draw(Noise.Terms, KeyOf(_asked), draws);
        var count = Enumerable.Range(0, session.Records).Count(isIn);
        return [.. draws.Select(draw => count + draw)];
    }

    private bool Pay()
    {
        try
        {
            var id = (++_asked).ToString(CultureInfo.InvariantCulture);
            (_account, _) = _account.Spend(id, "count where DISEASE = 'RARE'", Noise.Cost, () => KeyOf(_asked));
            return true;
        }
        catch (PrivacyBudgetException)
        {
            return false;
        }
    }

    private byte[] KeyOf(int question) => SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{session.Seed}/{question}")));
}
