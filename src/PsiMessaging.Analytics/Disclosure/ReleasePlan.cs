using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.SharedRelease;

namespace PsiMessaging.Analytics.Disclosure;

/// <summary>
/// What both parties know of the asking party's side of a question, and which columns of either have two values: what its release depends on.
/// </summary>
/// <param name="Asker">The asking party.</param>
/// <param name="Groups">Records of each of its groups.</param>
/// <param name="Levels">Records at each level of each of its class terms.</param>
/// <param name="Side">What it announces for the release.</param>
/// <param name="OthersTwoValued">Columns of two values of the other party's.</param>
/// <param name="OthersMissing">Places of the other party's groups that lack a label.</param>
public sealed record ReleaseSides(
    string Asker, IReadOnlyList<int> Groups, IReadOnlyList<IReadOnlyList<int>> Levels, ReleaseAnnouncement Side, IReadOnlyList<string> OthersTwoValued,
    IReadOnlyList<int> OthersMissing)
{
    /// <summary>Places of groups that lack a label.</summary>
    public static IReadOnlyList<int> MissingOf(IReadOnlyList<IReadOnlyList<string?>> groups) =>
        [.. groups.Select((labels, i) => (labels, i)).Where(entry => entry.labels.Contains(null)).Select(entry => entry.i)];
}

/// <summary>What the contributing party demands of a release beside the minimum cell size.</summary>
/// <param name="Dominance">Sums that are held to its rules of concentration; null for none.</param>
/// <param name="HeldByFew">At the contributing party alone: see <see cref="PartyMatrix.HeldByFew"/>.</param>
public sealed record OwnerTerms(DominanceTerms? Dominance = null, IReadOnlyList<string>? HeldByFew = null);

/// <summary>
/// The program by which linker and contributing party decide what of an answer the asking party gets, made of the same text, plan and announcements at both
/// parties. It names the counts that a minimum cell size is held against, the rule of subtraction among them, and what each decision opens.
/// </summary>
public sealed class ReleasePlan
{
    /// <summary>The name of a cell's count.</summary>
    internal const string Count = "";

    private readonly Dictionary<(int Cell, string Columns), int> _openings;
    private readonly Dictionary<(int Cell, string Name), (Moment Moment, int[] Places)> _sums;
    private readonly MaskedPlan _plan;
    private readonly int _cells;
    private readonly IReadOnlyList<int> _computedWords;

    internal ReleasePlan(
        ReleaseProgram program, long[] constants, Dictionary<(int Cell, string Columns), int> openings, int cells, MaskedPlan plan,
        Dictionary<(int Cell, string Name), (Moment Moment, int[] Places)> sums, NoiseTerms? noise, IReadOnlyList<int> computedWords) =>
        (Program, Constants, _openings, _cells, _plan, _sums, Noise, _computedWords) =
            (program, constants, openings, cells, plan, sums, noise, computedWords);

    /// <summary>The program: the linker gets it from the contributing party.</summary>
    public ReleaseProgram Program { get; }

    /// <summary>What the contributing party adds to each number: how many records the asking party announced. The linker does not get it.</summary>
    public IReadOnlyList<long> Constants { get; }

    /// <summary>Noise on every count that is opened; null for none.</summary>
    public NoiseTerms? Noise { get; }

    /// <summary>The contributing party's columns whose sums are held to rules of concentration.</summary>
    public IReadOnlyList<string> Dominance { get; internal init; } = [];

    /// <summary>How many of the low bits of each word are opened.</summary>
    public int[] Bits()
    {
        var bits = _plan.Bits();
        return Noise is null or { Law: NoiseKind.CellKey } ? bits : [.. bits.Select(own => own == 0 ? 0 : Math.Max(own, NoiseRule.BitsOf(_plan.Rows, Noise)))];
    }

