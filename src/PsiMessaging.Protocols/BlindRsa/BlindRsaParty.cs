using System.Security.Cryptography;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Protocols.BlindRsa;

/// <summary>
/// PSI from RSA blind signatures (De Cristofaro–Tsudik, ePrint 2009/491), with the signatures of RFC 9474. Each party is sender under its own key and receiver
/// under the other's, so both get the intersection. Rounds: 1 <c>blinded</c> (the receiver's identifiers, blinded), 2 <c>signed</c> (the sender's answer,
/// batch for batch), 3 <c>tags</c> (short hashes of the sender's signatures on its own set).
/// </summary>
/// <remarks>
/// Who learns what: each party learns the common identifiers and the size of the other's set. What a receiver sends is uniform modulo n; what a sender
/// sends for identifiers outside the intersection is a hash of signatures the receiver cannot make. Security: one-more-RSA and the random oracle model,
/// honest-but-curious parties; signatures are verified, so a sender that answers wrongly is noticed.
/// </remarks>
public sealed class BlindRsaParty : IProtocolParty
{
    /// <summary>Elements in a batch of rounds 1 and 2: 256 KiB at 2048 bits, 1 MiB at 8192.</summary>
    public const int CostlyBatchElements = 1024;
    /// <summary>Elements in a batch of round 3: cut by the work behind them, a private operation each, not by their bytes.</summary>
    public const int TagBatchElements = 4096;

    private const int ChunkElements = 64;
    private const int MaximumTagPrefixBytes = 64;

    private readonly IItemSet _items;
    private readonly byte[] _transcript;
    private readonly byte[] _signedByOwn;
    private readonly byte[] _signedByPeer;
    private readonly SecretBytes _seed;
    private readonly RsaArithmetic _own;
    private readonly RsaArithmetic _peer;
    private readonly ParallelOptions _parallel;
    private readonly int _tagSize;
    private readonly int[] _blindedOrder;
    private readonly int[] _tagOrder;
    private readonly TagSet _ownTags;
    private readonly TagSet _peerTags;
    private readonly Round _blindedOut;
    private readonly Round _signedIn;
    private readonly Round _tagsOut;
    private readonly Round _blindedIn;
    private readonly Round _signedOut;
    private readonly Round _tagsIn;

    /// <param name="items">Own set.</param>
    /// <param name="peerSize">Announced size of the peer's set.</param>
    /// <param name="transcript">Hash of the hand-shake, 32 bytes; separates this session from every other.</param>
    /// <param name="seed">This party's secret seed of this session, 32 bytes; stays owned by the caller.</param>
    /// <param name="ownKey">Own RSA key; may be disposed afterwards.</param>
    /// <param name="peerKey">The peer's public key, of the agreed length.</param>
    /// <param name="names">Own name and the peer's: every signature is bound to its signer, so that a party cannot be answered with its own.</param>
    /// <param name="parallelism">Cores to use, 1 or more.</param>
    /// <exception cref="ProtocolViolationException">The peer shows this party's own key as its own.</exception>
    public BlindRsaParty(IItemSet items, int peerSize, byte[] transcript, SecretBytes seed, RsaPrivateKey ownKey, RsaPublicKey peerKey, (string Own, string Peer) names, int parallelism)
        : this(items, peerSize, transcript, seed, RsaArithmetic.Create(ownKey), RsaArithmetic.Create(peerKey), names, parallelism)
    {
    }

    internal BlindRsaParty(IItemSet items, int peerSize, byte[] transcript, SecretBytes seed, RsaArithmetic own, RsaArithmetic peer, (string Own, string Peer) names, int parallelism)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(transcript.Length, 32);
        if (names.Own == names.Peer || own.PublicKey.Modulus.AsSpan().SequenceEqual(peer.PublicKey.Modulus))
        {
            throw new ProtocolViolationException("weak-rsa-key", "the peer shows this party's own name or RSA key as its own");
        }

