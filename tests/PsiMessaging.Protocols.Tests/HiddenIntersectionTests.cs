using System.Buffers.Binary;
using System.Security.Cryptography;
using PsiMessaging.Batches;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Testing;

namespace PsiMessaging.Protocols.Tests;

/// <summary>The three sides of a hidden intersection against a plain set: sums over matched records, in both directions, and what each size does.</summary>
public sealed class HiddenIntersectionTests
{
    private static string[] Set(int first, int count) => [.. Enumerable.Range(first, count).Select(i => $"item {i * 7919L % 1_000_000_007L}")];

    /// <summary>A word of a record, from who it is: what a data set would have, reproducible.</summary>
    private static ulong Word(string item, int side, int column) =>
        BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{item}/{side}/{column}")));

    private static ulong[] Plain(string[][] sets, int asker, (int P, int Q) columns, int bits)
    {
        var sums = new ulong[columns.P * columns.Q];
        foreach (var item in sets[0].Intersect(sets[1], StringComparer.Ordinal))
        {
            for (var i = 0; i < columns.P; i++)
            {
                for (var j = 0; j < columns.Q; j++)
                {
                    sums[(i * columns.Q) + j] += Word(item, asker, i) * Word(item, 1 - asker, j);
                }
            }
        }

        PackedWords.Cut(sums, bits);
        return sums;
    }

    [Theory]
    [InlineData(0, 0, 0, false)]
    [InlineData(0, 5, 0, false)]
    [InlineData(5, 0, 0, true)]
    [InlineData(1, 1, 0, false)]
    [InlineData(1, 1, 1, false)]
    [InlineData(1, 1, 1, true)]
    [InlineData(700, 500, 0, true)]
    [InlineData(600, 600, 600, false)]
    [InlineData(3, 3000, 2, true)]
    [InlineData(3000, 3, 3, false)]
    [InlineData(2000, 1500, 777, true)]
    public async Task Ask_AnySizes_GivesTheSumsOfMatchedRecords(int first, int second, int common, bool dummies)
    {
        string[][] sets = [Set(0, first), Set(first - common, second)];
        using var run = new HiddenExchange(sets[0], sets[1], dummies ? DummyRule.Default : DummyRule.None);
        await run.SetUpAsync();
        Assert.Equal(common, sets[0].Intersect(sets[1], StringComparer.Ordinal).Count());
        Assert.InRange(run.Matched, common, common + (dummies ? DummyRule.Default.Dummies : 0));
        foreach (var (asker, bits) in new[] { (0, 64), (1, 32), (0, 24), (1, 61) })
        {
            Assert.Equal(Plain(sets, asker, (3, 2), bits), run.Ask(asker, (3, 2), bits, (side, position, column) => Word(sets[side][position], side, column)));
        }
    }
}
