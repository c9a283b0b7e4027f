using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Analytics.Tests;

/// <summary>
/// Both parties' and the linker's parts of a masked query over two small tables that share a column ID, without messages: the same code, the same bytes.
/// </summary>
internal sealed class MaskedRun : IDisposable
{
    private static readonly byte[] Transcript = SHA256.HashData("transcript"u8);
    private readonly string _folder;
    private readonly SecretBytes _shared = SecretBytes.Random(32);
    private readonly SecretBytes _withheld = SecretBytes.Random(32);

    private MaskedRun(string folder, QuerySchema schema, AlignedRows p1, AlignedRows p2) => (_folder, Schema, P1, P2) = (folder, schema, p1, p2);

    public QuerySchema Schema { get; }
    public AlignedRows P1 { get; }
    public AlignedRows P2 { get; }

    /// <summary>Where a party's rows are, as in its folder of a session.</summary>
    public string FolderOf(string party) => Path.Combine(_folder, party);

    /// <summary>Noise by cell keys on what P1 asks of P2, and the key of each record of P2's file, from 0.</summary>
    public (NoiseTerms Terms, Func<int, ushort> KeyOf)? CellKeys { get; set; }

    /// <summary>AND gates of the last release, and bytes of its program, its transfers, its tables, of what is sealed, and of what the linker adds.</summary>
    public (int Gates, int Program, int Transfer, int Tables, int Sealed, int Labels) Cost { get; private set; }

    /// <summary>Words the linker saw in the last query.</summary>
    public List<ulong> LinkerSaw { get; } = [];

    /// <summary>Entries of AᵀB that the asking party holds unmasked after the last query, and which of them the answer needs.</summary>
    public (ulong[] Product, bool[] Needed) Unmasked { get; private set; }

    public static async Task<MaskedRun> OpenAsync(string p1, string p2, IReadOnlyDictionary<string, string>? types = null)
    {
        var root = Directory.CreateTempSubdirectory("psi-masked-run-").FullName;
        try
        {
            var (own, other) = (await AlignAsync(root, "P1", p1, types), await AlignAsync(root, "P2", p2, types));
            return new MaskedRun(root, new QuerySchema(new Dictionary<string, IReadOnlyList<TypedColumn>>(StringComparer.Ordinal)
            {
                ["P1"] = [.. own.Columns.Select(column => new TypedColumn(column.Name, column.Type))],
                ["P2"] = [.. other.Columns.Select(column => new TypedColumn(column.Name, column.Type))],
            }), own, other);
        }
        catch
        {
            Directory.Delete(root, recursive: true);
            throw;
        }
    }

    private static async Task<AlignedRows> AlignAsync(string root, string party, string csv, IReadOnlyDictionary<string, string>? types)
    {
        var file = Path.Combine(root, party + ".csv");
        File.WriteAllText(file, csv);
        var folder = Directory.CreateDirectory(Path.Combine(root, party)).FullName;
        using var first = RecordReader.Open(file, new RecordReaderOptions());
        var profiles = first.Columns.Skip(1)
            .Select(name => new ColumnProfile(file, name, types?.GetValueOrDefault(name) is { } type ? ColumnType.TryParse(type) : null)).ToArray();
        for (var row = 1; first.Read(); row++)
        {
            for (var i = 0; i < profiles.Length; i++)
            {
                profiles[i].Add(first.GetSpan(i + 1), row);
            }
        }

        using var rows = RecordReader.Open(file, new RecordReaderOptions());
        using var builder = new AlignedRowsBuilder([.. profiles.Select(profile => profile.Finish())],
            new ScratchFolder(Path.Combine(folder, "scratch")), TextRule.Normal);
        while (rows.Read())
        {
            builder.Add(SHA256.HashData(Encoding.UTF8.GetBytes(rows.GetSpan(0).ToString()))[..16], rows, [.. Enumerable.Range(1, profiles.Length)]);
        }

        return await builder.WriteAsync(folder);
    }

    /// <summary>A column of the contributing party's whose sums are held to a bound, and how many of its largest contributions that is made of.</summary>
    internal sealed record HeldSums(string Column, int Largest, Func<IReadOnlyList<System.Numerics.BigInteger>, System.Numerics.BigInteger> Least);

    /// <summary>What the linker refused the last question for; null where it did not.</summary>
    public string? Refused { get; private set; }

