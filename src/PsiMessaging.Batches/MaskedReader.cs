using DuckDB.NET.Data;
using PsiMessaging.Files;

namespace PsiMessaging.Batches;

/// <summary>
/// Reads masked batches that a party sent, with DuckDB: bounded memory, and a reader that makes no progress is interrupted. Holds one connection for many
/// batches. Not thread-safe.
/// </summary>
public sealed class MaskedReader : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly DuckDBConnection _connection = new("DataSource=:memory:");

    public MaskedReader()
    {
        _connection.Open();
        using var settings = _connection.CreateCommand();
        settings.CommandText = "SET memory_limit='256MiB'; SET threads=1; SET enable_external_file_cache=false; SET parquet_metadata_cache=false;";
        settings.ExecuteNonQuery();
    }

    /// <summary>Reads a batch.</summary>
    /// <param name="path">The file, under a name of ours.</param>
    /// <param name="columns">Columns it must have.</param>
    /// <param name="words">Where the words go, column after column; its length gives the rows it must have.</param>
    /// <exception cref="InvalidDataException">It is no such batch.</exception>
    public void Read(string path, int columns, Span<ulong> words)
    {
        var rows = words.Length / columns;
        try
        {
            using var command = _connection.CreateCommand();
            using var patience = new Timer(_ => command.Cancel(), null, Patience, Timeout.InfiniteTimeSpan);
            command.CommandText = $"SELECT * FROM read_parquet({DuckText.Literal(DuckText.Path(path))}) LIMIT {rows + 1}";
            using var reader = command.ExecuteReader();
            if (reader.FieldCount != columns
                || Enumerable.Range(0, columns).Any(i => reader.GetName(i) != MaskedBatch.ColumnName(i) || reader.GetFieldType(i) != typeof(long)))
            {
                throw new InvalidDataException("the batch has other columns than were announced");
            }

            var row = 0;
            for (; reader.Read(); row++)
            {
                if (row == rows)
                {
                    throw new InvalidDataException("the batch has more rows than were announced");
                }

                for (var i = 0; i < columns; i++)
                {
                    words[(i * rows) + row] = (ulong)reader.GetInt64(i);
                }
            }

            if (row != rows)
            {
                throw new InvalidDataException("the batch has fewer rows than were announced");
            }
        }
        catch (Exception exception) when (exception is DuckDBException or InvalidOperationException
            or InvalidCastException or OverflowException or IndexOutOfRangeException or OperationCanceledException)
        {
            throw new InvalidDataException("the batch is not a readable Parquet file of whole numbers", exception);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _connection.Dispose();
}
