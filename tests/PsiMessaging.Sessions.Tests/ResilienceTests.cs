using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Sessions;
using PsiMessaging.Testing;

namespace PsiMessaging.Sessions.Tests;

/// <summary>Messages twice, late, out of order, altered; processes killed at every write of their state.</summary>
public class ResilienceTests
{
    internal static async Task WholeJobAsync(TestNetwork network)
    {
        var (p1, p2) = await network.IntersectAsync();
        Assert.Equal((null, null), (p1.FailureReason, p2.FailureReason));
        Assert.Equal(Samples.Intersection, network.P1.Intersection(p1.Id));
        Assert.Equal(Samples.Intersection, network.P2.Intersection(p1.Id));
        await network.SendRowsAsync(p1.Id);
        var answer = await network.P1.CommandAsync(p1.Id, new SubmitQuery(p1.Id, "CLASSE_ETA, CLASSE_REDDITO"));
        Assert.Equal(["20-28|BASSA|1", "29-35|ALTA|1", "29-35|BASSA|1", "< 20|MEDIA|1"], answer.Result!.Groups.Select(group => $"{group.Labels[0]}|{group.Labels[1]}|{group.Count}"));
    }

    [Fact]
    public async Task EveryMessageTwice_SameResult()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Bend = envelope => [envelope.Frame.ToArray(), envelope.Frame.ToArray()];
        network.Start();
        await WholeJobAsync(network);
        Assert.Empty(network.P1.Refused);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task MessagesOutOfOrder_SameResult(int held)
    {
        // Every so many messages one is held back until the next two have passed.
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        var waiting = new Queue<(Envelope Envelope, int Due)>();
        var count = 0;
        var gate = new Lock();
        network.Bend = envelope =>
        {
            lock (gate)
            {
                count++;
                if (envelope.Message is RoundBatch or DatasetBatch or CompleteSession or DatasetRegistered && count % (held + 1) == 0 && waiting.Count < 2)
                {
                    waiting.Enqueue((envelope, count + 2));
                    return [];
                }

                List<byte[]> out1 = [envelope.Frame.ToArray()];
                while (waiting.TryPeek(out var next) && next.Envelope.Header.To == envelope.Header.To)
                {
                    out1.Add(waiting.Dequeue().Envelope.Frame.ToArray());
                }

                return out1;
            }
        };
        network.Start();
        using var flush = new Timer(_ =>
        {
            lock (gate)
            {
                while (waiting.TryDequeue(out var late))
                {
                    network.Inject(late.Envelope.Header.To switch { "P1" => network.P1, "P2" => network.P2, _ => network.Linker }, late.Envelope.Frame.ToArray());
                }
            }
        }, null, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(100));
        await WholeJobAsync(network);
    }

    [Fact]
    public async Task KilledAndRestarted_MessagesAreTheSameBytes()
    {
        // A message that was sent before the crash and is sent again after it must not differ by a byte: otherwise the peer would end the session.
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.P1.CrashAtWrite = 9;
        network.Start();
        using var stop = new CancellationTokenSource();
        var reviving = KilledAtAnyWrite.ReviveAsync(network.P1, stop.Token);
        await WholeJobAsync(network);
        await stop.CancelAsync();
        Assert.True(await reviving);
        foreach (var slot in network.Wire.Where(envelope => envelope.Message is RoundBatch).GroupBy(envelope => (envelope.Header.From, ((RoundBatch)envelope.Message).Round, ((RoundBatch)envelope.Message).Sequence)))
        {
            Assert.Single(slot.Select(envelope => envelope.Id).Distinct(StringComparer.Ordinal));
        }
    }

    [Fact]
    public async Task RepeatWithOtherContent_EndsTheSession()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        var altered = false;
        network.Bend = envelope =>
        {
            if (envelope.Message is RoundBatch { Round: 1 } batch && envelope.Header.From == "P1" && !altered)
            {
                altered = true;
                var body = envelope.Body.ToArray();
                body[^1] ^= 1;
                var other = Envelope.Create(network.P1.Home, "P2", batch.SessionId, batch, body);
                return [envelope.Frame.ToArray(), other.Frame.ToArray()];
            }

            return [envelope.Frame.ToArray()];
        };
        network.Start();
        await network.P1.CommandAsync(null, TestNetwork.Propose());
        var p2 = await network.P2.WaitAsync(session => session.IsEnded);
        Assert.Equal(FailureCodes.AlteredRepeat, p2.FailureCode);
    }

    [Fact]
    public async Task SilentPeer_DeadlinePasses_FailsWithTheReason()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var network = new TestNetwork(time);
        await network.AddDataAsync();
        network.P1.Start();
        var reply = await network.P1.CommandAsync(null, TestNetwork.Propose(deadlineSeconds: 60));
        Assert.True(reply.Ok, reply.Message);
        time.Advance(TimeSpan.FromSeconds(61));
        var p1 = await network.P1.WaitAsync(session => session.IsEnded);
        Assert.Equal(FailureCodes.Deadline, p1.FailureCode);
        Assert.Contains("P2 did not answer the proposal", p1.FailureReason, StringComparison.Ordinal);
    }
}
