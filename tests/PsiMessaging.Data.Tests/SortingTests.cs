using System.Text;
using CsCheck;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Testing;

namespace PsiMessaging.Data.Tests;

/// <summary>Sets that do not fit in memory: here the memory is made small instead of the sets large.</summary>
public sealed class SortingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("psi-sorting-").FullName;

    private int _names;

    private string NewPath() => Path.Combine(_folder, $"{Interlocked.Increment(ref _names)}");

    private ScratchFolder Scratch() => new(NewPath());

    [Fact]
    public void Read_AnyRecordsAndMemory_GivesThemInOrder() =>
        Gen.Select(Gen.Select(Gen.ULong[0, 50], Gen.Byte.Array[0, 12]).Array[0, 400], Gen.Int[1, 3000]).Sample((records, memory) =>
    {
        using var scratch = Scratch();
        using var sorter = new ExternalSorter(scratch, (left, right) => left.SequenceCompareTo(right), memory);
        foreach (var (key, content) in records)
        {
            sorter.Add(key, content);
        }

        Assert.Equal(records.Length, sorter.Count);
        var sorted = new List<string>();
        for (var reading = sorter.Read(); reading.MoveNext();)
        {
            sorted.Add($"{reading.Key:D4} {Convert.ToHexString(reading.Content)}");
        }

        Assert.Equal(records.Select(record => $"{record.Item1:D4} {Convert.ToHexString(record.Item2)}").Order(StringComparer.Ordinal), sorted);
    }, iter: 200);

    /// <summary>Identifiers whose first bytes are alike, of one and of several parts, in and beyond memory: the order is that of comparing.</summary>
    [Theory]
    [InlineData("", 64 << 20)]
    [InlineData("PERSON-", 64 << 20)]
    [InlineData("PERSON-", 20_000)]
    [InlineData("a prefix that is longer than all of the further keys together", 64 << 20)]
    public void Read_IdentifiersThatBeginAlike_AreInTheirOrder(string prefix, long memory)
    {
        using var scratch = Scratch();
        using var sorter = new ExternalSorter(scratch, IdentifierOrder.Compare, memory, IdentifierOrder.KeyOf);
        var canonicalizer = new Canonicalizer(foldCase: false);
        var all = new List<byte[]>();
        for (var i = 0; i < 2000; i++)
        {
            canonicalizer.Begin();
            canonicalizer.TryAdd($"{prefix}{i * 7919 % 4001}{new string('9', i % 12)}");
            if (i % 3 == 0)
            {
                canonicalizer.TryAdd($"second {i % 5}");
            }

            all.Add(canonicalizer.Current.ToArray());
            sorter.Add(IdentifierOrder.KeyOf(canonicalizer.Current), canonicalizer.Current);
        }

        all.Sort((left, right) => IdentifierOrder.Compare(left, right));
        var records = sorter.Read();
        Assert.All(all, expected =>
        {
            Assert.True(records.MoveNext());
            Assert.Equal(expected, records.Content.ToArray());
        });
        Assert.False(records.MoveNext());
    }

    /// <summary>Keys of every kind: far apart, few, all alike, alike but for one bit, in order, in the opposite order.</summary>
    [Theory]
    [InlineData("any")]
    [InlineData("few")]
    [InlineData("one")]
    [InlineData("lowest bit")]
    [InlineData("highest bit")]
    [InlineData("digits")]
    [InlineData("ascending")]
    [InlineData("descending")]
    public void Sort_AnyKeys_AreInOrderEachWithItsNumber(string kind) =>
        Gen.Select(Gen.Int[0, 3000], Gen.ULong).Sample((count, seed) =>
    {
        var mixed = seed | 1;
        ulong KeyOf(int i)
        {
            mixed = (mixed ^ (mixed >> 29)) * 0xBF58_476D_1CE4_E5B9;
            return kind switch
            {
                "any" => mixed ^ (mixed >> 32),
                "few" => (mixed >> 40) % 3,
                "one" => seed,
                "lowest bit" => seed ^ (mixed >> 63),
                "highest bit" => seed ^ (mixed & (1UL << 63)),
                "digits" => System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(Encoding.ASCII.GetBytes($"{(mixed >> 40) % 100_000:D8}")),
                "ascending" => (ulong)i,
                _ => ulong.MaxValue - (ulong)i,
            };
        }

        var keys = Enumerable.Range(0, count).Select(KeyOf).ToArray();
        var (sorted, numbers) = (keys.ToArray(), Enumerable.Range(0, count).ToArray());
        RadixSort.Sort(sorted, numbers);
        Assert.Equal(keys.Order(), sorted);
        Assert.Equal(sorted, numbers.Select(number => keys[number]));
        Assert.Equal(count, numbers.Distinct().Count());
    }, iter: 60);

    [Fact]
    public void Runs_AreGoneAfterwards()
    {
        var scratch = Scratch();
        using (var sorter = new ExternalSorter(scratch, (left, right) => left.SequenceCompareTo(right), 100))
        {
            for (ulong i = 0; i < 1000; i++)
            {
                sorter.Add(i % 7, BitConverter.GetBytes(i));
            }

            Assert.True(Directory.GetFiles(scratch.Path).Length > 10);
        }

        Assert.Empty(Directory.GetFiles(scratch.Path));
        scratch.Dispose();
        Assert.False(Directory.Exists(scratch.Path));
    }

    [Fact]
    public void Scratch_LeftByAKilledProcess_IsEmptiedFirst()
    {
        using var scratch = Scratch();
        Directory.CreateDirectory(scratch.Path);
        File.WriteAllText(Path.Combine(scratch.Path, "old.run"), "x");
        scratch.CreateFile().Dispose();
        Assert.Empty(Directory.GetFiles(scratch.Path));
    }

    [Fact]
    public void Add_FullDisk_SaysSoAndLeavesNothing()
    {
        using var scratch = new FullDisk(Path.Combine(_folder, "full"), () => 5000);
        using var sorter = new ExternalSorter(scratch, (left, right) => left.SequenceCompareTo(right), 2000);
        var exception = Assert.Throws<IOException>(() =>
        {
            for (ulong i = 0; i < 10_000; i++)
            {
                sorter.Add(i, BitConverter.GetBytes(i));
            }
        });
        Assert.Contains("No space left", exception.Message, StringComparison.Ordinal);
        sorter.Dispose();
        scratch.Dispose();
        Assert.False(Directory.Exists(scratch.Path));
    }

    private IdentifierCounts Write(string[] keys, string path, ScratchFolder scratch)
    {
        var csv = Path.Combine(_folder, "keys.csv");
        File.WriteAllText(csv, "ID;A\n" + string.Concat(keys.Select(key => $"{key};x\n")));
        using var reader = RecordReader.Open(csv, new RecordReaderOptions());
        using var set = new IdentifierSet(Hash, [0], new Canonicalizer(false), scratch);
        while (reader.Read())
        {
            set.Add(reader);
        }

        return set.Write(path);
    }

    /// <summary>Bad on purpose: many different identifiers share a hash.</summary>
    private static ulong Hash(ReadOnlySpan<byte> canonical) => (ulong)(canonical[^1] * 31 % 17);

    [Fact]
    public void IdentifierSet_RandomKeys_EqualsADictionary() => Gen.Int[0, 300].Array[0, 1500].Sample(keys =>
    {
        using var scratch = Scratch();
        var path = NewPath();
        var counts = Write([.. keys.Select(key => key % 50 == 0 ? " " : $"key-{key}")], path, scratch);
        var plain = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var row = 0; row < keys.Length; row++)
        {
            if (keys[row] % 50 != 0)
            {
                plain.TryAdd($"key-{keys[row]}", row);
            }
        }

        var dropped = keys.Count(key => key % 50 == 0);
        Assert.Equal(new IdentifierCounts(keys.Length, plain.Count, dropped, keys.Length - plain.Count - dropped), counts);
        using var file = IdentifierFile.Open(path);
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        file.ReadAll((position, row, canonical) =>
        {
            Assert.Equal(seen.Count, position);
            seen.Add(Canonicalizer.Decode(canonical)[0], row);
        });
        Assert.Equal(plain.OrderBy(entry => entry.Key, StringComparer.Ordinal), seen.OrderBy(entry => entry.Key, StringComparer.Ordinal));
    }, iter: 30, threads: 1);

    [Fact]
    public void ReadPacked_AnyRange_EqualsReadAll()
    {
        using var scratch = Scratch();
        var path = Path.Combine(_folder, "many.bin");
        Write([.. Enumerable.Range(0, 1200).Select(i => new string('k', 1 + (i % 40)) + i)], path, scratch);
        using var file = IdentifierFile.Open(path);
        var all = new List<string>();
        file.ReadAll((_, _, canonical) => all.Add(Convert.ToHexString(canonical)));
        Gen.Int[0, 1200].Select(Gen.Int[0, 1200]).Sample((first, count) =>
        {
            count = Math.Min(count, 1200 - first);
            var packed = file.ReadPacked(first, count);
            var read = new List<string>();
            for (var at = 0; at < packed.Length;)
            {
                var length = BitConverter.ToInt32(packed, at);
                read.Add(Convert.ToHexString(packed.AsSpan(at + 4, length)));
                at += 4 + length;
            }

            Assert.Equal(all.Skip(first).Take(count), read);
        }, iter: 200);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadPacked(1000, 201));
    }

    [Fact]
    public void Reorder_OtherHash_OtherOrderSameIdentifiers()
    {
        using var scratch = Scratch();
        var (path, other) = (Path.Combine(_folder, "a.bin"), Path.Combine(_folder, "b.bin"));
        Write([.. Enumerable.Range(0, 500).Select(i => $"{i}")], path, scratch);
        using var file = IdentifierFile.Open(path);
        IdentifierSet.Reorder(file, canonical => (ulong)canonical[^1] * 0x9E3779B97F4A7C15 * canonical[^2], scratch, other);
        using var reordered = IdentifierFile.Open(other);
        List<string> Read(IdentifierFile source)
        {
            var list = new List<string>();
            source.ReadAll((_, row, canonical) => list.Add($"{row}:{Encoding.UTF8.GetString(canonical)}"));
            return list;
        }

        Assert.NotEqual(Read(file), Read(reordered));
        Assert.Equal(Read(file).Order(StringComparer.Ordinal), Read(reordered).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Open_DamagedFile_IsNamed()
    {
        using var scratch = Scratch();
        var path = Path.Combine(_folder, "damaged.bin");
        Write(["a", "b"], path, scratch);
        var bytes = File.ReadAllBytes(path);
        foreach (var cut in new[] { 0, 10, bytes.Length - 1 })
        {
            File.WriteAllBytes(path, bytes[..cut]);
            Assert.Contains("is damaged", Assert.Throws<InputException>(() => IdentifierFile.Open(path)).Message, StringComparison.Ordinal);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
