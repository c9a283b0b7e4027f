using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Data.Keys;
using PsiMessaging.Participants.Ports;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.BlindRsa;

namespace PsiMessaging.Sessions.Engine;

/// <summary>What a running session holds in memory; all of it can be made again from disk.</summary>
internal sealed class ActiveSession : IDisposable
{
    private readonly SessionSecrets _secrets;

    private ActiveSession(KeyTable keys, SessionSecrets secrets, IProtocolParty protocol)
    {
        Keys = keys;
        _secrets = secrets;
        Protocol = protocol;
    }

    public KeyTable Keys { get; }

    public IProtocolParty Protocol { get; }

    public static ActiveSession Open(PartySession session, string ownName, KeyTable keys, string sessionPath, int parallelism, IReadOnlyList<(int Round, int Sequence, byte[] Data)> kept)
    {
        var secrets = SessionSecrets.Load(sessionPath);
        if (!RsaPublicKey.TryCreate(session.RsaBits, session.PeerRsaModulus, RsaPublicKey.Exponent, out var peerKey, out var fault))
        {
            throw new InvalidOperationException(fault);
        }

        var protocol = new BlindRsaParty(new ItemSet(keys), session.PeerDistinct, session.Transcript, secrets.Seed, secrets.Rsa, peerKey!, (ownName, session.Peer), parallelism);
        foreach (var (number, sequence, data) in kept)
        {
            protocol.Restore(protocol.Rounds.Single(round => round.Number == number && round.Direction == RoundDirection.Incoming), sequence, data);
        }

        return new ActiveSession(keys, secrets, protocol);
    }

    public void Dispose()
    {
        Protocol.Dispose();
        _secrets.Dispose();
    }

    private sealed class ItemSet(KeyTable keys) : IItemSet
    {
        public int Count => keys.Count;

        public ReadOnlySpan<byte> this[int index] => keys[index];
    }
}
