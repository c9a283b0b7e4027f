using System.Text;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Session;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>Keeps every frame that ever passed and sends it again when it likes.</summary>
public class WhoeverRunsTheBroker
{
    /// <summary>A command or a proposal of a session that was forgotten opened it once more: an intersection that nobody asked for.</summary>
    [Fact]
    public async Task ReplaysCommandAndProposalOfAForgottenSession_NothingBegins()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var id = new string('c', 32);
        var command = Envelope.Create(network.P1.Home, "P1", null, TestNetwork.Propose(protocol: "ecdh"), correlation: id).Frame.ToArray();
        network.Inject(network.P1, command);
        await network.P1.WaitAsync(session => session.IsEnded);
        await network.P2.WaitAsync(session => session.IsEnded);
        var proposal = network.Wire.Single(envelope => envelope.Message is ProposeSession).Frame.ToArray();
        foreach (var party in new[] { network.P1, network.P2 })
        {
            party.Engine!.Store.Write(transaction => transaction.DeleteSession(id));
        }

        var sent = network.Wire.Count;
        network.Inject(network.P1, command);
        network.Inject(network.P2, proposal);
        network.Inject(network.P2, Envelope.Create(network.P1.Home, "P2", id, new AbortSession(id, FailureCodes.Cancelled, "")).Frame.ToArray());
        await network.P1.CommandBarrierAsync();
        await network.P2.CommandBarrierAsync();
        Assert.Null(network.P1.Session());
        Assert.Null(network.P2.Session());
        Assert.Equal(sent, network.Wire.Count);
    }

    /// <summary>
    /// What is carried of a whole job says nothing: no name, column, type, label, id or code in it, no 32 bytes twice, sizes in steps, and no id that follows
    /// from what a message says.
    /// </summary>
    [Theory]
    [InlineData("tokens")]
    [InlineData("masked")]
    public async Task ReadsAllThatIsCarried_SeesQueuesSizesAndTimes(string engine)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: engine));
        await network.SendRowsAsync(session.Id);
        Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_REDDITO"))).Ok);
        Assert.False((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "NO_SUCH_COLUMN"))).Ok);
        var carried = network.Sealed.Select(one => one.Bytes).ToArray();
        Assert.InRange(carried.Length, 15, 1000);

        // The control: all of it stands in what was sealed.
        var canaries = new[] { "CLASSE_REDDITO", "LINKER", "psi.v1.", "\"from\"", session.Id, "text", "ecdh", engine, "TIPO_RATA" };
        var inside = network.Wire.Select(envelope => Encoding.Latin1.GetString(envelope.Frame.Span)).ToArray();
        Assert.All(canaries.Take(7), canary => Assert.Contains(inside, frame => frame.Contains(canary, StringComparison.Ordinal)));
        Assert.All(carried.Select(bytes => Encoding.Latin1.GetString(bytes)), bytes =>
            Assert.DoesNotContain(canaries.Where(canary => canary.Length > 5), canary => bytes.Contains(canary, StringComparison.OrdinalIgnoreCase)));
        Assert.All(carried, bytes => Assert.Equal(bytes.Length, SealedEnvelope.PrefixBytes + 16
            + SealedEnvelope.PaddedLength(bytes.Length - SealedEnvelope.PrefixBytes - 16)));
        var blocks = carried.SelectMany(bytes => Enumerable.Range(0, (bytes.Length - SealedEnvelope.PrefixBytes) / 32)
            .Select(i => Convert.ToHexString(bytes.AsSpan(SealedEnvelope.PrefixBytes + (32 * i), 32)))).ToArray();
        Assert.Equal(blocks.Length, blocks.Distinct().Count());
    }

    /// <summary>Two jobs whose data differ in all that the broker must not see, and are of one size: what it sees of them is the same.</summary>
    [Fact]
    public async Task WatchesTwoJobsWithOtherData_SeesTheSame()
    {
        var first = await SeenAsync(Samples.Istat, Samples.Bi, "CLASSE_REDDITO");
        string Other(string text) => new([.. text.Select(letter => letter switch
        {
            >= 'A' and < 'Z' => (char)(letter + 1), 'Z' => 'A', _ => letter,
        })]);
        var second = await SeenAsync(Other(Samples.Istat).Replace("JELFZ", "IDKEY", StringComparison.Ordinal),
            Other(Samples.Bi).Replace("JELFZ", "IDKEY", StringComparison.Ordinal), Other("CLASSE_REDDITO"));
        Assert.Equal(first, second);

        // The control: a leak that is planted is seen.
        var larger = string.Concat(Enumerable.Range(0, 400).Select(i => $"X{i};20-28;0\n"));
        Assert.NotEqual(first, await SeenAsync(Samples.Istat + larger, Samples.Bi, "CLASSE_REDDITO"));

        async Task<string[]> SeenAsync(string p1, string p2, string question)
        {
            await using var network = new TestNetwork();
            await network.AddDataAsync(p1, p2);
            network.Start();
            var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
            await network.SendRowsAsync(session.Id);
            var answer = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, question));
            Assert.True(answer.Ok, answer.Message);
            await network.SettleAsync();
            return [.. network.Sealed.Select(one => $"{(one.Queue.Contains(".cli.", StringComparison.Ordinal) ? "cli" : one.Queue)} {one.Bytes.Length}")
                .Order(StringComparer.Ordinal)];
        }
    }

    /// <summary>Has recorded everything, and is given both homes once the session is over: it reads the first messages, and no other.</summary>
    [Fact]
    public async Task RecordsAll_AndGetsTheHomesLater_OpensOnlyWhatOpenedASession()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        await network.SendRowsAsync(session.Id);
        Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_REDDITO"))).Ok);
        Assert.True((await network.P1.CommandAsync(session.Id, new CancelSession(session.Id))).Ok);
        await network.P2.WaitAsync(other => other.State == SessionState.Failed && other.IsCleaned);
        await TestNetwork.EventuallyAsync(() => new[] { network.P1, network.P2, network.Linker }.All(participant =>
            participant.Engine!.Store.Read(state => state.ListDocuments("channel-key", session.Id)).Count == 0));

        // Nor are they in the memory of who runs on: what is held there is for the own card, and for the cards of others.
        await TestNetwork.EventuallyAsync(() => new[] { network.P1, network.P2, network.Linker }.All(participant =>
            participant.Sealing is { Held: { Incoming: <= 1, Outgoing: <= 3 } }));
        var opened = new List<string>();
        foreach (var participant in new[] { network.P1, network.P2, network.Linker })
        {
            using var thief = new FrameSealing(participant.Home, participant.Engine!.Store);
            foreach (var (queue, bytes) in network.Sealed.Where(one => one.Queue == participant.Home.Inbox.Name))
            {
                try
                {
                    opened.Add(Envelope.Parse(thief.Open(bytes).Frame).Message.GetType().Name);
                }
                catch (RejectedEnvelopeException)
                {
                    // Its key is gone.
                }
            }
        }

        Assert.All(opened, type => Assert.Contains(type, new[] { nameof(ProposeSession), nameof(RegisterDataset), nameof(AbortSession) }));
        Assert.Contains(nameof(ProposeSession), opened);
    }
}