    private static BindingCheck? CheckOf(MaskedPlan plan, Binding? binding)
    {
        if (binding is null || plan.Binding is not { } layout)
        {
            return null;
        }

        using var seed = SecretBytes.CopyOf(binding.Seed);
        var words = new BindingWords(seed);
        return new BindingCheck(layout, words.Factors(layout.Groups), words.Probe(layout.Masked),
            (firstRow, weights) => words.Weights(firstRow, weights.Span), plan.WordBits);
    }

    /// <summary>Asks as one party; every batch goes through Parquet, as to the linker.</summary>
    public async Task<Answer> AskAsync(string text, string asker = "P1", int minCell = 1,
        int pad = 1, int batchRows = 37, Action<string, ulong[]>? tamper = null, HeldSums? held = null,
        bool isJudged = false)
    {
        var query = new BoundQuery(Query.Parse(text), Schema);
        var other = asker == "P1" ? "P2" : "P1";
        var left = await PartyMatrix.OpenAsync(query, asker, asker == "P1" ? P1 : P2, minCell, other);
        var right = await PartyMatrix.OpenAsync(query, other, asker == "P1" ? P2 : P1, minCell);
        right.RecordKeys = CellKeys is { } keyed ? Array.ConvertAll(await P2.ReadOrderAsync(), row => keyed.KeyOf(row)) : null;
        var plan = MaskedPlan.Build(query, P1.Rows, (asker, left.Shape), (other, right.Shape), pad, minCell, CellKeys is not null);
        var context = new MaskContext(Transcript, "q", 1, asker, text, plan.Rows, plan.A.PaddedColumns, plan.B.PaddedColumns);
        LinkerSaw.Clear();
        using var binding = plan.Binding is null ? null : new Binding(_withheld, context, plan.Binding);
        var needed = NeededOf(query, plan);
        var (a, u1, _) = await ContributeAsync(left, plan.A, plan, context, null, needed, batchRows, tamper);
        var (b, u2, bound) = await ContributeAsync(right, plan.B, plan, context, binding, needed, batchRows, null);
        tamper?.Invoke("U1", u1);
        tamper?.Invoke("U2", u2);
        var check = CheckOf(plan, binding);
        var linker = new LinkerProduct(plan.A.PaddedColumns, plan.B.PaddedColumns, check, plan.WordBits);
        linker.Add([.. a.Zip(b, (x, y) => (x.Path, y.Path, x.Rows, x.First))], 2);
        var product = linker.Finish(u1, u2);
        Refused = check?.FaultOf(linker.Raw, u1, product, linker.Folded, bound);
        Assert.True(Refused is null || tamper is not null, Refused);
        using var masks = new QueryMasks(_shared, context);
        Contribution.Unmask(masks, product);
        if (plan.Binding is { } layout)
        {
            var sent = layout.RecordsOf(linker.Raw).Zip(Contribution.RecordShares(masks, plan.Rows, layout.P, batchRows), (one, two) => one + two);
            layout.PutRecords(product, [.. sent]);
        }

        product = Array.ConvertAll(product, word => MaskedPlan.Cut(word, plan.WordBits));
        Unmasked = (product, NeededOf(query, plan));
        var cut = (ulong[])product.Clone();
        plan.Cut(cut);
        var table = new MaskedTable(query, plan, cut, left.Labels, right.Labels,
            minCell > 1 ? left.OwnRecords : null);
        var plain = new AnswerBuilder(query, table, minCell, P1.Rows);
        if (minCell == 1)
        {
            return plain.Build();
        }

        var dominance = held is null ? null : await Dominance.MeasureAsync(query, other, [held.Column], right, held.Largest, held.Least);
        var release = ReleasePlan.Of(query, plan, SidesOf(asker, left, right), minCell, CellKeys?.Terms,
            new OwnerTerms(dominance, isJudged ? right.HeldByFew : []));
        var circuit = ReleaseCircuit.Of(release.Program);
        var (sealedBytes, labelBytes) = ReleaseProtocol.OpeningSizeBytes(release.Program);
        Cost = (circuit.Circuit.AndGates, release.Program.Write().Length, ReleaseProtocol.TransferSizeBytes(release.Program),
            ReleaseProtocol.TablesSizeBytes(circuit), sealedBytes, labelBytes);
        Assert.Null(QuestionRule.Malformed(left.ReleaseSide, left.Announced, query, asker, left.Shape));
        var released = new AnswerBuilder(query, Release(query, plan, release, product, left, right), minCell, P1.Rows);
        if (held is not null)
        {
            // The asking party's plan is the same, and has none of the thresholds.
            var theirs = ReleasePlan.Of(query, plan, SidesOf(asker, left, right), minCell, null, new OwnerTerms(new DominanceTerms([held.Column])));
            Assert.Equal(release.Program.Write(), theirs.Program.Write());
            Assert.DoesNotContain(theirs.Constants, constant => constant < 0);
        }

        if (held is not null || (isJudged && right.HeldByFew.Count > 0))
        {
            return released.Build();
        }

        Answer expected;
        try
        {
            expected = plain.Build();
        }
        catch (QueryException exception)
        {
            var refused = Assert.Throws<QueryException>(released.Build);
            Assert.Equal((exception.Code, exception.Message), (refused.Code, refused.Message));
            throw refused;
        }

        var answer = released.Build();
        if (CellKeys is null)
        {
            RequireSame(query, expected, answer);
        }

        return answer;
    }

