using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Participants;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.Protocols.Vole;
using PsiMessaging.Party.Datasets;

namespace PsiMessaging.Party.Engine;

/// <summary>What a running session holds in memory: its protocol, open files, and the batches in hand. All of it can be made again from disk.</summary>
internal sealed class ActiveSession : IDisposable
{
    private const int HashBatch = 8192;
    private readonly SessionSecrets _secrets;
    private readonly IdentifierFile? _items;
    private readonly OpenReusableSet? _reusable;
    private readonly CancellationTokenSource _ended = new();
    private SortedTags? _sortedTags;

    private ActiveSession(SessionSecrets secrets, IdentifierFile? items, OpenReusableSet? reusable, IBatchParty? batches, IVectorParty? vectors)
    {
        (_secrets, _items, _reusable, Batches, Vectors) = (secrets, items, reusable, batches, vectors);
    }

    /// <summary>This party's side of the protocol: one of the two kinds.</summary>
    public ISessionParty Protocol => (ISessionParty?)Batches ?? Vectors!;

    /// <summary>The side, where its batches are evaluated one by one.</summary>
    public IBatchParty? Batches { get; }

    /// <summary>The side, where it computes over whole vectors.</summary>
    public IVectorParty? Vectors { get; }

    /// <summary>Batches whose evaluation was begun and whose result is not yet on disk.</summary>
    public Dictionary<BatchPlace, Task<byte[]>> InHand { get; } = [];

    /// <summary>Memory its vectors take, roughly, in bytes; 0 for a protocol without.</summary>
    public long MemoryBytes { get; private init; }

    /// <summary>Batches that a protocol over whole vectors has taken; their frames stay in the inbox until the rounds are over.</summary>
    public HashSet<BatchPlace> Taken { get; } = [];

    /// <summary>When a batch was last begun.</summary>
    public DateTimeOffset UsedAt { get; set; }

    /// <summary>Over when a protocol that keeps vectors in memory has been brought to where the session stands.</summary>
    public Task Resumed { get; set; } = Task.CompletedTask;

    /// <summary>Cancelled when the session ends.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>Own identifiers in the session's order; null for a pure sender whose tags were made before.</summary>
    public IdentifierFile? Items => _items;

    public static string ItemsPath(string sessionPath) => Path.Combine(sessionPath, "items.bin");

    /// <summary>Whether this party's own identifiers are read during the session.</summary>
    public static bool NeedsItems(PartySession session) => session is { Chosen: { } protocol, Reveal: { } reveal }
        && protocol.ReadsItems(reveal.SeenFrom(session.IsInitiator), session.OwnReusableSet is not null);

    public static ActiveSession Open(PartySession session, string ownName, Dataset dataset, DatasetCatalog catalog, string sessionPath, Cores cores)
    {
        var secrets = SessionSecrets.Load(sessionPath, session.Attempt);
        OpenReusableSet? reusable = null;
        IdentifierFile? items = null;
        try
        {
            reusable = session.OwnReusableSet is null ? null : ReusableSets.Open(catalog, dataset, ownName, session.RsaBits);
            if (reusable is not null && !reusable.Set.Id.AsSpan().SequenceEqual(session.OwnReusableSet))
            {
                throw new ParticipantException(FailureCodes.ReusableSet, $"the reusable set of {dataset.Name} was made anew during the session; open another session");
            }

            var vectors = session.Chosen as VectorProtocol;
            items = vectors is not null ? catalog.OpenIdentifiers(dataset) : NeedsItems(session) ? IdentifierFile.Open(ItemsPath(sessionPath)) : null;
            var setup = SetupOf(session, ownName, secrets, reusable, items, cores);
            return new ActiveSession(secrets, items, reusable, (session.Chosen as BatchProtocol)?.Open(setup), vectors?.Open(setup)) { MemoryBytes = EstimateOf(session) };
        }
        catch
        {
            items?.Dispose();
            reusable?.Dispose();
            secrets.Dispose();
            throw;
        }
    }

    /// <summary>Memory a session's vectors take, roughly, in bytes; 0 for a protocol without.</summary>
    public static long EstimateOf(PartySession session) =>
        session is { Chosen: VectorProtocol protocol, Reveal: { } reveal } ? protocol.EstimatedMemoryBytes(session.Sizes, reveal, session.Security, session.IsInitiator) : 0;

