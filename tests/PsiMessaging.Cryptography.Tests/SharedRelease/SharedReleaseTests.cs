using System.Security.Cryptography;
using CsCheck;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Cryptography.Symmetric;
using static PsiMessaging.Cryptography.SharedRelease.ReleaseProtocol;

namespace PsiMessaging.Cryptography.Tests.SharedRelease;

/// <summary>The release between linker, contributing and asking party, against the same decisions in the clear.</summary>
public class SharedReleaseTests
{
    private static readonly byte[] Transcript = SHA256.HashData("transcript"u8);
    private static readonly byte[] Context = SHA256.HashData("context"u8);
    private static readonly int[] Whole = [.. Enumerable.Repeat(64, 64)];

    private static readonly SecretBytes ContributorSecret = SecretBytes.Random(32), LinkerSecret = SecretBytes.Random(32);
    private static readonly ContributorKeys ContributorSession =
        ReleaseKeys.OfContributor(ContributorSecret, Transcript, "P2", ReleaseKeys.Offer(LinkerSecret));

    private static readonly LinkerKeys LinkerSession =
        ReleaseKeys.OfLinker(LinkerSecret, Transcript, "P2", ReleaseKeys.Choose(ContributorSecret, Transcript, "P2"));

    private sealed record Parties(string Question) : IDisposable
    {
        public ContributorKeys Contributor { get; } = ContributorSession.For(1, Question);

        public LinkerKeys Linker { get; } = LinkerSession.For(1, Question);

        public void Dispose()
        {
            Contributor.Dispose();
            Linker.Dispose();
        }
    }

    /// <summary>Shares of words: the linker's random, the contributing party's what is left.</summary>
    private static (ulong[] Linker, ulong[] Contributor) Share(IReadOnlyList<ulong> words)
    {
        var linker = new ulong[words.Count];
        RandomNumberGenerator.Fill(System.Runtime.InteropServices.MemoryMarshal.AsBytes(linker.AsSpan()));
        return (linker, [.. words.Select((word, i) => word - linker[i])]);
    }

    /// <summary>What comes out: decisions and words, those that are not opened as the linker's share alone would have them.</summary>
    private static (bool[] Opened, ulong?[] Words) Run(ReleaseProgram program, IReadOnlyList<ulong> words, long[] constants)
    {
        using var parties = new Parties(Convert.ToHexString(RandomNumberGenerator.GetBytes(16)));
        var (linker, contributor) = Share(words);
        program = ReleaseProgram.Read(program.Write(), words.Count);
        var sums = program.Sums.Count;
        var circuit = ReleaseCircuit.Of(program);
        var transfer = Transfer(program, parties.Linker, linker, out var labels);
        var (tables, sealedWords) = Garble(circuit, parties.Contributor, transfer, contributor, constants, Context, Whole);
        var shares = new ulong[words.Count + sums];
        var opened = Open(program, Evaluate(circuit, parties.Linker, labels, tables), sealedWords, Context, shares);
        var open = program.Openings.Where((_, i) => opened[i]).SelectMany(opening => opening.Words).ToHashSet();
        var all = program.Extend(linker);
        return (opened, [.. shares.Select((share, i) => open.Contains(i) ? share + all[i] : (ulong?)null)]);
    }

    private enum Others
    {
        Always, Never, WhereSomeAreLeft,
    }

    private static ReleaseProgram Cells(int cells, int minimum, int bits, Others others = Others.Always)
    {
        // One own group of cells, all of its records in words, and what is left of it.
        var numbers = Enumerable.Range(0, cells).Select(i => new SharedNumber(bits, [(i, 1)])).ToList();
        numbers.Add(new SharedNumber(bits, [.. Enumerable.Range(0, cells).Select(i => (i, -1))]));
        numbers.Add(new SharedNumber(1, []));
        var decisions = new List<Decision>
        {
            new Decision.AtLeast(others == Others.Never ? cells + 1 : cells, 1),
            new Decision.Cells([.. Enumerable.Range(0, cells)], cells, others == Others.Always ? -1 : 0, minimum),
        };
        decisions.AddRange(Enumerable.Range(0, cells).Select(i => new Decision.CellOf(1, i)));
        return new ReleaseProgram(numbers, decisions, [.. Enumerable.Range(0, cells).Select(i => new Opening(2 + i, [i]))]);
    }

