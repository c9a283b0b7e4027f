using System.Collections;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.KeyValueStore;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.ObliviousTransfer;
using PsiMessaging.Cryptography.Oprf;
using PsiMessaging.Cryptography.Ristretto;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Cryptography.Vole;

namespace PsiMessaging.Protocols.Vole;

/// <summary>The side that encodes its set and compares.</summary>
internal sealed class VoleReceiverParty : VoleParty
{
    private readonly Lazy<Task<Extension>> _extension;
    private readonly Lazy<Task<BlockBuffer>> _store;
    private readonly Lazy<Task<(BlockBuffer A, BlockBuffer C, byte[]? Answer)>> _vole;
    private readonly Lazy<Task<BlockBuffer>> _masked;
    private readonly Lazy<Task<(SortedTags Tags, BlockBuffer Evaluated)>> _outputs;
    private readonly Lazy<Task<byte[]>> _matches;
    private readonly byte[] _bitmap;
    private readonly (byte[] First, byte[] Last)[] _edges;
    private readonly byte[] _offer;
    private byte[] _session = [];
    private int _compared;

    public VoleReceiverParty(VoleSettings settings, SecretBytes seed, Func<bool, CancellationToken, ItemHashes> items, Cores cores)
        : base(settings, receives: true, seed, items, cores)
    {
        _bitmap = new byte[settings.BitmapSizeBytes];
        _edges = new (byte[], byte[])[Rounds.SingleOrDefault(round => round.Number == VoleSettings.OutputsRound)?.Batches ?? 0];
        using (var secret = OfferSecret())
        {
            _offer = BaseTransfer.Offer(secret);
        }

        _extension = new(() => Step(Extend));
        _store = new(() => StoreAsync());
        _vole = new(() => VoleAsync());
        _masked = new(() => MaskAsync());
        _outputs = new(() => OutputAsync());
        _matches = new(() => MatchAsync());
    }

    private sealed record Extension(VoleReceiver Vole, byte[] Message, BlockBuffer Rows, byte[] Opening);

    private RistrettoScalar OfferSecret()
    {
        using var seed = BaseSeed();
        return RistrettoScalar.Derive(seed, "offer"u8);
    }

    /// <inheritdoc/>
    public override async Task<byte[]> ProduceAsync(Round round, int sequence)
    {
        switch (round.Number)
        {
            case 1:
                // The sender's elements take it a while: time to hash and order the own items.
                _ = Items.Value;
                return _offer;
            case 2:
                var extension = await _extension.Value;
                _ = _store.Value;
                return Slice(extension.Message, round, sequence);
            case 3:
                return (await _extension.Value).Opening;
            case 5:
                return await Step(Challenge);
            case 7:
                var masked = await _masked.Value;
                return await Step(() => MemoryMarshal.AsBytes(masked.Span.Slice(round.FirstOf(sequence), round.CountOf(sequence))).ToArray());
            case 8:
                return Share();
            case 11:
                return Slice(await _matches.Value, round, sequence);
            default:
                throw new ArgumentOutOfRangeException(nameof(round), round.Number, "the receiver does not send this round");
        }
    }

