namespace PsiMessaging.Attacks.Tests.AttackerProgram.Attacks;

/// <summary>
/// The other party refuses a sum of its own column where fewer than the minimum of the records that pass a condition differ, for that reason, and looks at
/// earlier questions only then: so each refusal says on which side of the minimum the number is, and is held against nothing. With a column whose values both
/// parties know, a day of birth, halving gives the tenth person that has the mark.
/// </summary>
internal sealed class RefusalsAsAnswers : Attack
{
    public override string Name => "reasons of refusals, halving a condition of the other party's";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var session = desk.Session;
        await desk.AskAsync("sum(FLAG)");
        var (low, high) = (RandomSession.Minimum, session.Records - 1);
        if (await AreFewAsync(desk, high - 1) || !await AreFewAsync(desk, low))
        {
            return [];
        }

        // Few up to low, and not up to high.
        for (high--; high - low > 1;)
        {
            var middle = (low + high) / 2;
            (low, high) = await AreFewAsync(desk, middle) ? (middle, high) : (low, middle);
        }

        return [new Claim("that a person has the mark", i => i == high && session.Flag[i], 1)];
    }

    private static async Task<bool> AreFewAsync(Desk desk, int born) =>
        (await desk.AskAsync($"sum(FLAG) where BORN <= {born}")).Refused?.Contains("in all but fewer than", StringComparison.Ordinal) == true;
}

/// <summary>
/// The same with windows: as long as ten in the window have the mark, whether the first of them does shows when the window begins behind it, and whether the
/// next does when it ends there. A question a person.
/// </summary>
internal sealed class RefusalsOfWindows : Attack
{
    public override string Name => "reasons of refusals, a window that moves over everybody";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var (session, claims) = (desk.Session, new Dictionary<int, Claim>());
        void Know(int person, bool hasMark) => claims[person] = new Claim(hasMark ? "that a person has the mark" : "that a person lacks the mark",
            i => i == person && session.Flag[i] == hasMark, 1);
        await desk.AskAsync("sum(FLAG)");

        // A window of few people says nothing of marks. Until ten in it have the mark it says nothing of a single person.
        var (from, to) = (0, 2 * RandomSession.Minimum);
        while (to < session.Records - 1 && await AreFewAsync(desk, from, to))
        {
            to++;
        }

        for (var areFew = false; to < session.Records - 1 && to - from > 2 * RandomSession.Minimum;)
        {
            if (areFew)
            {
                to++;
                areFew = await AreFewAsync(desk, from, to);
                Know(to, !areFew);
            }
            else
            {
                from++;
                areFew = await AreFewAsync(desk, from, to);
                Know(from - 1, areFew);
            }
        }

        return [.. claims.Values];
    }

    private static async Task<bool> AreFewAsync(Desk desk, int from, int to) =>
        (await desk.AskAsync($"sum(FLAG) where BORN between {from} and {to}")).Refused?.Contains("in all but fewer than", StringComparison.Ordinal) == true;
}

/// <summary>The sum by the mean is how many have a value.</summary>
internal sealed class MissingValues : Attack
{
    public override string Name => "a sum and a mean, and who lacks a value";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var session = desk.Session;
        return LinesOf((await desk.AskAsync("sum(VISITS), mean(VISITS)")).Answer, 0).FirstOrDefault().Numbers is [{ } sum, { } mean]
            ? [new Claim("how many lack a value", i => session.Visits[i] is null, session.Records - Math.Round(sum / mean))] : [];
    }
}