        _items = items;
        _transcript = transcript;
        (_signedByOwn, _signedByPeer) = (Signer(names.Own), Signer(names.Peer));
        _seed = seed;
        _own = own;
        _peer = peer;
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = parallelism };
        _tagSize = FalseMatchBound.TagSizeBytes(items.Count, peerSize);
        _blindedOrder = Shuffle(1);
        _tagOrder = Shuffle(3);
        _ownTags = new TagSet(items.Count, _tagSize);
        _peerTags = new TagSet(peerSize, _tagSize);
        _blindedOut = new Round(1, "blinded", RoundDirection.Outgoing, items.Count, peer.SizeBytes, CostlyBatchElements);
        _signedIn = new Round(2, "signed", RoundDirection.Incoming, items.Count, peer.SizeBytes, CostlyBatchElements);
        _tagsOut = new Round(3, "tags", RoundDirection.Outgoing, items.Count, _tagSize, TagBatchElements);
        _blindedIn = new Round(1, "blinded", RoundDirection.Incoming, peerSize, own.SizeBytes, CostlyBatchElements);
        _signedOut = new Round(2, "signed", RoundDirection.Reply, peerSize, own.SizeBytes, CostlyBatchElements);
        _tagsIn = new Round(3, "tags", RoundDirection.Incoming, peerSize, _tagSize, TagBatchElements);
        Rounds = [_blindedOut, _signedIn, _tagsOut, _blindedIn, _signedOut, _tagsIn];
    }

    /// <inheritdoc/>
    public IReadOnlyList<Round> Rounds { get; }

    /// <inheritdoc/>
    public byte[] Produce(Round round, int sequence) => round.Number switch
    {
        1 => Blind(sequence),
        3 => OwnTags(sequence),
        _ => throw new ArgumentOutOfRangeException(nameof(round), round.Number, "not an outgoing round"),
    };

    /// <inheritdoc/>
    public BatchOutcome Consume(Round round, int sequence, ReadOnlySpan<byte> payload) => round.Number switch
    {
        1 => new BatchOutcome(BlindSign(payload), null),
        2 => new BatchOutcome(null, Finalize(sequence, payload)),
        3 => Take(sequence, payload),
        _ => throw new ArgumentOutOfRangeException(nameof(round), round.Number, "not an incoming round"),
    };

    /// <inheritdoc/>
    public void Restore(Round round, int sequence, ReadOnlySpan<byte> kept)
    {
        switch (round.Number)
        {
            case 2:
                _ownTags.Put(_signedIn.FirstOf(sequence), kept);
                break;
            case 3:
                _peerTags.Put(_tagsIn.FirstOf(sequence), kept);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(round), round.Number, "keeps nothing");
        }
    }

    /// <inheritdoc/>
    public int[] Match()
    {
        var positions = _ownTags.IntersectPositions(_peerTags)
            ?? throw new ProtocolViolationException("bad-batch", "the peer's tags are not all different");
        var indices = Array.ConvertAll(positions, position => _blindedOrder[position]);
        Array.Sort(indices);
        return indices;
    }

    private byte[] Blind(int sequence)
    {
        var (first, count, size) = (_blindedOut.FirstOf(sequence), _blindedOut.CountOf(sequence), _peer.SizeBytes);
        var blinded = new byte[count * size];
        ForEachChunk(count, (from, length) =>
        {
            var messages = new byte[length * size];
            var inverses = new byte[length * size];
            EncodeItems(_signedByPeer, _blindedOrder, first + from, messages, size);
            var blinds = DrawBlinds(first + from, length);
            var ok = BlindRsaSuite.TryBlind(_peer, messages, blinds, blinded.AsSpan(from * size, length * size), inverses);
            CryptographicOperations.ZeroMemory(blinds);
            CryptographicOperations.ZeroMemory(inverses);
            if (!ok)
            {
                throw new ProtocolViolationException("weak-rsa-key", "the peer's RSA modulus shares a factor with a random value");
            }
        });
        return blinded;
    }

    private byte[] BlindSign(ReadOnlySpan<byte> payload)
    {
        var size = _own.SizeBytes;
        var blinded = payload.ToArray();
        var signed = new byte[blinded.Length];
        ForEachChunk(blinded.Length / size, (from, length) =>
        {
            for (var i = from; i < from + length; i++)
            {
                var value = blinded.AsSpan(i * size, size);
                if (!_own.IsInRange(value))
                {
                    throw new ProtocolViolationException("bad-batch", "a blinded value is zero or not below the RSA modulus");
                }

                BlindRsaSuite.BlindSign(_own, value, signed.AsSpan(i * size, size));
            }
        });
        return signed;
    }

    private byte[] Finalize(int sequence, ReadOnlySpan<byte> payload)
    {
        var (first, size) = (_signedIn.FirstOf(sequence), _peer.SizeBytes);
        var signed = payload.ToArray();
        var count = signed.Length / size;
        var tags = new byte[count * _tagSize];
        ForEachChunk(count, (from, length) =>
        {
            var messages = new byte[length * size];
            var inverses = new byte[length * size];
            EncodeItems(_signedByPeer, _blindedOrder, first + from, messages, size);
            var blinds = DrawBlinds(first + from, length);
            if (!_peer.TryInvertAll(blinds, [], inverses))
            {
                throw new ProtocolViolationException("weak-rsa-key", "the peer's RSA modulus shares a factor with a random value");
            }

            Span<byte> signature = stackalloc byte[size];
            for (var i = 0; i < length; i++)
            {
                var offset = i * size;
                if (!BlindRsaSuite.TryFinalize(_peer, messages.AsSpan(offset, size), signed.AsSpan((from * size) + offset, size), inverses.AsSpan(offset, size), signature))
                {
                    throw new ProtocolViolationException("bad-signature", "a blind signature from the peer does not verify");
                }

                Tag(signature, tags.AsSpan((from + i) * _tagSize, _tagSize));
            }

            CryptographicOperations.ZeroMemory(blinds);
            CryptographicOperations.ZeroMemory(inverses);
        });
        _ownTags.Put(first, tags);
        return tags;
    }

    private byte[] OwnTags(int sequence)
    {
        var (first, count, size) = (_tagsOut.FirstOf(sequence), _tagsOut.CountOf(sequence), _own.SizeBytes);
        var tags = new byte[count * _tagSize];
        ForEachChunk(count, (from, length) =>
        {
            var messages = new byte[length * size];
            EncodeItems(_signedByOwn, _tagOrder, first + from, messages, size);
            Span<byte> signature = stackalloc byte[size];
            for (var i = 0; i < length; i++)
            {
                _own.PrivateOperation(messages.AsSpan(i * size, size), signature);
                Tag(signature, tags.AsSpan((from + i) * _tagSize, _tagSize));
            }
        });
        return tags;
    }

    private BatchOutcome Take(int sequence, ReadOnlySpan<byte> payload)
    {
        _peerTags.Put(_tagsIn.FirstOf(sequence), payload);
        return new BatchOutcome(null, payload.ToArray());
    }

    private void EncodeItems(byte[] signer, int[] order, int first, Span<byte> messages, int size)
    {
        Span<byte> buffer = stackalloc byte[512];
        for (var i = 0; i < messages.Length / size; i++)
        {
            var item = _items[order[first + i]];
            var length = signer.Length + item.Length;
            var message = length <= buffer.Length ? buffer[..length] : new byte[length];
            signer.CopyTo(message);
            item.CopyTo(message[signer.Length..]);
            BlindRsaSuite.Encode(message, messages.Slice(i * size, size));
        }
    }

    /// <summary>What stands before an identifier in a signed message: tag, transcript, and whose signature it is.</summary>
    private byte[] Signer(string name)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(name);
        return [.. DomainTags.RsaItem, .. _transcript, (byte)bytes.Length, .. bytes];
    }

    /// <summary>The blinds of positions first.., the same at every call: nothing but the seed needs to be kept for the unblinding.</summary>
    private byte[] DrawBlinds(int first, int count)
    {
        var wideSize = _peer.SizeBytes + BlindRsaSuite.BlindMarginBytes;
        var wide = new byte[count * wideSize];
        var blinds = new byte[count * _peer.SizeBytes];
        using var stream = new SeededStream(_seed, [.. DomainTags.RsaBlinds, .. _transcript], first);
        stream.Fill(wide);
        _peer.Reduce(wide, wideSize, blinds);
        CryptographicOperations.ZeroMemory(wide);
        return blinds;
    }

    private void Tag(ReadOnlySpan<byte> signature, Span<byte> tag)
    {
        Span<byte> input = stackalloc byte[MaximumTagPrefixBytes + signature.Length];
        var prefix = DomainTags.RsaTag.Length + _transcript.Length;
        DomainTags.RsaTag.CopyTo(input);
        _transcript.CopyTo(input[DomainTags.RsaTag.Length..]);
        signature.CopyTo(input[prefix..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(input[..(prefix + signature.Length)], hash);
        hash[..tag.Length].CopyTo(tag);
    }

    private int[] Shuffle(int round)
    {
        using var stream = new SeededStream(_seed, [.. DomainTags.Shuffle, .. _transcript], round);
        return stream.Permutation(_items.Count);
    }

    /// <summary>Chunks are cut on fixed positions, so that each has its own stream of blinds whatever the number of cores.</summary>
    private void ForEachChunk(int count, Action<int, int> work)
    {
        try
        {
            Parallel.For(0, (count + ChunkElements - 1) / ChunkElements, _parallel, chunk =>
                work(chunk * ChunkElements, Math.Min(ChunkElements, count - (chunk * ChunkElements))));
        }
        catch (AggregateException aggregate) when (aggregate.InnerExceptions.OfType<ProtocolViolationException>().FirstOrDefault() is { } violation)
        {
            throw new ProtocolViolationException(violation.Code, violation.Message);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _own.Dispose();
        _peer.Dispose();
    }
}
