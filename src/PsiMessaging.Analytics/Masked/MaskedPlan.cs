using System.Numerics;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Analytics.Masked;

/// <summary>One party's matrix: for each of its groups the same factors, each factor in one or several limbs.</summary>
/// <param name="Party">The party.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Factors">What a row holds: products of the party's columns, zero where a needed value is missing.</param>
/// <param name="Limbs">Limbs of each factor, 1 or more.</param>
/// <param name="LimbBits">Bits of each factor's limbs: the factor is Σ limb·2^(bits·place), the highest limb signed.</param>
/// <param name="PaddedColumns">Columns sent, with padding.</param>
public sealed record MatrixLayout(string Party, PartyShape Shape, IReadOnlyList<Moment> Factors,
    IReadOnlyList<int> Limbs, IReadOnlyList<int> LimbBits, int PaddedColumns)
{
    /// <summary>Which of the factors is the record's key, of <see cref="MaskedPlan.KeyBits"/> bits, in place of 1; -1 where none is.</summary>
    public int KeyFactor { get; init; } = -1;
    /// <summary>Columns of one group.</summary>
    public int Width { get; } = Limbs.Sum();
    /// <summary>Column of the first limb of each factor within a group.</summary>
    public IReadOnlyList<int> Offsets { get; } = [.. Limbs.Select((_, i) => Limbs.Take(i).Sum())];
    /// <summary>Columns that hold something.</summary>
    public int Columns => Shape.Groups * Width;
    /// <summary>All of it that can differ between two matrices of one size, for the context of the masks: shape, limbs and their widths.</summary>
    public string Text => $"{Shape.Groups},{string.Join('.', Shape.Levels)},{string.Join('.', Limbs)},{string.Join('.', LimbBits)}";
    /// <summary>Whether a factor is 0 or 1 in every row.</summary>
    public bool IsMark(int factor) => Factors[factor].Powers.Count == 0 && factor != KeyFactor;
}

/// <summary>
/// How a query becomes one product of two integer matrices, A of the asking party (n × p) and B of the other (n × q): which products of columns each row
/// holds, how wide numbers are cut so that no sum can reach 2^63, and which entries of AᵀB the answer needs. Both parties derive the same plan from the query's
/// text, the announced types, n and the two shapes.
/// </summary>
public sealed class MaskedPlan
{
    private readonly Dictionary<Moment, (int A, int B)> _entries;

    private MaskedPlan(int rows, MatrixLayout a, MatrixLayout b, Dictionary<Moment, (int A, int B)> entries, BindingLayout? binding, bool isReleased)
    {
        (Rows, A, B, _entries, Binding) = (rows, a, b, entries, binding);
        WordBits = Math.Min(MaskedBatch.MaximumWordBits, Math.Max(LeastWordBits, Bits().Max() + (isReleased ? SafetyBits : 0)));
    }

    /// <summary>Rows, n.</summary>
    public int Rows { get; }
    /// <summary>The asking party's matrix.</summary>
    public MatrixLayout A { get; }
    /// <summary>The other party's matrix.</summary>
    public MatrixLayout B { get; }

    /// <summary>Columns of B by which the asking party is bound; null where it is not.</summary>
    public BindingLayout? Binding { get; }

    /// <summary>
    /// Bits of a word, 24 to 64: masks, products and corrections are modulo 2 to this power. All that a sum can have and, where anything is decided or
    /// anybody bound, <see cref="SafetyBits"/> more.
    /// </summary>
    public int WordBits { get; }

    /// <summary>Sums that the answer, or the minimum cell size, needs of each two groups: parties that disagree on them have different rules.</summary>
    public int Sums => _entries.Count;

    /// <summary>Bits of a record's key: cell keys are sums of them modulo 2 to this power.</summary>
    public const int KeyBits = 16;

    /// <summary>Most columns a matrix may have.</summary>
    public const int MaximumColumns = MaskedBatch.MaximumColumns;

    /// <summary>
    /// Fewest bits of a word. In what is unmasked of a wrong contribution every word is random; in words as short as small counts are it could pass for counts.
    /// </summary>
    public const int LeastWordBits = 24;

    /// <summary>
    /// Bits of a word above those of a sum, where linker and contributing party look at it: what the asking party may not add passes their looking with
    /// 2^-40 (docs/masked.md, "Binding"). Where the widest sum leaves fewer to 64, so many.
    /// </summary>
    public const int SafetyBits = 40;

    /// <summary>Bits that the two limbs of a product may have together: n products of them stay below 2^63 in magnitude.</summary>
    public static int ProductBits(int rows) => 62 - (BitOperations.Log2((uint)Math.Max(1, rows)) + 1);

