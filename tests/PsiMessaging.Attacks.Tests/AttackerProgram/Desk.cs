using System.Reflection;
using PsiMessaging.Analytics.Differencing;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Analytics.Tests;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Questions.History;
using PsiMessaging.Party.Result;

namespace PsiMessaging.Attacks.Tests.AttackerProgram;

/// <summary>What the attacker gets of a question.</summary>
/// <param name="Refused">Why there is no answer; null where there is one.</param>
/// <param name="Answer">The answer.</param>
/// <param name="Memory">What its worker's memory has beside it: all of the table where its worker withholds by itself, else nothing.</param>
/// <param name="Totals">Records of each of the other party's groups, where totals over what is not shown are opened.</param>
internal sealed record Reply(string? Refused, Answer? Answer = null, Answer? Memory = null, IReadOnlyDictionary<string, long>? Totals = null);

/// <summary>
/// Both parties and the linker as an attacker meets them, without messages: the product's own classes for every rule, of which each can be switched off. A test
/// holds what is seen here to what is seen of real participants.
/// </summary>
internal sealed class Desk : IDisposable
{
    private static readonly HistoryKey Peers = new("P1", "hash", HistoryRole.Peers), Own = new("P2", "hash", HistoryRole.Own);
    private readonly MaskedRun _run;
    private readonly List<HistoryEntry> _peers = [], _own = [];
    private readonly Documents _documents;
    private readonly int _minimum;

    private Desk(RandomSession session, MaskedRun run, Rules rules)
    {
        (Session, _run, Rules, _minimum) = (session, run, rules, rules.HasFlag(Rules.Minimum) ? RandomSession.Minimum : 2);
        Noisy = new NoisyCounts(session, rules.HasFlag(Rules.Account));
        _documents = (Documents)(object)DispatchProxy.Create<IStoreReader, Documents>();
    }

    public RandomSession Session { get; }

    public Rules Rules { get; }

    /// <summary>The same dataset where its counts have noise.</summary>
    public NoisyCounts Noisy { get; }

    /// <summary>Questions that were put, and what was seen of them.</summary>
    public List<(string Text, Reply Reply)> Seen { get; } = [];

    /// <summary>Those that were answered.</summary>
    public int Answered => Seen.Count(seen => seen.Reply.Answer is not null);

    public static async Task<Desk> OpenAsync(RandomSession session, Rules rules)
    {
        var run = await MaskedRun.OpenAsync(session.Asker(), session.Other());
        foreach (var party in new[] { "P1", "P2" })
        {
            var matched = new MatchedRows(session.Records);
            for (var row = 0; row < session.Records; row++)
            {
                matched.Add(row);
            }

            matched.Write(run.FolderOf(party));
        }

        return new Desk(session, run, rules);
    }

    /// <summary>As if nothing had been asked yet.</summary>
    public void Forget()
    {
        _peers.Clear();
        _own.Clear();
    }

    private bool Has(Rules rule) => Rules.HasFlag(rule);

    /// <summary>For each row of the asking party's matrix its record.</summary>
    public Task<int[]> OrderAsync() => _run.P1.ReadOrderAsync();

    /// <summary>Puts a question.</summary>
    /// <param name="text">The question.</param>
    /// <param name="change">What a changed worker makes of its matrix: words column by column, and the number of rows.</param>
    public async Task<Reply> AskAsync(string text, Action<ulong[], int>? change = null)
    {
        var reply = await ReplyAsync(text, change);
        Seen.Add((text, reply));
        return reply;
    }

    private async Task<Reply> ReplyAsync(string text, Action<ulong[], int>? change)
    {
        try
        {
            var query = new BoundQuery(Query.Parse(text), _run.Schema);
            if (Has(Rules.BoundOnly) && QuestionRule.Unbound(query.Query, IsAskers, _minimum) is { } unbound)
            {
                return new Reply(unbound);
            }

            // A worker that looks at nothing still has to say how many records are in its groups: two are the least that can be.
            var left = await PartyMatrix.OpenAsync(query, "P1", _run.P1, Has(Rules.Columns) ? _minimum : 2, "P2");
            var right = await PartyMatrix.OpenAsync(query, "P2", _run.P2, _minimum);
            if (left.GroupLabels.Count == 0 || (Has(Rules.Columns) && FaultOf(query, left, right) is not null))
            {
                return new Reply(FaultOf(query, left, right) ?? left.ColumnFault ?? "no group of enough records");
            }

            if (await IsTooCloseAsync(query, left, right))
            {
                return new Reply(QueryException.TooClose);
            }

            return change is not null && Has(Rules.Binding) && await BoundAsync(text, change) is { } found
                ? new Reply(found) : await AnswerAsync(query, left, right, change);
        }
        catch (QueryException exception)
        {
            return new Reply($"{exception.Code}: {exception.Message}");
        }
    }

