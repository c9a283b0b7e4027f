using System.Security.Cryptography;
using System.Text.Json;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.BlindRsa;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Party.Datasets;

/// <summary>
/// A sender's tags for the <c>rsa</c> protocol, made once and used in many sessions, so that a small receiver does not wait for a large sender. All sessions
/// that use it see the same tags: a receiver learns whether the set has changed between two sessions, and what it learns in each stays what it is.
/// </summary>
/// <param name="Id">Names the set; 32 random bytes.</param>
/// <param name="Owner">Name of the party whose set it is.</param>
/// <param name="RsaBits">Modulus length.</param>
/// <param name="KeyFingerprint">SHA-256 of the modulus, in hexadecimal.</param>
/// <param name="DatasetHash">Hash of the dataset it was made from.</param>
/// <param name="Profile">Rules by which its identifiers were read.</param>
/// <param name="Tags">Number of tags.</param>
/// <param name="MadeAt">When.</param>
public sealed record ReusableSet(byte[] Id, string Owner, int RsaBits, string KeyFingerprint,
    string DatasetHash, CanonicalizationProfile Profile, int Tags, DateTimeOffset MadeAt);

/// <summary>A reusable set with its key, in use by a session.</summary>
public sealed class OpenReusableSet : IDisposable
{
    private readonly FileStream _tags;

    internal OpenReusableSet(ReusableSet set, RsaPrivateKey key, FileStream tags) => (Set, Key, _tags) = (set, key, tags);

    /// <summary>What it is.</summary>
    public ReusableSet Set { get; }

    /// <summary>Its RSA key.</summary>
    public RsaPrivateKey Key { get; }

    /// <summary>Tags <paramref name="first"/>.. in ascending order, each cut to <paramref name="tagSizeBytes"/>.</summary>
    public byte[] ReadTags(int first, int count, int tagSizeBytes)
    {
        var whole = new byte[count * FalseMatchBound.MaximumTagSizeBytes];
        lock (_tags)
        {
            _tags.Position = (long)first * FalseMatchBound.MaximumTagSizeBytes;
            _tags.ReadExactly(whole);
        }

        var cut = new byte[count * tagSizeBytes];
        for (var i = 0; i < count; i++)
        {
            whole.AsSpan(i * FalseMatchBound.MaximumTagSizeBytes, tagSizeBytes).CopyTo(cut.AsSpan(i * tagSizeBytes));
        }

        return cut;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Key.Dispose();
        _tags.Dispose();
    }
}

/// <summary>Makes and opens reusable sets. One a dataset; making another replaces it once it is whole.</summary>
public static class ReusableSets
{
    private const int BatchElements = 4096;
    private const string SetFile = "set.json";
    private const string KeyFile = "key.pk8";
    private const string TagsFile = "tags.bin";

    /// <summary>Signs every identifier of a dataset under a new key.</summary>
    /// <param name="catalog">The party's datasets.</param>
    /// <param name="dataset">One of them.</param>
    /// <param name="owner">The party's name.</param>
    /// <param name="rsaBits">A length <see cref="RsaPublicKey.IsAllowedLength"/> accepts.</param>
    /// <param name="threads">Where to compute.</param>
    /// <param name="time">Clock.</param>
    /// <param name="progress">Told of the part that is done, 0 to 1.</param>
    /// <param name="cancellation">Stops; what was there before stays.</param>
    public static async Task<ReusableSet> MakeAsync(
        DatasetCatalog catalog, Dataset dataset, string owner, int rsaBits, ComputeThreads threads,
        TimeProvider time, Action<double> progress, CancellationToken cancellation)
    {
        catalog.Sweep();
        var target = catalog.ReusablePath(dataset);
        using var work = catalog.BeginWork(Path.GetDirectoryName(target)!);
        var part = work.Folder;
        try
        {
            using var key = RsaPrivateKey.Generate(rsaBits);
            var id = RandomNumberGenerator.GetBytes(32);
            using var identifiers = catalog.OpenIdentifiers(dataset);
            using var scratch = catalog.Scratch(Path.Combine(part, "scratch"));
            using var sorter = new ExternalSorter(scratch, (left, right) => left.SequenceCompareTo(right));
            await SignAsync(identifiers, items => BlindRsaParty.PrepareTags(owner, key, id, items), sorter, threads, progress, cancellation);
            using (var stream = PrivateFile.Open(Path.Combine(part, TagsFile), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 17))
            {
                TagFile.WriteSorted(sorter, stream);
                stream.Flush(flushToDisk: true);
            }

            AtomicFile.Write(Path.Combine(part, KeyFile), key.Pkcs8.Span);
            var set = new ReusableSet(id, owner, rsaBits, Fingerprint(key.PublicKey), dataset.Hash, dataset.Profile, identifiers.Count, time.GetUtcNow());
            AtomicFile.Write(Path.Combine(part, SetFile), JsonSerializer.SerializeToUtf8Bytes(set, PartyJson.Default.ReusableSet));
            sorter.Dispose();
            scratch.Dispose();
            catalog.ChangeFolder(dataset, () =>
            {
                Remove(catalog, dataset);
                work.Unmark();
                PrivateFile.RenameFolder(part, target);
            });
            return set;
        }
        catch (Exception exception) when (exception is DirectoryNotFoundException or FileNotFoundException && !catalog.IsCurrent(dataset))
        {
            // Its folder has gone from under us.
            throw DatasetCatalog.Gone(dataset);
        }
        finally
        {
            if (Directory.Exists(part))
            {
                AtomicFile.Destroy(Path.Combine(part, KeyFile));
                Directory.Delete(part, recursive: true);
            }
        }
    }

