using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Party.Result;

/// <summary>
/// What each party reports for the comparison of results: HMAC-SHA-256 under a session key of the reporter's name and the sorted common identifiers (or
/// tags), 32 bytes. The name keeps a peer from agreeing by echo.
/// </summary>
internal sealed class ResultDigest : IDisposable
{
    private readonly byte[] _pending = new byte[1 << 14];
    private readonly SecretBytes _key;
    private int _pendingBytes;
    private readonly IncrementalHash _own;
    private readonly IncrementalHash _peer;

    public ResultDigest(SecretBytes shared, byte[] transcript, string ownName, string peerName)
    {
        _key = shared.Derive(transcript, DomainTags.IntersectionHash, 32);
        (_own, _peer) = (Begin(ownName), Begin(peerName));
    }

    public void Append(ReadOnlySpan<byte> item)
    {
        if (_pendingBytes + item.Length > _pending.Length)
        {
            Flush();
        }

        if (item.Length > _pending.Length)
        {
            _own.AppendData(item);
            _peer.AppendData(item);
            return;
        }

        item.CopyTo(_pending.AsSpan(_pendingBytes));
        _pendingBytes += item.Length;
    }

    private void Flush()
    {
        _own.AppendData(_pending, 0, _pendingBytes);
        _peer.AppendData(_pending, 0, _pendingBytes);
        _pendingBytes = 0;
    }

    /// <summary>What this party reports, and what the peer must report.</summary>
    public (byte[] Own, byte[] Peer) Complete()
    {
        Flush();
        return (_own.GetHashAndReset(), _peer.GetHashAndReset());
    }

    private IncrementalHash Begin(string name)
    {
        var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key.Span);
        var bytes = Encoding.UTF8.GetBytes(name);
        hash.AppendData([(byte)bytes.Length, .. bytes]);
        return hash;
    }

    public void Dispose()
    {
        _own.Dispose();
        _peer.Dispose();
        _key.Dispose();
        _pending.AsSpan().Clear();
    }
}
