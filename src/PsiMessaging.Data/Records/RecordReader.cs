namespace PsiMessaging.Data.Records;

/// <summary>Opens input files by their content: Parquet, Excel workbooks, CSV; compressed with gzip or zstd where they can be read as a stream.</summary>
public static class RecordReader
{
    /// <summary>Opens <paramref name="path"/>.</summary>
    /// <exception cref="InputException">
    /// Missing, a folder, unreadable, empty, without a usable header, or of a kind that cannot be read: the message names the kind and the way out.
    /// </exception>
    public static IRecordReader Open(string path, RecordReaderOptions options)
    {
        if (Directory.Exists(path))
        {
            throw new InputException($"{path} is a folder; name a CSV or Parquet file");
        }

        if (!File.Exists(path))
        {
            throw new InputException($"{path} does not exist");
        }

        InputStream? input = null;
        try
        {
            input = InputStream.Open(path);
            return input.Kind switch
            {
                InputKind.Parquet => ParquetRecordReader.Open(input, options),
                InputKind.Workbook => WorkbookRecordReader.Open(input, options),
                _ => CsvRecordReader.Open(input, options),
            };
        }
        catch (Exception exception)
        {
            input?.Dispose();
            throw exception switch
            {
                UnauthorizedAccessException => new InputException($"{path} cannot be read: permission denied", exception),
                IOException => new InputException($"{path} cannot be read: {exception.Message}", exception),
                _ => exception,
            };
        }
    }

    /// <summary>Column names as they are compared: Unicode NFC, without blanks around them.</summary>
    public static string NormalizeName(string name)
    {
        var trimmed = name.Trim().TrimStart('\uFEFF');
        try
        {
            return trimmed.Normalize();
        }
        catch (ArgumentException)
        {
            // A lone surrogate: the name stays as it is.
            return trimmed;
        }
    }

    /// <summary>Names for a message: the first ones, and how many more.</summary>
    internal static string List(IReadOnlyCollection<string> names)
    {
        const int Shown = 30;
        return names.Count == 0 ? "none" : string.Join(", ", names.Take(Shown)) + (names.Count > Shown ? $" and {names.Count - Shown:N0} more" : "");
    }
}
