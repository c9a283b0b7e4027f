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
/// <c>vole [log2 size]…</c>: the protocol alone, items already hashed, both parties in this process, one thread a party and then two; against AES-128 blocks and
/// a scalar multiplication in the same run.
/// </summary>
internal static class Vole
{
    public static async Task<int> RunAsync(string[] args)
    {
        var sizes = args.Length > 1 ? args[1..].Select(int.Parse).ToArray() : [16, 20, 22];
        foreach (var log in sizes)
        {
            foreach (var threads in new[] { 1, 2 })
            {
                for (var turn = 0; turn < 4; turn++)
                {
                    var (seconds, bytes, common) = await RunOnceAsync(1 << log, threads);
                    Console.WriteLine($"2^{log}, {threads} thread(s) a party: {seconds:f3} s, {bytes.ToSender / 1e6:f2} + {bytes.ToReceiver / 1e6:f2} MB, {common:N0} in common");
                }
            }
        }

        return 0;
    }

    private static async Task<(double Seconds, (long ToSender, long ToReceiver) Bytes, int Common)> RunOnceAsync(int size, int threads)
    {
        var settings = new VoleSettings(RandomNumberGenerator.GetBytes(32), size, size, IsMalicious: false, AnswersResult: false);
        using var receiver = new Cores(threads);
        using var sender = new Cores(threads);
        var salt = RandomNumberGenerator.GetBytes(16);
        var (mine, theirs) = (Hashes(size, 0, salt), Hashes(size, size / 2, salt));
        var start = Stopwatch.GetTimestamp();
        using var exchange = new VectorExchange(settings, (_, _) => mine, (_, _) => theirs, (receiver, sender));
        var (positions, _) = await exchange.RunAsync();
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return (seconds, exchange.Bytes, positions.OfType<bool>().Count(bit => bit));
    }

    private static ItemHashes Hashes(int size, int offset, byte[] salt)
    {
        var hashes = new ItemHashes(size, both: false);
        using var aes = new Cryptography.Symmetric.Aes128(salt);
        aes.Counter((ulong)offset, hashes.First.Span);
        return hashes;
    }
}
