using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Fields;
using PsiMessaging.Cryptography.KeyValueStore;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.ObliviousTransfer;
using PsiMessaging.Cryptography.Oprf;
using PsiMessaging.Cryptography.Ristretto;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Cryptography.Vole;

namespace PsiMessaging.Benchmarks;

/// <summary><c>layers [log2 size] [threads]</c>: each layer of the protocol <c>vole</c> by itself, best of five, a element and as a share of the sum.</summary>
internal static class VoleLayers
{
    private const int Turns = 5;

    public static int Run(string[] args)
    {
        var size = 1 << (args.Length > 1 ? int.Parse(args[1]) : 20);
        using var cores = new Cores(args.Length > 2 ? int.Parse(args[2]) : 1);
        var layers = new List<(string Side, string Name, double Seconds)>();
        using var aes = new Aes128(RandomNumberGenerator.GetBytes(16));
        var blocks = new Vector128<byte>[4096];
        var block = Best(() =>
        {
            for (var i = 0; i < 256; i++)
            {
                aes.Hash(blocks, blocks);
            }
        }) / (256 * 4096);

        using var keys = new BlockBuffer(size);
        aes.Counter(0, keys.Span);
        var items = new byte[size][];
        for (var i = 0; i < size; i++)
        {
            items[i] = keys.Span[i].AsByte().ToArray24();
        }

        var starts = RandomBandStore.StartsOf(size);
        var rowKey = RandomNumberGenerator.GetBytes(16);
        if (ItemHashLanes.IsSupported)
        {
            Add("both", "hash of the identifiers, on lanes", () => cores.Split(size, ItemHashLanes.Lanes, (_, first, end) =>
            {
                Span<Vector128<byte>> hashes = stackalloc Vector128<byte>[2 * ItemHashLanes.Lanes];
                using var lanes = new ItemHashLanes(ItemHash.SaltOf(rowKey));
                for (var i = first; i < end; i += ItemHashLanes.Lanes)
                {
                    for (var lane = 0; lane < ItemHashLanes.Lanes; lane++)
                    {
                        lanes.Put(lane, items[i + lane]);
                    }

                    lanes.Compute(hashes);
                }
            }));
        }

        Add("both", "hash of the identifiers (24 bytes)", () => cores.Split(size, 1, (_, first, end) =>
        {
            Span<byte> hash = stackalloc byte[32];
            var salt = ItemHash.SaltOf(rowKey);
            for (var i = first; i < end; i++)
            {
                ItemHash.Compute(items[i], salt, hash);
            }
        }));
        BandRows rows = null!;
        Add("both", "rows: hash and order", () =>
        {
            rows?.Dispose();
            rows = BandRows.Create(keys, starts, rowKey, cores);
        });
        using var oprf = new VoleOprf(rowKey, rowKey);
        using var values = oprf.Values(rows, default, cores);
        BlockBuffer store = null!;
        Add("receiver", "store: encode", () =>
        {
            store?.Dispose();
            store = RandomBandStore.Encode(rows, values.Span, rowKey, cores, out _)!;
        });
        using var decoded = new BlockBuffer(size);
        Add("both", "store: decode", () => RandomBandStore.Decode(store, rows, decoded, cores));

        // Base transfers and extension, then the VOLE.
        var parameters = LpnParameters.For(RandomBandStore.LengthOf(starts));
        var (transcript, session) = (RandomNumberGenerator.GetBytes(32), RandomNumberGenerator.GetBytes(32));
        using var seed = SecretBytes.Random(32);
        using var scalar = RistrettoScalar.Derive(seed, "offer"u8);
        var delta = Vector128.Create<byte>(RandomNumberGenerator.GetBytes(16));
        byte[] choice = [], offer = BaseTransfer.Offer(scalar);
        Vector128<byte>[] offered = [], chosen = [];
        Add("sender", "base transfers: choose", () => choice = BaseTransfer.Choose(transcript, seed, delta, cores));
        Add("sender", "base transfers: keys", () => chosen = BaseTransfer.ChooserKeys(session, seed, delta, offer, cores));
        Add("receiver", "base transfers: keys", () => offered = BaseTransfer.OffererKeys(transcript, session, scalar, choice, cores));
        using var receiver = new VoleReceiver(parameters, rowKey, malicious: false);
        var tiles = receiver.Choices.Length;
        var message = new byte[tiles * TransferExtension.TileSizeBytes];
        using var t = new BlockBuffer(tiles * 128);
        using var q = new BlockBuffer(tiles * 128);
        Add("receiver", "extension", () => TransferExtension.Offer(offered, receiver.Choices, message, t.Span));
        Add("sender", "extension", () => TransferExtension.Choose(chosen, delta, message, q.Span));
        byte[] opening = [];
        Add("receiver", "extension check: open", () => opening = TransferExtension.Open(session, receiver.Choices, t.Span));
        Add("sender", "extension check: verify", () =>
        {
            if (!TransferExtension.Verify(session, delta, q.Span, opening))
            {
                throw new InvalidOperationException("the extension's check fails for honest sides");
            }
        });
        var voleKeys = new VoleKeys(rowKey, RandomNumberGenerator.GetBytes(16), RandomNumberGenerator.GetBytes(16), RandomNumberGenerator.GetBytes(16));
        var corrections = new byte[parameters.Noise * parameters.TreeSizeBytes];
        using var roots = SecretBytes.Random(16);
        BlockBuffer a = null!, b = null!, c = null!;
        Add("sender", "VOLE: trees and code", () =>
        {
            b?.Dispose();
            (b, _) = VoleSender.Expand(parameters, voleKeys, roots, delta, q, null, corrections, cores);
        });
        Add("receiver", "VOLE: trees and code", () =>
        {
            a?.Dispose();
            c?.Dispose();
            (a, c, _) = receiver.Expand(voleKeys, t, corrections, null, cores);
        });
        using (var code = new ExpandConvoluteCode(voleKeys.Code, parameters.Outputs, parameters.Folded))
        {
            using var tails = new BlockBuffer(2 * (ExpandConvoluteCode.Wrap + parameters.Folded));
            Console.WriteLine($"   (code alone: pair {Best(() => code.EncodePair(a, c, tails, cores)) * 1e3:f1} ms, of it folding "
                + $"{Best(() => code.Fold(tails, 2, accelerated: true)) * 1e3:f1} ms)");
            using var tail = new BlockBuffer(ExpandConvoluteCode.Wrap + parameters.Folded);
            Console.WriteLine($"   (code alone: single {Best(() => code.Encode(a, tail, cores)) * 1e3:f1} ms, of it folding "
                + $"{Best(() => code.Fold(tail, 1, accelerated: true)) * 1e3:f1} ms)");
        }

        Add("sender", "K = B + delta A'",
            () => cores.Split(starts, 4096, (_, first, end) => BinaryField128.MultiplyAdd(delta, a.Span[first..end], b.Span[first..end])));
        Add("receiver", "A' = A + P", () => VoleOprf.Add(a, store, starts, cores));
        BlockBuffer outputs = null!;
        Add("both", "outputs: hash", () =>
        {
            outputs?.Dispose();
            outputs = oprf.Outputs(rows, decoded, null, cores);
        });
        SortedTags tags = null!;
        Add("both", "outputs: sort", () =>
        {
            tags?.Dispose();
            tags = SortedTags.Create(outputs, 10, cores)!;
        });
        var wire = new byte[size * 10];
        Add("sender", "outputs: to bytes", () => tags.CopyTo(0, wire));
        var found = new byte[(size + 7) / 8];
        Add("receiver", "outputs: match", () => tags.TryMatch(wire, found));

        var sums = new[] { "receiver", "sender" }.ToDictionary(side => side,
            side => layers.Where(layer => layer.Side == side || layer.Side == "both").Sum(layer => layer.Seconds));
        Console.WriteLine($"AES-128, one block: {block * 1e9:f2} ns; {size:N0} items a side, {cores.Count} thread(s)");
        foreach (var (side, name, seconds) in layers)
        {
            Console.WriteLine($"{side,-9} {name,-36} {seconds * 1e3,8:f1} ms {seconds * 1e9 / size,8:f1} ns an element {seconds / size / block,6:f1} blocks "
                + $"{seconds / sums[side == "both" ? "receiver" : side],6:P0}");
        }

        Console.WriteLine($"sum: receiver {sums["receiver"] * 1e3:f0} ms, sender {sums["sender"] * 1e3:f0} ms");
        return 0;

        void Add(string side, string name, Action work) => layers.Add((side, name, Best(work)));
    }

