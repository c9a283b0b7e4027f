using DuckDB.NET.Data;
using PsiMessaging.Files;

namespace PsiMessaging.Batches;

/// <summary>What a checked batch of encrypted rows spans.</summary>
/// <param name="First">Its lowest row token; empty when it has no rows.</param>
/// <param name="Last">Its highest row token.</param>
public sealed record BatchTokens(byte[] First, byte[] Last);

/// <summary>
/// Reads Parquet that another participant sent, with DuckDB: the reader that checks a file is the one that later joins it, so the two can never disagree about
/// what it holds. Memory is bounded, and a reader that makes no progress is interrupted.
/// </summary>
public static class ParquetInspection
{
    /// <summary>Longest ciphertext of one value in bytes.</summary>
    public const int MaximumCellBytes = 128 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Holds a batch to its announcement: columns, count, no empty cell, row tokens of 16 bytes that ascend.</summary>
    /// <param name="path">The file, under a name of ours.</param>
    /// <param name="columns">Column tokens as registered, checked to be 32 hexadecimal digits.</param>
    /// <param name="rows">Announced rows.</param>
    /// <exception cref="InvalidDataException">The file breaks its announcement; the message holds no content.</exception>
    public static BatchTokens CheckBatch(string path, IReadOnlyList<string> columns, int rows) => Read(path, command =>
    {
        RequireColumns(command, path, [.. columns.Prepend(EncryptedBatch.RowColumn).Select(name => (name, "BLOB"))],
            "the batch has other columns than were registered");
        var cells = string.Concat(columns.Select(column => $", count(\"{column}\"), coalesce(max(octet_length(\"{column}\")), 0)"));
        command.CommandText = $"""
            SELECT count(*), count(*) FILTER (octet_length("row") = {EncryptedBatch.RowTokenSizeBytes}),
                count(*) FILTER ("row" <= before), min("row"), max("row"){cells}
            FROM (SELECT *, lag("row") OVER (ORDER BY file_row_number) AS before
                FROM read_parquet({DuckText.Literal(DuckText.Path(path))}, file_row_number = true))
            """;
        using var reader = command.ExecuteReader();
        reader.Read();
        var count = reader.GetInt64(0);
        if (count != rows)
        {
            throw new InvalidDataException($"the batch holds {count} rows where {rows} were announced");
        }

        if (reader.GetInt64(1) != rows || reader.GetInt64(2) != 0)
        {
            throw new InvalidDataException("the row tokens are of the wrong length, repeated or not sorted");
        }

        for (var i = 0; i < columns.Count; i++)
        {
            if (reader.GetInt64(5 + (2 * i)) != rows || reader.GetInt64(6 + (2 * i)) > MaximumCellBytes)
            {
                throw new InvalidDataException("the batch has an empty or overlong cell");
            }
        }

        return rows == 0 ? new BatchTokens([], []) : new BatchTokens(Bytes(reader, 3), Bytes(reader, 4));
    });

    /// <summary>Reads an answer: encrypted labels and counts.</summary>
    /// <param name="path">The file, under a name of ours.</param>
    /// <param name="columnCount">Columns asked for.</param>
    /// <param name="groups">Announced groups.</param>
    /// <exception cref="InvalidDataException">The file does not fit its announcement.</exception>
    public static (byte[][] Labels, long Count)[] ReadAnswer(string path, int columnCount, int groups) => Read(path, command =>
    {
        RequireColumns(command, path, [.. Enumerable.Range(0, columnCount).Select(i => ($"c{i}", "BLOB")),
            ("n", "BIGINT")], "the answer has other columns than were asked for");
        command.CommandText = $"SELECT * FROM read_parquet({DuckText.Literal(DuckText.Path(path))}) LIMIT {groups + 1}";
        using var reader = command.ExecuteReader();
        var answer = new List<(byte[][], long)>();
        while (reader.Read())
        {
            if (Enumerable.Range(0, columnCount + 1).Any(reader.IsDBNull))
            {
                throw new InvalidDataException("the answer has an empty label or count");
            }

            answer.Add(([.. Enumerable.Range(0, columnCount).Select(i => Bytes(reader, i))], reader.GetInt64(columnCount)));
        }

        return answer.Count == groups ? answer.ToArray() : throw new InvalidDataException($"the answer holds more or fewer groups than the {groups} announced");
    });

    /// <summary>How often each ciphertext of a column stands in a folder of batches, most often first: what anybody sees who holds them.</summary>
    /// <param name="folder">Folder of checked batches.</param>
    /// <param name="column">Column token, 32 hexadecimal digits.</param>
    public static IReadOnlyList<long> Multiplicities(string folder, string column) => Read(Path.Combine(folder, "*.parquet"), command =>
    {
        command.CommandText =
            $"SELECT count(*) FROM read_parquet({DuckText.Literal(Path.Combine(DuckText.Path(folder), "*.parquet"))}) GROUP BY \"{column}\" ORDER BY 1 DESC";
        using var reader = command.ExecuteReader();
        var counts = new List<long>();
        while (reader.Read())
        {
            counts.Add(reader.GetInt64(0));
        }

        return counts;
    });

    private static T Read<T>(string path, Func<DuckDBCommand, T> read)
    {
        try
        {
            using var connection = new DuckDBConnection("DataSource=:memory:");
            connection.Open();
            using (var settings = connection.CreateCommand())
            {
                settings.CommandText = $"SET memory_limit='256MiB'; SET threads=1; SET temp_directory={DuckText.Literal(Path.GetDirectoryName(path)!)};";
                settings.ExecuteNonQuery();
            }

            using var command = connection.CreateCommand();
            using var patience = new Timer(_ => command.Cancel(), null, Patience, Timeout.InfiniteTimeSpan);
            return read(command);
        }
        catch (Exception exception) when (exception is DuckDBException or InvalidOperationException
            or InvalidCastException or OverflowException or IndexOutOfRangeException)
        {
            throw new InvalidDataException("it is not a readable Parquet file: it is damaged or cut off", exception);
        }
    }

    private static void RequireColumns(DuckDBCommand command, string path, (string Name, string Type)[] expected, string otherwise)
    {
        command.CommandText = $"DESCRIBE SELECT * FROM read_parquet({DuckText.Literal(DuckText.Path(path))})";
        using var reader = command.ExecuteReader();
        var found = new List<(string, string)>();
        while (reader.Read())
        {
            found.Add((reader.GetString(0), reader.GetString(1)));
        }

        if (!found.SequenceEqual(expected))
        {
            throw new InvalidDataException(otherwise);
        }
    }

    private static byte[] Bytes(DuckDBDataReader reader, int column)
    {
        using var stream = reader.GetStream(column);
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
