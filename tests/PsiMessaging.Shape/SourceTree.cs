using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace PsiMessaging.Shape;

/// <summary>A parsed file of source.</summary>
/// <param name="Project">The folder of its project, for example <c>PsiMessaging.Party</c>.</param>
/// <param name="Path">Below the checkout, with forward slashes.</param>
/// <param name="Root">Its syntax; nothing is bound, so a checkout that does not build is measured too.</param>
public sealed record SourceFile(string Project, string Path, CompilationUnitSyntax Root)
{
    /// <summary>Whether it belongs to the product, not to tests or contracts.</summary>
    public bool IsProduct => Path.StartsWith("src/", StringComparison.Ordinal);
}

/// <summary>Every C# file of a checkout below <c>src</c>, <c>tests</c> and <c>contracts</c>, but for what tools write.</summary>
public sealed class SourceTree
{
    private static readonly string[] Tops = ["src", "tests", "contracts"];
    private static readonly string[] Written = ["bin", "obj", "artifacts"];

    private SourceTree(IReadOnlyList<SourceFile> files) => Files = files;

    /// <summary>In the order of their paths.</summary>
    public IReadOnlyList<SourceFile> Files { get; }

    /// <summary>Reads and parses all of them.</summary>
    /// <param name="root">The checkout.</param>
    /// <exception cref="DirectoryNotFoundException">It has none of the folders.</exception>
    public static SourceTree Read(string root)
    {
        var folders = Tops.Select(top => Path.Combine(root, top)).Where(Directory.Exists).ToArray();
        if (folders.Length == 0)
        {
            throw new DirectoryNotFoundException($"{root} has no src, tests or contracts");
        }

        var files = folders.SelectMany(folder => Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
            .Select(path => (Full: path, Short: Path.GetRelativePath(root, path).Replace('\\', '/')))
            .Where(path => !IsWritten(path.Short))
            .OrderBy(path => path.Short, StringComparer.Ordinal)
            .Select(path => new SourceFile(ProjectOf(path.Short), path.Short, Parse(path.Full)));
        return new SourceTree([.. files]);
    }

    /// <summary>The checkout that a folder is in.</summary>
    /// <param name="start">The folder, or one above it, holds PsiMessaging.sln.</param>
    /// <exception cref="DirectoryNotFoundException">It does not.</exception>
    public static string RootAbove(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "PsiMessaging.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"{start} is not in a checkout: no PsiMessaging.sln above it");
    }

    private static bool IsWritten(string path) =>
        path.EndsWith(".g.cs", StringComparison.Ordinal) || path.Split('/').Any(part => Written.Contains(part, StringComparer.Ordinal));

    private static string ProjectOf(string path) => path.Split('/') is [_, var project, _, ..] ? project : "";

    private static CompilationUnitSyntax Parse(string path) =>
        CSharpSyntaxTree.ParseText(File.ReadAllText(path), new CSharpParseOptions(LanguageVersion.Preview), path).GetCompilationUnitRoot();
}
