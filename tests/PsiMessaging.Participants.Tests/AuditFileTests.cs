using System.Text;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Participants.Tests;

/// <summary>Exported audit logs: what stands in them, and that whoever changes one is seen.</summary>
public sealed class AuditFileTests : IDisposable
{
    private static readonly string One = new('1', 32), Two = new('2', 32);

    private readonly TempFolder _folder = new();
    private readonly ParticipantHome _home;
    private readonly SqliteParticipantStore _store;

    public AuditFileTests()
    {
        _home = Create("P1", "P1");
        _store = new SqliteParticipantStore(_home.StatePath);
        var log = new AuditLog(_home, TimeProvider.System);
        _store.Write(state =>
        {
            log.Append(state, "card-pinned", ("name", "P2"));
            log.Append(state, "query-asked", ("session", One), ("text", "SEX"));
            log.Append(state, "query-asked", ("session", Two), ("text", "INCOME by REGION"));
            log.Append(state, "query-answered", ("session", One), ("groups", 2));
            log.Append(state, "query-answered", ("session", Two), ("groups", 7));
        });
    }

    private ParticipantHome Create(string folder, string name) =>
        ParticipantHome.Create(Path.Combine(_folder.Path, folder), new ParticipantConfig { Name = name, Role = ParticipantRole.Party });

    private static string[] Export(ParticipantHome home, IParticipantStore store, string? session = null)
    {
        using var stream = new MemoryStream();
        store.Read(state => AuditFile.Write(home, state, session, stream));
        return Encoding.UTF8.GetString(stream.ToArray()).Split('\n')[..^1];
    }

    private static AuditFile Read(IEnumerable<string> lines) => ReadText(string.Concat(lines.Select(line => line + "\n")));

    private static AuditFile ReadText(string text) => AuditFile.Read(new MemoryStream(Encoding.UTF8.GetBytes(text)), "P1.json");

    private static void Refused(IEnumerable<string> lines, string expected) =>
        Assert.Contains(expected, Assert.Throws<ParticipantException>(() => Read(lines)).Message, StringComparison.Ordinal);

    [Fact]
    public void Export_OfAll_HasEveryEntry_AndTheHeadThatMessagesName()
    {
        var file = Read(Export(_home, _store));
        Assert.Equal((5, null, _home.Card.Fingerprint), (file.Entries, file.Session, file.Card.Fingerprint));
        Assert.Equal(["card-pinned", "query-asked", "query-asked", "query-answered", "query-answered"], file.Records.Select(record => record.Event));
        var head = Convert.ToHexStringLower(_store.Read(AuditLog.HeadOf)!);
        Assert.Equal((head, 5), (file.Head, file.NumberOf(head)));
    }

    [Fact]
    public void Export_OfALogWithoutEntries_IsRead()
    {
        using var home = Create("empty", "P3");
        using var store = new SqliteParticipantStore(home.StatePath);
        Assert.Equal((0, ""), Read(Export(home, store)) is var file ? (file.Entries, file.Head) : default);
    }

    [Fact]
    public void Export_OfOneSession_ShowsItsEntries_AndOfTheOthersNothing()
    {
        var lines = Export(_home, _store, One);
        var file = Read(lines);
        Assert.Equal((5, One), (file.Entries, file.Session));
        Assert.Equal([2, 4], file.Records.Select(record => record.Number));
        Assert.DoesNotContain(lines, line => line.Contains("INCOME", StringComparison.Ordinal) || line.Contains(Two, StringComparison.Ordinal));

        // Not even a hash that a guess could be held against: of an entry that is not shown the hash is nowhere.
        var entries = _store.Read(state => state.ListAudit(0, 10));
        var hidden = new[] { 0, 2, 4 }.Select(index => Convert.ToHexStringLower(
            AuditChain.HashOf(index == 0 ? AuditChain.Empty : entries[index - 1].Head, entries[index].Entry)));
        Assert.All(hidden, hash => Assert.DoesNotContain(lines, line => line.Contains(hash, StringComparison.Ordinal)));

        // And the heads are those of the whole log, so that what others heard is found in it.
        Assert.All(entries, entry => Assert.Equal(entry.Number, file.NumberOf(Convert.ToHexStringLower(entry.Head))));
    }

