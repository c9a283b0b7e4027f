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

    /// <summary>Writes the file and returns HMAC-SHA-256 of the sorted identifiers under a session key, 32 bytes, for the comparison.</summary>
    internal static byte[] Write(string path, IReadOnlyList<string> header, KeyTable keys, int[] sorted, SecretBytes shared, byte[] transcript)
    {
        using var key = shared.Derive(transcript, DomainTags.IntersectionHash, 32);
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key.Span);
        CsvOutput.WriteFile(path, header, sorted.Select(index =>
        {
            hash.AppendData(keys[index]);
            return (IEnumerable<string?>)Canonicalizer.Decode(keys[index]);
        }));
        return hash.GetHashAndReset();
    }
}