    /// <inheritdoc/>
    public override async Task AbsorbAsync(Round round, int sequence, ReadOnlyMemory<byte> payload)
    {
        var last = Incoming(round.Number).Take(sequence, payload.Span);
        switch (round.Number)
        {
            case 1:
                var choice = payload[..BaseTransfer.ChoiceSizeBytes];
                if (await Step(() => BaseTransfer.FaultOfChoice(choice.Span)) is { } fault)
                {
                    throw new ProtocolViolationException(FailureCodes.BadBatch, fault);
                }

                _session = SessionHash(_offer, payload.Span);
                break;
            case 4 when last:
                _ = _vole.Value;
                break;
            case 6:
                var (_, _, expected) = await _vole.Value;
                if (!CryptographicOperations.FixedTimeEquals(payload.Span, expected))
                {
                    throw FailedCheck();
                }

                break;
            case 9:
                var commitment = Incoming(1).Bytes.AsSpan(BaseTransfer.ChoiceSizeBytes);
                if (!CryptographicOperations.FixedTimeEquals(Commit(payload.Span), commitment))
                {
                    throw FailedCheck();
                }

                break;
            case VoleSettings.OutputsRound when !Settings.KeepsOutputs:
                var (tags, _) = await _outputs.Value;
                await Step(() => Match(tags, round, sequence, payload));
                break;
            case VoleSettings.OutputsRound when !Settings.IsMalicious:
                // The own outputs are made and sorted here, from the own set alone; what is common is looked for in FinishAsync.
                await _outputs.Value;
                break;
            default:
                // Looked at when the round is whole.
                break;
        }
    }

    /// <inheritdoc/>
    public override async Task<(BitArray Positions, int Count)> FinishAsync()
    {
        await _matches.Value;
        var ((rows, _), (tags, _)) = (await Items.Value, await _outputs.Value);
        return await Step(() => Positions(rows, tags, tags.CommonBit));
    }

    private Extension Extend()
    {
        using var noise = Draw("/noise", 16);
        var receiver = Own(new VoleReceiver(Settings.Lpn, noise.Span, Settings.IsMalicious));
        var rows = Own(new BlockBuffer(receiver.Choices.Length * TransferExtension.TileRows));
        var message = new byte[receiver.Choices.Length * TransferExtension.TileSizeBytes];
        using (var secret = OfferSecret())
        {
            Vector128<byte>[] keys;
            try
            {
                keys = BaseTransfer.OffererKeys(Settings.Transcript, _session, secret, Incoming(1).Bytes.AsMemory(0, BaseTransfer.ChoiceSizeBytes), Cores);
            }
            catch (CryptographicException)
            {
                throw new ProtocolViolationException(FailureCodes.BadBatch, "the base transfers have an element that is not valid");
            }

            TransferExtension.Offer(keys, receiver.Choices, message, rows.Span);
            keys.AsSpan().Clear();
        }

        return new Extension(receiver, message, rows, TransferExtension.Open(ExtensionChallenge(_session, message), receiver.Choices, rows.Span));
    }

    private async Task<BlockBuffer> StoreAsync()
    {
        var (rows, values) = await Items.Value;
        return await Step(() =>
        {
            using var seed = Draw("/free", 16);
            var store = RandomBandStore.Encode(rows, values.Span, seed.Span, Cores, out var fault);
            if (store is null)
            {
                throw fault == EncodeFault.DuplicateKey
                    ? new ProtocolViolationException("unusable-dataset", "two identifiers of the dataset have the same hash; remove one of them")
                    : new RestartException("the set could not be encoded under this session's keys");
            }

            // The direct guard against a lost row: every own key decodes to its value before anything leaves.
            Own(store);
            using var decoded = new BlockBuffer(rows.Count);
            RandomBandStore.Decode(store, rows, decoded, Cores);
            if (!decoded.Span.SequenceEqual(values.Span))
            {
                throw new InvalidOperationException("the encoded set does not decode to itself");
            }

            values.Dispose();
            return store;
        });
    }

    private Vector128<byte> ChallengePoint() => DrawBlock("/challenge");

    private async Task<(BlockBuffer A, BlockBuffer C, byte[]? Answer)> VoleAsync()
    {
        var extension = await _extension.Value;
        return await Step(() =>
        {
            var corrections = Incoming(4).Bytes;
            var expanded = extension.Vole.Expand(
                Settings.VoleKeys(_session), extension.Rows, corrections, Settings.IsMalicious ? ChallengePoint() : null, Cores);
            Own(expanded.A);
            Own(expanded.C);
            return expanded;
        });
    }

