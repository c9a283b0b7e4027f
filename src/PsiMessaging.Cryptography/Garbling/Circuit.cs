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
    private readonly List<int> _outputs = [];
    private readonly int _mostGates;

    /// <param name="inputs">Number of input wires, 1 or more.</param>
    /// <param name="mostGates">Most gates it may have: who makes a circuit by somebody else's word makes no larger one.</param>
    public Circuit(int inputs, int mostGates = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        (Inputs, _mostGates) = (inputs, mostGates);
    }

    /// <summary>Number of input wires.</summary>
    public int Inputs { get; }

    /// <summary>The gates, in order.</summary>
    public IReadOnlyList<Gate> Gates => _gates;

    /// <summary>Number of wires.</summary>
    public int Wires => Inputs + _gates.Count;

    /// <summary>Number of AND gates: what garbling costs.</summary>
    public int AndGates { get; private set; }

    /// <summary>The wires whose values come out, in order; the last gate's alone where none is named.</summary>
    public IReadOnlyList<int> Outputs => _outputs.Count > 0 ? _outputs : [Wires - 1];

    /// <summary>Names the next output.</summary>
    public void Output(int wire)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(wire);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(wire, Wires);
        _outputs.Add(wire);
    }

    /// <summary>Adds left ⊕ right; its wire.</summary>
    public int Xor(int left, int right) => Add(GateKind.Xor, left, right);

    /// <summary>Adds left ∧ right; its wire.</summary>
    public int And(int left, int right) => Add(GateKind.And, left, right);

    /// <summary>Adds ¬input; its wire.</summary>
    public int Not(int input) => Add(GateKind.Not, input, input);

    /// <summary>Adds left ∨ right as ¬(¬left ∧ ¬right); its wire.</summary>
    public int Or(int left, int right) => Not(And(Not(left), Not(right)));

    /// <summary>What the outputs are in the clear: the definition that garbling is held against.</summary>
    /// <param name="inputs">A bit a wire.</param>
    public bool[] Evaluate(ReadOnlySpan<bool> inputs)
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

        return [.. Outputs.Select(wire => wires[wire])];
    }

    private int Add(GateKind kind, int left, int right)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(left);
        ArgumentOutOfRangeException.ThrowIfNegative(right);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(left, Wires);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(right, Wires);
        if (_gates.Count >= _mostGates)
        {
            throw new InvalidDataException($"a circuit would have more than {_mostGates:N0} gates");
        }

        _gates.Add(new Gate(kind, left, right));
        AndGates += kind == GateKind.And ? 1 : 0;
        return Wires - 1;
    }
}