    [Fact]
    public void WhoeverCutsTheFile_IsSeen()
    {
        foreach (var session in new[] { null, One })
        {
            var lines = Export(_home, _store, session);
            Refused(lines[..^1], "it is cut off");
            Refused([.. lines[..^2], lines[^1]], "entry 5 is missing");
            Refused([.. lines[..2], .. lines[3..]], "entry 2 is missing");
            Refused([.. lines, lines[^1]], "its end is not signed by its owner");
            Refused([lines[0].Replace("\"entries\":5", "\"entries\":4", StringComparison.Ordinal), .. lines[1..^2], lines[^1]],
                "its end is not signed by its owner");
            var text = string.Concat(lines.Select(line => line + "\n"));
            Assert.All(Enumerable.Range(0, text.Length), length => Assert.Throws<ParticipantException>(() => ReadText(text[..length])));
        }
    }

    [Fact]
    public void WhoeverChangesAnEntry_IsSeen()
    {
        var lines = Export(_home, _store);
        Refused(lines.Select(line => line.Replace("SEX", "AGE", StringComparison.Ordinal)), "entry 2 is not what this participant has signed");
        Refused([lines[0], lines[1], lines[3].Replace("\"number\":3", "\"number\":2", StringComparison.Ordinal), .. lines[3..]], "entry 2 is not what");
        var unsigned = lines[2].Replace("\"signature\":\"", "\"signature\":\"AAAA", StringComparison.Ordinal);
        Refused([.. lines[..2], unsigned, .. lines[3..]], "entry 2 is not what");
    }

    [Fact]
    public void WhoeverSwapsEntriesBetweenSessions_IsSeen()
    {
        var (whole, one) = (Export(_home, _store), Export(_home, _store, One));

        // An entry of the other session in the place where only its commitment stood, an entry of this one held back, and the whole file under the other's id.
        Refused([.. one[..3], whole[3], .. one[4..]], "entry 3 belongs to another session");
        Refused([.. one[..2], Export(_home, _store, Two)[2], .. one[3..^1], Export(_home, _store, Two)[^1]], "its end is not signed by its owner");
        Refused([one[0].Replace(One, Two, StringComparison.Ordinal), .. one[1..]], "entry 2 belongs to another session");
        Refused(whole.Select(line => line.Replace(Two, One, StringComparison.Ordinal)), "entry 3 is not what");
        Refused([one[0].Replace($"\"session\":\"{One}\",", "", StringComparison.Ordinal), .. one[1..]], "entry 1 is missing");
    }

    [Fact]
    public void WhoeverExportsUnderAnotherCard_IsSeen()
    {
        using var other = Create("other", "P1");
        using var store = new SqliteParticipantStore(other.StatePath);
        store.Write(state => new AuditLog(other, TimeProvider.System).Append(state, "card-pinned", ("name", "P2")));
        var (lines, theirs) = (Export(_home, _store), Export(other, store));
        Refused([theirs[0].Replace("\"entries\":1", "\"entries\":5", StringComparison.Ordinal), .. lines[1..]], "entry 1 is not what");

        // Its owner's own card with another's name on it is no card.
        Refused([lines[0].Replace("\"P1\"", "\"P2\"", StringComparison.Ordinal), .. lines[1..]], "a damaged card");

        // A log that somebody made under a card of their own is whole: it is the card that says that it is not P1's.
        Assert.NotEqual(_home.Card.Fingerprint, Read(theirs).Card.Fingerprint);
    }