    private bool IsAskers(string column) => _run.Schema.Resolve(column).Party == "P1";

    private string? FaultOf(BoundQuery query, PartyMatrix left, PartyMatrix right) =>
        QuestionRule.Fault(left.Announced, query, "P1", _minimum, isAsker: true) ?? QuestionRule.Fault(right.Announced, query, "P2", _minimum, isAsker: false);

    /// <summary>Holds a question against those before it, at both parties, and enters it where neither refuses.</summary>
    private async Task<bool> IsTooCloseAsync(BoundQuery query, PartyMatrix left, PartyMatrix right)
    {
        var entry = HistoryQuestion.EntryOf(query, $"question-{Seen.Count}", "session", ("P1", "P2"), left.GroupRecords, RandomSession.Minimum,
            DateTimeOffset.UnixEpoch);
        if (entry.Other.Columns.Count == 0)
        {
            return false;
        }

        var own = await HistoryQuestion.ReadAsync(entry, entry.Asker.Part, left, _run.FolderOf("P1"));
        var peers = await HistoryQuestion.ReadAsync(entry, entry.Other, right, _run.FolderOf("P2"));
        if ((Has(Rules.OwnHistory | Rules.History) && HistoryComparison.FirstTooClose(
                _documents.Reader, Own, _own, own, HistoryRule.Guard, isBoundOnly: false) is not null)
            || (Has(Rules.History) && HistoryComparison.FirstTooClose(
                _documents.Reader, Peers, _peers, peers, Has(Rules.Once) ? HistoryRule.Once : HistoryRule.Guard, Has(Rules.BoundOnly)) is not null))
        {
            return true;
        }

        _own.Add(_documents.Keep(Own, own));
        _peers.Add(_documents.Keep(Peers, peers));
        return false;
    }

    /// <summary>What the linker refuses a changed matrix for: with masks, and its own check.</summary>
    private async Task<string?> BoundAsync(string text, Action<ulong[], int> change)
    {
        try
        {
            await _run.AskAsync(text, minCell: RandomSession.Minimum, batchRows: Session.Records, tamper: (what, words) =>
            {
                if (what == "A0")
                {
                    change(words, Session.Records);
                }
            });
        }
        catch (Exception exception) when (exception is InvalidDataException or Xunit.Sdk.XunitException)
        {
            // What the stock worker finds itself; the attacker's does not look.
        }

        return _run.Refused;
    }

    private async Task<Reply> AnswerAsync(BoundQuery query, PartyMatrix left, PartyMatrix right, Action<ulong[], int>? change)
    {
        var plan = MaskedPlan.Build(query, Session.Records, ("P1", left.Shape), ("P2", right.Shape), 1, _minimum);
        var product = await ProductAsync(plan, left, right, change);
        var sides = new ReleaseSides("P1", left.Announced.Groups, left.Announced.Levels, left.ReleaseSide, right.TwoValued,
            ReleaseSides.MissingOf(right.GroupLabels));
        var release = ReleasePlan.Of(query, plan, sides, _minimum);
        var opened = Decide(Changed(release.Program), release.Constants, product);
        var words = release.Words(opened, new ulong[product.Length], release.Program.Extend(product));
        var read = release.Read(opened, words);
        var memory = Has(Rules.Release) ? null : new AnswerBuilder(query,
            new MaskedTable(query, plan, product, left.Labels, right.Labels, left.OwnRecords), 1, Session.Records).Build();
        var table = new MaskedTable(query, plan, words, left.Labels, right.Labels, left.OwnRecords, read);
        var totals = Has(Rules.Totals) || !query.Query.Totals ? null : TotalsOf(query);
        return new Reply(null, new AnswerBuilder(query, table, _minimum, Session.Records).Build(), memory, totals);
    }

