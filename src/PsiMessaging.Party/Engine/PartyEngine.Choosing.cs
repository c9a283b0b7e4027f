using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Participants;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Choice;

namespace PsiMessaging.Party.Engine;

/// <content>Which protocol a session runs, where that is left to the parties.</content>
public sealed partial class PartyEngine
{
    /// <summary>What this party allows <c>auto</c> to choose from.</summary>
    private IReadOnlyList<PsiProtocol> AllowedProtocols(PartySession session) => PsiProtocols.Candidates(session.Reveal!.Value, Home.Config.AllowVole);

    /// <summary>The session with what is left to choose: nothing, when this party allows one protocol only.</summary>
    private PartySession WithCandidates(PartySession session)
    {
        if (session.Protocol != PsiProtocols.Auto)
        {
            return session;
        }

        if (session.Reuse)
        {
            return session with { Protocol = PsiProtocols.All.First(protocol => protocol.HasReusableSets).Name, ChosenBecause = "only it has reusable sets" };
        }

        var allowed = AllowedProtocols(session);
        return allowed.Count > 1 ? session with { Protocols = [.. allowed.Select(protocol => protocol.Name)] } : session with
        {
            Protocol = allowed[0].Name,
            ChosenBecause = session.Reveal == RevealTo.Size ? "no other reveals the size alone" : $"{Home.Name} does not allow vole: --allow-vole, or \"allowVole\" in its psi.json",
        };
    }

    /// <summary>The responder's choice, or what was proposed.</summary>
    private PartySession Chosen(PartySession session, ProposeSession proposal, int ownSize)
    {
        if (session.Protocol == PsiProtocols.Auto)
        {
            var offered = AllowedProtocols(session).Where(protocol => proposal.Protocols!.Contains(protocol.Name, StringComparer.Ordinal));
            var choice = Choose(session, SetSizes.Of(session.IsInitiator, ownSize, proposal.SetSize), [.. offered]);
            return session with { Protocol = choice.Protocol.Name, ChosenBecause = choice.Because };
        }

        if (session.Chosen is { NeedsConsent: true } protocol && !Home.Config.AllowVole)
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"{Home.Name} does not allow the protocol {protocol}, which rests on a younger assumption; its people allow it with \"allowVole\": true in its psi.json");
        }

        return session;
    }

    private ProtocolChoice Choose(PartySession session, SetSizes sizes, IReadOnlyCollection<PsiProtocol> allowed) =>
        ProtocolChoice.Choose(allowed, sizes, session.Reveal!.Value, Costs(), Cores.CountOf(Home.Config.Parallelism));

    /// <summary>The home's measured costs, or the built-in ones.</summary>
    private ProtocolCosts Costs()
    {
        try
        {
            return ProtocolCosts.Parse(File.ReadAllBytes(Path.Combine(Home.Path, ProtocolCosts.FileName)));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new ProtocolCosts();
        }
    }

    /// <summary>The initiator's view of the responder's choice.</summary>
    private PartySession WithAcceptedProtocol(PartySession session, AcceptSession acceptance)
    {
        if (session.Protocols is not { } allowed)
        {
            return acceptance.Protocol is null ? session : throw new ParticipantException(FailureCodes.Malformed, $"{session.Peer} chooses a protocol where none was left to choose");
        }

        if (acceptance.Protocol is not { } chosen || !allowed.Contains(chosen, StringComparer.Ordinal))
        {
            throw new ParticipantException(FailureCodes.Malformed, $"{session.Peer} chooses a protocol that was not offered");
        }

        var own = Choose(session, SetSizes.Of(session.IsInitiator, session.OwnDistinct, acceptance.SetSize), [.. allowed.Select(PsiProtocols.Find).OfType<PsiProtocol>()]);
        return session with
        {
            Protocol = chosen,
            ChosenBecause = chosen == own.Protocol.Name ? own.Because
                : own.Protocol.NeedsConsent ? $"{session.Peer} does not allow {own.Protocol}, or reckons otherwise; here: {own.Because}" : $"{session.Peer} reckons otherwise; here: {own.Because}",
        };
    }

    /// <summary>Sizes that the protocol cannot take.</summary>
    private static void CheckSizes(PartySession session, SetSizes sizes)
    {
        if (session.Chosen?.FaultOf(sizes, session.Reveal!.Value) is { } fault)
        {
            throw new ParticipantException(FailureCodes.Unsupported, fault);
        }
    }
}
