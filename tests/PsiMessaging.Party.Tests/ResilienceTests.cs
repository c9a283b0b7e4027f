using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>Messages twice, late, out of order, altered; processes killed at every write of their state.</summary>
public class ResilienceTests
{
    /// <summary>A partner, or the linker, whose clock is an hour before or behind: deadlines travel as spans, and nothing else is compared.</summary>
    [Theory]
    [InlineData("P2", 1)]
    [InlineData("P2", -1)]
    [InlineData("LINKER", 1)]
    [InlineData("LINKER", -1)]
    public async Task ClockThatIsAnHourOff_DisturbsNobody(string name, int hours)
    {
        var now = DateTimeOffset.UnixEpoch.AddYears(1);
        var (right, wrong) = (new FakeTimeProvider(now), new FakeTimeProvider(now.AddHours(hours)));
        foreach (var engine in new[] { "tokens", "masked" })
        {
            await using var network = new TestNetwork(timeOf: participant => participant == name ? wrong : right);
            await network.AddDataAsync();
            network.Start();
            await WholeJobAsync(network, engine: engine);
        }
    }

    internal static async Task WholeJobAsync(TestNetwork network, string protocol = "ecdh", string engine = "tokens")
    {
        var (p1, p2) = await network.IntersectAsync(TestNetwork.Propose(protocol: protocol, engine: engine));
        Assert.Equal((null, null), (p1.FailureReason, p2.FailureReason));
        Assert.Equal(Samples.Intersection, network.P1.Intersection(p1.Id));
        Assert.Equal(Samples.Intersection, network.P2.Intersection(p1.Id));
        await network.SendRowsAsync(p1.Id);
        var answer = await network.P1.CommandAsync(p1.Id, new SubmitQuery(p1.Id, "CLASSE_ETA, CLASSE_REDDITO"));
        Assert.Equal(["< 20|MEDIA|1", "20-28|BASSA|1", "29-35|ALTA|1", "29-35|BASSA|1"], answer.Result!.Lines());
    }

