using System.Text;

namespace PsiMessaging.Cryptography.SharedRelease;

/// <summary>
/// A number that linker and contributing party hold together: a sum of shared words times small factors, and a part that only the contributing party knows,
/// modulo 2^bits.
/// </summary>
/// <param name="Bits">
/// Bits of the number, 1 to 63: it is known to be below 2^bits, or with its sign from −2^(bits−1) on; or only what it is modulo that matters.
/// </param>
/// <param name="Terms">Places of words, and their factors.</param>
public sealed record SharedNumber(int Bits, IReadOnlyList<(int Word, int Factor)> Terms);

/// <summary>A decision about shared numbers: one bit, or one for each of several cells.</summary>
public abstract record Decision
{
    /// <summary>A number is a public threshold or more.</summary>
    /// <param name="Number">Which.</param>
    /// <param name="Threshold">1 to 2^40.</param>
    public sealed record AtLeast(int Number, long Threshold) : Decision;

    /// <summary>
    /// A number, read with its sign, is 0 or more. With a part that only the contributing party knows it is a comparison with a threshold of that party's own.
    /// </summary>
    /// <param name="Number">Which.</param>
    public sealed record NotNegative(int Number) : Decision;

    /// <summary>All of some bits.</summary>
    /// <param name="Of">Earlier decisions, 1 or more.</param>
    public sealed record All(IReadOnlyList<int> Of) : Decision;

    /// <summary>Any of some bits.</summary>
    /// <param name="Of">Earlier decisions, 1 or more.</param>
    public sealed record Any(IReadOnlyList<int> Of) : Decision;

    /// <summary>The opposite of a bit.</summary>
    /// <param name="Of">An earlier decision.</param>
    public sealed record Not(int Of) : Decision;

    /// <summary>
    /// Which cells of one own group are shown, by the rule of subtraction (docs/disclosure.md): those of the minimum or more, without the smallest of them
    /// (all of one size) where the records not shown would be fewer than the minimum. A bit a cell: the decisions behind this one are <see cref="CellOf"/>.
    /// </summary>
    /// <param name="Counts">Records of each cell, 1 or more.</param>
    /// <param name="Left">Records of the own group in no cell.</param>
    /// <param name="Others">The bit that records of own groups may be in no cell; -1 where they always may.</param>
    /// <param name="Minimum">Fewest records that are shown, 2 to 2^20.</param>
    public sealed record Cells(IReadOnlyList<int> Counts, int Left, int Others, int Minimum) : Decision;

    /// <summary>One cell of an earlier <see cref="Cells"/>, or one bin of an earlier <see cref="Merge"/>.</summary>
    /// <param name="Of">Which.</param>
    /// <param name="Cell">The cell's place.</param>
    public sealed record CellOf(int Of, int Cell) : Decision;

    /// <summary>
    /// Bins in order, put together with their neighbours from below until each says something about enough records (docs/disclosure.md): a bit a bin, set
    /// where what was put together ends with it. What is left over above goes to the last; no bit is set where all together are not enough.
    /// </summary>
    /// <param name="Counts">For each bin as many numbers as there are rules, bin after bin.</param>
    /// <param name="Rules">What has to be enough: of each rule the sum of its numbers over the bins put together.</param>
    /// <param name="Alone">The bit that records left over may be none; -1 where they never may.</param>
    /// <param name="Open">
    /// The bit that the last bin stays by itself where it has enough, and what is left over below it goes to its neighbour; -1 for never.
    /// </param>
    /// <param name="Minimum">Fewest records, 2 to 2^20.</param>
    public sealed record Merge(IReadOnlyList<int> Counts, IReadOnlyList<MergeRule> Rules, int Alone, int Open, int Minimum) : Decision;
}

/// <summary>When a rule's numbers are enough: from the minimum on, and where it says so, none.</summary>
/// <param name="OrNone">None are enough too, where <see cref="Decision.Merge.Alone"/> is set.</param>
/// <param name="Unless">Place of another rule of the same: where its numbers are none, this rule does not matter; -1 for none.</param>
public sealed record MergeRule(bool OrNone = false, int Unless = -1)
{
    /// <summary>Whether its numbers have to be the minimum at all; a rule without is there for others to name.</summary>
    public bool Matters { get; init; } = true;
}

/// <summary>
/// A number that the circuit makes and that is opened in place of a word: a shared number and how many of some bits are set, less what is public, modulo
/// 2^width. Nobody gets the shared number by it.
/// </summary>
/// <param name="Number">The number.</param>
/// <param name="Bits">Decisions, each a bit, 1 or more.</param>
/// <param name="Less">What is taken off, 0 to the number of bits.</param>
/// <param name="Width">Bits of the result, 1 to 40.</param>
public sealed record ComputedNumber(int Number, IReadOnlyList<int> Bits, int Less, int Width);