    /// <summary>Refuses what the engine cannot compute, and says why.</summary>
    /// <exception cref="QueryException">The engine cannot.</exception>
    public static void Check(BoundQuery query)
    {
        if (query.Where.FirstOrDefault(condition => condition.Party is null) is { } mixed)
        {
            throw new QueryException(QueryException.EngineCannot,
                $"the engine masked cannot filter by `{QueryText.Write(mixed.Condition)}`, because each party applies its own part and neither sees the "
                    + "other's column; join conditions on columns of both parties with `and`");
        }
    }

    /// <summary>Makes the plan.</summary>
    /// <param name="query">The query.</param>
    /// <param name="rows">Common rows, 1 or more.</param>
    /// <param name="asker">The asking party and its shape.</param>
    /// <param name="other">The other party and its shape.</param>
    /// <param name="padTo">Columns are padded to a multiple of this, 1 or more.</param>
    /// <param name="minCell">The session's minimum cell size: above 1 the plan holds the counts it is held against.</param>
    /// <param name="hasKeys">Whether the other party's records have keys, so that each cell has the sum of its records' beside its count.</param>
    /// <exception cref="QueryException">More columns than a query may have, or numbers too long to multiply exactly.</exception>
    public static MaskedPlan Build(BoundQuery query, int rows, (string Party, PartyShape Shape) asker,
        (string Party, PartyShape Shape) other, int padTo = 1, int minCell = 1, bool hasKeys = false)
    {
        int LevelsOf(BoundTerm term)
        {
            var (party, shape) = term.Column.Party == asker.Party ? asker : other;
            return shape.Levels[query.Terms.Where(candidate => candidate.Grouping is not null && candidate.Column.Party == party).ToList().IndexOf(term)];
        }

        var moments = query.Moments(LevelsOf, minCell);
        var (aFactors, bFactors) = (new List<Moment>(), new List<Moment>());
        var (aPlaces, bPlaces) = (new Dictionary<Moment, int>(), new Dictionary<Moment, int>());
        var entries = new Dictionary<Moment, (int A, int B)>();
        foreach (var moment in moments)
        {
            entries[moment] = (Place(aFactors, aPlaces, moment.Of(asker.Party)), Place(bFactors, bPlaces, moment.Of(other.Party)));
        }

        var aBits = aFactors.ConvertAll(factor => BitsOf(factor, query.Schema));
        var bBits = bFactors.ConvertAll(factor => BitsOf(factor, query.Schema));
        var budget = ProductBits(rows);
        var keys = hasKeys ? bFactors.Count : -1;
        if (hasKeys)
        {
            // Of the records that are counted, and of no sum that the answer needs: never opened.
            bFactors.Add(query.Records.Of(other.Party));
            bBits.Add(KeyBits);
        }

        var a = Layout(query, asker, aFactors, aBits, i => entries.Values.Where(entry => entry.A == i).Max(entry => bBits[entry.B]), budget, padTo);
        var b = Layout(query, other, bFactors, bBits, i => i == keys ? 1 : entries.Values.Where(entry => entry.B == i).Max(entry => aBits[entry.A]),
            budget, padTo) with { KeyFactor = keys };
        foreach (var (left, right) in entries.Values)
        {
            if (a.LimbBits[left] + b.LimbBits[right] > budget)
            {
                throw new InvalidOperationException("a product of limbs could overflow");
            }
        }

        // Own columns of zeros and ones: those of the groups, with a value in some columns, different in some.
        var marks = Enumerable.Range(0, aFactors.Count).Where(factor => aFactors[factor].Powers.Count == 0).Select(factor => a.Offsets[factor]).ToArray();
        if (minCell == 1 || !query.Query.Statistic.BindsAsker)
        {
            return new MaskedPlan(rows, a, b, entries, null, isReleased: minCell > 1);
        }

        // Never unbound because there is much to bind: whoever asks chooses how much.
        if (marks.Length > BindingLayout.MaximumMarks)
        {
            throw new QueryException(QueryException.EngineCannot, $"the question counts records of {asker.Party} in {marks.Length} ways, and "
                + $"{BindingLayout.MaximumMarks} is the most that can be seen to be true; ask for fewer measures at once");
        }

        var columns = b.PaddedColumns + BindingLayout.ColumnsOf(marks.Length);
        RequireRoom(query, b with { PaddedColumns = columns });
        return new MaskedPlan(rows, a, b with { PaddedColumns = columns }, entries,
            new BindingLayout(a.PaddedColumns, columns, a.Shape.Groups, a.Width, marks), isReleased: true);
    }

