using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Output;

namespace PsiMessaging.Sessions.Engine;

/// <summary>The result both parties hold: a header with the key columns, then the common identifiers in canonical form, sorted by their bytes.</summary>
public static class IntersectionFile
{
    /// <summary>File name inside a session's folder.</summary>
    public const string Name = "intersection.csv";

    /// <summary>
    /// Writes the file and returns what each party reports for the comparison: HMAC-SHA-256 under a session key of the reporter's name and the sorted
    /// identifiers, 32 bytes. The name keeps a peer from agreeing by echo.
    /// </summary>
    internal static (byte[] Own, byte[] Peer) Write(string path, IReadOnlyList<string> header, KeyTable keys, int[] sorted, SecretBytes shared, byte[] transcript, string ownName, string peerName)
    {
        using var key = shared.Derive(transcript, DomainTags.IntersectionHash, 32);
        using var own = Begin(key, ownName);
        using var peer = Begin(key, peerName);
        CsvOutput.WriteFile(path, header, sorted.Select(index =>
        {
            own.AppendData(keys[index]);
            peer.AppendData(keys[index]);
            return (IEnumerable<string?>)Canonicalizer.Decode(keys[index]);
        }));
        return (own.GetHashAndReset(), peer.GetHashAndReset());
    }

    private static IncrementalHash Begin(SecretBytes key, string name)
    {
        var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key.Span);
        var bytes = Encoding.UTF8.GetBytes(name);
        hash.AppendData([(byte)bytes.Length, .. bytes]);
        return hash;
    }
}
