using System.Text;

namespace PsiMessaging.Shape;

/// <summary>The figures of a checkout, for a person; the same for any commit, so that two can be laid side by side.</summary>
public static class ShapeReport
{
    /// <param name="tree">The checkout.</param>
    /// <param name="list">Whether each offence and each comparison follows the figures.</param>
    public static string Write(SourceTree tree, bool list)
    {
        var text = new StringBuilder();
        Rooms(text, tree);
        var product = tree.Files.Where(file => file.IsProduct).ToArray();
        var tests = KindTest.In(product);
        var comparisons = NameComparison.In(product);
        text.Append($"\n`is {KindTest.Interface}` outside Protocols: {tests.Count}\n");
        foreach (var kind in Enum.GetValues<NameKind>())
        {
            var of = comparisons.Where(comparison => comparison.Kind == kind).ToArray();
            var projects = of.GroupBy(comparison => comparison.Project, StringComparer.Ordinal).OrderBy(group => group.Key, StringComparer.Ordinal)
                .Select(group => $"{Short(group.Key)} {group.Count()}");
            text.Append($"{kind} names compared as strings: {of.Length} in {Files(of)} files{(of.Length == 0 ? "" : $" ({string.Join(", ", projects)})")}\n");
        }

        var divided = TypeShape.In(tree.Files).Where(type => type.Paths.Count > 1).ToArray();
        text.Append($"types in more than one file: {divided.Length}\n");
        Lines(text, tree);
        if (list)
        {
            text.Append('\n').AppendJoin('\n', ShapeRules.Offences(tree)).Append('\n')
                .AppendJoin("", tests.Select(place => $"{"kind-test",-13} {place.Path}:{place.Line}\n"))
                .AppendJoin("", comparisons.Select(comparison => $"{comparison.Kind + "-name",-13} {comparison.Path}:{comparison.Line} {comparison.Word}\n"));
        }

        return text.ToString();
    }

    private static void Rooms(StringBuilder text, SourceTree tree)
    {
        text.Append($"{"",-26}{"files",6}{"lines",8}{"largest class",16}{$"methods > {ShapeRules.MethodLines}",14}"
            + $"{"longest",9}{$"cyclomatic > {ShapeRules.Cyclomatic}",17}{"highest",9}\n");
        foreach (var room in ShapeRules.Rooms)
        {
            var files = ShapeRules.FilesOf(tree, room).ToArray();
            if (files.Length == 0)
            {
                text.Append($"{room[0],-26}{"none",6}\n");
                continue;
            }

            var methods = MethodShape.In(files);
            var largest = TypeShape.In(files).MaxBy(type => type.Lines)!;
            text.Append($"{files[0].Project,-26}{files.Length,6}{files.Sum(file => file.Root.SyntaxTree.GetText().Lines.Count - 1),8:N0}{largest.Lines,16:N0}")
                .Append($"{methods.Count(method => method.Lines > ShapeRules.MethodLines),14}{methods.Max(method => method.Lines),9}")
                .Append($"{methods.Count(method => method.Cyclomatic > ShapeRules.Cyclomatic),17}{methods.Max(method => method.Cyclomatic),9}")
                .Append($"   {largest.Name.Split('.')[^1]}\n");
        }
    }

    private static void Lines(StringBuilder text, SourceTree tree)
    {
        var lines = LongLine.In(tree.Files, ShapeRules.LineCharacters);
        text.Append($"lines over {ShapeRules.LineCharacters}: {lines.Count} in {lines.DistinctBy(line => line.Path, StringComparer.Ordinal).Count()} files\n");
        foreach (var project in lines.GroupBy(line => line.Project, StringComparer.Ordinal).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            text.Append($"  {project.Key,-34}{project.Count(),6}\n");
        }
    }

    private static int Files(IEnumerable<NameComparison> comparisons) => comparisons.DistinctBy(comparison => comparison.Path, StringComparer.Ordinal).Count();

    private static string Short(string project) => project.Replace("PsiMessaging.", "", StringComparison.Ordinal);
}
