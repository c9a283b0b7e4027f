using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Garbling;
using PsiMessaging.Cryptography.ObliviousTransfer;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.SharedRelease;

/// <summary>
/// Release without trust in the asking party (docs/masked.md, "Release"): linker and contributing party hold shares of words whose sum modulo 2^64 is the
/// product; a <see cref="ReleaseProgram"/> says which of them are opened to the asking party. The contributing party garbles the program's circuit, the linker
/// evaluates it on labels that it took by oblivious transfer, and its labels open at the asking party what the contributing party sealed under them. Neither
/// of the two learns a number, a decision, or how many there were; the asking party learns the decisions and the words they open. Of numbers that the circuit
/// makes the linker passes on the colours of its labels, coins thrown, and the contributing party seals which of them stand for 1.
/// Honest-but-curious, no two together. Own composition of published parts, not reviewed from outside.
/// </summary>
public static class ReleaseProtocol
{
    private const int LabelSizeBytes = HalfGates.LabelSizeBytes;
    private const int TagSizeBytes = 16;

    /// <summary>Bytes of the linker's transfer for a program.</summary>
    public static int TransferSizeBytes(ReleaseProgram program) => (TilesOf(program) * TransferExtension.TileSizeBytes) + TransferExtension.OpeningSizeBytes;

    /// <summary>Bytes of the garbled tables for a program.</summary>
    public static int TablesSizeBytes(ReleaseCircuit circuit) => circuit.Circuit.AndGates * HalfGates.RowsAnAnd * LabelSizeBytes;

    /// <summary>Bytes of what is sealed for the asking party, and of the labels that open it, with the colours of computed numbers behind them.</summary>
    public static (int Sealed, int Labels) OpeningSizeBytes(ReleaseProgram program) => (
        program.Openings.Sum(opening => (2 * TagSizeBytes) + (sizeof(ulong) * (opening.Words.Count + opening.Computed.Count))),
        (LabelSizeBytes * program.Openings.Count) + ((program.ComputedBits + 7) / 8));

    /// <summary>The linker's transfer: for every bit of its numbers the label will be its own.</summary>
    /// <param name="program">The program.</param>
    /// <param name="keys">Its keys for the question.</param>
    /// <param name="shares">Its share of every word.</param>
    /// <param name="labels">Receives what the bits' labels are made of; secret, kept for <see cref="Evaluate"/> or made again.</param>
    public static byte[] Transfer(ReleaseProgram program, LinkerKeys keys, ReadOnlySpan<ulong> shares, out Vector128<byte>[] labels)
    {
        var tiles = TilesOf(program);
        var bits = BitsOf(program, keys, shares, tiles);
        var message = new byte[TransferSizeBytes(program)];
        var columns = message.AsSpan(0, tiles * TransferExtension.TileSizeBytes);
        labels = new Vector128<byte>[tiles * TransferExtension.TileRows];
        TransferExtension.Offer(keys.Keys, bits, columns, labels);
        TransferExtension.Open(ChallengeOf(keys.Session, keys.Question, columns), bits, labels).CopyTo(message.AsSpan(columns.Length));
        bits.AsSpan().Clear();
        return message;
    }

    /// <summary>The contributing party's part: garbled tables for the linker, and what the decisions open, sealed under their labels.</summary>
    /// <param name="circuit">The program's circuit.</param>
    /// <param name="keys">Its keys for the question.</param>
    /// <param name="transfer">The linker's transfer.</param>
    /// <param name="shares">Its share of every word.</param>
    /// <param name="constants">What it alone adds to each number.</param>
    /// <param name="context">Hash of all that the question is, 32 bytes: the asking party has the same.</param>
    /// <param name="bits">How many of the low bits of each word are opened, 1 to 64.</param>
    /// <exception cref="InvalidDataException">The transfer has the wrong length, or is not consistent: the linker used other bits in some columns.</exception>
    public static (byte[] Tables, byte[] Sealed) Garble(
        ReleaseCircuit circuit, ContributorKeys keys, ReadOnlySpan<byte> transfer, ReadOnlySpan<ulong> shares, ReadOnlySpan<long> constants,
        ReadOnlySpan<byte> context, ReadOnlySpan<int> bits)
    {
        var program = circuit.Program;
        var zeros = ZerosOf(program, keys, transfer);
        var values = NumbersOf(program, shares, constants);
        var own = OwnLabels(keys.Session, keys.Question, program.Bits);
        var inputs = new Vector128<byte>[2 * program.Bits];
        zeros.AsSpan(0, program.Bits).CopyTo(inputs);
        var at = 0;
        for (var i = 0; i < values.Length; i++)
        {
            for (var bit = 0; bit < program.Numbers[i].Bits; bit++, at++)
            {
                // The label that is used is known to the linker, and says nothing of the bit; the other one follows.
                inputs[program.Bits + at] = own[at] ^ (keys.Delta & Vector128.Create((byte)-(int)((values[i] >> bit) & 1)));
            }
        }

        var tables = new byte[TablesSizeBytes(circuit)];
        using var hash = HashOf(keys.Session, keys.Question);
        var outputs = HalfGates.Garble(hash, circuit.Circuit, keys.Delta, inputs, 0, MemoryMarshal.Cast<byte, Vector128<byte>>(tables.AsSpan()));
        var all = program.Extend(shares);
        var sealedWords = Seal(program, outputs, keys.Delta, all, program.Extend(bits), context);
        all.AsSpan().Clear();
        zeros.AsSpan().Clear();
        inputs.AsSpan().Clear();
        values.AsSpan().Clear();
        outputs.AsSpan().Clear();
        return (tables, sealedWords);
    }

