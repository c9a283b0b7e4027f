using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.ObliviousTransfer;
using PsiMessaging.Cryptography.Ristretto;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.HiddenIntersection;

/// <summary>
/// The linker's side of <see cref="KeyTransfer"/>: it gets κ_j where record j of the party is unmatched. Where j is matched it has t_j = q_j ⊕ Δ, and c_j is a
/// uniformly random block to it. The same secret gives the same messages. Not thread-safe.
/// </summary>
public sealed class KeyTransferReceiver : IDisposable
{
    private readonly SecretBytes _secret;
    private readonly byte[] _bound;
    private readonly byte[] _offer;
    private readonly int _records;
    private readonly Cores _cores;
    private readonly MessageIntake _keys;
    private byte[] _choice = [];
    private byte[] _session = [];
    private byte[] _columns = [];
    private byte[] _opening = [];
    private BlockBuffer? _rows;

    /// <param name="secret">The linker's secret for the session, 32 random bytes; stays the caller's.</param>
    /// <param name="transcript">Hash of the parties' hand-shake, 32 bytes.</param>
    /// <param name="ofInitiator">Whether it is the initiator whose keys are transferred.</param>
    /// <param name="records">Records of that party, dummies among them.</param>
    /// <param name="cores">Threads; stay the caller's.</param>
    public KeyTransferReceiver(SecretBytes secret, ReadOnlySpan<byte> transcript, bool ofInitiator, int records, Cores cores)
    {
        (_bound, _records, _cores) = (KeyTransfer.Bound(transcript, ofInitiator), records, cores);
        _secret = secret.Derive(_bound, DomainTags.HiddenTransferOffer, KeyTransfer.SecretSizeBytes);
        _keys = new MessageIntake(KeyTransfer.KeysCut(records));
        using var scalar = Scalar();
        _offer = BaseTransfer.Offer(scalar);
    }

    /// <summary>The linker's message of the base transfers, 32 bytes.</summary>
    public byte[] Offer => [.. _offer];

    /// <summary>The opening of the check, behind all columns.</summary>
    public byte[] Opening => _opening.Length > 0 ? [.. _opening] : throw new InvalidOperationException("nothing was chosen yet");

    private RistrettoScalar Scalar() => RistrettoScalar.Derive(_secret, DomainTags.HiddenTransferOffer);

    /// <summary>Takes the party's message of the base transfers.</summary>
    /// <exception cref="InvalidDataException">It has an element that is not valid, another length, or came before.</exception>
    public void TakeChoice(ReadOnlySpan<byte> choice)
    {
        if (_choice.Length > 0)
        {
            throw new InvalidDataException("the choice of the key transfer came twice");
        }

        if (BaseTransfer.FaultOfChoice(choice) is { } fault)
        {
            throw new InvalidDataException(fault);
        }

        _choice = choice.ToArray();
        _session = KeyTransfer.Session(_bound, _offer, choice);
    }

    /// <summary>Makes the columns and their check, when it is known which records are matched.</summary>
    /// <param name="isMatched">For each record of the party, in the order of its tokens.</param>
    /// <exception cref="InvalidDataException">The party's choice is missing, or its elements sum to the identity.</exception>
    public void Choose(Func<int, bool> isMatched)
    {
        if (_rows is not null)
        {
            throw new InvalidOperationException("the columns are made once");
        }

        if (_session.Length == 0)
        {
            throw new InvalidDataException("the choice of the key transfer is missing");
        }

        var tiles = KeyTransfer.TilesOf(_records);
        var bits = new Vector128<byte>[tiles];
        using (var filler = new SeededStream(_secret, DomainTags.HiddenTransferFiller))
        {
            // Random behind the records' own bits: the last tile hides what the check would say of them.
            var bytes = MemoryMarshal.AsBytes(bits.AsSpan());
            filler.Fill(bytes[(_records / 8)..]);
            for (var j = 0; j < _records; j++)
            {
                bytes[j >> 3] = (byte)((bytes[j >> 3] & ~(1 << (j & 7))) | ((isMatched(j) ? 1 : 0) << (j & 7)));
            }
        }

        var (columns, rows) = (new byte[tiles * TransferExtension.TileSizeBytes], new BlockBuffer(tiles * TransferExtension.TileRows));
        using (var scalar = Scalar())
        {
            var keys = OffererKeys(scalar);
            TransferExtension.Offer(keys, bits, columns, rows.Span);
            keys.AsSpan().Clear();
        }

        _opening = TransferExtension.Open(KeyTransfer.Challenge(_session, columns), bits, rows.Span);
        bits.AsSpan().Clear();
        (_columns, _rows) = (columns, rows);
    }

    private Vector128<byte>[] OffererKeys(RistrettoScalar scalar)
    {
        try
        {
            return BaseTransfer.OffererKeys(_bound, _session, scalar, _choice, _cores);
        }
        catch (CryptographicException exception)
        {
            throw new InvalidDataException("the base transfers have an element that is not valid", exception);
        }
    }

    /// <summary>A part of the columns.</summary>
    /// <param name="sequence">Which message of <see cref="KeyTransfer.ExtensionCut"/>.</param>
    public byte[] Columns(int sequence)
    {
        var cut = KeyTransfer.ExtensionCut(_records);
        return _columns.AsSpan(cut.FirstOf(sequence) * cut.ElementSizeBytes, cut.SizeOf(sequence)).ToArray();
    }

    /// <summary>Takes a part of the party's covered keys.</summary>
    /// <exception cref="InvalidDataException">It does not fit the announced sizes, came before, or before the columns were made.</exception>
    public void TakeKeys(int sequence, ReadOnlySpan<byte> message)
    {
        if (_rows is null)
        {
            throw new InvalidDataException("covered mask keys came out of turn");
        }

        _keys.Take(sequence, message);
    }

    /// <summary>What the keys uncover to: κ_j where record j is unmatched, a random block where it is matched. The caller owns it.</summary>
    /// <exception cref="InvalidDataException">A message is missing.</exception>
    public BlockBuffer Finish()
    {
        if (_rows is null || !_keys.IsWhole)
        {
            throw new InvalidDataException("covered mask keys are missing");
        }

        var keys = new BlockBuffer(_records);
        for (var sequence = 0; sequence < _keys.Cut.Batches; sequence++)
        {
            var (first, count) = (_keys.Cut.FirstOf(sequence), _keys.Cut.CountOf(sequence));
            KeyTransfer.Cover(_session, _rows.Span.Slice(first, count), first,
                MemoryMarshal.Cast<byte, Vector128<byte>>(_keys[sequence]), keys.Span.Slice(first, count));
        }

        return keys;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _rows?.Dispose();
        _secret.Dispose();
    }
}
