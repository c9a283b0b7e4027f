using System.Diagnostics;

namespace PsiMessaging.Testing;

/// <summary>
/// The real broker under test. PSI_TEST_BROKER is its address as administrator; PSI_TEST_RABBIT, a command with the verbs start, kill and ctl, and
/// PSI_TEST_RABBIT_DIR govern it: tests/run sets all three. A broker that only has an address cannot be killed or given users, and tests that need that are
/// skipped.
/// </summary>
public static class Rabbit
{
    public static string Address =>
        Environment.GetEnvironmentVariable("PSI_TEST_BROKER")
            ?? throw new InvalidOperationException("PSI_TEST_BROKER is not set: run these tests with tests/run");

    /// <summary>Whether the broker can be killed and given users.</summary>
    public static bool IsGoverned => Environment.GetEnvironmentVariable("PSI_TEST_RABBIT") is { Length: > 0 };

    /// <summary>Starts it again, or kills it.</summary>
    public static Task DoAsync(string verb) => RunAsync(verb, []);

    /// <summary>Runs rabbitmqctl and gives its output.</summary>
    public static Task<string> ControlAsync(params string[] arguments) => RunAsync("ctl", arguments);

    /// <summary>Makes a login with three patterns of rights; gives the address it connects with.</summary>
    public static async Task<string> AddLoginAsync(string user, string configure, string write, string read)
    {
        await ControlAsync("add_user", user, "secret-" + user);
        await ControlAsync("set_permissions", user, configure, write, read);
        var address = new UriBuilder(Address) { UserName = user, Password = "secret-" + user };
        return address.Uri.ToString().TrimEnd('/');
    }

    /// <summary>The rights that deploy/rabbitmq/permissions grants.</summary>
    public static async Task<string[]> RightsAsync(string prefix, params string[] arguments)
    {
        var start = new ProcessStartInfo(Script("permissions"), arguments);
        start.Environment["PSI_QUEUE_PREFIX"] = prefix;
        return (await RunAsync(start)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>A script of deploy/rabbitmq.</summary>
    internal static string Script(string name)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "PsiMessaging.sln")))
        {
            folder = folder.Parent!;
        }

        return Path.Combine(folder.FullName, "deploy", "rabbitmq", name);
    }

    private static Task<string> RunAsync(string verb, string[] arguments) =>
        RunAsync(new ProcessStartInfo(Environment.GetEnvironmentVariable("PSI_TEST_RABBIT")!,
            [verb, Environment.GetEnvironmentVariable("PSI_TEST_RABBIT_DIR")!, .. arguments]));

    internal static async Task<string> RunAsync(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? output : throw new InvalidOperationException($"{start.FileName} {string.Join(' ', start.ArgumentList)}: exit {process.ExitCode}");
    }
}
