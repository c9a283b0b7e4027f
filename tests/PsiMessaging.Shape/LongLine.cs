namespace PsiMessaging.Shape;

/// <summary>A line of source that is too long to read beside another window.</summary>
/// <param name="Project">The folder of its project.</param>
/// <param name="Path">Its file.</param>
/// <param name="Line">Its number, from 1.</param>
/// <param name="Characters">How long it is.</param>
public sealed record LongLine(string Project, string Path, int Line, int Characters)
{
    /// <summary>Every line of some files that is longer than <paramref name="limit"/> characters.</summary>
    public static IReadOnlyList<LongLine> In(IEnumerable<SourceFile> files, int limit) =>
    [
        .. files.SelectMany(file => file.Root.SyntaxTree.GetText().Lines
            .Where(line => line.Span.Length > limit)
            .Select(line => new LongLine(file.Project, file.Path, line.LineNumber + 1, line.Span.Length))),
    ];
}
