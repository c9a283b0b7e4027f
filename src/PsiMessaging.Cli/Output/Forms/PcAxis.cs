using System.Globalization;
using System.Text;
using PsiMessaging.Files;

namespace PsiMessaging.Cli.Output.Forms;

/// <summary>
/// PC-Axis (PX file format, axis version 2013) in UTF-8: labels in the stub, measures in the heading. A confidential value is two dots, one that there is not
/// is one; both are named in the file.
/// </summary>
internal static class PcAxis
{
    private const string Missing = "\".\"";
    private const string Confidential = "\"..\"";
    private const int MostLine = 240;

    /// <summary>Writes an answer.</summary>
    public static byte[] Write(AnswerCube cube)
    {
        var text = new StringBuilder();
        void Word(string keyword, params IEnumerable<string> values) =>
            text.Append(keyword).Append('=').Append(string.Join(',', values)).Append(";\r\n");

        Word("CHARSET", Quoted("ANSI"));
        Word("AXIS-VERSION", Quoted("2013"));
        Word("CODEPAGE", Quoted("utf-8"));
        Word("CREATION-DATE", Quoted(cube.Result.AnsweredAt.UtcDateTime.ToString("yyyyMMdd HH:mm", CultureInfo.InvariantCulture)));
        Word("DECIMALS", $"{DecimalsOf(cube)}");
        Word("SHOWDECIMALS", $"{DecimalsOf(cube)}");
        Word("MATRIX", Quoted("ANSWER"));
        Word("SUBJECT-CODE", Quoted("PSI"));
        Word("SUBJECT-AREA", Quoted("Common records"));
        Word("TITLE", Quoted(PrintableText.Of(cube.Result.Text)));
        Word("CONTENTS", Quoted(cube.Measures.Labels.Count == 1 ? cube.Measures.Labels[0] : "Statistics"));
        Word("UNITS", Quoted("as named"));
        if (cube.Dimensions.Count > 0)
        {
            Word("STUB", cube.Dimensions.Select(dimension => Quoted(NameOf(cube, dimension))));
        }

        Word("HEADING", Quoted(NameOf(cube, cube.Measures)));
        foreach (var dimension in cube.Dimensions.Append(cube.Measures))
        {
            Word($"VALUES({Quoted(NameOf(cube, dimension))})", dimension.Labels.Select(Quoted));
        }

        foreach (var dimension in cube.Dimensions.Append(cube.Measures))
        {
            Word($"CODES({Quoted(NameOf(cube, dimension))})", dimension.Codes.Select(Quoted));
        }

        Word("SOURCE", Quoted("PsiMessaging"));
        Word("DATASYMBOL1", Quoted("does not exist"));
        Word("DATASYMBOL2", Quoted("confidential, or no record"));
        Word("NOTE", Quoted(string.Join('#', cube.Notes)));
        text.Append("DATA=\r\n");
        foreach (var (_, row) in cube.Combinations())
        {
            text.AppendJoin(' ', Enumerable.Range(0, cube.Measures.Codes.Count).Select(measure => cube.Observation(row, measure) switch
            {
                (_, true) => Confidential, (null, _) => Missing, var (value, _) => value,
            })).Append("\r\n");
        }

        return Encoding.UTF8.GetBytes(text.Append(";\r\n").ToString());
    }

    /// <summary>Names of dimensions must differ; headings of two parties may not.</summary>
    private static string NameOf(AnswerCube cube, CubeDimension dimension) =>
        cube.Dimensions.Append(cube.Measures).Count(other => other.Name == dimension.Name) == 1 ? dimension.Name : dimension.Id;

    private static int DecimalsOf(AnswerCube cube) =>
        Math.Min(6, Enumerable.Range(0, cube.Measures.Codes.Count).Select(measure => cube.DecimalsOf(measure) ?? 6).DefaultIfEmpty(0).Max());

    /// <summary>A text between quotation marks, which a text has no other way to hold; long ones in several, as the format has it.</summary>
    private static string Quoted(string text)
    {
        var plain = text.Replace('"', '\'');
        return string.Join("\r\n", plain.Length <= MostLine ? [$"\"{plain}\""] : plain.Chunk(MostLine).Select(part => $"\"{new string(part)}\""));
    }
}
