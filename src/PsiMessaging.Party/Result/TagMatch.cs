using System.Buffers.Binary;
using System.Collections;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Protocols;
using PsiMessaging.Party.Datasets;

namespace PsiMessaging.Party.Result;

/// <summary>
/// Compares the tags of both sets by sorting, in memory that does not grow with them but for one bit an own identifier. Quadratic behaviour and hash flooding
/// are not to be had, whatever the peer sends.
/// </summary>
/// <param name="tagSizeBytes">8 to 16 bytes a tag.</param>
/// <param name="ownSize">Number of own identifiers.</param>
/// <param name="own">Where the own tags' runs go.</param>
/// <param name="peer">Where the peer's tags' runs go.</param>
internal sealed class TagMatch(int tagSizeBytes, int ownSize, ScratchFolder own, ScratchFolder peer) : IDisposable
{
    private readonly ExternalSorter _own = new(own, Compare);
    private readonly ExternalSorter _peer = new(peer, Compare);

    /// <summary>Adds tags of own identifiers, from a position on.</summary>
    public void AddOwn(int firstPosition, ReadOnlySpan<byte> tags) => TagFile.Add(_own, tags, tagSizeBytes, firstPosition);

    /// <summary>Adds tags of the peer's identifiers.</summary>
    public void AddPeer(ReadOnlySpan<byte> tags) => TagFile.Add(_peer, tags, tagSizeBytes);

    /// <summary>Compares. Once only.</summary>
    /// <param name="onCommon">Receives each common tag, in ascending order; valid during the call only.</param>
    /// <returns>A bit for each own position, and how many are set.</returns>
    /// <exception cref="ProtocolViolationException">
    /// A set has a tag twice: different identifiers have different tags, so the peer sent something else.
    /// </exception>
    public (BitArray Positions, int Count) Run(TagAction onCommon)
    {
        var (positions, count) = (new BitArray(ownSize), 0);
        var (mine, theirs) = (new Cursor(_own.Read(), tagSizeBytes), new Cursor(_peer.Read(), tagSizeBytes));
        mine.MoveNext();
        theirs.MoveNext();
        while (!mine.AtEnd && !theirs.AtEnd)
        {
            var order = mine.Against(theirs);
            if (order == 0)
            {
                positions[mine.Position] = true;
                count++;
                onCommon(mine.Tag);
            }

            if (order <= 0)
            {
                mine.MoveNext();
            }

            if (order >= 0)
            {
                theirs.MoveNext();
            }
        }

        // To their ends, for the check that every tag is there once.
        while (!mine.AtEnd)
        {
            mine.MoveNext();
        }

        while (!theirs.AtEnd)
        {
            theirs.MoveNext();
        }

        return (positions, count);
    }

    private static int Compare(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) => left.SequenceCompareTo(right);

    public void Dispose()
    {
        _own.Dispose();
        _peer.Dispose();
    }

    private sealed class Cursor(SortedRecords records, int tagSizeBytes)
    {
        private readonly byte[] _tag = new byte[tagSizeBytes];
        private readonly byte[] _former = new byte[tagSizeBytes];
        private bool _any;

        public bool AtEnd { get; private set; }

        public ReadOnlySpan<byte> Tag => _tag;

        public int Position => BinaryPrimitives.ReadInt32BigEndian(records.Content[^4..]);

        public int Against(Cursor other) => _tag.AsSpan().SequenceCompareTo(other._tag);

        public void MoveNext()
        {
            AtEnd = !records.MoveNext();
            if (AtEnd)
            {
                return;
            }

            _tag.CopyTo(_former, 0);
            TagFile.Read(records, _tag);
            if (_any && _tag.AsSpan().SequenceEqual(_former))
            {
                throw new ProtocolViolationException(FailureCodes.BadBatch, "the peer's tags are not all different");
            }

            _any = true;
        }
    }
}

/// <summary>Receives a tag, valid during the call only.</summary>
internal delegate void TagAction(ReadOnlySpan<byte> tag);
