using PsiMessaging.Cryptography.Garbling;

namespace PsiMessaging.Cryptography.SharedRelease;

/// <summary>
/// A <see cref="ReleaseProgram"/> as a circuit: its inputs are the bits of the linker's share of every number, then those of the contributing party's; its
/// outputs a bit for each opening, and behind those the bits of each computed number. The same at both.
/// </summary>
public sealed class ReleaseCircuit
{
    /// <summary>Most AND gates: 32 bytes each are sent.</summary>
    public const int MaximumAndGates = 8 * (1 << 20) / 32;

    /// <summary>Most bytes that are sealed for the asking party.</summary>
    public const int MaximumSealedBytes = 3 << 20;

    /// <summary>Most gates of all kinds; those that are not AND cost time and memory alone.</summary>
    private const int MaximumGates = 1 << 22;

    private readonly WordCircuit _words;
    private readonly int[][] _numbers;
    private readonly int[][] _decided;

    private ReleaseCircuit(ReleaseProgram program)
    {
        (Program, Circuit) = (program, new Circuit(2 * program.Bits, MaximumGates));
        _words = new WordCircuit(Circuit);
        _numbers = new int[program.Numbers.Count][];
        _decided = new int[program.Decisions.Count][];
    }

    /// <summary>The program.</summary>
    public ReleaseProgram Program { get; }

    /// <summary>The circuit.</summary>
    public Circuit Circuit { get; }

    /// <summary>Makes the circuit.</summary>
    /// <exception cref="InvalidDataException">It would be too large.</exception>
    public static ReleaseCircuit Of(ReleaseProgram program)
    {
        if (ReleaseProtocol.OpeningSizeBytes(program).Sealed > MaximumSealedBytes)
        {
            throw new InvalidDataException("the answer has more sums than can be opened together; ask for fewer measures, or by coarser columns");
        }

        if (new[] { program.Numbers.Count, program.Openings.Count, program.Sums.Count, program.Computed.Count }.Max() > ReleaseProgram.MaximumItems
            || program.Decisions.Count > ReleaseProgram.MaximumDecisions)
        {
            throw new InvalidDataException("the answer has more numbers than can be decided about together; ask by fewer or coarser columns");
        }

        var made = new ReleaseCircuit(program);
        made.AddNumbers();
        for (var i = 0; i < program.Decisions.Count; i++)
        {
            made._decided[i] = made.Decide(program.Decisions[i]);
            made.RequireRoom();
        }

        foreach (var opening in program.Openings)
        {
            made.Circuit.Output(made._words.Wire(made._decided[opening.Decision][0]));
        }

        foreach (var computed in program.Computed)
        {
            foreach (var bit in made.Compute(computed))
            {
                made.Circuit.Output(made._words.Wire(bit));
            }

            made.RequireRoom();
        }

        return made;
    }

    private void RequireRoom()
    {
        if (Circuit.AndGates > MaximumAndGates)
        {
            throw new InvalidDataException(
                $"the answer has more cells than can be decided about together ({MaximumAndGates:N0} gates); ask by fewer or coarser columns");
        }
    }

    /// <summary>How many bits are set, less a constant, is a short number with a sign; only its sum with the other has all bits.</summary>
    private int[] Compute(ComputedNumber computed)
    {
        var set = _words.Sum([.. computed.Bits.Select(bit => (int[])[_decided[bit][0]])]);
        var most = Math.Max(computed.Less, computed.Bits.Count - computed.Less);
        var width = 65 - (int)long.LeadingZeroCount(most);
        var change = _words.Add(set, WordCircuit.Number((1L << width) - computed.Less), width);
        return _words.Add(
            _numbers[computed.Number], [.. change, .. Enumerable.Repeat(change[^1], Math.Max(0, computed.Width - width))], computed.Width);
    }

