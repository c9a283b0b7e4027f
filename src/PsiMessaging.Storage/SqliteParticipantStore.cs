using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Storage;

/// <summary>Opens homes' state on SQLite.</summary>
public sealed class SqliteStores : IStores
{
    /// <inheritdoc/>
    public IParticipantStore Open(ParticipantHome home) => new SqliteParticipantStore(home.StatePath);
}

/// <summary>
/// <see cref="IParticipantStore"/> on SQLite: write-ahead log, every commit flushed to disk. The file is readable by its owner only.
/// One writer connection a process, other processes (the CLI beside its worker) wait up to 30 seconds for theirs.
/// </summary>
public sealed class SqliteParticipantStore : IParticipantStore
{
    private const int SchemaVersion = 5;
    private readonly string _connectionString;
    private readonly SqliteConnection _writer;
    private readonly Lock _writeLock = new();

    /// <param name="path">Database file; made when missing.</param>
    public SqliteParticipantStore(string path)
    {
        _connectionString = new SqliteConnectionStringBuilder { DataSource = path, DefaultTimeout = 30, Pooling = true }.ToString();
        if (!OperatingSystem.IsWindows() && !File.Exists(path))
        {
            new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite
            }).Dispose();
        }

        _writer = Open();
        using var command = _writer.CreateCommand();
        // Batches of half a megabyte want pages that hold more of them; a file that exists keeps its own.
        command.CommandText = "PRAGMA page_size=16384; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=2000; PRAGMA user_version;";
        command.ExecuteNonQuery();
        Migrate();
    }

    /// <inheritdoc/>
    public T Read<T>(Func<IStoreReader, T> action)
    {
        using var connection = Open();
        using var transaction = connection.BeginTransaction(deferred: true);
        return action(new Transaction(connection, transaction));
    }

    /// <inheritdoc/>
    public T Write<T>(Func<IStoreWriter, T> action)
    {
        lock (_writeLock)
        {
            using var transaction = _writer.BeginTransaction(deferred: false);
            var result = action(new Transaction(_writer, transaction));
            transaction.Commit();
            return result;
        }
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection(_connectionString);
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA synchronous=FULL; PRAGMA secure_delete=FAST; PRAGMA foreign_keys=ON;";
        command.ExecuteNonQuery();
        return connection;
    }

    private void Migrate()
    {
        // A look without a lock first: every run of the CLI opens the state beside a busy worker.
        using (var look = _writer.CreateCommand())
        {
            look.CommandText = "PRAGMA user_version";
            if (Convert.ToInt32(look.ExecuteScalar(), CultureInfo.InvariantCulture) == SchemaVersion)
            {
                return;
            }
        }

        using var transaction = _writer.BeginTransaction(deferred: false);
        using var command = _writer.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = "PRAGMA user_version";
        var version = Convert.ToInt32(command.ExecuteScalar(), CultureInfo.InvariantCulture);
        if (version > SchemaVersion)
        {
            throw new InvalidOperationException($"the state was written by a newer version (schema {version}, this one knows {SchemaVersion})");
        }

        if (version == 0)
        {
            command.CommandText = $"""
                CREATE TABLE sessions (id TEXT PRIMARY KEY, state TEXT NOT NULL, document TEXT NOT NULL, created_at TEXT NOT NULL) WITHOUT ROWID;
                CREATE TABLE inbound (
                    session TEXT NOT NULL, slot TEXT NOT NULL, hash BLOB NOT NULL, finished INTEGER NOT NULL, frame BLOB, PRIMARY KEY (session, slot));
                CREATE INDEX inbound_pending ON inbound (session, slot) WHERE finished = 0;
                CREATE TABLE kept (
                    session TEXT NOT NULL, round INTEGER NOT NULL, sequence INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (session, round, sequence));
                CREATE TABLE outbox (
                    number INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL, session TEXT, queue TEXT NOT NULL, best_effort INTEGER NOT NULL,
                    frame BLOB NOT NULL);
                CREATE INDEX outbox_queue ON outbox (queue, number);
                CREATE INDEX outbox_session ON outbox (session);
                CREATE TABLE documents (kind TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
                CREATE TABLE audit (number INTEGER PRIMARY KEY, entry TEXT NOT NULL, hash BLOB NOT NULL, signature BLOB NOT NULL);
                """;
            command.ExecuteNonQuery();
        }

        if (version < 2)
        {
            // What a step must know of sessions without reading their documents, and what each sender has waiting. Times in milliseconds since 1970.
            command.CommandText = $"""
                ALTER TABLE sessions ADD COLUMN peer TEXT NOT NULL DEFAULT '';
                ALTER TABLE sessions ADD COLUMN is_open INTEGER NOT NULL DEFAULT 1;
                ALTER TABLE sessions ADD COLUMN due_at INTEGER;
                ALTER TABLE sessions ADD COLUMN ended_at INTEGER;
                CREATE INDEX sessions_open ON sessions (id) WHERE is_open = 1;
                CREATE INDEX sessions_due ON sessions (due_at) WHERE due_at IS NOT NULL;
                CREATE INDEX sessions_ended ON sessions (peer, ended_at) WHERE ended_at IS NOT NULL;
                CREATE INDEX sessions_peer ON sessions (peer, is_open);
                ALTER TABLE inbound ADD COLUMN sender TEXT NOT NULL DEFAULT '';
                ALTER TABLE inbound ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
                CREATE INDEX inbound_sender ON inbound (sender, size) WHERE finished = 0;
                CREATE TABLE forgotten (id TEXT PRIMARY KEY, peer TEXT NOT NULL) WITHOUT ROWID;
                CREATE INDEX forgotten_peer ON forgotten (peer);
                ALTER TABLE documents ADD COLUMN session TEXT;
                UPDATE documents SET session = json_extract(document, '$.session') WHERE kind IN ('query', 'masked-query');
                CREATE INDEX documents_session ON documents (session, kind) WHERE session IS NOT NULL;
                UPDATE sessions SET due_at = 0;
                DELETE FROM outbox WHERE queue GLOB '*[^A-Za-z0-9._-]*';
                """;
            command.ExecuteNonQuery();
        }

        if (version < 3)
        {
            // How often a session was stored, so that a second writer is noticed. A question has one
            // document now; its open part of before cannot be taken over.
            command.CommandText = $"""
                ALTER TABLE sessions ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
                DELETE FROM documents WHERE kind = 'masked-query';
                UPDATE sessions SET due_at = CASE WHEN state IN ('Completed', 'Failed', 'Deleted') THEN NULL
                    ELSE CAST(strftime('%s', json_extract(document, '$.deadlineAt')) AS INTEGER) * 1000 END WHERE due_at = 0;
                """;
            command.ExecuteNonQuery();
        }

        if (version < 4)
        {
            // What waits for a session's key. Messages that were signed for an earlier envelope nobody takes any more.
            command.CommandText = $"""
                ALTER TABLE outbox ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
                DELETE FROM outbox;
                """;
            command.ExecuteNonQuery();
        }

        if (version < 5)
        {
            // An entry has the log's head with it. Logs of before are another chain, and do not verify.
            command.CommandText = $"""
                ALTER TABLE audit RENAME COLUMN hash TO head;
                PRAGMA user_version = {SchemaVersion};
                """;
            command.ExecuteNonQuery();
        }

        transaction.Commit();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer.Dispose();
        SqliteConnection.ClearPool(_writer);
    }

    private sealed class Transaction(SqliteConnection connection, SqliteTransaction transaction) : IStoreWriter
    {
        private const string ForgottenCount = "forgotten-count";
        private const string SessionColumns = "id, state, document, created_at, peer, is_open, due_at, ended_at, version";

        public StoredSession? FindSession(string id) =>
            Query($"SELECT {SessionColumns} FROM sessions WHERE id = $id", ReadSession, ("$id", id)).FirstOrDefault();

        public IReadOnlyList<StoredSession> ListSessions() =>
            Query($"SELECT {SessionColumns} FROM sessions ORDER BY created_at, id", ReadSession);

        public void PutSession(StoredSession session) => Execute(
            """
            INSERT INTO sessions (id, state, document, created_at, peer, is_open, due_at, ended_at)
            VALUES ($id, $state, $document, $at, $peer, $open, $due, $ended)
            ON CONFLICT (id) DO UPDATE SET
                state = $state, document = $document, peer = $peer, is_open = $open, due_at = $due, ended_at = $ended, version = version + 1
            """,
            ("$id", session.Id), ("$state", session.State), ("$document", session.Document),
            ("$at", session.CreatedAt.ToString("O", CultureInfo.InvariantCulture)),
            ("$peer", session.Peer), ("$open", session.IsOpen ? 1 : 0),
            ("$due", session.DueAt?.ToUnixTimeMilliseconds()), ("$ended", session.EndedAt?.ToUnixTimeMilliseconds()));

        public int? FindVersion(string id) =>
            Query("SELECT version FROM sessions WHERE id = $id", reader => (int?)reader.GetInt32(0), ("$id", id)).FirstOrDefault();

        public string? FindState(string id) => Query("SELECT state FROM sessions WHERE id = $id", reader => reader.GetString(0), ("$id", id)).FirstOrDefault();

        public IReadOnlyList<string> OpenSessions() => Query(
            "SELECT id FROM sessions WHERE is_open = 1 UNION SELECT DISTINCT session FROM inbound WHERE finished = 0", reader => reader.GetString(0));

        public IReadOnlyList<(string Id, DateTimeOffset DueAt)> DueTimes() =>
            Query("SELECT id, due_at FROM sessions WHERE due_at IS NOT NULL",
                reader => (reader.GetString(0), DateTimeOffset.FromUnixTimeMilliseconds(reader.GetInt64(1))));

        public int CountSessions(string peer, bool openOnly) => (int)Query(
            openOnly ? "SELECT count(*) FROM sessions WHERE peer = $peer AND is_open = 1" : "SELECT count(*) FROM sessions WHERE peer = $peer",
            reader => reader.GetInt64(0), ("$peer", peer))[0];

        public IReadOnlyList<string> EndedSessions(DateTimeOffset before, int keep, int limit) => Query(
            """
            SELECT id FROM (
                SELECT id, ended_at, row_number() OVER (PARTITION BY peer ORDER BY ended_at DESC, id) AS place
                FROM sessions WHERE ended_at IS NOT NULL AND is_open = 0)
            WHERE ended_at < $before OR place > $keep ORDER BY ended_at LIMIT $limit
            """,
            reader => reader.GetString(0), ("$before", before.ToUnixTimeMilliseconds()), ("$keep", keep), ("$limit", limit));

        public void DeleteSession(string id, bool remember = true)
        {
            if (remember && FindSession(id) is { } session
                && Execute("INSERT OR IGNORE INTO forgotten (id, peer) VALUES ($id, $peer)", ("$id", id), ("$peer", session.Peer)) > 0)
            {
                // Counted as it grows: a peer's may be a million, and are asked for at every proposal.
                PutDocument(ForgottenCount, session.Peer,
                    (FindDocument(ForgottenCount, session.Peer) is { } known ? int.Parse(known, CultureInfo.InvariantCulture)
                        + 1 : CountForgotten(session.Peer)).ToString(CultureInfo.InvariantCulture));
            }

            foreach (var table in new[] { "inbound", "kept", "documents" })
            {
                Execute($"DELETE FROM {table} WHERE session = $id", ("$id", id));
            }

            Execute("DELETE FROM sessions WHERE id = $id", ("$id", id));
        }

        public bool IsForgotten(string id) => Query("SELECT 1 FROM forgotten WHERE id = $id", reader => reader.GetInt64(0), ("$id", id)).Count > 0;

        public int CountForgotten(string peer) => FindDocument(ForgottenCount, peer) is { } known ? int.Parse(known, CultureInfo.InvariantCulture)
            : (int)Query("SELECT count(*) FROM forgotten WHERE peer = $peer", reader => reader.GetInt64(0), ("$peer", peer))[0];

        public InboundResult PutInbound(string session, string slot, byte[] contentHash, byte[] frame, string sender = "")
        {
            if (HashIn(session, slot) is { } known)
            {
                return known.AsSpan().SequenceEqual(contentHash) ? InboundResult.Repeated : InboundResult.Altered;
            }

            Execute("INSERT INTO inbound (session, slot, hash, finished, frame, sender, size) VALUES ($session, $slot, $hash, 0, $frame, $sender, $size)",
                ("$session", session), ("$slot", slot), ("$hash", contentHash), ("$frame", frame), ("$sender", sender), ("$size", frame.Length));
            return InboundResult.Stored;
        }

        public bool HasTaken(string session, string slot, byte[] contentHash) =>
            HashIn(session, slot) is { } known && known.AsSpan().SequenceEqual(contentHash);

        private byte[]? HashIn(string session, string slot) => Query("SELECT hash FROM inbound WHERE session = $session AND slot = $slot",
            reader => (byte[])reader[0], ("$session", session), ("$slot", slot)).FirstOrDefault();

        public (int Messages, long Bytes) Waiting(string sender) => Query(
            "SELECT count(*), coalesce(sum(size), 0) FROM inbound WHERE finished = 0 AND sender = $sender",
            reader => ((int)reader.GetInt64(0), reader.GetInt64(1)), ("$sender", sender))[0];

        public IReadOnlyList<PendingMessage> Pending(string session, string slotPrefix, int limit) => Query(
            "SELECT session, slot, frame FROM inbound WHERE session = $session AND finished = 0 AND substr(slot, 1, length($prefix)) = $prefix ORDER BY slot "
                + "LIMIT $limit",
            reader => new PendingMessage(reader.GetString(0), reader.GetString(1), (byte[])reader[2]),
            ("$session", session), ("$prefix", slotPrefix), ("$limit", limit));

        public void Finish(string session, string slot) =>
            Execute("UPDATE inbound SET finished = 1, frame = NULL WHERE session = $session AND slot = $slot", ("$session", session), ("$slot", slot));

        public void FinishKinds(string session, IReadOnlyCollection<string> kinds) =>
            Execute($"UPDATE inbound SET finished = 1, frame = NULL WHERE session = $session AND finished = 0 AND {KindIsOneOf(kinds)}", ("$session", session));

        public void FinishAllBut(string session, IReadOnlyCollection<string> kinds) =>
            Execute($"UPDATE inbound SET finished = 1, frame = NULL WHERE session = $session AND finished = 0 AND NOT {KindIsOneOf(kinds)}",
                ("$session", session));

        public void DropKinds(string session, IReadOnlyCollection<string> kinds) =>
            Execute($"DELETE FROM inbound WHERE session = $session AND {KindIsOneOf(kinds)}", ("$session", session));

        public IReadOnlyList<string> PendingSlots(string session, string slotPrefix) => Query(
            "SELECT slot FROM inbound WHERE session = $session AND finished = 0 AND substr(slot, 1, length($prefix)) = $prefix ORDER BY slot",
            reader => reader.GetString(0), ("$session", session), ("$prefix", slotPrefix));

        public byte[]? FindFrame(string session, string slot) => Query(
            "SELECT frame FROM inbound WHERE session = $session AND slot = $slot AND finished = 0",
            reader => (byte[])reader[0], ("$session", session), ("$slot", slot))
            .FirstOrDefault();

        public void PutKept(string session, int round, int sequence, byte[] data) => Execute(
            "INSERT OR REPLACE INTO kept (session, round, sequence, data) VALUES ($session, $round, $sequence, $data)",
            ("$session", session), ("$round", round), ("$sequence", sequence), ("$data", data));

        public void ReadKept(string session, int round, Action<int, byte[]> read)
        {
            using var command = Command("SELECT sequence, data FROM kept WHERE session = $session AND round = $round ORDER BY sequence",
                [("$session", session), ("$round", round)]);
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                read(reader.GetInt32(0), (byte[])reader[1]);
            }
        }

        public void DropKept(string session) => Execute("DELETE FROM kept WHERE session = $session", ("$session", session));

        public void Enqueue(string messageId, string? session, QueueAddress queue, ReadOnlyMemory<byte> frame, bool bestEffort, bool held = false) => Execute(
            "INSERT INTO outbox (message_id, session, queue, best_effort, held, frame) VALUES ($id, $session, $queue, $bestEffort, $held, $frame)",
            ("$id", messageId), ("$session", session), ("$queue", queue.Name), ("$bestEffort", bestEffort ? 1 : 0), ("$held", held ? 1 : 0), ("$frame",
                MemoryMarshal.TryGetArray(frame, out var segment) && segment.Offset == 0
                    && segment.Count == segment.Array!.Length ? segment.Array : frame.ToArray()));

        public void Release(string session, QueueAddress queue) => Execute(
            "UPDATE outbox SET held = 0 WHERE session = $session AND queue = $queue AND held = 1", ("$session", session), ("$queue", queue.Name));

        public void DropHeld(string session) => Execute("DELETE FROM outbox WHERE session = $session AND held = 1", ("$session", session));

        public IReadOnlyList<QueueAddress> OutgoingQueues() =>
            [.. Query("SELECT DISTINCT queue FROM outbox WHERE held = 0", reader => QueueAddress.Restore(reader.GetString(0))).OfType<QueueAddress>()];

        public IReadOnlyList<OutgoingMessage> Outgoing(QueueAddress queue, int limit) => Query(
            "SELECT number, message_id, session, frame, best_effort FROM outbox WHERE queue = $queue AND held = 0 ORDER BY number LIMIT $limit",
            reader => new OutgoingMessage(reader.GetInt64(0), reader.GetString(1),
                reader.IsDBNull(2) ? null : reader.GetString(2), queue, (byte[])reader[3], reader.GetInt64(4) == 1),
            ("$queue", queue.Name), ("$limit", limit));

        public int CountOutgoing(string session) =>
            (int)Query("SELECT count(*) FROM outbox WHERE session = $session", reader => reader.GetInt64(0), ("$session", session))[0];

        public int CountOutgoing(QueueAddress queue) =>
            (int)Query("SELECT count(*) FROM outbox WHERE queue = $queue", reader => reader.GetInt64(0), ("$queue", queue.Name))[0];

        public void Dequeue(long number) => Execute("DELETE FROM outbox WHERE number = $number", ("$number", number));

        public string? FindDocument(string kind, string id) =>
            Query("SELECT document FROM documents WHERE kind = $kind AND id = $id", reader => reader.GetString(0), ("$kind", kind), ("$id", id))
                .FirstOrDefault();

        public IReadOnlyList<(string Id, string Document)> ListDocuments(string kind) =>
            Query("SELECT id, document FROM documents WHERE kind = $kind ORDER BY id", reader => (reader.GetString(0), reader.GetString(1)), ("$kind", kind));

        public IReadOnlyList<(string Id, string Document)> ListDocuments(string kind, string session) =>
            Query("SELECT id, document FROM documents WHERE session = $session AND kind = $kind ORDER BY id",
                reader => (reader.GetString(0), reader.GetString(1)), ("$kind", kind), ("$session", session));

        public void PutDocument(string kind, string id, string document, string? session = null) => Execute(
            "INSERT INTO documents (kind, id, document, session) VALUES ($kind, $id, $document, $session) ON CONFLICT (kind, id) DO UPDATE SET document = "
                + "$document, session = $session",
            ("$kind", kind), ("$id", id), ("$document", document), ("$session", session));

        public bool DeleteDocument(string kind, string id) =>
            Execute("DELETE FROM documents WHERE kind = $kind AND id = $id", ("$kind", kind), ("$id", id)) > 0;

        public AuditEntry? LastAudit() => Query("SELECT number, entry, head, signature FROM audit ORDER BY number DESC LIMIT 1", ReadAudit).FirstOrDefault();

        public void AppendAudit(AuditEntry entry) => Execute("INSERT INTO audit (number, entry, head, signature) VALUES ($number, $entry, $head, $signature)",
            ("$number", entry.Number), ("$entry", entry.Entry), ("$head", entry.Head), ("$signature", entry.Signature));

        public IReadOnlyList<AuditEntry> ListAudit(long afterNumber, int limit) => Query(
            "SELECT number, entry, head, signature FROM audit WHERE number > $after ORDER BY number LIMIT $limit",
            ReadAudit, ("$after", afterNumber), ("$limit", limit));

        /// <summary>Kinds are names in the code, letters and hyphens: nothing that was received is among them.</summary>
        private static string KindIsOneOf(IReadOnlyCollection<string> kinds) =>
            kinds.All(kind => kind.All(letter => char.IsAsciiLetter(letter) || letter == '-'))
            ? $"({string.Join(" OR ", kinds.Select(kind => $"slot = '{kind}' OR slot GLOB '{kind}/*'").DefaultIfEmpty("0"))})"
            : throw new ArgumentException("a kind of slots is letters and hyphens", nameof(kinds));

        private static StoredSession ReadSession(SqliteDataReader reader) => new(reader.GetString(0), reader.GetString(1), reader.GetString(2),
            DateTimeOffset.Parse(reader.GetString(3), CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind),
            reader.GetString(4), reader.GetInt64(5) == 1, Time(reader, 6), Time(reader, 7)) { Version = reader.GetInt32(8) };

        private static DateTimeOffset? Time(SqliteDataReader reader, int column) =>
            reader.IsDBNull(column) ? null : DateTimeOffset.FromUnixTimeMilliseconds(reader.GetInt64(column));

        private static AuditEntry ReadAudit(SqliteDataReader reader) => new(reader.GetInt64(0), reader.GetString(1), (byte[])reader[2], (byte[])reader[3]);

        private List<T> Query<T>(string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<(string Name, object? Value)> parameters)
        {
            using var command = Command(sql, parameters);
            using var reader = command.ExecuteReader();
            var rows = new List<T>();
            while (reader.Read())
            {
                rows.Add(read(reader));
            }

            return rows;
        }

        private int Execute(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
        {
            using var command = Command(sql, parameters);
            return command.ExecuteNonQuery();
        }

        private SqliteCommand Command(string sql, ReadOnlySpan<(string Name, object? Value)> parameters)
        {
            var command = connection.CreateCommand();
            command.Transaction = transaction;
            command.CommandText = sql;
            foreach (var (name, value) in parameters)
            {
                command.Parameters.AddWithValue(name, value ?? DBNull.Value);
            }

            return command;
        }
    }
}
