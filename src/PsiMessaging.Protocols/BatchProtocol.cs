using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols;

/// <summary>A protocol whose batches are computed one by one, by any process, from the request alone.</summary>
public abstract class BatchProtocol : PsiProtocol
{
    private protected BatchProtocol()
    {
    }

    /// <summary>The computations its batches need; every kind belongs to one protocol.</summary>
    internal abstract IReadOnlyDictionary<EvaluationKind, Evaluate> Evaluations { get; }

    /// <inheritdoc/>
    /// <remarks>They are not where only prepared tags leave.</remarks>
    public sealed override bool ReadsItems(Reveal reveal, bool hasOwnReusableSet) => !(hasOwnReusableSet && reveal == Reveal.Peer);

    /// <summary>Makes one party's side.</summary>
    /// <exception cref="ProtocolViolationException">What the peer showed in the hand-shake breaks the protocol.</exception>
    public abstract IBatchParty Open(PartySetup setup);
}
