using System.Security.Cryptography;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Participants.Sealing;

/// <summary>
/// An own key, with the rows that senders have begun under it: decapsulated once, so that a batch costs one pass of the cipher. Thread-safe; what is sealed
/// under one row is opened one after the other.
/// </summary>
internal sealed class OpeningKey(SecretBytes seed, byte[] context) : IDisposable
{
    /// <summary>Rows kept; a sender has one a run of its process.</summary>
    private const int MostRows = 8;

    private readonly Lock _lock = new();
    private readonly HybridKey _key = new(seed);
    private readonly Dictionary<string, HpkeContext> _rows = new(StringComparer.Ordinal);
    private bool _isDisposed;

    /// <summary>The text of a sealed frame; null when it does not open.</summary>
    /// <exception cref="ObjectDisposedException">The key was put away meanwhile.</exception>
    public byte[]? TryOpen(SealedEnvelope.Clear frame)
    {
        var id = Convert.ToHexString(SHA256.HashData(frame.Encapsulation.Span));
        lock (_lock)
        {
            // Put away beside us: whoever asked takes the key up again.
            ObjectDisposedException.ThrowIf(_isDisposed, this);

            if (_rows.TryGetValue(id, out var known))
            {
                return known.TryOpen(frame.Counter, frame.Prefix.Span, frame.Ciphertext.Span);
            }

            // Kept only when it opens something, so that a stranger fills nothing.
            var row = HpkeContext.TryFromSender(_key, frame.Encapsulation.Span, context)!;
            if (row.TryOpen(frame.Counter, frame.Prefix.Span, frame.Ciphertext.Span) is not { } plain)
            {
                row.Dispose();
                return null;
            }

            if (_rows.Count == MostRows)
            {
                Clear();
            }

            _rows[id] = row;
            return plain;
        }
    }

    private void Clear()
    {
        foreach (var row in _rows.Values)
        {
            row.Dispose();
        }

        _rows.Clear();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            Clear();
            _key.Dispose();
        }
    }
}
