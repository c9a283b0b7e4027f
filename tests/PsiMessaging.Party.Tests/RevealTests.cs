using CsCheck;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Result;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>Who learns what: the one who should not, does not.</summary>
[Trait("Speed", "Slow")]
public class RevealTests
{
    [Theory]
    [InlineData("ecdh", "initiator")]
    [InlineData("ecdh", "responder")]
    [InlineData("rsa", "initiator")]
    [InlineData("rsa", "responder")]
    public async Task OneReceiver_TheOtherHasNoResultAndGotNothingToMakeOneFrom(string protocol, string reveal)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (p1, p2) = await network.IntersectAsync(TestNetwork.Propose(protocol: protocol, reveal: reveal));
        Assert.Equal((SessionState.Completed, SessionState.Completed), (p1.State, p2.State));
        var (learner, learned, other, others) = reveal == "initiator" ? (network.P1, p1, network.P2, p2) : (network.P2, p2, network.P1, p1);
        Assert.Equal(Samples.Intersection, learner.Intersection(learned.Id));
        Assert.Equal(4, learned.IntersectionSize);

        Assert.Null(others.IntersectionSize);
        Assert.DoesNotContain(Directory.GetFiles(other.Home.SessionPath(others.Id)),
            path => Path.GetFileName(path) is "intersection.csv" or "intersection-own.csv" or "matched.bin");
        var received = network.Wire.Where(envelope => envelope.Header.To == other.Home.Name && envelope.Header.From == learner.Home.Name).ToArray();

        // Masked or blinded identifiers of the learner, as many as it has, and an empty report: no tag, no size, no hash.
        Assert.All(received.Select(envelope => envelope.Message).OfType<RoundBatch>(), batch => Assert.Equal(1, batch.Round));
        Assert.Equal((null, null), received.Select(envelope => envelope.Message).OfType<CompleteSession>()
            .Select(done => (done.IntersectionSize, done.IntersectionHash)).Distinct().Single());

        // And its audit log, which people read, does not know either.
        using var store = new SqliteParticipantStore(other.Home.StatePath);
        Assert.Contains(store.Read(transaction => transaction.ListAudit(0, 100)),
            entry => entry.Entry.Contains("session-completed", StringComparison.Ordinal) && !entry.Entry.Contains("\"common\":4", StringComparison.Ordinal));

        var refused = await learner.CommandAsync(p1.Id, new SendDataset(p1.Id));
        Assert.Equal((false, FailureCodes.WrongState), (refused.Ok, refused.Code));
    }

    [Fact]
    public async Task SizeOnly_BothKnowHowManyAndNeitherWhich()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (p1, p2) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", reveal: "size"));
        Assert.Equal((4, 4), (p1.IntersectionSize ?? 0, p2.IntersectionSize ?? 0));
        foreach (var party in new[] { network.P1, network.P2 })
        {
            Assert.DoesNotContain(Directory.GetFiles(party.Home.SessionPath(p1.Id)),
                path => Path.GetFileName(path) is "intersection.csv" or "intersection-own.csv" or "matched.bin");

            // What comes back are tags in ascending order: position says nothing about which identifier they belong to.
            var tags = network.Wire.Where(envelope => envelope.Header.To == party.Home.Name && envelope.Message is RoundBatch { Round: 3 })
                .Select(envelope => envelope.Body.ToArray().Chunk(8).Select(Convert.ToHexString).ToArray()).First();
            Assert.Equal(10, tags.Length);
            Assert.Equal(tags.Order(StringComparer.Ordinal), tags);
        }

        Assert.DoesNotContain(network.Wire, envelope => envelope.Message is RoundBatch { Round: 2 });
    }

    [Theory]
    [InlineData("rsa", "size", false, "cannot reveal the size alone")]
    [InlineData("ecdh", "everything", false, "reveals both, initiator, responder or size")]
    [InlineData("ecdh", "initiator", true, "only the protocol rsa")]
    [InlineData("rsa", "both", true, "one party learns the result")]
    public async Task ChoiceThatCannotBe_IsRefusedInOneLine(string protocol, string reveal, bool reuse, string expected)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var reply = await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: protocol, reveal: reveal, reuse: reuse));
        Assert.False(reply.Ok);
        Assert.Contains(expected, reply.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(40, 300, 2)]
    [InlineData(700, 90, 3)]
    public async Task RandomData_BothProtocols_GiveTheSameBytes(int rows1, int rows2, int seed)
    {
        var files = new List<string>();
        var (first, second) = (Csv(rows1, seed, "A"), Csv(rows2, seed + 1, "B"));
        foreach (var protocol in new[] { "ecdh", "rsa" })
        {
            await using var network = new TestNetwork();
            await network.AddDataAsync(first, second);
            network.Start();
            var (p1, p2) = await network.IntersectAsync(TestNetwork.Propose(protocol: protocol));
            files.Add(network.P1.Intersection(p1.Id));
            files.Add(network.P2.Intersection(p2.Id));
        }

        var expected = Keys(first).Intersect(Keys(second), StringComparer.Ordinal).Order(StringComparer.Ordinal);
        Assert.Equal("IDKEY\n" + string.Concat(expected.Select(key => key + "\n")), files[0]);
        Assert.Single(files.Distinct(StringComparer.Ordinal));
    }

    private static IEnumerable<string> Keys(string csv) => csv.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(line => line.Split(';')[0]);

    private static string Csv(int rows, int seed, string column)
    {
        // A small linear generator: other numbers for every seed, the same at every run.
        var state = (uint)seed;
        var keys = new HashSet<uint>();
        while (keys.Count < rows)
        {
            state = (state * 1664525) + 1013904223;
            keys.Add((state >> 8) % (uint)(3 * (rows + 100)));
        }

        return $"IDKEY;{column}\n" + string.Concat(keys.Select(key => $"id{key};x\n"));
    }
}

