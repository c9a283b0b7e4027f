using PsiMessaging.Files;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Participants.Tests;

/// <summary>Homes, cards, shared keys and the audit log.</summary>
public sealed class HomeTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private ParticipantHome Create(string name, string? keyFile = null, ParticipantRole role = ParticipantRole.Party) =>
        ParticipantHome.Create(Path.Combine(_folder.Path, name), new ParticipantConfig { Name = name, Role = role, SharedKeyFile = keyFile });

    private string KeyFile(int bytes, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        var path = _folder.Write($"key-{bytes}", System.Security.Cryptography.RandomNumberGenerator.GetBytes(bytes));
        File.SetUnixFileMode(path, mode);
        return path;
    }

    [Fact]
    public void Create_SecretFiles_AreTheOwnersAlone()
    {
        using var home = Create("P1");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(home.Path, "identity.key")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(home.Path));
        Assert.Contains("never overwritten", Assert.Throws<ParticipantException>(() => Create("P1")).Message, StringComparison.Ordinal);
    }

    /// <summary>A folder made by mkdir is closed when it is empty; one in use, such as /tmp, is left as it is and refused.</summary>
    [Fact]
    public void Create_InAFolderThatIsThere_ClosesItOrRefuses()
    {
        const UnixFileMode Open = (UnixFileMode)0b111_101_101;
        var made = Directory.CreateDirectory(Path.Combine(_folder.Path, "P1")).FullName;
        File.SetUnixFileMode(made, Open);
        Create("P1").Dispose();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(made));

        var used = Path.GetDirectoryName(_folder.Write("it's used/notes.txt", "mine"))!;
        File.SetUnixFileMode(used, Open);
        var message = Assert.Throws<ParticipantException>(() => Create("it's used"));
        Assert.Contains("cannot be used", message.Message, StringComparison.Ordinal);
        message = Assert.Throws<ParticipantException>(() => ParticipantHome.Create(used, new ParticipantConfig { Name = "P2", Role = ParticipantRole.Party }));
        Assert.EndsWith($"chmod -R go= '{used.Replace("'", "'\\''", StringComparison.Ordinal)}'", message.Message, StringComparison.Ordinal);
        Assert.Equal((Open, "notes.txt"), (File.GetUnixFileMode(used), Path.GetFileName(Assert.Single(Directory.GetFileSystemEntries(used)))));
    }

    /// <summary>A kill in the middle of psi init leaves a folder that is no home yet, with half-written keys: the next one clears them away.</summary>
    [Fact]
    public void Create_AfterAKill_ClearsItsHalfWrittenFilesAway()
    {
        var precious = _folder.Write("P1/notes.0123abcd.part", "mine");
        _folder.Write("P1/identity.key.0123abcd.part", "half a key");
        _folder.Write("P1/psi.json.89abcdef.part", "{");
        File.SetUnixFileMode(Path.GetDirectoryName(precious)!, PrivateFile.FolderRights);
        using var home = Create("P1");
        Assert.Equal([precious], Directory.GetFiles(home.Path, "*.part", SearchOption.AllDirectories));
    }

    /// <summary>
    /// What a killed worker or command left half-written goes; finished files, what a command has open, and what has another name stay. No link is followed.
    /// </summary>
    [Fact]
    public void SweepParts_RemovesWhatKillsLeft_AndNothingElse()
    {
        using var home = Create("P1");
        var session = new string('a', 32);
        string Write(string name) => _folder.Write("P1/" + name, name);
        string[] left =
        [
            Write($"sessions/{session}/intersection.csv.0123abcd.part"), Write($"sessions/{session}/items.bin.part"),
            Write($"sessions/{session}/q/P1/00000000.parquet.0123abcd.part"),
            Write("identity.key.0123abcd.part"), Write("costs.json.0123abcd.part"), Write("cards/p2.json.0123abcd.part"),
        ];
        File.WriteAllBytes(left[0], new byte[100_000]);
        var outside = _folder.Write("elsewhere/x.0123abcd.part", "mine");
        Directory.CreateSymbolicLink(Path.Combine(home.Path, "sessions", session, "link"), Path.GetDirectoryName(outside)!);
        string[] stays = [Write($"sessions/{session}/intersection.csv"), Write("datasets/.work-1/rows.parquet.0123abcd.part"),
            Write("cards/notes.part"), Write("cards/p3.json.0123abcd.part"), outside];
        using var open = PrivateFile.Open(stays[3], FileMode.Open, FileAccess.Write);
        home.SweepParts();
        Assert.All(left, path => Assert.False(File.Exists(path), path));
        Assert.All(stays, path => Assert.True(File.Exists(path), path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("cards")]
    public void Open_HomeThatOthersCanEnter_IsRefusedWithTheCommand(string inner)
    {
        Create("P1").Dispose();
        var home = Path.Combine(_folder.Path, "P1");
        foreach (var right in new[] { UnixFileMode.GroupRead, UnixFileMode.GroupExecute, UnixFileMode.OtherExecute, UnixFileMode.OtherWrite })
        {
            File.SetUnixFileMode(Path.Combine(home, inner), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | right);
            Assert.EndsWith($"chmod -R go= {home}", Assert.Throws<ParticipantException>(() => ParticipantHome.Open(home)).Message, StringComparison.Ordinal);
        }

        File.SetUnixFileMode(Path.Combine(home, inner), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        ParticipantHome.Open(home).Dispose();
    }

    /// <summary>A kill between the writing of a secret and its renaming leaves a part of it; destroying the secret destroys that too.</summary>
    [Fact]
    public void Destroy_WithALeftOverPart_LeavesNeither()
    {
        var path = Path.Combine(_folder.Path, "secret.key");
        AtomicFile.Write(path, [1, 2, 3]);
        File.WriteAllBytes(path + ".0123abcd.part", [1, 2]);
        File.WriteAllBytes(Path.Combine(_folder.Path, "other.key.0123abcd.part"), [1, 2]);
        AtomicFile.Destroy(path);
        Assert.Equal(["other.key.0123abcd.part"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1P")]
    [InlineData("../P1")]
    [InlineData("P1.x")]
    [InlineData("abcdefghijklmnopqrstuvwxyzabcdefg")]
    public void Create_BadName_IsRefused(string name) => Assert.Throws<ParticipantException>(() =>
        ParticipantHome.Create(Path.Combine(_folder.Path, "x"), new ParticipantConfig { Name = name, Role = ParticipantRole.Party }));

    [Fact]
    public void Open_IdentityReadableByAllOrDamaged_IsRefused()
    {
        using var home = Create("P1");
        var key = Path.Combine(home.Path, "identity.key");
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        Assert.Contains("chmod 600", Assert.Throws<ParticipantException>(() => ParticipantHome.Open(home.Path)).Message, StringComparison.Ordinal);
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllBytes(key, new byte[10]);
        Assert.Contains("damaged", Assert.Throws<ParticipantException>(() => ParticipantHome.Open(home.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("psi init", Assert.Throws<ParticipantException>(() => ParticipantHome.Open(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Card_AlteredInAnyField_IsRefused()
    {
        using var home = Create("P1");
        var json = home.Card.ToJson();
        Assert.Equal(home.Card.Fingerprint, ParticipantCard.Parse(json, "p1.json").Fingerprint);
        foreach (var altered in new[]
        {
            json.Replace("\"P1\"", "\"P2\"", StringComparison.Ordinal), json.Replace("\"party\"", "\"linker\"", StringComparison.Ordinal),
            json.Replace("\"version\": 2", "\"version\": 3", StringComparison.Ordinal), "{}", "not json", "null",
        })
        {
            Assert.NotEqual(json, altered);
            Assert.Throws<ParticipantException>(() => ParticipantCard.Parse(altered, "p1.json"));
        }
    }

    [Fact]
    public void Pin_AnotherCardUnderThatName_NeedsReplace()
    {
        using var home = Create("P1");
        using var first = Create("P2");
        Directory.CreateDirectory(Path.Combine(_folder.Path, "again"));
        using var second = ParticipantHome.Create(Path.Combine(_folder.Path, "again", "P2"),
            new ParticipantConfig { Name = "P2", Role = ParticipantRole.Party });
        home.Pin(first.Card, replace: false);
        home.Pin(first.Card, replace: false);
        Assert.Contains("--replace", Assert.Throws<ParticipantException>(() => home.Pin(second.Card, replace: false)).Message, StringComparison.Ordinal);
        Assert.Equal(first.Card.Fingerprint, home.FindCard("P2")!.Fingerprint);
        home.Pin(second.Card, replace: true);
        Assert.Equal(second.Card.Fingerprint, home.FindCard("P2")!.Fingerprint);
        Assert.Throws<ParticipantException>(() => home.Pin(home.Card, replace: false));
        Assert.Null(home.FindCard("../P2"));
    }

    [Fact]
    public void SharedKey_BothWays_AgreesBetweenTheParties()
    {
        using var one = Create("P1");
        using var two = Create("P2");
        using var a = one.SharedKeyWith(two.Card);
        using var b = two.SharedKeyWith(one.Card);
        Assert.Equal(a.Span, b.Span);
        var file = KeyFile(32);
        using var three = Create("P3", file);
        using var four = Create("P4", file);
        using var c = three.SharedKeyWith(four.Card);
        using var d = four.SharedKeyWith(three.Card);
        Assert.Equal(c.Span, d.Span);
        Assert.False(a.Span.SequenceEqual(c.Span));
    }

    [Fact]
    public void SharedKeyFile_MissingShortOrOpenToAll_IsRefusedInOneLine()
    {
        foreach (var (path, expected) in new[]
        {
            (Path.Combine(_folder.Path, "nope"), "does not exist"),
            (KeyFile(31), "31 bytes; it needs 32"),
            (KeyFile(33, UnixFileMode.UserRead | UnixFileMode.GroupRead), "chmod 600"),
        })
        {
            var message = Assert.Throws<ParticipantException>(() => Create("P1", path)).Message;
            Assert.Contains(expected, message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
            Assert.False(ParticipantHome.Exists(Path.Combine(_folder.Path, "P1")));
        }
    }

    [Fact]
    public void Audit_WholeChain_Verifies_AndEveryTamperingIsSeen()
    {
        using var home = Create("P1");
        using (var store = new SqliteParticipantStore(home.StatePath))
        {
            var log = new AuditLog(home, TimeProvider.System);
            for (var i = 0; i < 5; i++)
            {
                store.Write(transaction => log.Append(transaction, "event", ("number", i)));
            }

            var (entries, hash, fault) = store.Read(log.Verify);
            Assert.Equal((5, 64, null), (entries, hash.Length, fault));
        }

        foreach (var (sql, expected) in new[]
        {
            ("UPDATE audit SET entry = replace(entry, '2', '7') WHERE number = 3", "entry 3 is not what this participant has signed"),
            ("DELETE FROM audit WHERE number = 2", "entry 2 is missing"),
            ("UPDATE audit SET signature = (SELECT signature FROM audit WHERE number = 1) WHERE number = 4", "entry 4 is not what"),
        })
        {
            var copy = Path.Combine(_folder.Path, "copy.db");
            File.Copy(home.StatePath, copy, overwrite: true);
            using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={copy};Pooling=False"))
            {
                connection.Open();
                using var command = connection.CreateCommand();
                command.CommandText = sql;
                Assert.Equal(1, command.ExecuteNonQuery());
            }

            using var tampered = new SqliteParticipantStore(copy);
            Assert.Contains(expected, tampered.Read(new AuditLog(home, TimeProvider.System).Verify).Fault, StringComparison.Ordinal);
        }
    }

    public void Dispose() => _folder.Dispose();
}
