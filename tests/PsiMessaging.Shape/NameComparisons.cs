using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace PsiMessaging.Shape;

/// <summary>What a word chooses.</summary>
public enum NameKind
{
    Protocol,
    Engine,
    Reveal,
}

/// <summary>
/// A comparison with the word for a protocol, an engine or what is revealed: with the literal, or with a constant that holds it. These belong to an enum or a
/// descriptor; each comparison elsewhere is one more place that a new protocol must know.
/// </summary>
/// <param name="Kind">What the word chooses.</param>
/// <param name="Word">The word.</param>
/// <param name="Project">Where.</param>
/// <param name="Path">Where.</param>
/// <param name="Line">Where, from 1.</param>
public sealed record NameComparison(NameKind Kind, string Word, string Project, string Path, int Line)
{
    private static readonly Dictionary<string, NameKind> Words = new(StringComparer.Ordinal)
    {
        ["ecdh"] = NameKind.Protocol,
        ["rsa"] = NameKind.Protocol,
        ["vole"] = NameKind.Protocol,
        ["auto"] = NameKind.Protocol,
        ["masked"] = NameKind.Engine,
        ["tokens"] = NameKind.Engine,
        ["both"] = NameKind.Reveal,
        ["initiator"] = NameKind.Reveal,
        ["responder"] = NameKind.Reveal,
        ["size"] = NameKind.Reveal,
    };

    /// <summary>
    /// All of some files: operands of <c>==</c>, <c>!=</c> and <c>Equals</c>, patterns, and case labels. A constant is known by the name of its class, or
    /// without it in its class and where that is used statically.
    /// </summary>
    public static IReadOnlyList<NameComparison> In(IReadOnlyCollection<SourceFile> files)
    {
        var constants = files.SelectMany(file => file.Root.DescendantNodes().OfType<FieldDeclarationSyntax>())
            .SelectMany(Constants).ToLookup(pair => pair.Name, pair => pair, StringComparer.Ordinal);
        return [.. files.SelectMany(file =>
            file.Root.DescendantNodes().SelectMany(Operands).Select(operand => Of(file, operand, constants)).OfType<NameComparison>())];
    }

    private static NameComparison? Of(SourceFile file, SyntaxNode operand, ILookup<string, (string Class, string Name, string Word)> constants) =>
        (operand is LiteralExpressionSyntax literal ? literal.Token.ValueText : WordOf(operand, constants)) is { } word && Words.TryGetValue(word, out var kind)
            ? new NameComparison(kind, word, file.Project, file.Path, operand.GetLocation().GetLineSpan().StartLinePosition.Line + 1)
            : null;

    private static IEnumerable<(string Class, string Name, string Word)> Constants(FieldDeclarationSyntax field) =>
        field.Modifiers.Any(SyntaxKind.ConstKeyword) && field.Parent is TypeDeclarationSyntax type
            ? field.Declaration.Variables.Where(variable => variable.Initializer?.Value is LiteralExpressionSyntax)
                .Select(variable => (type.Identifier.Text, variable.Identifier.Text, ((LiteralExpressionSyntax)variable.Initializer!.Value).Token.ValueText))
            : [];

    private static string? WordOf(SyntaxNode operand, ILookup<string, (string Class, string Name, string Word)> constants)
    {
        var path = operand.ToString().Split('.');
        var known = constants[path[^1]];
        return (path.Length > 1
            ? known.FirstOrDefault(constant => constant.Class == path[^2])
            : known.FirstOrDefault(constant => Sees(operand, constant.Class))).Word;
    }

    private static bool Sees(SyntaxNode operand, string type) =>
        operand.Ancestors().OfType<TypeDeclarationSyntax>().Any(above => above.Identifier.Text == type)
        || operand.SyntaxTree.GetCompilationUnitRoot().Usings.Any(import => import.StaticKeyword != default && import.Name?.ToString().Split('.')[^1] == type);

    private static IEnumerable<SyntaxNode> Operands(SyntaxNode node) => node switch
    {
        BinaryExpressionSyntax binary when binary.Kind() is SyntaxKind.EqualsExpression or SyntaxKind.NotEqualsExpression => [binary.Left, binary.Right],
        BinaryExpressionSyntax binary when binary.IsKind(SyntaxKind.IsExpression) => [binary.Right],
        ConstantPatternSyntax pattern => [pattern.Expression],
        TypePatternSyntax pattern => [pattern.Type],
        CaseSwitchLabelSyntax label => [label.Value],
        InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "Equals", Expression: var on } } call =>
            [on, .. call.ArgumentList.Arguments.Select(argument => argument.Expression)],
        _ => [],
    };
}
