using System.Text;
using PsiMessaging.Files;

namespace PsiMessaging.Participants.Identities;

/// <summary>Identities that a home believes no more: their signing keys, a line each.</summary>
internal sealed class RevokedIdentities(string path)
{
    /// <summary>Adds one.</summary>
    public void Add(ParticipantCard card)
    {
        if (!Contain(card))
        {
            var known = File.Exists(path) ? File.ReadAllText(path) : "";
            AtomicFile.Write(path, Encoding.ASCII.GetBytes($"{known}{Convert.ToHexStringLower(card.SigningKey)}\n"));
        }
    }

    /// <summary>Whether an identity is among them. Looked at for every message: the file is there only where something was revoked.</summary>
    public bool Contain(ParticipantCard card) =>
        File.Exists(path) && File.ReadLines(path).Contains(Convert.ToHexStringLower(card.SigningKey), StringComparer.Ordinal);
}
