using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Store;
using PsiMessaging.Testing;

namespace PsiMessaging.Storage.Tests;

/// <summary>The state on disk.</summary>
public sealed class StoreTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly SqliteParticipantStore _store;

    public StoreTests() => _store = new SqliteParticipantStore(Path.Combine(_folder.Path, "state.db"));

    [Fact]
    public void PutInbound_SameThenOtherContent_IsToldApart()
    {
        Assert.Equal(InboundResult.Stored, _store.Write(t => t.PutInbound("s", "round/001/00000000", [1], [9, 9])));
        Assert.Equal(InboundResult.Repeated, _store.Write(t => t.PutInbound("s", "round/001/00000000", [1], [9, 9])));
        Assert.Equal(InboundResult.Altered, _store.Write(t => t.PutInbound("s", "round/001/00000000", [2], [9, 9])));
        Assert.Equal(InboundResult.Stored, _store.Write(t => t.PutInbound("other", "round/001/00000000", [2], [9])));
    }

    [Fact]
    public void Finish_Message_IsNoLongerPendingButItsSlotIsRemembered()
    {
        _store.Write(t => t.PutInbound("s", "round/001/00000001", [1], [9]));
        _store.Write(t => t.PutInbound("s", "round/001/00000000", [2], [8]));
        Assert.Equal(["round/001/00000000", "round/001/00000001"], _store.Read(t => t.Pending("s", "round/", 10)).Select(message => message.Slot));
        _store.Write(t => t.Finish("s", "round/001/00000000"));
        Assert.Equal(["round/001/00000001"], _store.Read(t => t.Pending("s", "round/", 10)).Select(message => message.Slot));
        Assert.Equal(["round/001/00000001"], _store.Read(t => t.PendingSlots("s", "round/001/")));
        Assert.Equal([9], _store.Read(t => t.FindFrame("s", "round/001/00000001")));
        Assert.Null(_store.Read(t => t.FindFrame("s", "round/001/00000000")));
        Assert.Equal(InboundResult.Repeated, _store.Write(t => t.PutInbound("s", "round/001/00000000", [2], [8])));
        Assert.DoesNotContain(_store.Read(t => t.Pending("s", "round/", 10)), message => message.Slot.EndsWith('0'));
    }

    [Fact]
    public void DropKinds_LeavesOtherMessages()
    {
        _store.Write(t => t.PutInbound("s", "round/001/00000000", [1], [9]));
        _store.Write(t => t.PutInbound("s", "CompleteSession", [2], [9]));
        _store.Write(t => t.PutKept("s", 2, 0, [1, 2, 3]));
        _store.Write(t => t.PutKept("s", 2, 1, [4]));
        Assert.Equal("0:1,2,3 1:4", Kept());
        _store.Write(t =>
        {
            t.DropKept("s");
            t.DropKinds("s", ["round", "credit"]);
        });
        Assert.Empty(_store.Read(t => t.Pending("s", "round/", 10)));
        Assert.Equal("", Kept());
        Assert.Single(_store.Read(t => t.Pending("s", "CompleteSession", 10)));
    }

    private string Kept()
    {
        var kept = new List<string>();
        _store.Write(t => t.ReadKept("s", 2, (sequence, data) => kept.Add($"{sequence}:{string.Join(',', data)}")));
        return string.Join(' ', kept);
    }

    private static QueueAddress Queue(string name) => QueueAddress.Restore($"psi.{name}.inbox.v1")!;

    private static DateTimeOffset Day(int day) => DateTimeOffset.UnixEpoch.AddDays(day);

    [Fact]
    public void Sessions_AreFoundByWhatIsDueAndOpen_WithoutTheirDocuments()
    {
        _store.Write(t =>
        {
            t.PutSession(new StoredSession("open", "Running", "{}", Day(1), "P2", IsOpen: true, DueAt: Day(9)));
            t.PutSession(new StoredSession("due", "Running", "{}", Day(1), "P2", IsOpen: true, DueAt: Day(3)));
            t.PutSession(new StoredSession("closed", "Completed", "{}", Day(1), "P2", IsOpen: false));
            t.PutSession(new StoredSession("asked", "Completed", "{}", Day(1), "", IsOpen: false));
            t.PutInbound("asked", "command/1", [1], [1, 2, 3], "P1");
            t.PutInbound("asked", "command/2", [2], [1, 2, 3, 4], "P1");
            t.PutInbound("open", "ask/1", [3], [1], "P2");
            t.Finish("asked", "command/2");
        });
        _store.Read(t =>
        {
            Assert.Equal(["asked", "due", "open"], t.OpenSessions().Order(StringComparer.Ordinal));
            Assert.Equal([("due", Day(3)), ("open", Day(9))], t.DueTimes().OrderBy(entry => entry.DueAt));
            Assert.Equal((2, 3, 1), (t.CountSessions("P2", openOnly: true), t.CountSessions("P2", openOnly: false), t.CountSessions("", openOnly: false)));
            Assert.Equal(((1, 3L), (1, 1L), (0, 0L)), (t.Waiting("P1"), t.Waiting("P2"), t.Waiting("P3")));
            Assert.Equal(("Completed", null), (t.FindState("closed"), t.FindState("nobody")));
            return true;
        });
    }

    [Fact]
    public void EndedSessions_GoByAgeAndByNumberOfEachPeer()
    {
        _store.Write(t =>
        {
            foreach (var (peer, day) in new[] { ("P2", 1), ("P2", 5), ("P2", 6), ("P3", 2), ("P3", 7) })
            {
                t.PutSession(new StoredSession($"{peer}-{day}", "Failed", "{}", Day(0), peer, IsOpen: false, EndedAt: Day(day)));
            }

            t.PutSession(new StoredSession("kept", "Completed", "{}", Day(0), "P2", IsOpen: false));
            t.PutSession(new StoredSession("not cleaned up", "Failed", "{}", Day(0), "P2", IsOpen: true, EndedAt: Day(0)));
        });
        Assert.Equal(["P2-1", "P3-2"], _store.Read(t => t.EndedSessions(Day(3), 100, 100)));
        Assert.Equal(["P2-1", "P3-2", "P2-5"], _store.Read(t => t.EndedSessions(Day(0), 1, 100)));
        Assert.Equal(["P2-1"], _store.Read(t => t.EndedSessions(Day(3), 100, 1)));
    }

    [Fact]
    public void DeleteSession_LeavesNothingOfItButItsOutgoingMessages()
    {
        _store.Write(t =>
        {
            foreach (var id in new[] { "a", "b" })
            {
                t.PutSession(new StoredSession(id, "Failed", "{}", Day(0)));
                t.PutInbound(id, "abort/P2", [1], [1], "P2");
                t.PutKept(id, 1, 0, [1]);
                t.PutDocument("query", id + "1", "{}", id);
                t.Enqueue("m" + id, id, Queue("a"), new byte[] { 1 }, false);
            }

            t.DeleteSession("a");
        });
        _store.Read(t =>
        {
            var kept = 0;
            t.ReadKept("a", 1, (_, _) => kept++);
            Assert.Equal((null, 0, null, 1, 1), (t.FindSession("a"), kept, t.FindDocument("query", "a1"), t.CountOutgoing("a"), t.PendingSlots("b", "").Count));
            Assert.Empty(t.PendingSlots("a", ""));
            Assert.Equal(["b1"], t.ListDocuments("query", "b").Select(entry => entry.Id));
            return true;
        });
    }

    [Fact]
    public void DeleteSession_RemembersTheIdWhereAskedTo()
    {
        _store.Write(t =>
        {
            foreach (var id in new[] { "a", "b", "c", "other" })
            {
                t.PutSession(new StoredSession(id, "Failed", "{}", Day(0), id == "other" ? "P3" : "P2"));
            }

            t.DeleteSession("a");
            t.DeleteSession("b");
            t.DeleteSession("b");
            t.DeleteSession("c", remember: false);
            t.DeleteSession("other");
        });
        Assert.Equal((true, true, false), _store.Read(t => (t.IsForgotten("a"), t.IsForgotten("b"), t.IsForgotten("c"))));
        Assert.Equal((2, 1, 0), _store.Read(t => (t.CountForgotten("P2"), t.CountForgotten("P3"), t.CountForgotten("P4"))));
    }

    [Fact]
    public void Write_ThatThrows_ChangesNothing()
    {
        Assert.Throws<InvalidOperationException>(() => _store.Write<bool>(t =>
        {
            t.PutDocument("k", "a", "{}");
            t.Enqueue("m", "s", Queue("q"), new byte[] { 1 }, false);
            throw new InvalidOperationException();
        }));
        Assert.Null(_store.Read(t => t.FindDocument("k", "a")));
        Assert.Empty(_store.Read(t => t.OutgoingQueues()));
    }

    [Fact]
    public void Outbox_KeepsOrderByQueue()
    {
        foreach (var (queue, value) in new[] { ("a", (byte)1), ("b", (byte)2), ("a", (byte)3) })
        {
            _store.Write(t => t.Enqueue($"m{value}", "s", Queue(queue), new[] { value }, false));
        }

        Assert.Equal([Queue("a"), Queue("b")], _store.Read(t => t.OutgoingQueues()).OrderBy(queue => queue.Name, StringComparer.Ordinal));
        Assert.Equal(2, _store.Read(t => t.CountOutgoing(Queue("a"))));
        var messages = _store.Read(t => t.Outgoing(Queue("a"), 10));
        Assert.Equal([1, 3], messages.Select(message => message.Frame[0]));
        _store.Write(t => t.Dequeue(messages[0].Number));
        Assert.Equal(2, _store.Read(t => t.CountOutgoing("s")));
    }

    [Fact]
    public void Reopened_StateIsThere_AndIsTheOwnersAlone()
    {
        var path = Path.Combine(_folder.Path, "other.db");
        using (var store = new SqliteParticipantStore(path))
        {
            store.Write(t => t.PutSession(new StoredSession("s", "Running", "{}", DateTimeOffset.UnixEpoch)));
        }

        using var again = new SqliteParticipantStore(path);
        Assert.Equal("Running", again.Read(t => t.FindSession("s"))!.State);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    [Fact]
    public void Open_StateOfANewerVersion_IsRefused()
    {
        var path = Path.Combine(_folder.Path, "newer.db");
        new SqliteParticipantStore(path).Dispose();
        using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={path};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA user_version = 99";
            command.ExecuteNonQuery();
        }

        Assert.Contains("newer version", Assert.Throws<InvalidOperationException>(() => new SqliteParticipantStore(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Write_FromTwoProcessesAtOnce_BothSucceed()
    {
        using var other = new SqliteParticipantStore(Path.Combine(_folder.Path, "state.db"));
        await Task.WhenAll(new[] { _store, other }.Select((store, i) => Task.Run(() =>
        {
            for (var n = 0; n < 50; n++)
            {
                store.Write(t => t.PutDocument("k", $"{i}-{n}", "{}"));
            }
        })));
        Assert.Equal(100, _store.Read(t => t.ListDocuments("k")).Count);
    }

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }
}
