using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using CsCheck;
using PsiMessaging.Cryptography.Garbling;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Tests.Garbling;

/// <summary>Half gates against circuits in the clear, and against the paper's formulas written down once more.</summary>
public class HalfGatesTests
{
    private static readonly Aes128 Cipher = new("psi half gates 1"u8);

    private static Vector128<byte> Block() => Vector128.Create<byte>(RandomNumberGenerator.GetBytes(16));

    private static Vector128<byte> Delta() => HalfGates.ToDelta(Block());

    private static Vector128<byte>[] Blocks(int count) => [.. Enumerable.Range(0, count).Select(_ => Block())];

    private static bool Run(Circuit circuit, bool[] inputs, ulong tweak = 0)
    {
        var (delta, zeros) = (Delta(), Blocks(circuit.Inputs));
        var rows = new Vector128<byte>[HalfGates.RowsAnAnd * circuit.AndGates];
        var zero = Assert.Single(HalfGates.Garble(Cipher, circuit, delta, zeros, tweak, rows));
        var labels = zeros.Select((label, wire) => inputs[wire] ? label ^ delta : label).ToArray();
        var output = Assert.Single(HalfGates.Evaluate(Cipher, circuit, labels, tweak, rows));
        Assert.True(output == zero || output == (zero ^ delta));
        return output != zero;
    }

    /// <summary>Every gate, every input, many labels: all four rows of the truth table in all four colours.</summary>
    [Fact]
    public void AGate_OfEveryKind_GivesItsTruthTable()
    {
        for (var round = 0; round < 64; round++)
        {
            foreach (var (x, y) in new[] { (false, false), (false, true), (true, false), (true, true) })
            {
                foreach (var kind in Enum.GetValues<GateKind>())
                {
                    var circuit = new Circuit(2);
                    _ = kind switch { GateKind.Xor => circuit.Xor(0, 1), GateKind.And => circuit.And(0, 1), _ => circuit.Not(0) };
                    Assert.Equal(kind switch { GateKind.Xor => x ^ y, GateKind.And => x & y, _ => !x }, Run(circuit, [x, y], (ulong)round * 2));
                }
            }
        }
    }

    [Fact]
    public void RandomCircuits_GiveWhatTheyGiveInTheClear() => Gen.Int[0, int.MaxValue].Sample(
        seed =>
        {
            var next = (uint)seed;
            int Next(int below) => (int)((next = (next * 1664525) + 1013904223) >> 8) % below;
            var circuit = new Circuit(1 + Next(8));
            for (var i = 1 + Next(60); i > 0; i--)
            {
                var (left, right) = (Next(circuit.Wires), Next(circuit.Wires));
                _ = Next(4) switch { 0 => circuit.Xor(left, right), 1 => circuit.Not(left), 2 => circuit.Or(left, right), _ => circuit.And(left, right) };
            }

            var inputs = Enumerable.Range(0, circuit.Inputs).Select(_ => Next(2) == 1).ToArray();
            Assert.Equal(circuit.Evaluate(inputs)[0], Run(circuit, inputs, (ulong)next));
        },
        iter: 300);

    /// <summary>The threshold's circuit, for all sums of small words and at the edges of large ones.</summary>
    [Fact]
    public void SumIsAtLeast_IsThat()
    {
        for (var threshold = 1; threshold < 16; threshold++)
        {
            var circuit = SumIsAtLeast(4, threshold);
            for (var pair = 0; pair < 256; pair++)
            {
                Assert.Equal(((pair & 15) + (pair >> 4)) % 16 >= threshold, circuit.Evaluate(Bits(4, pair & 15, pair >> 4))[0]);
            }
        }

        const long Modulus = 1L << 24;
        Gen.Select(Gen.Long[0, Modulus - 1], Gen.Long[1, Modulus - 1], Gen.Int[-2, 2]).Sample(
            (share, threshold, offset) =>
            {
                var other = (threshold + offset - share + (2 * Modulus)) % Modulus;
                var circuit = SumIsAtLeast(24, threshold);
                Assert.True(circuit.AndGates <= 46, $"{circuit.AndGates}");
                Assert.Equal((share + other) % Modulus >= threshold, circuit.Evaluate(Bits(24, share, other))[0]);
            },
            iter: 500);
        Assert.Equal(23 + 22, SumIsAtLeast(24, 10).AndGates);
    }

    [Fact]
    public void SumIsAtLeast_Garbled_IsThatToo()
    {
        var circuit = SumIsAtLeast(24, 10);
        for (var count = 0; count < 21; count++)
        {
            var share = RandomNumberGenerator.GetInt32(1 << 24);
            Assert.Equal(count >= 10, Run(circuit, Bits(24, share, (count - share + (1 << 24)) % (1 << 24))));
        }
    }

