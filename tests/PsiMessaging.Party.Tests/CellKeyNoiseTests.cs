using System.Buffers.Binary;
using System.Text;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Disclosure.Noise;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Privacy;
using PsiMessaging.Party.Questions;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>
/// Noise by cell keys over the wire: what P1 gets of P2's dataset is, cell by cell, the true count and the noise of the cell's records under the secret of P2's
/// home, in every question, session and after every kill; all exact rules stay on.
/// </summary>
public class CellKeyNoiseTests
{
    private const int Rows = 120;
    private const string Text = "count by SEX, REGION";

    private static readonly PolicyNoise CellKey = new() { Law = NoiseKind.CellKey, Variance = 1.08m, Deviation = 2 };

    private static string SexOf(int i) => i % 2 == 0 ? "F" : "M";

    private static string RegionOf(int i) => i is 1 or 3 ? "W" : (i % 5) switch { 0 or 1 => "N", 2 or 3 => "S", _ => "E" };

    private static string People(int rows = Rows) => "IDKEY;SEX;AGE\n" + string.Concat(Enumerable.Range(0, rows).Select(i => $"K{i};{SexOf(i)};{20 + i}\n"));

    private static string Firms(bool isTurned = false) => "IDKEY;REGION;TAX\n" + string.Concat((isTurned ? Enumerable.Range(0, Rows).Reverse()
        : Enumerable.Range(0, Rows)).Select(i => $"K{i};{RegionOf(i)};{i * 2}\n"));