/// <summary>What a decision opens to the asking party.</summary>
/// <param name="Decision">The decision, a bit.</param>
/// <param name="Words">Places of shared words.</param>
public sealed record Opening(int Decision, IReadOnlyList<int> Words)
{
    /// <summary>Places of computed numbers.</summary>
    public IReadOnlyList<int> Computed { get; init; } = [];
}

/// <summary>
/// What linker and contributing party decide together without learning it: numbers made of shared words, decisions about them, and the words that each
/// decision opens to the asking party. It is public to all three; the numbers are not. The linker takes it from the contributing party, and checks it.
/// </summary>
/// <param name="Numbers">The numbers.</param>
/// <param name="Decisions">The decisions, each about numbers and earlier decisions.</param>
/// <param name="Openings">What they open.</param>
public sealed record ReleaseProgram(IReadOnlyList<SharedNumber> Numbers, IReadOnlyList<Decision> Decisions, IReadOnlyList<Opening> Openings)
{
    /// <summary>Most numbers, most sums, and most openings.</summary>
    public const int MaximumItems = 1 << 14;

    /// <summary>Most rules of a <see cref="Decision.Merge"/>.</summary>
    public const int MaximumRules = 8;

    /// <summary>Most decisions.</summary>
    public const int MaximumDecisions = 1 << 16;

    /// <summary>Most places named in all.</summary>
    public const int MaximumPlaces = 1 << 20;

    private const int MaximumBits = 63;
    private const int MaximumWidth = 40;
    private const int MostMinimum = 1 << 20;

    /// <summary>
    /// Further words: each the sum of some words and earlier sums. Their places are behind those of the words. Whoever is shown one learns nothing of its
    /// parts.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<int>> Sums { get; init; } = [];

    /// <summary>Numbers that the circuit makes; places of what is opened of them are behind those of words and sums.</summary>
    public IReadOnlyList<ComputedNumber> Computed { get; init; } = [];

    /// <summary>Bits of all computed numbers together.</summary>
    public int ComputedBits => Computed.Sum(computed => computed.Width);

    /// <summary>Places of what can be opened: words, sums, computed numbers.</summary>
    /// <param name="words">Number of shared words.</param>
    public int PlacesOf(int words) => words + Sums.Count + Computed.Count;

    /// <summary>Words, and behind them the sums of them.</summary>
    /// <param name="words">A share of every word, or what they hold.</param>
    public ulong[] Extend(ReadOnlySpan<ulong> words)
    {
        var all = new ulong[words.Length + Sums.Count];
        words.CopyTo(all);
        for (var i = 0; i < Sums.Count; i++)
        {
            foreach (var place in Sums[i])
            {
                all[words.Length + i] += all[place];
            }
        }

        return all;
    }

    /// <summary>Bits that are opened of words, and of sums of them: they are of records of which each is in one word only.</summary>
    /// <param name="bits">Of each word, 0 to 64.</param>
    public int[] Extend(ReadOnlySpan<int> bits)
    {
        int[] all = [.. bits, .. new int[Sums.Count]];
        for (var i = 0; i < Sums.Count; i++)
        {
            all[bits.Length + i] = Sums[i].Max(place => all[place]);
        }

        return all;
    }

    /// <summary>Bits of all numbers together: transfers of a question.</summary>
    public int Bits => Numbers.Sum(number => number.Bits);

    /// <summary>As bytes: 7-bit integers.</summary>
    public byte[] Write()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write7BitEncodedInt(Numbers.Count);
        foreach (var number in Numbers)
        {
            writer.Write7BitEncodedInt(number.Bits);
            writer.Write7BitEncodedInt(number.Terms.Count);
            foreach (var (word, factor) in number.Terms)
            {
                writer.Write7BitEncodedInt(word);
                writer.Write7BitEncodedInt(factor);
            }
        }

        writer.Write7BitEncodedInt(Decisions.Count);
        foreach (var decision in Decisions)
        {
            Write(writer, decision);
        }

        writer.Write7BitEncodedInt(Sums.Count);
        foreach (var sum in Sums)
        {
            Write(writer, sum);
        }

        writer.Write7BitEncodedInt(Openings.Count);
        foreach (var opening in Openings)
        {
            writer.Write7BitEncodedInt(opening.Decision);
            Write(writer, opening.Words);
        }

        WriteComputed(writer);
        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>Behind everything else, and nothing where there is none.</summary>
    private void WriteComputed(BinaryWriter writer)
    {
        if (Computed.Count == 0)
        {
            return;
        }

        writer.Write7BitEncodedInt(Computed.Count);
        foreach (var computed in Computed)
        {
            writer.Write7BitEncodedInt(computed.Number);
            Write(writer, computed.Bits);
            writer.Write7BitEncodedInt(computed.Less);
            writer.Write7BitEncodedInt(computed.Width);
        }

        foreach (var opening in Openings)
        {
            Write(writer, opening.Computed);
        }
    }