    [Theory]
    [InlineData("masked")]
    [InlineData("tokens")]
    public async Task EveryMessageTwice_SameResult(string engine)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Bend = envelope => [envelope.Frame.ToArray(), envelope.Frame.ToArray()];
        network.Start();
        await WholeJobAsync(network, engine: engine);
        Assert.Empty(network.P1.Refused);
    }

    [Theory]
    [InlineData(1, "tokens")]
    [InlineData(2, "tokens")]
    [InlineData(3, "tokens")]
    [InlineData(1, "masked")]
    [InlineData(2, "masked")]
    public async Task MessagesOutOfOrder_SameResult(int held, string engine)
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
                if (envelope.Message is RoundBatch or DatasetBatch or CompleteSession or DatasetRegistered
                        or OpenProduct or MaskedRows or MaskedCorrection or AcceptQuery or AnnounceColumns
                    && count % (held + 1) == 0 && waiting.Count < 2)
                {
                    waiting.Enqueue((envelope, count + 2));
                    return [];
                }

                List<byte[]> out1 = [envelope.Frame.ToArray()];

                // A reply goes to the CLI's queue, not to the inbox of the same name: nothing may travel with it.
                while (envelope.Message is not CommandReply && waiting.TryPeek(out var next) && next.Envelope.Header.To == envelope.Header.To)
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
                    network.Inject(late.Envelope.Header.To switch { "P1" => network.P1, "P2" => network.P2, _ => network.Linker },
                        late.Envelope.Frame.ToArray());
                }
            }
        }, null, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(100));
        await WholeJobAsync(network, engine: engine);
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
        foreach (var slot in network.Wire.Where(envelope => envelope.Message is RoundBatch)
            .GroupBy(envelope => (envelope.Header.From, ((RoundBatch)envelope.Message).Round, ((RoundBatch)envelope.Message).Sequence)))
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

    public static TheoryData<string, string, string, string> Silences => new()
    {
        { "ecdh", "both", "AcceptSession", "P2 did not answer the proposal" },
        { "ecdh", "both", "1", "P2 had not sent all of masked (0 of 1 batches)" },
        { "ecdh", "both", "2", "P2 had not sent all of double-masked (0 of 1 batches)" },
        { "ecdh", "size", "3", "P2 had not sent all of sorted tags (0 of 1 batches)" },
        { "ecdh", "initiator", "CompleteSession", "P2 did not report its result" },
        { "rsa", "both", "1", "P2 had not sent all of blinded (0 of 1 batches)" },
        { "rsa", "both", "2", "P2 had not sent all of signed (0 of 1 batches)" },
        { "rsa", "both", "3", "P2 had not sent all of tags (0 of 1 batches)" },
        { "rsa", "both", "CompleteSession", "P2 did not report its result" },
    };

    /// <summary>
    /// A peer that says everything but one thing, and not that it gives up: the session ends at its deadline, and the reason says what was waited for.
    /// </summary>
    [Theory]
    [MemberData(nameof(Silences))]
    public async Task SilentPeer_DeadlinePasses_FailsWithTheReason(string protocol, string reveal, string silence, string reason)
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var network = new TestNetwork(time);
        await network.AddDataAsync();
        var swallowed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        network.Bend = envelope =>
        {
            if (envelope.Header.From == "P2"
                && (envelope.Message is RoundBatch batch ? $"{batch.Round}" == silence : envelope.Message.GetType().Name == silence))
            {
                swallowed.TrySetResult();
                return [];
            }

            // P2's own deadline passes at the same moment: P1 gives its own reason only where P2's did not come before.
            return envelope.Header.From == "P2" && envelope.Message is AbortSession ? [] : [envelope.Frame.ToArray()];
        };
        network.Start();
        var reply = await network.P1.CommandAsync(null, TestNetwork.Propose(deadlineSeconds: 60, protocol: protocol, reveal: reveal));
        Assert.True(reply.Ok, reply.Message);
        await swallowed.Task.WaitAsync(TestNetwork.Patience);

        // Until P1 waits for nothing but the swallowed message.
        await network.P1.WaitAsync(session => silence switch
        {
            "AcceptSession" => session.State == SessionState.Proposed,
            "CompleteSession" => session.State == SessionState.Comparing,
            _ => session.State == SessionState.Running && session.Consumed.Count == (protocol == "rsa" ? 2 : 1),
        });
        time.Advance(TimeSpan.FromSeconds(61));
        var p1 = await network.P1.WaitAsync(session => session.IsEnded);
        Assert.Equal(FailureCodes.Deadline, p1.FailureCode);
        Assert.Contains(reason, p1.FailureReason, StringComparison.Ordinal);
    }

    /// <summary>A full disk while a set is put in order: the session waits and says why; once there is room it completes.</summary>
    [Fact]
    public async Task FullDisk_WhileTheSetIsOrdered_WaitsAndGoesOn()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        var room = 0;
        network.P1.OpenScratch = path => new FullDisk(path, () => Volatile.Read(ref room));
        network.Start();
        network.Inject(network.P1, Envelope.Create(network.P1.Home, "P1", null, TestNetwork.Propose(protocol: "ecdh"), correlation: new string('a', 32)).Frame
            .ToArray());
        var waiting = await network.P1.WaitAsync(session => session.Warning is not null);
        Assert.Equal(SessionState.Preparing, waiting.State);
        Assert.Contains("No space left on device", waiting.Warning, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(network.P1.Home.SessionPath(waiting.Id), "items.bin")));
        Volatile.Write(ref room, int.MaxValue);
        var p1 = await network.P1.WaitAsync(session => session.IsEnded);
        Assert.Equal((SessionState.Completed, (string?)null), (p1.State, p1.Warning));
        Assert.Equal(Samples.Intersection, network.P1.Intersection(p1.Id));
        await TestNetwork.EventuallyAsync(() => Directory.GetDirectories(network.P1.Home.SessionPath(p1.Id)).Length == 0);
    }

    /// <summary>A sort that would go on for long: the deadline ends the session and the sort with it, in the session's own turn.</summary>
    [Fact]
    public async Task Deadline_WhileRowsAreSorted_EndsTheSession()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var network = new TestNetwork(time);
        await network.AddDataAsync();
        var sorting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        network.P1.OpenScratch = path => new LongSort(path, () => sorting.TrySetResult());
        network.Start();
        network.Inject(network.P1, Envelope.Create(network.P1.Home, "P1", null, TestNetwork.Propose(protocol: "ecdh", deadlineSeconds: 60),
            correlation: new string('a', 32)).Frame.ToArray());
        await sorting.Task.WaitAsync(TestNetwork.Patience);
        time.Advance(TimeSpan.FromSeconds(61));
        var p1 = await network.P1.WaitAsync(session => session.IsEnded);
        Assert.Equal(FailureCodes.Deadline, p1.FailureCode);
        Assert.Contains("it was still being prepared", p1.FailureReason, StringComparison.Ordinal);
        await TestNetwork.EventuallyAsync(() => !Directory.Exists(network.P1.Home.SessionPath(p1.Id)));
    }

    /// <summary>Sorts on disk at once, and goes on only when nobody wants it any more.</summary>
    private sealed class LongSort(string path, Action onSort) : Data.Sorting.ScratchFolder(path)
    {
        public override long SorterMemoryBytes => 64;

        public override Stream CreateFile()
        {
            onSort();
            Ended.WaitHandle.WaitOne(TestNetwork.Patience);
            Ended.ThrowIfCancellationRequested();
            return base.CreateFile();
        }
    }

    [Fact]
    public async Task FullDisk_WhileADatasetIsAdded_LeavesNothing()
    {
        await using var network = new TestNetwork();
        using var store = new Storage.SqliteParticipantStore(network.P1.Home.StatePath);
        using var folder = new TempFolder();
        var catalog = new DatasetCatalog(network.P1.Home, store, TimeProvider.System, path => new FullDisk(path, () => 100));
        await Assert.ThrowsAsync<IOException>(() => catalog.AddAsync(new Datasets.DatasetRequest(
            "istat", folder.Write("istat.csv", Samples.Istat), ["IDKEY"], new Data.Records.RecordReaderOptions(), false, Data.Keys.DuplicateRule.Reject)));
        Assert.Null(catalog.Find("istat"));
        Assert.Empty(Directory.GetFileSystemEntries(network.P1.Home.DatasetsPath));
    }

    /// <summary>Nothing is sent beyond what the receiver has granted, and with it everything arrives.</summary>
    [Fact]
    public async Task ManyBatchesWithoutReplies_TravelOnCredit()
    {
        const int Rows = 6200;
        await using var network = new TestNetwork();
        await network.AddDataAsync("IDKEY;A\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"{i};a\n")), "IDKEY;B\n"
            + string.Concat(Enumerable.Range(20, Rows).Select(i => $"{i};b\n")));
        var granted = 16;
        var beyond = 0;
        network.Bend = envelope =>
        {
            if (envelope.Message is GrantCredit grant)
            {
                InterlockedMax(ref granted, grant.Batches);
            }
            else if (envelope is { Message: RoundBatch { Round: 1 } batch, Header.From: "P2" } && batch.Sequence >= Volatile.Read(ref granted))
            {
                Interlocked.Increment(ref beyond);
            }

            return [envelope.Frame.ToArray()];
        };
        network.Start();
        var (p1, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", reveal: "initiator"));
        Assert.Equal((SessionState.Completed, 20), (p1.State, p1.IntersectionSize ?? 0));
        Assert.True(network.Wire.Count(envelope => envelope is { Message: RoundBatch { Round: 1 }, Header.From: "P2" }) > 16);
        Assert.True(granted > 16);
        Assert.Equal(0, beyond);
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (var known = Volatile.Read(ref target); known < value; known = Volatile.Read(ref target))
        {
            Interlocked.CompareExchange(ref target, value, known);
        }
    }
}
