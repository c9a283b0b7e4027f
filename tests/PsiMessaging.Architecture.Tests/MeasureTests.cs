using Microsoft.CodeAnalysis.CSharp;
using PsiMessaging.Shape;

namespace PsiMessaging.Architecture.Tests;

/// <summary>What tests/shape counts, on small pieces of code.</summary>
public class MeasureTests
{
    private static SourceFile File(string text, string path = "src/P/F.cs") => new("P", path, SyntaxFactory.ParseCompilationUnit(text));

    private static MethodShape OnlyMethod(string text) => Assert.Single(MethodShape.In([File("namespace N;\nclass C\n{\n" + text + "\n}\n")]));

    [Theory]
    [InlineData("void M() { }", 1)]
    [InlineData("int M(int a) => a > 0 && a < 9 ? 1 : 2;", 3)]
    [InlineData("string M(string? a) => a ?? \"\";", 2)]
    [InlineData("int M(int a) => a switch { 1 or 2 => 1, > 4 when a < 9 => 2, _ => 3 };", 5)]
    [InlineData("void M(int a) { switch (a) { case 1: case 2: return; default: return; } }", 3)]
    [InlineData("void M() { try { } catch (Exception e) when (e.Message == \"\") { } }", 3)]
    [InlineData("void M() { foreach (var a in b) { while (a) { if (a) { } else { } } } for (;;) { } do { } while (a); }", 6)]
    [InlineData("void M() { bool L(int a) => a is 1 and 2; F(a => a || true); }", 3)]
    public void Cyclomatic_CountsWhatItSays(string method, int expected) => Assert.Equal(expected, OnlyMethod(method).Cyclomatic);

    [Fact]
    public void MethodLines_GoFromTheSignatureToTheBrace()
    {
        var method = OnlyMethod("/// <summary>S</summary>\n[Fact]\nvoid M(\n    int a)\n{\n    F();\n}");
        Assert.Equal(("N.C.M", 5, 6), (method.Name, method.Lines, method.Line));
    }

    [Fact]
    public void Methods_AreAccessorsAndLambdasOfFieldsToo()
    {
        var methods = MethodShape.In(
            [File("class C { int P { get => 1; set { } } int Q => 1; Func<int, int> F = a => Run(b => a); C() { } interface I { void M(); } }")]);
        Assert.Equal(["C.P.get", "C.P.set", "C.Q", "C.F", "C.new"], methods.Select(method => method.Name));
    }

    [Fact]
    public void TypeLines_AreTheSumOfItsParts()
    {
        var types = TypeShape.In([File("namespace N;\npartial class C\n{\n}\n", "src/P/A.cs"),
            File("namespace N;\npartial class C\n{\n    record R(int A);\n}\n", "src/P/B.cs")]);
        var type = Assert.Single(types, type => type.Name == "N.C");
        Assert.Equal((7, 2), (type.Lines, type.Paths.Count));
        Assert.Equal(1, Assert.Single(types, type => type.Name == "N.C.R").Lines);
    }

    [Theory]
    [InlineData("bool M() => a == \"ecdh\";", "ecdh")]
    [InlineData("bool M() => a is Names.Masked;", "masked")]
    [InlineData("bool M() => a is Names.Masked or \"both\";", "masked both")]
    [InlineData("int M() => a switch { Names.Masked => 1, _ => 2 };", "masked")]
    [InlineData("bool M() => string.Equals(a, \"rsa\", StringComparison.Ordinal);", "rsa")]
    [InlineData("bool M() => a == Other.Masked || b == \"else\" || c == Masked;", "")]
    [InlineData("string M() => F(\"ecdh\");", "")]
    public void NameComparisons_AreThoseWithTheWordOrItsConstant(string method, string words)
    {
        var files = new[] { File("static class Names { public const string Masked = \"masked\"; }"), File("class C { " + method + " }") };
        Assert.Equal(words, string.Join(' ', NameComparison.In(files).Select(comparison => comparison.Word)));
    }

    [Fact]
    public void LongLines_AreThoseOverTheLimit() =>
        Assert.Equal((2, 11), LongLine.In([File("// 4567890\n// 45678901\n")], 10).Select(line => (line.Line, line.Characters)).Single());
}
