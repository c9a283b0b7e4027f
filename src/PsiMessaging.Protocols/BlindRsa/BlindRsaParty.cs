using System.Text;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols.BlindRsa;

/// <summary>
/// PSI from RSA blind signatures (De Cristofaro–Tsudik, ePrint 2009/491), with the signatures of RFC 9474. A party that learns the result is receiver under the
/// other's key; where both learn it, each is sender and receiver. Rounds: 1 <c>blinded</c> (the receiver's identifiers, blinded), 2 <c>signed</c> (the
/// sender's answer, batch for batch), 3 <c>tags</c> (short hashes of the sender's signatures on its own set).
/// </summary>
/// <remarks>
/// Who learns what: a receiver learns its common identifiers and the size of the other's set; a sender learns the receiver's size. What a receiver sends is
/// uniform modulo n; what a sender sends for identifiers outside the intersection is a hash of signatures the receiver cannot make. Security: one-more-RSA and
/// the random oracle model, honest-but-curious parties; signatures are verified, so a sender that answers wrongly is noticed. With a reusable set the
/// sender's tags are the same in every session that uses it: a receiver sees that the set has not changed.
/// </remarks>
public sealed class BlindRsaParty : IBatchParty
{
    /// <summary>Elements in a batch of rounds 1 and 2: 256 KiB at 2048 bits, 1 MiB at 8192.</summary>
    public const int CostlyBatchElements = 1024;
    /// <summary>Elements in a batch of round 3: cut by the work behind them, a private operation each, not by their bytes.</summary>
    public const int TagBatchElements = 4096;
    /// <summary>Elements in a batch of round 3 when the tags were made before the session.</summary>
    public const int PreparedBatchElements = 65536;

    private readonly SecretBytes _blindSeed;
    private readonly RsaPrivateKey? _ownKey;
    private readonly BlindRsaParameters _receiving;
    private readonly BlindRsaParameters _sending;

    /// <param name="ownSize">Number of own identifiers.</param>
    /// <param name="peerSize">Announced size of the peer's set.</param>
    /// <param name="transcript">Hash of the hand-shake, 32 bytes; separates this session from every other.</param>
    /// <param name="seed">This party's secret seed of this session, 32 bytes; stays owned by the caller.</param>
    /// <param name="own">Own side: name, RSA key where this party is sender (stays owned by the caller), set id where its tags are reusable.</param>
    /// <param name="peer">The peer's side: name, public key where the peer is sender, set id where its tags are reusable.</param>
    /// <param name="reveal">
    /// Who learns the result; <see cref="Reveal.Size"/> is not to be had from this protocol, whose
    /// receiver sees which of its blinded identifiers was signed how.
    /// </param>
    /// <exception cref="ProtocolViolationException">The peer shows this party's own name or key as its own.</exception>
    public BlindRsaParty(
        int ownSize, int peerSize, byte[] transcript, SecretBytes seed, (string Name, RsaPrivateKey? Key, byte[]? ReusableSet) own,
        (string Name, RsaPublicKey? Key, byte[]? ReusableSet) peer, Reveal reveal)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(transcript.Length, 32);
        ArgumentOutOfRangeException.ThrowIfEqual((int)reveal, (int)Reveal.Size);
        var (receives, sends) = (reveal is Reveal.Both or Reveal.Own, reveal is Reveal.Both or Reveal.Peer);
        if (own.Name == peer.Name || (own.Key is not null && peer.Key is not null && own.Key.PublicKey.Modulus.AsSpan().SequenceEqual(peer.Key.Modulus)))
        {
            throw new ProtocolViolationException(FailureCodes.WeakKey, "the peer shows this party's own name or RSA key as its own");
        }

        if ((receives && peer.Key is null) || (sends && own.Key is null))
        {
            throw new ArgumentException("a sender's key is missing", nameof(own));
        }

        _ownKey = own.Key;
        _blindSeed = seed.Derive([], [.. DomainTags.RsaBlindSeed, .. transcript], 32);
        TagSizeBytes = FalseMatchBound.TagSizeBytes(ownSize, peerSize);
        _receiving = new BlindRsaParameters(0, TagSizeBytes, peer.Key?.Modulus
            ?? [], Signer(peer.Name, transcript, peer.ReusableSet), TagPrefix(transcript, peer.ReusableSet));
        _sending = new BlindRsaParameters(0, TagSizeBytes, [], Signer(own.Name, transcript, own.ReusableSet), TagPrefix(transcript, own.ReusableSet));

