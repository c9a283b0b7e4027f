using DuckDB.NET.Data;
using PsiMessaging.Files;

namespace PsiMessaging.Batches;

/// <summary>One party's encrypted rows on the linker's disk.</summary>
/// <param name="Folder">Folder of Parquet files that were all checked on arrival.</param>
public sealed record TokenRows(string Folder);

/// <summary>Rows whose ciphertext in a column is, or is not, one of some.</summary>
/// <param name="Right">Whether the column is the second party's.</param>
/// <param name="Token">Column token, checked.</param>
/// <param name="Values">Ciphertexts, 1 or more.</param>
/// <param name="Keep">Whether they stay; else they go.</param>
public sealed record CiphertextFilter(bool Right, string Token, IReadOnlyList<byte[]> Values, bool Keep);

/// <summary>Outcome of a group count.</summary>
/// <param name="Groups">Groups in the answer file.</param>
/// <param name="IsComplete">Whether these are all groups that can be: none is withheld and none was put aside.</param>
public sealed record GroupCountOutcome(int Groups, bool IsComplete);

/// <summary>
/// The linker's engine <c>tokens</c>: joins two tables on their row tokens and counts groups of ciphertexts with DuckDB. What the linker sees, by
/// design: the equality pattern of every column inside the session, that is histograms of unlabelled groups and the counts it computes.
/// </summary>
public static class TokenEngine
{
    /// <summary>Most groups in one answer: it must fit one message.</summary>
    public const int MaximumGroups = 50_000;

    /// <summary>
    /// Counts the joined rows by columns and writes the groups that may be shown as Parquet: <c>c0</c>, <c>c1</c>, … and <c>n</c>. Each party's own groups of
    /// fewer rows than the minimum, after its own filters, are put aside first; then <see cref="ReleaseRule"/> decides, as at the asking party with engine
    /// <c>masked</c>.
    /// </summary>
    /// <param name="left">First party's rows.</param>
    /// <param name="right">Second party's rows.</param>
    /// <param name="columns">Whether the column is the second party's, and its token (checked: 32 hexadecimal digits).</param>
    /// <param name="minCell">Smallest count released, 1 or more.</param>
    /// <param name="askerIsRight">Whether the second party asks.</param>
    /// <param name="answerPath">File to write.</param>
    /// <param name="memoryBytes">Memory DuckDB may use.</param>
    /// <param name="filters">Which rows count, all conditions together.</param>
    /// <exception cref="QueryTooLargeException">More than <see cref="MaximumGroups"/> groups.</exception>
    public static GroupCountOutcome Count(TokenRows left, TokenRows right, IReadOnlyList<(bool Right, string Token)> columns,
        int minCell, bool askerIsRight, string answerPath, long memoryBytes, IReadOnlyList<CiphertextFilter>? filters = null)
    {
        if (columns.Select(column => column.Token).Concat((filters ?? []).Select(filter => filter.Token))
            .Any(token => token.Length != 32 || !token.All(char.IsAsciiHexDigitLower)))
        {
            throw new ArgumentException("a column token is not 32 hexadecimal digits", nameof(columns));
        }

        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        Execute(connection,
            $"SET memory_limit='{Math.Max(64, memoryBytes >> 20)}MiB'; SET temp_directory={DuckText.Literal(Path.GetDirectoryName(answerPath)!)};");

        // Only files that this process checked and named itself are read; every other name in the statement is a checked token or a number.
        Execute(connection, GroupsSql("gl", left, [.. Own(columns, right: false)], minCell, filters?.Where(filter => !filter.Right)));
        Execute(connection, GroupsSql("gr", right, [.. Own(columns, right: true)], minCell, filters?.Where(filter => filter.Right)));
        Execute(connection, $"CREATE TEMP TABLE answer AS {GroupCountSql(left, right, columns, filters)};");
        var (own, others) = askerIsRight ? ("gr", "gl") : ("gl", "gr");
        var askers = filters?.Where(filter => filter.Right == askerIsRight);
        var passing = Row(connection, $"SELECT count(*) FROM {Files(askerIsRight ? right : left)}{WhereSql(askers)}");
        var (places, groups, isComplete) = minCell == 1 ? ([], Row(connection, "SELECT count(*) FROM answer"), true)
            : Shown(connection, own, others, passing, columns.Any(column => column.Right != askerIsRight),
                (filters ?? []).Any(filter => filter.Right != askerIsRight), minCell);
        if (groups > MaximumGroups)
        {
            throw new QueryTooLargeException(groups);
        }

        // Cells by place in the order in which they were read.
        Execute(connection, "CREATE TEMP TABLE shown (place BIGINT);");
        using (var appender = connection.CreateAppender("shown"))
        {
            foreach (var place in places)
            {
                appender.CreateRow().AppendValue(place).EndRow();
            }
        }

        var labels = string.Concat(columns.Select((column, i) => $"{(column.Right ? "gr" : "gl")}.\"{column.Token}\" AS c{i}, "));
        Execute(connection, $"""
            COPY (SELECT {labels}a.n AS n FROM (SELECT l, r, n, row_number() OVER (ORDER BY {(askerIsRight ? "r, l" : "l, r")}) - 1 AS place FROM answer) a
                JOIN gl ON gl.id = a.l JOIN gr ON gr.id = a.r {(minCell == 1 ? "" : "WHERE a.place IN (SELECT place FROM shown) ")}ORDER BY ALL)
                TO {DuckText.Literal(answerPath)} (FORMAT parquet, COMPRESSION snappy);
            """);
        return new GroupCountOutcome((int)groups, isComplete);
    }

