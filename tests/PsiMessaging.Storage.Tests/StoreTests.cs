using PsiMessaging.Participants.Ports;
using PsiMessaging.Storage;
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
    public void DropRounds_LeavesOtherMessages()
    {
        _store.Write(t => t.PutInbound("s", "round/001/00000000", [1], [9]));
        _store.Write(t => t.PutInbound("s", "CompleteSession", [2], [9]));
        _store.Write(t => t.PutKept("s", 2, 0, [1, 2, 3]));
        _store.Write(t => t.PutKept("s", 2, 1, [4]));
        Assert.Equal("0:1,2,3 1:4", Kept());
        _store.Write(t => t.DropRounds("s"));
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

    [Fact]
    public void Write_ThatThrows_ChangesNothing()
    {
        Assert.Throws<InvalidOperationException>(() => _store.Write<bool>(t =>
        {
            t.PutDocument("k", "a", "{}");
            t.Enqueue("m", "s", "q", new byte[] { 1 }, false);
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
            _store.Write(t => t.Enqueue($"m{value}", "s", queue, new[] { value }, false));
        }

        Assert.Equal(["a", "b"], _store.Read(t => t.OutgoingQueues()).Order(StringComparer.Ordinal));
        var messages = _store.Read(t => t.Outgoing("a", 10));
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
