using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace PsiMessaging.Shape;

/// <summary>A class, struct, interface or record, all its parts together.</summary>
/// <param name="Project">The folder of its project.</param>
/// <param name="Name">With namespace and the types it is nested in.</param>
/// <param name="Lines">From its first word to its closing brace, without attributes and docstring, nested types included; the sum over its parts.</param>
/// <param name="Paths">The files it is in.</param>
public sealed record TypeShape(string Project, string Name, int Lines, IReadOnlyList<string> Paths)
{
    /// <summary>Every type of some files, nested ones too.</summary>
    public static IReadOnlyList<TypeShape> In(IEnumerable<SourceFile> files) =>
    [
        .. files.SelectMany(file => file.Root.DescendantNodes().OfType<TypeDeclarationSyntax>().Select(type => (File: file, Type: type)))
            .GroupBy(part => (part.File.Project, Name: NameOf(part.Type)))
            .Select(parts => new TypeShape(
                parts.Key.Project,
                parts.Key.Name,
                parts.Sum(part => Span.Lines(part.Type)),
                [.. parts.Select(part => part.File.Path).Distinct(StringComparer.Ordinal)])),
    ];

    /// <summary>The full name of a type, or of the type that a member is in.</summary>
    internal static string NameOf(SyntaxNode node)
    {
        var parts = node.AncestorsAndSelf().Select(part => part switch
        {
            TypeDeclarationSyntax { TypeParameterList.Parameters.Count: var arity } type => $"{type.Identifier.Text}<{new string(',', arity - 1)}>",
            BaseTypeDeclarationSyntax type => type.Identifier.Text,
            BaseNamespaceDeclarationSyntax space => space.Name.ToString(),
            _ => null,
        });
        return string.Join('.', parts.OfType<string>().Reverse());
    }
}

/// <summary>Lines that a declaration takes, without its attributes and docstring.</summary>
internal static class Span
{
    /// <summary>Where its first word is, from 0.</summary>
    public static int First(SyntaxNode node)
    {
        var attributes = node is MemberDeclarationSyntax member ? member.AttributeLists : default;
        var first = attributes.Count == 0 ? node.GetFirstToken() : attributes[^1].GetLastToken().GetNextToken();
        return node.SyntaxTree.GetText().Lines.GetLineFromPosition(first.SpanStart).LineNumber;
    }

    /// <summary>To the end of it.</summary>
    public static int Lines(SyntaxNode node) => node.SyntaxTree.GetText().Lines.GetLineFromPosition(node.Span.End).LineNumber - First(node) + 1;
}