    /// <summary>
    /// The linker's part: the label of each decision, of which it cannot tell what it stands for, and the colour of each bit of computed numbers.
    /// </summary>
    /// <param name="circuit">The program's circuit.</param>
    /// <param name="keys">Its keys for the question.</param>
    /// <param name="labels">From <see cref="Transfer"/>.</param>
    /// <param name="tables">The garbled tables.</param>
    /// <exception cref="InvalidDataException">The tables have the wrong length.</exception>
    public static byte[] Evaluate(ReleaseCircuit circuit, LinkerKeys keys, ReadOnlySpan<Vector128<byte>> labels, ReadOnlySpan<byte> tables)
    {
        if (tables.Length != TablesSizeBytes(circuit))
        {
            throw new InvalidDataException("the release's tables have the wrong length");
        }

        var bits = circuit.Program.Bits;
        Vector128<byte>[] inputs = [.. labels[..bits], .. OwnLabels(keys.Session, keys.Question, bits)];
        using var hash = HashOf(keys.Session, keys.Question);
        var outputs = HalfGates.Evaluate(hash, circuit.Circuit, inputs, 0, MemoryMarshal.Cast<byte, Vector128<byte>>(tables));
        inputs.AsSpan().Clear();
        var openings = circuit.Program.Openings.Count;
        var colours = new byte[(circuit.Program.ComputedBits + 7) / 8];
        for (var i = openings; i < outputs.Length; i++)
        {
            colours[(i - openings) >> 3] |= (byte)(HalfGates.ColourOf(outputs[i]) << ((i - openings) & 7));
        }

        return [.. MemoryMarshal.AsBytes(outputs.AsSpan(0, openings)), .. colours];
    }

    /// <summary>The asking party's part: which decisions were yes, and the contributing party's share of the words they open.</summary>
    /// <param name="program">The program.</param>
    /// <param name="labels">The linker's labels.</param>
    /// <param name="sealedWords">What the contributing party sealed.</param>
    /// <param name="context">As for <see cref="Garble"/>.</param>
    /// <param name="shares">
    /// Receives the low bits of the shares of the words and sums that are opened, sums behind the words, and behind those the computed numbers that are,
    /// whole; others stay.
    /// </param>
    /// <exception cref="InvalidDataException">A length is wrong, or a label is neither of a decision's two: tables or transfer were altered.</exception>
    public static bool[] Open(
        ReleaseProgram program, ReadOnlySpan<byte> labels, ReadOnlySpan<byte> sealedWords, ReadOnlySpan<byte> context, Span<ulong> shares)
    {
        var (sealedBytes, labelBytes) = OpeningSizeBytes(program);
        if (labels.Length != labelBytes || sealedWords.Length != sealedBytes)
        {
            throw new InvalidDataException("the release has the wrong length");
        }

        var opened = new bool[program.Openings.Count];
        var (computed, colours) = (shares.Length - program.Computed.Count, ColoursOf(program, labels[(opened.Length * LabelSizeBytes)..]));
        for (var i = 0; i < opened.Length; i++)
        {
            var label = labels.Slice(i * LabelSizeBytes, LabelSizeBytes);
            int[] words = [.. program.Openings[i].Words, .. program.Openings[i].Computed.Select(place => computed + place)];
            Span<byte> tag = TagOf(context, i, label);
            var isYes = CryptographicOperations.FixedTimeEquals(tag, sealedWords.Slice(TagSizeBytes, TagSizeBytes));
            if (!isYes && !CryptographicOperations.FixedTimeEquals(tag, sealedWords[..TagSizeBytes]))
            {
                throw new InvalidDataException("a decision of the release opens to nothing");
            }

            opened[i] = isYes;
            var stream = isYes ? StreamOf(context, i, label, words.Length) : [];
            for (var w = 0; w < stream.Length; w++)
            {
                var share = BinaryPrimitives.ReadUInt64LittleEndian(sealedWords[((2 * TagSizeBytes) + (sizeof(ulong) * w))..]) ^ stream[w];
                shares[words[w]] = words[w] < computed ? share
                    : (share ^ colours[words[w] - computed]) & (ulong.MaxValue >> (64 - program.Computed[words[w] - computed].Width));
            }

            sealedWords = sealedWords[((2 * TagSizeBytes) + (sizeof(ulong) * words.Length))..];
        }

        return opened;
    }

