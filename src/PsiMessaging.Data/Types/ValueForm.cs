namespace PsiMessaging.Data.Types;

/// <summary>
/// The one form a value has wherever it is compared: rows for either engine, filters, groups. A number by what it is worth, a text by <see cref="TextForm"/>.
/// </summary>
public static class ValueForm
{
    /// <summary>A value of a row; null where it is missing.</summary>
    /// <param name="raw">As it stands in the file.</param>
    /// <param name="type">The column's type; the value was held to it when the dataset was added.</param>
    /// <param name="texts">The rule of texts.</param>
    public static string? Of(ReadOnlySpan<char> raw, ColumnType type, TextRule texts)
    {
        if (type.IsNumber)
        {
            return Units(raw, type) is { } units ? FixedPoint.WriteShort(units, type.Decimals) : null;
        }

        var text = TextForm.Of(raw, texts);
        return text.IsEmpty ? null : text.ToString();
    }

    /// <summary>A number of a row in units of its type; null where it is missing.</summary>
    /// <exception cref="InputException">
    /// It is none, or does not fit: the rows are not those the type was found for. A value that was left out would make every number after it wrong.
    /// </exception>
    public static long? Units(ReadOnlySpan<char> raw, ColumnType type)
    {
        var trimmed = raw.Trim();
        return trimmed.IsEmpty ? null
            : FixedPoint.Read(trimmed, type.Digits, type.Decimals, out var units) is NumberReading.Exact or NumberReading.Rounded ? units
            : throw new InputException($"a value in a column of type {type} is no such number; remove the dataset and add it again");
    }
}
