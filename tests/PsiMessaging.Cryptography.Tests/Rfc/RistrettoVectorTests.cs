using System.Text;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Cryptography.Ristretto;

namespace PsiMessaging.Cryptography.Tests.Rfc;

/// <summary>Published vectors of ristretto255 and its hash-to-group.</summary>
public class RistrettoVectorTests
{
    /// <summary>RFC 9496 appendix A.1: the first multiples of the generator, from 1 on.</summary>
    internal static readonly string[] Multiples =
    [
        "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76", "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
        "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259", "da80862773358b466ffadfe0b3293ab3d9fd53c5ea6c955358f568322daf6a57",
        "e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e", "f64746d3c92b13050ed8d80236a7f0007c3b3f962f5ba793d19a601ebb1df403",
        "44f53520926ec81fbd5a387845beb7df85a96a24ece18738bdcfa6a7822a176d", "903293d8f2287ebe10e2374dc1a53e0bc887e592699f02d077d5263cdd55601c",
        "02622ace8f7303a31cafc63f8fc48fdc16e1c8c8d234b2f0d6685282a9076031", "20706fd788b2720a1ed2a5dad4952b01f413bcf0e7564de8cdc816689e2db95f",
        "bce83f8ba5dd2fa572864c24ba1810f9522bc6004afe95877ac73241cafdab42", "e4549ee16b9aa03099ca208c67adafcafa4c3f3e4e5303de6026e3ca8ff84460",
        "aa52e000df2e16f55fb1032fc33bc42742dad6bd5a8fc0be0167436c5948501f", "46376b80f409b29dc2b5f6f0c52591990896e5716f41477cd30085ab7f10301e",
        "e0c418f7c8d9c4cdd7395b93ea124f3ad99021bb681dfc3302a9d99a2e53e64e",
    ];

    /// <summary>RFC 9496 appendix A.1: the first multiples of the generator.</summary>
    [Fact]
    public void Multiply_Rfc9496A1()
    {
        var product = new byte[32];
        for (var i = 0; i < Multiples.Length; i++)
        {
            var factor = new byte[32];
            factor[0] = (byte)(i + 1);
            using var scalar = RistrettoScalar.FromBytes(factor);
            Assert.True(scalar.TryMultiply(Convert.FromHexString(Multiples[0]), product));
            Assert.Equal(Multiples[i], Convert.ToHexStringLower(product));
        }
    }