    private void AddNumbers()
    {
        var (all, at) = (Program.Bits, 0);
        for (var i = 0; i < _numbers.Length; i++)
        {
            var bits = Program.Numbers[i].Bits;
            var from = at;
            int[] Wires(int first) => [.. Enumerable.Range(first, bits)];
            _numbers[i] = _words.Add(Wires(from), Wires(all + from), bits);
            at += bits;
            if (Circuit.AndGates > MaximumAndGates)
            {
                throw new InvalidDataException("the answer has more numbers than can be decided about together; ask by fewer or coarser columns");
            }
        }
    }

    private int[] Decide(Decision decision) => decision switch
    {
        Decision.AtLeast least => [_words.AtLeast(_numbers[least.Number], least.Threshold)],
        Decision.NotNegative sign => [_words.Not(_numbers[sign.Number][^1])],
        Decision.All all => [all.Of.Aggregate(WordCircuit.True, (bit, next) => _words.And(bit, _decided[next][0]))],
        Decision.Any any => [any.Of.Aggregate(WordCircuit.False, (bit, next) => _words.Or(bit, _decided[next][0]))],
        Decision.Not not => [_words.Not(_decided[not.Of][0])],
        Decision.CellOf cell => [_decided[cell.Of][cell.Cell]],
        Decision.Cells cells => Decide(cells),
        Decision.Merge merge => new BinMerging(_words, merge, _numbers, place => _decided[place][0]).Ends(),
        _ => throw new InvalidOperationException("a decision of an unknown kind"),
    };

    private int[] Decide(Decision.Cells cells)
    {
        var counts = cells.Counts.Select(number => _numbers[number]).ToArray();
        var shown = Array.ConvertAll(counts, count => _words.AtLeast(count, cells.Minimum));
        var hidden = Array.ConvertAll(shown, _words.Not);

        // A cell that is not shown has fewer records than the minimum: its low bits are all of it.
        var low = 64 - (int)long.LeadingZeroCount(cells.Minimum - 1);
        var small = _words.Sum([.. counts.Zip(hidden, (count, bit) => _words.Mask(bit, [.. count.Take(low)]))]);
        var left = _numbers[cells.Left];
        var rest = _words.Add(left, small, Math.Max(left.Length, small.Length));
        var isFew = _words.Not(_words.AtLeast(rest, cells.Minimum));

        // Small cells alone, if they have so many records that none of them could be empty, tell none from few.
        var most = _words.Times(_words.Sum([.. hidden.Select(bit => (int[])[bit])]), cells.Minimum - 1);
        var tells = _words.Less(most, _words.Add(rest, WordCircuit.Number(cells.Minimum - 1), rest.Length + 1));
        var any = hidden.Aggregate(WordCircuit.False, _words.Or);

        // Cells of one size go together: which of them went would depend on their order, and tell who knows the rule more than their sizes do.
        var others = cells.Others < 0 ? WordCircuit.True : _decided[cells.Others][0];
        var withoutOthers = _words.And(any, _words.Or(isFew, tells));
        var drop = _words.Xor(withoutOthers, _words.And(others, _words.Xor(isFew, withoutOthers)));
        var least = Least([.. counts.Zip(hidden, (count, bit) => (int[])[.. count, bit])]);
        return [.. shown.Zip(counts, (bit, count) => _words.And(bit, _words.Not(_words.And(drop, _words.Equal(count, least)))))];
    }

    /// <summary>The smallest of some numbers.</summary>
    private int[] Least(int[][] round)
    {
        while (round.Length > 1)
        {
            var next = new List<int[]>();
            for (var i = 0; i + 1 < round.Length; i += 2)
            {
                next.Add(_words.Choose(_words.Less(round[i + 1], round[i]), round[i + 1], round[i]));
            }

            round = [.. next, .. round.Length % 2 == 1 ? [round[^1]] : Array.Empty<int[]>()];
        }

        // What is hidden has its highest bit set, and is larger than all that is shown.
        return round[0][..^1];
    }
}
