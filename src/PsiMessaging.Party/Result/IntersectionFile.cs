using System.Globalization;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Output;
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

        var canonicalizer = dataset.NewCanonicalizer();
        CsvOutput.WriteFile(path, header, writer => catalog.ReadRowsAsync(dataset, dataset.Key, (row, key) =>
        {
            if (!matched[row])
            {
                return;
            }

            canonicalizer.Begin();
            for (var i = 0; i < key.Length; i++)
            {
                writer.Write(key[i]!, first: i == 0);
                canonicalizer.TryAdd(key[i]);
            }

            writer.Write((row + 1).ToString(CultureInfo.InvariantCulture), first: false);
            for (var rest = canonicalizer.Current; !rest.IsEmpty;)
            {
                Canonicalizer.TakePart(ref rest, out var part);
                writer.Write(part, first: false);
            }

            writer.EndRow();
        }).GetAwaiter().GetResult());
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
