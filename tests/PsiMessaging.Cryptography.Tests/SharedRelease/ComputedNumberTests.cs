using System.Security.Cryptography;
using CsCheck;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Cryptography.Symmetric;
using static PsiMessaging.Cryptography.SharedRelease.ReleaseProtocol;

namespace PsiMessaging.Cryptography.Tests.SharedRelease;

/// <summary>Numbers that the circuit makes: what is opened of them, to whom, and what a program that names them may be.</summary>
public class ComputedNumberTests
{
    private const int Words = 2;

    private static readonly byte[] Transcript = SHA256.HashData("transcript"u8);
    private static readonly byte[] Context = SHA256.HashData("context"u8);
    private static readonly SecretBytes ContributorSecret = SecretBytes.Random(32), LinkerSecret = SecretBytes.Random(32);
    private static readonly ContributorKeys ContributorSession =
        ReleaseKeys.OfContributor(ContributorSecret, Transcript, "P2", ReleaseKeys.Offer(LinkerSecret));

    private static readonly LinkerKeys LinkerSession =
        ReleaseKeys.OfLinker(LinkerSecret, Transcript, "P2", ReleaseKeys.Choose(ContributorSecret, Transcript, "P2"));

    /// <summary>A count of 12 bits and a key of 16; the count with noise is opened where it is at least a minimum.</summary>
    private static ReleaseProgram Program(int minimum, int[] thresholds, int less, int width)
    {
        var decisions = thresholds.Select(threshold => (Decision)new Decision.AtLeast(1, threshold)).Prepend(new Decision.AtLeast(0, minimum)).ToArray();
        return new ReleaseProgram([new SharedNumber(12, [(0, 1)]), new SharedNumber(16, [(1, 1)])], decisions, [new Opening(0, []) { Computed = [0] }])
        {
            Computed = [new ComputedNumber(0, [.. Enumerable.Range(1, thresholds.Length)], less, width)],
        };
    }

    /// <summary>Whether it was opened, what the asking party has then, and what it got from the linker.</summary>
    private static (bool Opened, ulong Value, byte[] Labels) Run(ReleaseProgram program, ulong count, ulong key)
    {
        var question = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        using var ours = ContributorSession.For(1, question);
        using var theirs = LinkerSession.For(1, question);
        program = ReleaseProgram.Read(program.Write(), Words);
        var linker = new ulong[Words];
        RandomNumberGenerator.Fill(System.Runtime.InteropServices.MemoryMarshal.AsBytes(linker.AsSpan()));
        ulong[] contributor = [count - linker[0], key - linker[1]];
        var circuit = ReleaseCircuit.Of(program);
        var transfer = Transfer(program, theirs, linker, out var labels);
        var (tables, sealedWords) = Garble(circuit, ours, transfer, contributor, [0, 0], Context, [64, 64]);
        var shares = new ulong[program.PlacesOf(Words)];
        var sent = Evaluate(circuit, theirs, labels, tables);
        var opened = Open(program, sent, sealedWords, Context, shares);
        Assert.Equal([0, 0], shares[..Words]);
        return (opened[0], shares[^1], sent);
    }

    /// <summary>Nothing of the key but its low 16 bits matters, and nothing of the number is opened where the decision is no.</summary>
    [Fact]
    public void Computed_OfAnyNumbers_IsTheSumWhereTheDecisionIsYes() => Gen.Select(
        Gen.Int[0, 4095], Gen.ULong, Gen.Int[1, 65535].Array[1, 6], Gen.Int[0, 6], Gen.Int[1, 20], Gen.Int[1, 4095]).Sample(
        (count, key, thresholds, less, width, minimum) =>
        {
            less = Math.Min(less, thresholds.Length);
            var (opened, value, _) = Run(Program(minimum, thresholds, less, width), (ulong)count, key);
            Assert.Equal(count >= minimum, opened);
            var sum = count + thresholds.Count(threshold => (int)(key & 0xFFFF) >= threshold) - less;
            Assert.Equal(opened ? (ulong)sum & ((1UL << width) - 1) : 0UL, value);
        },
        iter: 300, threads: 1);

    /// <summary>The colours that the linker passes on: of one value, and of another, each bit is 1 half of the time.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(50, 40_000)]
    [InlineData(4095, 65_535)]
    public void CuriousLinker_SeesColoursThatSayNothing(int count, int key)
    {
        const int Runs = 400;
        var program = Program(10, [4846, 20851, 44685, 60690], 2, 13);
        var ones = new int[13];
        for (var run = 0; run < Runs; run++)
        {
            var colours = Run(program, (ulong)count, (ulong)key).Labels.AsSpan(16);
            Assert.Equal(2, colours.Length);
            for (var bit = 0; bit < ones.Length; bit++)
            {
                ones[bit] += (colours[bit >> 3] >> (bit & 7)) & 1;
            }
        }

        // Six standard deviations of 400 throws.
        Assert.All(ones, set => Assert.InRange(set, 200 - 60, 200 + 60));
    }

    /// <summary>What somebody else's program may be: every altered byte is another program, or refused; nothing beyond the bounds is made.</summary>
    [Fact]
    public void Program_WithComputedNumbers_IsHeldToItsBounds()
    {
        var program = Program(10, [4846, 20851, 44685, 60690], 2, 13);
        var good = program.Write();
        Assert.Equal(good, ReleaseProgram.Read(good, Words).Write());

        // They stand behind everything else: a program without them is what it was before there were any.
        var without = (program with { Computed = [], Openings = [new Opening(0, [])] }).Write();
        Assert.Equal(without, good[..without.Length]);
        ReleaseProgram With(ComputedNumber computed) => program with { Computed = [computed] };
        var made = program.Computed[0];
        Assert.All(
            new[]
            {
                With(made with { Number = 2 }), With(made with { Number = -1 }), With(made with { Bits = [] }), With(made with { Bits = [5] }),
                With(made with { Less = 5 }), With(made with { Less = -1 }), With(made with { Width = 0 }), With(made with { Width = 41 }),
                program with { Openings = [new Opening(0, []) { Computed = [1] }] },
                program with { Computed = [.. Enumerable.Repeat(made, ReleaseProgram.MaximumItems + 1)] },
            },
            wrong => Assert.Throws<InvalidDataException>(() => ReleaseProgram.Read(wrong.Write(), Words)));

        // A decision of many cells is no bit.
        Assert.Throws<InvalidDataException>(() => ReleaseProgram.Read((program with
        {
            Decisions = [.. program.Decisions, new Decision.Cells([0], 0, -1, 10)], Computed = [made with { Bits = [5] }],
        }).Write(), Words));

        // A few bytes that ask for many gates.
        Assert.Throws<InvalidDataException>(() => ReleaseCircuit.Of(program with { Computed = [.. Enumerable.Repeat(made with { Width = 40 }, 16_000)] }));
        Assert.Throws<InvalidDataException>(() => ReleaseCircuit.Of(program with
        {
            Computed = [made with { Bits = [.. Enumerable.Range(0, 600_000).Select(i => i % 5)] }],
        }));
        for (var at = 0; at < good.Length; at++)
        {
            for (var value = 0; value < 256; value += 5)
            {
                var altered = (byte[])good.Clone();
                altered[at] = (byte)value;
                try
                {
                    ReleaseCircuit.Of(ReleaseProgram.Read(altered, Words));
                }
                catch (InvalidDataException)
                {
                    // What is left reads as a program of another kind.
                }
            }

            Assert.Throws<InvalidDataException>(() => ReleaseProgram.Read(good.AsMemory(0, good.Length - 1), Words));
        }
    }
}
