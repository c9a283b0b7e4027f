using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Party.Policy;

namespace PsiMessaging.Testing;

/// <summary>Three homes, three worker processes, one real RabbitMQ; queue names of its own, so that tests do not meet.</summary>
public sealed class Cluster : IAsyncDisposable
{
    private static readonly string[] Names = ["P1", "P2", "LINKER"];
    private static readonly ConcurrentDictionary<(string, string), Lazy<Task<Cluster>>> Made = new();
    private static int _count;
    private readonly Dictionary<string, PsiProcess> _workers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _logins = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _certificates = new(StringComparer.Ordinal);

    private Cluster(string? prefix) => Prefix = prefix ?? $"t{Environment.ProcessId}-{Interlocked.Increment(ref _count)}";

    /// <summary>The broker that tests/run started, as its administrator.</summary>
    public static string Broker => Rabbit.Address;

    /// <summary>What the names of its queues begin with.</summary>
    public string Prefix { get; }

    /// <summary>Has a participant's worker and commands use a login of its own.</summary>
    public void UseLogin(string name, string address) => _logins[name] = address;

    /// <summary>Has a participant's worker and commands use the certificate in a folder of demo-ca.</summary>
    public void UseCertificate(string name, string folder) => _certificates[name] = folder;

    private Dictionary<string, string> EnvironmentOf(string name)
    {
        var environment = new Dictionary<string, string>
        {
            ["PSI_BROKER"] = Environment.GetEnvironmentVariable("PSI_TEST_BROKER") is null ? "" : LoginOf(name),
        };
        if (_certificates.TryGetValue(name, out var folder))
        {
            environment["PSI_BROKER_CA"] = Path.Combine(folder, "ca.pem");
            environment["PSI_BROKER_CERTIFICATE"] = Path.Combine(folder, "certificate.pem");
            environment["PSI_BROKER_KEY"] = Path.Combine(folder, "key.pem");
        }

        return environment;
    }

    private string LoginOf(string name) => _logins.GetValueOrDefault(name, Rabbit.Address);

    public TempFolder Folder { get; } = new();

    public string Home(string name) => Path.Combine(Folder.Path, name.ToLowerInvariant());

    public string Inbox(string name) => $"{Prefix}.{name.ToLowerInvariant()}.inbox.v1";

    /// <summary>
    /// Homes, cards pinned, datasets added, by the commands a person would type: once for every pair of datasets a test process has, since fourteen starts of a
    /// program take longer than most tests do; every cluster gets a copy of its own, with queues of its own. The identities are the same in all: none is a
    /// stranger to another.
    /// </summary>
    public static async Task<Cluster> CreateAsync(string p1, string p2, string? prefix = null)
    {
        var made = await Made.GetOrAdd((p1, p2), _ => new(() => MakeAsync(p1, p2))).Value;
        var cluster = new Cluster(prefix);
        using (var copy = Process.Start("cp", ["-a", made.Folder.Path + "/.", cluster.Folder.Path]))
        {
            await copy.WaitForExitAsync();
            if (copy.ExitCode != 0)
            {
                throw new InvalidOperationException($"cp ended with {copy.ExitCode}");
            }
        }

        foreach (var name in Names)
        {
            var config = Path.Combine(cluster.Home(name), "psi.json");
            File.WriteAllText(config, File.ReadAllText(config)
                .Replace("\"queuePrefix\": \"psi\"", $"\"queuePrefix\": \"{cluster.Prefix}\"", StringComparison.Ordinal));
        }

        return cluster;
    }

    private static async Task<Cluster> MakeAsync(string p1, string p2)
    {
        var cluster = new Cluster(null);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => cluster.Folder.Dispose();
        foreach (var name in Names)
        {
            await cluster.PsiAsync(name, "init", name == "LINKER" ? "--linker" : "--party", name, "--allow-vole");
            PartyPolicy.Open.Write(cluster.Home(name));
            File.WriteAllText(Path.Combine(cluster.Folder.Path, name + ".json"), (await cluster.PsiAsync(name, "card")).Output);
        }

        foreach (var name in Names)
        {
            foreach (var other in Names.Where(other => other != name))
            {
                await cluster.PsiAsync(name, "trust", Path.Combine(cluster.Folder.Path, other + ".json"));
            }
        }

        await cluster.PsiAsync("P1", "dataset", "add", "istat", cluster.Folder.Write("istat.csv", p1), "--key", "IDKEY", "--min-cell", "1");
        await cluster.PsiAsync("P2", "dataset", "add", "bi", cluster.Folder.Write("bi.csv", p2), "--key", "IDKEY", "--min-cell", "1");
        return cluster;
    }

    /// <summary>Starts a worker and waits until it is ready.</summary>
    public async Task StartAsync(params string[] names)
    {
        foreach (var name in names)
        {
            _workers[name] = Launch(name);
        }

        foreach (var name in names)
        {
            await ReadyAsync(name);
        }
    }

    /// <summary>Starts a worker without waiting.</summary>
    public PsiProcess Launch(string name)
    {
        return Launch(name, [], name == "LINKER" ? "linker" : "party", "run", "--home", Home(name));
    }

    /// <summary>Starts one more compute worker of a party, under a name of its own.</summary>
    public PsiProcess Compute(string party, string name) =>
        Launch(name, new() { ["PSI_COMPUTE_KEY_FILE"] = Path.Combine(Home(party), "compute.key") }, "party", "compute", "--parallelism", "1");

    private PsiProcess Launch(string name, Dictionary<string, string> environment, params string[] arguments)
    {
        using var socket = new TcpListener(IPAddress.Loopback, 0);
        socket.Start();
        var port = ((IPEndPoint)socket.LocalEndpoint).Port;
        socket.Stop();
        Ports[name] = port;
        foreach (var (variable, value) in EnvironmentOf(name.Split('/')[0]))
        {
            environment[variable] = value;
        }

        environment["PSI_HEALTH_PORT"] = $"{port}";
        return _workers[name] = PsiProcess.Start(environment, arguments);
    }

    public Dictionary<string, int> Ports { get; } = new(StringComparer.Ordinal);

    public async Task ReadyAsync(string name)
    {
        using var http = new HttpClient();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            try
            {
                using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{Ports[name]}/ready"), patience.Token);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException) when (!_workers[name].HasExited)
            {
                // Not listening yet.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, patience.Token);
        }
    }

    public PsiProcess Worker(string name) => _workers[name];

    public void Kill(string name) => _workers[name].Kill();

    /// <summary>Runs a command against a home and expects it to succeed.</summary>
    public async Task<PsiResult> PsiAsync(string name, params string[] arguments)
    {
        var result = await TryPsiAsync(name, arguments);
        return result.ExitCode == 0 ? result : throw new InvalidOperationException(
            $"psi {string.Join(' ', arguments)}: {result}\n{string.Join('\n', _workers.Select(worker => worker.Key + ":\n" + worker.Value.Log))}");
    }

    public Task<PsiResult> TryPsiAsync(string name, params string[] arguments) =>
        PsiProcess.RunAsync(EnvironmentOf(name), [.. arguments, "--home", Home(name)]);

    public ValueTask DisposeAsync()
    {
        foreach (var worker in _workers.Values)
        {
            worker.Dispose();
        }

        Folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
