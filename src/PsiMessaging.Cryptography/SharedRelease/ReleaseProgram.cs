using System.Text;

namespace PsiMessaging.Cryptography.SharedRelease;

/// <summary>
/// A number that linker and contributing party hold together: a sum of shared words times small factors, and a part that only the contributing party knows,
/// modulo 2^bits.
/// </summary>
/// <param name="Bits">Bits of the number, 1 to 40: it is known to be below 2^bits.</param>
/// <param name="Terms">Places of words, and their factors.</param>
public sealed record SharedNumber(int Bits, IReadOnlyList<(int Word, int Factor)> Terms);

/// <summary>A decision about shared numbers: one bit, or one for each of several cells.</summary>
public abstract record Decision
{
    /// <summary>A number is a public threshold or more.</summary>
    /// <param name="Number">Which.</param>
    /// <param name="Threshold">1 to 2^40.</param>
    public sealed record AtLeast(int Number, long Threshold) : Decision;

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

    /// <summary>One cell of an earlier <see cref="Cells"/>.</summary>
    /// <param name="Of">Which.</param>
    /// <param name="Cell">The cell's place.</param>
    public sealed record CellOf(int Of, int Cell) : Decision;
}

/// <summary>What a decision opens to the asking party.</summary>
/// <param name="Decision">The decision, a bit.</param>
/// <param name="Words">Places of shared words.</param>
public sealed record Opening(int Decision, IReadOnlyList<int> Words);

/// <summary>
/// What linker and contributing party decide together without learning it: numbers made of shared words, decisions about them, and the words that each
/// decision opens to the asking party. It is public to all three; the numbers are not. The linker takes it from the contributing party, and checks it.
/// </summary>
/// <param name="Numbers">The numbers.</param>
/// <param name="Decisions">The decisions, each about numbers and earlier decisions.</param>
/// <param name="Openings">What they open.</param>
public sealed record ReleaseProgram(IReadOnlyList<SharedNumber> Numbers, IReadOnlyList<Decision> Decisions, IReadOnlyList<Opening> Openings)
{
    /// <summary>Most numbers, and most openings.</summary>
    public const int MaximumItems = 1 << 14;

    /// <summary>Most decisions.</summary>
    public const int MaximumDecisions = 1 << 16;

    /// <summary>Most places named in all.</summary>
    public const int MaximumPlaces = 1 << 20;

    private const int MaximumBits = 40;
    private const int MostMinimum = 1 << 20;

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

        writer.Write7BitEncodedInt(Openings.Count);
        foreach (var opening in Openings)
        {
            writer.Write7BitEncodedInt(opening.Decision);
            Write(writer, opening.Words);
        }

        writer.Flush();
        return stream.ToArray();
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
            }

            var openings = new Opening[Next(1, MaximumItems)];
            for (var i = 0; i < openings.Length; i++)
            {
                openings[i] = new Opening(Bit(Next(0, decisions.Length - 1), decisions), Many(words - 1));
            }

            return stream.Position == stream.Length ? new ReleaseProgram(numbers, decisions, openings)
                : throw new InvalidDataException("the release's program has something behind it");
        }
        catch (Exception exception) when (exception is EndOfStreamException or FormatException)
        {
            throw new InvalidDataException("the release's program ends in the middle", exception);
        }
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
                return earlier[at] is Decision.Cells cells ? new Decision.CellOf(at, next(0, cells.Counts.Count - 1))
                    : throw new InvalidDataException("a decision of the release is about cells that are none");
            default:
                throw new InvalidDataException("the release's program has a decision of an unknown kind");
        }
    }

    private static int Bit(int place, ReadOnlySpan<Decision> decisions) => decisions[place] is not Decision.Cells ? place
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
        }
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
