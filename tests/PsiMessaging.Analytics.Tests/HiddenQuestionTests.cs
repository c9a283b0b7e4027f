using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Analytics.Hidden;
using PsiMessaging.Batches;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Analytics.Tests;

/// <summary>The parties' parts of a question over a hidden intersection; with the linker they stand in Protocols.Tests.</summary>
public sealed class HiddenQuestionTests
{
    private static readonly byte[] Transcript = SHA256.HashData("a session"u8);
    private static readonly HiddenShape Shape = new(300, 200, 3, 2, 32);

    private static SecretBytes Secret(string name) => SecretBytes.CopyOf(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(name)));

    private static HiddenQuestion Question(HiddenShape? shape = null, string key = "K", byte[]? transcript = null, string id = "1",
        long counter = 1, string asker = "P1", string text = "count", string layout = "1")
    {
        using var shared = Secret(key);
        return new HiddenQuestion(shape ?? Shape, shared, transcript ?? Transcript, id, counter, asker, text, layout);
    }

    private static BlockBuffer Keys(int count)
    {
        var keys = new BlockBuffer(count);
        using var stream = new Aes128(new byte[16]);
        stream.Counter(1, keys.Span);
        return keys;
    }

    /// <summary>Masks under one key over two questions would give the linker the difference of their rows.</summary>
    [Fact]
    public void Key_OfQuestionsThatDifferInAnything_IsAnother()
    {
        HiddenQuestion[] questions =
        [
            Question(), Question(Shape with { AskerRecords = 301 }), Question(Shape with { ContributorRecords = 201 }), Question(Shape with { P = 4 }),
            Question(Shape with { Q = 3 }), Question(Shape with { WordBits = 33 }), Question(key: "L"), Question(transcript: SHA256.HashData("b"u8)),
            Question(id: "2"), Question(counter: 2), Question(asker: "P2"), Question(text: "count by A"), Question(layout: "2"),
        ];
        Assert.Equal(questions.Length, questions.Select(question => Convert.ToHexString(question.Key)).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(Question().Key, Question().Key);
    }

    [Fact]
    public void Deal_GivesAProductOfTwoSharesAndTheSameBytesAgain()
    {
        using var keys = Keys(Shape.AskerRecords);
        using var secret = Secret("asker");
        using var asker = new HiddenAsker(Question(), keys, secret, Cores.One);
        var (dealt, again) = (asker.Deal(), asker.Deal());
        Assert.Equal(dealt.ToLinker, again.ToLinker);
        Assert.Equal(dealt.SharesToContributor, again.SharesToContributor);

        var key = Question().Key;
        Assert.Equal(key, dealt.ToLinker[..16]);
        ulong[] u = Words(dealt.ToLinker[16..48], 200 * 3), v = Words(dealt.SeedToContributor, 200 * 2), product = new ulong[6];
        ColumnProducts.Add(u, 3, v, 2, 200, product);
        var shares = ShareMessages.Read(Shape, dealt.SharesToContributor);
        ColumnProducts.AddTo(shares, Words(dealt.ToLinker[48..], 6));
        PackedWords.Cut(shares, 32);
        PackedWords.Cut(product, 32);
        Assert.Equal(product, shares);

        ulong[] Words(byte[] seed, int count)
        {
            using var bytes = SecretBytes.CopyOf(seed);
            using var stream = TripleStream.Open(bytes, key);
            var words = new ulong[count];
            stream.Fill(0, words);
            return words;
        }
    }

    /// <summary>A dealer that deals one seed for two questions does not let the linker see the difference of their rows.</summary>
    [Fact]
    public void Mask_OneSeedForTwoQuestions_IsAnother()
    {
        using var keys = Keys(Shape.ContributorRecords);
        using var secret = Secret("contributor");
        var (words, shares) = (new ulong[200 * 2], ShareMessages.Write(Shape, new ulong[6]));
        using var first = new HiddenContributor(Question(), keys, secret, new byte[32], shares);
        using var second = new HiddenContributor(Question(counter: 2), keys, secret, new byte[32], shares);
        Assert.Empty(PackedRows.Read(first.Mask(0, words), 200, 2, 32).Intersect(PackedRows.Read(second.Mask(0, words), 200, 2, 32)));
        Assert.NotEqual(first.CoverSeed, second.CoverSeed);
    }

    [Fact]
    public void Mask_OfTheAsker_IsItsWordsAndTheMasksOfItsKeys()
    {
        using var keys = Keys(Shape.AskerRecords);
        using var secret = Secret("asker");
        using var asker = new HiddenAsker(Question(), keys, secret, Cores.One);
        var words = Enumerable.Range(0, 900).Select(i => (ulong)i << 25).ToArray();
        var masked = PackedRows.Read(asker.Mask(0, words), 300, 3, 32);
        using var mask = new RecordMask(Question().Key);
        var masks = new ulong[900];
        mask.Fill(keys.Span, 3, masks);
        ColumnProducts.SubtractFrom(masked, masks);
        PackedWords.Cut(masked, 32);
        PackedWords.Cut(words, 32);
        Assert.Equal(words, masked);
    }

    [Fact]
    public void Messages_ThatDoNotFit_AreRefusedByName()
    {
        using var keys = Keys(Shape.ContributorRecords);
        using var secret = Secret("contributor");
        var (shares, rows) = (ShareMessages.Write(Shape, new ulong[6]), new byte[200 * 12]);
        AssertRefused("seed of a question's triple", () => new HiddenContributor(Question(), keys, secret, new byte[31], shares));
        AssertRefused("shares of a product", () => new HiddenContributor(Question(), keys, secret, new byte[32], []));
        AssertRefused("shares of a product", () => new HiddenContributor(Question(), keys, secret, new byte[32], [shares[0][1..]]));
        using var party = new HiddenContributor(Question(), keys, secret, new byte[32], shares);
        AssertRefused("missing", () => party.Finish());
        AssertRefused("aligned rows", () => party.TakeAligned(0, rows.AsSpan(1), new ulong[400]));
        AssertRefused("aligned rows", () => party.TakeAligned(0, [.. rows, 0], new ulong[400]));
        AssertRefused("aligned rows", () => party.TakeAligned(1, rows, new ulong[400]));
        AssertRefused("aligned rows", () => party.TakeAligned(-1, rows, new ulong[400]));
        party.TakeAligned(0, rows, new ulong[400]);
        AssertRefused("twice", () => party.TakeAligned(0, rows, new ulong[400]));
        Assert.Single(party.Finish());
        AssertRefused("out of its range", () => Question(Shape with { WordBits = 65 }));
        using var few = Keys(7);
        Assert.Throws<ArgumentException>(() => new HiddenAsker(Question(), few, secret, Cores.One));
        Assert.Throws<ArgumentOutOfRangeException>(() => new HiddenContributor(Question(), few, secret, new byte[32], shares));
    }

    private static void AssertRefused(string name, Action body) =>
        Assert.Contains(name, Assert.Throws<InvalidDataException>(body).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(24, 9)]
    [InlineData(32, 5)]
    [InlineData(61, 3)]
    [InlineData(64, 7)]
    public void PackedRows_AnyWidth_ComeBack(int bits, int columns)
    {
        var words = new ulong[100 * columns];
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(words.AsSpan()).Fill(0xA5);
        words.AsSpan(columns).Fill(0x0123_4567_89AB_CDEF);
        var packed = PackedRows.Write(words, 100, columns, bits);
        Assert.Equal(100 * PackedWords.SizeBytes(columns, bits), packed.Length);
        var read = PackedRows.Read(packed, 100, columns, bits);
        PackedWords.Cut(words, bits);
        Assert.Equal(words, read);
        var inOrder = new ulong[words.Length];
        PackedRows.ReadInOrder(PackedRows.WriteInOrder(words, columns, bits), columns, bits, inOrder);
        Assert.Equal(words, inOrder);
    }

    /// <summary>Two words of one block are the two halves of it: the mask of a record with more columns begins as that with fewer.</summary>
    [Fact]
    public void Masks_OfMoreColumns_BeginAsThoseOfFewer()
    {
        using var mask = new RecordMask(new byte[16]);
        Vector128<byte>[] key = [Vector128.Create((byte)7)];
        ulong[] three = new ulong[3], eight = new ulong[8];
        mask.Fill(key, 3, three);
        mask.Fill(key, 8, eight);
        Assert.Equal(three, eight[..3]);
        Assert.Equal(8, eight.Distinct().Count());
    }
}
