namespace PsiMessaging.Attacks.Tests.AttackerProgram.Attacks;

/// <summary>
/// Where a refusal follows from which of the other party's records pass a condition of its own, and is held against nothing, it says on which side of the
/// minimum the number of those is: with a column whose values both parties know, a day of birth, halving gives the tenth person that has a mark, and a window
/// that moves the marks of nearly everybody. Conditions of the asker's own that exclude each other keep any two questions from being near.
/// </summary>
internal abstract class Refusals : Attack
{
    /// <summary>Whether fewer than the minimum of some people have the mark; null where what is seen does not say.</summary>
    protected static async Task<bool?> AreFewAsync(Desk desk, string who)
    {
        var area = desk.Session.Area[desk.Seen.Count % desk.Session.Records];
        var reply = await desk.AskAsync($"sum(FLAG) where {who} and AREA = '{area}'");
        return reply.Refused?.Contains("in all but fewer than", StringComparison.Ordinal) == true ? true
            : LinesOf(reply.Answer, 0).FirstOrDefault().Numbers is [not null] || !desk.Rules.HasFlag(Rules.Refusals) ? false
            : null;
    }
}

/// <summary>Halves a condition until one person lies between few and enough.</summary>
internal sealed class RefusalsAsAnswers : Refusals
{
    public override string Name => "reasons of refusals, halving a condition of the other party's";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var session = desk.Session;
        var (low, high) = (RandomSession.Minimum, session.Records - 1);
        if (await AreFewAsync(desk, $"BORN <= {high}") != false || await AreFewAsync(desk, $"BORN <= {low}") != true)
        {
            return [];
        }

        // Few up to low, and not up to high.
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            if (await AreFewAsync(desk, $"BORN <= {middle}") is not { } areFew)
            {
                return [];
            }

            (low, high) = areFew ? (middle, high) : (low, middle);
        }

        return [new Claim("that a person has the mark", i => i == high && session.Flag[i], 1)];
    }
}

/// <summary>
/// As long as ten in a window have the mark, whether the first of them does shows when the window begins behind it, and whether the next does when it ends
/// there. A question a person.
/// </summary>
internal sealed class RefusalsOfWindows : Refusals
{
    public override string Name => "reasons of refusals, a window that moves over everybody";

    public override async Task<IReadOnlyList<Claim>> RunAsync(Desk desk)
    {
        var (session, claims) = (desk.Session, new Dictionary<int, Claim>());
        void Know(int person, bool hasMark) => claims[person] = new Claim(hasMark ? "that a person has the mark" : "that a person lacks the mark",
            i => i == person && session.Flag[i] == hasMark, 1);
        Task<bool?> AskAsync(int from, int to) => AreFewAsync(desk, $"BORN between {from} and {to}");

        // A window of few people says nothing of marks. Until ten in it have the mark it says nothing of a single person.
        var (from, to) = (0, 2 * RandomSession.Minimum);
        var areFew = await AskAsync(from, to);
        for (; to < session.Records - 1 && areFew == true; areFew = await AskAsync(from, to))
        {
            to++;
        }

        while (areFew is { } few && to < session.Records - 1 && to - from > 2 * RandomSession.Minimum)
        {
            (from, to) = few ? (from, to + 1) : (from + 1, to);
            areFew = await AskAsync(from, to);
            if (areFew is { } now)
            {
                Know(few ? to : from - 1, few ? !now : now);
            }
        }

        return [.. claims.Values];
    }
}