    private static int Place(List<Moment> factors, Dictionary<Moment, int> places, Moment factor)
    {
        if (!places.TryGetValue(factor, out var index))
        {
            index = factors.Count;
            factors.Add(factor);
            places.Add(factor, index);
        }

        return index;
    }

    /// <summary>Bits of a factor's magnitude: it is below 2 to this power, and a count's factor is 0 or 1.</summary>
    private static int BitsOf(Moment factor, QuerySchema schema)
    {
        var digits = factor.Digits(schema);
        var product = factor.Powers.Select(entry => entry.Power == 1 ? entry.Column.Name : $"{entry.Column.Name} to the power {entry.Power}");
        return digits switch
        {
            0 => 1,
            <= 38 => (int)Math.Ceiling(digits * Math.Log2(10)),
            _ => throw new QueryException(QueryException.EngineCannot,
                $"the product of {string.Join(", ", product)} can have {digits} digits, and 38 is the most that is calculated exactly; give the columns "
                    + $"types with fewer digits when the dataset is added, for example --type {factor.Powers[0].Column.Name}=decimal(11,2)"),
        };
    }

    private static MatrixLayout Layout(BoundQuery query, (string Party, PartyShape Shape) side,
        List<Moment> factors, List<int> bits, Func<int, int> partnerBits, int budget, int padTo)
    {
        // A factor that only meets zeros and ones may use the whole budget but one bit; two numbers share it.
        var limbBits = bits.Select((own, i) => Math.Min(own, partnerBits(i) == 1 ? budget - 1 : own == 1 ? 1 : budget / 2)).ToArray();
        var limbs = bits.Select((own, i) => (own + limbBits[i] - 1) / limbBits[i]).ToArray();
        var columns = (long)side.Shape.Groups * limbs.Sum();
        var padded = (columns + padTo - 1) / padTo * padTo;
        return RequireRoom(query, new MatrixLayout(side.Party, side.Shape, factors, limbs, limbBits, (int)Math.Min(padded, int.MaxValue)));
    }

    private static MatrixLayout RequireRoom(BoundQuery query, MatrixLayout layout) => layout.PaddedColumns <= MaximumColumns ? layout
        : throw new QueryException(QueryException.TooManyGroups,
            $"{layout.Party} would have to send {layout.PaddedColumns:N0} columns ({layout.Shape.Groups:N0} groups of "
                + $"{string.Join(", ", GroupedBy(query, layout.Party))} with {layout.Width} columns each), and {MaximumColumns:N0} is the most; "
                + "ask by fewer or coarser columns, or for fewer measures at once");

    private static IEnumerable<string> GroupedBy(BoundQuery query, string party)
    {
        var names = query.Groupings.Select(grouping => grouping.Column).Concat(query.Terms.Select(term => term.Column))
            .Where(column => column.Party == party).Select(column => column.Name).ToArray();
        return names.Length > 0 ? names : ["all records"];
    }

    /// <summary>Entries of AᵀB (p × q with padding, row after row) that the answer needs; the other party keeps every other entry masked.</summary>
    public bool[] NeededEntries()
    {
        var needed = new bool[A.PaddedColumns * B.PaddedColumns];
        foreach (var (left, right) in _entries.Values)
        {
            foreach (var (row, column, _) in Places(left, right))
            {
                needed[(row * B.PaddedColumns) + column] = true;
            }
        }

        return needed;
    }

    /// <summary>
    /// Of each word of the product, how many bits hold a true sum, its sign included: no more are opened, so that nothing rides in those above. 0 where the
    /// answer needs nothing.
    /// </summary>
    public int[] Bits()
    {
        var bits = new int[A.PaddedColumns * B.PaddedColumns];
        foreach (var (left, right) in _entries.Values)
        {
            // A factor of zeros and ones makes no product longer.
            var (own, others) = (A.IsMark(left) ? 0 : A.LimbBits[left], B.IsMark(right) ? 0 : B.LimbBits[right]);
            var width = Math.Min(64, own + others + BitOperations.Log2((uint)Rows) + 2);
            foreach (var (row, column, _) in Places(left, right))
            {
                bits[(row * B.PaddedColumns) + column] = width;
            }
        }

        return bits;
    }

    /// <summary>Leaves of each word of the product the bits that its sum can have, as a number with a sign; nothing where the answer needs nothing.</summary>
    public void Cut(Span<ulong> product)
    {
        var bits = Bits();
        for (var i = 0; i < bits.Length; i++)
        {
            product[i] = Cut(product[i], bits[i]);
        }
    }