    /// <summary>Records of each label of the other party's, where they are enough, whatever cells under it are shown.</summary>
    private Dictionary<string, long> TotalsOf(BoundQuery query) => query.Groupings.Where(grouping => grouping.Column.Party == "P2")
        .SelectMany(grouping => Session.LabelsOf(grouping.Column.Name)).CountBy(label => label, StringComparer.Ordinal)
        .Where(total => total.Value >= _minimum).ToDictionary(total => total.Key, total => (long)total.Value, StringComparer.Ordinal);

    private static async Task<ulong[]> ProductAsync(MaskedPlan plan, PartyMatrix left, PartyMatrix right, Action<ulong[], int>? change)
    {
        var (a, b) = (await WordsAsync(left, plan.A, plan.Rows), await WordsAsync(right, plan.B, plan.Rows));
        change?.Invoke(a, plan.Rows);
        var (p, q, rows) = (plan.A.PaddedColumns, plan.B.PaddedColumns, plan.Rows);
        var product = new ulong[p * q];
        for (var i = 0; i < p; i++)
        {
            for (var j = 0; j < q; j++)
            {
                product[(i * q) + j] = Dot(a.AsSpan(i * rows, rows), b.AsSpan(j * rows, rows));
            }
        }

        plan.Binding?.PutRecords(product, [.. Enumerable.Range(0, p).Select(i => Sum(a.AsSpan(i * rows, rows)))]);
        return product;
    }

    private static ulong Dot(ReadOnlySpan<ulong> one, ReadOnlySpan<ulong> other)
    {
        var sum = 0UL;
        for (var i = 0; i < one.Length; i++)
        {
            sum += one[i] * other[i];
        }

        return sum;
    }

    private static ulong Sum(ReadOnlySpan<ulong> words)
    {
        var sum = 0UL;
        foreach (var word in words)
        {
            sum += word;
        }

        return sum;
    }

    private static async Task<ulong[]> WordsAsync(PartyMatrix matrix, MatrixLayout layout, int rows)
    {
        await foreach (var (_, count, words) in matrix.BatchesAsync(layout, rows, 0))
        {
            Assert.Equal(rows, count);
            return words;
        }

        throw new InvalidDataException("no rows");
    }

    /// <summary>The release's program with rules switched off.</summary>
    private ReleaseProgram Changed(ReleaseProgram program)
    {
        var threshold = Has(Rules.Minimum) ? _minimum : 1;
        return program with
        {
            Decisions = [.. program.Decisions.Select(decision => decision switch
            {
                Decision.CellOf cell when program.Decisions[cell.Of] is Decision.Cells cells && !(Has(Rules.Minimum) && Has(Rules.Subtraction)) =>
                    new Decision.AtLeast(cells.Counts[cell.Cell], threshold),
                Decision.AtLeast least when least.Threshold == _minimum => least with { Threshold = threshold },
                _ => decision,
            })],
        };
    }

    private static bool[] Decide(ReleaseProgram program, IReadOnlyList<long> constants, ulong[] product)
    {
        var bits = new List<bool>();
        for (var i = 0; i < program.Numbers.Count; i++)
        {
            var number = (ulong)constants[i];
            foreach (var (word, factor) in program.Numbers[i].Terms)
            {
                number += (ulong)factor * product[word];
            }

            bits.AddRange(Enumerable.Range(0, program.Numbers[i].Bits).Select(bit => ((number >> bit) & 1) == 1));
        }

        return ReleaseCircuit.Of(program).Circuit.Evaluate([.. bits, .. new bool[bits.Count]]);
    }

    public void Dispose() => _run.Dispose();

    /// <summary>Parts of histories: all of a store that a comparison asks for.</summary>
    internal class Documents : DispatchProxy
    {
        private readonly Dictionary<string, string> _parts = new(StringComparer.Ordinal);

        public IStoreReader Reader => (IStoreReader)(object)this;

        public HistoryEntry Keep(HistoryKey key, HistoryQuestion question)
        {
            foreach (var part in question.Parts)
            {
                _parts[$"{key.Id}/{part.Name}"] = part.Document;
            }

            return question.Entry;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod?.Name == nameof(IStoreReader.FindDocument)
            ? _parts.GetValueOrDefault((string)args![1]!) : throw new NotSupportedException(targetMethod?.Name);
    }
}