    /// <summary>The linker's colours, number by number.</summary>
    private static ulong[] ColoursOf(ReleaseProgram program, ReadOnlySpan<byte> packed)
    {
        var (colours, at) = (new ulong[program.Computed.Count], 0);
        for (var i = 0; i < colours.Length; i++)
        {
            for (var bit = 0; bit < program.Computed[i].Width; bit++, at++)
            {
                colours[i] |= (ulong)((packed[at >> 3] >> (at & 7)) & 1) << bit;
            }
        }

        return colours;
    }

    /// <summary>The colours of the labels that stand for 0: with those that the linker has they give the computed numbers.</summary>
    private static ulong[] ZeroColoursOf(ReleaseProgram program, ReadOnlySpan<Vector128<byte>> zeros)
    {
        var (colours, at) = (new ulong[program.Computed.Count], program.Openings.Count);
        for (var i = 0; i < colours.Length; i++)
        {
            for (var bit = 0; bit < program.Computed[i].Width; bit++, at++)
            {
                colours[i] |= (ulong)HalfGates.ColourOf(zeros[at]) << bit;
            }
        }

        return colours;
    }

    private static byte[] Seal(
        ReleaseProgram program, Vector128<byte>[] zeros, Vector128<byte> delta, ReadOnlySpan<ulong> shares, ReadOnlySpan<int> bits,
        ReadOnlySpan<byte> context)
    {
        var result = new byte[OpeningSizeBytes(program).Sealed];
        var at = 0;
        var colours = ZeroColoursOf(program, zeros);
        Span<Vector128<byte>> label = stackalloc Vector128<byte>[1];
        for (var i = 0; i < program.Openings.Count; i++)
        {
            label[0] = zeros[i];
            TagOf(context, i, MemoryMarshal.AsBytes(label)).CopyTo(result.AsSpan(at));
            label[0] ^= delta;
            TagOf(context, i, MemoryMarshal.AsBytes(label)).CopyTo(result.AsSpan(at + TagSizeBytes));
            at += 2 * TagSizeBytes;
            var (words, computed) = (program.Openings[i].Words, program.Openings[i].Computed);
            var stream = StreamOf(context, i, MemoryMarshal.AsBytes(label), words.Count + computed.Count);
            for (var w = 0; w < words.Count; w++, at += sizeof(ulong))
            {
                // The low bits of a sum follow from those of its two shares; above them stands nothing.
                var low = ulong.MaxValue >> (64 - bits[words[w]]);
                BinaryPrimitives.WriteUInt64LittleEndian(result.AsSpan(at), (shares[words[w]] & low) ^ stream[w]);
            }

            for (var c = 0; c < computed.Count; c++, at += sizeof(ulong))
            {
                BinaryPrimitives.WriteUInt64LittleEndian(result.AsSpan(at), colours[computed[c]] ^ stream[words.Count + c]);
            }
        }

        label.Clear();
        colours.AsSpan().Clear();
        return result;
    }

    /// <summary>W⁰ of each of the linker's bits, from its transfer.</summary>
    private static Vector128<byte>[] ZerosOf(ReleaseProgram program, ContributorKeys keys, ReadOnlySpan<byte> transfer)
    {
        if (transfer.Length != TransferSizeBytes(program))
        {
            throw new InvalidDataException("the linker's transfer has the wrong length");
        }

        var columns = transfer[..(TilesOf(program) * TransferExtension.TileSizeBytes)];
        var rows = new Vector128<byte>[TilesOf(program) * TransferExtension.TileRows];
        TransferExtension.Choose(keys.Keys, keys.Delta, columns, rows);
        return TransferExtension.Verify(ChallengeOf(keys.Session, keys.Question, columns), keys.Delta, rows, transfer[columns.Length..]) ? rows
            : throw new InvalidDataException("the linker's transfer is not consistent");
    }