    /// <summary>Independent of the code: figure 2 of ePrint 2014/756, with the hash of ePrint 2019/074 from the platform's AES.</summary>
    [Fact]
    public void AnAndGate_IsThatOfThePaper()
    {
        using var aes = Aes.Create();
        aes.SetKey("psi half gates 1"u8.ToArray());
        Vector128<byte> Pi(Vector128<byte> block)
        {
            var bytes = new byte[16];
            block.CopyTo(bytes);
            return Vector128.Create<byte>(aes.EncryptEcb(bytes, PaddingMode.None));
        }

        Vector128<byte> H(Vector128<byte> block, ulong tweak) => Pi(Pi(block) ^ Vector128.Create(tweak, 0UL).AsByte()) ^ Pi(block);
        var circuit = new Circuit(2);
        circuit.And(0, 1);
        for (var round = 0; round < 32; round++)
        {
            var (delta, a, b) = (Delta(), Block(), Block());
            var (pa, pb) = ((a[0] & 1) == 1, (b[0] & 1) == 1);
            var generator = H(a, 8) ^ H(a ^ delta, 8) ^ (pb ? delta : default);
            var evaluator = H(b, 9) ^ H(b ^ delta, 9) ^ a;
            var output = H(a, 8) ^ (pa ? generator : default) ^ H(b, 9) ^ (pb ? evaluator ^ a : default);
            var rows = new Vector128<byte>[2];
            Assert.Equal([output], HalfGates.Garble(Cipher, circuit, delta, [a, b], 8, rows));
            Assert.Equal([generator, evaluator], rows);
        }
    }

    /// <summary>What the evaluator has, a label a wire, says nothing by its colour: it is 0 and 1 alike for either value.</summary>
    [Fact]
    public void Evaluator_SeesColoursThatSayNothing()
    {
        var circuit = SumIsAtLeast(24, 10);
        var ones = new int[2];
        const int Runs = 2000;
        for (var run = 0; run < Runs; run++)
        {
            var (delta, zeros, count) = (Delta(), Blocks(circuit.Inputs), (run % 2) * 20);
            var rows = new Vector128<byte>[HalfGates.RowsAnAnd * circuit.AndGates];
            HalfGates.Garble(Cipher, circuit, delta, zeros, 0, rows);
            var bits = Bits(24, 5, (count - 5 + (1 << 24)) % (1 << 24));
            var output = HalfGates.Evaluate(Cipher, circuit, [.. zeros.Select((label, wire) => bits[wire] ? label ^ delta : label)], 0, rows);
            ones[run % 2] += HalfGates.ColourOf(output[0]);
        }

        // Six standard deviations of a fair coin's thousand throws.
        Assert.All(ones, count => Assert.InRange(count, (Runs / 4) - 95, (Runs / 4) + 95));
    }

    /// <summary>Rows that were altered give a label that is neither of the output's: what is sealed under those opens to nobody.</summary>
    [Fact]
    public void AlteredRow_GivesNoLabelOfTheOutput()
    {
        var circuit = new Circuit(2);
        circuit.And(0, 1);
        var (delta, zeros, rows) = (Delta(), Blocks(2), new Vector128<byte>[2]);
        var zero = HalfGates.Garble(Cipher, circuit, delta, zeros, 0, rows)[0];

        // An input whose colour is 1 uses the row.
        var labels = zeros.Select(label => HalfGates.ColourOf(label) == 1 ? label : label ^ delta).ToArray();
        for (var row = 0; row < 2; row++)
        {
            var altered = rows.ToArray();
            altered[row] ^= Vector128.CreateScalar((byte)2);
            var output = HalfGates.Evaluate(Cipher, circuit, labels, 0, altered)[0];
            Assert.True(output != zero && output != (zero ^ delta));
        }
    }

    private static Circuit SumIsAtLeast(int bits, long threshold)
    {
        var circuit = new Circuit(2 * bits);
        var words = new WordCircuit(circuit);
        circuit.Output(words.AtLeast(words.Add([.. Enumerable.Range(0, bits)], [.. Enumerable.Range(bits, bits)], bits), threshold));
        return circuit;
    }

    private static bool[] Bits(int bits, long one, long other) =>
        [.. Enumerable.Range(0, bits).Select(i => ((one >> i) & 1) == 1), .. Enumerable.Range(0, bits).Select(i => ((other >> i) & 1) == 1)];
}
