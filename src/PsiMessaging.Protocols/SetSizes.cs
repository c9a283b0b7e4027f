using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Protocols;

/// <summary>The announced sizes of both sets, in identifiers.</summary>
/// <param name="Initiator">Size of the initiator's set.</param>
/// <param name="Responder">Size of the responder's set.</param>
public readonly record struct SetSizes(int Initiator, int Responder)
{
    /// <summary>The sizes as one party knows them.</summary>
    public static SetSizes Of(bool isInitiator, int own, int peer) => isInitiator ? new(own, peer) : new(peer, own);

    /// <summary>
    /// Whether the initiator is the receiver in a protocol that has one: it is when the result is the initiator's alone; with a result to both the smaller
    /// set's holder is, and the initiator among equals.
    /// </summary>
    public bool InitiatorReceives(RevealTo reveal) => reveal == RevealTo.Initiator || (reveal == RevealTo.Both && Initiator <= Responder);

    /// <summary>The sizes by side, in a protocol that has a receiver.</summary>
    public (int Receiver, int Sender) Sides(RevealTo reveal) => InitiatorReceives(reveal) ? (Initiator, Responder) : (Responder, Initiator);
}
