namespace PsiMessaging.Batches;

/// <summary>
/// Rows of a matrix of words of 1 to 64 bits, each row packed alone (<see cref="PackedWords"/>) into whole bytes, so that any row can be read by itself. In
/// memory a part of a matrix is column after column, as <see cref="ColumnProducts"/> wants it.
/// </summary>
public static class PackedRows
{
    /// <summary>Bytes of a row.</summary>
    /// <param name="columns">Words a row, 1 or more.</param>
    /// <param name="bits">Bits of a word, 1 to 64.</param>
    public static int RowSizeBytes(int columns, int bits) => PackedWords.SizeBytes(columns, bits);

    /// <summary>Packs rows; what is above the low bits of a word is left out.</summary>
    /// <param name="words">The part, column after column, <paramref name="rows"/> words each.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="bits">Bits of a word, 1 to 64.</param>
    public static byte[] Write(ReadOnlySpan<ulong> words, int rows, int columns, int bits)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(words.Length, rows * columns);
        var size = RowSizeBytes(columns, bits);
        var packed = new byte[rows * size];
        var row = new ulong[columns];
        for (var i = 0; i < rows; i++)
        {
            for (var column = 0; column < columns; column++)
            {
                row[column] = words[(column * rows) + i];
            }

            PackedWords.Write(row, bits, packed.AsSpan(i * size, size));
        }

        return packed;
    }

    /// <summary>Reads one row to its place in a part of a matrix.</summary>
    /// <param name="packed">The row's bytes.</param>
    /// <param name="bits">Bits of a word.</param>
    /// <param name="row">Receives the words of the row, in between.</param>
    /// <param name="words">The part, column after column.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="place">Which of them.</param>
    public static void Read(ReadOnlySpan<byte> packed, int bits, Span<ulong> row, Span<ulong> words, int rows, int place)
    {
        PackedWords.Read(packed, bits, row);
        for (var column = 0; column < row.Length; column++)
        {
            words[(column * rows) + place] = row[column];
        }
    }

    /// <summary>Reads rows.</summary>
    /// <param name="packed">What <see cref="Write"/> made, of the right length.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="bits">Bits of a word.</param>
    /// <returns>The part, column after column.</returns>
    public static ulong[] Read(ReadOnlySpan<byte> packed, int rows, int columns, int bits)
    {
        var size = RowSizeBytes(columns, bits);
        ArgumentOutOfRangeException.ThrowIfNotEqual(packed.Length, rows * size);
        var (words, row) = (new ulong[rows * columns], new ulong[columns]);
        for (var i = 0; i < rows; i++)
        {
            Read(packed.Slice(i * size, size), bits, row, words, rows, i);
        }

        return words;
    }

    /// <summary>Packs rows that are in memory row after row.</summary>
    /// <param name="words">The rows.</param>
    /// <param name="columns">Words a row.</param>
    /// <param name="bits">Bits of a word.</param>
    public static byte[] WriteInOrder(ReadOnlySpan<ulong> words, int columns, int bits)
    {
        var (rows, size) = (words.Length / columns, RowSizeBytes(columns, bits));
        var packed = new byte[rows * size];
        for (var i = 0; i < rows; i++)
        {
            PackedWords.Write(words.Slice(i * columns, columns), bits, packed.AsSpan(i * size, size));
        }

        return packed;
    }

    /// <summary>Reads rows into memory row after row.</summary>
    /// <param name="packed">What <see cref="WriteInOrder"/> made.</param>
    /// <param name="columns">Words a row.</param>
    /// <param name="bits">Bits of a word.</param>
    /// <param name="words">Receives them.</param>
    public static void ReadInOrder(ReadOnlySpan<byte> packed, int columns, int bits, Span<ulong> words)
    {
        var size = RowSizeBytes(columns, bits);
        ArgumentOutOfRangeException.ThrowIfNotEqual(packed.Length, words.Length / columns * size);
        for (var i = 0; i < words.Length / columns; i++)
        {
            PackedWords.Read(packed.Slice(i * size, size), bits, words.Slice(i * columns, columns));
        }
    }
}
