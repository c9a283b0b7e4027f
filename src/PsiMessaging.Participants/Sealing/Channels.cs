using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Sealing;

/// <summary>What is kept of a session's channel to one participant.</summary>
/// <param name="KeyId">Id of the own key.</param>
/// <param name="Seed">From which the own key grows, 32 bytes; null once the session is over: nothing that was sealed to it opens any more.</param>
/// <param name="PeerKey">The other's public key; null until it has come.</param>
internal sealed record StoredChannel(string KeyId, byte[]? Seed, byte[]? PeerKey);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredChannel))]
internal sealed partial class ChannelJson : JsonSerializerContext;

/// <summary>
/// The keys of sessions, in the participant's state: a fresh pair for every session and other participant, made with the first message there and destroyed with
/// the session's end. So keys that leak later, the long-lived one among them, open nothing of a session that is over (forward secrecy), but its first message.
/// </summary>
internal static class Channels
{
    private const string ChannelKind = "channel";
    private const string KeyKind = "channel-key";

    /// <summary>The channel to a participant, or null.</summary>
    public static StoredChannel? Find(IStoreReader state, string session, string peer) =>
        state.FindDocument(ChannelKind, IdOf(session, peer)) is { } document ? Parse(document) : null;

    /// <summary>All channels of a session.</summary>
    public static IReadOnlyList<StoredChannel> Of(IStoreReader state, string session) =>
        [.. state.ListDocuments(ChannelKind, session).Select(entry => Parse(entry.Document))];

    /// <summary>Session and participant of an own key, or null where there is none, or none any more.</summary>
    public static (string Session, string Peer)? OfKey(IStoreReader state, string keyId) =>
        state.FindDocument(KeyKind, keyId)?.Split('/') is [var session, var peer] ? (session, peer) : null;

    /// <summary>Makes the own key where there is none yet.</summary>
    public static StoredChannel Ensure(IStoreWriter state, string session, string peer)
    {
        if (Find(state, session, peer) is { } known)
        {
            return known;
        }

        using var seed = SecretBytes.Random(HybridKey.SizeBytes);
        using var key = new HybridKey(seed);
        var channel = new StoredChannel(SealedEnvelope.KeyIdOf(key.PublicKey), seed.Span.ToArray(), null);
        Put(state, session, peer, channel);
        state.PutDocument(KeyKind, channel.KeyId, IdOf(session, peer), session);
        CryptographicOperations.ZeroMemory(channel.Seed);
        return Find(state, session, peer)!;
    }

    /// <summary>Takes the other's key, once; what waited for it may leave.</summary>
    /// <returns>What came of it.</returns>
    public static Learnt Learn(IStoreWriter state, ParticipantHome home, string session, string peer, byte[] key)
    {
        var channel = Ensure(state, session, peer);
        if (channel.PeerKey is { } known)
        {
            return known.AsSpan().SequenceEqual(key) ? Learnt.Known : Learnt.Other;
        }

        if (channel.Seed is null)
        {
            return Learnt.Known;
        }

        Put(state, session, peer, channel with { PeerKey = key });
        if (home.InboxOf(peer) is { } inbox)
        {
            state.Release(session, inbox);
        }

        return Learnt.New;
    }

    /// <summary>Destroys the own keys of a session, and what still waits for keys of others.</summary>
    public static void Close(IStoreWriter state, string session)
    {
        foreach (var (id, document) in state.ListDocuments(ChannelKind, session))
        {
            var channel = Parse(document);
            if (channel.Seed is not null)
            {
                state.PutDocument(ChannelKind, id, Text(channel with { Seed = null }), session);
                state.DeleteDocument(KeyKind, channel.KeyId);
            }
        }

        state.DropHeld(session);
    }

    private static string IdOf(string session, string peer) => $"{session}/{peer}";

    private static void Put(IStoreWriter state, string session, string peer, StoredChannel channel) =>
        state.PutDocument(ChannelKind, IdOf(session, peer), Text(channel), session);

    private static string Text(StoredChannel channel) => JsonSerializer.Serialize(channel, ChannelJson.Default.StoredChannel);

    private static StoredChannel Parse(string document) => JsonSerializer.Deserialize(document, ChannelJson.Default.StoredChannel)!;
}

/// <summary>What came of another's key.</summary>
internal enum Learnt
{
    /// <summary>It was not known before.</summary>
    New,
    /// <summary>It was, or the session is over.</summary>
    Known,
    /// <summary>Another was.</summary>
    Other,
}
