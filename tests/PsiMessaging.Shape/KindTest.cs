using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace PsiMessaging.Shape;

/// <summary>A question outside Protocols whether a protocol's party works over whole vectors: its descriptor's kind says so already.</summary>
/// <param name="Path">Where.</param>
/// <param name="Line">Where, from 1.</param>
public sealed record KindTest(string Path, int Line)
{
    /// <summary>The interface asked for.</summary>
    public const string Interface = "IVectorParty";

    /// <summary>All of some files.</summary>
    public static IReadOnlyList<KindTest> In(IEnumerable<SourceFile> files) =>
        [.. files.Where(file => file.Project != ShapeRules.Protocols).SelectMany(file => file.Root.DescendantNodes().Where(Asks)
            .Select(node => new KindTest(file.Path, node.GetLocation().GetLineSpan().StartLinePosition.Line + 1)))];

    private static bool Asks(SyntaxNode node) => node switch
    {
        BinaryExpressionSyntax test => test.Kind() is SyntaxKind.IsExpression or SyntaxKind.AsExpression && test.Right.ToString() == Interface,
        DeclarationPatternSyntax pattern => pattern.Type.ToString() == Interface,
        RecursivePatternSyntax pattern => pattern.Type?.ToString() == Interface,
        ConstantPatternSyntax pattern => pattern.Expression.ToString() == Interface,
        TypePatternSyntax pattern => pattern.Type.ToString() == Interface,
        _ => false,
    };
}
