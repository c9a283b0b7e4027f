namespace PsiMessaging.Cryptography.Garbling;

/// <summary>What a gate does.</summary>
public enum GateKind
{
    /// <summary>Exclusive or: costs nothing.</summary>
    Xor,
    /// <summary>And: two ciphertexts.</summary>
    And,
    /// <summary>Not, of its first input: costs nothing.</summary>
    Not,
}

/// <summary>A gate of a <see cref="Circuit"/>; its output is the next wire after those there are.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Left">First input wire.</param>
/// <param name="Right">Second input wire; the first again for <see cref="GateKind.Not"/>.</param>
public readonly record struct Gate(GateKind Kind, int Left, int Right);

/// <summary>
/// A Boolean circuit: input wires 0 to <see cref="Inputs"/> − 1, then a wire for each gate in order. Public: what is computed is no secret, what on is.
/// </summary>
public sealed class Circuit
{
    private readonly List<Gate> _gates = [];

    /// <param name="inputs">Number of input wires, 1 or more.</param>
    public Circuit(int inputs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        Inputs = inputs;
    }

    /// <summary>Number of input wires.</summary>
    public int Inputs { get; }

    /// <summary>The gates, in order.</summary>
    public IReadOnlyList<Gate> Gates => _gates;

    /// <summary>Number of wires.</summary>
    public int Wires => Inputs + _gates.Count;

    /// <summary>Number of AND gates: what garbling costs.</summary>
    public int AndGates => _gates.Count(gate => gate.Kind == GateKind.And);

    /// <summary>Adds left ⊕ right; its wire.</summary>
    public int Xor(int left, int right) => Add(GateKind.Xor, left, right);

    /// <summary>Adds left ∧ right; its wire.</summary>
    public int And(int left, int right) => Add(GateKind.And, left, right);

    /// <summary>Adds ¬input; its wire.</summary>
    public int Not(int input) => Add(GateKind.Not, input, input);

    /// <summary>Adds left ∨ right as ¬(¬left ∧ ¬right); its wire.</summary>
    public int Or(int left, int right) => Not(And(Not(left), Not(right)));

    /// <summary>What the last gate gives in the clear: the definition that garbling is held against.</summary>
    /// <param name="inputs">A bit a wire.</param>
    public bool Evaluate(ReadOnlySpan<bool> inputs)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(inputs.Length, Inputs);
        var wires = new bool[Wires];
        inputs.CopyTo(wires);
        for (var i = 0; i < _gates.Count; i++)
        {
            var (kind, left, right) = _gates[i];
            wires[Inputs + i] = kind switch
            {
                GateKind.Xor => wires[left] ^ wires[right], GateKind.And => wires[left] & wires[right], _ => !wires[left],
            };
        }

        return wires[^1];
    }

    /// <summary>
    /// (x + y mod 2^bits) ≥ threshold, for x on wires 0 to bits − 1 and y on the next, least significant first; 2·bits − 2 AND gates or fewer.
    /// </summary>
    /// <param name="bits">Bits of each summand, 2 to 62.</param>
    /// <param name="threshold">Public, 1 to 2^bits − 1.</param>
    public static Circuit SumIsAtLeast(int bits, long threshold)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 62);
        ArgumentOutOfRangeException.ThrowIfLessThan(threshold, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(threshold, 1L << bits);
        var circuit = new Circuit(2 * bits);
        var sum = new int[bits];
        var carry = -1;
        for (var i = 0; i < bits; i++)
        {
            var (x, y) = (i, bits + i);
            if (carry < 0)
            {
                sum[i] = circuit.Xor(x, y);
                carry = circuit.And(x, y);
                continue;
            }

            // The carry out is c ⊕ (x ⊕ c)(y ⊕ c): one AND gate a bit (Boyar, Peralta, Pochuev 2000). The last is not needed, modulo 2^bits.
            var (withX, withY) = (circuit.Xor(x, carry), circuit.Xor(y, carry));
            sum[i] = circuit.Xor(withX, y);
            carry = i + 1 < bits ? circuit.Xor(carry, circuit.And(withX, withY)) : carry;
        }

        // At least, from below: with a bit of the threshold set, both this bit and what is below must be; else one of them is enough. Below the lowest set bit
        // of the threshold everything is.
        var lowest = long.TrailingZeroCount(threshold);
        var atLeast = sum[lowest];
        for (var i = (int)lowest + 1; i < bits; i++)
        {
            atLeast = ((threshold >> i) & 1) == 1 ? circuit.And(sum[i], atLeast) : circuit.Or(sum[i], atLeast);
        }

        // The output is the last wire.
        if (atLeast != circuit.Wires - 1)
        {
            circuit.Not(circuit.Not(atLeast));
        }

        return circuit;
    }

    private int Add(GateKind kind, int left, int right)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(left);
        ArgumentOutOfRangeException.ThrowIfNegative(right);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(left, Wires);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(right, Wires);
        _gates.Add(new Gate(kind, left, right));
        return Wires - 1;
    }
}
