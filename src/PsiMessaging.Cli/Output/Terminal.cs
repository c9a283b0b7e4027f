using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Cli.Simulation;
using PsiMessaging.Data;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.WorkerHost;
using Spectre.Console;

namespace PsiMessaging.Cli.Output;

/// <summary>What the process says with its exit code.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;
    public const int HungUp = 129;
}

/// <summary>Wrong usage that only shows after parsing.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>How commands talk to people and to programs: results on standard output, progress and errors on standard error.</summary>
internal static class Terminal
{
    private static readonly TextWriter Output = Console.Out;
    private static readonly TextWriter Error = new Unheard(Console.Error);

    /// <summary>Progress goes here; plain and silent when it is not a terminal.</summary>
    public static IAnsiConsole Progress { get; } = AnsiConsole.Create(new AnsiConsoleSettings { Out = new Direct(Error, Console.IsErrorRedirected) });

    /// <summary>From here on, nothing that is printed steers the terminal. Second thing in Main.</summary>
    public static void Protect()
    {
        Console.SetOut(new PrintableWriter(Output));
        Console.SetError(new PrintableWriter(Error));
    }

    public static bool ShowsProgress => !Console.IsErrorRedirected;

    /// <summary>Runs a command; failures become one line and an exit code.</summary>
    public static async Task<int> RunAsync(Func<Task> command)
    {
        try
        {
            await command();
            return ExitCodes.Done;
        }
        catch (UsageException exception)
        {
            return Fail(exception.Message, ExitCodes.WrongUsage);
        }
        catch (Exception exception) when (exception is InputException or ParticipantException or SimulationException)
        {
            return Fail(exception.Message, ExitCodes.Failed);
        }
        catch (OperationCanceledException)
        {
            return Fail("stopped", ExitCodes.Failed);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A full disk, a folder without rights: the system's own words name the file.
            return Fail(exception.Message, ExitCodes.Failed);
        }
        catch (Exception exception) when (!WorkerLogs.IsDebugging)
        {
            return Fail($"unexpected failure: {WorkerLogs.Describe(exception)} (set {WorkerLogs.DebugVariable}=1 for the details)", ExitCodes.Failed);
        }
    }

    private static int Fail(string message, int code)
    {
        Console.Error.WriteLine($"psi: {message.ReplaceLineEndings(" ")}");
        return code;
    }

    public static void Json<T>(T value, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) =>
        Console.Out.WriteLine(JsonSerializer.Serialize(value, type));

    /// <summary>A table with right-aligned numbers.</summary>
    public static void Table(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows, params int[] rightAligned)
    {
        var table = new Table().Border(TableBorder.Rounded);
        for (var i = 0; i < header.Count; i++)
        {
            var column = new TableColumn(Cell(header[i])) { NoWrap = i == 0 || rightAligned.Contains(i) };
            table.AddColumn(rightAligned.Contains(i) ? column.RightAligned() : column);
        }

        foreach (var row in rows)
        {
            table.AddRow(row.Select(Cell).ToArray());
        }

        // A file or pipe has no width; wide enough that nothing is cut.
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new Direct(Output, Console.IsOutputRedirected) });
        if (Console.IsOutputRedirected)
        {
            console.Profile.Width = 240;
        }

        console.Write(table);
    }

    private static string Cell(string text) => Markup.Escape(PrintableText.Of(text));

    /// <summary>Where what is said is lost once the terminal has gone: who clears away must not stumble over that.</summary>
    private sealed class Unheard(TextWriter writer) : TextWriter
    {
        public override System.Text.Encoding Encoding => writer.Encoding;

        public override void Write(char value) => Try(() => writer.Write(value));

        public override void Write(char[] buffer, int index, int count) => Try(() => writer.Write(buffer, index, count));

        public override void Write(string? value) => Try(() => writer.Write(value));

        public override void Flush() => Try(writer.Flush);

        private static void Try(Action write)
        {
            try
            {
                write();
            }
            catch (IOException)
            {
                // Nobody is there to be told.
            }
        }
    }

    /// <summary>The way past <see cref="PrintableWriter"/>, for output whose texts have been made printable already.</summary>
    private sealed class Direct(TextWriter writer, bool redirected) : IAnsiConsoleOutput
    {
        private const int Unknown = 80;

        public TextWriter Writer => writer;

        public bool IsTerminal => !redirected;

        public int Width => redirected || Console.BufferWidth == 0 ? Unknown : Console.BufferWidth;

        public int Height => redirected || Console.WindowHeight == 0 ? Unknown : Console.WindowHeight;

        public void SetEncoding(System.Text.Encoding encoding)
        {
            if (!redirected)
            {
                Console.OutputEncoding = encoding;
            }
        }
    }
}
