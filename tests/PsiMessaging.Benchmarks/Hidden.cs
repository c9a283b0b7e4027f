using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.Testing;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>hidden [rows] [threads a participant]</c>: a hidden intersection, all three in this process and nothing on disk or on the way: seconds, processor
/// seconds and bytes of the set-up by steps, then of a count of 9 groups by 12, with words of 24, 32 and 64 bits. The second of two runs counts. Exits with 1
/// at a sum that is wrong.
/// </summary>
internal static class Hidden
{
    private const int P = 9, Q = 12;

    public static async Task<int> RunAsync(string[] args)
    {
        var rows = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 1_000_000;
        var threads = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 1;
        var common = rows * 4 / 10;
        Console.WriteLine($"{rows:N0} records each, {common:N0} in common, {threads} thread(s)");
        var isRight = true;
        for (var turn = 0; turn < 2; turn++)
        {
            using var cores = new Cores(threads);
            using var run = new HiddenExchange(
                (rows, Reader(0, rows)), (rows, Reader(rows - common, rows)), DummyRule.Default, seed: turn, cores) { Keeps = false };
            Console.WriteLine(turn == 0 ? "first run" : "second run");
            await StepAsync(run, "both runs of the function", run.RunRoundsAsync);
            await StepAsync(run, "tokens and keys", async () =>
            {
                await run.Parties[0].FinishRoundsAsync();
                await run.Parties[1].FinishRoundsAsync();
            });
            await StepAsync(run, "upload", () => Done(run.SendTokens));
            await StepAsync(run, "matching", () => Done(run.Linker.Match));
            await StepAsync(run, "transfer, for questions of P1", () => Done(() => run.TransferKeys(1)));
            Print("set-up in all", _seconds, _processor, run.Bytes);
            Console.WriteLine($"  {run.Matched:N0} matched with dummies");
            await StepAsync(run, "transfer, for those of P2", () => Done(() => run.TransferKeys(0)));
            foreach (var bits in new[] { 24, 32, 64 })
            {
                ulong[] sums = [];
                await StepAsync(run, $"count, p {P}, q {Q}, w {bits}", () => Done(() => sums = run.Ask(0, (P, Q), bits,
                    static (side, position, column) => position % (side == 0 ? P : Q) == column ? 1UL : 0)));
                isRight &= sums.SequenceEqual(Expected(rows, common));
            }

            (_seconds, _processor) = (0, 0);
        }

        Console.WriteLine(isRight ? "every sum is right" : "WRONG");
        return isRight ? 0 : 1;
    }

    private static double _seconds, _processor;

    private static void Print(string name, double seconds, double processor, long bytes) =>
        Console.WriteLine($"  {name,-30} {seconds,7:f2} s {processor,7:f2} s of processor {bytes / 1e6,8:f1} MB");

    private static Task Done(Action body)
    {
        body();
        return Task.CompletedTask;
    }

    private static async Task StepAsync(HiddenExchange run, string name, Func<Task> body)
    {
        var (watch, bytes, before) = (Stopwatch.StartNew(), run.Bytes, Environment.CpuUsage.TotalTime);
        await body();
        var (seconds, processor) = (watch.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - before).TotalSeconds);
        (_seconds, _processor) = (_seconds + seconds, _processor + processor);
        Print(name, seconds, processor, run.Bytes - bytes);
    }

    private static ulong[] Expected(int rows, int common)
    {
        var sums = new ulong[P * Q];
        for (var i = 0; i < common; i++)
        {
            sums[((rows - common + i) % P * Q) + (i % Q)]++;
        }

        return sums;
    }

    private static ItemReader Reader(int first, int rows) => (take, _) =>
    {
        for (var at = 0; at < rows; at += ItemBatch.Items)
        {
            var count = Math.Min(ItemBatch.Items, rows - at);
            var packed = new byte[count * 20];
            for (var i = 0; i < count; i++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(packed.AsSpan(i * 20), 16);
                (first + at + i).TryFormat(packed.AsSpan((i * 20) + 4), out var written, "D16", CultureInfo.InvariantCulture);
            }

            take(at, new PackedItems(packed));
        }
    };
}
