using PsiMessaging.Party.Policy;

namespace PsiMessaging.Party.Tests.Policy;

/// <summary>Policies as people write them.</summary>
public class PolicyTextTests
{
    private static string Of(string grant) => $$"""{ "version": 1, "partners": { "P2": [{ "datasets": ["people"], {{grant}} }] } }""";

    private static string Fault(string text)
    {
        var reading = PolicyText.Parse(text, "policy.json");
        Assert.Null(reading.Policy);
        return Assert.Single(reading.Faults);
    }

    [Fact]
    public void Template_IsSound_GrantsNothing_AndItsExampleIsSoundToo()
    {
        var policy = PolicyText.Parse(PolicyText.Template, "policy.json").Policy!;
        Assert.Equal((Otherwise.Ask, 0), (policy.Otherwise, policy.Partners.Count));

        // The comments at the depth of a partner or a dataset are an example; those before it are words.
        var lines = PolicyText.Template.Split('\n').Select(line => line.StartsWith("    // ", StringComparison.Ordinal) ? "    " + line[7..] : line);
        var example = PolicyText.Parse(string.Join('\n', lines), "policy.json");
        Assert.Empty(example.Faults);
        Assert.Equal(["people"], Assert.Single(example.Policy!.Partners["P2"]).Datasets);
    }

    [Theory]
    [InlineData("\"sesionsPerDay\": 1", "there is no rule sesionsPerDay")]
    [InlineData("\"protocols\": [\"magic\"]", "\"protocols\" has magic, and there is ecdh, rsa and vole")]
    [InlineData("\"reveal\": []", "grants nothing: \"reveal\" is empty")]
    [InlineData("\"engines\": [\"plain\"]", "\"engines\" has plain, and there is masked and tokens")]
    [InlineData("\"leastSet\": 10, \"mostSet\": 9", "no set has a size from \"leastSet\" to \"mostSet\"")]
    [InlineData("\"minCell\": 0", "\"minCell\" is 1 to 1,000,000")]
    [InlineData("\"hours\": \"18:00-08:00\"", "\"hours\" is 18:00-08:00, and should be like 08:00-18:00, UTC, the first before the last")]
    [InlineData("\"sessionsPerDay\": 0", "a bound a day is 1 or more; to grant no session, grant nothing")]
    [InlineData("\"columns\": { \"groupBy\": [\"NAME\"], \"never\": [\"NAME\"] }",
        "the column NAME stands in \"groupBy\" and in \"never\"; take it out of one")]
    [InlineData("\"engines\": [\"tokens\"], \"columns\": { \"groupBy\": [\"A\"], \"filter\": [\"B\"] }, \"questionsPerDay\": null",
        "engine tokens asks nobody before it answers")]
    [InlineData("\"engines\": [\"*\"]", "engine tokens asks nobody before it answers")]
    [InlineData("\"engines\": [\"*\"], \"questionsPerDay\": null, \"history\": \"guard\"",
        "so that no question is held against those before it: take tokens out")]
    [InlineData("\"history\": \"on\"", "cannot be read")]
    [InlineData("\"historyDays\": 0", "\"historyDays\" is 1 to 36,500")]
    [InlineData("\"history\": \"off\", \"historyDays\": 30", "\"history\" is off, and \"historyDays\" says how long a question counts")]
    [InlineData("\"columns\": { \"groupBy\": [\"A\"], \"never\": [\"*\"] }", "\"never\" has all columns, and \"groupBy\" has A; take out one of them")]
    public void Parse_RuleThatIsUnknownOrContradictsAnother_IsNamed(string grant, string fault) =>
        Assert.Contains(fault, Fault(Of(grant)), StringComparison.Ordinal);