    private static IEnumerable<string> Own(IReadOnlyList<(bool Right, string Token)> columns, bool right) =>
        columns.Where(column => column.Right == right).Select(column => column.Token);

    private static string Quoted(string token, string of = "") => $"{of}\"{token}\"";

    /// <summary>One party's own groups of the minimum of rows or more, with a number each.</summary>
    private static string GroupsSql(string name, TokenRows rows, string[] tokens, int minCell, IEnumerable<CiphertextFilter>? filters)
    {
        var columns = string.Concat(tokens.Select(token => Quoted(token) + ", "));
        return $"CREATE TEMP TABLE {name} AS SELECT row_number() OVER () AS id, * FROM (SELECT {columns}count(*) AS records FROM "
            + $"{Files(rows)}{WhereSql(filters)} {(tokens.Length == 0 ? "" : "GROUP BY ALL ")}HAVING count(*) >= {minCell});";
    }

    private static string WhereSql(IEnumerable<CiphertextFilter>? filters) =>
        filters?.ToArray() is not { Length: > 0 } conditions ? "" : " WHERE " + string.Join(" AND ", conditions.Select(filter =>
        $"{Quoted(filter.Token)} {(filter.Keep ? "" : "NOT ")}IN "
            + $"({string.Join(", ", filter.Values.Select(value => $"from_hex('{Convert.ToHexString(value)}')"))})"));

    /// <summary>The statement that counts: both parties' own groups (tables <c>gl</c> and <c>gr</c>) and the rows both have.</summary>
    private static string GroupCountSql(TokenRows left, TokenRows right,
        IReadOnlyList<(bool Right, string Token)> columns, IReadOnlyList<CiphertextFilter>? filters = null)
    {
        string Side(string groups, TokenRows rows, bool isRight)
        {
            var on = Own(columns, isRight).Select(token => $"t.{Quoted(token)} = g.{Quoted(token)}").ToArray();
            return $"(SELECT t.\"row\" AS row, g.id AS id FROM (SELECT * FROM {Files(rows)}{WhereSql(filters?.Where(filter => filter.Right == isRight))}) t "
                + $"JOIN {groups} g ON {(on.Length == 0 ? "true" : string.Join(" AND ", on))})";
        }

        return $"SELECT l.id AS l, r.id AS r, count(*) AS n FROM {Side("gl", left, false)} l JOIN {Side("gr", right, true)} r ON l.row = r.row GROUP BY ALL";
    }

