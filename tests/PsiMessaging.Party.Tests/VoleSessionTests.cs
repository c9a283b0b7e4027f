using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Choice;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>The protocol <c>vole</c> as a session: who learns what, what a restart does, what a hostile peer achieves.</summary>
[Trait("Speed", "Slow")]
public sealed class VoleSessionTests
{
    private static StartSession Propose(string reveal = "both", string? security = null) =>
        TestNetwork.Propose(protocol: "vole", reveal: reveal, security: security);

    /// <summary>No two different bodies ever leave for one place: that would be an evaluation twice under one secret.</summary>
    private static void AssertNothingTwice(TestNetwork network)
    {
        foreach (var place in network.Wire.Where(envelope => envelope.Message is RoundBatch).GroupBy(envelope =>
        {
            var batch = (RoundBatch)envelope.Message;
            return (envelope.Header.From, batch.SessionId, batch.Attempt, batch.Round, batch.Sequence);
        }))
        {
            Assert.Single(place.Select(envelope => Convert.ToHexString(envelope.Body.Span)).Distinct(StringComparer.Ordinal));
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("malicious")]
    public async Task WholeJob_Works(string? security)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (p1, p2) = await network.IntersectAsync(Propose(security: security));
        Assert.Equal((SessionState.Completed, SessionState.Completed, (string?)null), (p1.State, p2.State, p1.FailureReason));
        Assert.Equal(Samples.Intersection, network.P1.Intersection(p1.Id));
        Assert.Equal(Samples.Intersection, network.P2.Intersection(p2.Id));
        await network.SendRowsAsync(p1.Id);
        var answer = await network.P1.CommandAsync(p1.Id, new SubmitQuery(p1.Id, "CLASSE_ETA, CLASSE_REDDITO"));
        Assert.Equal(["< 20|MEDIA|1", "20-28|BASSA|1", "29-35|ALTA|1", "29-35|BASSA|1"], answer.Result!.Lines());
        AssertNothingTwice(network);
        await TestNetwork.EventuallyAsync(() => Directory.GetFiles(network.P1.Home.SessionPath(p1.Id), "secret*").Length == 0);
    }

