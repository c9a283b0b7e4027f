using System.Diagnostics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Fuzzing;

/// <summary>Why an input is kept as a fault.</summary>
/// <param name="Input">The input.</param>
/// <param name="What">One line.</param>
public sealed record Fault(byte[] Input, string What);

/// <summary>What a run of the fuzzer did.</summary>
/// <param name="Runs">Inputs tried.</param>
/// <param name="Places">Places of the code that were reached, 0 where it is not instrumented.</param>
/// <param name="Found">Inputs that went where none before did.</param>
/// <param name="Needless">Inputs of the corpus that went where others before them did.</param>
/// <param name="Fault">The first fault, or null.</param>
public sealed record Outcome(long Runs, int Places, IReadOnlyList<byte[]> Found, IReadOnlyList<byte[]> Needless, Fault? Fault);

/// <summary>Tries inputs on a target: what it has, then what comes of altering that, and keeps what goes somewhere new.</summary>
/// <param name="target">The target.</param>
/// <param name="seed">Of chance.</param>
/// <param name="onInput">Sees every input before it is tried, so that one that ends the process is known; null for nobody.</param>
public sealed class Fuzzer(FuzzTarget target, int seed, Action<byte[]>? onInput = null)
{
    private const long MostAllocated = 256L << 20;
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(10);

    /// <summary>Runs.</summary>
    /// <param name="corpus">Inputs to begin with.</param>
    /// <param name="goOn">Whether to try one more, by how many were tried; asked after the corpus is through.</param>
    public Outcome Run(IEnumerable<byte[]> corpus, Func<long, bool> goOn)
    {
        var coverage = new Coverage();
        using var root = SecretBytes.CopyOf("psi fuzzing"u8);
        using var random = new SeededStream(root, "psi/fuzzing"u8, seed);
        var (inputs, found, needless, runs) = (new List<byte[]>(), new List<byte[]>(), new List<byte[]>(), 0L);
        foreach (var input in target.Seeds().Concat(corpus))
        {
            runs++;
            if (Try(coverage, input, out var isNew) is { } fault)
            {
                return new Outcome(runs, coverage.Places, found, needless, fault);
            }

            if (isNew || inputs.Count == 0 || coverage.Places == 0)
            {
                inputs.Add(input);
            }
            else
            {
                needless.Add(input);
            }
        }

        var mutator = new Mutator(random);
        while (goOn(runs))
        {
            runs++;
            var input = mutator.Alter(inputs[random.NextInt(inputs.Count)], inputs[random.NextInt(inputs.Count)]);
            if (Try(coverage, input, out var isNew) is { } fault)
            {
                return new Outcome(runs, coverage.Places, found, needless, fault);
            }

            if (isNew)
            {
                inputs.Add(input);
                found.Add(input);
            }
        }

        return new Outcome(runs, coverage.Places, found, needless, null);
    }

    private Fault? Try(Coverage coverage, byte[] input, out bool isNew)
    {
        onInput?.Invoke(input);
        var (allocated, began) = (GC.GetAllocatedBytesForCurrentThread(), Stopwatch.GetTimestamp());
        coverage.Begin();
        try
        {
            target.Run(input);
        }
        catch (Exception exception)
        {
            isNew = true;
            return new Fault(input, $"{exception.GetType().Name}: {exception.Message.Split('\n')[0]} {exception.StackTrace?.Split('\n')[0].Trim()}");
        }

        isNew = coverage.EndIsNew();
        return GC.GetAllocatedBytesForCurrentThread() - allocated is var bytes && bytes > MostAllocated
            ? new Fault(input, $"{bytes >> 20:N0} MiB were allocated for {input.Length:N0} bytes")
            : Stopwatch.GetElapsedTime(began) is var time && time > MostTime ? new Fault(input, $"it took {time.TotalSeconds:0} s") : null;
    }

    /// <summary>Under which name an input is kept.</summary>
    public static string NameOf(byte[] input) => Convert.ToHexStringLower(SHA256.HashData(input).AsSpan(0, 8));
}
