using System.Collections;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Fields;
using PsiMessaging.Cryptography.KeyValueStore;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.ObliviousTransfer;
using PsiMessaging.Cryptography.Oprf;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Cryptography.Vole;

namespace PsiMessaging.Protocols.Vole;

/// <summary>The side that holds Δ and evaluates.</summary>
internal sealed class VoleSenderParty : VoleParty
{
    private readonly TaskCompletionSource _offered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _challenged = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Vector128<byte> _delta;
    private readonly Lazy<Task<byte[]>> _choice;
    private readonly Lazy<Task<Vector128<byte>[]>> _keys;
    private readonly Lazy<Task<BlockBuffer>> _transfers;
    private readonly Lazy<Task<(SenderLeaves Leaves, byte[] Corrections)>> _trees;
    private readonly Lazy<Task<byte[]>> _answer;
    private readonly Lazy<Task<BlockBuffer>> _vole;
    private readonly Lazy<Task<(SortedTags Tags, BlockBuffer Evaluated)>> _outputs;
    private byte[] _session = [];

    public VoleSenderParty(VoleSettings settings, SecretBytes seed, Func<bool, CancellationToken, ItemHashes> items, Cores cores)
        : base(settings, receives: false, seed, items, cores)
    {
        _delta = DrawBlock("/delta");
        _choice = new(() => Step(Choose));
        _keys = new(() => KeysAsync());
        _transfers = new(() => TransferAsync());
        _trees = new(() => TreesAsync());
        _answer = new(() => AnswerAsync());
        _vole = new(() => VoleAsync());
        _outputs = new(() => OutputAsync());
    }

    /// <inheritdoc/>
    public override async Task<byte[]> ProduceAsync(Round round, int sequence)
    {
        switch (round.Number)
        {
            case 1:
                var choice = await _choice.Value;
                _ = Items.Value;
                return choice;
            case 4:
                return Slice((await _trees.Value).Corrections, round, sequence);
            case 6:
                return await _answer.Value;
            case 9:
                return Opening();
            case VoleSettings.OutputsRound:
                var (tags, _) = await _outputs.Value;
                return await Step(() =>
                {
                    var batch = new byte[round.CountOf(sequence) * round.ElementSizeBytes];
                    tags.CopyTo(round.FirstOf(sequence), batch);
                    return batch;
                });
            default:
                throw new ArgumentOutOfRangeException(nameof(round), round.Number, "the sender does not send this round");
        }
    }

    /// <inheritdoc/>
    public override async Task AbsorbAsync(Round round, int sequence, ReadOnlyMemory<byte> payload)
    {
        var last = Incoming(round.Number).Take(sequence, payload.Span);
        switch (round.Number)
        {
            case 1:
                if (BaseTransfer.FaultOfOffer(payload.Span) is { } fault)
                {
                    throw new ProtocolViolationException(FailureCodes.BadBatch, fault);
                }

                var choice = await _choice.Value;
                _session = SessionHash(payload.Span, choice);
                _offered.TrySetResult();
                _ = _keys.Value;
                break;
            case 2 or 3:
                if (last && Incoming(2).IsWhole && Incoming(3).IsWhole)
                {
                    await _transfers.Value;
                    _ = _vole.Value;
                }

                break;
            case 5 when last:
                _challenged.TrySetResult();
                break;
            case 7:
                var b = await _vole.Value;
                await Step(() =>
                {
                    BinaryField128.MultiplyAdd(_delta, MemoryMarshal.Cast<byte, Vector128<byte>>(payload.Span),
                        b.Span.Slice(round.FirstOf(sequence), round.CountOf(sequence)));
                    return true;
                });
                break;
            default:
                // Looked at when the round is whole.
                break;
        }
    }

    /// <inheritdoc/>
    public override async Task<(BitArray Positions, int Count)> FinishAsync()
    {
        var ((rows, _), (tags, evaluated)) = (await Items.Value, await _outputs.Value);
        var matches = Incoming(11).Bytes;
        return await Step(() =>
        {
            var bits = matches.AsMemory(0, Settings.BitmapSizeBytes);
            if ((tags.Count % 8 != 0 && bits.Span[^1] >> (tags.Count % 8) != 0)
                || !CryptographicOperations.FixedTimeEquals(ClaimOf(tags, evaluated, IsCommon), matches.AsSpan(Settings.BitmapSizeBytes)))
            {
                throw new ProtocolViolationException(FailureCodes.ResultMismatch, "the peer claims items in common whose values it does not hold");
            }

            return Positions(rows, tags, Bit);

            int Bit(int place) => (bits.Span[place >> 3] >> (place & 7)) & 1;
            bool IsCommon(int place) => Bit(place) != 0;
        });
    }

