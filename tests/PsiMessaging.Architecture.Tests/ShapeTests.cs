using PsiMessaging.Shape;

namespace PsiMessaging.Architecture.Tests;

/// <summary>
/// How the code is cut: no class over 400 lines, no method over 50 and none with more than 12 ways through it in Party, Linker and Participants; no type in
/// several files and no line over 160 characters anywhere; outside Protocols no name of a choice compared as a string, and no test for the kind of a
/// protocol's party. What is not worth it stands in shape-exceptions.txt with its reason.
/// </summary>
public class ShapeTests
{
    private static readonly string Root = SourceTree.RootAbove(AppContext.BaseDirectory);
    private static readonly IReadOnlyList<Offence> Offences = ShapeRules.Offences(SourceTree.Read(Root));

    private static ShapeExceptions Exceptions =>
        ShapeExceptions.Parse(File.ReadLines(Path.Combine(Root, "tests", "PsiMessaging.Architecture.Tests", "shape-exceptions.txt")));

    [Fact]
    public void Code_KeepsItsLimits()
    {
        var found = Exceptions.Unexcused(Offences);
        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    [Fact]
    public void Exceptions_AreStillNeeded()
    {
        var unused = Exceptions.Unused(Offences);
        Assert.True(unused.Count == 0, "nothing breaks these rules any more, take them out: " + string.Join(", ", unused));
    }

    [Fact]
    public void Exceptions_EachHaveAReason() =>
        Assert.Throws<FormatException>(() => ShapeExceptions.Parse(["# a remark", "class-lines PsiMessaging.Party.Party"]));

    [Fact]
    public void Exceptions_WithAStar_CoverWhatBeginsSo()
    {
        Offence[] offences = [new("cyclomatic", "A.B.One", "13"), new("cyclomatic", "A.C.Two", "14"), new("method-lines", "A.B.One", "60 lines")];
        var exceptions = ShapeExceptions.Parse(["cyclomatic A.B.* a reason", "class-lines A.B a reason"]);
        Assert.Equal(offences[1..], exceptions.Unexcused(offences));
        Assert.Equal(["class-lines A.B"], exceptions.Unused(offences));
    }
}
