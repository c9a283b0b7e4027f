using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Vole;

namespace PsiMessaging.Party.Engine;

/// <summary>The names of protocols and of what a session reveals, as they travel, and what follows from them for one party.</summary>
public static class SessionRules
{
    public const string Ecdh = "ecdh";
    public const string Rsa = "rsa";
    public const string Vole = "vole";
    public const string Auto = "auto";
    public const string Malicious = "malicious";
    public const string Masked = "masked";
    public const string Tokens = "tokens";
    public const string Both = "both";
    public const string Initiator = "initiator";
    public const string Responder = "responder";
    public const string Size = "size";

    /// <summary>Whether this version has a protocol.</summary>
    public static bool IsProtocol(string name) => name is Ecdh or Rsa or Vole;

    /// <summary>Whether this version has a linker engine.</summary>
    public static bool IsEngine(string name) => name is Masked or Tokens;

    /// <summary>What is wrong with a choice of protocol, reveal and reuse, or null.</summary>
    public static string? FaultOf(string protocol, string reveal, bool reuse) =>
        reveal is not (Both or Initiator or Responder or Size) ? $"a session reveals {Both}, {Initiator}, {Responder} or {Size}, not {reveal}"
        : protocol == Rsa && reveal == Size ? "the protocol rsa cannot reveal the size alone, because its receiver sees which of its identifiers match; take --protocol ecdh"
        : protocol == Vole && reveal == Size ? "the protocol vole cannot reveal the size alone, because its receiver sees which of its identifiers match; take --protocol ecdh"
        : reuse && protocol is not (Rsa or Auto) ? $"only the protocol rsa has reusable sets, not {protocol}"
        : reuse && reveal == Both ? "a reusable set serves a session in which one party learns the result: add --reveal p1 or --reveal p2"
        : null;

    /// <summary>What is wrong with a choice of security, or null.</summary>
    public static string? FaultOfSecurity(string protocol, string? security) =>
        security is not (null or Malicious) ? $"security is semi-honest or {Malicious}, not {security}"
        : security is not null && protocol != Vole ? $"only the protocol {Vole} has a variant against malicious parties, not {protocol}; take --protocol {Vole}"
        : null;

    /// <summary>Whether this party is the one that encodes its set in the protocol <c>vole</c>.</summary>
    public static bool ReceivesInVole(PartySession session)
    {
        var initiators = RevealOf(session) switch { Reveal.Both => Reveal.Both, var own => session.IsInitiator == (own == Reveal.Own) ? Reveal.Own : Reveal.Peer };
        var (initiator, responder) = session.IsInitiator ? (session.OwnDistinct, session.PeerDistinct) : (session.PeerDistinct, session.OwnDistinct);
        return VoleSettings.InitiatorReceives(initiators, initiator, responder) == session.IsInitiator;
    }

    /// <summary>What the session reveals, seen from this party.</summary>
    public static Reveal RevealOf(PartySession session) => session.Reveal switch
    {
        Both => Reveal.Both,
        Size => Reveal.Size,
        _ => (session.Reveal == Initiator) == session.IsInitiator ? Reveal.Own : Reveal.Peer,
    };

    /// <summary>Whether a side signs in the <c>rsa</c> protocol: because the other side learns the result.</summary>
    public static bool Sends(string protocol, string reveal, bool initiator) => protocol == Rsa && (reveal == Both || reveal == (initiator ? Responder : Initiator));
}
