using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Types;
using PsiMessaging.Files;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Datasets;

/// <summary>Reads a file into a dataset: its rows as they are kept, its identifiers, and what each column holds.</summary>
internal sealed class DatasetReading(DatasetCatalog catalog, TimeProvider time)
{
    /// <summary>What takes in each column beside the key, by its place in the file.</summary>
    public static (int Index, ColumnIntake Intake)[] IntakesOf(DatasetRequest request, IRecordReader source, Dictionary<string, ColumnType> types)
    {
        if (types.Keys.FirstOrDefault(request.Key.Contains) is { } wrong)
        {
            var others = source.Columns.Except(request.Key, StringComparer.Ordinal).DefaultIfEmpty("none");
            throw new InputException(
                $"{request.File}: the column {wrong} is part of the key and has no type; beside its key the file has {string.Join(", ", others)}");
        }

        var otherTypes = Named(request.OtherTypes);
        return [.. source.Columns.Select((name, i) => (Index: i, Name: name)).Where(column => !request.Key.Contains(column.Name)).Select(column =>
        {
            var type = types.GetValueOrDefault(column.Name) ?? otherTypes.GetValueOrDefault(column.Name);
            return (column.Index, new ColumnIntake(request.File, column.Name, type, request.Reading));
        })];
    }

    /// <summary>Reads the file into a folder: its rows as they are kept, and its identifiers.</summary>
    public async Task<Dataset> ReadAsync(DatasetRequest request, IRecordReader source,
        int[] keyColumns, (int Index, ColumnIntake Intake)[] intakes, string folder)
    {
        var path = Path.Combine(folder, DatasetCatalog.RowsName);
        using var hash = KeyedHash.Random();
        using var scratch = catalog.Scratch(Path.Combine(folder, "scratch"));
        var counters = request.Key.Select(name => new KeyPartCounter(name)).ToArray();
        using var identifiers = new IdentifierSet(
            canonical => (ulong)(hash.Compute(canonical) >> 64), keyColumns,
            new Canonicalizer(request.FoldCase, request.MissingWords, request.WholeNumbers), scratch, counters);
        var (counts, fileHash) = await WriteAsync(source, folder, identifiers, intakes);
        counts.Check(request.File, request.Duplicates);
        fileHash = await WritePlainAsync(path, intakes) ? await HashAsync(path) : fileHash;
        var described = Array.ConvertAll(intakes, column => column.Intake.Finish());
        scratch.Dispose();
        PrivateFile.FlushFolder(folder);
        return new Dataset(request.Name, source.Columns, request.Key, request.FoldCase, request.Duplicates,
            counts.Rows, counts.Distinct, counts.Dropped, counts.Repeated, fileHash, time.GetUtcNow(), described, request.MinCell,
            Canonicalizer.Version, request.Texts, request.MissingWords, Array.ConvertAll(counters, counter => counter.Finish()), request.WholeNumbers,
            source.Report with { Notes = [.. source.Report.Notes, .. intakes.SelectMany(column => column.Intake.Notes)] });
    }

    /// <summary>Writes the rows as the file has them, and the identifiers.</summary>
    /// <returns>What there is of identifiers, and the hash of the rows' file.</returns>
    private static async Task<(IdentifierCounts Counts, string Hash)> WriteAsync(
        IRecordReader source, string folder, IdentifierSet identifiers, (int Index, ColumnIntake Intake)[] intakes)
    {
        var path = Path.Combine(folder, DatasetCatalog.RowsName);
        await using var stream = PrivateFile.Open(path, FileMode.CreateNew);
        await DatasetFile.WriteAsync(source, stream, [identifiers.Add, .. intakes.Select(column => DatasetFile.Taking(column.Index, column.Intake.Add))]);

        // The identifiers are put in order while the disk takes the rows.
        var writing = Task.Run(() => identifiers.Write(Path.Combine(folder, DatasetCatalog.IdentifiersName)));
        try
        {
            stream.Flush(flushToDisk: true);
            stream.Position = 0;
            var hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(stream));
            return (await writing, hash);
        }
        catch
        {
            await writing;
            throw;
        }
    }

    private static async Task<string> HashAsync(string path)
    {
        await using var stored = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stored));
    }

    /// <summary>Types by the names of columns as they are compared.</summary>
    public static Dictionary<string, ColumnType> Named(IReadOnlyDictionary<string, ColumnType>? types) =>
        (types ?? new Dictionary<string, ColumnType>()).ToDictionary(type => RecordReader.NormalizeName(type.Key), type => type.Value, StringComparer.Ordinal);

    /// <summary>
    /// Writes the rows again where numbers or missing values are written in ways of their own: what is kept is plain, so nothing later reads it otherwise.
    /// </summary>
    /// <returns>Whether it did.</returns>
    private static async Task<bool> WritePlainAsync(string path, (int Index, ColumnIntake Intake)[] intakes)
    {
        var fileHasCommas = intakes.Any(column => column.Intake.SurelyHasCommas);
        var found = intakes.Where(column => column.Intake.NeedsRewriting(fileHasCommas)).ToDictionary(column => column.Index, column => column.Intake);
        while (found.Count > 0)
        {
            await using (var stream = PrivateFile.Open(path + ".part", FileMode.Create))
            {
                await DatasetFile.RewriteAsync(path, stream, found);
                stream.Flush(flushToDisk: true);
            }

            var texts = found.Where(column => column.Value.TurnsOutText()).Select(column => column.Key).ToArray();
            if (texts.Length == 0)
            {
                AtomicFile.Rename(path + ".part", path);
                return true;
            }

            Array.ForEach(texts, index => found.Remove(index));
            Array.ForEach([.. found.Values], column => column.Restart());
            File.Delete(path + ".part");
        }

        return false;
    }
}