    /// <summary>Reads one that somebody else wrote.</summary>
    /// <param name="bytes">What came.</param>
    /// <param name="words">Number of shared words, 1 or more.</param>
    /// <exception cref="InvalidDataException">It is none, or beyond its bounds; nothing of its size was made.</exception>
    public static ReleaseProgram Read(ReadOnlyMemory<byte> bytes, int words)
    {
        using var stream = new MemoryStream(bytes.ToArray(), writable: false);
        using var reader = new BinaryReader(stream, Encoding.UTF8);
        try
        {
            var places = 0;
            int Next(int least, int most) => reader.Read7BitEncodedInt() is var value && value >= least && value <= most ? value
                : throw new InvalidDataException("the release's program has a number out of its range");
            int[] Many(int most)
            {
                var count = Next(0, MaximumPlaces - places);
                places += count;
                return [.. Enumerable.Range(0, count).Select(_ => Next(0, most))];
            }

            var numbers = new SharedNumber[Next(1, MaximumItems)];
            for (var i = 0; i < numbers.Length; i++)
            {
                var bits = Next(1, MaximumBits);
                var terms = new (int, int)[Next(0, MaximumPlaces - places)];
                places += terms.Length;
                for (var t = 0; t < terms.Length; t++)
                {
                    terms[t] = (Next(0, words - 1), Next(int.MinValue, int.MaxValue));
                }

                numbers[i] = new SharedNumber(bits, terms);
            }

            var decisions = new Decision[Next(1, MaximumDecisions)];
            for (var i = 0; i < decisions.Length; i++)
            {
                decisions[i] = Read(reader, Next, Many, decisions.AsSpan(0, i), numbers.Length);
                if (CountsOf(decisions[i]).Any(number => numbers[number].Bits > MaximumWidth))
                {
                    throw new InvalidDataException("a count of the release has too many bits");
                }
            }

            var sums = new int[Next(0, MaximumItems)][];
            for (var i = 0; i < sums.Length; i++)
            {
                sums[i] = Many(words + i - 1);
                if (sums[i].Length == 0)
                {
                    throw new InvalidDataException("a sum of the release is of nothing");
                }
            }

            var openings = new Opening[Next(1, MaximumItems)];
            for (var i = 0; i < openings.Length; i++)
            {
                openings[i] = new Opening(Bit(Next(0, decisions.Length - 1), decisions), Many(words + sums.Length - 1));
            }

            var computed = stream.Position == stream.Length ? [] : ReadComputed(Next, Many, decisions, numbers.Length, openings);
            return stream.Position == stream.Length ? new ReleaseProgram(numbers, decisions, openings) { Sums = sums, Computed = computed }
                : throw new InvalidDataException("the release's program has something behind it");
        }
        catch (Exception exception) when (exception is EndOfStreamException or FormatException)
        {
            throw new InvalidDataException("the release's program ends in the middle", exception);
        }
    }

    /// <summary>Reads the computed numbers and which openings have them.</summary>
    private static ComputedNumber[] ReadComputed(
        Func<int, int, int> next, Func<int, int[]> many, ReadOnlySpan<Decision> decisions, int numbers, Opening[] openings)
    {
        var computed = new ComputedNumber[next(1, MaximumItems)];
        for (var i = 0; i < computed.Length; i++)
        {
            var (number, bits) = (next(0, numbers - 1), many(decisions.Length - 1));
            foreach (var bit in bits)
            {
                Bit(bit, decisions);
            }

            computed[i] = bits.Length == 0 ? throw new InvalidDataException("a number of the release is computed of nothing")
                : new ComputedNumber(number, bits, next(0, bits.Length), next(1, MaximumWidth));
        }

        for (var i = 0; i < openings.Length; i++)
        {
            openings[i] = openings[i] with { Computed = many(computed.Length - 1) };
        }

        return computed;
    }

