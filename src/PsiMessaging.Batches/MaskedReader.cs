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
    private byte[] _packed = [];

    public MaskedReader()
    {
        _connection.Open();
        using var settings = _connection.CreateCommand();
        settings.CommandText = "SET memory_limit='256MiB'; SET threads=1; SET enable_external_file_cache=false; SET parquet_metadata_cache=false;";
        settings.ExecuteNonQuery();
    }

    /// <summary>Reads a batch.</summary>
    /// <param name="path">The file, under a name of ours.</param>
    /// <param name="columns">Columns of the matrix.</param>
    /// <param name="words">Where the words go, column after column; its length gives the rows it must have.</param>
    /// <param name="wordBits">Bits of a word, 1 to 64.</param>
    /// <exception cref="InvalidDataException">It is no such batch.</exception>
    public void Read(string path, int columns, Span<ulong> words, int wordBits = MaskedBatch.MaximumWordBits)
    {
        var rows = words.Length / columns;
        var size = PackedWords.SizeBytes(rows, wordBits);
        try
        {
            using var command = _connection.CreateCommand();
            using var patience = new Timer(_ => command.Cancel(), null, Patience, Timeout.InfiniteTimeSpan);
            command.CommandText = $"SELECT * FROM read_parquet({DuckText.Literal(DuckText.Path(path))}) LIMIT {columns + 1}";
            using var reader = command.ExecuteReader();
            if (reader.FieldCount != 1 || reader.GetName(0) != MaskedBatch.ColumnName || reader.GetFieldType(0) != typeof(Stream))
            {
                throw new InvalidDataException("the batch is no column of packed words");
            }

            var column = 0;
            for (; reader.Read(); column++)
            {
                if (column == columns)
                {
                    throw new InvalidDataException("the batch has more columns than were announced");
                }

                using var packed = reader.GetStream(0);
                if (packed.Length != size)
                {
                    throw new InvalidDataException("the batch has other rows than were announced");
                }

                if (_packed.Length < size)
                {
                    _packed = new byte[size];
                }

                packed.ReadExactly(_packed, 0, size);
                PackedWords.Read(_packed.AsSpan(0, size), wordBits, words.Slice(column * rows, rows));
            }

            if (column != columns)
            {
                throw new InvalidDataException("the batch has fewer columns than were announced");
            }
        }
        catch (Exception exception) when (exception is DuckDBException or InvalidOperationException
            or InvalidCastException or OverflowException or IndexOutOfRangeException or OperationCanceledException)
        {
            throw new InvalidDataException("the batch is not a readable Parquet file of packed words", exception);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _connection.Dispose();
}