/// <summary>Reusable sets of the rsa protocol: made once, held to what they were made from.</summary>
[Trait("Speed", "Slow")]
public class ReusableSetTests
{
    private static async Task<(ReusableSet Set, DatasetCatalog Catalog, Dataset Dataset)> PrepareAsync(TestParticipant party, string name, int bits = 2048)
    {
        using var store = new SqliteParticipantStore(party.Home.StatePath);
        using var threads = new Protocols.Evaluation.ComputeThreads(2);
        var catalog = new DatasetCatalog(party.Home, store, TimeProvider.System);
        var dataset = catalog.Resolve(name);
        return (await ReusableSets.MakeAsync(catalog, dataset, party.Home.Name, bits, threads, TimeProvider.System, _ => { }, CancellationToken.None),
            catalog, dataset);
    }

    [Fact]
    public async Task TwoSessions_SameTagsAndEachItsResult()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        await PrepareAsync(network.P2, "bi");
        network.Start();
        var bodies = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            var (p1, p2) = await network.IntersectAsync(TestNetwork.Propose(reveal: "initiator", reuse: true));
            Assert.Equal((null, null), (p1.FailureReason, p2.FailureReason));
            Assert.Equal(Samples.Intersection, network.P1.Intersection(p1.Id));
            bodies.Add(Convert.ToHexString(network.Wire.Last(envelope => envelope.Message is RoundBatch { Round: 3 }).Body.Span));
        }

        // What is said of them: the same in every session. And cut to the length of the bound, in sorted order.
        Assert.Equal(bodies[0], bodies[1]);
        Assert.Equal(10 * 8 * 2, bodies[0].Length);
        var tags = bodies[0].Chunk(16).Select(tag => new string(tag)).ToArray();
        Assert.Equal(tags.Order(StringComparer.Ordinal), tags);
    }

    [Fact]
    public async Task InitiatorAsSender_Works()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        await PrepareAsync(network.P1, "istat");
        network.Start();
        var (p1, p2) = await network.IntersectAsync(TestNetwork.Propose(reveal: "responder", reuse: true));
        Assert.Equal((null, null), (p1.FailureReason, p2.FailureReason));
        Assert.Equal(Samples.Intersection, network.P2.Intersection(p2.Id));
    }

    [Fact]
    public async Task None_IsNamedToBoth()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (p1, p2) = await network.IntersectAsync(TestNetwork.Propose(reveal: "initiator", reuse: true));
        Assert.Equal((FailureCodes.ReusableSet, FailureCodes.ReusableSet), (p1.FailureCode, p2.FailureCode));
        Assert.Contains("has no reusable set; make it with: psi dataset prepare bi", p2.FailureReason, StringComparison.Ordinal);

        // The name of the dataset is not the peer's business.
        Assert.Contains("no reusable set there that fits", p1.FailureReason, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Faults => new()
    {
        { "dataset", "another version of the dataset" },
        { "profile", "other rules for reading identifiers" },
        { "owner", "a party of another name" },
        { "key", "another key or set" },
        { "tags", "another key or set" },
        { "damaged key", "damaged" },
        { "damaged description", "damaged" },
        { "no tags", "damaged" },
        { "no key", "damaged" },
        { "bits", "has a key of 3072 bits, the session asks for 2048" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task MadeFromSomethingElse_IsRefused(string fault, string expected)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        var (set, catalog, dataset) = await PrepareAsync(network.P2, "bi", fault == "bits" ? 3072 : 2048);
        var folder = catalog.ReusablePath(dataset);
        switch (fault)
        {
            case "dataset":
                Rewrite(set with { DatasetHash = new string('0', 64) });
                break;
            case "profile":
                Rewrite(set with { Profile = set.Profile with { Case = "fold" } });
                break;
            case "owner":
                Rewrite(set with { Owner = "P9" });
                break;
            case "key":
                using (var other = Cryptography.BlindRsa.RsaPrivateKey.Generate(2048))
                {
                    AtomicFile.Write(Path.Combine(folder, "key.pk8"), other.Pkcs8.Span);
                }

                break;
            case "tags":
                File.WriteAllBytes(Path.Combine(folder, "tags.bin"), new byte[16]);
                break;
            case "damaged key":
                AtomicFile.Write(Path.Combine(folder, "key.pk8"), [1, 2, 3]);
                break;
            case "no tags":
                File.Delete(Path.Combine(folder, "tags.bin"));
                break;
            case "no key":
                File.Delete(Path.Combine(folder, "key.pk8"));
                break;
            case "damaged description":
                File.WriteAllText(Path.Combine(folder, "set.json"), "{");
                break;
        }

        network.Start();
        var (p1, p2) = await network.IntersectAsync(TestNetwork.Propose(reveal: "initiator", reuse: true));
        Assert.Equal(FailureCodes.ReusableSet, p1.FailureCode);

        // What is wrong with the set is for its own people; the peer is told that none fits, and the key's length, which it can do something about.
        Assert.Contains(expected, p2.FailureReason, StringComparison.Ordinal);
        Assert.Contains(fault == "bits" ? expected : "no reusable set there that fits", p1.FailureReason, StringComparison.Ordinal);
        Assert.DoesNotMatch("\\bbi\\b", p1.FailureReason!);
        Assert.DoesNotContain(network.Wire, envelope => envelope.Message is RoundBatch);

        void Rewrite(ReusableSet other) =>
            File.WriteAllText(Path.Combine(folder, "set.json"),
                System.Text.Json.JsonSerializer.Serialize(other, new System.Text.Json.JsonSerializerOptions(System.Text.Json.JsonSerializerDefaults.Web)));
    }
}

/// <summary>The comparison of tags against a plain set.</summary>
public class TagMatchTests
{
    private static (List<int> Positions, int Count) Run(byte[][] own, byte[][] peer, int size)
    {
        using var folder = new TempFolder();
        using var one = new FullDisk(Path.Combine(folder.Path, "one"), () => int.MaxValue);
        using var two = new FullDisk(Path.Combine(folder.Path, "two"), () => int.MaxValue);
        using var match = new TagMatch(size, own.Length, one, two);
        for (var i = 0; i < own.Length; i++)
        {
            match.AddOwn(i, own[i]);
        }

        match.AddPeer([.. peer.SelectMany(tag => tag)]);
        var (positions, count) = match.Run(_ => { });
        return ([.. Enumerable.Range(0, own.Length).Where(i => positions[i])], count);
    }

    [Fact]
    public void RandomTags_EqualThePlainSet() => Gen.Select(Gen.Int[0, 80].HashSet[0, 60], Gen.Int[0, 80].HashSet[0, 60], Gen.Int[8, 16]).Sample(
        (one, two, size) =>
        {
            // Equal in the first eight bytes as often as not: the rest must count too.
            byte[] Tag(int value) => [.. BitConverter.GetBytes((long)(size == 8 ? value : value / 3)), .. BitConverter.GetBytes((long)value).Take(size - 8)];
            var (positions, count) = Run([.. one.Select(Tag)], [.. two.Select(Tag)], size);
            Assert.Equal(one.Select((value, i) => (value, i)).Where(entry => two.Contains(entry.value)).Select(entry => entry.i), positions);
            Assert.Equal(positions.Count, count);
        }, iter: 60, threads: 1);

    [Fact]
    public void TagTwice_IsRefusedWhereverItStands()
    {
        byte[] a = [1, 1, 1, 1, 1, 1, 1, 1, 9], b = [1, 1, 1, 1, 1, 1, 1, 1, 10], z = [9, 9, 9, 9, 9, 9, 9, 9, 9];
        Assert.Throws<Protocols.ProtocolViolationException>(() => Run([a], [b, z, z], 9));
        Assert.Throws<Protocols.ProtocolViolationException>(() => Run([a, z, a], [b], 9));
        Assert.Equal(0, Run([a], [b, z], 9).Count);
    }
}
