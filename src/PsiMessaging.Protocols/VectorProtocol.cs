using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Protocols;

/// <summary>A protocol over whole vectors, which a party keeps in memory while the session runs.</summary>
public abstract class VectorProtocol : PsiProtocol
{
    private protected VectorProtocol()
    {
    }

    /// <summary>Makes one party's side. <see cref="PartySetup.ReadItems"/> must be there.</summary>
    public abstract IVectorParty Open(PartySetup setup);

    /// <summary>Memory a party's vectors take at most, roughly, in bytes: for whoever decides how many sessions run at once.</summary>
    /// <param name="sizes">Both sizes.</param>
    /// <param name="reveal">Who learns the result.</param>
    /// <param name="security">Which checks run.</param>
    /// <param name="initiator">Whether the party is the initiator.</param>
    public abstract long EstimatedMemoryBytes(SetSizes sizes, RevealTo reveal, SecurityModel security, bool initiator);
}