    [Theory]
    [InlineData("", "cannot be read")]
    [InlineData("null", "is empty")]
    [InlineData("{ \"version\": 1, \"\\ud800\": 1 }", "cannot be read")]
    [InlineData("{}", "cannot be read")]
    [InlineData("{ \"version\": 2 }", "\"version\" is 2, and this release knows 1")]
    [InlineData("{ \"version\": 1, \"version\": 1 }", "cannot be read")]
    [InlineData("{ \"version\": 1, \"partners\": { \"../x\": [] } }", "names ../x, which is no participant's name")]
    [InlineData("{ \"version\": 1, \"partners\": { \"P2\": [{}] } }", "\"datasets\" is empty or left out")]
    [InlineData("{ \"version\": 1, \"notify\": { \"command\": [\"mail\"] } }", "the full path of a program")]
    [InlineData("{ \"version\": 1, \"notify\": { \"webHook\": \"http://x\" } }", "must be an https address")]
    [InlineData("{ \"version\": 1, \"dominance\": { \"firms\": {} } }", "\"dominance\".\"firms\": holds nothing to anything: say \"p\" or \"nk\"")]
    [InlineData("{ \"version\": 1, \"dominance\": { \"firms\": { \"p\": 101 } } }", "\"p\" is 1 to 100")]
    [InlineData("{ \"version\": 1, \"dominance\": { \"firms\": { \"nk\": \"2,85\" } } }", "\"nk\" is like \"(1,75) (2,85)\"")]
    [InlineData("{ \"version\": 1, \"dominance\": { \"firms\": { \"p\": 10, \"columns\": [] } } }", "\"columns\" is empty")]
    [InlineData("{ \"version\": 1, \"dominance\": { \"firms\": { \"p\": 10 } }, \"partners\": "
        + "{ \"P2\": [{ \"datasets\": [\"firms\"], \"engines\": [\"tokens\"], \"questionsPerDay\": null }] } }", "engine tokens holds no sum of firms")]
    [InlineData("{ \"version\": 1, \"partners\": { \"P2\": [{ \"datasets\": [\"firms\"], \"engines\": [\"tokens\"], \"questionsPerDay\": null, "
        + "\"history\": \"once\" }] } }", "so that no question is held against those before it")]
    [InlineData("{ \"version\": 1, \"otherwise\": \"allow\" }", "cannot be read")]
    [InlineData("{ \"version\": 1, \"never\": { \"people\": [\"A\"] }, \"partners\": "
        + "{ \"P2\": [{ \"datasets\": [\"people\"], \"columns\": { \"filter\": [\"A\"] } }] } }",
        "the column A stands in \"filter\" and in \"never\"")]
    public void Parse_WhatIsNoPolicy_IsNamed(string text, string fault) => Assert.Contains(fault, Fault(text), StringComparison.Ordinal);

    /// <summary>Every value of a whole policy replaced by every other kind of value: read or refused by name, and asked without a fault.</summary>
    [Fact]
    public void Parse_AnyValueReplaced_IsReadOrRefused_AndCanBeAsked()
    {
        const string Whole = """
            {"version":1,"otherwise":"ask","notify":{"command":["/bin/true"],"webHook":"https://x.example"},"never":{"people":["NAME"]},
             "partners":{"P2":[{"datasets":["people"],"protocols":["ecdh"],"reveal":["both"],"engines":["masked"],"leastSet":1,"mostSet":9,"minCell":3,
             "sessionsPerDay":1,"questionsPerDay":1,"evaluationsPerDay":1,"hours":"08:00-18:00","until":"2027-12-31","askQuestions":true,"boundOnly":true,
             "history":"guard","historyDays":730,
             "columns":{"groupBy":["A"],"measure":["B"],"filter":["C"],"never":["D"]}}]},
             "noise":{"people":{"law":"gaussian","spread":20,"epsilon":1,"delta":0.001}},
             "dominance":{"firms":{"p":10,"nk":"(1,75)","columns":["TURNOVER"]}}}
            """;
        Assert.Empty(PolicyText.Parse(Whole, "p").Faults);
        string[] values = ["null", "0", "-1", "99999999999999999999", "1.5", "true", "\"\"", "\"x\"", "[]", "[null]", "[[1]]", "{}", "{\"x\":null}"];
        var (read, refused) = (0, 0);
        foreach (System.Text.RegularExpressions.Match place in System.Text.RegularExpressions.Regex.Matches(
            Whole,
            "(?<=:)(\"[^\"]*\"|[0-9]+|true|\\[[^\\[\\]]*\\])|(?<=\\[)\"[^\"]*\"",
            System.Text.RegularExpressions.RegexOptions.ExplicitCapture,
            TimeSpan.FromSeconds(5)))
        {
            foreach (var value in values)
            {
                var reading = PolicyText.Parse(string.Concat(Whole.AsSpan(0, place.Index), value, Whole.AsSpan(place.Index + place.Length)), "p");
                Assert.Equal(reading.Policy is null, reading.Faults.Count > 0);
                (read, refused) = reading.Policy is null ? (read, refused + 1) : (read + 1, refused);
                if (reading.Policy is { } policy)
                {
                    PolicyRules.GrantFor(policy, new SessionRequest("P2", "people", "ecdh", "both", "masked", 5, 3), DateTimeOffset.UnixEpoch);
                    Assert.All(policy.GrantsOf("P2"), grant => PolicyRules.FaultOf(policy, grant.Columns, "people", [("A", ColumnUse.Filter)]));
                }
            }
        }

        Assert.True(read > 10 && refused > 200, $"{read} read, {refused} refused");
    }

    [Fact]
    public void Write_ThenParse_GivesTheSame()
    {
        using var folder = new Testing.TempFolder();
        PartyPolicy.Open.Write(folder.Path);
        var read = PolicyText.Parse(File.ReadAllText(Path.Combine(folder.Path, PartyPolicy.FileName)), "x").Policy!;
        Assert.Equal([PolicyGrant.Any], Assert.Single(read.GrantsOf("P7")).Protocols);
        Assert.Null(Assert.Single(read.GrantsOf("P7")).EvaluationsPerDay);
    }
}
