using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols.Vole;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>Tests under limits that cut small sets too: not beside others, which would run under them as well.</summary>
[CollectionDefinition(nameof(SmallShards), DisableParallelization = true)]
public sealed class SmallShards
{
}

/// <summary>Sessions of <c>vole</c> over sets cut into shards.</summary>
[Collection(nameof(SmallShards))]
[Trait("Speed", "Slow")]
public sealed class ShardedSessionTests : IDisposable
{
    private readonly VoleShards.Limits _limits = VoleShards.InForce;

    /// <summary>The ten identifiers of each sample in three shards.</summary>
    public ShardedSessionTests() => VoleShards.InForce = new(4, 5, 5);

    public void Dispose() => VoleShards.InForce = _limits;

    private static StartSession Propose(string reveal = "both", string? security = null) =>
        TestNetwork.Propose(protocol: "vole", reveal: reveal, security: security);

    private static IEnumerable<(Envelope Envelope, RoundBatch Batch)> Batches(TestNetwork network) =>
        network.Wire.Where(envelope => envelope.Message is RoundBatch).Select(envelope => (envelope, (RoundBatch)envelope.Message));

    private static void AssertNothingTwice(TestNetwork network)
    {
        foreach (var place in Batches(network).GroupBy(sent => (sent.Envelope.Header.From, sent.Batch.Attempt, sent.Batch.Round, sent.Batch.Sequence)))
        {
            Assert.Single(place.Select(sent => Convert.ToHexString(sent.Envelope.Body.Span)).Distinct(StringComparer.Ordinal));
        }
    }

    [Theory]
    [InlineData("both", null)]
    [InlineData("both", "malicious")]
    [InlineData("initiator", null)]
    [InlineData("responder", "malicious")]
    public async Task WholeSession_InThreeShards(string reveal, string? security)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (p1, p2) = await network.IntersectAsync(Propose(reveal, security));
        Assert.Equal((SessionState.Completed, SessionState.Completed, (string?)null), (p1.State, p2.State, p1.FailureReason));
        foreach (var (party, session) in new[] { (network.P1, p1), (network.P2, p2) }.Where(side =>
            reveal == "both" || (reveal == "initiator") == (side.Item1 == network.P1)))
        {
            Assert.Equal(Samples.Intersection, party.Intersection(session.Id));
        }

        // Three times the rounds of one, each shard's as long as every other's, and no shard before the one before it.
        var batches = Batches(network).Select(sent => sent.Batch).ToList();
        Assert.Equal([0, 1, 2], batches.Select(batch => (batch.Round - 1) / 11).Distinct());
        Assert.Equal(batches.Select(batch => (batch.Round - 1) / 11).Order(), batches.Select(batch => (batch.Round - 1) / 11));
        Assert.Single(batches.GroupBy(batch => (batch.Round - 1) / 11).Select(shard =>
            string.Join(' ', shard.Select(batch => ((batch.Round - 1) % 11, batch.Sequence, batch.Count, batch.ElementSizeBytes)).Order())).Distinct());
        AssertNothingTwice(network);
    }

    /// <summary>kill -9 at writes of either party, before and after the commit by turns, up to the last shard.</summary>
    [Theory]
    [InlineData("P1", "both", null)]
    [InlineData("P2", "both", null)]
    [InlineData("P1", "initiator", null)]
    [InlineData("P2", "both", "malicious")]
    public Task Killed_AtWrites_SameResultAndNothingTwice(string victimName, string reveal, string? security) =>
        KilledAtAnyWrite.OfAJobAsync(victimName, 40, async network =>
        {
            var (p1, p2) = await network.IntersectAsync(Propose(reveal, security));
            Assert.Equal((4, reveal == "both" ? 4 : null, (string?)null),
                (p1.IntersectionSize ?? -1, p2.IntersectionSize, p1.FailureReason ?? p2.FailureReason));
            Assert.Equal(Samples.Intersection, network.P1.Intersection(p1.Id));
            Assert.Equal((0, 0), (p1.Attempt, p2.Attempt));
            AssertNothingTwice(network);
        }, first: 2, step: 5);

    /// <summary>What does not fit is refused by the name of the round and its shard; what comes from a later shard before its time too.</summary>
    [Theory]
    [InlineData("short", FailureCodes.BadBatch, "masked store (shard 2 of 3) that does not fit the announced sizes")]
    [InlineData("later", FailureCodes.BadBatch, "base offer (shard 3 of 3) before its time")]
    [InlineData("beyond", FailureCodes.BadBatch, "out of range")]
    [InlineData("changed", FailureCodes.FailedCheck, "a consistency check of the protocol failed")]
    [InlineData("claim", FailureCodes.ResultMismatch, "whose values it does not hold")]
    public async Task BatchOfTheSecondShard_Altered_EndsTheSessionByName(string how, string code, string reason)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Bend = envelope =>
        {
            if (envelope.Message is not RoundBatch batch || envelope.Header.From != "P1")
            {
                return [envelope.Frame.ToArray()];
            }

            byte[] body = [.. envelope.Body.Span];
            switch (how, batch.Round - 11)
            {
                case ("short", 7):
                    return [Frame(batch with { ElementSizeBytes = 15 }, body[..(15 * batch.Count)])];
                case ("later", 2):
                    return [Frame(batch with { Round = 23, Batches = 1, Count = 1, ElementSizeBytes = 32 }, new byte[32])];
                case ("beyond", 2):
                    return [Frame(batch with { Round = 34 }, body)];
                case ("changed", 3):
                    body[7] ^= 1;
                    return [Frame(batch, body)];
                case ("claim", 11):
                    body[^1] ^= 1;
                    return [Frame(batch, body)];
                default:
                    return [envelope.Frame.ToArray()];
            }

            byte[] Frame(RoundBatch other, byte[] bytes) => Envelope.Create(network.P1.Home, "P2", batch.SessionId, other, bytes).Frame.ToArray();
        };
        network.Start();
        await network.P1.CommandAsync(null, Propose());
        var p2 = await network.P2.WaitAsync(session => session.IsEnded);
        Assert.Equal((code, (int?)null), (p2.FailureCode, p2.IntersectionSize));
        Assert.Contains(reason, p2.FailureReason, StringComparison.Ordinal);
    }
}
