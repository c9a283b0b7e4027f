using PsiMessaging.Data.Datasets;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Output;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Party.Datasets;

namespace PsiMessaging.Party.Result;

/// <summary>The result a party holds: a header with the key columns, then the common identifiers in canonical form, sorted by their bytes.</summary>
public static class IntersectionFile
{
    /// <summary>File name inside a session's folder.</summary>
    public const string Name = "intersection.csv";

    /// <summary>Name of the file that joins to the party's own.</summary>
    public const string OwnName = "intersection-own.csv";

    /// <summary>
    /// Writes the common records as they stand in the party's own file, in its order: the key columns under their own names in their own spelling, the number
    /// of the record (from 1, the header not counted), and each part of the identifier in canonical form, as the other file has it.
    /// </summary>
    /// <param name="path">The file; appears when it is whole.</param>
    /// <param name="dataset">The party's dataset.</param>
    /// <param name="catalog">Where it is.</param>
    /// <param name="matched">Its common rows; of rows that repeat an identifier the first.</param>
    internal static void WriteOwn(string path, Dataset dataset, DatasetCatalog catalog, MatchedRows matched)
    {
        static string Free(string name, ICollection<string> taken) => taken.Contains(name) ? Free("_" + name, taken) : name;
        var header = dataset.Key.ToList();
        foreach (var name in dataset.Key.Select((_, i) => dataset.Key.Count == 1 ? "canonical" : $"canonical_{i + 1}").Prepend("record"))
        {
            header.Add(Free(name, header));
        }

        CsvOutput.WriteFile(path, header, writer =>
        {
            using var rows = catalog.OpenRows(dataset);
            var keyColumns = DatasetFile.FindColumns(dataset.Name, rows.Columns, dataset.Key);
            var canonicalizer = dataset.NewCanonicalizer();
            for (var row = 0; rows.Read(); row++)
            {
                if (matched[row])
                {
                    WriteRow(writer, rows, keyColumns, row, canonicalizer);
                }
            }
        });
    }

    private static void WriteRow(CsvOutput.Utf8Rows writer, IRecordReader rows, int[] keyColumns, int row, Canonicalizer canonicalizer)
    {
        for (var i = 0; i < keyColumns.Length; i++)
        {
            writer.Write(rows.GetSpan(keyColumns[i]), first: i == 0);
        }

        writer.Write(row + 1);
        IdentifierSet.TryRead(rows, keyColumns, canonicalizer);
        for (var rest = canonicalizer.Current; !rest.IsEmpty;)
        {
            Canonicalizer.TakePart(ref rest, out var part);
            writer.Write(part, first: false);
        }

        writer.EndRow();
    }

    /// <summary>Writes the file while it feeds what both parties compare.</summary>
    /// <param name="path">The file; appears when it is whole.</param>
    /// <param name="header">Names of the key columns.</param>
    /// <param name="identifiers">The common identifiers' canonical bytes, sorted by <see cref="IdentifierOrder"/>.</param>
    /// <param name="digest">Takes each identifier.</param>
    internal static void Write(string path, IReadOnlyList<string> header, SortedRecords identifiers, ResultDigest digest) =>
        CsvOutput.WriteFile(path, header, writer =>
    {
        while (identifiers.MoveNext())
        {
            digest.Append(identifiers.Content);
            var first = true;
            for (var rest = identifiers.Content; !rest.IsEmpty; first = false)
            {
                Canonicalizer.TakePart(ref rest, out var part);
                writer.Write(part, first);
            }

            writer.EndRow();
        }
    });
}
