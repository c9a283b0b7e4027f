using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.Compute;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Messaging;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Protocols.Ecdh;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>compute BROKER [batches]</c>: batches a second through the queue with one compute process on one core, and with two processes on a core each, turn by
/// turn in one run; real processes (taskset pins them), real RabbitMQ.
/// </summary>
internal static class ScaleOut
{
    private const int Elements = 8192;

    public static async Task<int> RunAsync(string[] args)
    {
        var batches = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 24;
        var root = Directory.CreateTempSubdirectory("psi-compute-").FullName;
        using var home = ParticipantHome.Create(Path.Combine(root, "p1"),
            new ParticipantConfig { Name = "P1", Role = ParticipantRole.Party, QueuePrefix = $"bench{Environment.ProcessId}" });
        DistributedEvaluator? evaluator = null;
        using var names = ComputeKey.LoadOrCreate(home);
        await using var bus = MessageBus.RabbitMq(BrokerAddress.Parse(args[1]),
            [new Inbox(names.ResultQueue, frame => evaluator!.ReceiveAsync(frame))], TimeProvider.System, NullLogger.Instance, temporary: true);
        evaluator = new DistributedEvaluator(ComputeKey.LoadOrCreate(home), bus, 1, TimeProvider.System, NullLogger.Instance);
        await bus.StartAsync(TimeSpan.FromSeconds(5), CancellationToken.None);
        using var secret = SecretBytes.CopyOf([9, .. new byte[31]]);
        var request = await RequestAsync(secret);
        var rates = new List<(int Workers, double Rate)>();
        try
        {
            Console.WriteLine("workers   batches/s   multiplications/s");
            foreach (var count in new[] { 1, 2, 1, 2, 1, 2 })
            {
                var processes = Enumerable.Range(0, count).Select(core => Start(core, args[1], ComputeKey.PathIn(home))).ToArray();
                await WaitAsync(() => evaluator.Workers == count);
                await RunAsync(evaluator, request, 2 * count);
                var watch = Stopwatch.StartNew();
                await RunAsync(evaluator, request, batches);
                var rate = batches / watch.Elapsed.TotalSeconds;
                rates.Add((count, rate));
                Console.WriteLine($"{count,7} {rate,11:0.00} {rate * Elements,19:N0}");
                foreach (var process in processes)
                {
                    process.Kill();
                    process.Dispose();
                }

                await WaitAsync(() => evaluator.Workers == 0);
            }

            double Best(int workers) => rates.Where(entry => entry.Workers == workers).Max(entry => entry.Rate);
            double Mean(int workers) => rates.Where(entry => entry.Workers == workers).Average(entry => entry.Rate);
            Console.WriteLine($"two against one: {Mean(2) / Mean(1):0.00} times (means), {Best(2) / Best(1):0.00} times (bests)");
        }
        finally
        {
            await evaluator.DisposeAsync();
            Directory.Delete(root, recursive: true);
        }

        return 0;
    }

    private static async Task<EvaluationRequest> RequestAsync(SecretBytes secret)
    {
        using var party = new EcdhParty(Elements, Elements, new byte[32], secret, Protocols.Reveal.Both);
        using var threads = new ComputeThreads(Environment.ProcessorCount);
        var items = Enumerable.Range(0, Elements).SelectMany(i => (byte[])[8, 0, 0, 0, .. BitConverter.GetBytes((long)i)]).ToArray();
        var masked = await Evaluator.EvaluateAsync(party.Evaluate(party.Rounds[0], 0, items, default)!, threads, CancellationToken.None);
        return new EvaluationRequest(EvaluationKind.EcdhRemask, (byte[])[10, .. "psi bench"u8], secret, masked, Elements * 10);
    }

    /// <summary>As the driver does: never more in hand than the evaluator takes.</summary>
    private static Task RunAsync(DistributedEvaluator evaluator, EvaluationRequest request, int batches) => Parallel.ForEachAsync(
        Enumerable.Range(0, batches), new ParallelOptions { MaxDegreeOfParallelism = 4 * (evaluator.Workers + 1) },
        async (sequence, cancellation) => await evaluator.EvaluateAsync("bench", 1, sequence, request, cancellation));

    private static Process Start(int core, string broker, string key)
    {
        var start = new ProcessStartInfo("taskset") { UseShellExecute = false, RedirectStandardOutput = true };
        foreach (var argument in new[] { "-c", $"{core}", "dotnet", Path.Combine(AppContext.BaseDirectory, "psi.dll"),
            "party", "compute", "--parallelism", "1", "--key", key, "--broker", broker })
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }

    private static async Task WaitAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
        }
    }
}
