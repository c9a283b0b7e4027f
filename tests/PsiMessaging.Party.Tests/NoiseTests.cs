using PsiMessaging.Contracts.V1;
using PsiMessaging.Disclosure.Privacy;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Privacy;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Rows;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>
/// Answers with noise: what P1 gets of P2's dataset is the true counts and the draws of P2's account, to the unit; what is spent is spent once, whoever is
/// killed; and nothing else is answered.
/// </summary>
public class NoiseTests
{
    private const string Text = "count by SEX, REGION in ('N') as north, ('S') as south, ('E') as east";

    private static readonly PolicyNoise Gaussian = new() { Spread = 10, Epsilon = 1, Delta = 1e-6 };

    private static string SexOf(int i) => i % 2 == 0 ? "F" : "M";

    private static string RegionOf(int i) => i is 1 or 3 ? "W" : i == 8 ? "" : i % 5 is 0 or 1 or 2 ? "N" : "S";

    private static string People => "IDKEY;SEX;AGE\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"K{i};{SexOf(i)};{20 + i}\n"));

    private static string Firms => "IDKEY;REGION;TAX\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"K{i};{RegionOf(i)};{i * 2}\n"));

    private static async Task<(TestNetwork Network, string Session)> ReadyAsync(PolicyNoise noise, int minCell = 4)
    {
        var network = new TestNetwork();
        await network.AddDataAsync(People, Firms, minCell: minCell);
        network.Start();
        var session = await SessionAsync(network, noise);
        return (network, session);
    }

    private static async Task<string> SessionAsync(TestNetwork network, PolicyNoise noise)
    {
        var (session, other) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        Assert.Null(session.FailureReason);
        (PartyPolicy.Open with { Noise = new Dictionary<string, PolicyNoise> { [other.Dataset!] = noise } }).Write(network.P2.Home.Path);
        await network.SendRowsAsync(session.Id);
        return session.Id;
    }

    private static PrivacyAccount Account(TestNetwork network)
    {
        using var file = PrivacyAccountFile.Open(NoiseDesk.PathOf(network.P2.Home.Path, network.P2.Session()!.Dataset!));
        return file.Account;
    }

    /// <summary>The true counts and the draws of the last question in P2's account, in the order of the labels.</summary>
    private static string[] Expected(TestNetwork network, PolicyNoise noise, Func<int, bool>? where = null)
    {
        string[] classes = ["north", "south", "east", "(other)", "?"];
        var draws = new long[10];
        NoiseDesk.Draw(noise.Terms, Account(network).Entries[^1].Payload.AsSpan(), draws);
        var people = Enumerable.Range(0, 40).Where(where ?? (_ => true)).ToArray();
        static string ClassOf(int i) => RegionOf(i) switch { "N" => "north", "S" => "south", "E" => "east", "" => "?", _ => "(other)" };
        return [.. from sex in new[] { "F", "M" } from region in classes
                   let cell = (sex == "F" ? 0 : 5) + Array.IndexOf(classes, region)
                   select $"{sex}|{region}|{people.Count(i => SexOf(i) == sex && ClassOf(i) == region) + draws[cell]}"];
    }

    [Theory]
    [InlineData(NoiseKind.Gaussian)]
    [InlineData(NoiseKind.Laplace)]
    public async Task Table_AskedByOne_IsTheTrueCountsAndTheDrawsOfTheAccount(NoiseKind law)
    {
        var noise = Gaussian with { Law = law, Epsilon = 10 };
        var (network, session) = await ReadyAsync(noise);
        await using (network)
        {
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, Text));
            Assert.True(answer.Ok, answer.Message);

            // Every class that the question names is there, also that nobody is in.
            Assert.Equal(Expected(network, noise), answer.Result!.Lines());
            Assert.Contains(answer.Result!.Answer.Rules, rule => rule.Contains("every count has noise", StringComparison.Ordinal));

            var filtered = await network.P1.CommandAsync(session, new SubmitQuery(session, $"{Text} where TAX > 50"));
            Assert.Equal(Expected(network, noise, i => i * 2 > 50), filtered.Result!.Lines());

