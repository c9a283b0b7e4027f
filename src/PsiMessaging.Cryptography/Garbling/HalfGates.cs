using System.Runtime.Intrinsics;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Garbling;

/// <summary>
/// Garbled circuits with half gates and free XOR (Zahur, Rosulek, Evans, EUROCRYPT 2015, ePrint 2014/756): two ciphertexts of 16 bytes an AND gate. A wire has
/// two labels, W⁰ and W¹ = W⁰ ⊕ Δ; whoever evaluates has one of them and cannot tell which. The lowest bit of Δ is 1, so that a label's lowest bit says which
/// row is its own and nothing else.
/// </summary>
/// <remarks>
/// The hash is the tweakable circular correlation robust one of ePrint 2019/074 (<see cref="Aes128.TweakedHash"/>), which free XOR needs; tweaks must not come
/// twice under one Δ, so that each circuit begins where the last one ended. Secure against who follows the protocol: a garbler can garble another circuit.
/// </remarks>
public static class HalfGates
{
    /// <summary>Bytes of a label.</summary>
    public const int LabelSizeBytes = 16;

    /// <summary>Ciphertexts, and tweaks, of an AND gate.</summary>
    public const int RowsAnAnd = 2;

    /// <summary>Makes a difference of labels fit: its lowest bit is 1.</summary>
    public static Vector128<byte> ToDelta(Vector128<byte> random) => random | Vector128.CreateScalar((byte)1);

    /// <summary>Which of a wire's two rows a label points to; says nothing of what it stands for.</summary>
    public static int ColourOf(Vector128<byte> label) => label.ToScalar() & 1;

    /// <summary>The garbler's side.</summary>
    /// <param name="hash">The fixed-key cipher, the same on both sides.</param>
    /// <param name="circuit">The circuit.</param>
    /// <param name="delta">Δ.</param>
    /// <param name="inputs">W⁰ of each input wire.</param>
    /// <param name="tweak">First tweak; the next circuit's is 2 × AND gates more.</param>
    /// <param name="rows">Receives the ciphertexts, <see cref="RowsAnAnd"/> an AND gate.</param>
    /// <returns>W⁰ of each output.</returns>
    public static Vector128<byte>[] Garble(
        Aes128 hash, Circuit circuit, Vector128<byte> delta, ReadOnlySpan<Vector128<byte>> inputs, ulong tweak, Span<Vector128<byte>> rows)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(ColourOf(delta), 1);
        var wires = Begin(circuit, inputs, rows.Length);
        var row = 0;
        for (var i = 0; i < circuit.Gates.Count; i++)
        {
            var (kind, left, right) = circuit.Gates[i];
            wires[circuit.Inputs + i] = kind switch
            {
                GateKind.Xor => wires[left] ^ wires[right],
                GateKind.Not => wires[left] ^ delta,
                _ => GarbleAnd(hash, delta, wires[left], wires[right], tweak + (ulong)row, rows.Slice(row, RowsAnAnd)),
            };
            row += kind == GateKind.And ? RowsAnAnd : 0;
        }

        return End(circuit, wires);
    }

    /// <summary>The evaluator's side.</summary>
    /// <param name="hash">The fixed-key cipher, the same on both sides.</param>
    /// <param name="circuit">The circuit.</param>
    /// <param name="inputs">The label of each input wire.</param>
    /// <param name="tweak">First tweak, as the garbler's.</param>
    /// <param name="rows">The ciphertexts.</param>
    /// <returns>The label of each output.</returns>
    public static Vector128<byte>[] Evaluate(
        Aes128 hash, Circuit circuit, ReadOnlySpan<Vector128<byte>> inputs, ulong tweak, ReadOnlySpan<Vector128<byte>> rows)
    {
        var wires = Begin(circuit, inputs, rows.Length);
        var row = 0;
        for (var i = 0; i < circuit.Gates.Count; i++)
        {
            var (kind, left, right) = circuit.Gates[i];
            wires[circuit.Inputs + i] = kind switch
            {
                GateKind.Xor => wires[left] ^ wires[right],
                GateKind.Not => wires[left],
                _ => EvaluateAnd(hash, wires[left], wires[right], tweak + (ulong)row, rows.Slice(row, RowsAnAnd)),
            };
            row += kind == GateKind.And ? RowsAnAnd : 0;
        }

        return End(circuit, wires);
    }

    private static Vector128<byte>[] Begin(Circuit circuit, ReadOnlySpan<Vector128<byte>> inputs, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(inputs.Length, circuit.Inputs);
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows, RowsAnAnd * circuit.AndGates);
        var wires = new Vector128<byte>[circuit.Wires];
        inputs.CopyTo(wires);
        return wires;
    }

    private static Vector128<byte>[] End(Circuit circuit, Vector128<byte>[] wires)
    {
        Vector128<byte>[] outputs = [.. circuit.Outputs.Select(wire => wires[wire])];
        wires.AsSpan().Clear();
        return outputs;
    }

    /// <summary>Figure 2 of the paper: the garbler's half gate, whose b̄ the garbler knows, and the evaluator's, whose colour the evaluator does.</summary>
    private static Vector128<byte> GarbleAnd(
        Aes128 hash, Vector128<byte> delta, Vector128<byte> left, Vector128<byte> right, ulong tweak, Span<Vector128<byte>> rows)
    {
        var (h0, h1) = (hash.TweakedHash(left, tweak), hash.TweakedHash(left ^ delta, tweak));
        var (g0, g1) = (hash.TweakedHash(right, tweak + 1), hash.TweakedHash(right ^ delta, tweak + 1));
        rows[0] = h0 ^ h1 ^ If(right, delta);
        rows[1] = g0 ^ g1 ^ left;
        return h0 ^ If(left, rows[0]) ^ g0 ^ If(right, rows[1] ^ left);
    }

    private static Vector128<byte> EvaluateAnd(Aes128 hash, Vector128<byte> left, Vector128<byte> right, ulong tweak, ReadOnlySpan<Vector128<byte>> rows) =>
        hash.TweakedHash(left, tweak) ^ If(left, rows[0]) ^ hash.TweakedHash(right, tweak + 1) ^ If(right, rows[1] ^ left);

    /// <summary>The value where a label's colour is 1, else zero; without a branch.</summary>
    private static Vector128<byte> If(Vector128<byte> label, Vector128<byte> value) => value & Vector128.Create((byte)-ColourOf(label));
}
