using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Vole;
using PsiMessaging.Testing;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>vole [malicious] [log2 size]…</c>: the protocol alone, items already hashed, both parties in this process, one thread a party and then two; seconds, and
/// the processor time of the whole process, which other work on the machine changes less.
/// </summary>
internal static class Vole
{
    public static async Task<int> RunAsync(string[] args)
    {
        var malicious = args.Contains("malicious");
        var sizes = args.Skip(1).Where(arg => arg != "malicious").Select(int.Parse).DefaultIfEmpty(-1).ToArray();
        foreach (var log in sizes is [-1] ? [16, 20, 22] : sizes)
        {
            foreach (var (threads, shared) in new[] { (1, false), (2, false), (1, true), (2, true) })
            {
                for (var turn = 0; turn < 4; turn++)
                {
                    var (seconds, processor, bytes, common) = await RunOnceAsync(1 << log, threads, shared, malicious);
                    Console.WriteLine($"2^{log}, {threads} thread(s) {(shared ? "for both" : "a party")}: {seconds:f3} s, "
                        + $"{processor:f3} s of the processor, {bytes.ToSender / 1e6:f2} + "
                        + $"{bytes.ToReceiver / 1e6:f2} MB, {common:N0} in common");
                }
            }
        }

        return 0;
    }

    /// <summary>
    /// <c>correctness</c>: 1,000 runs at 2^10 to 2^14, 100 at 2^18 and 20 at 2^20, random overlap, against
    /// plain sets; exits with 1 at the first match that is false or missed.
    /// </summary>
    public static async Task<int> CheckAsync()
    {
        using var cores = new Cores(Environment.ProcessorCount);
        foreach (var (least, most, runs) in new[] { (10, 14, 1000), (18, 18, 100), (20, 20, 20) })
        {
            for (var run = 0; run < runs; run++)
            {
                var (receiver, sender) = (RandomNumberGenerator.GetInt32(1 << least, (1 << most) + 1),
                    RandomNumberGenerator.GetInt32(1 << least, (1 << most) + 1));
                var common = RandomNumberGenerator.GetInt32(0, Math.Min(receiver, sender) + 1);
                var salt = RandomNumberGenerator.GetBytes(16);
                var (mine, theirs) = (Hashes(receiver, 0, salt), Hashes(sender, receiver - common, salt));
                var settings = new VoleSettings(RandomNumberGenerator.GetBytes(32), receiver, sender, IsMalicious: false, AnswersResult: true);
                var (mySet, theirSet) = (mine.First.Span.ToArray(), theirs.First.Span.ToArray());
                var (inMine, inTheirs) = (mySet.ToHashSet(), theirSet.ToHashSet());
                using var exchange = new VectorExchange(settings, (_, _) => mine, (_, _) => theirs, (cores, cores));
                var (here, there) = await exchange.RunAsync();
                if (!mySet.Select(inTheirs.Contains).SequenceEqual(here.Cast<bool>()) || !theirSet.Select(inMine.Contains).SequenceEqual(there!.Cast<bool>()))
                {
                    Console.WriteLine($"WRONG: {receiver} x {sender}, {common} in common");
                    return 1;
                }
            }

            Console.WriteLine($"2^{least} to 2^{most}: {runs:N0} runs, every match right at both sides");
        }

        return 0;
    }

    private static async Task<(double Seconds, double Processor, (long ToSender, long ToReceiver) Bytes, int Common)> RunOnceAsync(
        int size, int threads, bool shared, bool malicious)
    {
        var settings = new VoleSettings(RandomNumberGenerator.GetBytes(32), size, size, malicious, AnswersResult: false);
        using var receiver = new Cores(threads);
        using var sender = new Cores(threads);
        var salt = RandomNumberGenerator.GetBytes(16);
        var (mine, theirs) = (Hashes(size, 0, salt, malicious), Hashes(size, size / 2, salt, malicious));
        var (start, before) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        using var exchange = new VectorExchange(settings, (_, _) => mine, (_, _) => theirs, (receiver, shared ? receiver : sender));
        var (positions, _) = await exchange.RunAsync();
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return (seconds, (Environment.CpuUsage.TotalTime - before).TotalSeconds, exchange.Bytes, positions.OfType<bool>().Count(bit => bit));
    }

    private static ItemHashes Hashes(int size, int offset, byte[] salt, bool both = false)
    {
        var hashes = new ItemHashes(size, both, []);
        using var aes = new Cryptography.Symmetric.Aes128(salt);
        aes.Counter((ulong)offset, hashes.First.Span);
        aes.Counter((1UL << 40) + (ulong)offset, hashes.Second);
        return hashes;
    }
}