    /// <summary>What the answer and the noise need.</summary>
    private static bool[] NeededOf(BoundQuery query, MaskedPlan plan)
    {
        var needed = plan.NeededEntries();
        for (var cell = 0; plan.B.KeyFactor >= 0 && cell < plan.A.Shape.Groups * plan.B.Shape.Groups; cell++)
        {
            needed[plan.KeyWordOf(query.Records, cell / plan.B.Shape.Groups, cell % plan.B.Shape.Groups)] = true;
        }

        return needed;
    }

    private static ReleaseSides SidesOf(string asker, PartyMatrix left, PartyMatrix right) => new(
        asker, left.Announced.Groups, left.Announced.Levels, left.ReleaseSide, right.TwoValued, ReleaseSides.MissingOf(right.GroupLabels));

    /// <summary>
    /// All that the asking party P1 can make of what it gets: the linker's share less every mask that it knows, and what the release opens, word by word; with
    /// the true words, and which of them the release opens. Through the whole of the release's messages.
    /// </summary>
    /// <param name="text">The question.</param>
    /// <param name="minCell">The minimum cell size.</param>
    /// <param name="isReleased">Whether it is released by the others, as in the product; else the asking party's worker was to withhold by itself.</param>
    public async Task<(ulong[] Memory, ulong[] Truth, bool[] Opened)> MemoryAsync(string text, int minCell, bool isReleased)
    {
        var query = new BoundQuery(Query.Parse(text), Schema);
        var (left, right) = (await PartyMatrix.OpenAsync(query, "P1", P1, minCell, "P2"), await PartyMatrix.OpenAsync(query, "P2", P2, minCell));
        var plan = MaskedPlan.Build(query, P1.Rows, ("P1", left.Shape), ("P2", right.Shape), 1, minCell, CellKeys is not null);
        var context = new MaskContext(Transcript, "q", 1, "P1", text, plan.Rows, plan.A.PaddedColumns, plan.B.PaddedColumns);
        try
        {
            await AskAsync(text, minCell: minCell);
        }
        catch (QueryException)
        {
            // Nothing of it is shown; the sums are what they are.
        }

        var truth = Unmasked.Product.Zip(Unmasked.Needed, (word, needed) => needed ? word : 0).ToArray();
        var release = ReleasePlan.Of(query, plan, SidesOf("P1", left, right), minCell, CellKeys?.Terms);
        using var masks = new QueryMasks(_shared, context);
        var withheld = QueryMasks.Withheld(_withheld, context, isReleased ? new bool[truth.Length] : NeededOf(query, plan));
        var share = Contribution.ShareOf(masks, withheld);
        var linker = truth.Zip(share, (word, other) => word - other).ToArray();
        if (plan.Binding is { } layout)
        {
            // What was put into each own group is shared by the sums of masked rows and of masks.
            var (other, records) = (Contribution.RecordShares(masks, plan.Rows, layout.P, 37), layout.RecordsOf(Unmasked.Product));
            layout.PutRecords(share, other);
            layout.PutRecords(linker, [.. records.Zip(other, (all, part) => all - part)]);
        }

        using var ours = ReleaseKeys.OfContributor(_withheld, Transcript, "P2", ReleaseKeys.Offer(_shared)).For(1, "q");
        using var theirs = ReleaseKeys.OfLinker(_shared, Transcript, "P2", ReleaseKeys.Choose(_withheld, Transcript, "P2")).For(1, "q");
        var circuit = ReleaseCircuit.Of(release.Program);
        var transfer = ReleaseProtocol.Transfer(release.Program, theirs, linker, out var labels);
        var (tables, sealedWords) = ReleaseProtocol.Garble(circuit, ours, transfer, share, [.. release.Constants], context.Hash(), plan.Bits());
        var shares = new ulong[release.Program.PlacesOf(truth.Length)];
        var decided = ReleaseProtocol.Open(
            release.Program, ReleaseProtocol.Evaluate(circuit, theirs, labels, tables), sealedWords, context.Hash(), shares);
        var opened = new bool[shares.Length];
        foreach (var word in release.Program.Openings.Where((_, i) => decided[i]).SelectMany(opening => opening.Words))
        {
            opened[word] = true;
        }

        var memory = (ulong[])linker.Clone();
        Contribution.Unmask(masks, memory);
        var all = release.Words(decided, linker, shares);
        Noisy = [.. Enumerable.Range(0, truth.Length).Where(i => !opened[i] && all[i] != 0).Select(i => (i, all[i]))];
        return ([.. release.Program.Extend(memory).Select((word, i) => opened[i] ? all[i] : word)], release.Program.Extend(truth), opened);
    }