    /// <summary>The rule written down once more, as docs/disclosure.md has it.</summary>
    private static bool[] Rule(int[] counts, int own, bool others, int minimum)
    {
        var shown = counts.Select(count => count >= minimum).ToArray();
        if (!others && shown.All(cell => cell))
        {
            return shown;
        }

        var hidden = own - counts.Where((_, i) => shown[i]).Sum();
        var small = shown.Count(cell => !cell);
        if ((hidden < minimum || (!others && small > 0 && hidden > (small - 1) * (minimum - 1))) && shown.Any(cell => cell))
        {
            var least = counts.Where((_, i) => shown[i]).Min();
            return [.. shown.Zip(counts, (cell, count) => cell && count != least)];
        }

        return shown;
    }

    [Fact]
    public void Cells_AreThoseOfTheRule_AndTheOthersStayClosed() => Gen.Select(
        Gen.Int[1, 7], Gen.Int[2, 12], Gen.Enum<Others>(), Gen.Int[0, 14], Gen.Int[0, 25].Array[7]).Sample(
        (cells, minimum, others, left, all) =>
        {
            var counts = all[..cells];
            var own = counts.Sum() + (left < 5 ? 0 : left);
            var (opened, words) = Run(Cells(cells, minimum, 12, others), [.. counts.Select(count => (ulong)count)], [.. new long[cells], own, 0]);
            var isLeft = others == Others.Always || (others == Others.WhereSomeAreLeft && own > counts.Sum());
            Assert.Equal(Rule(counts, own, isLeft, minimum), opened);
            Assert.Equal(counts.Select((count, i) => opened[i] ? (ulong?)count : null), words);
        },
        iter: 150, threads: 1);

    [Fact]
    public void Decisions_OfEveryKind_AreWhatTheySay() => Gen.Select(Gen.Int[0, 40].Array[4], Gen.Int[1, 40], Gen.Int[-3, 3]).Sample(
        (values, threshold, factor) =>
        {
            var sum = Math.Max(0, values[0] + (factor * values[1]) + 130);
            SharedNumber[] numbers = [new(10, [(0, 1), (1, factor)]), new(7, [(2, 1)]), new(7, [(3, 1)])];
            var program = new ReleaseProgram(
                numbers,
                [
                    new Decision.AtLeast(0, 130 + threshold), new Decision.AtLeast(1, threshold), new Decision.AtLeast(2, threshold),
                    new Decision.All([0, 1, 2]), new Decision.Any([0, 1, 2]), new Decision.Not(1), new Decision.AtLeast(1, 1 << 20),
                ],
                [.. Enumerable.Range(0, 7).Select(i => new Opening(i, i == 3 ? [0, 1, 2, 3] : [i % 4]))]);
            var (one, two, three) = (sum >= 130 + threshold, values[2] >= threshold, values[3] >= threshold);
            var (opened, words) = Run(program, [.. values.Select(value => (ulong)value)], [130, 0, 0]);
            Assert.Equal([one, two, three, one && two && three, one || two || three, !two, false], opened);
            Assert.All(words.Zip(values), pair => Assert.True(pair.First is null || pair.First == (ulong)pair.Second));
        },
        iter: 60, threads: 1);

    /// <summary>A sum against a threshold that only the contributing party knows, up to the longest numbers there are.</summary>
    [Fact]
    public void NotNegative_AgainstAThresholdOfTheContributingPartys_IsTheComparison() =>
        Gen.Select(Gen.Long[-(1L << 30), 1L << 30].Array[2], Gen.OneOf(Gen.Long[-3, 3], Gen.Long[-(1L << 40), 1L << 40]), Gen.Int[45, 63]).Sample(
            (values, off, bits) =>
            {
                // The second word is a high limb.
                var sum = values[0] + (values[1] << 12);
                var program = new ReleaseProgram(
                    [new SharedNumber(bits, [(0, 1), (1, 1 << 12)])], [new Decision.NotNegative(0), new Decision.Not(0)],
                    [new Opening(0, [0]), new Opening(1, [])]);
                var (opened, words) = Run(program, [.. values.Select(value => (ulong)value)], [-(sum + off)]);
                Assert.Equal([off <= 0, off > 0], opened);
                Assert.Equal(off <= 0 ? (ulong?)values[0] : null, words[0]);
            },
            iter: 60, threads: 1);