    /// <summary>The low bits of a word as a number with a sign.</summary>
    public static ulong Cut(ulong word, int bits) => bits == 0 ? 0 : (ulong)((long)(word << (64 - bits)) >> (64 - bits));

    /// <summary>The exact sum of a moment over one group of each party, in units, from the unmasked product.</summary>
    public BigInteger Read(ReadOnlySpan<ulong> product, Moment moment, int groupA, int groupB)
    {
        if (moment.IsZero)
        {
            return BigInteger.Zero;
        }

        var (left, right) = _entries[moment];
        var total = BigInteger.Zero;
        for (var i = 0; i < A.Limbs[left]; i++)
        {
            for (var j = 0; j < B.Limbs[right]; j++)
            {
                var row = (groupA * A.Width) + A.Offsets[left] + i;
                var column = (groupB * B.Width) + B.Offsets[right] + j;
                total += (BigInteger)(long)product[(row * B.PaddedColumns) + column] << ((A.LimbBits[left] * i) + (B.LimbBits[right] * j));
            }
        }

        return total;
    }

    /// <summary>A moment's sum from its words, in the order of <see cref="WordsOf"/>.</summary>
    internal BigInteger Join(Moment moment, IReadOnlyList<ulong> words)
    {
        var (left, right) = _entries[moment];
        var total = BigInteger.Zero;
        for (var i = 0; i < words.Count; i++)
        {
            var (a, b) = (i / B.Limbs[right], i % B.Limbs[right]);
            total += (BigInteger)(long)words[i] << ((A.LimbBits[left] * a) + (B.LimbBits[right] * b));
        }

        return total;
    }

    /// <summary>Places in the product, row after row, of the words of a moment over one group of each party; of a count there is one.</summary>
    internal IEnumerable<int> WordsOf(Moment moment, int groupA, int groupB)
    {
        if (moment.IsZero)
        {
            yield break;
        }

        var (left, right) = _entries[moment];
        for (var i = 0; i < A.Limbs[left]; i++)
        {
            for (var j = 0; j < B.Limbs[right]; j++)
            {
                yield return (((groupA * A.Width) + A.Offsets[left] + i) * B.PaddedColumns) + (groupB * B.Width) + B.Offsets[right] + j;
            }
        }
    }

    /// <summary>Bits that hold a sum, its sign included.</summary>
    internal int SumBitsOf(Moment moment, QuerySchema schema) =>
        BitsOf(moment.Of(A.Party), schema) + BitsOf(moment.Of(B.Party), schema) + BitOperations.Log2((uint)Rows) + 2;

    /// <summary>A sum of one group of each party as words and factors; null where a limb lies too high for a factor.</summary>
    internal IReadOnlyList<(int Word, int Factor)>? TermsOf(Moment moment, int groupA, int groupB)
    {
        var (left, right) = _entries[moment];
        var shifts = from i in Enumerable.Range(0, A.Limbs[left]) from j in Enumerable.Range(0, B.Limbs[right])
                     select (A.LimbBits[left] * i) + (B.LimbBits[right] * j);
        return shifts.Max() > 30 ? null : [.. WordsOf(moment, groupA, groupB).Zip(shifts, (word, shift) => (word, 1 << shift))];
    }

    /// <summary>Place of the word that is how many records the asking party put into a group, by its part of a count; where it is bound.</summary>
    internal int OwnWordOf(Moment moment, int groupA) =>
        (((groupA * A.Width) + A.Offsets[_entries[moment].A]) * B.PaddedColumns) + Binding!.Ones;

    /// <summary>Place of the word that is the sum of the keys of a cell's records, as <paramref name="records"/> counts them.</summary>
    public int KeyWordOf(Moment records, int groupA, int groupB) => B.KeyFactor < 0 ? throw new InvalidOperationException("the records have no keys")
        : (((groupA * A.Width) + A.Offsets[_entries[records].A]) * B.PaddedColumns) + (groupB * B.Width) + B.Offsets[B.KeyFactor];

    private IEnumerable<(int Row, int Column, int Shift)> Places(int left, int right) =>
        from groupA in Enumerable.Range(0, A.Shape.Groups)
        from groupB in Enumerable.Range(0, B.Shape.Groups)
        from i in Enumerable.Range(0, A.Limbs[left])
        from j in Enumerable.Range(0, B.Limbs[right])
        select ((groupA * A.Width) + A.Offsets[left] + i, (groupB * B.Width) + B.Offsets[right] + j, (A.LimbBits[left] * i) + (B.LimbBits[right] * j));
}
