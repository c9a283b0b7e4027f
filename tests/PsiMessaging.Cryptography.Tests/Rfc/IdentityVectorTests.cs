using System.Text.Json;
using PsiMessaging.Cryptography.Identities;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Cryptography.Tests.Vectors;

namespace PsiMessaging.Cryptography.Tests.Rfc;

/// <summary>Published vectors of the identity keys.</summary>
public class IdentityVectorTests
{
    /// <summary>RFC 8032 section 7.1, TEST 1 to 3: secret, public, message, signature.</summary>
    [Theory]
    [InlineData("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    public void Ed25519_Rfc8032Section71(string secret, string publicKey, string message, string signature)
    {
        using var key = new SigningKey(SecretBytes.CopyOf(Convert.FromHexString(secret)));
        Assert.Equal(publicKey, Convert.ToHexStringLower(key.PublicKey));
        Assert.Equal(signature, Convert.ToHexStringLower(key.Sign(Convert.FromHexString(message))));
        Assert.True(SigningKey.Verify(key.PublicKey, Convert.FromHexString(message), Convert.FromHexString(signature)));
    }

    /// <summary>Wycheproof, EdDSA verification over edwards25519: every case.</summary>
    [Fact]
    public void Ed25519_Wycheproof()
    {
        var (valid, invalid) = (0, 0);
        foreach (var group in VectorFile.Load("wycheproof-ed25519.json").GetProperty("testGroups").EnumerateArray())
        {
            var publicKey = group.GetProperty("key").Hex("pk");
            foreach (var test in group.GetProperty("tests").EnumerateArray())
            {
                var expected = test.GetProperty("result").GetString() == "valid";
                Assert.True(expected == SigningKey.Verify(publicKey, test.Hex("msg"), test.Hex("sig")), $"tcId {test.GetProperty("tcId")}");
                (valid, invalid) = expected ? (valid + 1, invalid) : (valid, invalid + 1);
            }
        }

        Assert.Equal((84, 61), (valid, invalid));
    }

    /// <summary>RFC 7748 section 5.2, both vectors.</summary>
    [Theory]
    [InlineData("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")]
    [InlineData("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957")]
    public void X25519_Rfc7748Section52(string scalar, string element, string result) =>
        Assert.Equal(result, Convert.ToHexStringLower(AgreementKey.ScalarMult(Convert.FromHexString(scalar), Convert.FromHexString(element))));

    /// <summary>Wycheproof, X25519: every case agrees; an all-zero result (a point of small order) is refused by the agreement.</summary>
    [Fact]
    public void X25519_Wycheproof()
    {
        var (agreed, refused) = (0, 0);
        foreach (var test in VectorFile.Load("wycheproof-x25519.json").EnumerateArray())
        {
            var shared = test.Hex("shared");
            Assert.Equal(Convert.ToHexStringLower(shared), Convert.ToHexStringLower(AgreementKey.ScalarMult(test.Hex("private"), test.Hex("public"))));
            using var key = new AgreementKey(SecretBytes.CopyOf(test.Hex("private")));
            using var result = key.TryAgree(test.Hex("public"));
            var zero = shared.All(octet => octet == 0);
            Assert.True(zero == result is null, $"tcId {test.GetProperty("tcId")}");
            (agreed, refused) = zero ? (agreed, refused + 1) : (agreed + 1, refused);
        }

        Assert.True(agreed > 50 && refused > 5, $"{agreed} agreed, {refused} refused");
    }

    [Fact]
    public void Agreement_EitherSide_DerivesTheSameKey()
    {
        using var one = new AgreementKey(SecretBytes.Random(32));
        using var two = new AgreementKey(SecretBytes.Random(32));
        using var fromOne = one.TryAgree(two.PublicKey);
        using var fromTwo = two.TryAgree(one.PublicKey);
        Assert.Equal(fromOne!.Span, fromTwo!.Span);
        Assert.Null(one.TryAgree(new byte[31]));
    }
}