    /// <summary>
    /// Which cells are shown, by their places in the order of the asking party's own groups and then of the other's, and how many; the cells of one own group
    /// are in memory at a time, and no more places than an answer may have.
    /// </summary>
    private static (List<long> Places, long Groups, bool IsComplete) Shown(DuckDBConnection connection,
        string own, string others, long passing, bool othersGroup, bool othersSelect, int minCell)
    {
        var otherGroups = Row(connection, $"SELECT count(*) FROM {others}");
        var ownGroups = Row(connection, $"SELECT count(*) FROM {own}");
        var records = Row(connection, $"SELECT coalesce(sum(records), 0)::BIGINT FROM {own}");
        var (ownId, otherId) = (own[1..], others[1..]);

        // Rows of the own groups that are in no cell: the other party's filter or small groups have them.
        var othersHave = othersSelect || records > Row(connection, "SELECT coalesce(sum(n), 0)::BIGINT FROM answer");
        var (places, shown, first) = (new List<long>(), 0L, 0L);
        var (group, ofGroup, counts) = (-1L, 0L, new List<long>());
        void Decide()
        {
            // Cells without a row are not in the answer, but they are cells; more of them than could have had a row together make no difference.
            var empty = Math.Min(otherGroups - counts.Count, (ofGroup / Math.Max(1, minCell - 1)) + 2);
            var cells = ReleaseRule.Show([.. counts, .. new long[empty]], ofGroup, othersHave, minCell);
            for (var i = 0; i < counts.Count; i++)
            {
                if (cells[i] && shown++ < MaximumGroups)
                {
                    places.Add(first + i);
                }
            }

            first += counts.Count;
            counts.Clear();
        }

        using (var command = connection.CreateCommand())
        {
            command.UseStreamingMode = true;
            command.CommandText = $"SELECT a.{ownId}, a.n, g.records FROM answer a JOIN {own} g ON g.id = a.{ownId} ORDER BY a.{ownId}, a.{otherId}";
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                if (reader.GetInt64(0) is var next && next != group)
                {
                    Decide();
                    (group, ofGroup) = (next, reader.GetInt64(2));
                }

                counts.Add(reader.GetInt64(1));
            }

            Decide();
        }

        var possible = ownGroups * otherGroups;
        return (places, shown, possible > 0 && shown == possible && records == passing && !(othersGroup && othersHave));
    }

    /// <summary>Number of rows both tables have.</summary>
    public static long JoinSize(TokenRows left, TokenRows right)
    {
        try
        {
            using var connection = new DuckDBConnection("DataSource=:memory:");
            connection.Open();
            return Row(connection, $"SELECT count(*) FROM {Files(left)} l JOIN {Files(right)} r ON l.\"row\" = r.\"row\"");
        }
        catch (DuckDBException exception)
        {
            // Not a passing fault of the state's database: the same files would fail again.
            throw new InvalidOperationException("the two tables cannot be joined", exception);
        }
    }

    private static string Files(TokenRows table) => $"read_parquet({DuckText.Literal(Path.Combine(DuckText.Path(table.Folder), "*.parquet"))})";

    private static void Execute(DuckDBConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static long Row(DuckDBConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        reader.Read();
        return reader.GetInt64(0);
    }
}

/// <summary>An answer would hold more groups than one message may.</summary>
/// <param name="groups">How many.</param>
public sealed class QueryTooLargeException(long groups)
    : Exception($"the answer would have {groups:N0} groups; {TokenEngine.MaximumGroups:N0} is the most. Ask by fewer or coarser columns")
{
    /// <summary>How many groups.</summary>
    public long Groups => groups;
}
