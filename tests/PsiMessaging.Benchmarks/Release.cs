using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Garbling;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>release [groups cells]</c>: half gates, AND gates a second at either side against the hash they rest on in the same run; then the whole release of a
/// count, 9 groups of 12 cells, all three sides on one core, in milliseconds and bytes a cell; then whether the time of linker and contributing party tells a
/// cell of nobody, of few and of many apart: times of each, and Welch's t of the one against the other as for noise. Beyond 4.5 it tells.
/// The asking party's, which opens what is shown, does, and shows that such a run can.
/// </summary>
internal static class Release
{
    private const int Gates = 1 << 18;
    private const int Bits = 17;
    private const int Minimum = 10;

    public static int Run(string[] args)
    {
        var groups = args.Length > 2 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 9;
        var cells = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 12;
        HalfGateRates();
        WholeRelease(groups, cells);
        Timing();
        return 0;
    }

    private static void HalfGateRates()
    {
        var circuit = new Circuit(2);
        for (var i = 0; i < Gates; i++)
        {
            circuit.And(i, i + 1);
        }

        using var hash = new Aes128(RandomNumberGenerator.GetBytes(16));
        var blocks = MemoryMarshal.Cast<byte, Vector128<byte>>(RandomNumberGenerator.GetBytes(48)).ToArray();
        var (delta, zeros, rows) = (HalfGates.ToDelta(blocks[2]), blocks[..2], new Vector128<byte>[HalfGates.RowsAnAnd * Gates]);
        var (garble, evaluate, hashes) = (double.MaxValue, double.MaxValue, double.MaxValue);
        for (var turn = 0; turn < 5; turn++)
        {
            garble = Math.Min(garble, Seconds(() => HalfGates.Garble(hash, circuit, delta, zeros, 0, rows)));
            evaluate = Math.Min(evaluate, Seconds(() => HalfGates.Evaluate(hash, circuit, zeros, 0, rows)));
            hashes = Math.Min(hashes, Seconds(() =>
            {
                var sum = Vector128<byte>.Zero;
                for (var i = 0; i < Gates; i++)
                {
                    sum ^= hash.TweakedHash(zeros[i & 1], (ulong)i);
                }

                rows[0] ^= sum;
            }));
        }

        // Four hashes a gate at the garbler, two at the evaluator.
        Console.WriteLine($"half gates, one core: garbled {Gates / garble:N0} a second, evaluated {Gates / evaluate:N0}; hashes {Gates / hashes:N0} a second");
        Console.WriteLine($"against the hash alone: garbling {garble / (4 * hashes):N2} times four, evaluating {evaluate / (2 * hashes):N2} times two");
    }

    private static void WholeRelease(int groups, int cells)
    {
        var (program, constants) = Count(groups, cells);
        var words = Enumerable.Range(0, groups * cells).Select(i => (ulong)(i % 7 == 0 ? i % 5 : 1000 + i)).ToArray();
        var transcript = new byte[32];
        using var contributor = SecretBytes.Random(ReleaseKeys.SecretSizeBytes);
        using var linker = SecretBytes.Random(ReleaseKeys.SecretSizeBytes);
        byte[] choice = [], offer = [];
        var setUp = Seconds(() => (choice, offer) = (ReleaseKeys.Choose(contributor, transcript, "P2"), ReleaseKeys.Offer(linker)));
        ContributorKeys ours = null!;
        LinkerKeys theirs = null!;
        setUp += Seconds(() => (ours, theirs) = (ReleaseKeys.OfContributor(contributor, transcript, "P2", offer),
            ReleaseKeys.OfLinker(linker, transcript, "P2", choice)));
        var shares = MemoryMarshal.Cast<byte, ulong>(RandomNumberGenerator.GetBytes(sizeof(ulong) * words.Length)).ToArray();
        var rest = words.Select((word, i) => word - shares[i]).ToArray();
        var whole = Enumerable.Repeat(64, words.Length).ToArray();
        var (best, bytes, opened) = (double.MaxValue, 0, 0);
        for (var turn = 0; turn < 10; turn++)
        {
            best = Math.Min(best, Seconds(() =>
            {
                using var one = ours.For(turn, "q");
                using var two = theirs.For(turn, "q");
                var transfer = ReleaseProtocol.Transfer(program, two, shares, out var labels);
                var (tables, sealedWords) = ReleaseProtocol.Garble(ReleaseCircuit.Of(program), one, transfer, rest, constants, transcript, whole);
                var output = ReleaseProtocol.Evaluate(ReleaseCircuit.Of(program), two, labels, tables);
                opened = ReleaseProtocol.Open(program, output, sealedWords, transcript, new ulong[words.Length]).Count(isOpen => isOpen);
                bytes = transfer.Length + tables.Length + sealedWords.Length + output.Length;
            }));
        }

        Console.WriteLine($"release of {groups} x {cells} cells, all sides: {1000 * best:N1} ms, {bytes / (groups * cells):N0} bytes a cell, {opened} opened; "
            + $"set-up of a session {1000 * setUp:N0} ms");
        ours.Dispose();
        theirs.Dispose();
    }

