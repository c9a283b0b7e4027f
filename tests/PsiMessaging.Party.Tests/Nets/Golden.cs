namespace PsiMessaging.Party.Tests.Nets;

/// <summary>
/// Text files beside the tests that say what a run must be. With PSI_WRITE_NETS naming this folder in the sources (an absolute path) they are written
/// anew: look at the difference before you commit it, and give the reason in the message.
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
            Assert.Fail($"{name} is not what came (- expected, + came). If that is meant, write it anew with "
                + $"PSI_WRITE_NETS=$PWD/tests/PsiMessaging.Party.Tests/Nets.\n{Difference(expected, text)}");
        }
    }

    /// <summary>Lines that are in one text only, in order, with a line before and after each.</summary>
    internal static string Difference(string expected, string actual)
    {
        var lines = Aligned(expected.Split('\n'), actual.Split('\n'));
        bool Differs(int at) => at >= 0 && at < lines.Count && lines[at][0] != ' ';
        return string.Join('\n', lines.Where((_, at) => Differs(at - 1) || Differs(at) || Differs(at + 1)));
    }

    /// <summary>Both texts' lines along their longest common part.</summary>
    private static List<string> Aligned(string[] old, string[] now)
    {
        var common = new int[old.Length + 1, now.Length + 1];
        for (var i = old.Length - 1; i >= 0; i--)
        {
            for (var j = now.Length - 1; j >= 0; j--)
            {
                common[i, j] = old[i] == now[j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
            }
        }

        var (lines, o, n) = (new List<string>(), 0, 0);
        while (o < old.Length && n < now.Length)
        {
            if (old[o] == now[n])
            {
                lines.Add("  " + old[o++]);
                n++;
            }
            else
            {
                lines.Add(common[o + 1, n] >= common[o, n + 1] ? "- " + old[o++] : "+ " + now[n++]);
            }
        }

        return [.. lines, .. old[o..].Select(line => "- " + line), .. now[n..].Select(line => "+ " + line)];
    }
}
