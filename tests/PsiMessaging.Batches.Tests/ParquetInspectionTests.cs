
namespace PsiMessaging.Batches.Tests;

/// <summary>Parquet from another participant, as a linker or party must check it.</summary>
public sealed class ParquetInspectionTests : IDisposable
{
    private static readonly string A = new('a', 32);
    private static readonly string B = new('b', 32);
    private readonly string _folder = Directory.CreateTempSubdirectory("psi-inspect-").FullName;

    private static byte[] Token(int value) => [.. new byte[12], .. BitConverter.GetBytes(value).Reverse()];

    private static Task<byte[]> Batch(params int[] tokens) =>
        EncryptedBatch.WriteAsync([.. tokens.Select(Token)], [A, B], [[.. tokens.Select(_ => new byte[48])],
            [.. tokens.Select(token => new byte[] { (byte)token, 1, 2 })]]);

    private BatchTokens Check(byte[] body, string[] columns, int rows)
    {
        var path = Path.Combine(_folder, "batch");
        File.WriteAllBytes(path, body);
        return ParquetInspection.CheckBatch(path, columns, rows);
    }

    [Fact]
    public async Task Write_SameRows_GivesTheSameBytes() => Assert.Equal(await Batch(1, 2, 3), await Batch(1, 2, 3));

    [Fact]
    public async Task Check_ProperBatch_GivesItsSpan()
    {
        var span = Check(await Batch(1, 5, 9), [A, B], 3);
        Assert.Equal((Convert.ToHexString(Token(1)), Convert.ToHexString(Token(9))), (Convert.ToHexString(span.First), Convert.ToHexString(span.Last)));
    }

    [Fact]
    public async Task Check_EmptyBatch_IsFine() => Assert.Empty((Check(await Batch(), [A, B], 0)).First);

    [Fact]
    public async Task Check_TruncatedAnywhere_IsRefused()
    {
        var body = await Batch(1, 5, 9);
        for (var length = 0; length < body.Length; length += 7)
        {
            Assert.Throws<InvalidDataException>(() => Check(body[..length], [A, B], 3));
        }
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Check_BytesFlippedAnywhere_NeverDoesWorseThanRefuse()
    {
        // Either the flip is refused, or it hit a cell and the batch is still well formed; nothing else may be thrown.
        var body = await Batch(1, 5, 9);
        for (var position = 0; position < body.Length; position++)
        {
            var altered = body.ToArray();
            altered[position] ^= 0x55;
            try
            {
                Check(altered, [A, B], 3);
            }
            catch (InvalidDataException)
            {
                // Refused by name.
            }
        }
    }

    [Fact]
    public async Task Check_AnotherCount_IsRefused() =>
        Assert.Contains("3 rows where 4",
            (await Assert.ThrowsAsync<InvalidDataException>(async () => Check(await Batch(1, 5, 9), [A, B], 4))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Check_OtherColumns_IsRefused()
    {
        var body = await Batch(1);
        foreach (var columns in new string[][] { [A], [B, A], [A, B, A], [A, new string('c', 32)] })
        {
            Assert.Contains("other columns", (Assert.Throws<InvalidDataException>(() => Check(body, columns, 1))).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Check_RepeatedOrUnsortedTokens_IsRefused()
    {
        foreach (var body in new[] { await Batch(1, 1), await Batch(2, 1) })
        {
            Assert.Contains("repeated or not sorted", (Assert.Throws<InvalidDataException>(() => Check(body, [A, B], 2))).Message, StringComparison.Ordinal);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
