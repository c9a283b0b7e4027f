using System.Runtime.InteropServices;
using CsCheck;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Tests.Symmetric;

public class WordStreamTests
{
    /// <summary>NIST SP 800-38A, F.5.5 CTR-AES256.Encrypt: the output blocks are the ciphertext XOR the plaintext.</summary>
    [Fact]
    public void CounterMode_Sp80038aF55_GivesThePublishedOutputBlocks()
    {
        var key = Convert.FromHexString("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        using var stream = new WordStream(key, new UInt128(0xf0f1f2f3f4f5f6f7, 0xf8f9fafbfcfdfeff));
        var words = new ulong[8];
        stream.Fill(0, words);
        Assert.Equal(
            "0bdf7df1591716335e9a8b15c860c502" + "5a6e699d536119065433863c8f657b94" + "1bc12c9c01610d5d0d8bd6a3378eca62" + "2956e1c8693536b1bee99c73a31576b6",
            Convert.ToHexStringLower(MemoryMarshal.AsBytes<ulong>(words)));
    }

    [Fact]
    public void Fill_AnyPieces_AreTheSameSequence()
    {
        using var key = SecretBytes.Random(WordStream.KeySizeBytes);
        using var stream = new WordStream(key);
        var whole = new ulong[40_000];
        stream.Fill(0, whole);
        Gen.Select(Gen.Int[0, 30_000], Gen.Int[0, 9_000]).Sample((first, count) =>
        {
            using var other = new WordStream(key);
            var piece = new ulong[count];
            other.Fill(first, piece);
            Assert.True(piece.AsSpan().SequenceEqual(whole.AsSpan(first, count)));
        }, iter: 300);
    }
}
