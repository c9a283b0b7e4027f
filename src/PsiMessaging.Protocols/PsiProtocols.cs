using PsiMessaging.Contracts.V1;
using PsiMessaging.Protocols.BlindRsa;
using PsiMessaging.Protocols.Ecdh;
using PsiMessaging.Protocols.Vole;

namespace PsiMessaging.Protocols;

/// <summary>The protocols of this version.</summary>
public static class PsiProtocols
{
    /// <summary>Stands where a protocol's name does and leaves the choice to the parties: the quickest that both allow.</summary>
    public const string Auto = "auto";

    internal const string ReuseToBoth = "a reusable set serves a session in which one party learns the result: add --reveal p1 or --reveal p2";

    /// <summary>All of them. The first is always allowed and has no bounds, so that <see cref="Auto"/> always has one to take.</summary>
    public static IReadOnlyList<PsiProtocol> All { get; } = [EcdhProtocol.Instance, BlindRsaProtocol.Instance, VoleProtocol.Instance];

    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(protocol => protocol.Name)];

    /// <summary>Highest round number of any protocol.</summary>
    public static int HighestRound { get; } = All.Max(protocol => protocol.HighestRound);

    /// <summary>Longest batch of any protocol, in bytes.</summary>
    public static int MaximumBatchBytes { get; } = All.Max(protocol => protocol.MaximumBatchBytes);

    /// <summary>The protocol of a name; null when this version has none, and for <see cref="Auto"/>.</summary>
    public static PsiProtocol? Find(string? name) => All.FirstOrDefault(protocol => protocol.Name == name);

    /// <summary>Whether a name leaves the choice to the parties.</summary>
    public static bool IsAuto(string? name) => name == Auto;

    /// <summary>Whether a session may be asked for under a name: a protocol's, or <see cref="Auto"/>.</summary>
    public static bool MayBeAsked(string? name) => IsAuto(name) || Find(name) is not null;

    /// <summary>What a party lets <see cref="Auto"/> take, in the order of <see cref="All"/>; never empty.</summary>
    /// <param name="reveal">Who learns the result.</param>
    /// <param name="consents">Whether its people allow protocols that need that.</param>
    public static IReadOnlyList<PsiProtocol> Candidates(RevealTo reveal, bool consents) =>
        [.. All.Where(protocol => protocol.IsCandidate && (consents || !protocol.NeedsConsent)
            && protocol.FaultOf(reveal, reuse: false, SecurityModel.SemiHonest) is null)];

    /// <summary>Why a session cannot have these terms, as one line for a person; null when it can.</summary>
    /// <param name="protocol">The protocol; null for <see cref="Auto"/>, which finds one for any terms but these.</param>
    /// <param name="reveal">Who learns the result.</param>
    /// <param name="reuse">Whether senders use reusable sets.</param>
    /// <param name="security">Which checks run.</param>
    public static string? FaultOf(PsiProtocol? protocol, RevealTo reveal, bool reuse, SecurityModel security) =>
        protocol is not null ? protocol.FaultOf(reveal, reuse, security)
        : reuse && reveal == RevealTo.Both ? ReuseToBoth
        : security == SecurityModel.Malicious ? NoMaliciousVariant(Auto)
        : null;

    /// <summary>The same for terms as they travel: a name that this version does not have is a fault too.</summary>
    public static string? FaultOf(PsiProtocol? protocol, string reveal, bool reuse, string? security) =>
        !WireNames.TryParse(reveal, out RevealTo learns) ? $"a session reveals {WireNames.Listed(WireNames.Reveals, "or")}, not {reveal}"
        : WireNames.TryParse(security, out SecurityModel model) ? FaultOf(protocol, learns, reuse, model)
        : FaultOf(protocol, learns, reuse, SecurityModel.SemiHonest)
            ?? $"security is semi-honest or {WireNames.NameOf(SecurityModel.Malicious)}, not {security}";

    /// <summary>Name of the first that has a property.</summary>
    internal static string First(Func<PsiProtocol, bool> has) => All.First(has).Name;

    internal static string NoMaliciousVariant(string name)
    {
        var able = First(protocol => protocol.HasMaliciousVariant);
        return $"only the protocol {able} has a variant against malicious parties, not {name}; take --protocol {able}";
    }
}
