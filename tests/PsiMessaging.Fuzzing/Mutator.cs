using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Fuzzing;

/// <summary>Alters inputs: bits, bytes, numbers at their edges, pieces left out, doubled, moved, and taken from other inputs.</summary>
/// <param name="random">Chance, with a seed, so that a run can be had again.</param>
internal sealed class Mutator(SeededStream random)
{
    /// <summary>Longest input in bytes.</summary>
    public const int MostBytes = 1 << 16;

    private static readonly byte[][] Pieces =
    [
        [0], [0x7F], [0x80], [0xFF], [0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF, 0xFF, 0xFF], [0x80, 0, 0, 0], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xEF, 0xBB, 0xBF],
        .. new[]
        {
            "null", "[]", "[null]", "{}", "\"\"", "-1", "0", "1e999", "9223372036854775808", "2147483648", "-2147483649", "NaN", "true", "\\u0000", "\\ud800",
            "*/", "//", "[[[[[[[[", "((((((((", "'", "\"", ",", ";", "\r\n", "\n", "\t", " ", "9999-12-31", "0001-01-01", "00000000000000000000000000000000",
            "../", "'';--", " where ", " by ", " and ", " not ", "count", "mean(", " to ", " step ", "0.0000000000001", "psi.v1.AbortSession",
        }.Select(System.Text.Encoding.UTF8.GetBytes),
    ];

    /// <summary>An altered input.</summary>
    /// <param name="input">The input; not changed.</param>
    /// <param name="other">Another, for pieces.</param>
    public byte[] Alter(byte[] input, byte[] other)
    {
        var bytes = new List<byte>(input);
        for (var i = 1 << random.NextInt(5); i > 0; i--)
        {
            Step(bytes, other);
        }

        return bytes.Count <= MostBytes ? [.. bytes] : [.. bytes.Take(MostBytes)];
    }

    private void Step(List<byte> bytes, byte[] other)
    {
        var at = random.NextInt(bytes.Count + 1);
        var length = Math.Min(1 << random.NextInt(8), bytes.Count - at);
        switch (random.NextInt(8))
        {
            case 0 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << random.NextInt(8));
                break;
            case 1 when at < bytes.Count:
                bytes[at] = (byte)random.NextInt(256);
                break;
            case 2:
                bytes.RemoveRange(at, length);
                break;
            case 3:
                bytes.InsertRange(random.NextInt(bytes.Count + 1), bytes.GetRange(at, length));
                break;
            case 4:
                bytes.InsertRange(at, Pieces[random.NextInt(Pieces.Length)]);
                break;
            case 5:
                var piece = Pieces[random.NextInt(Pieces.Length)];
                bytes.RemoveRange(at, Math.Min(piece.Length, bytes.Count - at));
                bytes.InsertRange(at, piece);
                break;
            case 6 when other.Length > 0:
                var from = random.NextInt(other.Length);
                bytes.InsertRange(at, other.AsSpan(from, Math.Min(1 << random.NextInt(10), other.Length - from)).ToArray());
                break;
            default:
                Number(bytes, at);
                break;
        }
    }

    /// <summary>A number of the text, or a byte, one more or less.</summary>
    private void Number(List<byte> bytes, int at)
    {
        if (at < bytes.Count)
        {
            bytes[at] = (byte)(bytes[at] + (random.NextInt(2) == 0 ? 1 : -1));
        }
    }
}
