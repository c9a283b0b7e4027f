using System.Text;
using System.Text.Json;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Questions.Masked;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>
/// A party that uses the product as it is, with columns of its own made for the purpose: a serial number, a mark T at one person it wants to know about, and so
/// on. Every test asks in two or more worlds that differ in what only P2 knows of that person, and what P1 gets to see must be the same in all of them.
/// </summary>
public class StockAsker
{
    private const int Minimum = 10;
    private const int Common = 900;
    /// <summary>The person: its row.</summary>
    private const int Target = 417;
    private static readonly string[] Diseases = ["ASTHMA", "COLD", "FLU"];

    /// <summary>What people have: half of them asthma, three tenths a cold.</summary>
    private static string Usual(int i) => Diseases[(i % 10) switch { < 5 => 0, < 8 => 1, _ => 2 }];

    public static TheoryData<string> Engines => ["masked", "tokens"];

    /// <summary>
    /// P1's columns: SERIAL of its own for each record, T one at the target and zero elsewhere, TEN one at the target and nine others, CLASS of thirds, PACKED
    /// powers of two, HEAVY a million at eleven people and one elsewhere, HOLED no value at the target, LUMP most of all that differs at the target.</summary>
    private static string Asker(int rows = Common) => "IDKEY;SERIAL;T;TEN;CLASS;PACKED;HEAVY;HOLED;LUMP\n" + string.Concat(Enumerable.Range(0, rows).Select(i =>
        $"id-{i};{i};{(i == Target ? 1 : 0)};{(i is >= Target and < Target + 10 ? 1 : 0)}"
            + $";{"ABC"[i / 3 % 3]};{(i is >= Target and < Target + 40 ? 1L << (i - Target) : 0)};{(i is >= Target and < Target + 11 ? 1_000_000 : 1)}"
            + $";{(i == Target ? "" : i * 97 % 1009)};{(i == Target ? 500 : i % 2)}\n"));

    /// <summary>P2's columns: what somebody has and earns.</summary>
    private static string Other(Func<int, string>? disease = null, Func<int, decimal>? income = null, int rows = Common, Func<int, bool>? flag = null) =>
        "IDKEY;DISEASE;INCOME;FLAG\n" + string.Concat(Enumerable.Range(0, rows).Select(i =>
        FormattableString.Invariant(
            $"id-{i};{disease?.Invoke(i) ?? Usual(i)};{income?.Invoke(i) ?? 1000 + (i * 37 % 900) + 0.25m};{(flag?.Invoke(i) ?? i % 2 == 0 ? 1 : 0)}\n")));