    /// <summary>Counts with noise that the asking party had after the last <see cref="MemoryAsync"/>, by the place of the word they stand for.</summary>
    public IReadOnlyList<(int Place, ulong Count)> Noisy { get; private set; } = [];

    /// <summary>What is decided about a question of P1's that announces its groups larger than they are.</summary>
    /// <param name="text">The question.</param>
    /// <param name="minCell">The minimum cell size.</param>
    /// <param name="announced">By which factor; bits of numbers follow what is announced.</param>
    public async Task<bool[]> DecideAsync(string text, int minCell, int announced)
    {
        await AskAsync(text, minCell: minCell);
        var query = new BoundQuery(Query.Parse(text), Schema);
        var (left, right) = (await PartyMatrix.OpenAsync(query, "P1", P1, minCell, "P2"), await PartyMatrix.OpenAsync(query, "P2", P2, minCell));
        var plan = MaskedPlan.Build(query, P1.Rows, ("P1", left.Shape), ("P2", right.Shape), 1, minCell);
        var sides = SidesOf("P1", left, right);
        var release = ReleasePlan.Of(query, plan, sides with { Groups = [.. sides.Groups.Select(count => count * announced)] }, minCell);
        return Decide(release, Unmasked.Product).Opened;
    }

    /// <summary>The table as linker and contributing party release it; what its circuit decides about shares of the product, in the clear.</summary>
    private static MaskedTable Release(
        BoundQuery query, MaskedPlan plan, ReleasePlan release, ulong[] product, PartyMatrix left, PartyMatrix right)
    {
        var (opened, computed) = Decide(release, product);
        var words = release.Words(opened, new ulong[product.Length], [.. release.Program.Extend(product), .. computed]);
        return new MaskedTable(query, plan, words, left.Labels, right.Labels, left.OwnRecords, release.Read(opened, words));
    }

    private static (bool[] Opened, ulong[] Computed) Decide(ReleasePlan release, ulong[] product)
    {
        var program = release.Program;
        var (one, two) = (new List<bool>(), new List<bool>());
        for (var i = 0; i < program.Numbers.Count; i++)
        {
            var (share, rest) = (0UL, (ulong)release.Constants[i]);
            foreach (var (word, factor) in program.Numbers[i].Terms)
            {
                // The linker's share is some word or other.
                var linker = 0x9E3779B97F4A7C15UL * (ulong)(word + 7);
                share += (ulong)factor * linker;
                rest += (ulong)factor * (product[word] - linker);
            }

            one.AddRange(Enumerable.Range(0, program.Numbers[i].Bits).Select(bit => ((share >> bit) & 1) == 1));
            two.AddRange(Enumerable.Range(0, program.Numbers[i].Bits).Select(bit => ((rest >> bit) & 1) == 1));
        }

        var bits = ReleaseCircuit.Of(program).Circuit.Evaluate([.. one, .. two]);
        var (computed, at) = (new ulong[program.Computed.Count], program.Openings.Count);
        for (var i = 0; i < computed.Length; i++)
        {
            for (var bit = 0; bit < program.Computed[i].Width; bit++, at++)
            {
                computed[i] |= bits[at] ? 1UL << bit : 0;
            }
        }

        return (bits[..program.Openings.Count], computed);
    }

