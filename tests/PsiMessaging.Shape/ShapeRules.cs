namespace PsiMessaging.Shape;

/// <summary>Something that breaks a rule of shape.</summary>
/// <param name="Rule">The rule's name in the file of exceptions.</param>
/// <param name="Subject">A type, a method or a file.</param>
/// <param name="Detail">How it breaks it, for a person.</param>
public sealed record Offence(string Rule, string Subject, string Detail)
{
    public override string ToString() => $"{Rule,-13} {Subject}  {Detail}";
}

/// <summary>The limits that the code is held to.</summary>
public static class ShapeRules
{
    public const int ClassLines = 400;
    public const int MethodLines = 50;
    public const int Cyclomatic = 12;
    public const int LineCharacters = 160;

    /// <summary>The one project that may compare the names of protocols and tell their parties' kinds apart.</summary>
    public const string Protocols = "PsiMessaging.Protocols";

    /// <summary>The projects whose classes and methods have limits; after the slash an older name of it.</summary>
    public static readonly IReadOnlyList<string[]> Rooms =
        [["PsiMessaging.Party", "PsiMessaging.Sessions"], ["PsiMessaging.Linker", "PsiMessaging.Linking"], ["PsiMessaging.Participants"]];

    /// <summary>The files of a room.</summary>
    public static IEnumerable<SourceFile> FilesOf(SourceTree tree, string[] room) =>
        tree.Files.Where(file => file.IsProduct && room.Contains(file.Project, StringComparer.Ordinal));

    /// <summary>Everything in a checkout that breaks a rule.</summary>
    public static IReadOnlyList<Offence> Offences(SourceTree tree)
    {
        var rooms = Rooms.SelectMany(room => FilesOf(tree, room)).ToArray();
        var methods = MethodShape.In(rooms);
        var product = tree.Files.Where(file => file.IsProduct).ToArray();
        return
        [
            .. TypeShape.In(rooms).Where(type => type.Lines > ClassLines).Select(type => new Offence("class-lines", type.Name, $"{type.Lines} lines")),
            .. methods.Where(method => method.Lines > MethodLines)
                .Select(method => new Offence("method-lines", method.Name, $"{method.Lines} lines, {method.Path}:{method.Line}")),
            .. methods.Where(method => method.Cyclomatic > Cyclomatic)
                .Select(method => new Offence("cyclomatic", method.Name, $"{method.Cyclomatic}, {method.Path}:{method.Line}")),
            .. TypeShape.In(tree.Files).Where(type => type.Paths.Count > 1)
                .Select(type => new Offence("several-files", type.Name, $"{type.Paths.Count} files")),
            .. LongLine.In(tree.Files, LineCharacters).GroupBy(line => line.Path, StringComparer.Ordinal)
                .Select(lines => new Offence("long-line", lines.Key, $"{lines.Count()} lines, the first is {lines.First().Line}")),
            .. KindTest.In(product).Select(test => new Offence("kind-test", test.Path, $"asks for {KindTest.Interface} in line {test.Line}")),
            .. NameComparison.In(product).Where(comparison => comparison.Project != Protocols)
                .Select(comparison => new Offence("name-compared", comparison.Path, $"\"{comparison.Word}\" in line {comparison.Line}")),
        ];
    }
}
