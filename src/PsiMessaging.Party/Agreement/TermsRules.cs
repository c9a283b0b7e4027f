using System.Globalization;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Participants;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Agreement;

/// <summary>
/// What terms a session may have, judged from the terms alone: no own data, no state. Each rule says what is wrong as a failure code and a line for a person,
/// or nothing; the first that says something stands.
/// </summary>
internal static class TermsRules
{
    private const int MostKeyColumns = 16, LongestName = 200, LongestWord = 100;

    /// <summary>Why terms cannot be.</summary>
    /// <param name="Code">A failure code of the wire contract.</param>
    /// <param name="Reason">One line for a person.</param>
    public sealed record Fault(string Code, string Reason)
    {
        /// <summary>As it ends a session.</summary>
        public ParticipantException ToException() => new(Code, Reason);
    }

    /// <summary>Whether a proposal's texts and lists are short enough for anything of it to be stored: what it means is judged later, and answered.</summary>
    public static bool HasForm(ProposeSession proposal) =>
        !new List<string?>
        {
            proposal.PeerDataset, proposal.Protocol, proposal.Security, proposal.Engine,
            proposal.Reveal, proposal.Duplicates, proposal.Profile.Case, proposal.Profile.Texts,
        }.Concat(proposal.Protocols ?? []).Any(IsLong)
        && !HasLong(proposal.KeyForms) && proposal.Protocols is not { Count: > 8 } && proposal.KeyNames.Count <= MostKeyColumns
        && !proposal.KeyNames.Any(name => name is null or { Length: > LongestName }) 
        && proposal.Nonce.Length <= 64 && proposal.SetCommitment is not { Length: > 64 } && proposal.SharedKeyCheck.Length <= 64;

    /// <summary>Everything about a proposal that can be judged without own data.</summary>
    public static Fault? OfProposal(ProposeSession proposal) =>
        ChoiceOf(proposal) ?? NamesOf(proposal) ?? ReuseOf(proposal) ?? CombinationOf(proposal)
            ?? KeyLengthOf(proposal) ?? SenderOf(proposal) ?? RangesOf(proposal);

    /// <summary>What the own people ask for.</summary>
    /// <param name="start">The command.</param>
    /// <param name="home">The own home's name.</param>
    /// <param name="consents">Whether its people allow protocols that need that.</param>
    public static Fault? OfStart(StartSession start, string home, bool consents)
    {
        var protocol = PsiProtocols.Find(start.Protocol);
        if (!PsiProtocols.MayBeAsked(start.Protocol) || !WireNames.TryParse(start.Engine, out QueryEngine _))
        {
            return new Fault(FailureCodes.Unsupported, $"protocol {start.Protocol} with engine {start.Engine} is not available; this version has the protocols "
                + $"{WireNames.Listed(PsiProtocols.Names, "and")} and the engines {WireNames.Listed(WireNames.Engines, "and")}");
        }

        if (PsiProtocols.FaultOf(protocol, start.Reveal, start.Reuse, start.Security) is { } fault)
        {
            return new Fault(FailureCodes.Unsupported, fault);
        }

        if (protocol is { NeedsConsent: true } && !consents)
        {
            return new Fault(FailureCodes.Unsupported,
                $"{home} does not allow the protocol {protocol}, which rests on a younger assumption; allow it with \"allowVole\": true in its psi.json");
        }

        if (HasRsaKeys(protocol, start.Reuse) && !RsaPublicKey.IsAllowedLength(start.RsaBits))
        {
            return new Fault(FailureCodes.WeakKey,
                $"an RSA modulus of {start.RsaBits} bits is not allowed: take {RsaPublicKey.MinimumBits} to {RsaPublicKey.MaximumBits}, "
                + $"a multiple of {RsaPublicKey.BitsStep}");
        }

        return start.MinCell is < 1 or > PartyContext.MaximumMinCell || start.DeadlineSeconds is < 1 or > PartyContext.MaximumDeadlineSeconds
            ? new Fault(FailureCodes.Malformed, "the minimum cell size must be 1 to 1,000,000 and the deadline 1 second to 30 days") : null;
    }

    /// <summary>Whether RSA keys have a length in a session that is asked for: with reusable sets it is only the one protocol that has them.</summary>
    public static bool HasRsaKeys(PsiProtocol? protocol, bool reuse) => protocol is { HasRsaKeys: true } || reuse;

    /// <summary>Whether an acceptance fits the own proposal.</summary>
    public static Fault? OfAcceptance(PartySession session, AcceptSession acceptance) =>
        acceptance.SessionId != session.Id || !acceptance.ProposalHash.AsSpan().SequenceEqual(session.ProposalHash) || acceptance.Nonce.Length != 32
            || acceptance.SetSize < 1 || acceptance.MinCell < session.MinCell || acceptance.MinCell > PartyContext.MaximumMinCell
            || !KeyOutlines.AreWellFormed(acceptance.KeyForms, session.KeyNames.Count)
            ? new Fault(FailureCodes.Malformed, $"{session.Peer}'s acceptance does not fit the proposal")
            : OfSender(session.Peer, session.Id, session.RsaBits, session.Reuse, session.Signs(initiator: false), acceptance.Rsa);

