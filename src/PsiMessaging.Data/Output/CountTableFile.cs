using Parquet;
using Parquet.Schema;

namespace PsiMessaging.Data.Output;

/// <summary>A table of counts as Parquet: labels as text, <c>count</c> as a 64-bit integer, null where suppressed, and <c>suppressed</c> as a boolean.</summary>
public static class CountTableFile
{
    /// <summary>Writes the table.</summary>
    /// <param name="columns">Names of the label columns; a name that comes again gets its place behind it.</param>
    /// <param name="groups">Labels, one a column, and the count.</param>
    public static async Task<byte[]> WriteAsync(IReadOnlyList<string> columns, IReadOnlyList<(IReadOnlyList<string?> Labels, long? Count)> groups)
    {
        var labels = columns.Select((name, i) => new DataField<string>(columns.Take(i).Contains(name) || name is "count" or "suppressed" ? $"{name}_{i}" : name)).ToArray();
        var count = new DataField<long?>("count");
        var suppressed = new DataField<bool>("suppressed");
        using var stream = new MemoryStream();
        var writer = await ParquetWriter.CreateAsync(new ParquetSchema([.. labels, count, suppressed]), stream);
        await using (writer)
        {
            using var group = writer.CreateRowGroup();
            for (var i = 0; i < labels.Length; i++)
            {
                await group.WriteAsync(labels[i], groups.Select(entry => entry.Labels[i]).ToArray()!);
            }

            await group.WriteAsync<long>(count, groups.Select(entry => entry.Count).ToArray().AsMemory());
            await group.WriteAsync<bool>(suppressed, groups.Select(entry => entry.Count is null).ToArray().AsMemory());
        }

        return stream.ToArray();
    }
}
