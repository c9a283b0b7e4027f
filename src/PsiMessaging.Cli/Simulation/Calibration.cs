using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Choice;
using PsiMessaging.Protocols.Ecdh;
using PsiMessaging.Protocols.Vole;

namespace PsiMessaging.Cli.Simulation;

/// <summary>Measures what <c>--protocol auto</c> reckons with, on this machine.</summary>
internal static class Calibration
{
    private const int Small = 1 << 10;
    private const int Large = 1 << 18;
    private const int Turns = 3;

    /// <summary>Seconds the rounds' way through a broker adds: eleven messages at most that wait for each other.</summary>
    private const double RoundTrips = 0.15;

    public static async Task<ProtocolCosts> RunAsync(int cores, TimeProvider time, CancellationToken cancellation)
    {
        var ecdh = PrimitiveRates.Measure(EcdhProtocol.Instance, 0);
        var (small, large, wide) = (await BestAsync(Small, Small, cores, cancellation),
            await BestAsync(Large, Large, cores, cancellation), await BestAsync(Small, Large, cores, cancellation));
        var sender = Math.Max(1e-9, (wide - small) / (Large - Small));
        return new ProtocolCosts
        {
            EcdhMultiplications = ecdh[EcdhProtocol.Multiplication],
            EcdhHashes = ecdh[EcdhProtocol.HashToGroup],
            VoleFixedSeconds = small + RoundTrips,
            VoleSenderSeconds = sender,
            VoleReceiverSeconds = Math.Max(1e-9, ((large - small) / (Large - Small)) - sender),
            MeasuredAt = time.GetUtcNow(),
        };
    }

    private static async Task<double> BestAsync(int receiver, int sender, int cores, CancellationToken cancellation)
    {
        var best = double.MaxValue;
        for (var turn = 0; turn < Turns; turn++)
        {
            best = Math.Min(best, await OnceAsync(receiver, sender, cores, cancellation));
        }

        return best;
    }

    /// <summary>One run of the protocol alone, both parties in this process, one after the other's message.</summary>
    private static async Task<double> OnceAsync(int receiverSize, int senderSize, int cores, CancellationToken cancellation)
    {
        var settings = new VoleSettings(RandomNumberGenerator.GetBytes(32), receiverSize, senderSize, IsMalicious: false, AnswersResult: true);
        using var threads = new Cores(cores);
        using var seeds = SecretBytes.Random(64);
        using var receiverSeed = SecretBytes.CopyOf(seeds.Span[..32]);
        using var senderSeed = SecretBytes.CopyOf(seeds.Span[32..]);
        var (mine, theirs) = (Hashes(receiverSize), Hashes(senderSize));
        var start = Stopwatch.GetTimestamp();
        using var receiver = VoleParty.Create(settings, receives: true, receiverSeed, (_, _) => mine, threads);
        using var sender = VoleParty.Create(settings, receives: false, senderSeed, (_, _) => theirs, threads);
        foreach (var number in receiver.Rounds.Select(round => round.Number).Distinct().Order())
        {
            foreach (var (from, to) in new[] { (receiver, sender), (sender, receiver) })
            {
                if (from.Rounds.FirstOrDefault(round => round.Number == number && round.Direction == RoundDirection.Outgoing) is { } round)
                {
                    for (var sequence = 0; sequence < round.Batches; sequence++)
                    {
                        cancellation.ThrowIfCancellationRequested();
                        await to.AbsorbAsync(round with { Direction = RoundDirection.Incoming }, sequence, await from.ProduceAsync(round, sequence));
                    }
                }
            }
        }

        await receiver.FinishAsync();
        await sender.FinishAsync();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static ItemHashes Hashes(int size)
    {
        var hashes = new ItemHashes(size, both: false, []);
        using var aes = new Aes128(RandomNumberGenerator.GetBytes(16));
        aes.Counter(0, hashes.First.Span);
        return hashes;
    }
}
