using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Result;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Party.Exchange;

/// <summary>
/// A protocol whose batches are evaluated one by one, in this process or by compute workers; comparison tags are kept on disk and matched there.
/// </summary>
internal sealed class BatchExchange : IExchange
{
    private readonly string _id;
    private readonly IBatchEvaluator _evaluator;
    private readonly PartySide _side;
    private readonly IBatchParty _party;
    private readonly Func<string, ScratchFolder> _openScratch;
    private readonly IStoredRounds _stored;
    private readonly CancellationTokenSource _ended = new();
    private SortedTagReader? _sortedTags;

    /// <param name="id">Session id.</param>
    /// <param name="side">Secrets and files; owned from here on.</param>
    /// <param name="party">The protocol's side; owned from here on.</param>
    /// <param name="evaluator">Where batches are evaluated.</param>
    /// <param name="openScratch">Makes places for what is sorted.</param>
    /// <param name="stored">What of the rounds lies on disk.</param>
    public BatchExchange(string id, PartySide side, IBatchParty party, IBatchEvaluator evaluator,
        Func<string, ScratchFolder> openScratch, IStoredRounds stored) =>
        (_id, _side, _party, _evaluator, _openScratch, _stored) = (id, side, party, evaluator, openScratch, stored);

    /// <inheritdoc/>
    public IReadOnlyList<Round> Rounds => _party.Rounds;

    /// <inheritdoc/>
    public IdentifierFile? Items => _side.Items;

    /// <inheritdoc/>
    public bool IsReplayed => false;

    /// <inheritdoc/>
    public bool HasRoom(int inHand) => _evaluator.HasRoom(inHand);

    /// <inheritdoc/>
    public Task<byte[]> ProduceAsync(PartySession session, Round round, int sequence) => round.Source switch
    {
        RoundSource.PreparedTags => Task.FromResult(_side.Reusable!.ReadTags(round.FirstOf(sequence), round.CountOf(sequence), round.ElementSizeBytes)),
        RoundSource.SortedPeerTags => Task.FromResult(SortedPeerTags(round, sequence)),
        _ => EvaluateAsync(round, sequence, default),
    };

    /// <inheritdoc/>
    public Task<byte[]> AbsorbAsync(Round round, int sequence, ReadOnlyMemory<byte> payload) => EvaluateAsync(round, sequence, payload);

    /// <inheritdoc/>
    public Task RecoverAsync(PartySession session, IStoredRounds stored) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task<MatchedSet> FinishAsync(PartySession session, IStoredRounds stored, TagSink onTag, CancellationToken ended)
    {
        using var own = Scratch("own", ended);
        using var peer = Scratch("peer", ended);
        using var match = new TagMatch(_party.TagSizeBytes, session.OwnDistinct, own, peer);
        foreach (var round in Rounds.Where(round => round.Keeps != TagSide.None))
        {
            stored.ReadKept(round.Number, (sequence, tags) =>
            {
                if (round.Keeps == TagSide.Own)
                {
                    match.AddOwn(round.FirstOf(sequence), tags);
                }
                else
                {
                    match.AddPeer(tags);
                }
            });
        }

        var isSizeOnly = session.Revealed == Reveal.Size;
        var (positions, common) = match.Run(tag =>
        {
            if (isSizeOnly)
            {
                onTag(tag);
            }
        });
        return Task.FromResult(new MatchedSet(isSizeOnly ? null : positions, common));
    }

    private ScratchFolder Scratch(string name, CancellationToken ended)
    {
        var scratch = _openScratch(name);
        scratch.Ended = ended;
        return scratch;
    }

    private Task<byte[]> EvaluateAsync(Round round, int sequence, ReadOnlyMemory<byte> payload)
    {
        var items = round.Direction == RoundDirection.Outgoing
            || round.WithItems ? Items!.ReadPacked(round.FirstOf(sequence), round.CountOf(sequence)) : default;
        return _party.Evaluate(round, sequence, items, payload) is { } request
            ? _evaluator.EvaluateAsync(_id, round.Number, sequence, request, _ended.Token)
            : Task.FromResult(payload.ToArray());
    }

    /// <summary>A batch of the peer's tags in sorted order.</summary>
    private byte[] SortedPeerTags(Round round, int sequence)
    {
        if (_sortedTags is null || _sortedTags.Next > round.FirstOf(sequence))
        {
            _sortedTags?.Dispose();
            _sortedTags = null;

            // Before the first sorted tag leaves: a peer that put one element in several times would know its tag by how often it stands there.
            using (var check = GatherPeerTags())
            {
                RequireDistinct(check.Read(), round.ElementSizeBytes);
            }

            _sortedTags = new SortedTagReader(GatherPeerTags());
        }

        return _sortedTags.Read(round.FirstOf(sequence), round.CountOf(sequence), round.ElementSizeBytes);
    }

    private ExternalSorter GatherPeerTags()
    {
        var sorter = new ExternalSorter(_openScratch("sorted"), (left, right) => left.SequenceCompareTo(right));
        try
        {
            _stored.ReadKept(Rounds.Single(round => round.Keeps == TagSide.Peer).Number, (_, tags) => TagFile.Add(sorter, tags, _party.TagSizeBytes));
            return sorter;
        }
        catch
        {
            sorter.Dispose();
            throw;
        }
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

    /// <inheritdoc/>
    public void Dispose()
    {
        _ended.Cancel();
        _sortedTags?.Dispose();
        _party.Dispose();
        _side.Dispose();
        _ended.Dispose();
    }

    private sealed class SortedTagReader(ExternalSorter sorter) : IDisposable
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