    [Theory]
    [InlineData("initiator")]
    [InlineData("responder")]
    public async Task OneReceiver_TheOtherGetsNothingToMakeAResultFrom(string reveal)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (p1, p2) = await network.IntersectAsync(Propose(reveal));
        var (learner, learned, other, others) = reveal == "initiator" ? (network.P1, p1, network.P2, p2) : (network.P2, p2, network.P1, p1);
        Assert.Equal(Samples.Intersection, learner.Intersection(learned.Id));
        Assert.Equal((4, null, SessionState.Completed), (learned.IntersectionSize ?? 0, others.IntersectionSize, others.State));
        Assert.DoesNotContain(Directory.GetFiles(other.Home.SessionPath(others.Id)),
            path => Path.GetFileName(path) is "intersection.csv" or "intersection-own.csv" or "matched.bin");
        Assert.DoesNotContain(network.Wire, envelope => envelope.Message is RoundBatch { Round: 11 });
        Assert.All(network.Wire.Where(envelope => envelope.Message is RoundBatch { Round: 10 }),
            envelope => Assert.Equal(other.Home.Name, envelope.Header.From));
    }

    /// <summary>The party that learns nothing is told that it is over before its outputs are compared with anything, and gets nothing afterwards.</summary>
    [Theory]
    [InlineData("initiator", null)]
    [InlineData("responder", null)]
    [InlineData("initiator", "malicious")]
    public async Task OneReceiver_ReportsBeforeItCompares(string reveal, string? security)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var learner = reveal == "initiator" ? network.P1 : network.P2;
        var reported = new System.Collections.Concurrent.ConcurrentQueue<bool>();
        ((PartyParticipant)learner.Engine!).Exchanges.OnVectors = session => reported.Enqueue(session.HasReported);
        var (p1, p2) = await network.IntersectAsync(Propose(reveal, security));
        Assert.Equal((SessionState.Completed, SessionState.Completed), (p1.State, p2.State));

        // Every batch was made before the report, and the one step after it is the comparison.
        Assert.Equal([true], reported.Where(done => done));
        Assert.True(reported.Last());
        Assert.True(reported.Count > 3);
        var received = network.Wire.Where(envelope => envelope.Header.From == learner.Home.Name && envelope.Header.To != "LINKER")
            .Select(envelope => envelope.Message).ToList();
        Assert.True(received.FindIndex(message => message is CompleteSession) > received.FindLastIndex(message => message is RoundBatch or GrantCredit));
    }

    [Fact]
    public async Task OutputsOnTheWire_AreSorted()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        await network.IntersectAsync(Propose());
        var outputs = network.Wire.Single(envelope => envelope.Message is RoundBatch { Round: 10 });
        var tags = outputs.Body.ToArray().Chunk(((RoundBatch)outputs.Message).ElementSizeBytes).Select(Convert.ToHexString).ToArray();
        Assert.Equal(10, tags.Length);
        Assert.Equal(tags.Order(StringComparer.Ordinal), tags);
    }

    /// <summary>
    /// kill -9 at every write of either party, before and after the commit by turns; of the malicious
    /// variant, which has more rounds of the same kind, at every third.
    /// </summary>
    [Theory]
    [InlineData("P1", null)]
    [InlineData("P2", null)]
    [InlineData("P1", "malicious")]
    [InlineData("P2", "malicious")]
    public Task Killed_AtAnyWrite_SameResultAndNothingTwice(string victimName, string? security) =>
        KilledAtAnyWrite.OfAJobAsync(victimName, 15, async network =>
        {
            var (p1, p2) = await network.IntersectAsync(Propose(security: security));
            Assert.Equal((4, 4, (string?)null), (p1.IntersectionSize ?? -1, p2.IntersectionSize ?? -1, p1.FailureReason ?? p2.FailureReason));
            Assert.Equal(Samples.Intersection, network.P1.Intersection(p1.Id));
            Assert.Equal(Samples.Intersection, network.P2.Intersection(p1.Id));
            Assert.Equal((0, 0), (p1.Attempt, p2.Attempt));
            AssertNothingTwice(network);
        }, step: security is null ? 1 : 3);

    /// <summary>
    /// Bad luck in the encoding, made to happen: both parties draw fresh secrets and begin again; nothing of the first attempt is in the second.
    /// </summary>
    [Theory]
    [InlineData("P1", 1)]
    [InlineData("P2", 1)]
    [InlineData("P1", 3)]
    public async Task BadLuck_TheRoundsBeginAgainUnderFreshSecrets(string unlucky, int times)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var left = times;
        ((PartyParticipant)(unlucky == "P1" ? network.P1 : network.P2).Engine!).Exchanges.OnVectors = session =>
        {
            if (session.Produced.ContainsKey(1) && Interlocked.Decrement(ref left) >= 0)
            {
                throw new RestartException("the set could not be encoded under this session's keys");
            }
        };
        var (p1, p2) = await network.IntersectAsync(Propose());
        Assert.Equal((SessionState.Completed, SessionState.Completed, times, times), (p1.State, p2.State, p1.Attempt, p2.Attempt));
        Assert.Equal(Samples.Intersection, network.P1.Intersection(p1.Id));
        Assert.Equal(Samples.Intersection, network.P2.Intersection(p2.Id));
        AssertNothingTwice(network);

        // Base transfers of different attempts share no element.
        var offers = network.Wire.Where(envelope => envelope.Message is RoundBatch { Round: 1 })
            .SelectMany(envelope => envelope.Body.ToArray().Chunk(32).Select(Convert.ToHexString).Distinct()).ToArray();
        Assert.Equal(offers.Length, offers.Distinct(StringComparer.Ordinal).Count());
        using var store = new SqliteParticipantStore(network.P1.Home.StatePath);
        Assert.Equal(times, store.Read(transaction => transaction.ListAudit(0, 100))
            .Count(entry => entry.Entry.Contains("protocol-restarted", StringComparison.Ordinal)));
        await TestNetwork.EventuallyAsync(() => Directory.GetFiles(network.P1.Home.SessionPath(p1.Id), "secret*").Length == 0);
    }

    [Fact]
    public async Task BadLuck_WithoutEnd_EndsTheSessionByName()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        ((PartyParticipant)network.P1.Engine!).Exchanges.OnVectors = _ => throw new RestartException("the set could not be encoded under this session's keys");
        var (p1, p2) = await network.IntersectAsync(Propose());
        Assert.Equal((SessionState.Failed, SessionState.Failed), (p1.State, p2.State));
        Assert.Contains("begun 4 times without success", p1.FailureReason, StringComparison.Ordinal);
        AssertNothingTwice(network);
    }

    /// <summary>Killed when a round is half done, and what it would need to go on is damaged: it sends nothing more under the old secrets.</summary>
    [Theory]
    [InlineData("P1", "secret", null)]
    [InlineData("P2", "secret", null)]
    [InlineData("P1", "received", null)]
    [InlineData("P2", "received", null)]
    [InlineData("P1", "secret", "malicious")]
    [InlineData("P2", "secret", "malicious")]
    public async Task Killed_WithDamagedState_BeginsAgainByItself(string victimName, string damage, string? security)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        var victim = victimName == "P1" ? network.P1 : network.P2;

        // Held back: what answers the victim's last round, so that it stands in the middle.
        var held = 0;
        network.Bend = envelope =>
        {
            if (envelope.Message is RoundBatch { Attempt: null } batch && envelope.Header.To == victimName && batch.Round == (victimName == "P1" ? 4 : 7))
            {
                Interlocked.Increment(ref held);
                return [];
            }

            return [envelope.Frame.ToArray()];
        };
        network.Start();
        var reply = await network.P1.CommandAsync(null, Propose(security: security));
        await TestNetwork.EventuallyAsync(() => Volatile.Read(ref held) > 0);
        await victim.StopAsync();
        if (damage == "secret")
        {
            var path = Path.Combine(victim.Home.SessionPath(reply.SessionId!), "secret.key");
            var bytes = File.ReadAllBytes(path);
            bytes[20] ^= 1;
            File.WriteAllBytes(path, bytes);
        }
        else
        {
            using var store = new SqliteParticipantStore(victim.Home.StatePath);
            store.Write(transaction => transaction.DropKept(reply.SessionId!));
        }

        await victim.RestartAsync();
        var p1 = await network.P1.WaitAsync(session => session.IsEnded);
        var p2 = await network.P2.WaitAsync(session => session.IsEnded);
        Assert.Equal((SessionState.Completed, SessionState.Completed, 1, 1, (string?)null), (p1.State, p2.State, p1.Attempt, p2.Attempt, p1.FailureReason));
        Assert.Equal(Samples.Intersection, network.P1.Intersection(p1.Id));
        Assert.Equal(Samples.Intersection, network.P2.Intersection(p2.Id));
        AssertNothingTwice(network);
    }

    /// <summary>Each message once more under another body: no second evaluation, the session ends by name.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(11)]
    public async Task RepeatWithOtherContent_EndsTheSession(int round)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        var altered = 0;
        network.Bend = envelope =>
        {
            if (envelope.Message is RoundBatch batch && batch.Round == round && envelope.Header.From == "P1" && Interlocked.Exchange(ref altered, 1) == 0)
            {
                var body = envelope.Body.ToArray();
                body[^1] ^= 1;

                // The other one first or last: which is right nobody can say.
                return [Envelope.Create(network.P1.Home, "P2", batch.SessionId, batch, body).Frame.ToArray(), envelope.Frame.ToArray()];
            }

            return [envelope.Frame.ToArray()];
        };
        network.Start();
        await network.P1.CommandAsync(null, Propose());
        var p2 = await network.P2.WaitAsync(session => session.IsEnded);
        Assert.Contains(p2.FailureCode, new[] { FailureCodes.AlteredRepeat, FailureCodes.BadBatch, FailureCodes.FailedCheck, FailureCodes.ResultMismatch });
        Assert.Null(p2.IntersectionSize);
    }

    /// <summary>A receiver that has the outputs and begins again would get them for another set: the sender refuses.</summary>
    [Fact]
    public async Task Restart_AfterOutputsWereSent_IsRefused()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Bend = envelope => envelope.Message is RoundBatch { Round: 11 } batch
            ? [Envelope.Create(network.P1.Home, "P2", batch.SessionId, new RestartProtocol(batch.SessionId, batch.Transcript, 1, new byte[32])).Frame.ToArray()]
            : [envelope.Frame.ToArray()];
        network.Start();
        await network.P1.CommandAsync(null, Propose());
        var p2 = await network.P2.WaitAsync(session => session.IsEnded);
        Assert.Equal(FailureCodes.WrongState, p2.FailureCode);
        Assert.Contains("cannot begin again after P2 has sent", p2.FailureReason, StringComparison.Ordinal);
    }

    /// <summary>Reuse stands for the consent to a one-sided session only where there is a set prepared for it.</summary>
    [Fact]
    public async Task AutoWithReuse_FromAHostileInitiator_IsNoWayAroundConsent()
    {
        await using var network = new TestNetwork(configure: config => config with { AcceptOneSided = false });
        await network.AddDataAsync();
        network.Bend = envelope => envelope.Message is ProposeSession proposal
            ? [Envelope.Create(network.P1.Home, "P2", proposal.SessionId,
                proposal with { Protocol = "auto", Protocols = ["ecdh", "vole"], Reuse = true, Reveal = "initiator" }).Frame.ToArray()]
            : [envelope.Frame.ToArray()];
        network.Start();
        await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh"));
        var p2 = await network.P2.WaitAsync(session => session.IsEnded);
        Assert.Equal(FailureCodes.Unsupported, p2.FailureCode);
        Assert.Contains("only rsa has reusable sets", p2.FailureReason, StringComparison.Ordinal);
    }

    /// <summary>The extension comes before the offer, as the broker may deliver them.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("malicious")]
    public async Task ExtensionBeforeTheOffer_IsWaitedFor(string? security)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        byte[]? held = null;
        network.Bend = envelope =>
        {
            if (envelope.Message is RoundBatch { Round: 1 } && envelope.Header.From == "P1")
            {
                held = envelope.Frame.ToArray();
                return [];
            }

            return envelope.Message is RoundBatch { Round: 2 }
                && Interlocked.Exchange(ref held, null) is { } offer ? [envelope.Frame.ToArray(), offer] : [envelope.Frame.ToArray()];
        };
        network.Start();
        var (p1, p2) = await network.IntersectAsync(Propose(security: security));
        Assert.Equal((4, 4, (string?)null), (p1.IntersectionSize ?? 0, p2.IntersectionSize ?? 0, p1.FailureReason ?? p2.FailureReason));
    }

    /// <summary>No memory but for one session: the others wait for their turn and complete.</summary>
    [Fact]
    public async Task SeveralSessions_WithoutMemoryForAll_TakeTurns()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        foreach (var party in new[] { network.P1, network.P2 })
        {
            var engine = (PartyParticipant)party.Engine!;
            (engine.Memory.Bytes, engine.Memory.IdleAfter) = (1, TimeSpan.FromMilliseconds(700));
        }

        var sessions = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => network.P1.CommandAsync(null, Propose())));
        await TestNetwork.EventuallyAsync(() =>
        {
            using var store = new SqliteParticipantStore(network.P1.Home.StatePath);
            return store.Read(transaction => transaction.ListSessions()).Select(PartySession.Parse)
                .Count(session => session.State == SessionState.Completed && session.IntersectionSize == 4) == 3;
        });
        Assert.All(sessions, session => Assert.Equal(Samples.Intersection, network.P1.Intersection(session.SessionId!)));
    }

    public static TheoryData<string, string, string> Hostilities => new()
    {
        { "early", FailureCodes.BadBatch, "before its time" },
        { "short", FailureCodes.BadBatch, "does not fit the announced sizes" },
        { "later attempt", FailureCodes.BadBatch, "out of range" },
        { "identity", FailureCodes.BadBatch, "not a valid element" },
        { "restart twice", FailureCodes.AlteredRepeat, "twice with different content" },
        { "restart ahead", FailureCodes.BadBatch, "cannot be restarted" },
        { "restart beyond", FailureCodes.BadBatch, "out of range" },
    };

    [Theory]
    [MemberData(nameof(Hostilities))]
    public async Task HostilePeer_IsRefusedByName(string how, string code, string reason)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        var done = 0;
        network.Bend = envelope =>
        {
            if (envelope.Message is not RoundBatch { Round: 1 } batch || envelope.Header.From != "P1" || Interlocked.Exchange(ref done, 1) != 0)
            {
                return [envelope.Frame.ToArray()];
            }

            byte[] Batch(RoundBatch other, byte[] body) => Envelope.Create(network.P1.Home, "P2", batch.SessionId, other, body).Frame.ToArray();
            byte[] Restart(int attempt, byte fill) => Envelope.Create(network.P1.Home, "P2", batch.SessionId,
                new RestartProtocol(batch.SessionId, batch.Transcript, attempt, [.. Enumerable.Repeat(fill, 32)])).Frame.ToArray();
            return how switch
            {
                "early" => [Batch(batch with { Round = 11, Count = 34, ElementSizeBytes = 1 }, new byte[34])],
                "short" => [Batch(batch with { ElementSizeBytes = 31 }, new byte[31])],
                "later attempt" => [Batch(batch with { Attempt = 1 }, new byte[32])],
                "identity" => [Batch(batch, new byte[32])],
                "restart twice" => [Restart(1, 1), Restart(1, 2)],
                "restart beyond" => [Restart(4, 1)],
                _ => [Restart(3, 1)],
            };
        };
        network.Start();
        await network.P1.CommandAsync(null, Propose());
        var p2 = await network.P2.WaitAsync(session => session.IsEnded);
        Assert.Equal(code, p2.FailureCode);
        Assert.Contains(reason, p2.FailureReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restart_OfAnotherProtocolOrAfterTheRounds_EndsTheSession()
    {
        foreach (var protocol in new[] { "ecdh", "vole" })
        {
            await using var network = new TestNetwork();
            await network.AddDataAsync();
            network.Bend = envelope => (protocol, envelope.Message) switch
            {
                ("ecdh", RoundBatch { Round: 1 } batch) when envelope.Header.From == "P1" => [Restart(batch.SessionId, batch.Transcript)],
                ("vole", CompleteSession done) when envelope.Header.From == "P1" => [Restart(done.SessionId, done.Transcript)],
                _ => [envelope.Frame.ToArray()],
            };
            network.Start();
            await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: protocol));
            var p2 = await network.P2.WaitAsync(session => session.IsEnded);
            Assert.Contains(p2.FailureCode, new[] { FailureCodes.BadBatch, FailureCodes.WrongState });

            byte[] Restart(string session, byte[] transcript) =>
                Envelope.Create(network.P1.Home, "P2", session, new RestartProtocol(session, transcript, 1, new byte[32])).Frame.ToArray();
        }
    }

    [Theory]
    [InlineData(true, true, false, "ecdh", "with vole against")]
    [InlineData(true, true, true, "vole", "with vole against")]
    [InlineData(false, true, true, "ecdh", "P1 does not allow vole")]
    [InlineData(true, false, true, "ecdh", "P2 does not allow vole")]
    public async Task Auto_TakesTheQuickestThatBothAllow(bool first, bool second, bool slowCurve, string protocol, string because)
    {
        await using var network = new TestNetwork(configure: config => config with { AllowVole = config.Name == "P1" ? first : second });
        await network.AddDataAsync();
        if (slowCurve)
        {
            foreach (var party in new[] { network.P1, network.P2 })
            {
                File.WriteAllBytes(Path.Combine(party.Home.Path, ProtocolCosts.FileName), new ProtocolCosts { EcdhMultiplications = 1 }.ToJson());
            }
        }

        network.Start();
        var (p1, p2) = await network.IntersectAsync(TestNetwork.Propose(protocol: "auto"));
        Assert.Equal((SessionState.Completed, protocol, protocol), (p1.State, p1.Protocol, p2.Protocol));
        Assert.Equal(Samples.Intersection, network.P1.Intersection(p1.Id));
        Assert.Contains(because, p1.ChosenBecause, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Auto_WithSizeOrReuse_TakesTheOnlyOneThatCan()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (p1, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "auto", reveal: "size"));
        Assert.Equal(("ecdh", 4), (p1.Protocol, p1.IntersectionSize ?? 0));
        var reuse = await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "auto", reveal: "responder", reuse: true));
        Assert.Contains("reusable set", reuse.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("P1", "does not allow the protocol vole")]
    [InlineData("P2", "P2 does not allow the protocol vole")]
    public async Task Vole_WhereOnePartyDoesNotAllowIt_IsRefused(string unwilling, string reason)
    {
        await using var network = new TestNetwork(configure: config => config with { AllowVole = config.Name != unwilling });
        await network.AddDataAsync();
        network.Start();
        var reply = await network.P1.CommandAsync(null, Propose());
        var text = reply.Ok ? (await network.P1.WaitAsync(session => session.IsEnded)).FailureReason : reply.Message;
        Assert.Contains(reason, text, StringComparison.Ordinal);
    }

    /// <summary>A responder that answers with what was not offered.</summary>
    [Theory]
    [InlineData("auto", "rsa")]
    [InlineData("auto", null)]
    [InlineData("vole", "ecdh")]
    public async Task HostileChoice_IsRefused(string proposed, string? chosen)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Bend = envelope => envelope.Message is AcceptSession acceptance
            ? [Envelope.Create(network.P2.Home, "P1", acceptance.SessionId, acceptance with { Protocol = chosen }).Frame.ToArray()]
            : [envelope.Frame.ToArray()];
        network.Start();
        await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: proposed));
        var p1 = await network.P1.WaitAsync(session => session.IsEnded);
        Assert.Equal(FailureCodes.Malformed, p1.FailureCode);
    }

    [Theory]
    [InlineData("ecdh", "both", "malicious", "only the protocol vole has a variant")]
    [InlineData("vole", "size", null, "cannot reveal the size alone")]
    [InlineData("vole", "both", "perfect", "security is semi-honest or malicious")]
    public async Task ImpossibleOptions_AreRefusedAtTheCommand(string protocol, string reveal, string? security, string reason)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var reply = await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: protocol, reveal: reveal, security: security));
        Assert.False(reply.Ok);
        Assert.Contains(reason, reply.Message, StringComparison.Ordinal);
    }
}
