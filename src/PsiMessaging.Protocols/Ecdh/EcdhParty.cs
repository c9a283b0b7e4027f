using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Ristretto;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols.Ecdh;

/// <summary>
/// PSI from Diffie–Hellman (Meadows 1986; Huberman, Franklin and Hogg 1999) over ristretto255: party A sends a·H(x) for its identifiers, B answers with a tag
/// of b·a·H(x), and the other way round; equal identifiers have equal tags. Rounds: 1 <c>masked</c> (elements), 2 <c>double-masked</c> (tags, batch for batch
/// in the order of round 1), 3 <c>sorted tags</c> (instead of 2 when only the size is revealed).
/// </summary>
/// <remarks>
/// Who learns what, beside the sizes of both sets: <see cref="Reveal.Both"/>, each party which of its identifiers are common; <see cref="Reveal.Own"/> and
/// <see cref="Reveal.Peer"/>, one party that, the other nothing, because nobody answers its masked set; <see cref="Reveal.Size"/>, both how many, because each
/// gets the tags of its set in sorted order. Security: decisional Diffie–Hellman in the random oracle model, honest-but-curious parties.
/// </remarks>
public sealed class EcdhParty : IBatchParty
{
    /// <summary>Most elements in a batch: 512 KiB of masked elements, and some 0.15 s of one core with vector lanes, a second without.</summary>
    public const int MaximumBatchElements = 16384;
    /// <summary>Fewest elements in a full batch; sets are cut into 24 batches or more down to it, so that the parties' work overlaps.</summary>
    public const int MinimumBatchElements = 256;

    private readonly SecretBytes _secret;
    private readonly byte[] _maskParameters;
    private readonly byte[] _remaskParameters;

    /// <param name="ownSize">Number of own identifiers.</param>
    /// <param name="peerSize">Announced size of the peer's set.</param>
    /// <param name="transcript">Hash of the hand-shake, 32 bytes; separates this session from every other.</param>
    /// <param name="seed">This party's secret seed of this session, 32 bytes; stays owned by the caller.</param>
    /// <param name="reveal">Who learns what.</param>
    public EcdhParty(int ownSize, int peerSize, byte[] transcript, SecretBytes seed, Reveal reveal)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(transcript.Length, 32);
        using (var scalar = RistrettoScalar.Derive(seed, [.. DomainTags.EcdhScalar, .. transcript]))
        {
            _secret = SecretBytes.CopyOf(scalar.Span);
        }

        TagSizeBytes = FalseMatchBound.TagSizeBytes(ownSize, peerSize);
        _maskParameters = [.. DomainTags.EcdhItem, .. transcript];
        _remaskParameters = [(byte)TagSizeBytes, .. DomainTags.EcdhTag, .. transcript];

        var (own, peer) = (BatchElementsOf(ownSize), BatchElementsOf(peerSize));
        var (ownLearns, peerLearns, sizeOnly) = (reveal is Reveal.Both or Reveal.Own, reveal is Reveal.Both or Reveal.Peer, reveal == Reveal.Size);
        var rounds = new List<Round>
        {
            new(1, "masked", RoundDirection.Outgoing, ownSize, RistrettoGroup.ElementSizeBytes, own),
            new(1, "masked", RoundDirection.Incoming, peerSize, RistrettoGroup.ElementSizeBytes,
                peer) { Keeps = ownLearns || sizeOnly ? TagSide.Peer : TagSide.None },
        };
        if (ownLearns)
        {
            rounds.Add(new Round(2, "double-masked", RoundDirection.Incoming, ownSize, TagSizeBytes, own) { Keeps = TagSide.Own, IsAnswer = true });
        }

        if (peerLearns)
        {
            rounds.Add(new Round(2, "double-masked", RoundDirection.Reply, peerSize, TagSizeBytes, peer));
        }

        if (sizeOnly)
        {
            rounds.Add(new Round(3, "sorted tags", RoundDirection.Outgoing, peerSize, TagSizeBytes, peer) { Source = RoundSource.SortedPeerTags, After = [1] });
            rounds.Add(new Round(3, "sorted tags", RoundDirection.Incoming, ownSize, TagSizeBytes, own) { Keeps = TagSide.Own });
        }

        Rounds = rounds;
    }

    /// <inheritdoc/>
    public IReadOnlyList<Round> Rounds { get; }

    /// <inheritdoc/>
    public int TagSizeBytes { get; }

    /// <inheritdoc/>
    public EvaluationRequest? Evaluate(Round round, int sequence, ReadOnlyMemory<byte> items, ReadOnlyMemory<byte> payload) =>
        (round.Number, round.Direction) switch
    {
        (1, RoundDirection.Outgoing) =>
            new EvaluationRequest(EvaluationKind.EcdhMask, _maskParameters, _secret, items, round.CountOf(sequence) * RistrettoGroup.ElementSizeBytes),
        (1, RoundDirection.Incoming) =>
            new EvaluationRequest(EvaluationKind.EcdhRemask, _remaskParameters, _secret, payload, round.CountOf(sequence) * TagSizeBytes),
        (2 or 3, RoundDirection.Incoming) => null,
        _ => throw new ArgumentOutOfRangeException(nameof(round), round.Number, "nothing is evaluated in this round"),
    };

    /// <summary>Elements in a full batch of a set's rounds; both parties compute it from the announced size.</summary>
    public static int BatchElementsOf(int size) => Math.Clamp((size + 23) / 24, MinimumBatchElements, MaximumBatchElements);

    /// <inheritdoc/>
    public void Dispose() => _secret.Dispose();
}
