using System.Text;

namespace PsiMessaging.Party.Tests.Nets;

/// <summary>
/// Text files beside the tests that say what a run must be. With PSI_WRITE_NETS naming this folder in the sources (an absolute path) they are written anew: look at the difference
/// before you commit it, and give the reason in the message.
/// </summary>
internal static class Golden
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Nets");

    /// <summary>The folder to write to, or null where files are compared.</summary>
    public static string? Target => Environment.GetEnvironmentVariable("PSI_WRITE_NETS") is { Length: > 0 } folder ? folder : null;

    public static string Read(string name) => Path.Combine(Target ?? Folder, name) is var path && File.Exists(path) ? File.ReadAllText(path) : "";

    public static void Write(string name, string text) => File.WriteAllText(Path.Combine(Target!, name), text);

    /// <summary>Compares a text with its file, and fails with the lines that differ; or writes the file.</summary>
    public static void Hold(string name, string text)
    {
        if (Target is not null)
        {
            Write(name, text);
        }

        var expected = Read(name);
        if (expected != text)
        {
            Assert.Fail($"{name} is not what came (- expected, + came). If that is meant, write it anew with PSI_WRITE_NETS=$PWD/tests/PsiMessaging.Party.Tests/Nets.\n{Difference(expected, text)}");
        }
    }

    /// <summary>Lines that are in one text only, in order, with a line before and after each.</summary>
    internal static string Difference(string expected, string actual)
    {
        var (old, now) = (expected.Split('\n'), actual.Split('\n'));
        var common = new int[old.Length + 1, now.Length + 1];
        for (var i = old.Length - 1; i >= 0; i--)
        {
            for (var j = now.Length - 1; j >= 0; j--)
            {
                common[i, j] = old[i] == now[j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
            }
        }

        var lines = new List<string>();
        for (var (i, j) = (0, 0); i < old.Length || j < now.Length;)
        {
            if (i < old.Length && j < now.Length && old[i] == now[j])
            {
                lines.Add("  " + old[i]);
                (i, j) = (i + 1, j + 1);
            }
            else if (j == now.Length || (i < old.Length && common[i + 1, j] >= common[i, j + 1]))
            {
                lines.Add("- " + old[i++]);
            }
            else
            {
                lines.Add("+ " + now[j++]);
            }
        }

        var text = new StringBuilder();
        for (var i = 0; i < lines.Count; i++)
        {
            if (lines.Skip(Math.Max(0, i - 1)).Take(i == 0 ? 2 : 3).Any(line => line[0] != ' '))
            {
                text.AppendLine(lines[i]);
            }
        }

        return text.ToString();
    }
}
