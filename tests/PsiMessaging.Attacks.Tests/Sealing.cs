using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Attacks.Tests;

/// <summary>Bodies sealed as a worker would that somebody has changed.</summary>
internal static class Sealing
{
    public static byte[] Seal(ParticipantHome home, PartySession session, ParticipantCard peer, string query, string json, string kind = "ProposeQuery")
    {
        using var shared = home.SharedKeyWith(peer);
        using var key = shared.Derive(session.Transcript, [.. DomainTags.QuerySeal,
            .. SHA256.HashData(Encoding.UTF8.GetBytes($"{query}\n{kind}\n{home.Name}"))], DeterministicAead.KeySizeBytes);
        using var aead = new DeterministicAead(key);
        return aead.Encrypt(Encoding.UTF8.GetBytes(json));
    }

    /// <summary>What a party can read of a body the other sealed for it.</summary>
    public static string Unseal(ParticipantHome home, PartySession session, ParticipantCard peer, string query, string kind, ReadOnlyMemory<byte> body)
    {
        using var shared = home.SharedKeyWith(peer);
        using var key = shared.Derive(session.Transcript, [.. DomainTags.QuerySeal,
            .. SHA256.HashData(Encoding.UTF8.GetBytes($"{query}\n{kind}\n{peer.Name}"))], DeterministicAead.KeySizeBytes);
        using var aead = new DeterministicAead(key);
        return Encoding.UTF8.GetString(aead.TryDecrypt(body.Span)!);
    }
}
