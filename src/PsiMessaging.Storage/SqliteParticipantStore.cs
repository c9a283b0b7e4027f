using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using PsiMessaging.Participants.Ports;

namespace PsiMessaging.Storage;

/// <summary>
/// <see cref="IParticipantStore"/> on SQLite: write-ahead log, every commit flushed to disk. The file is readable by its owner only.
/// One writer connection a process, other processes (the CLI beside its worker) wait up to 30 seconds for theirs.
/// </summary>
public sealed class SqliteParticipantStore : IParticipantStore
{
    private const int SchemaVersion = 1;
    private readonly string _connectionString;
    private readonly SqliteConnection _writer;
    private readonly Lock _writeLock = new();

    /// <param name="path">Database file; made when missing.</param>
    public SqliteParticipantStore(string path)
    {
        _connectionString = new SqliteConnectionStringBuilder { DataSource = path, DefaultTimeout = 30, Pooling = true }.ToString();
        if (!OperatingSystem.IsWindows() && !File.Exists(path))
        {
            new FileStream(path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }).Dispose();
        }

        _writer = Open();
        using var command = _writer.CreateCommand();
        // Batches of half a megabyte want pages that hold more of them; a file that exists keeps its own.
        command.CommandText = "PRAGMA page_size=16384; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=2000; PRAGMA user_version;";
        command.ExecuteNonQuery();
        Migrate();
    }

    /// <inheritdoc/>
    public T Read<T>(Func<IStoreTransaction, T> action)
    {
        using var connection = Open();
        using var transaction = connection.BeginTransaction(deferred: true);
        return action(new Transaction(connection, transaction));
    }

    /// <inheritdoc/>
    public T Write<T>(Func<IStoreTransaction, T> action)
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
                CREATE TABLE inbound (session TEXT NOT NULL, slot TEXT NOT NULL, hash BLOB NOT NULL, finished INTEGER NOT NULL, frame BLOB, PRIMARY KEY (session, slot));
                CREATE INDEX inbound_pending ON inbound (session, slot) WHERE finished = 0;
                CREATE TABLE kept (session TEXT NOT NULL, round INTEGER NOT NULL, sequence INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (session, round, sequence));
                CREATE TABLE outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL, session TEXT, queue TEXT NOT NULL, best_effort INTEGER NOT NULL, frame BLOB NOT NULL);
                CREATE INDEX outbox_queue ON outbox (queue, number);
                CREATE INDEX outbox_session ON outbox (session);
                CREATE TABLE documents (kind TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
                CREATE TABLE audit (number INTEGER PRIMARY KEY, entry TEXT NOT NULL, hash BLOB NOT NULL, signature BLOB NOT NULL);
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

    private sealed class Transaction(SqliteConnection connection, SqliteTransaction transaction) : IStoreTransaction
    {
        public StoredSession? FindSession(string id) =>
            Query("SELECT id, state, document, created_at FROM sessions WHERE id = $id", ReadSession, ("$id", id)).FirstOrDefault();

        public IReadOnlyList<StoredSession> ListSessions() =>
            Query("SELECT id, state, document, created_at FROM sessions ORDER BY created_at, id", ReadSession);

        public void PutSession(StoredSession session) => Execute(
            "INSERT INTO sessions (id, state, document, created_at) VALUES ($id, $state, $document, $at) ON CONFLICT (id) DO UPDATE SET state = $state, document = $document",
            ("$id", session.Id), ("$state", session.State), ("$document", session.Document), ("$at", session.CreatedAt.ToString("O", CultureInfo.InvariantCulture)));

        public InboundResult PutInbound(string session, string slot, byte[] contentHash, byte[] frame)
        {
            var known = Query("SELECT hash FROM inbound WHERE session = $session AND slot = $slot", reader => (byte[])reader[0], ("$session", session), ("$slot", slot));
            if (known.Count == 1)
            {
                return known[0].AsSpan().SequenceEqual(contentHash) ? InboundResult.Repeated : InboundResult.Altered;
            }

            Execute("INSERT INTO inbound (session, slot, hash, finished, frame) VALUES ($session, $slot, $hash, 0, $frame)",
                ("$session", session), ("$slot", slot), ("$hash", contentHash), ("$frame", frame));
            return InboundResult.Stored;
        }

        public IReadOnlyList<PendingMessage> Pending(string session, string slotPrefix, int limit) => Query(
            "SELECT session, slot, frame FROM inbound WHERE session = $session AND finished = 0 AND substr(slot, 1, length($prefix)) = $prefix ORDER BY slot LIMIT $limit",
            reader => new PendingMessage(reader.GetString(0), reader.GetString(1), (byte[])reader[2]), ("$session", session), ("$prefix", slotPrefix), ("$limit", limit));

        public void Finish(string session, string slot) =>
            Execute("UPDATE inbound SET finished = 1, frame = NULL WHERE session = $session AND slot = $slot", ("$session", session), ("$slot", slot));

        public IReadOnlyList<string> PendingSlots(string session, string slotPrefix) => Query(
            "SELECT slot FROM inbound WHERE session = $session AND finished = 0 AND substr(slot, 1, length($prefix)) = $prefix ORDER BY slot",
            reader => reader.GetString(0), ("$session", session), ("$prefix", slotPrefix));

        public byte[]? FindFrame(string session, string slot) => Query(
            "SELECT frame FROM inbound WHERE session = $session AND slot = $slot AND finished = 0", reader => (byte[])reader[0], ("$session", session), ("$slot", slot)).FirstOrDefault();

        public void PutKept(string session, int round, int sequence, byte[] data) => Execute(
            "INSERT OR REPLACE INTO kept (session, round, sequence, data) VALUES ($session, $round, $sequence, $data)",
            ("$session", session), ("$round", round), ("$sequence", sequence), ("$data", data));

        public void ReadKept(string session, int round, Action<int, byte[]> read)
        {
            using var command = Command("SELECT sequence, data FROM kept WHERE session = $session AND round = $round ORDER BY sequence", [("$session", session), ("$round", round)]);
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                read(reader.GetInt32(0), (byte[])reader[1]);
            }
        }

        public void DropRounds(string session)
        {
            Execute("DELETE FROM kept WHERE session = $session", ("$session", session));
            Execute("UPDATE inbound SET finished = 1, frame = NULL WHERE session = $session AND finished = 0 AND (slot GLOB 'round/*' OR slot GLOB 'batch/*' OR slot GLOB 'credit/*' OR slot GLOB 'open/*' OR slot GLOB 'masked/*' OR slot GLOB 'correction/*' OR slot GLOB 'withdraw/*' OR slot GLOB 'ask/*' OR slot GLOB 'asked-back/*')", ("$session", session));
        }

        public void Enqueue(string messageId, string? session, string queue, ReadOnlyMemory<byte> frame, bool bestEffort) => Execute(
            "INSERT INTO outbox (message_id, session, queue, best_effort, frame) VALUES ($id, $session, $queue, $bestEffort, $frame)",
            ("$id", messageId), ("$session", session), ("$queue", queue), ("$bestEffort", bestEffort ? 1 : 0), ("$frame", MemoryMarshal.TryGetArray(frame, out var segment) && segment.Offset == 0 && segment.Count == segment.Array!.Length ? segment.Array : frame.ToArray()));

        public IReadOnlyList<string> OutgoingQueues() => Query("SELECT DISTINCT queue FROM outbox", reader => reader.GetString(0));

        public IReadOnlyList<OutgoingMessage> Outgoing(string queue, int limit) => Query(
            "SELECT number, message_id, session, queue, frame, best_effort FROM outbox WHERE queue = $queue ORDER BY number LIMIT $limit",
            reader => new OutgoingMessage(reader.GetInt64(0), reader.GetString(1), reader.IsDBNull(2) ? null : reader.GetString(2), reader.GetString(3), (byte[])reader[4], reader.GetInt64(5) == 1),
            ("$queue", queue), ("$limit", limit));

        public int CountOutgoing(string session) =>
            (int)Query("SELECT count(*) FROM outbox WHERE session = $session", reader => reader.GetInt64(0), ("$session", session))[0];

        public void Dequeue(long number) => Execute("DELETE FROM outbox WHERE number = $number", ("$number", number));

        public string? FindDocument(string kind, string id) =>
            Query("SELECT document FROM documents WHERE kind = $kind AND id = $id", reader => reader.GetString(0), ("$kind", kind), ("$id", id)).FirstOrDefault();

        public IReadOnlyList<(string Id, string Document)> ListDocuments(string kind) =>
            Query("SELECT id, document FROM documents WHERE kind = $kind ORDER BY id", reader => (reader.GetString(0), reader.GetString(1)), ("$kind", kind));

        public void PutDocument(string kind, string id, string document) => Execute(
            "INSERT INTO documents (kind, id, document) VALUES ($kind, $id, $document) ON CONFLICT (kind, id) DO UPDATE SET document = $document",
            ("$kind", kind), ("$id", id), ("$document", document));

        public bool DeleteDocument(string kind, string id) => Execute("DELETE FROM documents WHERE kind = $kind AND id = $id", ("$kind", kind), ("$id", id)) > 0;

        public AuditEntry? LastAudit() => Query("SELECT number, entry, hash, signature FROM audit ORDER BY number DESC LIMIT 1", ReadAudit).FirstOrDefault();

        public void AppendAudit(AuditEntry entry) => Execute("INSERT INTO audit (number, entry, hash, signature) VALUES ($number, $entry, $hash, $signature)",
            ("$number", entry.Number), ("$entry", entry.Entry), ("$hash", entry.Hash), ("$signature", entry.Signature));

        public IReadOnlyList<AuditEntry> ListAudit(long afterNumber, int limit) => Query(
            "SELECT number, entry, hash, signature FROM audit WHERE number > $after ORDER BY number LIMIT $limit", ReadAudit, ("$after", afterNumber), ("$limit", limit));

        private static StoredSession ReadSession(SqliteDataReader reader) => new(reader.GetString(0), reader.GetString(1), reader.GetString(2),
            DateTimeOffset.Parse(reader.GetString(3), CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind));

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
