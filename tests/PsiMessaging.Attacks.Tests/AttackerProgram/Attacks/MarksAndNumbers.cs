namespace PsiMessaging.Attacks.Tests.AttackerProgram.Attacks;

/// <summary>A changed worker: ten times the unit vector of one person as a group's rows. The count reads ten, and the sum is ten times the income.</summary>
internal sealed class UnitVector : Attack
{
    public override string Name => "a unit vector, ten times, in place of a group's rows";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var row = Array.IndexOf(await desk.OrderAsync(), desk.Session.Target);
        var reply = await desk.AskAsync("count, sum(INCOME) by AREA", (words, rows) =>
        {
            // Columns of the first group, N: who is in it, and who has an income.
            var width = words.Length / rows / 3;
            words.AsSpan(0, width * rows).Clear();
            for (var column = 0; column < width; column++)
            {
                words[(column * rows) + row] = RandomSession.Minimum;
            }
        });
        return [.. LinesOf(reply.Answer, 1).Where(line => line.Labels[0] == "N" && line.Numbers is [RandomSession.Minimum, not null])
            .Select(line => EarnsOf(desk.Session, line.Numbers[1]!.Value / RandomSession.Minimum))];
    }
}

/// <summary>
/// A column that is one at one person, and one that is at two, in the first of these that the seed says: as weight, as groups, in a covariance. A worker that
/// puts nothing aside still needs two records.
/// </summary>
internal sealed class UnitMark : Attack
{
    public override string Name => "a mark at one or two people, as weight, as groups, in a covariance";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var (claims, session) = (new List<Claim>(), desk.Session);
        foreach (var mark in new[] { "DUO", "T" })
        {
            var isIn = session.Marks[mark];
            if (await SumAsync(desk, mark, isIn.Count(member => member)) is { } sum)
            {
                claims.Add(new Claim($"what those at {mark} earn", i => isIn[i], sum, IsIncome: true));
            }
        }

        return claims;
    }

    private static async Task<decimal?> SumAsync(Desk desk, string mark, int people)
    {
        switch (desk.Session.Seed % 3)
        {
            case 0:
                return NumberOf(await desk.AskAsync($"sum(INCOME) weight {mark}"));
            case 1:
                return NumberOf(await desk.AskAsync($"sum(INCOME) by {mark}"), "1");
            default:
                // (n − 1)·cov = what they earn − their number times the mean.
                return LinesOf((await desk.AskAsync($"sum(INCOME), cov(INCOME, {mark})")).Answer, 0).FirstOrDefault().Numbers is [{ } all, { } covariance]
                    ? Math.Round(((desk.Session.Records - 1) * covariance) + (all * people / desk.Session.Records)) : null;
        }
    }
}

/// <summary>Groups of one and of two people: a serial number, and every two of them.</summary>
internal sealed class SerialNumber : Attack
{
    public override string Name => "a serial number, and pairs of people, as groups";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var numbers = desk.Session.Numbers;
        var ones = LinesOf((await desk.AskAsync("sum(INCOME) by SERIAL")).Answer, 1).ToArray();
        var pairs = LinesOf((await desk.AskAsync("sum(INCOME) by PAIR")).Answer, 1).ToArray();
        return [.. ones.Select(line => (Line: line, Column: "SERIAL")).Concat(pairs.Select(line => (Line: line, Column: "PAIR")))
            .Where(entry => entry.Line.Numbers[0] is not null).Select(entry => new Claim($"what those of {entry.Column} {entry.Line.Labels[0]} earn",
                i => $"{numbers[entry.Column][i]}" == entry.Line.Labels[0], entry.Line.Numbers[0]!.Value, IsIncome: true))];
    }
}

/// <summary>Numbers whose sum belongs to one set of people only: who of them is a woman.</summary>
internal sealed class PowersOfTwo(string column) : Attack
{
    public override string Name => column == "PACKED" ? "powers of two as weights" : "powers of two behind large numbers of both signs";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var session = desk.Session;
        if (NumberOf(await desk.AskAsync(column == "PACKED" ? "count by SEX weight PACKED" : "sum(LONG) by SEX"), "F") is not { } sum)
        {
            return [];
        }

        var bits = (long)sum & ((1L << session.Packed.Length) - 1);
        return [.. session.Packed.Select((i, place) => new Claim("whether a person is a woman",
            record => record == i && session.Sex[record] == "F", (bits >> place) & 1))];
    }
}

/// <summary>Two regressors of zeros and ones that differ in one person: means of those at one follow from the coefficients, and sums from those.</summary>
internal sealed class ZeroOneRegressors : Attack
{
    public override string Name => "two regressions on marks that differ in one person";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        async Task<decimal?> SumAsync(string mark)
        {
            var lines = LinesOf((await desk.AskAsync($"ols(INCOME ~ {mark})")).Answer, 1).ToArray();
            return lines is [{ Numbers: [{ } rest, ..] }, { Numbers: [{ } more, ..] }]
                ? Math.Round((rest + more) * desk.Session.Marks[mark].Count(isIn => isIn)) : null;
        }

        return DifferenceOf(desk, await SumAsync("ONE"), await SumAsync("TWO"));
    }
}