    /// <summary>A sender shows a good key, with a reusable set when that was agreed; a party that does not sign shows none.</summary>
    /// <param name="name">The sender.</param>
    /// <param name="sessionId">The session, to which its proof is bound.</param>
    /// <param name="bits">Agreed length of its key.</param>
    /// <param name="reuse">Whether a reusable set was agreed.</param>
    /// <param name="signs">Whether it signs.</param>
    /// <param name="sender">What it shows.</param>
    public static Fault? OfSender(string name, string sessionId, int bits, bool reuse, bool signs, RsaSender? sender)
    {
        if (signs != sender is not null)
        {
            return new Fault(FailureCodes.Malformed,
                $"{name} shows {(signs ? "no RSA key, though it signs" : "an RSA key, though it does not sign")} in this session");
        }

        if (sender is null)
        {
            return null;
        }

        if (SessionSecrets.FaultOf(bits, sender.Modulus, sender.Exponent, sender.Proof, sessionId) is { } fault)
        {
            return new Fault(FailureCodes.WeakKey, $"{name}'s key is refused: {fault}");
        }

        return (reuse ? sender.ReusableSet is { Length: 32 } : sender.ReusableSet is null) ? null
            : new Fault(FailureCodes.ReusableSet, $"{name} shows {(reuse ? "no reusable set, though one was agreed" : "a reusable set that was not agreed")}");
    }

    private static bool IsLong(string? text) => text is { Length: > LongestWord };

    private static bool HasLong(IReadOnlyList<KeyForm>? forms) =>
        forms is { Count: > MostKeyColumns } || (forms ?? []).Any(form => form is null || IsLong(form.Alphabet) || IsLong(form.Letters));

    private static Fault? ChoiceOf(ProposeSession proposal) =>
        (PsiProtocols.IsAuto(proposal.Protocol) ? IsChoice(proposal.Protocols) : proposal.Protocols is null) ? null
        : new Fault(FailureCodes.Malformed, $"{proposal.Initiator}'s proposal leaves the choice of protocol in a way that cannot be");

    /// <summary>Two names or three, each once, the one that is always allowed among them.</summary>
    private static bool IsChoice(IReadOnlyList<string>? names) =>
        names is { Count: 2 or 3 } && names.Distinct(StringComparer.Ordinal).Count() == names.Count
            && names.Contains(PsiProtocols.All[0].Name, StringComparer.Ordinal)
        && names.All(name => name.Length <= 20);

    private static Fault? NamesOf(ProposeSession proposal) =>
        PsiProtocols.MayBeAsked(proposal.Protocol) && WireNames.TryParse(proposal.Engine, out QueryEngine _) ? null
        : new Fault(FailureCodes.Unsupported, $"{proposal.Initiator} proposes a protocol or engine that is not available here");

    /// <summary>What follows takes reuse for the consent to a one-sided session; only with rsa is there a set that was prepared for that.</summary>
    private static Fault? ReuseOf(ProposeSession proposal) => !proposal.Reuse || PsiProtocols.Find(proposal.Protocol) is { HasReusableSets: true } ? null
        : new Fault(FailureCodes.Unsupported,
            $"{proposal.Initiator} proposes to reuse a set with the protocol {proposal.Protocol}; only rsa has reusable sets");

    private static Fault? CombinationOf(ProposeSession proposal) =>
        PsiProtocols.FaultOf(PsiProtocols.Find(proposal.Protocol), proposal.Reveal, proposal.Reuse, proposal.Security) is { } rule
            ? new Fault(FailureCodes.Unsupported, $"{proposal.Initiator} proposes what cannot be: {rule}") : null;

    private static Fault? KeyLengthOf(ProposeSession proposal) =>
        (PsiProtocols.Find(proposal.Protocol) is { } protocol ? protocol.TakesRsaBits(proposal.RsaBits) : proposal.RsaBits is null) ? null
        : new Fault(FailureCodes.WeakKey,
            $"{proposal.Initiator} proposes an RSA length of {proposal.RsaBits?.ToString(CultureInfo.InvariantCulture) ?? "none"} bits "
            + $"for the protocol {proposal.Protocol}");

    private static Fault? SenderOf(ProposeSession proposal)
    {
        _ = WireNames.TryParse(proposal.Reveal, out RevealTo reveal);
        var signs = PsiProtocols.Find(proposal.Protocol)?.Signs(reveal, initiator: true) == true;
        return OfSender(proposal.Initiator, proposal.SessionId, proposal.RsaBits ?? 0, proposal.Reuse, signs, proposal.Rsa);
    }

    private static Fault? RangesOf(ProposeSession proposal) =>
        proposal.SetSize >= 1 && proposal.SetCommitment is null or { Length: 32 } && proposal.Nonce.Length == 32 && proposal.SharedKeyCheck.Length == 16
            && proposal.MinCell is >= 1 and <= PartyContext.MaximumMinCell
            && HasKeys(proposal) && proposal.DeadlineSeconds is >= 1 and <= PartyContext.MaximumDeadlineSeconds ? null
        : new Fault(FailureCodes.Malformed, $"{proposal.Initiator}'s proposal has a field out of its range");

    private static bool HasKeys(ProposeSession proposal) =>
        proposal.KeyNames.Count == proposal.Profile.KeyParts && proposal.KeyNames.Count is >= 1 and <= MostKeyColumns
        && proposal.KeyNames.All(name => name.Length is not 0 and <= LongestName) && KeyOutlines.AreWellFormed(proposal.KeyForms, proposal.KeyNames.Count);
}