    /// <summary>
    /// Both decide alike on every cell and measure. The same totals are listed, and none has two numbers: the table in the clear knows whether the other party
    /// has groups that are not shown and the released one does not, so either shows what the other withholds (OracleTests hold both to the truth).
    /// </summary>
    private static void RequireSame(BoundQuery query, Answer plain, Answer released)
    {
        static string Line(IEnumerable<AnswerCell> row) => string.Join('|', row.Select(cell => cell.Text ?? (cell.IsWithheld ? "(withheld)" : "")));
        var labels = query.Groupings.Count;
        bool IsCell(IReadOnlyList<AnswerCell> row) => !row.Take(labels).Any(cell => cell.IsTotal);
        IEnumerable<string> Lines(Answer answer) => answer.Rows.Select(row => Line(IsCell(row) ? row : row.Take(labels)));
        Assert.Equal(Lines(plain), Lines(released));
        Assert.All(plain.Rows.Zip(released.Rows).SelectMany(pair => pair.First.Zip(pair.Second)),
            pair => Assert.True(pair.First.IsWithheld || pair.Second.IsWithheld || pair.First.Text == pair.Second.Text));
    }

    /// <summary>
    /// Everything the asking party P1 gets to see under a minimum cell size: the answer, or the refusal of its own worker or of the other's, in their order. In
    /// a cell W is withheld.
    /// </summary>
    public async Task<string> SeenAsync(string text, int minCell)
    {
        try
        {
            var query = new BoundQuery(Query.Parse(text), Schema);
            var left = await PartyMatrix.OpenAsync(query, "P1", P1, minCell, "P2");
            if (left.GroupLabels.Count == 0)
            {
                return "P1: " + (left.ColumnFault ?? "no group of enough records");
            }

            var announced = left.Announced;
            if (QuestionRule.Fault(announced, query, "P1", minCell, isAsker: true) is { } fault)
            {
                return "P1: " + fault;
            }

            Assert.Null(QuestionRule.Malformed(announced, query, "P1", "P2", left.Shape, P1.Rows));
            var right = await PartyMatrix.OpenAsync(query, "P2", P2, minCell);
            if (QuestionRule.Fault(right.Announced, query, "P2", minCell, isAsker: false) is { } other)
            {
                return "P2: " + other;
            }

            var answer = await AskAsync(text, minCell: minCell, isJudged: true);
            var lines = answer.Rows.Select(row => string.Join(" | ", row.Select(cell => cell.Text ?? (cell.IsWithheld ? "W" : "-"))))
                .Append($"records {answer.Records}, withheld {answer.Withheld}")
                .Concat(answer.Facts.Select(fact => $"{fact.Key} {fact.Value}")).Concat(answer.Rules);
            return string.Join('\n', lines);
        }
        catch (QueryException exception)
        {
            return $"{exception.Code}: {exception.Message}";
        }
    }

    private async Task<(List<(string Path, int Rows, int First)> Batches, ulong[] Correction, ulong[] Bound)> ContributeAsync(PartyMatrix matrix,
        MatrixLayout layout, MaskedPlan plan, MaskContext context, Binding? binding, bool[] needed, int batchRows, Action<string, ulong[]>? tamper)
    {
        using var masks = new QueryMasks(_shared, context);
        var isAsker = layout == plan.A;
        var contribution = new Contribution(masks, isAsker, plan.A.PaddedColumns, plan.B.PaddedColumns, binding, plan.WordBits);
        var batches = new List<(string, int, int)>();
        var columns = layout.PaddedColumns - (binding is null ? 0 : BindingLayout.FromSeed);
        await foreach (var (first, rows, words) in matrix.BatchesAsync(layout, batchRows, 0))
        {
            tamper?.Invoke($"A{first}", words);
            contribution.Mask(first, rows, words);
            LinkerSaw.AddRange(words[..(rows * columns)].Select(word => word & PackedWords.Mask(plan.WordBits)));
            var path = Path.Combine(_folder, $"{layout.Party}-{first}.parquet");
            File.WriteAllBytes(path, (await MaskedBatch.WriteAsync(words, rows, columns, plan.WordBits)).Span);
            batches.Add((path, rows, first));
        }

        var withheld = isAsker ? null : QueryMasks.Withheld(_withheld, context, needed);
        var correction = contribution.Finish(withheld);
        LinkerSaw.AddRange(correction);
        return (batches, correction, withheld is null ? [] : contribution.FinishBinding(withheld));
    }

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        _shared.Dispose();
        _withheld.Dispose();
    }
}
