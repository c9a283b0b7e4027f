using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Data.Keys;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Agreement;

/// <summary>
/// What a party has to have on disk before its first message of a session leaves: the session's secrets, its own identifiers in the session's order.
/// </summary>
internal sealed class HandshakeKeys(PartyContext party)
{
    /// <summary>The session's secrets, made where there are none: the same again after a restart.</summary>
    public SessionSecrets Open(PartySession session) =>
        SessionSecrets.LoadOrCreate(party.FolderOf(session).Path, !session.Reuse && session.Signs(session.IsInitiator) ? session.RsaBits : 0);

    /// <summary>What this party shows when it signs: a key made for the session, or its reusable set.</summary>
    public (RsaSender? Sender, byte[]? ReusableSet) SenderOf(PartySession session, Dataset dataset, SessionSecrets secrets)
    {
        if (!session.Signs(session.IsInitiator))
        {
            return (null, null);
        }

        using var reusable = session.Reuse ? ReusableSets.Open(party.Datasets, dataset, party.Name, session.RsaBits) : null;
        var key = reusable?.Key ?? secrets.Rsa!;
        return (new RsaSender(key.PublicKey.Modulus, RsaPublicKey.Exponent.ToArray(), SessionSecrets.KeyProof(key, session.Id), reusable?.Set.Id),
            reusable?.Set.Id);
    }

    /// <summary>Puts the own identifiers in the session's order, unless that was done before a restart or is not needed.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="session">The session as it will be.</param>
    /// <param name="dataset">Its dataset.</param>
    /// <param name="secrets">Its secrets.</param>
    public void PutInOrder(Turn<PartySession> turn, PartySession session, Dataset dataset, SessionSecrets secrets)
    {
        var path = party.FolderOf(session).Items;
        if (File.Exists(path) || !NeedsItems(session))
        {
            return;
        }

        using var identifiers = party.Datasets.OpenIdentifiers(dataset);
        using var shuffle = secrets.Shuffle();
        using var scratch = party.Scratch(turn, "items");
        IdentifierSet.Reorder(identifiers, canonical => (ulong)(shuffle.Compute(canonical) >> 64), scratch, path);
    }

    /// <summary>Whether this party's own identifiers are read during the session, in its order.</summary>
    public static bool NeedsItems(PartySession session) => session is { Chosen: { } protocol, Reveal: { } reveal }
        && protocol.ReadsItems(reveal.SeenFrom(session.IsInitiator), session.OwnReusableSet is not null);
}
