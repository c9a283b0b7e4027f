using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using CsCheck;

namespace PsiMessaging.Batches.Tests;

/// <summary>Words packed without gaps, held to one large number that they are the digits of.</summary>
public class PackedWordsTests
{
    [Fact]
    public void Packed_AnyWidthAndNumber_IsTheNumberWithTheseDigits() =>
        Gen.Select(Gen.Int[1, 64], Gen.Int[0, 200]).Sample((bits, count) =>
        {
            var words = new ulong[count];
            RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(words.AsSpan()));
            var packed = new byte[PackedWords.SizeBytes(count, bits)];
            PackedWords.Write(words, bits, packed);
            var expected = BigInteger.Zero;
            for (var i = count - 1; i >= 0; i--)
            {
                expected = (expected << bits) | (words[i] & PackedWords.Mask(bits));
            }

            Assert.Equal(expected, new BigInteger(packed, isUnsigned: true));
            var read = new ulong[count];
            PackedWords.Read(packed, bits, read);
            PackedWords.Cut(words, bits);
            Assert.Equal(words, read);
        }, iter: 2000);

    [Fact]
    public void OtherLength_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => PackedWords.Read(new byte[5], 21, new ulong[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => PackedWords.Write(new ulong[2], 21, new byte[7]));
    }
}
