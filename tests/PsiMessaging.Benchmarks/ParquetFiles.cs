using System.Globalization;
using DuckDB.NET.Data;
using PsiMessaging.Data;
using PsiMessaging.Data.Records;
using PsiMessaging.Files;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>parquet-files FOLDER</c>: reads every file of a collection, the public conformance collections for example, as a dataset is read, and by DuckDB itself.
/// Each is the same, or refused, with the reason; exit code 1 if any is neither.
/// </summary>
internal static class ParquetFiles
{
    public static int Run(string[] args)
    {
        var (same, refused, wrong) = (0, 0, 0);
        using var duck = new DuckDBConnection("DataSource=:memory:");
        duck.Open();
        foreach (var path in Directory.EnumerateFiles(args[1], "*", SearchOption.AllDirectories)
            .Where(path => Path.GetExtension(path) is ".parquet" or ".encrypted").Order(StringComparer.Ordinal))
        {
            var name = Path.GetRelativePath(args[1], path);
            try
            {
                using var reader = RecordReader.Open(path, new RecordReaderOptions());
                var difference = Compare(reader, duck, path);
                (same, wrong) = difference is null ? (same + 1, wrong) : (same, wrong + 1);
                Console.WriteLine($"{(difference is null ? "same" : "WRONG")} {name}: {difference ?? reader.Report.ToString()}");
            }
            catch (InputException exception)
            {
                refused++;
                Console.WriteLine($"refused {name}: {exception.Message.Replace(path, "it", StringComparison.Ordinal)} [DuckDB: {Theirs(duck, path)}]");
            }
        }

        Console.WriteLine($"{same} the same, {refused} refused, {wrong} wrong");
        return wrong == 0 ? 0 : 1;
    }

    private static string Sql(string select, string path) =>
        $"SELECT {select} FROM read_parquet({DuckText.Literal(DuckText.Path(path))}, hive_partitioning = false)";

    private static string Theirs(DuckDBConnection duck, string path)
    {
        try
        {
            using var command = duck.CreateCommand();
            command.CommandText = Sql("max(COLUMNS(*)::VARCHAR)", path);
            using var reader = command.ExecuteReader();
            return reader.Read() ? "reads it" : "reads nothing";
        }
        catch (DuckDBException exception)
        {
            return exception.Message.Split('\n')[0];
        }
    }

    private static string? Compare(IRecordReader reader, DuckDBConnection duck, string path)
    {
        using var command = duck.CreateCommand();
        command.UseStreamingMode = true;
        command.CommandText = Sql("COLUMNS(*)::VARCHAR", path);
        using var theirs = command.ExecuteReader();

        // DuckDB puts a number behind a name that differs from another in case only.
        var places =
            reader.Columns.Select(name => Enumerable.Range(0, theirs.FieldCount).OrderByDescending(i => RecordReader.NormalizeName(theirs.GetName(i)) == name)
            .First(i => RecordReader.NormalizeName(theirs.GetName(i)) is var other
                && (other == name || other.StartsWith(name + "_", StringComparison.Ordinal))))
            .ToArray();
        for (var row = 1; ; row++)
        {
            var (ours, other) = (reader.Read(), theirs.Read());
            if (ours != other)
            {
                return $"other number of rows, at {row}";
            }

            if (!ours)
            {
                return null;
            }

            for (var i = 0; i < places.Length; i++)
            {
                var text = theirs.IsDBNull(places[i]) ? "" : theirs.GetString(places[i]);
                if (!IsSame(reader.GetSpan(i).ToString(), text))
                {
                    return $"row {row}, column {reader.Columns[i]}: {reader.GetSpan(i)} where DuckDB has {text}";
                }
            }
        }
    }

    private static bool IsSame(string ours, string theirs) =>
        ours == theirs || (ours.Length == 0 && string.IsNullOrWhiteSpace(theirs)) || ours.Replace('T', ' ') == theirs
            || ours + " 00:00:00" == theirs || ours.Replace('T', ' ') + "+00" == theirs || ours + " 00:00:00+00" == theirs
        || (theirs is "nan" or "-nan" && ours is "NaN") || (theirs is "inf" or "-inf" && ours is "Infinity" or "-Infinity")
        || (double.TryParse(ours, NumberStyles.Float, CultureInfo.InvariantCulture, out var one)
            && double.TryParse(theirs, NumberStyles.Float, CultureInfo.InvariantCulture, out var other) && one.Equals(other)
            && (theirs.EndsWith(".0", StringComparison.Ordinal) || theirs.Contains('e', StringComparison.Ordinal)));
}