        var rounds = new List<Round>();
        if (receives)
        {
            var size = peer.Key!.SizeBytes;
            rounds.Add(new Round(1, "blinded", RoundDirection.Outgoing, ownSize, size, CostlyBatchElements));
            rounds.Add(new Round(2, "signed", RoundDirection.Incoming, ownSize, size,
                CostlyBatchElements) { Keeps = TagSide.Own, WithItems = true, IsAnswer = true });
            rounds.Add(new Round(3, "tags", RoundDirection.Incoming, peerSize, TagSizeBytes,
                peer.ReusableSet is null ? TagBatchElements : PreparedBatchElements) { Keeps = TagSide.Peer });
        }

        if (sends)
        {
            var size = own.Key!.PublicKey.SizeBytes;
            rounds.Add(new Round(1, "blinded", RoundDirection.Incoming, peerSize, size, CostlyBatchElements));
            rounds.Add(new Round(2, "signed", RoundDirection.Reply, peerSize, size, CostlyBatchElements));
            rounds.Add(own.ReusableSet is null
                ? new Round(3, "tags", RoundDirection.Outgoing, ownSize, TagSizeBytes, TagBatchElements)
                : new Round(3, "tags", RoundDirection.Outgoing, ownSize, TagSizeBytes, PreparedBatchElements) { Source = RoundSource.PreparedTags });
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
            new EvaluationRequest(EvaluationKind.RsaBlind, (_receiving with { First = round.FirstOf(sequence) }).Encode(),
                _blindSeed, items, round.CountOf(sequence) * round.ElementSizeBytes),
        (1, RoundDirection.Incoming) => new EvaluationRequest(EvaluationKind.RsaSign, _sending.Encode(), _ownKey!.Pkcs8, payload, payload.Length),
        (2, RoundDirection.Incoming) =>
            new EvaluationRequest(EvaluationKind.RsaFinalize, (_receiving with { First = round.FirstOf(sequence) }).Encode(),
                _blindSeed, BlindRsaEvaluation.Join(items, payload), round.CountOf(sequence) * TagSizeBytes),
        (3, RoundDirection.Incoming) => null,
        (3, RoundDirection.Outgoing) =>
            new EvaluationRequest(EvaluationKind.RsaTags, _sending.Encode(), _ownKey!.Pkcs8, items, round.CountOf(sequence) * TagSizeBytes),
        _ => throw new ArgumentOutOfRangeException(nameof(round), round.Number, "nothing is evaluated in this round"),
    };

    /// <summary>
    /// The computation that makes a reusable set: tags of the signatures over own identifiers, 16 bytes each, to be sorted and cut to a session's length.
    /// </summary>
    /// <param name="name">Own name.</param>
    /// <param name="key">The set's RSA key; stays owned by the caller.</param>
    /// <param name="setId">
    /// 32 random bytes that name the set: in the place a session's transcript has, so that two sets of the same identifiers do not match.
    /// </param>
    /// <param name="items">Own identifiers as <see cref="PackedItems"/>.</param>
    public static EvaluationRequest PrepareTags(string name, RsaPrivateKey key, byte[] setId, ReadOnlyMemory<byte> items) =>
        new(EvaluationKind.RsaTags, new BlindRsaParameters(0, FalseMatchBound.MaximumTagSizeBytes, [], Signer(name, [], setId), TagPrefix([], setId)).Encode(),
            key.Pkcs8, items, new PackedItems(items).Count * FalseMatchBound.MaximumTagSizeBytes);

    /// <summary>What stands before an identifier in a signed message: tag, session or set, and whose signature it is.</summary>
    private static byte[] Signer(string name, byte[] transcript, byte[]? setId)
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        return setId is null ? [.. DomainTags.RsaItem, .. transcript, (byte)bytes.Length,
            .. bytes] : [.. DomainTags.RsaReusableItem, .. setId, (byte)bytes.Length, .. bytes];
    }

    private static byte[] TagPrefix(byte[] transcript, byte[]? setId) => [.. DomainTags.RsaTag, .. setId ?? transcript];

    /// <inheritdoc/>
    public void Dispose() => _blindSeed.Dispose();
}
