using PsiMessaging.Data.Batches;
using PsiMessaging.Data.Output;

namespace PsiMessaging.Data.Tests;

/// <summary>Parquet batches as a linker must check them, and the files we write.</summary>
public class BatchTests
{
    private static readonly string A = new('a', 32);
    private static readonly string B = new('b', 32);

    private static byte[] Token(int value) => [.. new byte[12], .. BitConverter.GetBytes(value).Reverse()];

    private static Task<byte[]> Batch(params int[] tokens) =>
        EncryptedBatch.WriteAsync([.. tokens.Select(Token)], [A, B], [[.. tokens.Select(_ => new byte[48])], [.. tokens.Select(token => new byte[] { (byte)token, 1, 2 })]]);

    [Fact]
    public async Task Write_SameRows_GivesTheSameBytes() => Assert.Equal(await Batch(1, 2, 3), await Batch(1, 2, 3));

    [Fact]
    public void AtomicFile_FailureWhileWriting_LeavesWhatWasThere()
    {
        var folder = Directory.CreateTempSubdirectory("psi-atomic-").FullName;
        var path = Path.Combine(folder, "f");
        AtomicFile.Write(path, "old"u8.ToArray());
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new InvalidOperationException();
        }));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(folder));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void CsvOutput_SpecialValues_AreQuotedAndNullsAreNotEmptyText()
    {
        using var writer = new StringWriter();
        CsvOutput.WriteRow(writer, ["a,b", "say \"hi\"", "two\nlines", "", null, "< 20", " x "]);
        Assert.Equal("\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\"\",,< 20, x \n", writer.ToString());
    }
}
