using System.Text;
using System.Text.Json;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Identities;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Files;

namespace PsiMessaging.Participants.Identities;

/// <summary>What its owner does with a home's private keys.</summary>
public static class HomeKeys
{
    /// <summary>
    /// Keeps other commands from the keys of a home, and from what it believes of others', until it is disposed. Held from before a home is opened to be
    /// changed, so that nothing older is written back.
    /// </summary>
    /// <exception cref="ParticipantException">Another command is at work.</exception>
    public static IDisposable Lock(string home) => Hold(home, "keys.lock", "another command is at work on the keys; repeat this one when it is done");

    /// <summary>Keeps a worker from starting until it is disposed.</summary>
    /// <exception cref="ParticipantException">One runs.</exception>
    public static IDisposable KeepWorkerAway(string home) => Hold(home, "worker.lock", "its worker runs; stop it first");

    private static FileStream Hold(string home, string file, string why)
    {
        try
        {
            return PrivateFile.Open(Path.Combine(home, file), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new ParticipantException(FailureCodes.WrongState, $"{home}: {why}", exception);
        }
    }

    /// <summary>Under what they lie.</summary>
    public static KeyProtection ProtectionOf(ParticipantHome home) => IdentityFile.ProtectionOf(home.IdentityPath);

    /// <summary>Puts them under another protection.</summary>
    /// <param name="home">The home.</param>
    /// <param name="protection">Which.</param>
    /// <param name="opener">What opens them from now on.</param>
    public static void Protect(ParticipantHome home, KeyProtection protection, SecretBytes? opener) => Write(home, home.Card.Expires, protection, opener);

    /// <summary>The same keys under a card that is believed longer.</summary>
    /// <param name="home">The home.</param>
    /// <param name="expires">Its last day.</param>
    /// <param name="opener">What opens the keys, where they are protected.</param>
    public static void Renew(ParticipantHome home, DateOnly expires, SecretBytes? opener) => Write(home, expires, ProtectionOf(home), opener);

    /// <summary>
    /// Makes new keys. The old identity names the new one its successor and takes itself back, and its keys are overwritten. No worker may run.
    /// </summary>
    /// <param name="home">The home, with the old keys.</param>
    /// <param name="expires">Last day of the new card.</param>
    /// <param name="opener">What opens the new keys, where the old ones are protected.</param>
    /// <param name="enter">
    /// Enters it into the audit log, with the new card, as the last entry that the old key signs; called with the revocation on disk and the old keys in place.
    /// </param>
    /// <returns>The file of the old identity's revocation.</returns>
    public static string Rotate(ParticipantHome home, DateOnly expires, SecretBytes? opener, Action<ParticipantCard> enter)
    {
        var protection = ProtectionOf(home);
        using var keys = IdentityKeys.Draw(expires);
        using var signing = new SigningKey(SecretBytes.CopyOf(keys.Signing.Span));
        using var agreement = new AgreementKey(SecretBytes.CopyOf(keys.Agreement.Span));
        using var sealing = new HybridKey(keys.Sealing);
        var next = ParticipantCard.Create(home.Name, home.Config.Role, signing, agreement.PublicKey, sealing.PublicKey, expires);
        var revocation = Path.Combine(home.Path, $"revocation-{home.Card.Fingerprint[..8]}.json");
        AtomicFile.Write(revocation, Encoding.UTF8.GetBytes(Revocation.Create(home.Card, home.Signing).ToJson()));
        enter(next);
        var word = home.Signing.Sign(ParticipantCard.SuccessionPart(home.Card.Fingerprint, next.Fingerprint));
        AtomicFile.Write(home.SuccessionPath,
            JsonSerializer.SerializeToUtf8Bytes(new CardSuccession(home.Card.Fingerprint, word), CardJson.Default.CardSuccession));
        IdentityFile.Write(home.IdentityPath, keys, protection, opener);
        return revocation;
    }

    private static void Write(ParticipantHome home, DateOnly expires, KeyProtection protection, SecretBytes? opener)
    {
        using var keys = new IdentityKeys(home.Signing.Copy(), home.Agreement.Copy(), SecretBytes.CopyOf(home.SealingSeed.Span), expires);
        IdentityFile.Write(home.IdentityPath, keys, protection, opener);
    }
}
