using System.Diagnostics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.BlindRsa;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>sign [bits]</c>: the signing phase (a sender answering blinded batches) against libcrypto's bare private operation on one core times the cores,
/// both in one run, turn by turn.
/// </summary>
internal static class Signing
{
    public static int Run(string[] args)
    {
        var bits = args.Length > 1 ? int.Parse(args[1]) : 2048;
        const int Items = 8192;
        var transcript = new byte[32];
        using var seed = SecretBytes.Random(32);
        using var senderKey = RsaPrivateKey.Generate(bits);
        using var sender = new BlindRsaParty(1, Items, transcript, seed, ("P2", senderKey, null), ("P1", null, null), Reveal.Peer);
        using var receiver = new BlindRsaParty(Items, 1, transcript, seed, ("P1", null, null), ("P2", senderKey.PublicKey, null), Reveal.Own);
        using var threads = new ComputeThreads(Environment.ProcessorCount);
        byte[] Evaluate(IBatchParty party, Round round, int sequence, ReadOnlyMemory<byte> payload) =>
            Evaluator.EvaluateAsync(party.Evaluate(round, sequence, Numbers(round.FirstOf(sequence), round.CountOf(sequence)), payload)!,
                    threads, CancellationToken.None)
                .GetAwaiter().GetResult();
        using var bare = RsaArithmetic.Create(senderKey);
        var outgoing = receiver.Rounds.Single(round => round is { Number: 1, Direction: RoundDirection.Outgoing });
        var incoming = sender.Rounds.Single(round => round is { Number: 1, Direction: RoundDirection.Incoming });
        var signed = receiver.Rounds.Single(round => round is { Number: 2, Direction: RoundDirection.Incoming });
        Console.WriteLine($"{bits} bits, {bare.Name}, {Environment.ProcessorCount} cores");
        Console.WriteLine("run   bare/s one core   signing/s   of ceiling   blinding us/item   finalising us/item");
        var value = new byte[bare.SizeBytes];
        var result = new byte[bare.SizeBytes];
        BlindRsaSuite.Encode("x"u8, value);
        for (var run = 0; run < 5; run++)
        {
            var watch = Stopwatch.StartNew();
            var count = 0;
            while (watch.ElapsedMilliseconds < 1000)
            {
                bare.PrivateOperation(value, result);
                count++;
            }

            var rate = count / watch.Elapsed.TotalSeconds;
            watch.Restart();
            var batches = Enumerable.Range(0, outgoing.Batches).Select(sequence => Evaluate(receiver, outgoing, sequence, default)).ToArray();
            var blinding = watch.Elapsed.TotalMicroseconds / Items;
            watch.Restart();
            var answers = batches.Select((batch, sequence) => Evaluate(sender, incoming, sequence, batch)).ToArray();
            var signing = Items / watch.Elapsed.TotalSeconds;
            watch.Restart();
            for (var sequence = 0; sequence < answers.Length; sequence++)
            {
                Evaluate(receiver, signed, sequence, answers[sequence]);
            }

            var finalising = watch.Elapsed.TotalMicroseconds / Items;
            Console.WriteLine(
                $"{run,3} {rate,16:N0} {signing,11:N0} {signing / (rate * Environment.ProcessorCount),12:P1} {blinding,18:N1} {finalising,20:N1}");
        }

        return 0;
    }

    /// <summary>Identifiers as an evaluation takes them: length (4 bytes, little-endian), then the bytes.</summary>
    private static byte[] Numbers(int first, int count) =>
        [.. Enumerable.Range(first, count).SelectMany(i => (byte[])[32, 0, 0, 0, .. SHA256.HashData(BitConverter.GetBytes(i))])];
}