    /// <summary>Bins put together as docs/disclosure.md has it: the last bin of each.</summary>
    private static List<int> Ends(int[] counts, int[] left, bool alone, bool open, int minimum)
    {
        bool IsEnough(IReadOnlyCollection<int> bins) => bins.Sum(bin => counts[bin]) >= minimum
            && (bins.Sum(bin => left[bin]) >= minimum || (alone && bins.All(bin => left[bin] == 0)));
        var (merged, rest) = (new List<int>(), new List<int>());
        for (var bin = 0; bin < counts.Length; bin++)
        {
            if (bin == counts.Length - 1 && open && rest.Count > 0 && merged.Count > 0 && IsEnough([bin]))
            {
                (merged[^1], rest) = (bin - 1, []);
            }

            rest.Add(bin);
            if (IsEnough(rest))
            {
                merged.Add(bin);
                rest = [];
            }
        }

        if (rest.Count > 0 && merged.Count > 0)
        {
            merged[^1] = counts.Length - 1;
        }

        return merged;
    }

    [Fact]
    public void Merge_OfBins_EndsWhereTheRuleSays_AndOpensWhatIsBelowAlone() => Gen.Select(
        Gen.Int[1, 9], Gen.Int[2, 12], Gen.Bool, Gen.Bool, Gen.Int[0, 40].Array[9], Gen.Frequency((2, Gen.Const(0)), (1, Gen.Int[0, 40])).Array[9]).Sample(
        (bins, minimum, alone, open, all, allLeft) =>
        {
            var (counts, left) = (all[..bins], allLeft[..bins]);
            SharedNumber[] numbers = [.. Enumerable.Range(0, 2 * bins).Select(i => new SharedNumber(9, [(i, 1)])), new(1, [])];
            int[] pairs = [.. Enumerable.Range(0, bins).SelectMany(bin => (int[])[bin, bins + bin])];
            Decision[] decisions =
            [
                new Decision.AtLeast(2 * bins, 1), new Decision.Not(0),
                new Decision.Merge(pairs, [new MergeRule(), new MergeRule(OrNone: true)], alone ? 1 : 0, open ? 1 : -1, minimum),
                .. Enumerable.Range(0, bins).Select(bin => new Decision.CellOf(2, bin)),
            ];
            int SumPlace(int bin) => bin == 0 ? 0 : (2 * bins) + bin - 1;
            var program = new ReleaseProgram(numbers, decisions, [.. Enumerable.Range(0, bins).Select(bin => new Opening(3 + bin, [SumPlace(bin)]))])
            {
                Sums = [.. Enumerable.Range(1, bins - 1).Select(bin => (int[])[SumPlace(bin - 1), bin])],
            };
            var (opened, words) = Run(program, [.. counts.Concat(left).Select(count => (ulong)count)], new long[numbers.Length]);
            Assert.Equal(Ends(counts, left, alone, open, minimum), Enumerable.Range(0, bins).Where(bin => opened[bin]));
            Assert.Equal(Enumerable.Range(0, bins).Select(bin => opened[bin] ? (ulong?)counts[..(bin + 1)].Sum() : null),
                Enumerable.Range(0, bins).Select(bin => words[SumPlace(bin)]));
        },
        iter: 300, threads: 1);