    private byte[] Challenge()
    {
        var challenge = new byte[SilentVole.ChallengeSizeBytes];
        var point = ChallengePoint();
        point.CopyTo(challenge);
        _extension.Value.Result.Vole.Claim(point).CopyTo(challenge, 16);
        return challenge;
    }

    private byte[] Share()
    {
        using var share = Draw("/share", VoleSettings.ShareSizeBytes);
        return share.Span.ToArray();
    }

    private async Task<BlockBuffer> MaskAsync()
    {
        var (store, (a, _, _)) = (await _store.Value, await _vole.Value);
        return await Step(() =>
        {
            VoleOprf.Add(a, store, Settings.Columns, Cores);
            a.Dispose();
            return store;
        });
    }

    /// <inheritdoc/>
    private protected override async Task<BlockBuffer> EvaluateAsync()
    {
        var ((rows, _), (_, c, _)) = (await Items.Value, await _vole.Value);
        return await Step(() =>
        {
            var evaluated = Own(new BlockBuffer(rows.Count));
            RandomBandStore.Decode(c, rows, evaluated, Cores);
            c.Dispose();
            return evaluated;
        });
    }

    private async Task<(SortedTags Tags, BlockBuffer Evaluated)> OutputAsync()
    {
        var ((rows, _), evaluated) = (await Items.Value, await EvaluateAsync());
        return await Step(() =>
        {
            Vector128<byte>? share = Settings.IsMalicious ? Vector128.Create<byte>(Share()) ^ Vector128.Create<byte>(Incoming(9).Bytes.AsSpan(0, 16)) : null;
            using var outputs = Oprf.Outputs(rows, evaluated, share, Cores);
            return (Own(Sorted(outputs, TagSizeBytes, Cores)), evaluated);
        });
    }

    /// <summary>Batches of the sender's outputs that were compared with the own ones so far: for the test that none is before its time.</summary>
    internal int ComparedBatches => _compared;

    private bool Match(SortedTags tags, Round round, int sequence, ReadOnlyMemory<byte> payload)
    {
        Interlocked.Increment(ref _compared);
        var count = round.CountOf(sequence);
        if (count > 0)
        {
            // Batches of the round begin at whole bytes of the bitmap.
            if (!tags.TryMatch(payload.Span, _bitmap.AsSpan(round.FirstOf(sequence) / 8, (count + 7) / 8)))
            {
                throw NotAscending();
            }

            _edges[sequence] = (payload.Span[..TagSizeBytes].ToArray(), payload.Span[^TagSizeBytes..].ToArray());
        }

        return true;
    }

    private static ProtocolViolationException NotAscending() => new(FailureCodes.BadBatch, "the peer's outputs are not in ascending order");

    private async Task<byte[]> MatchAsync()
    {
        var (tags, evaluated) = await _outputs.Value;
        return await Step(() =>
        {
            var round = Rounds.Single(round => round.Number == VoleSettings.OutputsRound);
            if (!Settings.AnswersResult)
            {
                // Between two shards the sender sees how long this takes.
                Interlocked.Add(ref _compared, round.Batches);
                return tags.TryMatchEvenly(Incoming(VoleSettings.OutputsRound).Bytes) ? [] : throw NotAscending();
            }

            for (var sequence = 0; sequence < round.Batches; sequence++)
            {
                if (Settings.KeepsOutputs)
                {
                    Match(tags, round, sequence, Incoming(VoleSettings.OutputsRound).Bytes
                        .AsMemory(round.FirstOf(sequence) * round.ElementSizeBytes, round.CountOf(sequence) * round.ElementSizeBytes));
                }

                if (sequence > 0 && _edges[sequence - 1].Last.AsSpan().SequenceCompareTo(_edges[sequence].First) >= 0)
                {
                    throw NotAscending();
                }
            }

            return (byte[])[.. _bitmap, .. ClaimOf(tags, evaluated, tags.IsCommon)];
        });
    }
}