    private static async Task<TestNetwork> ReadyAsync(string engine, string p1, string p2)
    {
        var network = new TestNetwork();
        await network.AddDataAsync(p1, p2);
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: engine, minCell: Minimum));
        Assert.Null(session.FailureReason);
        Assert.Equal(Minimum, session.MinCell);
        await network.SendRowsAsync(session.Id);
        return network;
    }

    /// <summary>Everything the person who asks gets: the answer to the last byte, or the refusal.</summary>
    private static async Task<string> SeenAsync(TestNetwork network, string text)
    {
        var reply = await network.P1.CommandAsync(network.P1.Session()!.Id, new SubmitQuery(network.P1.Session()!.Id, text));
        return reply.Ok ? JsonSerializer.Serialize(reply.Result!.Answer) : $"{reply.Code}: {reply.Message}";
    }

    /// <summary>Asks the same in every world and returns what P1 saw, which must be the same in all.</summary>
    private static async Task<string> SameInAsync(string engine, string question, params string[] worlds)
    {
        var seen = new List<string>();
        foreach (var world in worlds)
        {
            await using var network = await ReadyAsync(engine, Asker(), world);
            seen.Add(await SeenAsync(network, question));
        }

        Assert.All(seen, one => Assert.Equal(seen[0], one));
        return seen[0];
    }

    private static string[] WorldsOfDisease => [.. Diseases.Select(target => Other(i => i == Target ? target : Usual(i)))];

    private static string[] WorldsOfIncome =>
        [.. new[] { 1234.56m, 98765.43m }.Select(target => Other(income: i => i == Target ? target : 1000 + (i * 37 % 900) + 0.25m))];

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task AsksBySerialNumber_AndReadsNoDiagnosis(string engine)
    {
        var seen = await SameInAsync(engine, "SERIAL, DISEASE", WorldsOfDisease);
        if (engine == "masked")
        {
            Assert.Equal("below-minimum: every group of SERIAL has fewer than 10 common records; take coarser classes", seen);
        }
        else
        {
            Assert.Contains("(withheld)", seen, StringComparison.Ordinal);
        }

        Assert.All(Diseases, disease => Assert.DoesNotContain(disease, seen, StringComparison.Ordinal));
    }

    [Fact]
    public async Task WeighsOnePersonWithOne_AndReadsNoIncome()
    {
        var seen = await SameInAsync("masked", "sum(INCOME) weight T", WorldsOfIncome);
        Assert.StartsWith("below-minimum: ", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WeighsWithPowersOfTwo_AndReadsNoIncomes()
    {
        var seen = await SameInAsync("masked", "sum(INCOME) weight PACKED", WorldsOfIncome);
        Assert.Equal("below-minimum: fewer than 10 records hold nearly all that differs in PACKED, and what is calculated with it would be about them alone; "
            + "leave it out, or put its largest values together", seen);
    }

    [Theory]
    [InlineData("ols(INCOME ~ T)")]
    [InlineData("cov(INCOME, T)")]
    [InlineData("corr(INCOME, T)")]
    public async Task RegressesOnAMarkAtOnePerson_AndReadsNoIncome(string question)
    {
        var seen = await SameInAsync("masked", question, WorldsOfIncome);
        Assert.Equal("below-minimum: T has one value in all but fewer than 10 records, and what is calculated with it would be about those alone; leave it out "
            + "or take coarser classes", seen);
    }

    [Theory]
    [InlineData("mean(INCOME) by T", "\"1450.1065072302558\"")]
    [InlineData("sum(INCOME), count by T with totals", "\"1303645.75\"")]
    public async Task GroupsByAMarkAtOnePerson_AndReadsNoIncome(string question, string ofTheOthers)
    {
        var seen = await SameInAsync("masked", question, WorldsOfIncome);
        Assert.Contains(ofTheOthers, seen, StringComparison.Ordinal);
        Assert.Contains("(withheld)", seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("count by DISEASE weight HEAVY")]
    [InlineData("sum(INCOME) by DISEASE weight HEAVY")]
    public async Task WeighsElevenPeopleHeavily_AndReadsNoDiagnosisOfTheEleventh(string question) =>
        // The ten others are known to have the flu.
        Assert.Contains("\"Text\":\"FLU\"", await SameInAsync("masked", question, [
            .. new[] { "ASTHMA", "COLD" }.Select(target =>
                Other(i => i == Target ? target : i is > Target and < Target + 11 ? "FLU" : i == 5 ? target == "COLD" ? "ASTHMA" : "COLD" : Usual(i),
                    i => i == 5 ? 1000 + (Target * 37 % 900) + 0.25m : 1000 + (i * 37 % 900) + 0.25m))
        ]), StringComparison.Ordinal);

    [Fact]
    public async Task WeighsElevenPeopleHeavily_AndReadsNotHowManyPassAThreshold() =>
        Assert.Contains("\"Records\":400,", await SameInAsync("masked", "count weight HEAVY where INCOME > 1500", [
            .. new[] { true, false }.Select(passes =>
                Other(income: i => i == Target == passes && i is Target or 5 ? 1800 : i is >= Target and < Target + 11 or 5 ? 100 : 1000 + (i * 37 % 900)))
        ]), StringComparison.Ordinal);

    [Fact]
    public async Task AsksForQuantilesOfHeavyWeights_AndReadsNoIncome() =>
        Assert.Contains("\"1140\"",
            await SameInAsync("masked", "quantile(INCOME, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 900 to 2100 step 50) weight HEAVY",
                [.. new[] { 1234m, 1777m }.Select(target => Other(income: i => i == Target ? target : i == 5 ? 3011 - target : 1000 + (i * 37 % 900)))]),
            StringComparison.Ordinal);

    [Fact]
    public async Task LeavesAValueOutAtOnePerson_AndReadsNoIncome()
    {
        var seen = await SameInAsync("masked", "sum(INCOME), var(INCOME), cov(HOLED, INCOME), corr(HOLED, INCOME)", WorldsOfIncome);
        Assert.Contains("records without a value in HOLED are put aside where they are fewer than 10", seen, StringComparison.Ordinal);
        Assert.Contains("\"1303645.75\"", seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mean(INCOME), cov(LUMP, INCOME)")]
    [InlineData("ols(INCOME ~ LUMP)")]
    [InlineData("sum(INCOME) weight LUMP")]
    public async Task PutsMostOfAColumnAtOnePerson_AndReadsNoIncome(string question) =>
        Assert.StartsWith("below-minimum: ", await SameInAsync("masked", question, WorldsOfIncome), StringComparison.Ordinal);

    [Fact]
    public async Task RegressesOnDiagnoses_AndDoesNotSeeWhetherAnybodyHasARareOne() =>
        Assert.Contains("\"446.93348115299335\"", await SameInAsync("masked", "ols(SERIAL ~ C(DISEASE))",
            [.. new[] { "RARE", "ASTHMA" }.Select(target => Other(i => i == Target ? target : Usual(i)))]), StringComparison.Ordinal);

    [Fact]
    public async Task AsksForTotalsAboveAThreshold_AndTheirLinesDoNotTellWhetherAllTenPass() =>
        Assert.Contains("\"(total)\"", await SameInAsync("masked", "count by DISEASE with totals where TEN = 1 and INCOME > 3000", [
            .. new[] { 2999m, 4000m }.Select(target =>
                Other(income: i => i == Target ? target : i is > Target and < Target + 10 ? 5000 + i : i % 2 == 0 ? 6000 + i : 100))
        ]), StringComparison.Ordinal);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SumsTheOthersZerosAndOnes_AndAThirdValueChangesNothing(bool hasThird)
    {
        await using var network = await ReadyAsync("masked", Asker(), "IDKEY;FLAG\n"
            + string.Concat(Enumerable.Range(0, Common)
                .Select(i => $"id-{i};{(hasThird && i == 3 ? 2 : i / 3 % 3 == 0 ? (i < 10 ? 0 : 1) : i % 10 == 0 ? 1 : 0)}\n")));
        var seen = await SeenAsync(network, "sum(FLAG) by CLASS");

        // All but four of class A have the mark: 296 would say so.
        Assert.Contains("\"A\"", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("\"296\"", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SumsAMarkAtTenPeopleByDiagnosis_AndReadsNoDiagnosisOfTheTenth() =>
        // The nine others are known to have a cold: one with the flu would show. Counts of diagnoses are the same in both worlds, and shown.
        Assert.Contains("\"445\"", await SameInAsync("masked", "count, sum(TEN) by DISEASE", [
            .. new[] { "COLD", "FLU" }.Select(target =>
                Other(i => i == Target ? target : i is > Target and < Target + 10 ? "COLD" : i == 5 && target == "COLD" ? "FLU" : i == 5 ? "COLD" : Usual(i)))
        ]), StringComparison.Ordinal);

    [Fact]
    public async Task SumsTheOthersZerosAndOnesByGroup_AndReadsNoCountOfAFew()
    {
        // Fifteen or fourteen people have the mark, five or four of them in the target's class: a sum of ones is a count.
        var seen = await SameInAsync("masked", "sum(FLAG), mean(FLAG) by CLASS",
            [.. new[] { true, false }.Select(target => Other(flag: i => i == Target ? target : i is > Target and < Target + 15))]);
        Assert.DoesNotContain("\"5\"", seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ols(FLAG ~ TEN)",
        "below-minimum: TEN and FLAG have, or leave out, fewer than 10 records together at one of their classes or values, none and few alike")]
    [InlineData("sum(FLAG), cov(TEN, FLAG)", "\"306\"")]
    [InlineData("sum(FLAG) weight HEAVY", "\"Text\":null,\"IsWithheld\":true")]
    public async Task CountsAMarkThatManyHaveAmongTenPeople_AndDoesNotSeeWhetherTheTenthHasIt(string question, string expected)
    {
        // The nine others are known to have it; somebody elsewhere makes up for the tenth.
        var seen = await SameInAsync("masked", question, [
            .. new[] { true, false }.Select(target => Other(flag: i => i == Target ? target : i == 5 ? !target : i is > Target and < Target + 10 || i % 3 == 0))
        ]);
        Assert.Contains(expected, seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RegressesOnAClassOfTenAboveAThreshold_AndDoesNotSeeWhetherAllPass()
    {
        var seen = await SameInAsync("masked", "ols(INCOME ~ C(TEN)) where INCOME > 3000", [.. new[] { 2999m, 4000m }.Select(target =>
            Other(income: i => i == Target ? target : i is > Target and < Target + 10 ? 5000 + i : i % 2 == 0 ? 6000 + i : 100))]);
        Assert.StartsWith("below-minimum: TEN[1] has, or leaves out, fewer than 10 records, none and few alike", seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("count where T = 1 and INCOME > ")]
    [InlineData("count where SERIAL between 410 and 430 and INCOME > ")]
    [InlineData("count by T where INCOME > ")]
    public async Task BisectsAnIncome_AndEveryStepSaysTheSame(string question)
    {
        // Twenty-one people around the target, of whom all the others earn little; 18 halvings would give the income to the euro.
        await using var network = await ReadyAsync("masked", Asker(),
            Other(income: i => i == Target ? 123_456m : i is >= 410 and <= 430 ? 1m : 1000 + (i * 37 % 900)));
        await using var without = await ReadyAsync("masked", Asker(), Other(income: i => i is >= 410 and <= 430 ? 1m : 1000 + (i * 37 % 900)));
        var (low, high) = (0, 1 << 18);
        for (var step = 0; step < 6; step++)
        {
            var middle = (low + high) / 2;
            var (seen, other) = (await SeenAsync(network, question + middle), await SeenAsync(without, question + middle));
            Assert.Equal(other, seen);
            high = middle;
        }
    }

    [Fact]
    public async Task AsksHowManyOfTenPassAThreshold_AndNeitherOneNorNineIsTold()
    {
        var seen = new List<string>();
        foreach (var above in new[] { 0, 1, 9, 10 })
        {
            await using var network = await ReadyAsync("masked", Asker(),
                Other(income: i => i is >= Target and < Target + 10 ? (i < Target + above ? 9000 : 10) : i < 100 ? 7000 : 5000));
            seen.Add(await SeenAsync(network, "count by TEN where INCOME > 6000"));
        }

        Assert.All(seen, one => Assert.Equal(seen[0], one));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task AsksForARareDiagnosis_AndNoneFewAndUnknownAreOneToTheByte(string engine)
    {
        var (seen, sizes) = (new List<string>(), new List<string>());
        foreach (var people in new[] { 0, 1, 9 })
        {
            await using var network = await ReadyAsync(engine, Asker(), Other(i => i is >= Target && i < Target + people ? "RARE" : Usual(i)));
            var before = network.Wire.Count;
            seen.Add(await SeenAsync(network, "count by CLASS where DISEASE = 'RARE'"));
            await TestNetwork.EventuallyAsync(() => network.P2.Session()!.OpenQueries.Count + network.P1.Session()!.OpenQueries.Count == 0
                && network.Wire.Skip(before).Any(envelope => engine == "masked" ? envelope.Message is ProductComputed : envelope.Message is QueryAnswered));

            // Masked words are random, and a file of them may be some bytes shorter or longer; so may
            // random bytes be in JSON, where a plus sign takes six places.
            sizes.Add(string.Join('\n', network.Wire.Skip(before).Where(envelope => envelope.Message is not CommandReply)
                .Select(envelope =>
                    $"{envelope.Header.From}>{envelope.Header.To} {envelope.Message.GetType().Name} {SizeOf(envelope)}")
                .Order(StringComparer.Ordinal)));
        }

        Assert.All(seen, one => Assert.Equal(seen[0], one));
        Assert.DoesNotContain("selects none", seen[0], StringComparison.Ordinal);
        Assert.All(sizes, one => Assert.Equal(sizes[0], one));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task AsksForTotals_AndGetsTheNumberOfAllRecordsThoughACellIsSmall(string engine)
    {
        await using var network = await ReadyAsync(engine, Asker(1500), Other(i => i is > 20 and < 25 ? "RARE" : Usual(i), rows: 1500));
        var session = network.P1.Session()!.Id;
        var reply = await network.P1.CommandAsync(session, new SubmitQuery(session, "CLASS, DISEASE with totals"));
        Assert.True(reply.Ok, reply.Message);
        Assert.Contains("(total)|(total)|1500", reply.Result!.Lines());
        Assert.DoesNotContain(reply.Result!.Lines(), line => line.Contains("RARE", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ReadsTheLinkersAnswer_AndFindsNoNumberOfRowsBesideTheCounts()
    {
        await using var network = await ReadyAsync("tokens", Asker(), Other(i => i is >= Target and < Target + 3 ? "RARE" : Usual(i)));
        await SeenAsync(network, "count where DISEASE = 'RARE'");
        var answer = Assert.Single(network.Wire.Select(envelope => envelope.Message).OfType<QueryAnswered>());
        using var json = JsonDocument.Parse(ContractCatalog.Serialize(answer));
        Assert.DoesNotContain(json.RootElement.EnumerateObject(), member => member.Value.ValueKind == JsonValueKind.Number && member.Value.GetInt32() == 3);
        Assert.DoesNotContain(json.RootElement.EnumerateObject(), member => member.Name is "joined" or "suppressed");
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task SearchesWhatItWasSentAndItsHome_AndFindsNoLabelOfASmallGroup(string engine)
    {
        await using var network = await ReadyAsync(engine, Asker(), Other(i => i is >= Target and < Target + 9 ? "ZZCANARY" : Usual(i)));
        var seen = await SeenAsync(network, "CLASS, DISEASE") + await SeenAsync(network, "DISEASE");
        Assert.Contains("ASTHMA", seen, StringComparison.Ordinal);
        foreach (var accepted in network.Wire.Where(envelope => envelope.Message is AcceptQuery))
        {
            var labels = Sealing.Unseal(network.P1.Home, network.P1.Session()!, network.P2.Home.Card,
                ((AcceptQuery)accepted.Message).QueryId, nameof(AcceptQuery), accepted.Body);
            Assert.Contains("ASTHMA", labels, StringComparison.Ordinal);
            Assert.DoesNotContain("ZZCANARY", labels, StringComparison.Ordinal);
        }

        await network.P1.StopAsync();
        byte[][] canaries = [Encoding.UTF8.GetBytes("ZZCANARY"), Encoding.Unicode.GetBytes("ZZCANARY")];
        byte[] found = Encoding.UTF8.GetBytes("ASTHMA");
        var files = Directory.GetFiles(network.P1.Home.Path, "*", SearchOption.AllDirectories).Select(File.ReadAllBytes).ToArray();
        Assert.Contains(files, file => file.AsSpan().IndexOf(found) >= 0);
        Assert.All(files,
            file => Assert.All(canaries, canary => Assert.True(file.AsSpan().IndexOf(canary) < 0, "a label of nine records lies in the asking party's home")));
    }

    /// <summary>A worker that announces too little, or what cannot be, is refused before anything of the other party leaves its home.</summary>
    [Theory]
    [InlineData("SEX, DISEASE")]
    public async Task SaysNothingOfItsGroups_AndIsRefused(string question)
    {
        var p1 = Asker().Replace("CLASS", "SEX", StringComparison.Ordinal);
        await using var network = await ReadyAsync("masked", p1, Other());
        var session = network.P1.Session()!.Id;
        network.Bend = envelope =>
        {
            if (envelope.Message is not ProposeQuery proposal)
            {
                return [envelope.Frame.ToArray()];
            }

            var (text, shape) = (question, "{\"groups\":3,\"levels\":[]}");
            var body = Sealing.Seal(network.P1.Home, network.P1.Session()!, network.P2.Home.Card,
                proposal.QueryId, $"{{\"text\":\"{text}\",\"shape\":{shape},\"pad\":1}}");
            return [Participants.Envelopes.Envelope.Create(network.P1.Home, "P2", session, proposal, body).Frame.ToArray()];
        };
        var seen = await SeenAsync(network, question);
        Assert.Equal("below-minimum: P2: the question cannot be checked against the minimum cell size, and is refused: it does not say how many records are "
            + "behind its groups and columns", seen);
        Assert.DoesNotContain(network.Wire,
            envelope => envelope.Header.From == "P2" && envelope.Message is AcceptQuery or OpenProduct or MaskedRows && envelope.Header.From == "P2");
    }

    private static int SizeOf(Envelope envelope) => envelope.Message is MaskedRows ? envelope.Body.Length / 1000
        : envelope.Body.Length + Encoding.UTF8.GetString(ContractCatalog.Serialize(envelope.Message)).Replace("\\u002B", "+", StringComparison.Ordinal).Length;
}
