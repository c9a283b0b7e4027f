using PsiMessaging.Analytics.Statistics;

namespace PsiMessaging.Attacks.Tests.AttackerProgram.Attacks;

/// <summary>Tables of one of the other party's columns by own groups, and every number that must fit all of them together.</summary>
internal abstract class TableAttack(string column) : Attack
{
    /// <summary>The other party's column.</summary>
    protected string Column => column;

    /// <summary>Asks for a table and enters its counts.</summary>
    /// <param name="knowledge">Where.</param>
    /// <param name="desk">The session.</param>
    /// <param name="own">Its own groupings. The other party's column stands behind.</param>
    protected async Task AskAsync(Knowledge knowledge, Desk desk, params string[] own) =>
        Enter(knowledge, desk, (await desk.AskAsync($"count by {string.Join(", ", [.. own, column])}")).Answer, own);

    /// <summary>Enters the counts of a table.</summary>
    protected static void Enter(Knowledge knowledge, Desk desk, Answer? answer, params string[] own)
    {
        foreach (var (labels, numbers) in LinesOf(answer, own.Length + 1))
        {
            if (numbers[0] is { } count)
            {
                knowledge.Add(GroupOf(desk.Session, own, labels), [labels[^1]], (long)count);
            }
        }
    }

    protected static Func<int, bool> GroupOf(RandomSession session, string[] own, string[] labels) =>
        i => own.Select((name, place) => session.LabelsOf(name)[i] == labels[place]).All(isIn => isIn);

    /// <summary>What only one number fits, of every label in every own group, and among all.</summary>
    protected IReadOnlyList<Claim> ProvedBy(Knowledge knowledge, Desk desk)
    {
        var (session, all) = (desk.Session, desk.Session.LabelsOf(column));
        var groups = new List<(string Name, Func<int, bool> Own)> { ("all", _ => true) };
        foreach (var own in new[] { "AREA", "WARD" })
        {
            groups.AddRange(session.LabelsOf(own).Distinct(StringComparer.Ordinal).Select(label => (label, GroupOf(session, [own], [label]))));
        }

        var targets = groups.SelectMany(group => knowledge.Labels.Select(label => (group.Name, group.Own, Label: label))).ToArray();
        return [.. targets.Zip(knowledge.Bounds([.. targets.Select(target => (target.Own, target.Label))])).Where(entry =>
                entry.Second.Least == entry.Second.Most
                || (entry.Second.Most - entry.Second.Least < 3 && knowledge.IsOnly((entry.First.Own, entry.First.Label), entry.Second.Least)))
            .Select(entry => new Claim($"how many of {entry.First.Name} have {entry.First.Label}",
                i => entry.First.Own(i) && Is(all[i], entry.First.Label, knowledge), entry.Second.Least, IsOfLabel: entry.First.Label != Knowledge.Unseen))];
    }

    private static bool Is(string value, string label, Knowledge knowledge) =>
        label == Knowledge.Unseen ? !knowledge.Labels.Contains(value) : value == label;
}

/// <summary>Coarser and finer tables of one column, held together by a linear program and in whole numbers.</summary>
internal sealed class LinkedTables() : TableAttack("STATUS")
{
    public override string Name => "linear programs over linked tables";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var knowledge = new Knowledge(desk.Session.Records);
        await AskAsync(knowledge, desk);
        await AskAsync(knowledge, desk, "AREA");
        await AskAsync(knowledge, desk, "WARD");
        await AskAsync(knowledge, desk, "AREA", "WARD");
        return ProvedBy(knowledge, desk);
    }
}

/// <summary>One table: whether what it does not show follows from what it does.</summary>
internal sealed class OneTable() : TableAttack("DISEASE")
{
    public override string Name => "one table, and how many records there are";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var knowledge = new Knowledge(desk.Session.Records);
        await AskAsync(knowledge, desk);
        return ProvedBy(knowledge, desk);
    }
}

/// <summary>One table by groups of both sides, with every total that it gives.</summary>
internal sealed class FinestTable() : TableAttack("STATUS")
{
    public override string Name => "one table by groups of both sides, and the own groups' sizes";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var knowledge = new Knowledge(desk.Session.Records);
        await AskAsync(knowledge, desk, "AREA", "WARD");
        return ProvedBy(knowledge, desk);
    }
}

/// <summary>Lines of totals of a table of which not all is shown.</summary>
internal sealed class TotalsOfTables() : TableAttack("DISEASE")
{
    public override string Name => "totals over cells that are not shown";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var (knowledge, reply) = (new Knowledge(desk.Session.Records), await desk.AskAsync("count by SEX, DISEASE with totals"));
        foreach (var row in (reply.Answer?.Rows ?? [])
            .Where(row => row[0].IsTotal && row[1] is { IsTotal: false, IsWithheld: false } && row[2].Text is not null))
        {
            knowledge.Add(_ => true, [row[1].Text!], long.Parse(row[2].Text!, System.Globalization.CultureInfo.InvariantCulture));
        }

        foreach (var (label, count) in (reply.Totals ?? new Dictionary<string, long>()).Where(total => desk.Session.Disease.Contains(total.Key)))
        {
            knowledge.Add(_ => true, [label], count);
        }

        return ProvedBy(knowledge, desk);
    }
}

/// <summary>What its worker's memory holds of a table beside what is shown.</summary>
internal sealed class Memory() : TableAttack("STATUS")
{
    public override string Name => "the worker's memory";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var reply = await desk.AskAsync($"count by AREA, WARD, {Column}");
        return [.. LinesOf(reply.Memory, 3).Select(line => new Claim($"how many of {string.Join(", ", line.Labels)}",
            GroupOf(desk.Session, ["AREA", "WARD", Column], line.Labels), line.Numbers[0]!.Value))];
    }
}

/// <summary>
/// A table, and then the group by itself that the rule of subtraction took out of it: what both leave over of all records. No column is made for it.
/// </summary>
internal sealed class LeftOver() : TableAttack("DISEASE")
{
    public override string Name => "what two questions leave over";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var knowledge = new Knowledge(desk.Session.Records);
        await AskAsync(knowledge, desk);
        if (NumberOf(await desk.AskAsync("count where DISEASE = 'FLU'")) is { } count)
        {
            knowledge.Add(_ => true, ["FLU"], (long)count);
        }

        return ProvedBy(knowledge, desk);
    }
}

/// <summary>The same count with noise, again and again: the mean comes back to it, where nothing ends.</summary>
internal sealed class Averaging : Attack
{
    /// <summary>Six standard deviations of the mean of so many are below a half: only one whole number is as near.</summary>
    private const int Enough = 60_000;

    public override string Name => "the mean of the same count with noise";

    public override Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        bool IsRare(int i) => desk.Session.Disease[i] == "RARE";
        var counts = desk.Noisy.Ask(IsRare, Enough);
        var (mean, off) = (counts.Count == 0 ? 0 : counts.Average(), 6 * (double)NoisyCounts.Noise.Spread!.Value / Math.Sqrt(Math.Max(1, counts.Count)));
        return Task.FromResult<IReadOnlyList<Claim>>(off < 0.5 && Math.Abs(mean - Math.Round(mean)) + off < 1
            ? [new Claim("how many have RARE", IsRare, (decimal)Math.Round(mean))] : []);
    }
}
