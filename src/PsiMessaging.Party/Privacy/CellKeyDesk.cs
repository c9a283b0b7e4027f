using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Data.Keys;
using PsiMessaging.Disclosure.Noise;
using PsiMessaging.Files;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Party.Result;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Privacy;

/// <summary>
/// The contributing party's record keys (docs/noise.md, "Cell keys in answers"): of each common record 16 bits, a function of its identifier under a secret of
/// the dataset's that never leaves the home. So the same records have the same keys in every question and session, and the keys are told to nobody.
/// </summary>
internal sealed class CellKeyDesk(PartyContext party)
{
    private const string FolderName = "privacy";
    private const int NameSizeBytes = 8;

    /// <summary>Two sessions may want a secret that is not there yet.</summary>
    private static readonly Lock Drawing = new();

    /// <summary>The file of a dataset's secret in a home.</summary>
    public static string PathOf(string home, string dataset) => Path.Combine(home, FolderName, $"{dataset}.cellkey");

    /// <summary>By which the owner sees in the log that the secret is still the same; says nothing of it.</summary>
    public string NameOf(string dataset)
    {
        var secret = Secret(dataset);
        var name = Convert.ToHexStringLower(NameOf(secret));
        CryptographicOperations.ZeroMemory(secret);
        return name;
    }

    /// <summary>The key of each of a session's common rows, in their order. Made at the first question and kept beside the rows.</summary>
    /// <exception cref="QueryException">An earlier version put the session's rows in order.</exception>
    public async Task<ushort[]> OfAsync(PartySession session)
    {
        var folder = party.FolderOf(session);
        var rows = AlignedRows.Open(folder.Path);
        var secret = Secret(session.Dataset!);
        try
        {
            var name = NameOf(secret);
            if (File.Exists(folder.RecordKeys) && File.ReadAllBytes(folder.RecordKeys) is var stored
                && stored.Length == NameSizeBytes + (sizeof(ushort) * rows.Rows) && stored.AsSpan(0, NameSizeBytes).SequenceEqual(name))
            {
                return MemoryMarshal.Cast<byte, ushort>(stored.AsSpan(NameSizeBytes)).ToArray();
            }

            if (!rows.HasOrder)
            {
                throw new QueryException(FailureCodes.WrongState,
                    "this session's rows were put in order by an earlier version, and cannot be given keys; open another session");
            }

            var added = Read(session, secret);
            var order = await rows.ReadOrderAsync();
            var keys = Array.ConvertAll(order, place => added[place]);
            AtomicFile.Write(folder.RecordKeys, [.. name, .. MemoryMarshal.AsBytes<ushort>(keys)]);
            return keys;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>Keys of the common records, in the order of the dataset.</summary>
    private List<ushort> Read(PartySession session, byte[] secret)
    {
        var dataset = party.DatasetOf(session);
        var matched = MatchedRows.Read(party.FolderOf(session).Path);
        using var keys = new CellKeyRecordKeys(secret);
        using var rows = party.Datasets.OpenRows(dataset);
        var keyColumns = DatasetFile.FindColumns(dataset.Name, rows.Columns, dataset.Key);
        var canonicalizer = dataset.NewCanonicalizer();
        var found = new List<ushort>();
        for (var row = 0; rows.Read(); row++)
        {
            if (matched[row])
            {
                IdentifierSet.TryRead(rows, keyColumns, canonicalizer);
                found.Add((ushort)keys.Of(canonicalizer.Current));
            }
        }

        return found;
    }

    private byte[] Secret(string dataset)
    {
        var path = PathOf(party.Home.Path, dataset);
        lock (Drawing)
        {
            if (!File.Exists(path))
            {
                PrivateFile.CreateFolder(Path.GetDirectoryName(path)!);
                var drawn = RandomNumberGenerator.GetBytes(CellKeyRecordKeys.KeyBytes);
                AtomicFile.Write(path, drawn);
                CryptographicOperations.ZeroMemory(drawn);
            }
        }

        var secret = OwnerOnlyFile.Read(path, "the secret of the dataset's record keys");
        return secret.Length == CellKeyRecordKeys.KeyBytes ? secret
            : throw new InvalidDataException($"{path} is not the secret that was drawn; take it from a backup: another one gives the same cells other noise");
    }

    private static byte[] NameOf(byte[] secret) => HMACSHA256.HashData(secret, DomainTags.CellKeyName)[..NameSizeBytes];
}
