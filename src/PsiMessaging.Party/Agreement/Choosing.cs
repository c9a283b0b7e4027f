using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Participants;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Choice;

namespace PsiMessaging.Party.Agreement;

/// <summary>Which protocol a session runs, where that is left to the parties.</summary>
internal sealed class Choosing(PartyContext party)
{
    /// <summary>The session with what is left to choose: nothing, when this party allows one protocol only.</summary>
    public PartySession WithCandidates(PartySession session)
    {
        if (!PsiProtocols.IsAuto(session.Protocol))
        {
            return session;
        }

        if (session.Reuse)
        {
            return session with { Protocol = PsiProtocols.All.First(protocol => protocol.HasReusableSets).Name, ChosenBecause = "only it has reusable sets" };
        }

        var allowed = AllowedIn(session);
        return allowed.Count > 1 ? session with { Protocols = [.. allowed.Select(protocol => protocol.Name)] } : session with
        {
            Protocol = allowed[0].Name,
            ChosenBecause = session.Reveal == RevealTo.Size
                ? "no other reveals the size alone"
                : $"{party.Name} does not allow vole: --allow-vole, or \"allowVole\" in its psi.json",
        };
    }

    /// <summary>The responder's choice, or what was proposed.</summary>
    /// <exception cref="ParticipantException">This party does not allow the protocol, or it cannot take the sets.</exception>
    public PartySession Chosen(PartySession session, ProposeSession proposal, int ownSize)
    {
        var sizes = SetSizes.Of(session.IsInitiator, ownSize, proposal.SetSize);
        if (PsiProtocols.IsAuto(session.Protocol))
        {
            var offered = AllowedIn(session).Where(protocol => proposal.Protocols!.Contains(protocol.Name, StringComparer.Ordinal));
            var choice = Choose(session, sizes, [.. offered]);
            session = session with { Protocol = choice.Protocol.Name, ChosenBecause = choice.Because };
        }
        else if (session.Chosen is { NeedsConsent: true } protocol && !party.Home.Config.AllowVole)
        {
            throw new ParticipantException(FailureCodes.Unsupported,
                $"{party.Name} does not allow the protocol {protocol}, which rests on a younger assumption; its people allow it with \"allowVole\": true in "
                    + "its psi.json");
        }

        RequireSizes(session, sizes);
        return session;
    }

    /// <summary>The initiator's view of the responder's choice.</summary>
    /// <exception cref="ParticipantException">It was not offered, or cannot take the sets.</exception>
    public PartySession Accepted(PartySession session, AcceptSession acceptance)
    {
        var sizes = SetSizes.Of(session.IsInitiator, session.OwnDistinct, acceptance.SetSize);
        var accepted = session.Protocols is { } allowed ? Accepted(session, acceptance, allowed, sizes)
            : acceptance.Protocol is null ? session
            : throw new ParticipantException(FailureCodes.Malformed, $"{session.Peer} chooses a protocol where none was left to choose");
        RequireSizes(accepted, sizes);
        return accepted;
    }

    private PartySession Accepted(PartySession session, AcceptSession acceptance, IReadOnlyList<string> allowed, SetSizes sizes)
    {
        if (acceptance.Protocol is not { } chosen || !allowed.Contains(chosen, StringComparer.Ordinal))
        {
            throw new ParticipantException(FailureCodes.Malformed, $"{session.Peer} chooses a protocol that was not offered");
        }

        var own = Choose(session, sizes, [.. allowed.Select(PsiProtocols.Find).OfType<PsiProtocol>()]);
        return session with
        {
            Protocol = chosen,
            ChosenBecause = chosen == own.Protocol.Name ? own.Because
                : own.Protocol.NeedsConsent ? $"{session.Peer} does not allow {own.Protocol}, or reckons otherwise; here: {own.Because}"
                : $"{session.Peer} reckons otherwise; here: {own.Because}",
        };
    }

    /// <summary>What this party lets be chosen from.</summary>
    private IReadOnlyList<PsiProtocol> AllowedIn(PartySession session) => PsiProtocols.Candidates(session.Reveal!.Value, party.Home.Config.AllowVole);

    private ProtocolChoice Choose(PartySession session, SetSizes sizes, IReadOnlyCollection<PsiProtocol> allowed) =>
        ProtocolChoice.Choose(allowed, sizes, session.Reveal!.Value, Costs(), Cores.CountOf(party.Home.Config.Parallelism));

    /// <summary>The home's measured costs, or the built-in ones.</summary>
    private ProtocolCosts Costs()
    {
        try
        {
            return ProtocolCosts.Parse(File.ReadAllBytes(Path.Combine(party.Home.Path, ProtocolCosts.FileName)));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new ProtocolCosts();
        }
    }

    private static void RequireSizes(PartySession session, SetSizes sizes)
    {
        if (session.Chosen?.FaultOf(sizes, session.Reveal!.Value) is { } fault)
        {
            throw new ParticipantException(FailureCodes.Unsupported, fault);
        }
    }
}
