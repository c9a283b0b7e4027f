using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.ObliviousTransfer;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.HiddenIntersection;

/// <summary>
/// The party's side of <see cref="KeyTransfer"/>. It learns nothing: the linker's columns are pseudorandom to who holds one key of each base transfer, and the
/// check's opening is hidden by the last tile. The same secret gives the same messages. Not thread-safe.
/// </summary>
public sealed class KeyTransferSender : IDisposable
{
    private readonly SecretBytes _seed;
    private readonly byte[] _bound;
    private readonly byte[] _choice;
    private readonly int _records;
    private readonly Cores _cores;
    private readonly MessageIntake _columns;
    private Vector128<byte> _delta;
    private Vector128<byte>[] _keys = [];
    private byte[] _session = [];
    private BlockBuffer? _rows;

    /// <param name="secret">The party's secret for the session, 32 random bytes; stays the caller's.</param>
    /// <param name="transcript">Hash of the parties' hand-shake, 32 bytes.</param>
    /// <param name="isInitiator">Whether the party opened the session.</param>
    /// <param name="records">Its records, dummies among them.</param>
    /// <param name="cores">Threads; stay the caller's.</param>
    public KeyTransferSender(SecretBytes secret, ReadOnlySpan<byte> transcript, bool isInitiator, int records, Cores cores)
    {
        (_bound, _records, _cores) = (KeyTransfer.Bound(transcript, isInitiator), records, cores);
        _seed = secret.Derive(_bound, DomainTags.HiddenTransferSeed, KeyTransfer.SecretSizeBytes);
        using (var delta = secret.Derive(_bound, DomainTags.HiddenTransferDelta, 16))
        {
            _delta = Vector128.Create<byte>(delta.Span);
        }

        _columns = new MessageIntake(KeyTransfer.ExtensionCut(records));
        _choice = BaseTransfer.Choose(_bound, _seed, _delta, cores);
    }

    /// <summary>The party's message of the base transfers, 8,192 bytes.</summary>
    public byte[] Choice => [.. _choice];

    /// <summary>Takes the linker's message of the base transfers.</summary>
    /// <exception cref="InvalidDataException">It is no valid element, or came before.</exception>
    public void TakeOffer(ReadOnlySpan<byte> offer)
    {
        if (_session.Length > 0)
        {
            throw new InvalidDataException("the offer of the key transfer came twice");
        }

        if (BaseTransfer.FaultOfOffer(offer) is { } fault)
        {
            throw new InvalidDataException(fault);
        }

        _session = KeyTransfer.Session(_bound, offer, _choice);
        _keys = BaseTransfer.ChooserKeys(_session, _seed, _delta, offer.ToArray(), _cores);
    }

    /// <summary>Takes a part of the linker's columns.</summary>
    /// <exception cref="InvalidDataException">It does not fit the announced sizes, or came before.</exception>
    public void TakeColumns(int sequence, ReadOnlySpan<byte> message) => _columns.Take(sequence, message);

    /// <summary>Takes the opening of the check, behind all columns.</summary>
    /// <exception cref="InvalidDataException">
    /// Something is missing that comes before; or the check fails, because the linker used other bits in some columns: nothing that depends on Δ may leave.
    /// </exception>
    public void TakeOpening(ReadOnlySpan<byte> opening)
    {
        if (_session.Length == 0 || !_columns.IsWhole || _rows is not null)
        {
            throw new InvalidDataException("the check of the key transfer came out of turn");
        }

        var message = _columns.Join();
        var rows = new BlockBuffer(KeyTransfer.TilesOf(_records) * TransferExtension.TileRows);
        TransferExtension.Choose(_keys, _delta, message, rows.Span);
        if (!TransferExtension.Verify(KeyTransfer.Challenge(_session, message), _delta, rows.Span, opening))
        {
            rows.Dispose();
            throw new InvalidDataException("the check of the key transfer failed");
        }

        _keys.AsSpan().Clear();
        _rows = rows;
    }

    /// <summary>A part of the covered keys, 16 bytes a record.</summary>
    /// <param name="sequence">Which message of <see cref="KeyTransfer.KeysCut"/>.</param>
    /// <param name="keys">κ of all records, in the order in which their tokens went to the linker.</param>
    /// <exception cref="InvalidOperationException">The linker's part has not been checked.</exception>
    public byte[] Keys(int sequence, BlockBuffer keys)
    {
        var rows = _rows ?? throw new InvalidOperationException("nothing leaves before the transfer is checked");
        ArgumentOutOfRangeException.ThrowIfNotEqual(keys.Length, _records);
        var cut = KeyTransfer.KeysCut(_records);
        var (first, count) = (cut.FirstOf(sequence), cut.CountOf(sequence));
        var message = new byte[cut.SizeOf(sequence)];
        KeyTransfer.Cover(_session, rows.Span.Slice(first, count), first, keys.Span.Slice(first, count),
            MemoryMarshal.Cast<byte, Vector128<byte>>(message.AsSpan()));
        return message;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _delta = default;
        _keys.AsSpan().Clear();
        CryptographicOperations.ZeroMemory(_session);
        _rows?.Dispose();
        _seed.Dispose();
    }
}