    private static void Timing()
    {
        const int Runs = 6_000;
        var (program, constants) = Count(1, 5);
        var (circuit, transcript) = (ReleaseCircuit.Of(program), new byte[32]);
        using var contributor = SecretBytes.Random(ReleaseKeys.SecretSizeBytes);
        using var linker = SecretBytes.Random(ReleaseKeys.SecretSizeBytes);
        using var ours = ReleaseKeys.OfContributor(contributor, transcript, "P2", ReleaseKeys.Offer(linker));
        using var theirs = ReleaseKeys.OfLinker(linker, transcript, "P2", ReleaseKeys.Choose(contributor, transcript, "P2"));
        foreach (var (name, few, many, isAsker) in new[]
        {
            ("nobody, few", 0L, 3L, false), ("nobody, many", 0L, 50_000L, false), ("few, many", 3L, 50_000L, false), ("few, many, asker", 3L, 50_000L, true),
        })
        {
            // One order for both, that is no pattern; shares are drawn anew each time.
            var (turn, order) = (0, RandomNumberGenerator.GetBytes(2 * Runs));
            var all = Noise.Times(Runs, () =>
            {
                var size = (order[turn++ % order.Length] & 1) == 0 ? few : many;
                var shares = MemoryMarshal.Cast<byte, ulong>(RandomNumberGenerator.GetBytes(5 * sizeof(ulong))).ToArray();
                ulong[] rest = [(ulong)size - shares[0], .. shares[1..].Select(share => 10_000 - share)];
                using var one = ours.For(turn, "q");
                using var two = theirs.For(turn, "q");
                var (sealedWords, opened) = (Array.Empty<byte>(), Array.Empty<byte>());
                var time = Noise.Ticks(() =>
                {
                    var transfer = ReleaseProtocol.Transfer(program, two, shares, out var labels);
                    (var tables, sealedWords) = ReleaseProtocol.Garble(circuit, one, transfer, rest, constants, transcript, [64, 64, 64, 64, 64]);
                    opened = ReleaseProtocol.Evaluate(circuit, two, labels, tables);
                });
                var asker = Noise.Ticks(() => ReleaseProtocol.Open(program, opened, sealedWords, transcript, shares));
                return (isAsker ? asker : time, size);
            });
            string Quantiles(long size)
            {
                var times = all.Where(run => run.Size == size).Select(run => run.Time / Stopwatch.Frequency * 1e6).Order().ToArray();
                return $"{times[times.Length / 10]:N0} / {times[times.Length / 2]:N0} / {times[times.Length * 9 / 10]:N0}";
            }

            Console.WriteLine($"{name,-17} {(isAsker ? "opening" : "transfer, tables and evaluation"),-31} in µs, deciles 1, 5, 9: "
                + $"{Quantiles(few)} and {Quantiles(many)}; t {Noise.Welch(all):N1}");
        }
    }

    /// <summary>A count by groups of either side: what the product's own program is made of.</summary>
    private static (ReleaseProgram Program, long[] Constants) Count(int groups, int cells)
    {
        var (numbers, decisions, openings, constants) = (new List<SharedNumber>(), new List<Decision>(), new List<Opening>(), new List<long>());
        for (var group = 0; group < groups; group++)
        {
            var first = numbers.Count;
            numbers.AddRange(Enumerable.Range(group * cells, cells).Select(word => new SharedNumber(Bits, [(word, 1)])));
            numbers.Add(new SharedNumber(Bits, [.. Enumerable.Range(group * cells, cells).Select(word => (word, -1))]));
            constants.AddRange([.. new long[cells], 100_000]);
            var decided = decisions.Count;
            decisions.Add(new Decision.Cells([.. Enumerable.Range(first, cells)], first + cells, -1, Minimum));
            for (var cell = 0; cell < cells; cell++)
            {
                decisions.Add(new Decision.CellOf(decided, cell));
                openings.Add(new Opening(decisions.Count - 1, [(group * cells) + cell]));
            }
        }

        return (new ReleaseProgram(numbers, decisions, openings), [.. constants]);
    }

    private static double Seconds(Action action)
    {
        var watch = Stopwatch.StartNew();
        action();
        return watch.Elapsed.TotalSeconds;
    }
}