    /// <summary>RFC 9496 appendix A.2: encodings that must be refused, by kind.</summary>
    public static TheoryData<string> BadEncodings =>
    [
        "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
        "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
        "c940e5a4404157cfb1628b108db051a8d439e1a421394ec4ebccb9ec92a8ac78",
        "47cfc5497c53dc8e61c91d17fd626ffb1c49e2bca94eed052281b510b1117a24",
        "f1c6165d33367351b0da8f6e4511010c68174a03b6581212c71c0e1d026c3c72",
        "87260f7a2f12495118360f02c26a470f450dadf34a413d21042b43b9d93e1309",
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
        "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
        "de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad7b",
        "bcab477be20861e01e4a0e295284146a510150d9817763caf1a6f4b422d67042",
        "2a292df7e32cababbd9de088d1d1abec9fc0440f637ed2fba145094dc14bea08",
        "f4a9e534fc0d216c44b218fa0c42d99635a0127ee2e53c712f70609649fdff22",
        "8268436f8c4126196cf64b3c7ddbda90746a378625f9813dd9b8457077256731",
        "2810e5cbc2cc4d4eece54f61c6f69758e289aa7ab440b3cbeaa21995c2f4232b",
        "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
        "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
        "d483fe813c6ba647ebbfd3ec41adca1c6130c2beeee9d9bf065c8d151c5f396e",
        "32888462f8b486c68ad7dd9610be5192bbeaf3b443951ac1a8118419d9fa097b",
        "445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];

    [Theory]
    [MemberData(nameof(BadEncodings))]
    public void BadEncoding_IsRefused_Rfc9496A2(string encoding)
    {
        using var scalar = RistrettoScalar.FromBytes([7, .. new byte[31]]);
        Assert.False(scalar.TryMultiply(Convert.FromHexString(encoding), new byte[32]));
    }

    /// <summary>RFC 9496 appendix A.1, multiple 0: a valid encoding, but of an element that hides nothing.</summary>
    [Fact]
    public void Identity_IsRefused()
    {
        using var scalar = RistrettoScalar.FromBytes([7, .. new byte[31]]);
        Assert.False(scalar.TryMultiply(new byte[32], new byte[32]));
    }

    /// <summary>RFC 9496 appendix A.3: uniform bytes to an element.</summary>
    public static TheoryData<string, string> Mapped => new()
    {
        {
            "5d1be09e3d0c82fc538112490e35701979d99e06ca3e2b5b54bffe8b4dc772c14d98b696a1bbfb5ca32c436cc61c16563790306c79eaca7705668b47dffe5bb6",
            "3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46"
        },
        {
            "f116b34b8f17ceb56e8732a60d913dd10cce47a6d53bee9204be8b44f6678b270102a56902e2488c46120e9276cfe54638286b9e4b3cdb470b542d46c2068d38",
            "f26e5b6f7d362d2d2a94c5d0e7602cb4773c95a2e5c31a64f133189fa76ed61b"
        },
        {
            "8422e1bbdaab52938b81fd602effb6f89110e1e57208ad12d9ad767e2e25510c27140775f9337088b982d83d7fcf0b2fa1edffe51952cbe7365e95c86eaf325c",
            "006ccd2a9e6867e6a2c5cea83d3302cc9de128dd2a9a57dd8ee7b9d7ffe02826"
        },
        {
            "ac22415129b61427bf464e17baee8db65940c233b98afce8d17c57beeb7876c2150d15af1cb1fb824bbd14955f2b57d08d388aab431a391cfc33d5bafb5dbbaf",
            "f8f0c87cf237953c5890aec3998169005dae3eca1fbb04548c635953c817f92a"
        },
    };

    [Theory]
    [MemberData(nameof(Mapped))]
    public unsafe void FromUniformBytes_Rfc9496A3(string uniform, string element)
    {
        var result = new byte[32];
        fixed (byte* to = result, from = Convert.FromHexString(uniform))
        {
            Assert.Equal(0, Libsodium.crypto_core_ristretto255_from_hash(to, from));
        }

        Assert.Equal(element, Convert.ToHexStringLower(result));
    }

    /// <summary>RFC 9380 appendix K.3: expand_message_xmd with SHA-512.</summary>
    [Theory]
    [InlineData("", 0, "6b9a7312411d92f921c6f68ca0b6380730a1a4d982c507211a90964c394179ba")]
    [InlineData("abc", 0, "0da749f12fbe5483eb066a5f595055679b976e93abe9be6f0f6318bce7aca8dc")]
    [InlineData("abcdef0123456789", 0, "087e45a86e2939ee8b91100af1583c4938e0f5fc6c9db4b107b83346bc967f58")]
    [InlineData("q128_", 'q', "7336234ee9983902440f6bc35b348352013becd88938d2afec44311caf8356b3")]
    [InlineData("a512_", 'a', "57b5f7e766d5be68a6bfe1768e3c2b7f1228b3e4b3134956dd73a59b954c66f4")]
    [InlineData("abc", 0,
        "7f1dddd13c08b543f2e2037b14cefb255b44c83cc397c1786d975653e36a6b11bdd7732d8b38adb4a0edc26a0cef4bb45217135456e58fbca1703cd6032cb1347ee720b87972d63fbf2325"
            + "87043ed2901bce7f22610c0419751c065922b488431851041310ad659e4b23520e1772ab29dcdeb2002222a363f0c2b1c972b3efe1")]
    public void ExpandMessage_Rfc9380K3(string message, int padding, string uniform)
    {
        // The long messages are q128_ and 128 times q, a512_ and 512 times a.
        var full = padding == 0 ? message : message + new string((char)padding, padding == 'q' ? 128 : 512);
        var output = new byte[uniform.Length / 2];
        RistrettoGroup.ExpandMessage("QUUX-V01-CS02-with-expander-SHA512-256"u8, Encoding.ASCII.GetBytes(full), output);
        Assert.Equal(uniform, Convert.ToHexStringLower(output));
    }

    /// <summary>RFC 9497 appendix A.1, suite ristretto255-SHA512: Blind is HashToGroup and a multiplication, BlindEvaluate another multiplication.</summary>
    [Theory]
    [InlineData(0, "5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e", "00",
        "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c", "7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e")]
    [InlineData(0, "5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e", "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
        "da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418", "b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25")]
    [InlineData(1, "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909", "00",
        "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945", "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e")]
    [InlineData(1, "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909", "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
        "cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c", "60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468")]
    public void HashToGroup_Rfc9497A1(int mode, string key, string input, string blinded, string evaluated)
    {
        byte[] tag = [.. "HashToGroup-OPRFV1-"u8, (byte)mode, .. "-ristretto255-SHA512"u8];
        using var blind = RistrettoScalar.FromBytes(Convert.FromHexString("64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706"));
        using var server = RistrettoScalar.FromBytes(Convert.FromHexString(key));
        var (element, masked, twice) = (new byte[32], new byte[32], new byte[32]);
        RistrettoGroup.HashToGroup(tag, Convert.FromHexString(input), element);
        Assert.True(blind.TryMultiply(element, masked));
        Assert.Equal(blinded, Convert.ToHexStringLower(masked));
        Assert.True(server.TryMultiply(masked, twice));
        Assert.Equal(evaluated, Convert.ToHexStringLower(twice));
    }

    [Fact]
    public void Scalars_CommuteAndRepeat()
    {
        using var seed = SecretBytes.Random(32);
        using var a = RistrettoScalar.Derive(seed, "a"u8);
        using var again = RistrettoScalar.Derive(seed, "a"u8);
        using var b = RistrettoScalar.Derive(seed, "b"u8);
        Assert.True(a.Span.SequenceEqual(again.Span));
        Assert.False(a.Span.SequenceEqual(b.Span));
        byte[] element = new byte[32], left = new byte[32], right = new byte[32];
        RistrettoGroup.HashToGroup("tag"u8, "item"u8, element);
        Assert.True(a.TryMultiply(element, left) && b.TryMultiply(left, left));
        Assert.True(b.TryMultiply(element, right) && a.TryMultiply(right, right));
        Assert.Equal(left, right);
        Assert.False(a.TryMultiply(element.AsSpan(0, 31), right));
        Assert.Throws<System.Security.Cryptography.CryptographicException>(() => RistrettoScalar.FromBytes(new byte[32]));
    }
}

/// <summary>Published vectors of SipHash-2-4 with 128-bit output.</summary>
public class SipHashVectorTests
{
    /// <summary>The reference implementation's table: key 00..0f, message 00 01 .. of the given length.</summary>
    [Theory]
    [InlineData(0, "a3817f04ba25a8e66df67214c7550293")]
    [InlineData(1, "da87c1d86b99af44347659119b22fc45")]
    [InlineData(2, "8177228da4a45dc7fca38bdef60affe4")]
    [InlineData(3, "9c70b60c5267a94e5f33b6b02985ed51")]
    [InlineData(15, "5493e99933b0a8117e08ec0f97cfc3d9")]
    public void KeyedHash_IsSipHash24(int length, string expected)
    {
        using var hash = new KeyedHash([.. Enumerable.Range(0, 16).Select(i => (byte)i)]);
        Assert.Equal(UInt128.Parse(expected, System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture),
            hash.Compute([.. Enumerable.Range(0, length).Select(i => (byte)i)]));
    }
}
