namespace PsiMessaging.Shape;

/// <summary>
/// What may break a rule of shape, and why: a line each with the rule, the subject and the reason, parted by blanks; lines that begin with # say nothing.
/// A subject that ends in * covers all that begin so.
/// </summary>
public sealed class ShapeExceptions
{
    private readonly IReadOnlyList<(string Rule, string Subject)> _entries;

    private ShapeExceptions(IReadOnlyList<(string Rule, string Subject)> entries) => _entries = entries;

    /// <exception cref="FormatException">A line has no reason.</exception>
    public static ShapeExceptions Parse(IEnumerable<string> lines)
    {
        var entries = new List<(string Rule, string Subject)>();
        foreach (var line in lines.Where(line => line.Trim() is { Length: > 0 } text && text[0] != '#'))
        {
            if (line.Split(' ', 3, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is not [var rule, var subject, { Length: > 0 }])
            {
                throw new FormatException($"An exception is a rule, a subject and a reason: {line}");
            }

            entries.Add((rule, subject));
        }

        return new ShapeExceptions(entries);
    }

    /// <summary>The offences that nothing excuses.</summary>
    public IReadOnlyList<Offence> Unexcused(IEnumerable<Offence> offences) => [.. offences.Where(offence => !_entries.Any(entry => Covers(entry, offence)))];

    /// <summary>The exceptions that excuse nothing any more.</summary>
    public IReadOnlyList<string> Unused(IReadOnlyCollection<Offence> offences) =>
        [.. _entries.Where(entry => !offences.Any(offence => Covers(entry, offence))).Select(entry => $"{entry.Rule} {entry.Subject}")];

    private static bool Covers((string Rule, string Subject) entry, Offence offence) =>
        entry.Rule == offence.Rule
        && (entry.Subject.EndsWith('*') ? offence.Subject.StartsWith(entry.Subject[..^1], StringComparison.Ordinal) : offence.Subject == entry.Subject);
}
