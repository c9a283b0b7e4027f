using System.Collections.Concurrent;
using System.Text;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Sealing;

/// <summary>
/// Seals every message to its receiver: the first of a session to the long-lived key on the receiver's card, all others to a key that the receiver made for
/// this session and this sender (<see cref="Channels"/>). What may not be sealed to a card waits in the outbox until the session's key has come; so nobody
/// who withholds it makes a participant send with less. Thread-safe.
/// </summary>
/// <param name="home">Own home.</param>
/// <param name="store">Own state.</param>
public sealed class FrameSealing(ParticipantHome home, IParticipantStore store) : IFrameSealing
{
    /// <summary>Longest sealed frame in bytes.</summary>
    public static int MaximumBytes => SealedEnvelope.MaximumBytes;

    /// <summary>Keys held in memory in each direction; those over it are put away, and made again when they are needed.</summary>
    internal const int MostKeys = 512;

    /// <summary>What stands in the outbox for a channel's opening alone; the receiver's name follows.</summary>
    private static readonly byte[] OpeningAlone = "OPEN"u8.ToArray();

    private readonly ConcurrentDictionary<string, SealingKey> _outgoing = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, OpeningKey> _incoming = new(StringComparer.Ordinal);

    /// <summary>Channels through which something has come: the other knows the own key.</summary>
    private readonly ConcurrentDictionary<string, bool> _confirmed = new(StringComparer.Ordinal);

    /// <summary>An opening alone, for the outbox.</summary>
    internal static byte[] OpeningFor(string receiver) => [.. OpeningAlone, .. Encoding.ASCII.GetBytes(receiver)];

    /// <summary>Whether something in the outbox is that.</summary>
    internal static bool IsOpeningAlone(ReadOnlySpan<byte> stored) => stored.StartsWith(OpeningAlone);

    /// <summary>Seals a frame to the long-lived key of a card, as the CLI does whose worker has no session yet.</summary>
    public static byte[] SealToCard(ParticipantCard receiver, ReadOnlySpan<byte> frame)
    {
        using var key = KeyTo(receiver);
        return SealedEnvelope.Seal(SealedEnvelope.KeyIdOf(receiver.SealingKey), key, null, frame);
    }

    /// <summary>Opens what was sealed to the own card.</summary>
    /// <exception cref="RejectedEnvelopeException">It was not.</exception>
    public static ReadOnlyMemory<byte> OpenOwn(ParticipantHome home, ReadOnlyMemory<byte> bytes)
    {
        var clear = SealedEnvelope.Parse(bytes);
        if (clear.KeyId != SealedEnvelope.KeyIdOf(home.Card.SealingKey))
        {
            throw Closed();
        }

        using var key = new OpeningKey(home.SealingSeed, SealingKey.ContextOfCard(home.Card));
        return SealedEnvelope.Split(key.TryOpen(clear) ?? throw Closed()).Frame;
    }

    /// <inheritdoc/>
    public byte[]? Seal(OutgoingMessage message)
    {
        var isAlone = IsOpeningAlone(message.Frame);
        var (to, type) = isAlone ? (Encoding.ASCII.GetString(message.Frame.AsSpan(OpeningAlone.Length)), null) : Address(message.Frame);
        if (to == home.Name)
        {
            return ToCard(home.Card, null, message.Frame);
        }

        if (home.FindCard(to) is not { } receiver)
        {
            return null;
        }

        var channel = message.Session is { } session ? store.Read(state => Channels.Find(state, session, to)) : null;
        var opening = channel?.Seed is null || _confirmed.ContainsKey(channel.KeyId) ? null : Opening(message.Session!, receiver, channel);
        return channel?.PeerKey is { } peerKey ? ToSession(message.Session!, peerKey, receiver, opening, isAlone ? [] : message.Frame)
            : type is not null && MessageLimits.MayOpen(type) ? ToCard(receiver, opening, message.Frame) : null;
    }

    private byte[]? ToSession(string session, byte[] peerKey, ParticipantCard receiver, ChannelOpening? opening, byte[] frame)
    {
        if (frame.Length == 0 && opening is null)
        {
            // Nothing but an opening, which the other has already: there is nothing to say.
            return null;
        }

        var id = SealedEnvelope.KeyIdOf(peerKey);
        return Use(_outgoing, id, () => SealingKey.TryCreate(peerKey, SealingKey.ContextOfChannel(session, home.Card, receiver)),
            key => SealedEnvelope.Seal(id, key, opening, frame),
            () => store.Read(state => Channels.Find(state, session, receiver.Name)) is not { Seed: not null });
    }

    private byte[] ToCard(ParticipantCard receiver, ChannelOpening? opening, byte[] frame)
    {
        var id = SealedEnvelope.KeyIdOf(receiver.SealingKey);
        return Use(_outgoing, id, () => KeyTo(receiver), key => SealedEnvelope.Seal(id, key, opening, frame), () => false)!;
    }