    private byte[] Choose()
    {
        using var seed = BaseSeed();
        var choice = BaseTransfer.Choose(Settings.Transcript, seed, _delta, Cores);
        return Settings.IsMalicious ? [.. choice, .. Commit(Opening())] : choice;
    }

    /// <summary>The share of w and the nonce of its commitment.</summary>
    private byte[] Opening()
    {
        using var opening = Draw("/opening", VoleSettings.ShareSizeBytes + VoleSettings.CommitmentNonceSizeBytes);
        return opening.Span.ToArray();
    }

    private async Task<Vector128<byte>[]> KeysAsync()
    {
        // The extension may overtake the offer; without the offer there is nothing to bind keys to.
        await _offered.Task;
        return await Step(() =>
        {
            using var seed = BaseSeed();
            return BaseTransfer.ChooserKeys(_session, seed, _delta, Incoming(1).Bytes, Cores);
        });
    }

    /// <inheritdoc/>
    private protected override void Wipe() => _delta = default;

    /// <summary>q of all transfers, checked: nothing that depends on Δ is made from an extension that was not.</summary>
    private async Task<BlockBuffer> TransferAsync()
    {
        var keys = await _keys.Value;
        return await Step(() =>
        {
            var message = Incoming(2).Bytes;
            var rows = Own(new BlockBuffer(message.Length / 16));
            TransferExtension.Choose(keys, _delta, message, rows.Span);
            keys.AsSpan().Clear();
            return TransferExtension.Verify(ExtensionChallenge(_session, message), _delta, rows.Span, Incoming(3).Bytes) ? rows : throw FailedCheck();
        });
    }

    private async Task<(SenderLeaves Leaves, byte[] Corrections)> TreesAsync()
    {
        var rows = await _transfers.Value;
        return await Step(() =>
        {
            using var roots = Draw("/roots", 16);
            var corrections = new byte[Settings.Lpn.Noise * Settings.Lpn.TreeSizeBytes];
            return (Own(SenderLeaves.Expand(Settings.Lpn, Settings.VoleKeys(_session), roots, _delta, rows, corrections, Cores)), corrections);
        });
    }

    private async Task<BlockBuffer> VoleAsync()
    {
        var (leaves, _) = await _trees.Value;
        if (Settings.IsMalicious)
        {
            // The check is over the leaves, which the code takes the place of.
            await _answer.Value;
        }

        return await Step(() => Own(leaves.Encode(Cores)));
    }

    private async Task<byte[]> AnswerAsync()
    {
        await _challenged.Task;
        var (rows, (leaves, _)) = (await _transfers.Value, await _trees.Value);
        return await Step(() =>
        {
            var challenge = MemoryMarshal.Cast<byte, Vector128<byte>>(Incoming(5).Bytes);
            return VoleSender.Answer(Settings.Lpn, _delta, rows.Span, leaves.Evaluate(challenge[0], Cores), challenge[1]);
        });
    }

    /// <inheritdoc/>
    private protected override async Task<BlockBuffer> EvaluateAsync()
    {
        var ((rows, values), k) = (await Items.Value, await _vole.Value);
        return await Step(() =>
        {
            if (!Incoming(7).IsWhole)
            {
                throw new InvalidOperationException("the masked store is not all here");
            }

            var evaluated = Own(new BlockBuffer(rows.Count));
            RandomBandStore.Decode(k, rows, evaluated, Cores);
            k.Dispose();
            VoleOprf.Finish(evaluated, values, _delta, Cores);
            values.Dispose();
            return evaluated;
        });
    }

    private async Task<(SortedTags Tags, BlockBuffer Evaluated)> OutputAsync()
    {
        var ((rows, _), evaluated) = (await Items.Value, await EvaluateAsync());
        return await Step(() =>
        {
            Vector128<byte>? share = Settings.IsMalicious ? Vector128.Create<byte>(Incoming(8).Bytes) ^ Vector128.Create<byte>(Opening().AsSpan(0, 16)) : null;
            using var outputs = Oprf.Outputs(rows, evaluated, share, Cores);
            return (Own(Sorted(outputs, TagSizeBytes, Cores)), evaluated);
        });
    }
}
