using Microsoft.Data.Sqlite;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Protocols;

namespace PsiMessaging.Testing;

/// <summary>
/// What lies in a participant's store, read from its file beside the participant's own code: it sees everything, and what code that reads it would
/// leave out.
/// </summary>
/// <param name="Sessions">Documents of sessions, with the columns that stand beside them.</param>
/// <param name="Documents">Other documents: kind, id, session if it goes with one, JSON.</param>
/// <param name="Slots">Slots of inbound messages, and whether each is dealt with.</param>
/// <param name="Kept">Kept results of rounds: session, round, sequence.</param>
/// <param name="Outgoing">Messages that have not left: queue.</param>
/// <param name="Audit">Entries of the audit log, JSON.</param>
public sealed record StoredState(
    IReadOnlyList<StoredState.SessionRow> Sessions, IReadOnlyList<(string Kind, string Id, string? Session, string Document)> Documents,
    IReadOnlyList<(string Session, string Slot, bool Finished)> Slots, IReadOnlyList<(string Session, int Round, int Sequence)> Kept,
    IReadOnlyList<string> Outgoing, IReadOnlyList<string> Audit)
{
    /// <summary>A session as stored. Times are milliseconds since 1970.</summary>
    public sealed record SessionRow(string Id, string State, string Peer, bool IsOpen, long? DueAt, long? EndedAt, string Document);

    /// <summary>Reads a home's store, each list in a fixed order.</summary>
    public static StoredState Read(ParticipantHome home)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = home.StatePath, Pooling = false }.ToString());
        connection.Open();
        return new StoredState(
            Rows(connection, "SELECT id, state, peer, is_open, due_at, ended_at, document FROM sessions ORDER BY id",
                row => new SessionRow(
                    row.GetString(0), row.GetString(1), row.GetString(2), row.GetBoolean(3), LongOrNull(row, 4), LongOrNull(row, 5), row.GetString(6))),
            Rows(connection, "SELECT kind, id, session, document FROM documents ORDER BY kind, id",
                row => (row.GetString(0), row.GetString(1), row.IsDBNull(2) ? null : row.GetString(2), row.GetString(3))),
            Rows(connection, "SELECT session, slot, finished FROM inbound ORDER BY session, slot",
                row => (row.GetString(0), row.GetString(1), row.GetBoolean(2))),
            Rows(connection, "SELECT session, round, sequence FROM kept ORDER BY session, round, sequence",
                row => (row.GetString(0), row.GetInt32(1), row.GetInt32(2))),
            Rows(connection, "SELECT queue FROM outbox ORDER BY number", row => row.GetString(0)),
            Rows(connection, "SELECT entry FROM audit ORDER BY number", row => row.GetString(0)));
    }

    private static long? LongOrNull(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetInt64(column);

    private static List<T> Rows<T>(SqliteConnection connection, string query, Func<SqliteDataReader, T> read)
    {
        using var command = connection.CreateCommand();
        command.CommandText = query;
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            rows.Add(read(reader));
        }

        return rows;
    }
}
