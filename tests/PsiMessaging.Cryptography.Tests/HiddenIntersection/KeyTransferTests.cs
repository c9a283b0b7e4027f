using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Tests.HiddenIntersection;

/// <summary>The transfer of mask keys: the linker gets those of unmatched records and no others, and a linker that deviates is refused.</summary>
public sealed class KeyTransferTests
{
    private static readonly byte[] Transcript = SHA256.HashData("a session"u8);

    private static BlockBuffer Keys(int count)
    {
        var keys = new BlockBuffer(count);
        using var stream = new Aes128(new byte[16]);
        stream.Counter(1, keys.Span);
        return keys;
    }

    private static (KeyTransferSender Party, KeyTransferReceiver Linker) Open(int records, string name = "one")
    {
        using var mine = SecretBytes.CopyOf(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes("party " + name)));
        using var theirs = SecretBytes.CopyOf(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes("linker " + name)));
        return (new KeyTransferSender(mine, Transcript, isInitiator: true, records, Cores.One),
            new KeyTransferReceiver(theirs, Transcript, ofInitiator: true, records, Cores.One));
    }

    private static void Send(KeyTransferSender party, KeyTransferReceiver linker, int records, Func<int, bool> isMatched, Func<byte[], byte[]>? columns = null)
    {
        linker.TakeChoice(party.Choice);
        party.TakeOffer(linker.Offer);
        linker.Choose(isMatched);
        for (var i = 0; i < KeyTransfer.ExtensionCut(records).Batches; i++)
        {
            party.TakeColumns(i, columns is null ? linker.Columns(i) : columns(linker.Columns(i)));
        }

        party.TakeOpening(linker.Opening);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(1000)]
    [InlineData(70_000)]
    public void Finish_AnyRecords_GivesTheKeysOfUnmatchedOnesAlone(int records)
    {
        var (party, linker) = Open(records);
        using (party)
        using (linker)
        {
            using var keys = Keys(records);
            Send(party, linker, records, j => j % 3 == 1);
            for (var i = 0; i < KeyTransfer.KeysCut(records).Batches; i++)
            {
                linker.TakeKeys(i, party.Keys(i, keys));
            }

            using var got = linker.Finish();
            var wrong = Enumerable.Range(0, records).Count(j => got.Span[j] == keys.Span[j] == (j % 3 == 1));
            Assert.Equal(0, wrong);
        }
    }

    [Fact]
    public void Cover_OfARow_IsTheTweakableHash()
    {
        var session = SHA256.HashData("a transfer"u8);
        using var cipher = new Aes128(SHA256.HashData([.. DomainTags.HiddenTransferHash, .. session])[..16]);
        using var rows = Keys(2500);
        using var covered = new BlockBuffer(2500);
        KeyTransfer.Cover(session, rows.Span, 77, new Vector128<byte>[2500], covered.Span);
        Assert.Equal(Enumerable.Range(0, 2500).Select(j => cipher.TweakedHash(rows.Span[j], (ulong)(77 + j))), covered.Span.ToArray());
    }

    [Fact]
    public void Messages_OtherMatches_AreAsLongAndUniform()
    {
        const int Records = 20_000;
        var views = new List<byte[]>();
        foreach (var matched in new Func<int, bool>[] { _ => false, _ => true, j => j < 5 })
        {
            var (party, linker) = Open(Records);
            using (party)
            using (linker)
            {
                linker.TakeChoice(party.Choice);
                linker.Choose(matched);
                views.Add([.. Enumerable.Range(0, KeyTransfer.ExtensionCut(Records).Batches).SelectMany(linker.Columns)]);
            }
        }

        Assert.All(views, view => Assert.Equal(views[0].Length, view.Length));
        Assert.All(views, view => Assert.InRange(ChiSquare(view), 120, 390));
        Assert.NotEqual(views[0], views[1]);
    }

    /// <summary>Bytes: 255 degrees of freedom; beyond 390 by chance once in 10^7.</summary>
    private static double ChiSquare(ReadOnlySpan<byte> bytes)
    {
        var counts = new int[256];
        foreach (var value in bytes)
        {
            counts[value]++;
        }

        var expected = bytes.Length / 256.0;
        return counts.Sum(count => (count - expected) * (count - expected) / expected);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    [InlineData(20_479)]
    public void TakeOpening_AlteredColumns_IsRefusedAndNothingLeaves(int at)
    {
        const int Records = 1000;
        var (party, linker) = Open(Records);
        using (party)
        using (linker)
        {
            using var keys = Keys(Records);
            var fault = Assert.Throws<InvalidDataException>(() => Send(party, linker, Records, j => j % 2 == 0, columns =>
            {
                columns[at % columns.Length] ^= 4;
                return columns;
            }));
            Assert.Equal("the check of the key transfer failed", fault.Message);
            Assert.Throws<InvalidOperationException>(() => party.Keys(0, keys));
        }
    }

    [Fact]
    public void Take_WrongMessages_AreRefusedByName()
    {
        const int Records = 300;
        var (party, linker) = Open(Records);
        using (party)
        using (linker)
        {
            var notCanonical = linker.Offer;
            notCanonical.AsSpan().Fill(0xFF);
            AssertRefused("offer", () => party.TakeOffer(notCanonical));
            AssertRefused("offer", () => party.TakeOffer(new byte[32]));
            AssertRefused("offer", () => party.TakeOffer(linker.Offer.AsSpan(1)));
            AssertRefused("out of turn", () => party.TakeOpening(new byte[2064]));
            AssertRefused("out of turn", () => linker.TakeKeys(0, new byte[16 * Records]));
            AssertRefused("choice", () => linker.Choose(_ => false));
            AssertRefused("element", () => linker.TakeChoice(new byte[8192]));
            AssertRefused("element", () => linker.TakeChoice(party.Choice.AsSpan(32)));
            linker.TakeChoice(party.Choice);
            AssertRefused("twice", () => linker.TakeChoice(party.Choice));
            party.TakeOffer(linker.Offer);
            AssertRefused("twice", () => party.TakeOffer(linker.Offer));
            linker.Choose(_ => true);
            AssertRefused("columns", () => party.TakeColumns(0, linker.Columns(0).AsSpan(1)));
            AssertRefused("columns", () => party.TakeColumns(0, [.. linker.Columns(0), 0]));
            AssertRefused("columns", () => party.TakeColumns(1, linker.Columns(0)));
            AssertRefused("columns", () => party.TakeColumns(-1, linker.Columns(0)));
            AssertRefused("out of turn", () => party.TakeOpening(linker.Opening));
            party.TakeColumns(0, linker.Columns(0));
            AssertRefused("twice", () => party.TakeColumns(0, linker.Columns(0)));
            AssertRefused("failed", () => party.TakeOpening(linker.Opening.AsSpan(1)));
        }
    }

    private static void AssertRefused(string name, Action body) =>
        Assert.Contains(name, Assert.Throws<InvalidDataException>(body).Message, StringComparison.Ordinal);

    [Fact]
    public void Keys_OfAnotherSessionOrSide_AreOthers()
    {
        using var secret = SecretBytes.CopyOf(SHA256.HashData("s"u8));
        using var one = new KeyTransferSender(secret, Transcript, isInitiator: true, 10, Cores.One);
        using var again = new KeyTransferSender(secret, Transcript, isInitiator: true, 10, Cores.One);
        using var other = new KeyTransferSender(secret, Transcript, isInitiator: false, 10, Cores.One);
        using var later = new KeyTransferSender(secret, SHA256.HashData("another"u8), isInitiator: true, 10, Cores.One);
        Assert.Equal(one.Choice, again.Choice);
        Assert.Equal(3, new[] { one, other, later }.Select(party => Convert.ToHexString(party.Choice)).Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public void RecordMask_OfAKey_IsItsDefinition()
    {
        using var keys = Keys(1500);
        using var mask = new RecordMask(SHA256.HashData("q"u8).AsSpan(0, 16));
        using var cipher = new Aes128(SHA256.HashData("q"u8).AsSpan(0, 16));
        foreach (var columns in new[] { 1, 2, 5 })
        {
            var words = new ulong[1500 * columns];
            mask.Fill(keys.Span, columns, words);
            for (var place = 0; place < words.Length; place++)
            {
                var (column, i) = (place / 1500, place % 1500);
                var block = cipher.Hash(keys.Span[i] ^ Vector128.Create((ulong)(column / 2), 0UL).AsByte());
                Assert.Equal(MemoryMarshal.Cast<Vector128<byte>, ulong>(new ReadOnlySpan<Vector128<byte>>(in block))[column % 2], words[place]);
            }
        }
    }

    [Fact]
    public void IdentityKeys_DependOnBothValuesAndThePurpose()
    {
        using BlockBuffer first = Keys(3), second = Keys(3);
        second.Span[1] = first.Span[0];
        first.Span[1] = first.Span[0];
        first.Span[2] = first.Span[0];
        second.Span[0] = first.Span[0];
        var (tokens, mine, theirs) = IdentityKeys.Derive(Transcript, first, second, Cores.One);
        using (tokens)
        using (mine)
        using (theirs)
        {
            Assert.Equal(tokens.Span[0], tokens.Span[1]);
            Assert.NotEqual(tokens.Span[0], tokens.Span[2]);
            Assert.NotEqual(Vector128<byte>.Zero, tokens.Span[0]);
            Assert.Equal(3, new[] { tokens.Span[0], mine.Span[0], theirs.Span[0] }.Distinct().Count());
        }

        var (others, _, _) = IdentityKeys.Derive(SHA256.HashData("another"u8), first, second, Cores.One);
        Assert.NotEqual(Vector128<byte>.Zero, others.Span[0]);
        using (others)
        {
            var (same, _, _) = IdentityKeys.Derive(Transcript, first, second, Cores.One);
            Assert.NotEqual(same.Span[0], others.Span[0]);
            same.Dispose();
        }
    }
}