    /// <summary>The plan of a question's release.</summary>
    /// <param name="query">The question.</param>
    /// <param name="plan">Its product.</param>
    /// <param name="sides">What is announced.</param>
    /// <param name="minCell">The minimum cell size, 2 or more.</param>
    /// <param name="noise">
    /// Noise on every count. With an account all of them are opened, since a decision about true counts would say more than the noise hides. By cell keys
    /// all decisions stay, about true counts, and what they open is the count with its noise.
    /// </param>
    /// <param name="owner">What the contributing party demands beside; null for nothing.</param>
    /// <exception cref="QueryException">It cannot be held to those.</exception>
    public static ReleasePlan Of(
        BoundQuery query, MaskedPlan plan, ReleaseSides sides, int minCell, NoiseTerms? noise = null, OwnerTerms? owner = null)
    {
        var builder = new ReleaseBuilder(query, plan, sides, minCell, noise, owner);
        if (noise is { Law: not NoiseKind.CellKey })
        {
            builder.OpenCounts();
            return builder.Build();
        }

        query.Query.Statistic.Release(builder);
        var release = builder.Build();

        // A number of more bits than are shared would be another.
        return release.Program.Numbers.All(number => number.Bits <= plan.WordBits) ? release
            : throw new InvalidOperationException("a number of the release has more bits than a word");
    }

    /// <summary>
    /// The words and sums that were opened, cut to the bits that theirs can have; 0 where they were not. A count with its noise stands in the place of the word
    /// that the count is, which nobody opens.
    /// </summary>
    /// <param name="opened">A bit for each opening of the program.</param>
    /// <param name="linker">The linker's share of every word.</param>
    /// <param name="shares">The contributing party's share of those that were opened, sums behind the words, and computed numbers behind those.</param>
    public ulong[] Words(bool[] opened, ReadOnlySpan<ulong> linker, ReadOnlySpan<ulong> shares)
    {
        var (all, bits, words) = (Program.Extend(linker), Program.Extend(Bits()), new ulong[shares.Length]);
        foreach (var place in Program.Openings.Where((_, i) => opened[i]).SelectMany(opening => opening.Words))
        {
            words[place] = MaskedPlan.Cut(all[place] + shares[place], bits[place]);
        }

        foreach (var place in Program.Openings.Where((_, i) => opened[i]).SelectMany(opening => opening.Computed))
        {
            words[_computedWords[place]] = shares[all.Length + place];
        }

        return words;
    }

    /// <summary>What was opened, for who reads the table.</summary>
    /// <param name="opened">A bit for each opening of the program.</param>
    /// <param name="words">Words and sums that were opened.</param>
    public Release Read(bool[] opened, ulong[] words) => new(
        [.. Enumerable.Range(0, _cells).Select(cell => _openings.TryGetValue((cell, Count), out var opening) && opened[opening])],
        (cell, name) => _openings.TryGetValue((cell, name), out var opening) ? opened[opening] : null,
        (cell, name) => _sums[(cell, name)] is var sum ? _plan.Join(sum.Moment, [.. sum.Places.Select(place => words[place])]) : 0, Noise)
    {
        Dominance = Dominance,
    };

    /// <summary>The name under which a measure's columns are looked up.</summary>
    internal static string KeyOf(IEnumerable<ColumnName> columns) =>
        "of " + LabelKey.Of(columns.Select(column => column.ToString()).Order(StringComparer.Ordinal));
}

/// <summary>What linker and contributing party have released of a table.</summary>
/// <param name="Cells">Whether each cell is shown.</param>
/// <param name="Named">A decision about a cell by its name; null where there is none.</param>
/// <param name="Sums">A sum over cells by its name, where the decision of that name is yes.</param>
/// <param name="Noise">What has been added to every count; null for nothing.</param>
public sealed record Release(
    IReadOnlyList<bool> Cells, Func<int, string, bool?> Named, Func<int, string, System.Numerics.BigInteger> Sums, NoiseTerms? Noise = null)
{
    /// <summary>The other party's columns whose sums were held to its rules of concentration.</summary>
    public IReadOnlyList<string> Dominance { get; init; } = [];

    /// <summary>Whether a decision about a cell is yes.</summary>
    internal bool Is(int cell, string name) => Named(cell, name) == true;

    /// <summary>Whether what is about some columns is shown in a cell.</summary>
    internal bool IsShown(int cell, IEnumerable<ColumnName> columns) => Cells[cell] && Named(cell, ReleasePlan.KeyOf(columns)) != false;

    /// <summary>Whether a rule about the only cell holds; one that nothing needed to be decided about does.</summary>
    internal bool Decided(string name) => Named(0, name) != false;
}
