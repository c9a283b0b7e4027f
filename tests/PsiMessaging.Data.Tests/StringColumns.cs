using Parquet;
using Parquet.Schema;

namespace PsiMessaging.Data.Tests;

/// <summary>Dataset files as earlier versions wrote them: Parquet columns of strings, an empty one as null.</summary>
internal static class StringColumns
{
    public static async Task WriteAsync(string path, string[] columns, IReadOnlyList<string[]> rows, int groupRows)
    {
        var fields = Array.ConvertAll(columns, name => new DataField<string>(name));
        await using var stream = File.Create(path);
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields.Cast<Field>().ToArray()), stream,
            new ParquetOptions { CompressionMethod = CompressionMethod.Snappy });
        foreach (var chunk in rows.Chunk(groupRows))
        {
            using var group = writer.CreateRowGroup();
            for (var i = 0; i < fields.Length; i++)
            {
                await group.WriteAsync(fields[i], chunk.Select(row => row[i].Length == 0 ? null : row[i]).ToList()!);
            }
        }
    }
}
