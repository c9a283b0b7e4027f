using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.Masked;

/// <summary>
/// Seals what the two parties tell each other about a question: each kind of message of each question has a key of its own, in each direction.
/// </summary>
internal sealed class Sealing(PartyContext party)
{
    /// <summary>A body for the other party.</summary>
    public byte[] Seal<T>(PartySession session, string id, string kind, T content, JsonTypeInfo<T> type)
    {
        using var aead = KeyOf(session, id, kind, party.Name);
        return aead.Encrypt(JsonSerializer.SerializeToUtf8Bytes(content, type));
    }

    /// <summary>Bytes for the other party, which pass through the linker.</summary>
    public byte[] Seal(PartySession session, string id, string kind, ReadOnlySpan<byte> content)
    {
        using var aead = KeyOf(session, id, kind, party.Name);
        return aead.Encrypt(content);
    }

    /// <summary>Bytes of the other party; null where they are not sealed under the parties' key.</summary>
    public byte[]? TryUnseal(PartySession session, string id, string kind, ReadOnlyMemory<byte> body)
    {
        using var aead = KeyOf(session, id, kind, session.Peer);
        return aead.TryDecrypt(body.Span);
    }

    /// <summary>What the other party says.</summary>
    /// <exception cref="QueryException">It is not sealed under the parties' key, or cannot be read.</exception>
    public T Unseal<T>(PartySession session, string id, string kind, ReadOnlyMemory<byte> body, JsonTypeInfo<T> type)
        where T : class
    {
        using var aead = KeyOf(session, id, kind, session.Peer);
        try
        {
            return aead.TryDecrypt(body.Span) is { } plain && JsonSerializer.Deserialize(plain, type) is { } content ? content
                : throw new QueryException(FailureCodes.Malformed, $"{session.Peer} sent a body that is not sealed under the parties' key");
        }
        catch (JsonException)
        {
            throw new QueryException(FailureCodes.Malformed, $"{session.Peer} sent a body that cannot be read");
        }
    }

    /// <summary>A message of another session.</summary>
    /// <exception cref="QueryException">It is one.</exception>
    public static void RequireTranscript(PartySession session, byte[] transcript)
    {
        if (!transcript.AsSpan().SequenceEqual(session.Transcript))
        {
            throw new QueryException(FailureCodes.Malformed, $"{session.Peer} sent a message of another session");
        }
    }

    private DeterministicAead KeyOf(PartySession session, string id, string kind, string from)
    {
        using var shared = party.SharedKeyWith(session);
        using var key = shared.Derive(
            session.Transcript, [.. DomainTags.QuerySeal, .. SHA256.HashData(Encoding.UTF8.GetBytes($"{id}\n{kind}\n{from}"))], DeterministicAead.KeySizeBytes);
        return new DeterministicAead(key);
    }
}
