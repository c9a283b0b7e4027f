using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Participants;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.BlindRsa;
using PsiMessaging.Protocols.Ecdh;
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

    private ActiveSession(SessionSecrets secrets, IdentifierFile? items, OpenReusableSet? reusable, IProtocolParty protocol)
    {
        (_secrets, _items, _reusable, Protocol) = (secrets, items, reusable, protocol);
    }

    public IProtocolParty Protocol { get; }

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
    public static bool NeedsItems(PartySession session) => session.Protocol is SessionRules.Ecdh or SessionRules.Rsa && !(session.OwnReusableSet is not null && SessionRules.RevealOf(session) == Reveal.Peer);

    public static ActiveSession Open(PartySession session, string ownName, Dataset dataset, DatasetCatalog catalog, string sessionPath, Cores cores)
    {
        var secrets = SessionSecrets.Load(sessionPath, session.Attempt);
        OpenReusableSet? reusable = null;
        IProtocolParty? protocol = null;
        IdentifierFile? items = null;
        try
        {
            reusable = session.OwnReusableSet is null ? null : ReusableSets.Open(catalog, dataset, ownName, session.RsaBits);
            if (reusable is not null && !reusable.Set.Id.AsSpan().SequenceEqual(session.OwnReusableSet))
            {
                throw new ParticipantException(FailureCodes.ReusableSet, $"the reusable set of {dataset.Name} was made anew during the session; open another session");
            }

            var reveal = SessionRules.RevealOf(session);
            items = session.Protocol == SessionRules.Vole ? catalog.OpenIdentifiers(dataset) : NeedsItems(session) ? IdentifierFile.Open(ItemsPath(sessionPath)) : null;
            protocol = session.Protocol == SessionRules.Vole ? VolePartyOf(session, secrets, items!, cores)
                : session.Protocol == SessionRules.Ecdh
                ? new EcdhParty(session.OwnDistinct, session.PeerDistinct, session.Transcript, secrets.Seed, reveal)
                : new BlindRsaParty(
                    session.OwnDistinct, session.PeerDistinct, session.Transcript, secrets.Seed,
                    (ownName, reusable?.Key ?? secrets.Rsa, session.OwnReusableSet), (session.Peer, PeerKey(session), session.PeerReusableSet), reveal);
            return new ActiveSession(secrets, items, reusable, protocol) { MemoryBytes = session.Protocol == SessionRules.Vole ? EstimateOf(session) : 0 };
        }
        catch
        {
            protocol?.Dispose();
            items?.Dispose();
            reusable?.Dispose();
            secrets.Dispose();
            throw;
        }
    }

    /// <summary>Memory a session's vectors take, roughly, in bytes.</summary>
    public static long EstimateOf(PartySession session) => SettingsOf(session).EstimatedMemoryBytes(SessionRules.ReceivesInVole(session));

    private static VoleSettings SettingsOf(PartySession session)
    {
        var (receiver, sender) = SessionRules.ReceivesInVole(session) ? (session.OwnDistinct, session.PeerDistinct) : (session.PeerDistinct, session.OwnDistinct);
        return new VoleSettings(session.Transcript, receiver, sender, session.Security == SessionRules.Malicious, SessionRules.RevealOf(session) == Reveal.Both);
    }

    private static VoleParty VolePartyOf(PartySession session, SessionSecrets secrets, IdentifierFile items, Cores cores)
    {
        return VoleParty.Create(SettingsOf(session), SessionRules.ReceivesInVole(session), secrets.Seed, (both, cancellation) => HashItems(items, both, session.Transcript, cores, cancellation), cores);
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
