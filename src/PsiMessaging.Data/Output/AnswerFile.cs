using System.Globalization;
using Parquet;
using Parquet.Schema;

namespace PsiMessaging.Data.Output;

/// <summary>Type of a column of an answer file.</summary>
public enum AnswerFileType
{
    Text,
    Integer,
    Decimal,
    Double,
}

/// <summary>A column of an answer file.</summary>
/// <param name="Name">Heading; one that comes again gets its place behind it.</param>
/// <param name="Type">Type.</param>
/// <param name="Decimals">Digits after the point of decimals; those with more than 28 digits in all become doubles.</param>
/// <param name="Values">Values as text, null where there is none or where it is withheld.</param>
public sealed record AnswerFileColumn(string Name, AnswerFileType Type, int Decimals, IReadOnlyList<string?> Values);

/// <summary>An answer as Parquet: typed columns, a boolean column <c>withheld</c>, and metadata under keys of the file.</summary>
public static class AnswerFile
{
    private const string WithheldColumn = "withheld";

    /// <summary>Writes the file.</summary>
    public static async Task<byte[]> WriteAsync(IReadOnlyList<AnswerFileColumn> columns,
        IReadOnlyList<bool> withheld, IReadOnlyDictionary<string, string> metadata)
    {
        var fields = columns.Select((column, i) =>
                Field(column, columns.Take(i).Any(former => former.Name == column.Name) || column.Name == WithheldColumn ? $"{column.Name}_{i}" : column.Name))
            .ToArray();
        var flag = new DataField<bool>(WithheldColumn);
        using var stream = new MemoryStream();
        var writer = await ParquetWriter.CreateAsync(new ParquetSchema([.. fields, flag]), stream);
        await using (writer)
        {
            writer.CustomMetadata = new Dictionary<string, string>(metadata);
            using var group = writer.CreateRowGroup();
            for (var i = 0; i < fields.Length; i++)
            {
                var values = columns[i].Values;
                if (fields[i].ClrType == typeof(long))
                {
                    await group.WriteAsync<long>(fields[i],
                        values.Select(value => value is null ? (long?)null : long.Parse(value, CultureInfo.InvariantCulture)).ToArray().AsMemory());
                }
                else if (fields[i].ClrType == typeof(decimal))
                {
                    await group.WriteAsync<decimal>(fields[i],
                            values.Select(value => value is null ? (decimal?)null : decimal.Parse(value, NumberStyles.Float, CultureInfo.InvariantCulture))
                        .ToArray().AsMemory());
                }
                else if (fields[i].ClrType == typeof(double))
                {
                    await group.WriteAsync<double>(fields[i],
                            values.Select(value => value is null ? (double?)null : double.Parse(value, NumberStyles.Float, CultureInfo.InvariantCulture))
                        .ToArray().AsMemory());
                }
                else
                {
                    await group.WriteAsync(fields[i], values.ToArray()!);
                }
            }

            await group.WriteAsync<bool>(flag, withheld.ToArray().AsMemory());
        }

        return stream.ToArray();
    }

    private static DataField Field(AnswerFileColumn column, string name) => column.Type switch
    {
        AnswerFileType.Integer => new DataField<long?>(name),
        AnswerFileType.Decimal when column.Values.All(value => value is null || value.Length <= 28) =>
            new DecimalDataField(name, 28, column.Decimals, isNullable: true),
        AnswerFileType.Decimal or AnswerFileType.Double => new DataField<double?>(name),
        _ => new DataField<string>(name),
    };
}
