using System.Collections.Concurrent;
using PsiMessaging.Attacks.Tests.AttackerProgram.Attacks;

namespace PsiMessaging.Attacks.Tests.AttackerProgram;

/// <summary>
/// An attacker that has all answers of a session, the rules, its own data, and its worker's whole memory and disk. Its worker asks what the stock client can
/// ask, and may send another matrix; numbers and regressions of its own are refused (<c>boundOnly</c>). Under <c>"history": "once"</c> it recovers nothing of
/// fewer records than the minimum on any of 200 random sessions. Under <c>"history": "guard"</c> the same holds without four of its attacks, which recover on
/// nearly all: they are in <see cref="Remaining"/>, and in docs/disclosure.md, "What remains under guard". With a rule off it succeeds, so that a test that
/// finds nothing says something. That nobody is left over of a table that is shown whole is no recovery ("Shown next to not shown").
/// </summary>
public class AttackerProgramTests(ITestOutputHelper output)
{
    private const int Sessions = 200;
    private const int SessionsOfOneRule = 20;
    private const int SessionsOfWindows = 5;

    private static Attack[] Stopped =>
    [
        new UnitVector(), new UnitMark(), new SerialNumber(), new PowersOfTwo("PACKED"), new PowersOfTwo("LONG"), new ZeroOneRegressors(), new TwoSteps(),
        new MarksAsGroups(), new SmallSteps(), new Bisection(), new OneTable(), new FinestTable(), new TotalsOfTables(), new Memory(), new Averaging(),
    ];

    /// <summary>
    /// What remains under <c>guard</c>: coarser and finer tables, what two questions leave over, three questions of which no two are near, a changed worker's
    /// other rows under the same words.
    /// </summary>
    private static Attack[] Remaining => [new LinkedTables(), new LeftOver(), new FarApart(), new OtherRows()];

    /// <summary>What an attack came to on some sessions.</summary>
    private sealed record Outcome(int Recovered, int Proved, int Questions, int Answered)
    {
        public static Outcome Sum(IEnumerable<Outcome> outcomes) => outcomes.Aggregate(new Outcome(0, 0, 0, 0), (one, other) =>
            new Outcome(one.Recovered + other.Recovered, one.Proved + other.Proved, one.Questions + other.Questions, one.Answered + other.Answered));
    }

    /// <summary>Makes each attack on each session, each with a history of its own: what another has asked would only stand in its way.</summary>
    private static async Task<Outcome[]> RunAsync(Attack[] attacks, Rules rules, int sessions)
    {
        var outcomes = attacks.Select(_ => new ConcurrentBag<Outcome>()).ToArray();
        await Parallel.ForEachAsync(Enumerable.Range(1, sessions), async (seed, _) =>
        {
            using var desk = await Desk.OpenAsync(new RandomSession(seed), rules);
            for (var i = 0; i < attacks.Length; i++)
            {
                outcomes[i].Add(await RunAsync(attacks[i], desk));
            }
        });
        Assert.All(outcomes, bag => Assert.Equal(sessions, bag.Count));
        return [.. outcomes.Select(Outcome.Sum)];
    }

    private static async Task<Outcome> RunAsync(Attack attack, Desk desk)
    {
        desk.Forget();
        var (questions, answered) = (desk.Seen.Count, desk.Answered);
        var claims = await attack.RunAsync(desk);

        // A proof of what is not so is a fault of the attacker's.
        Assert.All(claims, claim => Assert.True(claim.IsTrue(desk.Session), $"session {desk.Session.Seed}, {attack.Name}: {claim.What} is not {claim.Value}"));
        var proved = claims.Count(claim => claim.IsOfFew(desk.Session));
        return new Outcome(proved > 0 ? 1 : 0, proved, desk.Seen.Count - questions, desk.Answered - answered);
    }

