namespace PsiMessaging.Attacks.Tests.AttackerProgram.Attacks;

/// <summary>Two questions that differ by one person: as conditions, by putting the person aside, by a threshold.</summary>
internal sealed class TwoSteps : Attack
{
    public override string Name => "differences in two steps";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var session = desk.Session;
        var area = session.Area[session.Target];
        return (session.Seed % 3) switch
        {
            0 => DifferenceOf(desk, NumberOf(await desk.AskAsync("sum(INCOME) where ONE = 1")), NumberOf(await desk.AskAsync("sum(INCOME) where TWO = 1"))),
            1 => DifferenceOf(desk, NumberOf(await desk.AskAsync("sum(INCOME) by AREA"), area),
                NumberOf(await desk.AskAsync("sum(INCOME) by T, AREA"), "0", area)),
            _ => await ThresholdsAsync(desk),
        };
    }

    /// <summary>Whoever earns between two numbers; how many they are it cannot say, and so it claims nothing where nobody is.</summary>
    private static async Task<IReadOnlyList<Claim>> ThresholdsAsync(Desk desk)
    {
        var claims = new List<Claim>();
        for (var step = 0; step < 12 && claims.Count == 0; step++)
        {
            var (low, end) = (4500 + (step * 40), 4540 + (step * 40));
            if (NumberOf(await desk.AskAsync($"sum(INCOME) where INCOME >= {low}")) is { } above
                && NumberOf(await desk.AskAsync($"sum(INCOME) where INCOME >= {end}")) is { } beyond && above > beyond)
            {
                var session = desk.Session;
                claims.Add(new Claim($"what those earn who earn {low} to {end}", i => session.Income[i] >= low && session.Income[i] < end,
                    above - beyond, IsIncome: true));
            }
        }

        return claims;
    }
}

/// <summary>Takes five others and the person out of a group, and brings the five back elsewhere: no step is about one, all together are.</summary>
internal sealed class SmallSteps : Attack
{
    public override string Name => "a chain of small differences";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var all = NumberOf(await desk.AskAsync("sum(INCOME) where ONE = 1"));
        var withoutSix = NumberOf(await desk.AskAsync("sum(INCOME) where SIX = 1"));
        var withFive = NumberOf(await desk.AskAsync("sum(INCOME) where FIVE = 1"));
        var rest = NumberOf(await desk.AskAsync("sum(INCOME) where REST = 1"));
        return DifferenceOf(desk, all - withoutSix, withFive - rest);
    }
}

/// <summary>Halves the range of what the person may earn: it passes a threshold where the counts with and without it differ.</summary>
internal sealed class Bisection : Attack
{
    public override string Name => "halving an income by thresholds";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        // Of the incomes that a filter leaves enough people above and below.
        var (low, high) = (4400L, 6600L);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (await PassesAsync(desk, middle) is not { } passes)
            {
                return [];
            }

            (low, high) = passes ? (middle, high) : (low, middle - 1);
        }

        return low is > 4400 and < 6600 ? [EarnsOf(desk.Session, low)] : [];
    }

    private static async Task<bool?> PassesAsync(Desk desk, long threshold)
    {
        var with = NumberOf(await desk.AskAsync($"count by ONE where INCOME >= {threshold}"), "1");
        var without = NumberOf(await desk.AskAsync($"count by TWO where INCOME >= {threshold}"), "1");
        return with is null || without is null ? null : with > without;
    }
}

/// <summary>
/// Two marks that differ in one person, as groups: their totals are the same, and which is near which only their owner can see.
/// </summary>
internal sealed class MarksAsGroups : Attack
{
    public override string Name => "groups by two marks that differ in one person";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk) => DifferenceOf(
        desk, NumberOf(await desk.AskAsync("sum(INCOME) by ONE"), "1"), NumberOf(await desk.AskAsync("sum(INCOME) by TWO"), "1"));
}

/// <summary>
/// A changed worker: the same question twice, the second time with the person in no group. Its rows are zeros and ones of one group at most, as they must
/// be, and nobody but it sees that they are others.
/// </summary>
internal sealed class OtherRows : Attack
{
    public override string Name => "the same words again, with other rows behind them";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var row = Array.IndexOf(await desk.OrderAsync(), desk.Session.Target);
        var with = NumberOf(await desk.AskAsync("sum(INCOME) by ONE"), "1");
        return DifferenceOf(desk, with, NumberOf(await desk.AskAsync("sum(INCOME) by ONE", (words, rows) =>
        {
            for (var column = 0; column < words.Length / rows; column++)
            {
                words[(column * rows) + row] = 0;
            }
        }), "1"));
    }
}

/// <summary>Three groupings of which no two are near: those of two together are those of the third but for one person.</summary>
internal sealed class FarApart : Attack
{
    public override string Name => "three questions of which no two are near";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var one = NumberOf(await desk.AskAsync("sum(INCOME) by FAR1"), "1");
        var two = NumberOf(await desk.AskAsync("sum(INCOME) by FAR2"), "1");
        return DifferenceOf(desk, NumberOf(await desk.AskAsync("sum(INCOME) by FAR3"), "1"), one + two);
    }
}
