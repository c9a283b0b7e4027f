using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace PsiMessaging.Shape;

/// <summary>
/// A method, constructor, operator, accessor, or lambda that initialises a field. Local functions and lambdas within count for what holds them: cutting a
/// method into local functions does not make it short.
/// </summary>
/// <param name="Project">The folder of its project.</param>
/// <param name="Name">With namespace and type; overloads have the same.</param>
/// <param name="Path">Its file.</param>
/// <param name="Line">Where it begins, from 1.</param>
/// <param name="Lines">From its signature to its closing brace, without attributes and docstring.</param>
/// <param name="Cyclomatic">
/// Ways through it: 1, and one more for each <c>if</c>, <c>while</c>, <c>do</c>, <c>for</c>, <c>foreach</c>, <c>case</c> label, arm of a switch expression (but
/// for a discard), <c>catch</c>, <c>when</c>, <c>&amp;&amp;</c>, <c>||</c>, <c>??</c>, <c>??=</c>, <c>?:</c>, and <c>and</c> or <c>or</c> of patterns.
/// <c>?.</c> and <c>default</c> count nothing.
/// </param>
public sealed record MethodShape(string Project, string Name, string Path, int Line, int Lines, int Cyclomatic)
{
    /// <summary>Every method of some files that has a body.</summary>
    public static IReadOnlyList<MethodShape> In(IEnumerable<SourceFile> files) =>
        [.. files.SelectMany(file => Bodies(file.Root).Select(body => Of(file, body.Node, body.Name)))];

    private static MethodShape Of(SourceFile file, SyntaxNode node, string name) => new(
        file.Project,
        $"{TypeShape.NameOf(node)}.{name}",
        file.Path,
        Span.First(node) + 1,
        Span.Lines(node),
        1 + node.DescendantNodes().Sum(Branches));

    private static IEnumerable<(SyntaxNode Node, string Name)> Bodies(CompilationUnitSyntax root)
    {
        foreach (var node in root.DescendantNodes())
        {
            var name = node switch
            {
                BaseMethodDeclarationSyntax { Body: null, ExpressionBody: null } or AccessorDeclarationSyntax { Body: null, ExpressionBody: null } => null,
                MethodDeclarationSyntax method => method.Identifier.Text,
                ConstructorDeclarationSyntax => "new",
                DestructorDeclarationSyntax => "~",
                OperatorDeclarationSyntax sign => "operator " + sign.OperatorToken.Text,
                ConversionOperatorDeclarationSyntax conversion => "operator " + conversion.Type,
                PropertyDeclarationSyntax { ExpressionBody: not null } property => property.Identifier.Text,
                IndexerDeclarationSyntax { ExpressionBody: not null } => "this",
                AccessorDeclarationSyntax accessor => $"{Owner(accessor)}.{accessor.Keyword.Text}",
                AnonymousFunctionExpressionSyntax lambda => Initialised(lambda),
                _ => null,
            };
            if (name is not null)
            {
                yield return (node, name);
            }
        }
    }

    private static string Owner(AccessorDeclarationSyntax accessor) => accessor.Parent?.Parent switch
    {
        PropertyDeclarationSyntax property => property.Identifier.Text,
        EventDeclarationSyntax change => change.Identifier.Text,
        _ => "this",
    };

    /// <summary>The field or property that an outermost lambda initialises; none for a lambda in a method.</summary>
    private static string? Initialised(AnonymousFunctionExpressionSyntax lambda)
    {
        foreach (var above in lambda.Ancestors())
        {
            switch (above)
            {
                case AnonymousFunctionExpressionSyntax or BaseMethodDeclarationSyntax
                    or AccessorDeclarationSyntax or PropertyDeclarationSyntax { ExpressionBody: not null }
                    or IndexerDeclarationSyntax:
                    return null;
                case PropertyDeclarationSyntax property:
                    return property.Identifier.Text;
                case VariableDeclaratorSyntax field when field.Parent?.Parent is FieldDeclarationSyntax:
                    return field.Identifier.Text;
                default:
                    continue;
            }
        }

        return null;
    }

    private static int Branches(SyntaxNode node) => node.Kind() switch
    {
        SyntaxKind.IfStatement or SyntaxKind.WhileStatement or SyntaxKind.DoStatement or SyntaxKind.ForStatement => 1,
        SyntaxKind.ForEachStatement or SyntaxKind.ForEachVariableStatement or SyntaxKind.CatchClause => 1,
        SyntaxKind.CaseSwitchLabel or SyntaxKind.CasePatternSwitchLabel => 1,
        SyntaxKind.SwitchExpressionArm => ((SwitchExpressionArmSyntax)node).Pattern is DiscardPatternSyntax ? 0 : 1,
        SyntaxKind.WhenClause or SyntaxKind.CatchFilterClause or SyntaxKind.ConditionalExpression => 1,
        SyntaxKind.LogicalAndExpression or SyntaxKind.LogicalOrExpression => 1,
        SyntaxKind.CoalesceExpression or SyntaxKind.CoalesceAssignmentExpression => 1,
        SyntaxKind.AndPattern or SyntaxKind.OrPattern => 1,
        _ => 0,
    };
}