            // The same question again costs again, and has other noise: nobody can see that who asks has sent the same rows.
            var again = await network.P1.CommandAsync(session, new SubmitQuery(session, Text));
            Assert.Equal(Expected(network, noise), again.Result!.Lines());
            Assert.NotEqual(answer.Result!.Lines(), again.Result!.Lines());
            Assert.Equal(3, Account(network).Entries.Count);
            Assert.Equal(noise.Cost + noise.Cost + noise.Cost, Account(network).Spent);
        }
    }

    /// <summary>Which lines there are says nothing of the other's rows: the same of nobody, of all in one class, and of many.</summary>
    [Fact]
    public async Task Lines_OfRowsThatDifferInEverything_AreTheSame()
    {
        var lines = new List<string>();
        foreach (var region in new Func<int, string>[] { RegionOf, _ => "E", _ => "" })
        {
            await using var network = new TestNetwork();
            var firms = "IDKEY;REGION;TAX\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"K{i};{region(i)};{i}\n"));
            await network.AddDataAsync(People, firms, minCell: 4);
            network.Start();
            var session = await SessionAsync(network, Gaussian);
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, $"{Text} where TAX < 100 with totals"));
            Assert.True(answer.Ok, answer.Message);
            lines.Add(string.Join('\n', answer.Result!.Lines().Select(line => line[..line.LastIndexOf('|')])));
        }

        Assert.Equal(lines[0], lines[1]);
        Assert.Equal(lines[0], lines[2]);
        Assert.Contains("(total)", lines[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("count by REGION", "name its classes in the question")]
    [InlineData("sum(TAX) by SEX", "counts alone have it")]
    [InlineData("count, mean(AGE) by REGION in ('N') as north", "counts alone have it")]
    [InlineData("count by REGION in ('N') as north weight TAX", "counts alone have it")]
    [InlineData("ols(TAX ~ AGE)", "counts alone have it")]
    [InlineData("median(TAX, 0 to 100 step 10)", "counts alone have it")]
    [InlineData("chisq(SEX, REGION)", "counts alone have it")]
    public async Task Question_ThatNoiseCannotBeAddedTo_IsRefusedAndCostsNothing(string text, string expected)
    {
        var (network, session) = await ReadyAsync(Gaussian);
        await using (network)
        {
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, text));
            Assert.Equal(FailureCodes.EngineCannot, answer.Code);
            Assert.Contains(expected, answer.Message, StringComparison.Ordinal);
            Assert.False(File.Exists(NoiseDesk.PathOf(network.P2.Home.Path, network.P2.Session()!.Dataset!)));
        }
    }

    [Fact]
    public async Task Session_UnderAMinimumOfOne_IsAnsweredNothing()
    {
        var (network, session) = await ReadyAsync(Gaussian, minCell: 1);
        await using (network)
        {
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, Text));
            Assert.Contains("a minimum cell size of 1", answer.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>An account is the dataset's: another session goes on where the first one stopped.</summary>
    [Fact]
    public async Task Budget_SpentOverTwoSessions_AnswersNoMore()
    {
        // Two of rho 0.01 fit into 0.0243.
        var (network, first) = await ReadyAsync(Gaussian);
        await using (network)
        {
            Assert.True((await network.P1.CommandAsync(first, new SubmitQuery(first, Text))).Ok);
            var second = await SessionAsync(network, Gaussian);
            Assert.True((await network.P1.CommandAsync(second, new SubmitQuery(second, Text))).Ok);
            foreach (var session in new[] { first, second })
            {
                var refused = await network.P1.CommandAsync(session, new SubmitQuery(session, Text));
                Assert.Equal(FailureCodes.PrivacySpent, refused.Code);
                Assert.Contains("is spent", refused.Message, StringComparison.Ordinal);
            }

            Assert.Equal(2, Account(network).Entries.Count);

            // A greater budget is another promise, and is not taken.
            await SessionAsync(network, Gaussian with { Epsilon = 5 });
            var more = await network.P1.CommandAsync(second, new SubmitQuery(second, Text));
            Assert.Equal(FailureCodes.Internal, more.Code);
        }
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("P2")]
    [InlineData("LINKER")]
    public async Task KilledAtAnyWriteOfTheQuestion_ItIsPaidOnceAndHasItsNoise(string victimName)
    {
        var noise = Gaussian with { Epsilon = 10 };
        var (network, session) = await ReadyAsync(noise);
        await using (network)
        {
            await KilledAtAnyWrite.OfAQuestionAsync(network, session, victimName, Text, 5, (k, answer) =>
            {
                Assert.Equal(Expected(network, noise), answer.Lines());
                Assert.Equal(k, Account(network).Entries.Count);
            });
        }
    }

    /// <summary>
    /// The asking party chooses ids. One that it uses again, with other rows under the same words, would give the difference of two answers exactly if both had
    /// the same noise. The door takes no id twice; and in the account it would be another question, as its counter has to be another.
    /// </summary>
    [Fact]
    public async Task ChangedAsker_WhoUsesAnIdAgain_IsNotHeard()
    {
        var (network, session) = await ReadyAsync(Gaussian);
        await using (network)
        {
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, Text))).Ok);
            var asked = network.Wire.Single(envelope => envelope.Message is ProposeQuery);
            var again = (ProposeQuery)asked.Message!;
            await TestNetwork.EventuallyAsync(() => network.P2.Session()!.OpenQueries.Count == 0);
            network.Inject(network.P2,
                Envelope.Create(network.P1.Home, "P2", session, again with { Counter = again.Counter + 1 }, asked.Body.ToArray()).Frame.ToArray());

            // Frames are taken one after the other, and the next question comes behind it.
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, Text))).Ok);
            Assert.Equal(2, Account(network).Entries.Count);
            Assert.Equal(2, network.Wire.Count(envelope => envelope.Message is AcceptQuery));
        }

        static string IdOf(long counter) => NoiseDesk.IdOf(new Question(QuestionState.Contributing)
        {
            Id = "q", Session = "s", Text = Text, AskedAt = DateTimeOffset.UnixEpoch, Masked = new MaskedQuestion(counter, 1, DateTimeOffset.UnixEpoch),
        });
        Assert.Equal(IdOf(1), IdOf(1));
        Assert.NotEqual(IdOf(1), IdOf(2));
    }

    /// <summary>Engine tokens says exact counts: no session with it begins about a dataset that has noise, and rows of one that runs do not leave.</summary>
    [Fact]
    public async Task TokensAboutADatasetWithNoise_AreRefused()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync(People, Firms, minCell: 4);
        network.Start();
        var (session, other) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "tokens"));
        Assert.Null(session.FailureReason);
        (PartyPolicy.Open with { Noise = new Dictionary<string, PolicyNoise> { [other.Dataset!] = Gaussian } }).Write(network.P2.Home.Path);
        Assert.True((await network.P2.CommandAsync(session.Id, new SendDataset(session.Id))).Ok);
        await network.P2.WaitAsync(own => own.Registration == RegistrationState.Refused);
        Assert.DoesNotContain(network.Wire, envelope => envelope.Header.From == "P2" && envelope.Message is DatasetBatch or RegisterDataset);
        var (_, refused) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "tokens"));
        Assert.Equal(FailureCodes.NotGranted, refused.FailureCode);
    }

    [Theory]
    [InlineData("\"spread\": 0, \"epsilon\": 1, \"delta\": 0.000001", "is 0.1 to 1000000")]
    [InlineData("\"spread\": 10, \"epsilon\": 0, \"delta\": 0.000001", "\"epsilon\" is above 0")]
    [InlineData("\"spread\": 10, \"epsilon\": 1, \"delta\": 1", "\"delta\" above 0")]
    [InlineData("\"spread\": 1, \"epsilon\": 0.1, \"delta\": 0.000001", "one question costs rho 1")]
    [InlineData("\"law\": \"uniform\", \"spread\": 10, \"epsilon\": 1, \"delta\": 0.000001", "cannot be read")]
    [InlineData("\"spread\": 10, \"epsilon\": 1", "needs \"spread\", \"epsilon\" and \"delta\"")]
    [InlineData("\"spread\": 10, \"epsilon\": 1, \"delta\": 0.000001, \"deviation\": 2", "are of the law cellKey")]
    [InlineData("\"law\": \"cellKey\", \"spread\": 10, \"epsilon\": 1, \"delta\": 0.000001", "the law cellKey has no account")]
    [InlineData("\"law\": \"cellKey\", \"variance\": 1.08", "needs a \"variance\" above 0 and a \"deviation\" of 1 to 20")]
    [InlineData("\"law\": \"cellKey\", \"variance\": 0, \"deviation\": 2", "needs a \"variance\" above 0")]
    [InlineData("\"law\": \"cellKey\", \"variance\": 1, \"deviation\": 21", "a \"deviation\" of 1 to 20")]
    [InlineData("\"law\": \"cellKey\", \"variance\": 9, \"deviation\": 2", "take another variance or a larger deviation")]
    [InlineData("\"law\": \"cellKey\", \"variance\": 1.08, \"deviation\": 20", "take a smaller deviation or another variance")]
    [InlineData("\"law\": \"cellKey\", \"variance\": 1.08, \"deviation\": 2", null)]
    [InlineData("\"law\": \"cellKey\", \"variance\": 9, \"deviation\": 10", null)]
    [InlineData("\"law\": \"laplace\", \"spread\": 30, \"epsilon\": 1, \"delta\": 0.000001", null)]
    public void Policy_WithNoise_IsCheckedAsItIsRead(string noise, string? fault)
    {
        var read = PolicyText.Parse($$"""{ "version": 1, "noise": { "people": { {{noise}} } } }""", "policy.json");
        Assert.Equal(fault is null, read.Policy is not null);
        Assert.Contains(fault ?? "", string.Join('\n', read.Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Policy_TokensAboutADatasetWithNoise_IsAFault()
    {
        var read = PolicyText.Parse("""
            { "version": 1, "noise": { "people": { "spread": 10, "epsilon": 1, "delta": 0.000001 } },
              "partners": { "P1": [{ "datasets": ["*"], "engines": ["masked", "tokens"], "questionsPerDay": null }] } }
            """, "policy.json");
        Assert.Contains("engine tokens says exact counts of people", string.Join('\n', read.Faults), StringComparison.Ordinal);
    }
}