    [Theory]
    [Trait("Speed", "Slow")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AllRules_OnRandomSessions_RecoversNothing(bool isOnce)
    {
        // Whether the linker looks at rows has nothing to do with earlier questions: once is enough of what takes the longest.
        Attack[] attacks = isOnce ? [.. Stopped, .. Remaining] : [.. Stopped.Where(attack => attack is not UnitVector)];
        var outcomes = await RunAsync(attacks, isOnce ? Rules.All : Rules.Guarded, Sessions);
        foreach (var (attack, outcome) in attacks.Zip(outcomes))
        {
            output.WriteLine($"| {attack.Name} | {outcome.Recovered} of {Sessions} | {outcome.Questions} questions, {outcome.Answered} answered |");
        }

        Assert.All(attacks.Zip(outcomes), pair => Assert.True(pair.Second.Recovered == 0, $"{pair.First.Name}: {pair.Second.Recovered} of {Sessions}"));
    }

    /// <summary>
    /// What remains under all rules, as it is: reasons of refusals tell on which side of the minimum a number is, and nothing holds them against each other;
    /// a sum beside a mean says how many lack a value. Both are in docs/disclosure.md, and not among what is claimed above.
    /// </summary>
    [Fact]
    [Trait("Speed", "Slow")]
    public async Task AllRules_ReasonsOfRefusalsAndMissingValues_StillRecover()
    {
        foreach (var (attack, sessions) in new (Attack, int)[]
        {
            (new RefusalsAsAnswers(), SessionsOfOneRule), (new MissingValues(), SessionsOfOneRule), (new RefusalsOfWindows(), SessionsOfWindows),
        })
        {
            var outcome = (await RunAsync([attack], Rules.All, sessions))[0];
            output.WriteLine($"| {attack.Name} | {outcome.Recovered} of {sessions} | {outcome.Proved} proved of "
                + $"{Enumerable.Range(1, sessions).Sum(seed => new RandomSession(seed).Records)} people, {outcome.Questions} questions, "
                + $"{outcome.Answered} answered |");
            Assert.True(2 * outcome.Recovered > sessions, attack.Name);
        }
    }

    /// <summary>The table of docs/disclosure-control.md, "What an attacker program recovers".</summary>
    [Fact]
    [Trait("Speed", "Slow")]
    public async Task ARuleOff_Recovers()
    {
        (Rules Off, Attack Attack, bool Recovers)[] rows =
        [
            (Rules.Minimum, new SerialNumber(), true), (Rules.Subtraction, new OneTable(), true), (Rules.Totals, new TotalsOfTables(), true),
            (Rules.Once | Rules.History, new TwoSteps(), true), (Rules.Once | Rules.History, new SmallSteps(), true),
            (Rules.Once | Rules.History, new Bisection(), true), (Rules.Once, new MarksAsGroups(), false),
            (Rules.Once | Rules.OwnHistory, new MarksAsGroups(), true), (Rules.OwnHistory, new MarksAsGroups(), false),
            (Rules.Once, new LinkedTables(), true), (Rules.Once, new LeftOver(), true), (Rules.Once, new FarApart(), true),
            (Rules.Once, new OtherRows(), true), (Rules.BoundOnly, new OtherRows(), true), (Rules.Binding, new UnitVector(), true), (Rules.Release, new Memory(), true), (Rules.Account, new Averaging(), true),
            (Rules.BoundOnly, new PowersOfTwo("LONG"), true), (Rules.BoundOnly, new ZeroOneRegressors(), true),
            (Rules.BoundOnly, new PowersOfTwo("PACKED"), false), (Rules.Columns, new PowersOfTwo("PACKED"), false),
            (Rules.BoundOnly | Rules.Columns, new PowersOfTwo("PACKED"), true), (Rules.BoundOnly | Rules.Columns, new UnitMark(), false),
            (Rules.BoundOnly | Rules.Columns | Rules.Minimum, new UnitMark(), true),
        ];
        var faults = new List<string>();
        foreach (var (off, attack, recovers) in rows)
        {
            var recovered = (await RunAsync([attack], Rules.All & ~off, SessionsOfOneRule))[0].Recovered;
            var line = $"| {off} | {attack.Name} | {recovered} of {SessionsOfOneRule} |";
            output.WriteLine(line);
            if (recovers ? 2 * recovered <= SessionsOfOneRule : recovered > 0)
            {
                faults.Add(line);
            }
        }

        Assert.Empty(faults);
    }
}
