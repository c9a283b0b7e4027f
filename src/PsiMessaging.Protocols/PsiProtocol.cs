using PsiMessaging.Contracts.V1;
using PsiMessaging.Protocols.Choice;

namespace PsiMessaging.Protocols;

/// <summary>
/// What this version knows of a protocol before any session of it runs: its name, what it can reveal, what it takes, costs and bounds. One of its two kinds
/// makes the parties: <see cref="BatchProtocol"/> or <see cref="VectorProtocol"/>. The closed list is <see cref="PsiProtocols.All"/>.
/// </summary>
public abstract class PsiProtocol
{
    private protected PsiProtocol()
    {
    }

    /// <summary>Its name on the wire, in commands and in documents.</summary>
    public abstract string Name { get; }

    /// <summary>Whether a party runs it only where its people have allowed it in their <c>psi.json</c>.</summary>
    public virtual bool NeedsConsent => false;

    /// <summary>Whether a sender may use a set that was made before the session.</summary>
    public virtual bool HasReusableSets => false;

    /// <summary>Whether it has a variant with checks against malicious parties.</summary>
    public virtual bool HasMaliciousVariant => false;

    /// <summary>Whether it can reveal how many identifiers are common, and not which.</summary>
    public virtual bool RevealsSize => false;

    /// <summary>Whether its senders sign with RSA keys, whose length the parties agree on.</summary>
    public virtual bool HasRsaKeys => false;

    /// <summary>Whether <c>auto</c> may take it.</summary>
    public virtual bool IsCandidate => true;

    /// <summary>Whether the rounds may begin anew under fresh secrets, while nothing was released.</summary>
    public virtual bool CanRestart => false;

    /// <summary>Highest round number, 1 to 255.</summary>
    public abstract int HighestRound { get; }

    /// <summary>Highest round number of a session over sets of these sizes, 1 to <see cref="HighestRound"/>.</summary>
    /// <param name="sizes">Both sizes.</param>
    /// <param name="reveal">Who learns the result.</param>
    public virtual int HighestRoundOf(SetSizes sizes, RevealTo reveal) => HighestRound;

    /// <summary>Longest batch of any round, in bytes.</summary>
    public abstract int MaximumBatchBytes { get; }

    /// <summary>Numbers of the outgoing rounds after whose first batch nothing can be taken back: the rounds cannot begin anew.</summary>
    public virtual IReadOnlyList<int> ReleasingRounds => [];

    /// <summary>Why a session cannot have these terms, as one line for a person; null when it can.</summary>
    /// <param name="reveal">Who learns the result.</param>
    /// <param name="reuse">Whether senders use reusable sets.</param>
    /// <param name="security">Which checks run.</param>
    public string? FaultOf(RevealTo reveal, bool reuse, SecurityModel security) =>
        reveal == RevealTo.Size && !RevealsSize
            ? $"the protocol {Name} cannot reveal the size alone, because its receiver sees which of its identifiers match; "
                + $"take --protocol {PsiProtocols.First(protocol => protocol.RevealsSize)}"
        : reuse && !HasReusableSets ? $"only the protocol {PsiProtocols.First(protocol => protocol.HasReusableSets)} has reusable sets, not {Name}"
        : reuse && reveal == RevealTo.Both ? PsiProtocols.ReuseToBoth
        : security == SecurityModel.Malicious && !HasMaliciousVariant ? PsiProtocols.NoMaliciousVariant(Name)
        : null;

    /// <summary>Why it cannot take sets of these sizes, as one line for a person; null when it can.</summary>
    /// <param name="sizes">Both sizes.</param>
    /// <param name="reveal">Who learns the result.</param>
    public virtual string? FaultOf(SetSizes sizes, RevealTo reveal) => null;

    /// <summary>Whether a session may have this length of RSA keys.</summary>
    /// <param name="bits">Modulus length in bits, or null for a session without such keys.</param>
    public virtual bool TakesRsaBits(int? bits) => bits is null;

    /// <summary>Whether a side signs: because the other side learns the result.</summary>
    /// <param name="reveal">Who learns the result.</param>
    /// <param name="initiator">Whether the side is the initiator.</param>
    public virtual bool Signs(RevealTo reveal, bool initiator) => false;

    /// <summary>Whether the own identifiers are read batch by batch during the session, in the session's shuffled order.</summary>
    /// <param name="reveal">What the session reveals, seen from this party.</param>
    /// <param name="hasOwnReusableSet">Whether this party's tags were made before the session.</param>
    public virtual bool ReadsItems(Reveal reveal, bool hasOwnReusableSet) => false;

    /// <summary>Estimated seconds of a session, the parties working at once; positive infinity for a protocol that is no candidate of <c>auto</c>.</summary>
    /// <param name="sizes">Both sizes.</param>
    /// <param name="reveal">Who learns the result.</param>
    /// <param name="costs">Measured costs.</param>
    /// <param name="cores">Cores a party uses, 1 or more.</param>
    public virtual double Seconds(SetSizes sizes, RevealTo reveal, ProtocolCosts costs, int cores) => double.PositiveInfinity;

    /// <summary>How many costly operations both parties need together, by the operation's name.</summary>
    /// <param name="sizes">Both sizes.</param>
    /// <param name="reveal">Who learns the result.</param>
    /// <param name="reuse">Whether senders use reusable sets.</param>
    public abstract IReadOnlyDictionary<string, long> OperationsOf(SetSizes sizes, RevealTo reveal, bool reuse);

    /// <summary>The same operations, to be timed.</summary>
    /// <param name="rsaBits">Modulus length in bits, for a protocol with RSA keys.</param>
    public abstract PrimitiveSamples Samples(int rsaBits);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