    /// <summary>New keys, twice, one of them begun and not done, since the process was killed: the log goes on, and verifies under all of them.</summary>
    [Fact]
    public void Rotated_TheLogGoesOn_UnderTheKeysOfItsTime()
    {
        var homes = new List<ParticipantHome> { _home };
        var killed = false;
        for (var i = 0; i < 3; i++)
        {
            var home = homes[^1];
            try
            {
                HomeKeys.Rotate(home, home.Card.Expires, null, next =>
                {
                    Enter(home, "keys-rotated", ("fromKey", Hex(home.Card)), ("toKey", Hex(next)));
                    if (!killed)
                    {
                        killed = true;
                        throw new CrashException();
                    }
                });
            }
            catch (CrashException)
            {
                // The old keys are there still.
            }

            homes.Add(ParticipantHome.Open(_home.Path));
            Enter(homes[^1], "query-asked", ("session", One));
            Assert.Null(_store.Read(new AuditLog(homes[^1], TimeProvider.System).Verify).Fault);
        }

        Assert.Equal([homes[0].Card.Fingerprint, homes[0].Card.Fingerprint], homes.Take(2).Select(home => home.Card.Fingerprint));
        Assert.Equal(3, homes.Select(home => home.Card.Fingerprint).Distinct().Count());
        Assert.Equal(11, Read(Export(homes[^1], _store)).Entries);
        Assert.Equal(5, Read(Export(homes[^1], _store, One)).Records.Count);

        // Keys that no entry names sign nothing; nor does an old key once it has gone.
        var lines = Export(homes[^1], _store);
        var without = lines[0].Replace(Convert.ToBase64String(homes[0].Card.SigningKey), Convert.ToBase64String(homes[^1].Card.SigningKey),
            StringComparison.Ordinal);
        Refused([without, .. lines[1..]], "entry 1 is not what");
        Enter(homes[0], "query-asked", ("session", Two));
        Assert.Contains("entry 12 is not what", _store.Read(new AuditLog(homes[^1], TimeProvider.System).Verify).Fault, StringComparison.Ordinal);
        homes.Skip(1).ToList().ForEach(home => home.Dispose());

        static string Hex(ParticipantCard card) => Convert.ToHexStringLower(card.SigningKey);
    }

    private void Enter(ParticipantHome home, string happening, params (string, System.Text.Json.Nodes.JsonNode?)[] details) =>
        _store.Write(state => new AuditLog(home, TimeProvider.System).Append(state, happening, details));

    /// <summary>Its owner shows other commitments where entries are hidden: every head after them is another than the one that others heard.</summary>
    [Fact]
    public void OwnerOfALog_ChangesWhatItHides_EveryLaterHeadIsAnother()
    {
        var heard = Convert.ToHexStringLower(_store.Read(state => state.ListAudit(0, 10))[3].Head);
        using var folder = new TempFolder();
        using var store = new SqliteParticipantStore(Path.Combine(folder.Path, "state.db"));
        var log = new AuditLog(_home, TimeProvider.System);
        store.Write(state =>
        {
            foreach (var entry in _store.Read(old => old.ListAudit(0, 10)))
            {
                var record = AuditRecord.Of(entry);
                log.Append(state, record.Event, [.. record.Fields.Select(field => (field.Key, System.Text.Json.Nodes.JsonNode.Parse(
                    entry.Number == 3 && field.Key == "text" ? "\"AGE\"" : field.Value.GetRawText())))]);
            }
        });
        Assert.NotNull(Read(Export(_home, _store, One)).NumberOf(heard));
        Assert.Null(Read(Export(_home, store, One)).NumberOf(heard));

        // What it would have to show: the heads that were heard, over commitments that do not lead there.
        var lines = Export(_home, _store, One);
        Refused([.. lines[..3], lines[1].Replace("\"number\":1", "\"number\":3", StringComparison.Ordinal), .. lines[4..]], "entry 4 is not what");
    }

    [Fact]
    public void WhoeverSendsAHugeFile_IsStoppedByBounds()
    {
        using var endless = new EndlessStream();
        Assert.Contains("longer than any export may be",
            Assert.Throws<ParticipantException>(() => AuditFile.Read(endless, "huge")).Message, StringComparison.Ordinal);
        Assert.InRange(endless.Given, AuditFile.MaximumLineBytes, AuditFile.MaximumLineBytes + (1 << 17));
        var lines = Export(_home, _store);
        var tooMany = lines[0].Replace("\"entries\":5", $"\"entries\":{AuditFile.MaximumEntries + 1}", StringComparison.Ordinal);
        Refused([tooMany, .. lines[1..]], "more than 1,000,000");
        Refused([lines[0].Replace("\"entries\":5", "\"entries\":-1", StringComparison.Ordinal), .. lines[1..]], "more than 1,000,000");
        Refused([new string('[', 100_000), .. lines[1..]], "a line is not of the format");
    }

    public void Dispose()
    {
        _store.Dispose();
        _home.Dispose();
        _folder.Dispose();
    }

    /// <summary>A line that never ends.</summary>
    private sealed class EndlessStream : Stream
    {
        public long Given { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => Given; set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            buffer.AsSpan(offset, count).Fill((byte)' ');
            Given += count;
            return count;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
