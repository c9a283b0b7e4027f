using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Cryptography.SharedRelease;

namespace PsiMessaging.Analytics.Statistics.Quantiles;

/// <summary>
/// What of a table of quantiles may be shown, as decisions about counts that nobody sees: which parts, and of each which bins end a merged one
/// (<see cref="BinMerge"/>). Of a merged bin the asking party gets how many records are below its end, and nothing of the bins in it.
/// </summary>
internal sealed class QuantilesDecisions(ReleaseBuilder builder)
{
    /// <summary>At a bin: a merged bin ends with it. Opens the sum of weights up to there; of the last bin only that it is one.</summary>
    public const string End = "end";

    /// <summary>At the first and the last bin, where they are the other party's: those beyond the bins are not few.</summary>
    public const string Beyond = "beyond";

    /// <summary>At the last bin: the part is shown, and as many records as to be said lack a value. Opens the number of those with one.</summary>
    public const string Known = "known";

    /// <summary>At the last bin: as <see cref="Known"/>. Opens how many lack a value.</summary>
    public const string Missing = "missing";

    /// <summary>At the last bin: the part is shown, and none or few lack a value. Opens the number of all, those among them.</summary>
    public const string All = "all";

    /// <summary>At the last bin: the weights of the records of <see cref="Known"/>.</summary>
    public const string KnownWeight = "known weight";

    /// <summary>At the last bin: the weights of the records of <see cref="All"/>.</summary>
    public const string AllWeight = "all weight";

    /// <summary>Records of a part that the asking party's and the other's columns make: cells of the bins in order, and of missing values.</summary>
    private sealed record Part(int Own, int[] Bins, int[] Missing)
    {
        public IEnumerable<int> Cells => [.. Bins, .. Missing];
    }

    private BoundQuery Query => builder.Query;

    private Moment Records => builder.Query.Records;

    /// <summary>Makes all decisions.</summary>
    public void Add()
    {
        var parts = Parts().ToArray();
        foreach (var own in parts.GroupBy(part => part.Own).Select(group => group.ToArray()))
        {
            var records = Show(own, part => [(Records, 1, part)]);
            var weights = ShowWeights(own);
            for (var i = 0; i < own.Length; i++)
            {
                Add(own[i], records[i], weights[i], own.Length == 1);
            }
        }
    }

    private IEnumerable<Part> Parts()
    {
        var (own, others) = builder.Bins;
        var (groups, peers) = builder.Groups;
        var bins = Math.Max(own, others);
        return from a in Enumerable.Range(0, groups / own)
               from b in Enumerable.Range(0, peers / others)
               let cells = Enumerable.Range(0, bins).Select(bin => builder.CellOf(own > 1 ? (a * own) + bin : a, others > 1 ? (b * others) + bin : b)).ToArray()
               select bins == 1 ? new Part(a, cells, []) : new Part(a, cells[..^1], [cells[^1]]);
    }

    private IEnumerable<int> OwnGroupsOf(int own) => Enumerable.Range(own * builder.Bins.Own, builder.Bins.Own);

    private int OwnGroupOf(int cell) => cell / builder.Groups.Others;

    /// <summary>The rule of subtraction for the parts of one own group, by counts with their signs.</summary>
    private int[] Show(Part[] parts, Func<Part, (Moment Count, int Sign, Part Part)[]> countsOf)
    {
        IEnumerable<(Moment, int, int)> Cells(Part part, int sign) =>
            countsOf(part).SelectMany(count => part.Cells.Select(cell => (count.Count, cell, sign * count.Sign)));
        var counts = parts.Select(part => builder.Number(Cells(part, 1), [])).ToArray();
        var left = builder.Number(parts.SelectMany(part => Cells(part, -1)),
            countsOf(parts[0]).SelectMany(count => OwnGroupsOf(parts[0].Own).Select(group => (count.Count, group, count.Sign))));
        return builder.Show(counts, left);
    }

    /// <summary>
    /// The same for records whose own weight differs from the most frequent one and, of two weights, for the others; and that not few have nearly all of the
    /// other party's weight. Null without a weight.
    /// </summary>
    private int?[] ShowWeights(Part[] parts)
    {
        var shown = parts.Select(_ => new List<int>()).ToList();
        if (Query.Weight is { } weight && !builder.IsOthers(weight) && builder.OwnSpread(weight) is not null)
        {
            var cell = parts[0].Bins[0];
            var different = Query.RecordsDifferent([], weight);
            if (!builder.HasNone(cell, weight, isRest: false))
            {
                Append(Show(parts, part => [(different, 1, part)]));
            }

            if (builder.IsTwoValued(weight) && !builder.HasNone(cell, weight, isRest: true))
            {
                Append(Show(parts, part => [(Records, 1, part), (different, -1, part)]));
            }
        }

        if (Query.Weight is { } others && builder.IsOthers(others))
        {
            shown.ForEach(decisions => decisions.Add(builder.NotHeldByFew(others)));
        }

        return [.. shown.Select(decisions => decisions.Count == 0 ? (int?)null : builder.All(decisions))];

        void Append(int[] decisions)
        {
            for (var i = 0; i < decisions.Length; i++)
            {
                shown[i].Add(decisions[i]);
            }
        }
    }

