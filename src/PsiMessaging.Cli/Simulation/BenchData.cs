using System.Text;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Files;

namespace PsiMessaging.Cli.Simulation;

/// <summary>Generated files for benchmarks: a 12-digit identifier and three columns, half of the smaller set in common. The same at every run.</summary>
public static class BenchData
{
    /// <summary>Writes <c>p1.csv</c> (ID, A, B, C) and <c>p2.csv</c> (ID, X, Y, Z); returns their paths.</summary>
    public static (string P1, string P2) Write(string folder, int rows1, int rows2)
    {
        using var seed = SecretBytes.CopyOf(Encoding.UTF8.GetBytes("psi bench data, version 1"));
        var common = Math.Min(rows1, rows2) / 2;
        return (File("p1.csv", "ID;A;B;C", 0, rows1), File("p2.csv", "ID;X;Y;Z", rows1 - common, rows2));

        string File(string name, string header, int first, int rows)
        {
            var path = Path.Combine(folder, name);
            using var random = new SeededStream(seed, "psi/bench"u8, first);
            AtomicFile.Write(path, stream =>
            {
                using var writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true);
                writer.NewLine = "\n";
                writer.WriteLine(header);
                foreach (var position in random.Permutation(rows))
                {
                    var id = (first + position) * 7919L % 1_000_000_007L;
                    writer.WriteLine(
                        $"{id:D12};{(char)('a' + random.NextInt(8))};{(char)('k' + random.NextInt(12))}{random.NextInt(10)};{random.NextInt(1000)}");
                }
            });
            return path;
        }
    }
}