    private static PartySetup SetupOf(PartySession session, string ownName, SessionSecrets secrets, OpenReusableSet? reusable, IdentifierFile? items, Cores cores)
    {
        var transcript = session.Transcript;
        return new PartySetup
        {
            OwnName = ownName,
            PeerName = session.Peer,
            IsInitiator = session.IsInitiator,
            OwnSize = session.OwnDistinct,
            PeerSize = session.PeerDistinct,
            Transcript = transcript,
            Seed = secrets.Seed,
            RevealTo = session.Reveal!.Value,
            Security = session.Security,
            OwnKey = reusable?.Key ?? secrets.Rsa,
            OwnReusableSet = session.OwnReusableSet,
            PeerKey = PeerKey(session),
            PeerReusableSet = session.PeerReusableSet,
            HashItems = items is null ? null : (both, cancellation) => HashItems(items, both, transcript, cores, cancellation),
            Cores = cores,
        };
    }

    /// <summary>Hashes the own identifiers, a batch at a time, on all cores.</summary>
    private static ItemHashes HashItems(IdentifierFile items, bool both, byte[] transcript, Cores cores, CancellationToken cancellation)
    {
        var hashes = new ItemHashes(items.Count, both, transcript);
        try
        {
            cores.Split(items.Count, HashBatch, (_, first, end) =>
            {
                for (var at = first; at < end; at += HashBatch)
                {
                    cancellation.ThrowIfCancellationRequested();
                    hashes.Add(at, new PackedItems(items.ReadPacked(at, Math.Min(HashBatch, end - at))));
                }
            });
            return hashes;
        }
        catch
        {
            hashes.Dispose();
            throw;
        }
    }

    private static RsaPublicKey? PeerKey(PartySession session) => session.PeerRsaModulus is null ? null
        : RsaPublicKey.TryCreate(session.RsaBits, session.PeerRsaModulus, RsaPublicKey.Exponent, out var key, out var fault) ? key
        : throw new InvalidOperationException(fault);

    /// <summary>A batch of prepared tags.</summary>
    public byte[] PreparedTags(Round round, int sequence) => _reusable!.ReadTags(round.FirstOf(sequence), round.CountOf(sequence), round.ElementSizeBytes);

    /// <summary>A batch of the peer's tags in sorted order.</summary>
    public byte[] SortedPeerTags(Round round, int sequence, Func<ExternalSorter> gather)
    {
        if (_sortedTags is null || _sortedTags.Next > round.FirstOf(sequence))
        {
            _sortedTags?.Dispose();
            _sortedTags = null;

            // Before the first sorted tag leaves: a peer that put one element in several times would know its tag by how often it stands there.
            using (var check = gather())
            {
                RequireDistinct(check.Read(), round.ElementSizeBytes);
            }

            _sortedTags = new SortedTags(gather());
        }

        return _sortedTags.Read(round.FirstOf(sequence), round.CountOf(sequence), round.ElementSizeBytes);
    }

    private static void RequireDistinct(SortedRecords tags, int tagSizeBytes)
    {
        byte[] tag = new byte[tagSizeBytes], former = new byte[tagSizeBytes];
        for (var any = false; tags.MoveNext(); any = true)
        {
            tag.CopyTo(former, 0);
            TagFile.Read(tags, tag);
            if (any && tag.AsSpan().SequenceEqual(former))
            {
                throw new ProtocolViolationException(FailureCodes.BadBatch, "the peer's masked elements are not all different");
            }
        }
    }

    public void Dispose()
    {
        _ended.Cancel();
        _sortedTags?.Dispose();
        Protocol.Dispose();
        _items?.Dispose();
        _reusable?.Dispose();
        _secrets.Dispose();
        _ended.Dispose();
    }

    private sealed class SortedTags(ExternalSorter sorter) : IDisposable
    {
        private readonly SortedRecords _records = sorter.Read();

        public int Next { get; private set; }

        public byte[] Read(int first, int count, int tagSizeBytes)
        {
            var tags = new byte[count * tagSizeBytes];
            for (; Next < first + count; Next++)
            {
                _records.MoveNext();
                if (Next >= first)
                {
                    TagFile.Read(_records, tags.AsSpan((Next - first) * tagSizeBytes, tagSizeBytes));
                }
            }

            return tags;
        }

        public void Dispose() => sorter.Dispose();
    }
}

/// <summary>Which batch: round, sequence, and whether the peer sent it.</summary>
internal readonly record struct BatchPlace(int Round, int Sequence, bool Incoming);