    private static ulong[] NumbersOf(ReleaseProgram program, ReadOnlySpan<ulong> shares, ReadOnlySpan<long> constants)
    {
        var values = new ulong[program.Numbers.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = constants.IsEmpty ? 0 : (ulong)constants[i];
            foreach (var (word, factor) in program.Numbers[i].Terms)
            {
                values[i] += (ulong)(long)factor * shares[word];
            }
        }

        return values;
    }

    /// <summary>The linker's bits in tiles of 128, random ones behind them: the last tile hides the others from the check's opening.</summary>
    private static Vector128<byte>[] BitsOf(ReleaseProgram program, LinkerKeys keys, ReadOnlySpan<ulong> shares, int tiles)
    {
        var words = new ulong[2 * tiles];
        var (values, at) = (NumbersOf(program, shares, []), 0);
        for (var i = 0; i < values.Length; i++)
        {
            for (var bit = 0; bit < program.Numbers[i].Bits; bit++, at++)
            {
                words[at >> 6] |= ((values[i] >> bit) & 1) << (at & 63);
            }
        }

        var tail = words.AsSpan(2 * (tiles - 2));
        for (var i = 0; i < tail.Length; i++)
        {
            var used = Math.Clamp(at - (64 * ((2 * (tiles - 2)) + i)), 0, 64);
            tail[i] |= used == 64 ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(keys.Filler.AsSpan(sizeof(ulong) * i)) << used;
        }

        values.AsSpan().Clear();
        return MemoryMarshal.Cast<ulong, Vector128<byte>>(words.AsSpan()).ToArray();
    }

    private static int TilesOf(ReleaseProgram program) =>
        ((program.Bits + TransferExtension.TileRows - 1) / TransferExtension.TileRows) + 1;

    private static byte[] ChallengeOf(ReadOnlySpan<byte> session, string question, ReadOnlySpan<byte> columns) =>
        SHA256.HashData([.. DomainTags.ReleaseCheck, .. session, .. ReleaseKeys.Named(question), .. SHA256.HashData(columns)]);

    /// <summary>The fixed-key cipher of a question's circuit: tweaks begin at 0 again for each, under a cipher of its own.</summary>
    private static Aes128 HashOf(ReadOnlySpan<byte> session, string question) =>
        new(SHA256.HashData([.. DomainTags.ReleaseCipher, .. session, .. ReleaseKeys.Named(question)]).AsSpan(0, Aes128.KeySizeBytes));

    /// <summary>The labels of the contributing party's bits that are used, whatever the bits are: both sides make them, and none is sent.</summary>
    private static Vector128<byte>[] OwnLabels(ReadOnlySpan<byte> session, string question, int count)
    {
        using var cipher = new Aes128(
            SHA256.HashData([.. DomainTags.ReleaseLabels, .. session, .. ReleaseKeys.Named(question)]).AsSpan(0, Aes128.KeySizeBytes));
        var labels = new Vector128<byte>[count];
        for (var i = 0; i < count; i++)
        {
            labels[i] = Vector128.Create((ulong)i, 0UL).AsByte();
        }

        cipher.Encrypt(labels, labels);
        return labels;
    }

    private static byte[] TagOf(ReadOnlySpan<byte> context, int opening, ReadOnlySpan<byte> label) => Hashed(context, opening, 0, label)[..TagSizeBytes];

    private static ulong[] StreamOf(ReadOnlySpan<byte> context, int opening, ReadOnlySpan<byte> label, int words)
    {
        var stream = new ulong[words];
        var bytes = MemoryMarshal.AsBytes(stream.AsSpan());
        for (var block = 0; block * SHA256.HashSizeInBytes < bytes.Length; block++)
        {
            var rest = bytes[(block * SHA256.HashSizeInBytes)..];
            Hashed(context, opening, block + 1, label).AsSpan(0, Math.Min(rest.Length, SHA256.HashSizeInBytes)).CopyTo(rest);
        }

        return stream;
    }

    private static byte[] Hashed(ReadOnlySpan<byte> context, int opening, int block, ReadOnlySpan<byte> label)
    {
        Span<byte> places = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(places, opening);
        BinaryPrimitives.WriteInt32LittleEndian(places[4..], block);
        return SHA256.HashData([.. DomainTags.ReleaseOpening, .. context, .. places, .. label]);
    }
}
