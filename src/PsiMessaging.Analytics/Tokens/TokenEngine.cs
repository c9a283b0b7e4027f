using DuckDB.NET.Data;

namespace PsiMessaging.Analytics.Tokens;

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
/// <param name="Suppressed">Groups whose count is withheld.</param>
/// <param name="Joined">Rows of the join.</param>
public sealed record GroupCountOutcome(int Groups, int Suppressed, int Joined);

/// <summary>
/// The linker's engine <c>tokens</c>: joins two tables on their row tokens and counts groups of ciphertexts with DuckDB. What the linker sees, by
/// design: the equality pattern of every column inside the session, that is histograms of unlabelled groups and the counts it computes.
/// </summary>
public static class TokenEngine
{
    /// <summary>Most groups in one answer: it must fit one message.</summary>
    public const int MaximumGroups = 50_000;

    /// <summary>Counts the joined rows by columns and writes the answer as Parquet: <c>c0</c>, <c>c1</c>, … and <c>n</c>, null below the minimum cell size.</summary>
    /// <param name="left">First party's rows.</param>
    /// <param name="right">Second party's rows.</param>
    /// <param name="columns">Whether the column is the second party's, and its token (checked: 32 hexadecimal digits).</param>
    /// <param name="minCell">Smallest count released, 1 or more.</param>
    /// <param name="answerPath">File to write.</param>
    /// <param name="memoryBytes">Memory DuckDB may use.</param>
    /// <param name="filters">Which rows count, all conditions together.</param>
    /// <exception cref="QueryTooLargeException">More than <see cref="MaximumGroups"/> groups.</exception>
    public static GroupCountOutcome Count(TokenRows left, TokenRows right, IReadOnlyList<(bool Right, string Token)> columns, int minCell, string answerPath, long memoryBytes, IReadOnlyList<CiphertextFilter>? filters = null)
    {
        if (columns.Select(column => column.Token).Concat((filters ?? []).Select(filter => filter.Token)).Any(token => token.Length != 32 || !token.All(char.IsAsciiHexDigitLower)))
        {
            throw new ArgumentException("a column token is not 32 hexadecimal digits", nameof(columns));
        }

        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        Execute(connection, $"SET memory_limit='{Math.Max(64, memoryBytes >> 20)}MiB'; SET temp_directory={Literal(Path.GetDirectoryName(answerPath)!)};");

        // Only files that this process checked and named itself are read; every other name in the statement is a checked token or a number.
        Execute(connection, $"CREATE TEMP TABLE answer AS {GroupCountSql(left, right, columns, minCell, filters)};");
        var (groups, suppressed, joined) = Row(connection, "SELECT count(*), count(*) FILTER (n IS NULL), coalesce(sum(total), 0)::BIGINT FROM answer");
        if (groups > MaximumGroups)
        {
            throw new QueryTooLargeException(groups);
        }

        var labels = string.Join(", ", columns.Select((_, i) => $"c{i}"));
        Execute(connection, $"COPY (SELECT {(columns.Count == 0 ? "" : labels + ", ")}n FROM answer ORDER BY ALL) TO {Literal(answerPath)} (FORMAT parquet, COMPRESSION snappy);");
        return new GroupCountOutcome((int)groups, (int)suppressed, (int)joined);
    }

    /// <summary>The statement the engine runs; the benchmark times DuckDB alone on it.</summary>
    public static string GroupCountSql(TokenRows left, TokenRows right, IReadOnlyList<(bool Right, string Token)> columns, int minCell, IReadOnlyList<CiphertextFilter>? filters = null)
    {
        var select = string.Join(", ", columns.Select((column, i) => $"{(column.Right ? 'r' : 'l')}.\"{column.Token}\" AS c{i}"));
        var labels = string.Join(", ", columns.Select((_, i) => $"c{i}"));
        var where = filters is null or [] ? "" : " WHERE " + string.Join(" AND ", filters.Select(filter =>
            $"{(filter.Right ? 'r' : 'l')}.\"{filter.Token}\" {(filter.Keep ? "" : "NOT ")}IN ({string.Join(", ", filter.Values.Select(value => $"from_hex('{Convert.ToHexString(value)}')"))})"));
        var rows = $"{Files(left)} l JOIN {Files(right)} r ON l.\"row\" = r.\"row\"{where}";
        return columns.Count == 0
            ? $"SELECT CASE WHEN count(*) >= {minCell} THEN count(*) END AS n, count(*) AS total FROM {rows} HAVING count(*) > 0"
            : $"SELECT {labels}, CASE WHEN count(*) >= {minCell} THEN count(*) END AS n, count(*) AS total FROM (SELECT {select} FROM {rows}) GROUP BY ALL";
    }

    /// <summary>Number of rows both tables have.</summary>
    public static long JoinSize(TokenRows left, TokenRows right)
    {
        try
        {
            using var connection = new DuckDBConnection("DataSource=:memory:");
            connection.Open();
            return Row(connection, $"SELECT count(*), 0::BIGINT, 0::BIGINT FROM {Files(left)} l JOIN {Files(right)} r ON l.\"row\" = r.\"row\"").Item1;
        }
        catch (DuckDBException exception)
        {
            // Not a passing fault of the state's database: the same files would fail again.
            throw new InvalidOperationException("the two tables cannot be joined", exception);
        }
    }

    private static string Files(TokenRows table) => $"read_parquet({Literal(Path.Combine(table.Folder, "*.parquet"))})";

    internal static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private static void Execute(DuckDBConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static (long, long, long) Row(DuckDBConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        reader.Read();
        return (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
    }
}

/// <summary>An answer would hold more groups than one message may.</summary>
/// <param name="groups">How many.</param>
public sealed class QueryTooLargeException(long groups) : Exception($"the answer would have {groups:N0} groups; {TokenEngine.MaximumGroups:N0} is the most. Ask by fewer or coarser columns")
{
    /// <summary>How many groups.</summary>
    public long Groups => groups;
}
