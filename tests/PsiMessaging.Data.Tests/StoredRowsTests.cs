using System.Globalization;
using System.Text;
using CsCheck;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Data.Records;

namespace PsiMessaging.Data.Tests;

/// <summary>The rows of a dataset as they are kept.</summary>
public sealed class StoredRowsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("psi-stored-").FullName;

    private string Stored => Path.Combine(_folder, "rows.parquet");

    /// <summary>A table in memory.</summary>
    private sealed class Table(string[] columns, IReadOnlyList<string[]> rows, int faultyRow = -1) : IRecordReader
    {
        private int _row = -1;

        public IReadOnlyList<string> Columns => columns;

        public ReadingReport Report => throw new NotSupportedException();

        public bool Read() => ++_row == faultyRow ? throw new InputException($"the reader, row {_row}") : _row < rows.Count;

        public ReadOnlySpan<char> GetSpan(int column) => rows[_row][column];

        public string GetText(int column) => rows[_row][column];

        public void Dispose()
        {
        }
    }

    private async Task WriteAsync(Table table, params BlockWork[] works)
    {
        await using var stream = File.Create(Stored);
        await DatasetFile.WriteAsync(table, stream, works);
    }

    private List<string[]> ReadAll(params int[] columns)
    {
        using var reader = DatasetFile.Open(Stored);
        var rows = new List<string[]>();
        while (reader.Read())
        {
            rows.Add(Array.ConvertAll(columns, column => reader.GetSpan(column).ToString()));
        }

        return rows;
    }

    private static readonly string[] Three = ["ID", "data [1]", "id"];

    private static string[] Row(int row, int different) =>
        [$"{row}", row % 7 == 0 ? "" : $"città {row % different} {new string('x', row % 13 == 0 ? 300 : 1)}", (row % 3).ToString(CultureInfo.InvariantCulture)];

    /// <summary>Of few and of many different texts, of one length and of several, ASCII and not, over several groups.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(1000, 5)]
    [InlineData(100_000, 3000)]
    [InlineData(70_000, 70_000)]
    public async Task Read_WhatWasWritten_IsTheSame(int rows, int different)
    {
        var table = Enumerable.Range(0, rows).Select(row => Row(row, different)).ToList();
        var seen = new List<int>();
        await WriteAsync(new Table(Three, table), (RowBlock block, ref int row) => seen.AddRange(Enumerable.Range(block.First, block.Rows)));
        Assert.Equal(Enumerable.Range(0, rows), seen);
        Assert.Equal(table, ReadAll(0, 1, 2));
        Assert.Equal(table.Select(row => new[] { row[2] }), ReadAll(2));
    }

    [Fact]
    public void Unpack_AnyTexts_AreTheSame()
    {
        var text = Gen.OneOf(Gen.Const(""), Gen.String[Gen.Char["abc01 ."], 0, 6], Gen.String[Gen.Char.AlphaNumeric, 0, 400],
            Gen.String[Gen.OneOf(Gen.Char['\u00c0', '\u0180'], Gen.Char['\u4e00', '\u4e20'])], Gen.Const("👩‍👩‍👧"));
        Gen.Select(text.Array[0, 700], Gen.Bool).Sample((texts, repeats) =>
        {
            var column = new TextColumn();
            var expected = repeats ? [.. texts, .. texts, .. texts] : texts;
            Array.ForEach(expected, one => column.Add(one));
            byte[] packed = [];
            var length = new ColumnPacker().Pack(column, expected.Length, ref packed);
            var unpacked = new PackedColumn();
            unpacked.Read(packed.AsSpan(0, length), expected.Length);
            return expected.Select((one, row) => unpacked[row].SequenceEqual(one)).All(same => same);
        }, iter: 300);
    }

    /// <summary>Half of a surrogate pair is no text; what stands beside it is not taken for the other half.</summary>
    [Fact]
    public void Unpack_LoneSurrogates_AreReplacedEachForItself()
    {
        var column = new TextColumn();
        column.Add("a\ud83d");
        column.Add("\udc69b");
        byte[] packed = [];
        var length = new ColumnPacker().Pack(column, 2, ref packed);
        var unpacked = new PackedColumn();
        unpacked.Read(packed.AsSpan(0, length), 2);
        Assert.Equal(["a\ufffd", "\ufffdb"], [unpacked[0].ToString(), unpacked[1].ToString()]);
    }

    /// <summary>Texts that fall together in the packer's table cost no more than others.</summary>
    [Fact]
    public void Pack_TextsThatFallTogether_AreKeptAsTexts()
    {
        var column = new TextColumn();
        var texts = Enumerable.Range(0, 30_000).Select(row => $"abcd{row % 200:D5}{new string('m', 14)}{row % 200:D5}wxyz").ToArray();
        Array.ForEach(texts, text => column.Add(text));
        byte[] packed = [];
        var length = new ColumnPacker().Pack(column, texts.Length, ref packed);
        var unpacked = new PackedColumn();
        unpacked.Read(packed.AsSpan(0, length), texts.Length);
        Assert.Null(unpacked.Different);
        Assert.True(texts.Select((text, row) => unpacked[row].SequenceEqual(text)).All(same => same));
    }

    /// <summary>Whatever the bytes are: refused, or texts, and nothing beyond them.</summary>
    [Fact]
    public void Unpack_AnyBytes_AreRefusedOrTexts()
    {
        var column = new TextColumn();
        for (var row = 0; row < 300; row++)
        {
            column.Add(row % 2 == 0 ? "città" : "x");
        }

        foreach (var rows in new[] { 300, 1 })
        {
            byte[] packed = [];
            var length = new ColumnPacker().Pack(column, rows, ref packed);
            Gen.Select(Gen.Int[0, length - 1], Gen.Byte, Gen.Int[0, length]).Sample((at, value, cut) =>
            {
                foreach (var damaged in new[] { packed[..length], packed[..cut] })
                {
                    if (at < damaged.Length)
                    {
                        damaged[at] = value;
                    }

                    var unpacked = new PackedColumn();
                    try
                    {
                        unpacked.Read(damaged, rows);
                    }
                    catch (InvalidDataException)
                    {
                        continue;
                    }

                    for (var row = 0; row < rows; row++)
                    {
                        _ = unpacked[row].ToString();
                    }
                }
            }, iter: 3000);
        }
    }

    [Fact]
    public async Task Open_FileOfAnEarlierVersion_IsRead()
    {
        var table = Enumerable.Range(0, 500).Select(row => Row(row, 40)).ToList();
        await StringColumns.WriteAsync(Stored, Three, table, groupRows: 200);
        Assert.Equal(table, ReadAll(0, 1, 2));
        Assert.Equal(table.Select(row => new[] { row[1] }), ReadAll(1));
    }

    /// <summary>A column that is not asked for is not read: not even that it is damaged is seen.</summary>
    [Fact]
    public async Task Read_SomeColumns_LeavesTheOthersAlone()
    {
        await WriteAsync(new Table(["A", "B"], [.. Enumerable.Range(0, 1000).Select(row => new[] { $"first{row}", $"other{row}" })]));
        var bytes = await File.ReadAllBytesAsync(Stored);
        bytes.AsSpan(bytes.AsSpan().IndexOf("other0"u8), 100).Fill(0xFF);
        await File.WriteAllBytesAsync(Stored, bytes);
        Assert.Equal("first999", ReadAll(0)[^1][0]);
        Assert.Equal($"{Stored} is damaged or cut off; remove the dataset and add it again", Assert.Throws<InputException>(() => ReadAll(1)).Message);
    }

    [Fact]
    public async Task Open_CutOffAnywhere_IsRefused()
    {
        await WriteAsync(new Table(["A", "B"], [.. Enumerable.Range(0, 100).Select(row => new[] { $"{row}", "x" })]));
        var bytes = await File.ReadAllBytesAsync(Stored);
        for (var length = 0; length < bytes.Length; length += 13)
        {
            await File.WriteAllBytesAsync(Stored, bytes[..length]);
            Assert.Contains("is damaged or cut off", Assert.Throws<InputException>(() => ReadAll(0, 1)).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>On however many threads, a person sees the fault that comes first in the file, and of one row the reader's, then the first work's.</summary>
    [Theory]
    [InlineData(90_000, 40_000, 50_000, "work 1, row 40000")]
    [InlineData(90_000, 50_000, 40_000, "work 2, row 40000")]
    [InlineData(90_000, 40_000, 40_000, "work 1, row 40000")]
    [InlineData(39_999, 40_000, 50_000, "the reader, row 39999")]
    [InlineData(40_001, 40_000, 50_000, "work 1, row 40000")]
    [InlineData(90_000, 95_000, 95_000, "the reader, row 90000")]
    public async Task Write_SeveralFaults_SaysTheFirstByRow(int reader, int first, int second, string expected)
    {
        static BlockWork Failing(int work, int at) => (RowBlock block, ref int row) =>
        {
            for (row = 0; row < block.Rows; row++)
            {
                if (block.First + row == at)
                {
                    throw new InputException($"work {work}, row {at}");
                }
            }
        };

        var table = Enumerable.Range(0, 100_000).Select(row => new[] { "x" }).ToList();
        var fault = await Assert.ThrowsAsync<InputException>(() => WriteAsync(new Table(["A"], table, reader), Failing(1, first), Failing(2, second)));
        Assert.Equal(expected, fault.Message);
    }

    [Fact]
    public async Task Write_DiskThatIsFull_SaysSo()
    {
        await using var full = new FullStream();
        var table = Enumerable.Range(0, 200_000).Select(row => new[] { $"{row}" }).ToList();
        Assert.Equal("no space", (await Assert.ThrowsAsync<IOException>(() => DatasetFile.WriteAsync(new Table(["A"], table), full))).Message);
    }

    private sealed class FullStream : MemoryStream
    {
        public override void Write(byte[] buffer, int offset, int count) => Check(count);

        public override void Write(ReadOnlySpan<byte> buffer) => Check(buffer.Length);

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            Check(count);
            return Task.CompletedTask;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Check(buffer.Length);
            return ValueTask.CompletedTask;
        }

        private void Check(int count)
        {
            if (count > 100_000)
            {
                throw new IOException("no space");
            }
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