    private static async Task<(TestNetwork Network, string Session)> ReadyAsync(
        PolicyNoise? noise = null, int minCell = 4, string? people = null, string? firms = null, byte[]? secret = null, PolicyGrant? grant = null)
    {
        var network = new TestNetwork();
        await network.AddDataAsync(people ?? People(), firms ?? Firms(), minCell: minCell);
        network.Start();
        if (secret is not null)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(SecretOf(network))!);
            Files.AtomicFile.Write(SecretOf(network), secret);
        }

        return (network, await SessionAsync(network, noise ?? CellKey, grant));
    }

    private static string SecretOf(TestNetwork network) => CellKeyDesk.PathOf(network.P2.Home.Path, "bi");

    private static async Task<string> SessionAsync(TestNetwork network, PolicyNoise? noise, PolicyGrant? grant = null)
    {
        var (session, other) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        Assert.Null(session.FailureReason);
        var policy = grant is null ? PartyPolicy.Open
            : new PartyPolicy { Version = 1, Partners = new Dictionary<string, IReadOnlyList<PolicyGrant>> { ["P1"] = [grant] } };
        (noise is null ? policy : policy with { Noise = new Dictionary<string, PolicyNoise> { [other.Dataset!] = noise } }).Write(network.P2.Home.Path);
        await network.SendRowsAsync(session.Id);
        return session.Id;
    }

    private static async Task<QueryResult> AskAsync(TestNetwork network, string session, string text)
    {
        var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, text));
        Assert.True(answer.Ok, answer.Message);
        return answer.Result!;
    }

    /// <summary>W has two records, and so E goes too, by the rule of subtraction: that is about true counts.</summary>
    private static string[] Expected(byte[] secret) =>
    [
        .. from sex in new[] { "F", "M" } from region in new[] { "N", "S" }
           select Expected(secret, $"{sex}|{region}", i => SexOf(i) == sex && RegionOf(i) == region),
        "(withheld)|(withheld)|",
    ];

    /// <summary>True counts and the noise by P2's secret, computed from the identifiers as they are written.</summary>
    private static string Expected(byte[] secret, string labels, Func<int, bool> isIn)
    {
        using var keys = new CellKeyRecordKeys(secret);
        var people = Enumerable.Range(0, Rows).Where(isIn).ToArray();
        var key = 0;
        foreach (var i in people)
        {
            // Canonical form of a key of one part: its length, then the text.
            var text = Encoding.UTF8.GetBytes($"K{i}");
            var canonical = new byte[4 + text.Length];
            BinaryPrimitives.WriteInt32BigEndian(canonical, text.Length);
            text.CopyTo(canonical, 4);
            key = (key + (ushort)keys.Of(canonical)) & 0xFFFF;
        }

        return $"{labels}|{people.Length + new[] { 4846, 20851, 44685, 60690 }.Count(threshold => threshold <= key) - 2}";
    }

    [Fact]
    public async Task Table_AskedByOne_IsTheTrueCountsAndTheNoiseOfItsRecords()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            var answer = await AskAsync(network, session, Text);
            var secret = File.ReadAllBytes(SecretOf(network));
            Assert.Equal(Expected(secret), answer.Lines());
            Assert.False(Files.PrivateFile.IsOpenToOthers(SecretOf(network)));
            Assert.Contains(answer.Answer.Rules, rule => rule.StartsWith("every count has noise that depends on who is in its cell", StringComparison.Ordinal));

            // The same again, and the same cell in another table: the same noise. No group is named, and W with its two records is not there.
            Assert.Equal(answer.Lines(), (await AskAsync(network, session, Text)).Lines());
            Assert.Equal(Expected(secret, "N", i => SexOf(i) == "F" && RegionOf(i) == "N"),
                (await AskAsync(network, session, "count by REGION where SEX = 'F'")).Lines()[1]);
            Assert.Equal(Expected(secret, "x", i => i * 2 > 50)[2..], (await AskAsync(network, session, "count where TAX > 50")).Lines()[0]);
            Assert.DoesNotContain("W", string.Join('\n', answer.Lines()), StringComparison.Ordinal);

            // What P1 can count by itself is exact, and says nothing of the keys.
            Assert.Equal([$"F|{Rows / 2}", $"M|{Rows / 2}"], (await AskAsync(network, session, "count by SEX")).Lines());
            Assert.Null((await AskAsync(network, session, "count by SEX")).Answer.Noise);
            var log = network.P2.Engine!.Store.Read(state => state.ListAudit(0, 1000)).Select(entry => entry.Entry).ToArray();
            Assert.Equal(4, log.Count(entry => entry.Contains("cell-keys-used", StringComparison.Ordinal)));
            Assert.DoesNotContain("noise-spent", string.Join('\n', log), StringComparison.Ordinal);
            Assert.False(File.Exists(NoiseDesk.PathOf(network.P2.Home.Path, "bi")));
        }
    }

    /// <summary>
    /// Over sessions, whose rows are in another order each; over other common records; and where the dataset is added anew with its rows in another order.
    /// </summary>
    [Fact]
    public async Task Noise_OfACell_IsTheSameInEverySession()
    {
        var (network, first) = await ReadyAsync();
        byte[] secret;
        await using (network)
        {
            var lines = (await AskAsync(network, first, Text)).Lines();
            var second = await SessionAsync(network, CellKey);
            Assert.Equal(lines, (await AskAsync(network, second, Text)).Lines());
            secret = File.ReadAllBytes(SecretOf(network));
            Assert.Equal(Expected(secret), lines);
        }

        // Fewer are common, and the cell of those below 80 is the same.
        var (other, session) = await ReadyAsync(people: People(100), firms: Firms(isTurned: true), secret: secret);
        await using (other)
        {
            Assert.Equal(Expected(secret, "x", i => SexOf(i) == "F" && i * 2 < 160)[2..],
                (await AskAsync(other, session, "count where SEX = 'F' and TAX < 160")).Lines()[0]);
        }
    }

    [Theory]
    [InlineData("sum(TAX) by SEX", "counts alone have it")]
    [InlineData("count by REGION weight TAX", "counts alone have it")]
    [InlineData("ols(TAX ~ AGE)", "counts alone have it")]
    [InlineData("chisq(SEX, REGION)", "counts alone have it")]
    public async Task Question_ThatCellKeysAreNotOf_IsRefused(string text, string expected)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, text));
            Assert.Equal(FailureCodes.EngineCannot, answer.Code);
            Assert.Contains(expected, answer.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(1, "a minimum cell size of 1")]
    [InlineData(2, "its noise goes up to 2, and the session's minimum cell size is 2; begin one with 3 or more")]
    public async Task Session_UnderTooSmallAMinimum_IsAnsweredNothing(int minCell, string expected)
    {
        var (network, session) = await ReadyAsync(minCell: minCell);
        await using (network)
        {
            Assert.Contains(expected, (await network.P1.CommandAsync(session, new SubmitQuery(session, Text))).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Unlike noise with an account, cell keys do not switch the history off.</summary>
    [Fact]
    public async Task Question_TooCloseToAnEarlierOne_IsStillRefused()
    {
        var (network, session) = await ReadyAsync(grant: PolicyGrant.Everything);
        await using (network)
        {
            await AskAsync(network, session, "count by SEX where TAX < 160");
            var close = await network.P1.CommandAsync(session, new SubmitQuery(session, "count by SEX where TAX < 162"));
            Assert.Equal("too-close", close.Code);
        }
    }

    /// <summary>A secret that is another gives other noise, which the log shows; one that is damaged gives none.</summary>
    [Fact]
    public async Task Secret_ThatIsDamagedOrLost_IsSeen()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            await AskAsync(network, session, Text);
            var secret = File.ReadAllBytes(SecretOf(network));

            // Keys beside the rows are made again where they are gone.
            File.Delete(Path.Combine(network.P2.Home.SessionPath(session), "aligned.keys"));
            Assert.Equal(Expected(secret), (await AskAsync(network, session, Text)).Lines());
            Files.AtomicFile.Write(SecretOf(network), secret.AsSpan(1));
            Assert.Equal(FailureCodes.Internal, (await network.P1.CommandAsync(session, new SubmitQuery(session, Text))).Code);

            // And where they are of another secret.
            File.Delete(SecretOf(network));
            var lines = (await AskAsync(network, session, Text)).Lines();
            Assert.Equal(Expected(File.ReadAllBytes(SecretOf(network))), lines);
            var names = network.P2.Engine!.Store.Read(state => state.ListAudit(0, 1000)).Select(entry => entry.Entry)
                .Where(entry => entry.Contains("cell-keys-used", StringComparison.Ordinal))
                .Select(entry => System.Text.Json.Nodes.JsonNode.Parse(entry)!.ToJsonString()).ToArray();
            Assert.Equal(3, names.Length);
        }
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("P1")]
    [InlineData("P2")]
    [InlineData("LINKER")]
    public async Task KilledAtAnyWriteOfTheQuestion_TheAnswerIsTheSame(string victimName)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            await KilledAtAnyWrite.OfAQuestionAsync(network, session, victimName, Text, 5, (_, answer) =>
                Assert.Equal(Expected(File.ReadAllBytes(SecretOf(network))), answer.Lines()));
        }
    }
}