    /// <summary>A rule that does not matter where another's numbers are none.</summary>
    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(3, 0, false)]
    [InlineData(30, 4, false)]
    [InlineData(30, 12, true)]
    public void Merge_RuleUnlessNone_IsLookedAtWhereThereAreSome(int own, int left, bool isEnough)
    {
        var program = new ReleaseProgram(
            [new SharedNumber(9, [(0, 1)]), new SharedNumber(9, [(1, 1)]), new SharedNumber(9, [(2, 1)])],
            [
                new Decision.Merge([0, 1, 2], [new MergeRule(), new MergeRule { Matters = false }, new MergeRule(Unless: 1)], -1, -1, 10),
                new Decision.CellOf(0, 0),
            ],
            [new Opening(1, [])]);
        Assert.Equal([isEnough], Run(program, [50, (ulong)own, (ulong)left], [0, 0, 0]).Opened);
    }

    /// <summary>What linker and contributing party see of an empty, a small and a large cell has one length.</summary>
    [Fact]
    public void Sizes_OfAnEmptyASmallAndALargeCell_AreTheSame()
    {
        var program = Cells(5, 10, 20, Others.Always);
        var circuit = ReleaseCircuit.Of(program);
        var sizes = new List<(int, int, int, int)>();
        foreach (var first in new[] { 0UL, 3UL, 500_000UL })
        {
            using var parties = new Parties("q");
            var (linker, contributor) = Share([first, 20, 30, 40, 50]);
            var transfer = Transfer(program, parties.Linker, linker, out var labels);
            var (tables, sealedWords) = Garble(circuit, parties.Contributor, transfer, contributor, new long[7], Context, Whole);
            sizes.Add((transfer.Length, tables.Length, sealedWords.Length, Evaluate(circuit, parties.Linker, labels, tables).Length));
        }

        Assert.Single(sizes.Distinct());
    }

    /// <summary>
    /// Linker and contributing party allocate the same to the byte: what they do is a loop over the program's bits, gates and openings. The asking party does
    /// not, which shows that the measure sees a branch that allocates. One that only computes it would not see: times are in the benchmark <c>release</c>.
    /// </summary>
    [Fact]
    public void Work_OfAnEmptyASmallAndALargeCell_IsTheSame()
    {
        const int rounds = 30;
        var (program, circuit) = (Cells(5, 10, 20, Others.Always), ReleaseCircuit.Of(Cells(5, 10, 20, Others.Always)));
        var (same, apart) = (0, 0);
        for (var round = 0; round < rounds; round++)
        {
            var seen = new[] { 0UL, 3UL, 500_000UL }.Select(first => Work(program, circuit, first)).ToArray();
            same += seen.Select(work => work.Others).Distinct().Count() == 1 ? 1 : 0;
            apart += seen.Select(work => work.Asker).Distinct().Count() > 1 ? 1 : 0;
        }

        // Compiled anew in between, the same code may allocate less from some call on.
        Assert.InRange(same, rounds - 5, rounds);
        Assert.InRange(apart, rounds - 5, rounds);
    }

    private static ((long, long, long) Others, long Asker) Work(ReleaseProgram program, ReleaseCircuit circuit, ulong first)
    {
        using var parties = new Parties("work");
        var (linker, contributor) = Share([first, 20, 30, 40, 50]);
        long Allocated(Action step)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            step();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        System.Runtime.Intrinsics.Vector128<byte>[] labels = [];
        (byte[] Transfer, byte[] Tables, byte[] Sealed, byte[] Labels) made = default;
        var one = Allocated(() => made.Transfer = Transfer(program, parties.Linker, linker, out labels));
        var two = Allocated(() => (made.Tables, made.Sealed) = Garble(circuit, parties.Contributor, made.Transfer, contributor, new long[7], Context, Whole));
        var three = Allocated(() => made.Labels = Evaluate(circuit, parties.Linker, labels, made.Tables));
        return ((one, two, three), Allocated(() => Open(program, made.Labels, made.Sealed, Context, new ulong[5])));
    }

    /// <summary>A kill repeats the same bytes: nothing is sent twice under one key with another content.</summary>
    [Fact]
    public void EveryMessage_MadeAgain_IsTheSameBytes()
    {
        using var contributor = SecretBytes.Random(32);
        using var linker = SecretBytes.Random(32);
        var program = Cells(3, 10, 12, Others.Always);
        var (one, two) = Share([12, 30, 4]);
        (byte[], byte[], byte[]) Once(long counter)
        {
            var (choice, offer) = (ReleaseKeys.Choose(contributor, Transcript, "P2"), ReleaseKeys.Offer(linker));
            Assert.Null(ReleaseKeys.FaultOf(choice));
            Assert.Null(ReleaseKeys.FaultOf(offer));
            using var ours = ReleaseKeys.OfContributor(contributor, Transcript, "P2", offer).For(counter, "q");
            using var theirs = ReleaseKeys.OfLinker(linker, Transcript, "P2", choice).For(counter, "q");
            var transfer = Transfer(program, theirs, one, out _);
            var (tables, sealedWords) = Garble(ReleaseCircuit.Of(program), ours, transfer, two, new long[5], Context, Whole);
            return (transfer, tables, sealedWords);
        }

        // An id that is used again, under the next counter, has other keys: nothing of one helps with the other.
        var (first, again, next) = (Once(1), Once(1), Once(2));
        Assert.NotEqual(first.Item1, next.Item1);
        Assert.NotEqual(first.Item2, next.Item2);
        Assert.NotEqual(first.Item3, next.Item3);
        Assert.Equal(first.Item1, again.Item1);
        Assert.Equal(first.Item2, again.Item2);
        Assert.Equal(first.Item3, again.Item3);
    }

    /// <summary>A linker that uses other bits in some columns of its transfer is found before anything that depends on Δ leaves.</summary>
    [Fact]
    public void DishonestLinker_WhoAltersItsTransfer_IsRefused()
    {
        var program = Cells(3, 10, 12, Others.Always);
        using var parties = new Parties("q");
        var (linker, contributor) = Share([12, 30, 4]);
        var transfer = Transfer(program, parties.Linker, linker, out _);
        for (var at = 0; at < transfer.Length; at += 97)
        {
            var altered = (byte[])transfer.Clone();
            altered[at] ^= 1;
            Assert.Throws<InvalidDataException>(() =>
                Garble(ReleaseCircuit.Of(program), parties.Contributor, altered, contributor, new long[5], Context, Whole));
        }

        Assert.Throws<InvalidDataException>(() =>
            Garble(ReleaseCircuit.Of(program), parties.Contributor, transfer[..^1], contributor, new long[5], Context, Whole));
    }

    /// <summary>Tables that were altered open nothing that was to stay closed: decisions open to nothing, or are what they were.</summary>
    [Fact]
    public void DishonestContributor_WhoAltersTables_OpensNothingElse()
    {
        var program = Cells(3, 10, 12, Others.Always);
        using var parties = new Parties("q");
        ulong[] words = [12, 30, 4];
        var (linker, contributor) = Share(words);
        var circuit = ReleaseCircuit.Of(program);
        var transfer = Transfer(program, parties.Linker, linker, out var labels);
        var (tables, sealedWords) = Garble(circuit, parties.Contributor, transfer, contributor, [0, 0, 0, 46, 0], Context, Whole);
        var refused = 0;
        for (var at = 0; at < tables.Length; at += 61)
        {
            var altered = (byte[])tables.Clone();
            altered[at] ^= 4;
            try
            {
                Assert.Equal([false, true, false], Open(program, Evaluate(circuit, parties.Linker, labels, altered), sealedWords, Context, new ulong[3]));
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1, tables.Length);
        Assert.Throws<InvalidDataException>(() => Evaluate(circuit, parties.Linker, labels, tables.AsSpan(0, tables.Length - 16).ToArray()));
    }

    /// <summary>The linker's labels: whether cells are large or small, their lowest bits are 0 and 1 alike, and no two runs share one.</summary>
    [Fact]
    public void CuriousLinker_SeesLabelsThatSayNothing()
    {
        var program = Cells(2, 10, 12, Others.Always);
        var circuit = ReleaseCircuit.Of(program);
        var (ones, seen) = (new int[2], new HashSet<string>());
        const int Runs = 400;
        for (var run = 0; run < Runs; run++)
        {
            using var parties = new Parties($"q{run}");
            ulong[] words = run % 2 == 0 ? [50, 60] : [3, 0];
            var (linker, contributor) = Share(words);
            var transfer = Transfer(program, parties.Linker, linker, out var labels);
            var (tables, _) = Garble(circuit, parties.Contributor, transfer, contributor, [0, 0, 200, 0], Context, Whole);
            var output = Evaluate(circuit, parties.Linker, labels, tables);
            ones[run % 2] += output[0] & 1;
            Assert.True(seen.Add(Convert.ToHexString(output.AsSpan(0, 16))));
        }

        // Six standard deviations of 200 throws.
        Assert.All(ones, count => Assert.InRange(count, 100 - 43, 100 + 43));
    }

    /// <summary>Of a word no more bits are opened than were asked for, whatever rides above them.</summary>
    [Fact]
    public void Words_AreOpenedInTheirLowBitsAlone()
    {
        var program = Cells(2, 10, 12, Others.Always);
        using var parties = new Parties("low");
        ulong[] words = [50UL | (0x5AUL << 40), 60];
        var (linker, contributor) = Share(words);
        var circuit = ReleaseCircuit.Of(program);
        var transfer = Transfer(program, parties.Linker, linker, out var labels);
        var (tables, sealedWords) = Garble(circuit, parties.Contributor, transfer, contributor, [0, 0, 200, 0], Context, [20, 20]);
        var shares = new ulong[2];
        Assert.Equal([true, true], Open(program, Evaluate(circuit, parties.Linker, labels, tables), sealedWords, Context, shares));
        Assert.All(shares, share => Assert.True(share < 1 << 20));
        Assert.Equal([50UL, 60], shares.Zip(linker, (share, own) => (share + own) & 0xFFFFF));
    }

    [Fact]
    public void Program_ThatIsNone_IsRefusedBeforeAnythingIsMade()
    {
        Assert.Throws<InvalidDataException>(() => ReleaseProgram.Read(new ReleaseProgram(
            [new SharedNumber(9, [])], [new Decision.Merge([0, 0, 0], [new MergeRule(), new MergeRule()], -1, -1, 10)], [new Opening(0, [])]).Write(), 3));
        Assert.Throws<InvalidDataException>(() => ReleaseProgram.Read(new ReleaseProgram(
            [new SharedNumber(9, [])], [new Decision.AtLeast(0, 1)], [new Opening(0, [])]) { Sums = [[3]] }.Write(), 3));

        // A sign of a number that there is not, a number that is too long for any, and one that is too long for a count.
        static ReleaseProgram Of(int bits, params Decision[] decisions) =>
            new([new SharedNumber(bits, [(0, 1)]), new SharedNumber(9, [])], decisions, [new Opening(decisions.Length - 1, [])]);
        Assert.Equal(63, ReleaseProgram.Read(Of(63, new Decision.NotNegative(0)).Write(), 3).Numbers[0].Bits);
        Assert.All(
            new[]
            {
                Of(63, new Decision.NotNegative(2)), Of(63, new Decision.NotNegative(-1)), Of(64, new Decision.NotNegative(0)),
                Of(41, new Decision.AtLeast(0, 1)), Of(41, new Decision.Cells([0], 1, -1, 10), new Decision.CellOf(0, 0)),
                Of(41, new Decision.Cells([1], 0, -1, 10), new Decision.CellOf(0, 0)),
                Of(41, new Decision.Merge([0], [new MergeRule()], -1, -1, 10), new Decision.CellOf(0, 0)),
            },
            wrong => Assert.Throws<InvalidDataException>(() => ReleaseProgram.Read(wrong.Write(), 3)));
        var longest = Of(40, new Decision.Merge([0], [new MergeRule()], -1, -1, 10), new Decision.CellOf(0, 0)).Write();
        Assert.Equal(longest, ReleaseProgram.Read(longest, 3).Write());
        var good = Cells(3, 10, 12, Others.WhereSomeAreLeft).Write();
        Assert.Equal(good, ReleaseProgram.Read(good, 3).Write());
        Assert.Throws<InvalidDataException>(() => ReleaseProgram.Read(good, 2));
        Assert.Throws<InvalidDataException>(() => ReleaseProgram.Read(good.AsMemory(0, good.Length - 1), 3));
        Assert.Throws<InvalidDataException>(() => ReleaseProgram.Read(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0x07 }, 3));
        Assert.Throws<InvalidDataException>(() => ReleaseProgram.Read((byte[])[.. good, 0], 3));
        Assert.Throws<InvalidDataException>(() => ReleaseCircuit.Of(new ReleaseProgram(
            [.. Enumerable.Repeat(new SharedNumber(40, []), 10_000)], [new Decision.AtLeast(0, 1)], [new Opening(0, [])])));

        // A few bytes that name one number a million times.
        var many = new ReleaseProgram(
            [new SharedNumber(40, [])], [new Decision.Cells([.. Enumerable.Repeat(0, 1_000_000)], 0, -1, 10)], [new Opening(0, [])]);
        Assert.Throws<InvalidDataException>(() => ReleaseCircuit.Of(many));
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte).Sample((at, value) =>
        {
            var altered = (byte[])good.Clone();
            altered[at] = value;
            try
            {
                ReleaseCircuit.Of(ReleaseProgram.Read(altered, 3));
            }
            catch (InvalidDataException)
            {
                // What is left reads as a program of another kind.
            }
        });
    }

    /// <summary>What a cell of a count costs, for docs/performance.md: a million records in 9 own groups, 12 cells each.</summary>
    [Fact]
    public void BytesOfACell_AreThoseOfTheDocument()
    {
        var (bytes, cells) = (0L, 0);
        for (var group = 0; group < 9; group++)
        {
            var program = Cells(12, 10, 17, Others.Always);
            var circuit = ReleaseCircuit.Of(program);
            bytes += TablesSizeBytes(circuit) + (program.Bits * 16) + OpeningSizeBytes(program).Sealed + OpeningSizeBytes(program).Labels;
            cells += 12;
        }

        Assert.InRange(bytes / cells, 3_400, 3_600);
    }
}
