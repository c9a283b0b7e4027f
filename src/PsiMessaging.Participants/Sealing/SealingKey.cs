using System.Buffers.Binary;
using System.Text;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.Participants.Sealing;

/// <summary>
/// The sender's side of somebody's key: an encapsulation that this run of the process made, and a row of messages under it. It is in memory only, so that no
/// place in the row is taken twice; the next run makes another. Thread-safe.
/// </summary>
internal sealed class SealingKey : IDisposable
{
    private readonly Lock _lock = new();
    private readonly HpkeContext _context;
    private ulong _next;
    private bool _isDisposed;

    private SealingKey(HpkeContext context, byte[] encapsulation) => (_context, Encapsulation) = (context, encapsulation);

    /// <summary>What the receiver needs of it.</summary>
    public byte[] Encapsulation { get; }

    /// <summary>Null when the public key is none.</summary>
    public static SealingKey? TryCreate(ReadOnlySpan<byte> publicKey, byte[] context) =>
        HpkeContext.TryToReceiver(publicKey, context, out var encapsulation) is { } made ? new SealingKey(made, encapsulation) : null;

    /// <summary>Seals the next message.</summary>
    /// <param name="prefix">What is authenticated; its end is <paramref name="counter"/>.</param>
    /// <param name="counter">Receives the place in the row, 8 bytes.</param>
    /// <param name="plain">The text.</param>
    /// <param name="output">Receives the sealed text.</param>
    /// <exception cref="ObjectDisposedException">The key was put away meanwhile.</exception>
    public void Seal(ReadOnlySpan<byte> prefix, Span<byte> counter, ReadOnlySpan<byte> plain, Span<byte> output)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            BinaryPrimitives.WriteUInt64BigEndian(counter, _next);
            _context.Seal(_next++, prefix, plain, output);
        }
    }

    /// <summary>
    /// What a row to a participant's long-lived key is bound to: only the receiver, since the sender is in the sealed text.
    /// </summary>
    public static byte[] ContextOfCard(ParticipantCard receiver) => [.. DomainTags.SealToCard, .. Convert.FromHexString(receiver.Fingerprint)];

    /// <summary>What a row to a session's key is bound to: session, sender, receiver.</summary>
    public static byte[] ContextOfChannel(string session, ParticipantCard sender, ParticipantCard receiver) =>
        [.. DomainTags.SealToSession, .. Convert.FromHexString(sender.Fingerprint), .. Convert.FromHexString(receiver.Fingerprint),
            .. Encoding.ASCII.GetBytes(session)];

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _context.Dispose();
        }
    }
}