    private static Decision Read(BinaryReader reader, Func<int, int, int> next, Func<int, int[]> many, ReadOnlySpan<Decision> earlier, int numbers)
    {
        var kind = reader.ReadByte();
        switch (kind)
        {
            case 0:
                return new Decision.AtLeast(next(0, numbers - 1), next(1, int.MaxValue));
            case 1 or 2:
                var of = many(earlier.Length - 1);
                foreach (var bit in of)
                {
                    Bit(bit, earlier);
                }

                return of.Length == 0 ? throw new InvalidDataException("a decision of the release is about nothing")
                    : kind == 1 ? new Decision.All(of) : new Decision.Any(of);
            case 3:
                return new Decision.Not(Bit(next(0, earlier.Length - 1), earlier));
            case 4:
                var counts = many(numbers - 1);
                var (left, others) = (next(0, numbers - 1), next(0, earlier.Length) - 1);
                return counts.Length == 0 ? throw new InvalidDataException("a decision of the release is about nothing")
                    : new Decision.Cells(counts, left, others < 0 ? -1 : Bit(others, earlier), next(2, MostMinimum));
            case 5:
                var at = next(0, earlier.Length - 1);
                return earlier[at] switch
                {
                    Decision.Cells cells => new Decision.CellOf(at, next(0, cells.Counts.Count - 1)),
                    Decision.Merge merge => new Decision.CellOf(at, next(0, (merge.Counts.Count / merge.Rules.Count) - 1)),
                    _ => throw new InvalidDataException("a decision of the release is about cells that are none"),
                };
            case 7:
                return new Decision.NotNegative(next(0, numbers - 1));
            case 6:
                return ReadMerge(next, many, earlier, numbers);
            default:
                throw new InvalidDataException("the release's program has a decision of an unknown kind");
        }
    }

    /// <summary>The numbers that a decision takes for counts: those are no longer than counts can be, and only signs are taken of longer ones.</summary>
    private static IEnumerable<int> CountsOf(Decision decision) => decision switch
    {
        Decision.AtLeast least => [least.Number],
        Decision.Cells cells => cells.Counts.Append(cells.Left),
        Decision.Merge merge => merge.Counts,
        _ => [],
    };

    private static Decision.Merge ReadMerge(Func<int, int, int> next, Func<int, int[]> many, ReadOnlySpan<Decision> earlier, int numbers)
    {
        var rules = new MergeRule[next(1, MaximumRules)];
        for (var i = 0; i < rules.Length; i++)
        {
            rules[i] = new MergeRule(next(0, 1) == 1, next(0, rules.Length) - 1) { Matters = next(0, 1) == 1 };
        }

        var counts = many(numbers - 1);
        if (counts.Length == 0 || counts.Length % rules.Length != 0)
        {
            throw new InvalidDataException("bins of the release have not a number for each rule");
        }

        var (alone, open) = (next(0, earlier.Length) - 1, next(0, earlier.Length) - 1);
        return new Decision.Merge(
            counts, rules, alone < 0 ? -1 : Bit(alone, earlier), open < 0 ? -1 : Bit(open, earlier), next(2, MostMinimum));
    }

    private static int Bit(int place, ReadOnlySpan<Decision> decisions) => decisions[place] is not (Decision.Cells or Decision.Merge) ? place
        : throw new InvalidDataException("the release's program takes many cells for one bit");

    private static void Write(BinaryWriter writer, Decision decision)
    {
        switch (decision)
        {
            case Decision.AtLeast least:
                writer.Write((byte)0);
                writer.Write7BitEncodedInt(least.Number);
                writer.Write7BitEncodedInt(checked((int)least.Threshold));
                break;
            case Decision.NotNegative sign:
                writer.Write((byte)7);
                writer.Write7BitEncodedInt(sign.Number);
                break;
            case Decision.All all:
                writer.Write((byte)1);
                Write(writer, all.Of);
                break;
            case Decision.Any any:
                writer.Write((byte)2);
                Write(writer, any.Of);
                break;
            case Decision.Not not:
                writer.Write((byte)3);
                writer.Write7BitEncodedInt(not.Of);
                break;
            case Decision.Cells cells:
                writer.Write((byte)4);
                Write(writer, cells.Counts);
                writer.Write7BitEncodedInt(cells.Left);
                writer.Write7BitEncodedInt(cells.Others + 1);
                writer.Write7BitEncodedInt(cells.Minimum);
                break;
            case Decision.CellOf cell:
                writer.Write((byte)5);
                writer.Write7BitEncodedInt(cell.Of);
                writer.Write7BitEncodedInt(cell.Cell);
                break;
            case Decision.Merge merge:
                writer.Write((byte)6);
                Write(writer, merge);
                break;
        }
    }

    private static void Write(BinaryWriter writer, Decision.Merge merge)
    {
        writer.Write7BitEncodedInt(merge.Rules.Count);
        foreach (var rule in merge.Rules)
        {
            writer.Write7BitEncodedInt(rule.OrNone ? 1 : 0);
            writer.Write7BitEncodedInt(rule.Unless + 1);
            writer.Write7BitEncodedInt(rule.Matters ? 1 : 0);
        }

        Write(writer, merge.Counts);
        writer.Write7BitEncodedInt(merge.Alone + 1);
        writer.Write7BitEncodedInt(merge.Open + 1);
        writer.Write7BitEncodedInt(merge.Minimum);
    }

    private static void Write(BinaryWriter writer, IReadOnlyList<int> places)
    {
        writer.Write7BitEncodedInt(places.Count);
        foreach (var place in places)
        {
            writer.Write7BitEncodedInt(place);
        }
    }
}
