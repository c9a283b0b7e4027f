using System.Numerics;

namespace PsiMessaging.Analytics.Statistics.Quantiles;

/// <summary>
/// Bins put together with their neighbours until each says something about enough records: two quantiles in different bins give the number between them.
/// From below; what is
/// left over goes to the last. Few records outside the outermost bins are in them then; where they are not few, the bin that holds them has no end on that
/// side.
/// </summary>
/// <param name="groups">The groups.</param>
/// <param name="isOnly">Whether the part is the only one of its own group.</param>
internal sealed class BinMerge(AnswerGroups groups, bool isOnly)
{
    private readonly BoundQuery _query = groups.Query;
    private readonly IMomentTable _table = groups.Table;

    /// <summary>The bins of one part. None where all together are not enough; with a minimum of 1 as they are.</summary>
    /// <param name="bins">In order.</param>
    public QuantileBin[] Merge(QuantileBin[] bins)
    {
        if (groups.MinCell == 1)
        {
            return bins;
        }

        // A bin of few, or of none, without an end has none of its own: it ends where its neighbour begins.
        var bounds = bins.Select(bin => HasFew(bin.Members) ? bin with { From = bin.From ?? bin.To, To = bin.To ?? bin.From } : bin).ToArray();
        var merged = new List<QuantileBin>();
        QuantileBin? open = null;
        foreach (var bin in bounds)
        {
            if (open is not null && bin.To is null && merged.Count > 0 && IsEnough(bin.Members))
            {
                // Those above have a bin of their own: what is left over would lose its end with them.
                (merged[^1], open) = (merged[^1].With(open), null);
            }

            open = open?.With(bin) ?? bin;
            if (IsEnough(open.Members))
            {
                merged.Add(open);
                open = null;
            }
        }

        if (open is not null && merged.Count > 0)
        {
            merged[^1] = merged[^1].With(open);
        }

        return [.. merged];
    }

    private bool IsEnough(int[] members) => groups.Columns.HasEnough(members, []) && LeavesEnough(members);

    /// <summary>Whether a bin has none or few records. Of own bins the asking party's own records count, which tell nothing of the other's.</summary>
    private bool HasFew(int[] members) => (members.Length > 0 && _table.OwnBinOf(members[0]) is not null
        ? members.Sum(member => (long)_table.OwnBinOf(member)!.Records)
        : groups.Total(members, _query.Records)) < groups.MinCell;

    /// <summary>
    /// Of own bins the asking party knows how many records they have: enough of them are elsewhere, or none because there is nowhere else to be.
    /// </summary>
    private bool LeavesEnough(int[] members)
    {
        if (members.Length == 0 || _table.OwnBinOf(members[0]) is null)
        {
            return true;
        }

        bool IsEnoughLeft(BigInteger left) => left >= groups.MinCell || (left == 0 && !groups.OthersHave && isOnly);
        var own = Array.ConvertAll(members, member => _table.OwnBinOf(member)!);
        var (records, different) = (own.Sum(bin => (long)bin.Records), own.Sum(bin => (long)bin.Different));
        var all = groups.Total(members, _query.Records);
        if (!IsEnoughLeft(records - all) || _query.Weight is not { } weight || groups.Columns.OwnSpread(weight) is null)
        {
            return IsEnoughLeft(records - all);
        }

        var here = groups.Total(members, _query.RecordsDifferent([], weight));
        return (different == 0 || IsEnoughLeft(different - here))
            && (!_table.IsTwoValued(weight) || records == different || IsEnoughLeft(records - different - (all - here)));
    }
}
