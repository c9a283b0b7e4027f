namespace PsiMessaging.Attacks.Tests.AttackerProgram;

/// <summary>
/// What remains under <c>"history": "guard"</c> where answers are exact (docs/disclosure.md): with random halves of its own as groups, no two of them near, an
/// attacker has so many equations that only one set of people fits.
/// </summary>
public class EquationsTests(ITestOutputHelper output)
{
    private const int People = 80;
    private const int Halves = 60;

    /// <summary>How many people's SEX is proved after so many questions.</summary>
    private static int Solved(Knowledge knowledge) => knowledge.Bounds([.. Enumerable.Range(0, People).Select(person =>
        ((Func<int, bool>)(i => i == person), "F"))]).Count(bounds => bounds.Least == bounds.Most);

    private static async Task<(Dictionary<int, int> Solved, int Answered)> AskAsync(Rules rules)
    {
        var session = new RandomSession(1, People, Halves);
        using var desk = await Desk.OpenAsync(session, rules);
        var (knowledge, solved) = (new Knowledge(People), new Dictionary<int, int>());
        for (var half = 1; half <= Halves; half++)
        {
            var (mark, reply) = (session.Marks[$"R{half}"], await desk.AskAsync($"count by R{half}, SEX"));
            foreach (var row in reply.Answer?.Rows ?? [])
            {
                var isIn = row[0].Text == "1";
                if (!row[0].IsWithheld && row[2].Text is { } count)
                {
                    knowledge.Add(i => mark[i] == isIn, [row[1].Text!], long.Parse(count, System.Globalization.CultureInfo.InvariantCulture));
                }
            }

            if (half % 20 == 0)
            {
                solved[half] = Solved(knowledge);
            }
        }

        return (solved, desk.Answered);
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task RandomHalves_ExactAnswers_AreSolvedForEveryPerson_AndNotWhereEachColumnServesOnce()
    {
        var (solved, answered) = await AskAsync(Rules.Guarded);
        foreach (var (questions, people) in solved)
        {
            output.WriteLine($"guard: after {questions} questions {people} of {People} people are proved");
        }

        Assert.Equal(Halves, answered);
        Assert.Equal(People, solved[Halves]);
        Assert.Equal(0, solved[20]);

        var (once, one) = await AskAsync(Rules.All);
        output.WriteLine($"once: after {Halves} questions, of which {one} was answered, {once[Halves]} of {People}");
        Assert.Equal((1, 0), (one, once[Halves]));
    }
}