    /// <inheritdoc/>
    public OpenedFrame Open(ReadOnlyMemory<byte> bytes)
    {
        var clear = SealedEnvelope.Parse(bytes);
        var to = clear.KeyId == SealedEnvelope.KeyIdOf(home.Card.SealingKey) ? SealedTo.Card
            : store.Read(state => Channels.OfKey(state, clear.KeyId)) is { } known ? new SealedTo(known.Session, known.Peer) : null;
        if (to is null)
        {
            Drop(clear.KeyId);
            throw NotHere();
        }

        var plain = Use(_incoming, clear.KeyId, () => KeyOf(to), key => key.TryOpen(clear),
            () => to.Session is not null && store.Read(state => Channels.OfKey(state, clear.KeyId)) is null);
        if (plain is null && to.Session is not null && store.Read(state => Channels.OfKey(state, clear.KeyId)) is null)
        {
            // The session ended, and its key with it, while this frame was in hand.
            throw NotHere();
        }

        var (opening, frame) = SealedEnvelope.Split(plain ?? throw Closed());
        if (to.Session is not null)
        {
            Keep(_confirmed, clear.KeyId, true);
        }

        return new OpenedFrame(frame, to, opening);
    }

    private static RejectedEnvelopeException NotHere() => new("the frame is sealed to a key that is not here, or not any more");

    private static RejectedEnvelopeException Closed() => new("the frame does not open: it was altered, or sealed by somebody else or for somebody else");

    private static (string To, Type? Type) Address(byte[] frame)
    {
        var header = Envelope.HeaderOf(frame);
        return (header.To, ContractCatalog.Find(header.Type));
    }

    private static SealingKey KeyTo(ParticipantCard receiver) =>
        SealingKey.TryCreate(receiver.SealingKey, SealingKey.ContextOfCard(receiver))
            ?? throw new ParticipantException(FailureCodes.WeakKey, $"the sealing key on {receiver.Name}'s card is none; ask for the card again");

    private ChannelOpening Opening(string session, ParticipantCard receiver, StoredChannel channel)
    {
        using var seed = SecretBytes.CopyOf(channel.Seed);
        using var key = new Cryptography.Sealing.HybridKey(seed);
        return ChannelOpening.Create(home, receiver, session, key.PublicKey);
    }

    private OpeningKey? KeyOf(SealedTo to)
    {
        if (to.Session is null)
        {
            return new OpeningKey(home.SealingSeed, SealingKey.ContextOfCard(home.Card));
        }

        if (home.FindCard(to.Peer!) is not { } peer || store.Read(state => Channels.Find(state, to.Session, to.Peer!)) is not { Seed: { } stored })
        {
            return null;
        }

        using var seed = SecretBytes.CopyOf(stored);
        return new OpeningKey(seed, SealingKey.ContextOfChannel(to.Session, peer, home.Card));
    }

    /// <inheritdoc/>
    public void Forget(string session)
    {
        foreach (var channel in store.Read(state => Channels.Of(state, session)))
        {
            Drop(channel.KeyId);
            if (channel.PeerKey is { } peerKey)
            {
                Remove(_outgoing, SealedEnvelope.KeyIdOf(peerKey));
            }
        }
    }

    /// <summary>Keys in memory, for tests of what is wiped.</summary>
    internal (int Incoming, int Outgoing) Held => (_incoming.Count, _outgoing.Count);

    /// <summary>Forgets what memory holds of an own key that is destroyed.</summary>
    private void Drop(string keyId)
    {
        Remove(_incoming, keyId);
        _confirmed.TryRemove(keyId, out _);
    }

    private static void Remove<T>(ConcurrentDictionary<string, T> kept, string id)
        where T : class, IDisposable
    {
        if (kept.TryRemove(id, out var key))
        {
            key.Dispose();
        }
    }

    /// <summary>Does something with a key; null where there is none.</summary>
    /// <param name="kept">Where it is kept.</param>
    /// <param name="id">Its id.</param>
    /// <param name="make">Makes it where it is not there.</param>
    /// <param name="use">What is done.</param>
    /// <param name="isOver">Whether its session is over: one that was made beside that, or after it, is not kept.</param>
    private static byte[]? Use<T>(ConcurrentDictionary<string, T> kept, string id, Func<T?> make, Func<T, byte[]?> use, Func<bool> isOver)
        where T : class, IDisposable
    {
        while (Kept(kept, id, make, out var isNew) is { } key)
        {
            try
            {
                return use(key);
            }
            catch (ObjectDisposedException)
            {
                // Put away by another hand between the look and the use: the next look finds it anew, or gone.
            }
            finally
            {
                if (isNew && isOver())
                {
                    Remove(kept, id);
                }
            }
        }

        return null;
    }

    private static T? Kept<T>(ConcurrentDictionary<string, T> kept, string id, Func<T?> make, out bool isNew)
        where T : class, IDisposable
    {
        isNew = false;
        if (kept.TryGetValue(id, out var known))
        {
            return known;
        }

        isNew = true;
        if (make() is not { } made)
        {
            return null;
        }

        var winner = kept.GetOrAdd(id, made);
        if (!ReferenceEquals(winner, made))
        {
            made.Dispose();
        }
        else if (kept.Count > MostKeys)
        {
            // Sessions come and go for years; what is still used is made again.
            foreach (var other in kept.Keys.Where(other => other != id).ToArray())
            {
                Remove(kept, other);
            }
        }

        return winner;
    }

    private static void Keep(ConcurrentDictionary<string, bool> kept, string id, bool value)
    {
        if (kept.Count > MostKeys)
        {
            kept.Clear();
        }

        kept[id] = value;
    }

    /// <summary>Wipes the keys in memory.</summary>
    public void Dispose()
    {
        foreach (var id in _incoming.Keys)
        {
            Drop(id);
        }

        foreach (var id in _outgoing.Keys)
        {
            Remove(_outgoing, id);
        }
    }
}
