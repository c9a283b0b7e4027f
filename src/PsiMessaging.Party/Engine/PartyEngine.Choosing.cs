using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Protocols.Choice;
using PsiMessaging.Protocols.Vole;

namespace PsiMessaging.Party.Engine;

/// <content>Which protocol a session runs, where that is left to the parties.</content>
public sealed partial class PartyEngine
{
    /// <summary>What this party allows <c>auto</c> to choose from.</summary>
    private string[] AllowedProtocols(string reveal) => Home.Config.AllowVole && reveal != SessionRules.Size ? [SessionRules.Ecdh, SessionRules.Vole] : [SessionRules.Ecdh];

    /// <summary>The session with what is left to choose: nothing, when this party allows one protocol only.</summary>
    private PartySession WithCandidates(PartySession session)
    {
        if (session.Protocol != SessionRules.Auto)
        {
            return session;
        }

        if (session.Reuse)
        {
            return session with { Protocol = SessionRules.Rsa, ChosenBecause = "only it has reusable sets" };
        }

        var allowed = AllowedProtocols(session.Reveal);
        return allowed.Length > 1 ? session with { Protocols = allowed } : session with
        {
            Protocol = allowed[0],
            ChosenBecause = session.Reveal == SessionRules.Size ? "no other reveals the size alone" : $"{Home.Name} does not allow vole: --allow-vole, or \"allowVole\" in its psi.json",
        };
    }

    /// <summary>The responder's choice, or what was proposed.</summary>
    private PartySession Chosen(PartySession session, ProposeSession proposal, int ownSize)
    {
        if (session.Protocol == SessionRules.Auto)
        {
            var choice = Choose(session with { OwnDistinct = ownSize, PeerDistinct = proposal.SetSize }, [.. proposal.Protocols!.Intersect(AllowedProtocols(session.Reveal))]);
            return session with { Protocol = choice.Protocol, ChosenBecause = choice.Because };
        }

        if (session.Protocol == SessionRules.Vole && !Home.Config.AllowVole)
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"{Home.Name} does not allow the protocol vole, which rests on a younger assumption; its people allow it with \"allowVole\": true in its psi.json");
        }

        return session;
    }

    private ProtocolChoice Choose(PartySession session, IReadOnlyCollection<string> allowed)
    {
        var (receiver, sender) = SessionRules.ReceivesInVole(session) ? (session.OwnDistinct, session.PeerDistinct) : (session.PeerDistinct, session.OwnDistinct);
        return ProtocolChoice.Choose(allowed, receiver, sender, Costs(), ParallelismOf(Home));
    }

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

        var own = Choose(session with { PeerDistinct = acceptance.SetSize }, allowed);
        return session with
        {
            Protocol = chosen,
            ChosenBecause = chosen == own.Protocol ? own.Because
                : chosen == SessionRules.Ecdh ? $"{session.Peer} does not allow vole, or reckons otherwise; here: {own.Because}" : $"{session.Peer} reckons otherwise; here: {own.Because}",
        };
    }

    /// <summary>Sizes that the protocol cannot take.</summary>
    private static void CheckSizes(PartySession session)
    {
        if (session.Protocol != SessionRules.Vole)
        {
            return;
        }

        var (receiver, sender) = SessionRules.ReceivesInVole(session) ? (session.OwnDistinct, session.PeerDistinct) : (session.PeerDistinct, session.OwnDistinct);
        if (receiver > VoleSettings.MaximumReceiverSize || sender > VoleSettings.MaximumSenderSize)
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"the protocol vole takes {VoleSettings.MaximumReceiverSize:N0} identifiers of its receiver and {VoleSettings.MaximumSenderSize:N0} of its sender at most, not {receiver:N0} and {sender:N0}; take --protocol ecdh");
        }
    }
}