    private void Add(Part part, int records, int? weights, bool isOnly)
    {
        var last = part.Bins[^1];
        var known = builder.AtLeast(builder.Number(part.Bins.Select(cell => (Records, cell, 1)), []), builder.MinCell);
        var isShown = builder.All([records, known]);
        var isDrawn = weights is { } decided ? builder.All([isShown, decided]) : isShown;
        var lacks = part.Missing.Length == 0 ? builder.Not(builder.Always)
            : builder.AtLeast(builder.Number(part.Missing.Select(cell => (Records, cell, 1)), []), builder.MinCell);
        var ends = Merge(part, isOnly, isDrawn);

        var weight = Query.Sum([]);
        int[]? below = null;
        for (var bin = 0; bin < part.Bins.Length; bin++)
        {
            below = builder.SumWith(weight, part.Bins[bin], below);
            builder.OpenSum(part.Bins[bin], End, builder.All([ends[bin], isDrawn]), weight, bin + 1 < part.Bins.Length ? below : []);
        }

        OpenAll(part, (Known, All), isShown, lacks, Records,
            Query.Weight is null ? below! : part.Bins.Aggregate((int[]?)null, (sum, cell) => builder.SumWith(Records, cell, sum))!);
        if (part.Missing.Length > 0)
        {
            builder.OpenSum(last, Missing, builder.All([isShown, lacks]), Records, builder.SumWith(Records, part.Missing[0], null));
        }

        if (Query.Weight is not null)
        {
            OpenAll(part, (KnownWeight, AllWeight), builder.All([ends[^1], isDrawn]), lacks, weight, below!);
        }
    }

    /// <summary>Opens a sum over all bins, and where few or none lack a value, over those too: how many they are does not follow.</summary>
    private void OpenAll(Part part, (string Known, string All) names, int decision, int lacks, Moment moment, int[] known)
    {
        builder.OpenSum(part.Bins[^1], names.Known, builder.All([decision, lacks]), moment, known);
        builder.OpenSum(part.Bins[^1], names.All, builder.All([decision, builder.Not(lacks)]), moment,
            part.Missing.Aggregate(known, (sum, cell) => builder.SumWith(moment, cell, sum)));
    }

    /// <summary>Where merged bins end, and whether those beyond the bins are few.</summary>
    private int[] Merge(Part part, bool isOnly, int isDrawn)
    {
        var rules = new List<MergeRule>();
        var sums = new List<Func<int, int>>();
        void Rule(MergeRule rule, params (Moment Count, int Cells, int Own)[] counts)
        {
            rules.Add(rule);
            sums.Add(cell => builder.Number(counts.Where(count => count.Cells != 0).Select(count => (count.Count, cell, count.Cells)),
                counts.Where(count => count.Own != 0).Select(count => (count.Count, OwnGroupOf(cell), count.Own))));
        }

        Rule(new MergeRule(), (Records, 1, 0));
        AddRulesOfWeights(part, Rule);
        if (builder.Bins.Own > 1)
        {
            Rule(new MergeRule(OrNone: true), (Records, -1, 1));
            AddRulesOfOwnWeights(part, Rule, rules);
        }

        var beyond = new[] { part.Bins[0], part.Bins[^1] }.Select(cell => builder.AtLeast(builder.Number(
            builder.Bins.Own > 1 ? [] : [(Records, cell, 1)], builder.Bins.Own > 1 ? [(Records, OwnGroupOf(cell), 1)] : []), builder.MinCell)).ToArray();
        if (builder.Bins.Own == 1 && part.Bins.Length > 1)
        {
            builder.OpenSum(part.Bins[0], Beyond, builder.All([isDrawn, beyond[0]]), Records, []);
            builder.OpenSum(part.Bins[^1], Beyond, builder.All([isDrawn, beyond[1]]), Records, []);
        }

        return builder.Merge([.. part.Bins.SelectMany(cell => sums.Select(sum => sum(cell)))], rules, isOnly, beyond[1]);
    }

    /// <summary>Enough in which the weight differs from the most frequent one and, of two weights, does not (<see cref="ColumnRelease.HasEnough"/>).</summary>
    private void AddRulesOfWeights(Part part, RuleAdder rule)
    {
        if (Query.Weight is not { } weight || builder.HasNone(part.Bins[0], weight, isRest: false))
        {
            return;
        }

        rule(new MergeRule(), (Query.RecordsDifferent([], weight), 1, 0));
        if (builder.IsTwoValued(weight) && !builder.HasNone(part.Bins[0], weight, isRest: true))
        {
            rule(new MergeRule(), (Records, 1, 0), (Query.RecordsDifferent([], weight), -1, 0));
        }
    }

    /// <summary>Of own bins with own weights: enough elsewhere, or none because there is nowhere else to be, or none to begin with.</summary>
    private void AddRulesOfOwnWeights(Part part, RuleAdder rule, List<MergeRule> rules)
    {
        if (Query.Weight is not { } weight || builder.IsOthers(weight) || builder.OwnSpread(weight) is null)
        {
            return;
        }

        var different = Query.RecordsDifferent([], weight);
        rule(new MergeRule { Matters = false }, (different, 0, 1));
        rule(new MergeRule(OrNone: true, Unless: rules.Count - 1), (different, -1, 1));
        if (builder.IsTwoValued(weight))
        {
            rule(new MergeRule { Matters = false }, (Records, 0, 1), (different, 0, -1));
            rule(new MergeRule(OrNone: true, Unless: rules.Count - 1), (Records, -1, 1), (different, 1, -1));
        }
    }

    private delegate void RuleAdder(MergeRule rule, params (Moment Count, int Cells, int Own)[] counts);
}
