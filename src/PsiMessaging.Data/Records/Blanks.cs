namespace PsiMessaging.Data.Records;

/// <summary>What holds for values of every kind of file: only white space is nothing, and so are the words that a person said mean a missing value.</summary>
/// <param name="missing">The words.</param>
internal sealed class Blanks(IReadOnlyList<string> missing)
{
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _missing = missing.Select(word => word.Trim())
        .ToHashSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
    private readonly int _longest = missing.Select(word => word.Trim().Length).DefaultIfEmpty(0).Max();

    /// <summary>The value, or nothing.</summary>
    public ReadOnlySpan<char> Clear(ReadOnlySpan<char> value) =>
        value.IsEmpty || (_longest == 0 && value[0] is > ' ' and < '\u0080') || !IsMissing(value) ? value : default;

    private bool IsMissing(ReadOnlySpan<char> value)
    {
        var trimmed = value.Trim();
        return trimmed.IsEmpty || (trimmed.Length <= _longest && _missing.Contains(trimmed));
    }
}