    private static async Task SignAsync(
        IdentifierFile identifiers, Func<ReadOnlyMemory<byte>, EvaluationRequest> request,
        ExternalSorter sorter, ComputeThreads threads, Action<double> progress, CancellationToken cancellation)
    {
        for (var first = 0; first < identifiers.Count; first += BatchElements)
        {
            var count = Math.Min(BatchElements, identifiers.Count - first);
            var tags = await Evaluator.EvaluateAsync(request(identifiers.ReadPacked(first, count)), threads, cancellation);
            TagFile.Add(sorter, tags, FalseMatchBound.MaximumTagSizeBytes);
            progress((double)(first + count) / identifiers.Count);
        }
    }

    /// <summary>Opens the reusable set of a dataset for a session.</summary>
    /// <exception cref="ParticipantException">
    /// There is none, or it was made from another version of the dataset, under other rules, by another party or with another key.
    /// </exception>
    public static OpenReusableSet Open(DatasetCatalog catalog, Dataset dataset, string owner, int rsaBits)
    {
        var folder = catalog.ReusablePath(dataset);
        var set = ReadSet(folder, dataset, owner);
        RequireFit(set, dataset, owner, rsaBits);
        if (!File.Exists(Path.Combine(folder, KeyFile)) || !File.Exists(Path.Combine(folder, TagsFile)))
        {
            throw Refused($"the reusable set of {dataset.Name} is damaged", dataset);
        }

        var key = ReadKey(folder, dataset);
        var tags = new FileStream(Path.Combine(folder, TagsFile), FileMode.Open, FileAccess.Read, FileShare.Read);
        var open = new OpenReusableSet(set, key, tags);
        if (Fingerprint(key.PublicKey) != set.KeyFingerprint || key.PublicKey.Bits != set.RsaBits || set.Tags != dataset.Distinct
            || tags.Length != (long)set.Tags * FalseMatchBound.MaximumTagSizeBytes)
        {
            open.Dispose();
            throw Refused($"the reusable set of {dataset.Name} was made with another key or set", dataset);
        }

        return open;
    }

    private static ReusableSet ReadSet(string folder, Dataset dataset, string owner)
    {
        var path = Path.Combine(folder, SetFile);
        if (!File.Exists(path))
        {
            throw Refused($"the dataset {dataset.Name} of {owner} has no reusable set", dataset);
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), PartyJson.Default.ReusableSet) ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw Refused($"the reusable set of {dataset.Name} is damaged", dataset);
        }
    }

    private static void RequireFit(ReusableSet set, Dataset dataset, string owner, int rsaBits)
    {
        if (set.DatasetHash != dataset.Hash)
        {
            throw Refused($"the reusable set of {dataset.Name} was made from another version of the dataset", dataset);
        }

        if (set.Profile != dataset.Profile)
        {
            throw Refused($"the reusable set of {dataset.Name} was made under other rules for reading identifiers", dataset);
        }

        if (set.Owner != owner)
        {
            throw Refused($"the reusable set of {dataset.Name} was made by a party of another name", dataset);
        }

        if (set.RsaBits != rsaBits)
        {
            throw new ParticipantException(FailureCodes.ReusableSet,
                $"the reusable set of {dataset.Name} has a key of {set.RsaBits} bits, the session asks for {rsaBits}; "
                + $"propose it with --rsa-bits {set.RsaBits}, or make another set")
            {
                ForPeer = $"{owner}'s reusable set has a key of {set.RsaBits} bits, the session asks for {rsaBits}; propose it with --rsa-bits {set.RsaBits}",
            };
        }
    }

    private static RsaPrivateKey ReadKey(string folder, Dataset dataset)
    {
        var pkcs8 = OwnerOnlyFile.Read(Path.Combine(folder, KeyFile), "the key of the reusable set");
        try
        {
            return RsaPrivateKey.FromPkcs8(pkcs8);
        }
        catch (CryptographicException)
        {
            throw Refused($"the key of the reusable set of {dataset.Name} is damaged", dataset);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }
    }

    /// <summary>Destroys a dataset's reusable set, if there is one.</summary>
    public static void Remove(DatasetCatalog catalog, Dataset dataset)
    {
        var folder = catalog.ReusablePath(dataset);
        if (Directory.Exists(folder))
        {
            // The description first: without it nobody takes what is left for a set.
            File.Delete(Path.Combine(folder, SetFile));
            DestroyKey(folder);
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Overwrites and deletes the key in a set's folder, if there is one.</summary>
    internal static void DestroyKey(string folder) => AtomicFile.Destroy(Path.Combine(folder, KeyFile));

    private static string Fingerprint(RsaPublicKey key) => Convert.ToHexStringLower(SHA256.HashData(key.Modulus));

    private static ParticipantException Refused(string what, Dataset dataset) =>
        new(FailureCodes.ReusableSet, $"{what}; make it with: psi dataset prepare {dataset.Name}")
    {
        ForPeer = "there is no reusable set there that fits this proposal; ask its people to prepare one",
    };
}
