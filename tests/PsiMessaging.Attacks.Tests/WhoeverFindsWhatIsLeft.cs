using System.Text;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Testing;
using RabbitMQ.Client;

namespace PsiMessaging.Attacks.Tests;

/// <summary>
/// Gathers everything that a whole job between real workers leaves: files, logs, what commands printed, error queues; and looks for secrets in it.
/// </summary>
public class WhoeverFindsWhatIsLeft
{
    private const string Passphrase = "correct horse canary 7391";

    [Fact]
    public async Task LooksForPassphraseKeysAndTheOthersIdentifiers_FindsNone()
    {
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        var file = cluster.Folder.WritePrivate("passphrase", Passphrase + "\n");
        var said = new StringBuilder();
        foreach (var name in new[] { "P1", "P2", "LINKER" })
        {
            await SayAsync(name, "keys", "protect", "--passphrase-file", file);
        }

        // The workers and commands below are children of this process, and find it here.
        Environment.SetEnvironmentVariable(IdentityLock.PassphraseFile, file);
        try
        {
            await cluster.StartAsync("P1", "P2", "LINKER");
            await SayAsync("P1", "intersect", "--with", "P2", "--dataset", "istat", "--wait", "--timeout", "60");
            var session = (await cluster.PsiAsync("P1", "sessions", "--json")).Output.Split('"')[3];
            await SayAsync("P1", "send", session, "--timeout", "60");
            await SayAsync("P2", "send", session, "--timeout", "60");
            await SayAsync("P1", "query", session, "CLASSE_REDDITO");
            foreach (var name in new[] { "P1", "P2" })
            {
                await SayAsync(name, "status", session);
                await SayAsync(name, "audit", "show", "--json");
                await SayAsync(name, "keys", "show", "--json");
            }

            RequireNoCoreFiles(cluster);
            var refused = await RefusedAsync(cluster);
            var homes = new[] { "P1", "P2", "LINKER" }.ToDictionary(name => name, name => ParticipantHome.Open(cluster.Home(name)));
            var secrets = homes.Values.SelectMany(SecretsOf).Append(Encoding.UTF8.GetBytes(Passphrase)).ToArray();
            var left = new List<(string What, byte[] Bytes)>
            {
                ("what commands printed", Encoding.UTF8.GetBytes(said.ToString())), ("error queue", refused),
            };
            left.AddRange(homes.Keys.Select(name => ($"log of {name}", Encoding.UTF8.GetBytes(cluster.Worker(name).Log))));
            left.AddRange(homes.Keys.SelectMany(name => FilesOf(cluster.Home(name))));
            Assert.InRange(left.Count, 20, 1000);
            Assert.InRange(left.Sum(one => one.Bytes.Length), 100_000, int.MaxValue);
            foreach (var (what, bytes) in left)
            {
                Assert.All(secrets.SelectMany(Forms), form => Assert.True(bytes.AsSpan().IndexOf(form) < 0, $"{what} holds a secret"));
            }

            // Identifiers that only one has are in nobody else's artefacts, and in no log.
            Assert.True(left.Exists(one => one.What.Contains("/p1/", StringComparison.Ordinal) && Holds(one.Bytes, "ALBERT")), "the control");
            foreach (var (own, identifier) in new[] { ("/p1/", "ALBERT"), ("/p2/", "FABRIZIO") })
            {
                Assert.DoesNotContain(left, one => !one.What.Contains(own, StringComparison.Ordinal) && Holds(one.Bytes, identifier));
            }

            foreach (var home in homes.Values)
            {
                home.Dispose();
            }
        }
        finally
        {
            Environment.SetEnvironmentVariable(IdentityLock.PassphraseFile, null);
        }

        async Task SayAsync(string name, params string[] arguments)
        {
            var result = await cluster.PsiAsync(name, arguments);
            said.Append(result.Output).Append(result.Error);
        }
    }

    /// <summary>A worker that crashes leaves its memory nowhere: its limit of core files is 0, and it cannot raise that again.</summary>
    private static void RequireNoCoreFiles(Cluster cluster)
    {
        static string LimitOf(int process) => File.ReadLines($"/proc/{process}/limits")
            .Single(line => line.StartsWith("Max core file size", StringComparison.Ordinal));
        foreach (var name in new[] { "P1", "P2", "LINKER" })
        {
            Assert.Equal(["0", "0", "bytes"], LimitOf(cluster.Worker(name).Id).Split(' ', StringSplitOptions.RemoveEmptyEntries)[4..]);
        }
    }

    /// <summary>A frame of P2's that P1 may not take: what is kept of it at the broker.</summary>
    private static async Task<byte[]> RefusedAsync(Cluster cluster)
    {
        await using var connection = await new ConnectionFactory { Uri = new Uri(Cluster.Broker) }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        using var p2 = ParticipantHome.Open(cluster.Home("P2"));
        var frame = FrameSealing.SealToCard(p2.FindCard("P1")!, Envelope.Create(p2, "P1", null, new CancelSession(Passphrase)).Frame.Span);
        await channel.BasicPublishAsync("", cluster.Inbox("P1"), mandatory: true, new BasicProperties { MessageId = "1" }, frame);
        BasicGetResult? kept = null;
        await TestNetwork.EventuallyAsync(async () => (kept = await channel.BasicGetAsync(cluster.Inbox("P1") + "_error", autoAck: true)) is not null);
        return [.. kept!.Body.ToArray(), .. (byte[])kept.BasicProperties.Headers!["psi-reason"]!];
    }

    private static IEnumerable<byte[]> SecretsOf(ParticipantHome home)
    {
        using var signing = home.Signing.Copy();
        using var agreement = home.Agreement.Copy();
        return [signing.Span.ToArray(), agreement.Span.ToArray(), home.SealingSeed.Span.ToArray()];
    }

    private static IEnumerable<byte[]> Forms(byte[] secret) =>
    [
        secret, Encoding.ASCII.GetBytes(Convert.ToHexString(secret)), Encoding.ASCII.GetBytes(Convert.ToHexStringLower(secret)),
        Encoding.ASCII.GetBytes(Convert.ToBase64String(secret)),
    ];

    private static IEnumerable<(string What, byte[] Bytes)> FilesOf(string home) =>
        Directory.EnumerateFiles(home, "*", SearchOption.AllDirectories).Where(path => !path.EndsWith(".lock", StringComparison.Ordinal)).Select(path =>
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[file.Length];
            return (path, bytes[..file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)]);
        });

    private static bool Holds(byte[] bytes, string text) => bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;
}
