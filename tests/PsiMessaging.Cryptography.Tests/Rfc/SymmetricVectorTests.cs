using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Tests.Rfc;

/// <summary>Published vectors of the symmetric primitives.</summary>
public class SymmetricVectorTests
{
    private const string Key = "0100000000000000000000000000000000000000000000000000000000000000";
    private const string Nonce = "030000000000000000000000";

    /// <summary>RFC 8452 appendix C.2, AEAD_AES_256_GCM_SIV: plaintext, associated data, result.</summary>
    [Theory]
    [InlineData("", "", "07f5f4169bbf55a8400cd47ea6fd400f")]
    [InlineData("0100000000000000", "", "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28")]
    [InlineData("010000000000000000000000", "", "9aab2aeb3faa0a34aea8e2b18ca50da9ae6559e48fd10f6e5c9ca17e")]
    [InlineData("01000000000000000000000000000000", "", "85a01b63025ba19b7fd3ddfc033b3e76c9eac6fa700942702e90862383c6c366")]
    [InlineData("0200000000000000", "01", "1de22967237a813291213f267e3b452f02d01ae33e4ec854")]
    public void AesGcmSiv_Rfc8452C2(string plaintext, string associatedData, string result)
    {
        var (key, nonce, data) = (Convert.FromHexString(Key), Convert.FromHexString(Nonce), Convert.FromHexString(associatedData));
        Assert.Equal(result, Convert.ToHexStringLower(DeterministicAead.Process(true, key, nonce, Convert.FromHexString(plaintext), data)));
        Assert.Equal(plaintext, Convert.ToHexStringLower(DeterministicAead.Process(false, key, nonce, Convert.FromHexString(result), data)));
    }

    /// <summary>RFC 5869 appendix A.1.</summary>
    [Fact]
    public void Hkdf_Rfc5869A1()
    {
        using var ikm = SecretBytes.CopyOf(Convert.FromHexString("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"));
        using var okm = ikm.Derive(Convert.FromHexString("000102030405060708090a0b0c"), Convert.FromHexString("f0f1f2f3f4f5f6f7f8f9"), 42);
        Assert.Equal("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865", Convert.ToHexStringLower(okm.Span));
    }

    /// <summary>
    /// FIPS 197 appendix C.3: the first block of the stream is AES-256 of the counter block; here of counter 0x8899aabbccddeeff under a zero upper half is not
    /// published, so the keystream is held against .NET's AES block by block.
    /// </summary>
    [Theory]
    [InlineData(0UL)]
    [InlineData(1UL)]
    [InlineData(0xFFFFFFFFUL)]
    public void SeededStream_IsAesOfTheCounter(ulong counter)
    {
        var key = Convert.FromHexString("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        using var stream = new SeededStream(key, counter);
        var bytes = new byte[48];
        stream.Fill(bytes);
        using var aes = System.Security.Cryptography.Aes.Create();
        aes.SetKey(key);
        for (var i = 0; i < 3; i++)
        {
            var block = new byte[16];
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(block.AsSpan(8), counter + (ulong)i);
            Assert.Equal(aes.EncryptEcb(block, System.Security.Cryptography.PaddingMode.None), bytes[(i * 16)..((i * 16) + 16)]);
        }
    }

    /// <summary>FIPS 197 appendix C.3 (AES-256): the block function under the stream is the standard one.</summary>
    [Fact]
    public void Aes256_Fips197C3()
    {
        using var aes = System.Security.Cryptography.Aes.Create();
        aes.SetKey(Convert.FromHexString("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
        Assert.Equal("8ea2b7ca516745bfeafc49904b496089",
            Convert.ToHexStringLower(aes.EncryptEcb(Convert.FromHexString("00112233445566778899aabbccddeeff"), System.Security.Cryptography.PaddingMode.None)));
    }
}