    /// <summary>
    /// <c>failures [runs]</c>: how often encoding fails with narrow bands, against the published fit λ(w) =
    /// a·w - b bits, from which the 256 of the product are extrapolated.
    /// </summary>
    public static int Failures(string[] args)
    {
        var runs = args.Length > 1 ? int.Parse(args[1]) : 4000;
        foreach (var (log, a, b) in new[] { (14, 0.2685, 9.3), (18, 0.2715, 13.4) })
        {
            using var keys = new BlockBuffer(1 << log);
            using var aes = new Aes128(RandomNumberGenerator.GetBytes(16));
            aes.Counter(0, keys.Span);
            foreach (var width in new[] { 40, 48, 56, 64 })
            {
                var turns = Math.Max(50, runs >> (log - 14));
                var failures = 0;
                Parallel.For(0, turns, _ =>
                {
                    using var rows = BandRows.Create(keys, RandomBandStore.StartsOf(keys.Length), RandomNumberGenerator.GetBytes(16), Cores.One);
                    using var store = RandomBandStore.Encode(rows, keys.Span, RandomNumberGenerator.GetBytes(16),
                        Cores.One, RandomBandStore.IsAccelerated, width, out var fault);
                    if (fault != EncodeFault.None)
                    {
                        Interlocked.Increment(ref failures);
                    }
                });
                var measured = failures == 0 ? $"> {Math.Log2(turns):f1}" : $"{-Math.Log2((double)failures / turns):f2}";
                Console.WriteLine($"2^{log} keys, band {width}: {failures:N0} of {turns:N0} fail, {measured} bits; the fit says {(a * width) - b:f2}");
            }
        }

        return 0;
    }

    private static byte[] ToArray24(this Vector128<byte> block)
    {
        var bytes = new byte[24];
        block.CopyTo(bytes);
        return bytes;
    }

    private static double Best(Action work) => Enumerable.Range(0, Turns).Min(_ =>
    {
        var start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    });
}
