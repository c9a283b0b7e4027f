using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using CsCheck;
using Org.BouncyCastle.Crypto.Digests;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Tests.Symmetric;

public sealed class Aes128Tests
{
    private static Vector128<byte> Block(string hex) => Vector128.Create<byte>(Convert.FromHexString(hex));

    private static Vector128<byte>[] Random(int count)
    {
        var bytes = RandomNumberGenerator.GetBytes(16 * count);
        return [.. Enumerable.Range(0, count).Select(i => Vector128.Create<byte>(bytes.AsSpan(16 * i, 16)))];
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Encrypt_Fips197AppendixC1_GivesTheCiphertext(bool accelerated)
    {
        using var aes = new Aes128(Convert.FromHexString("000102030405060708090a0b0c0d0e0f"), accelerated && Aes128.IsAccelerated);
        var output = new Vector128<byte>[1];
        aes.Encrypt([Block("00112233445566778899aabbccddeeff")], output);
        Assert.Equal(Block("69c4e0d86a7b0430d8cdb78070b4c55a"), output[0]);
    }

    [Fact]
    public void EveryFunction_OnBothPaths_GivesTheSame() => Gen.Int[0, 200].Sample(count =>
    {
        var (key, other, input) = (RandomNumberGenerator.GetBytes(16), RandomNumberGenerator.GetBytes(16), Random(count));
        using var fast = new Aes128(key, Aes128.IsAccelerated);
        using var slow = new Aes128(key, accelerated: false);
        using var fastRight = new Aes128(other, Aes128.IsAccelerated);
        using var slowRight = new Aes128(other, accelerated: false);
        Vector128<byte>[] one = new Vector128<byte>[count], two = new Vector128<byte>[count];
        fast.Hash(input, one);
        slow.Hash(input, two);
        Assert.Equal(two, one);
        fast.Encrypt(input, one);
        Assert.Equal(input.Zip(one, (z, c) => z ^ c), two);

        // In place, and as a counter from any place.
        var place = input.ToArray();
        fast.Hash(place, place);
        Assert.Equal(two, place);
        fast.Counter(1UL << 33, one);
        slow.Counter(1UL << 33, two);
        Assert.Equal(two, one);

        if (count > 0)
        {
            Assert.Equal(slow.TweakedHash(input[0], 77), fast.TweakedHash(input[0], 77));
            foreach (var width in new[] { 2 * count, (2 * count) - 1 })
            {
                Vector128<byte>[] a = new Vector128<byte>[width], b = new Vector128<byte>[width];
                var sums = Aes128.Double(fast, fastRight, input, a);
                Assert.Equal(Aes128.Double(slow, slowRight, input, b), sums);
                Assert.Equal(b, a);
                Assert.Equal(input.SelectMany(z => new[] { slow.Hash(z), slowRight.Hash(z) }).Take(width), a);
            }
        }

        var keys = Random(count);
        Aes128.HashUnderKeys(keys, input, one, Aes128.IsAccelerated);
        Aes128.HashUnderKeys(keys, input, two, accelerated: false);
        Assert.Equal(two, one);
    }, iter: 40);

    [Fact]
    public void TweakedHash_AsThePaperHasIt()
    {
        using var aes = new Aes128(RandomNumberGenerator.GetBytes(16));
        var z = Random(1)[0];
        var p = new Vector128<byte>[1];
        aes.Encrypt([z], p);
        var once = p[0];
        aes.Encrypt([once ^ Vector128.Create(5UL, 0).AsByte()], p);
        Assert.Equal(p[0] ^ once, aes.TweakedHash(z, 5));
    }

    /// <summary>RFC 7693 appendix A.</summary>
    [Fact]
    public void ItemHash_WithoutPersonalisation_IsBlake2bOfTheRfc()
    {
        var hash = new byte[64];
        ItemHash.Compute("abc"u8, default, default, hash);
        Assert.Equal("BA80A53F981C4D0D6A2797B69F12F6E94C212F14685AC4B74B12BB6FDBFFA2D17D87C5392AAB792DC252D5DE4533CC9518D38AA8DBF1925AB92386EDD4009923",
            Convert.ToHexString(hash));
    }

    [Fact]
    public void ItemHash_IsBlake2b256UnderItsPersonalisationAndTheSessionsSalt() =>
        Gen.Select(Gen.Byte.Array[0, 300], Gen.Byte.Array[32]).Sample((message, transcript) =>
    {
        var (hash, expected) = (new byte[32], new byte[32]);
        ItemHash.Compute(message, ItemHash.SaltOf(transcript), hash);
        var digest = new Blake2bDigest(null, 32, System.Security.Cryptography.SHA256.HashData(transcript)[..16], DomainTags.VoleItem.ToArray());
        digest.BlockUpdate(message, 0, message.Length);
        digest.DoFinal(expected, 0);
        Assert.Equal(expected, hash);
    }, iter: 50);
}
