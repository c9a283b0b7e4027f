using System.Text;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Agreement;

/// <summary>What a session takes over from a dataset and from a proposal.</summary>
internal static class Terms
{
    /// <summary>The session with this party's set.</summary>
    public static PartySession With(this PartySession session, Dataset dataset) => session with
    {
        Dataset = dataset.Name,
        DatasetHash = dataset.Hash,
        OwnRows = dataset.Rows,
        OwnDistinct = dataset.Distinct,
        OwnDropped = dataset.Dropped,
        OwnRepeated = dataset.Repeated,
        Texts = dataset.Texts,
    };

    /// <summary>The session with what its initiator has proposed.</summary>
    public static PartySession With(this PartySession session, ProposeSession proposal) => session with
    {
        KeyNames = proposal.KeyNames,
        PeerDistinct = proposal.SetSize,
        PeerRsaModulus = proposal.Rsa?.Modulus,
        PeerReusableSet = proposal.Rsa?.ReusableSet,
    };

    /// <summary>What a party says of its set to one partner: the same for the same set, and nothing to anybody else.</summary>
    public static byte[] CommitmentOf(SecretBytes shared, Dataset dataset)
    {
        using var commitment = shared.Derive(Encoding.UTF8.GetBytes(dataset.Hash), DomainTags.SetCommitment, 32);
        return commitment.Span.ToArray();
    }

    /// <summary>A peer's set that is larger than this party takes ends the session.</summary>
    /// <exception cref="ParticipantException">It is.</exception>
    public static void RequirePeerSet(this PartyContext party, string peer, int size)
    {
        var most = party.Home.Config.MaximumPeerSet;
        if (size > most)
        {
            throw new ParticipantException(FailureCodes.Unsupported,
                $"{peer} announces {size:N0} identifiers; {party.Name} takes {most:N0} at most (maximumPeerSet in psi.json)");
        }
    }
}
