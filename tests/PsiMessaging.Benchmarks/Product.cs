using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.Security;
using PsiMessaging.Batches;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>product</c>: the linker's product against the machine's own peak for 64-bit multiply-and-add, which a bare loop on registers measures in the same run;
/// and the same sums under Paillier encryption (the additively homomorphic scheme that peers with a helper use), by BouncyCastle's arithmetic.
/// </summary>
internal static class Product
{
    private const int Rows = 1_000_000;

    public static int Run()
    {
        var cores = Environment.ProcessorCount;
        double product = 0;
        foreach (var (p, q) in new[] { (9, 12), (9, 12), (64, 63) })
        {
            var peak = OnAllCores(cores, 50_000_000, Peak) / 1e9;
            var batch = MaskedBatch.RowsOf(Math.Max(p, q));
            var rate = OnAllCores(cores, Rows / cores, rows => Multiply(p, q, batch, rows)) / 1e9;
            product = p == 9 ? Rows * 108.0 / (rate * 1e9) : product;
            Console.WriteLine($"product {p} x {q}: {rate:f1} billion multiply-adds a second on {cores} cores, {rate / peak:P0} of the peak of {peak:f1}");
        }

        Paillier(product);
        return 0;
    }

    private static double OnAllCores(int cores, int size, Func<int, double> work)
    {
        var start = Stopwatch.GetTimestamp();
        var done = new double[cores];
        var threads = Enumerable.Range(0, cores).Select(i => new Thread(() => done[i] = work(size))).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return done.Sum() / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Twelve independent sums in registers: nothing but multiplications and additions.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Peak(int steps)
    {
        var (a, b, c) = (Vector512.Create(3UL), Vector512.Create(5UL), Vector512.Create(7UL));
        Vector512<ulong> s0 = a, s1 = b, s2 = c, s3 = a, s4 = b, s5 = c, s6 = a, s7 = b, s8 = c, s9 = a, s10 = b, s11 = c;
        for (var i = 0; i < steps; i++)
        {
            s0 += a * s0;
            s1 += b * s1;
            s2 += c * s2;
            s3 += a * s3;
            s4 += b * s4;
            s5 += c * s5;
            s6 += a * s6;
            s7 += b * s7;
            s8 += c * s8;
            s9 += a * s9;
            s10 += b * s10;
            s11 += c * s11;
        }

        GC.KeepAlive(Vector512.Sum(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11));
        return 12.0 * Vector512<ulong>.Count * steps;
    }

    /// <summary>As the linker does: batch after batch, each read once.</summary>
    private static double Multiply(int p, int q, int batch, int rows)
    {
        var (a, b) = (new ulong[batch * p], new ulong[batch * q]);
        Array.Fill(a, 0x9E3779B97F4A7C15);
        Array.Fill(b, 0xC2B2AE3D27D4EB4F);
        var sum = new ulong[p * q];
        var done = 0;
        for (; done < rows * 20; done += batch)
        {
            ColumnProducts.Add(a, p, b, q, batch, sum);
        }

        GC.KeepAlive(sum);
        return (double)done * p * q;
    }

    /// <summary>
    /// Paillier at 2048 bits, as a helper would count 9 by 12 groups: the asking party encrypts its 9 indicators a row, the other adds the ciphertexts of its
    /// row's group. One encryption is a modular exponentiation modulo n², one addition a modular multiplication; rates are measured, totals follow from the
    /// counts of operations.
    /// </summary>
    private static void Paillier(double productSeconds)
    {
        var random = new SecureRandom();
        var n = new BigInteger(1024, 50, random).Multiply(new BigInteger(1024, 50, random));
        var square = n.Multiply(n);
        var (watch, encryptions, cipher) = (Stopwatch.StartNew(), 0, BigInteger.One);
        while (watch.Elapsed < TimeSpan.FromSeconds(4))
        {
            // (1 + m·n)·r^n mod n²
            var r = new BigInteger(2047, random);
            cipher = n.Add(BigInteger.One).Multiply(r.ModPow(n, square)).Mod(square);
            encryptions++;
        }

        var encryption = watch.Elapsed.TotalSeconds / encryptions;
        var (additions, sum) = (0, cipher);
        watch.Restart();
        while (watch.Elapsed < TimeSpan.FromSeconds(2))
        {
            sum = sum.Multiply(cipher).Mod(square);
            additions++;
        }

        var addition = watch.Elapsed.TotalSeconds / additions;
        var total = ((Rows * 9.0 * encryption) + (Rows * 9.0 * addition)) / Environment.ProcessorCount;
        Console.WriteLine($"Paillier 2048: {encryption * 1e3:f2} ms an encryption, {addition * 1e6:f1} us an addition; {Rows:N0} rows of 9 by 12 groups would "
            + $"take {total:N0} s on {Environment.ProcessorCount} cores (the product alone here: {productSeconds * 1e3:f0} ms)");
    }
}
