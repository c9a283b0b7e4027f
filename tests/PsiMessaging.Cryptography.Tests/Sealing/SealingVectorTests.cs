using System.Globalization;
using System.Text;
using System.Text.Json;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Cryptography.Tests.Vectors;

namespace PsiMessaging.Cryptography.Tests.Sealing;

/// <summary>
/// ML-KEM-768 against NIST's vectors for FIPS 203 (ACVP), X-Wing against its draft's appendix C, HPKE's key schedule, sealing and exporting against RFC 9180
/// (the test vectors published beside it as JSON, mode base, X25519 with HKDF-SHA-256 and AES-256-GCM, which its appendix A does not print: the schedule takes
/// the shared secret of any key encapsulation).
/// </summary>
public class SealingVectorTests
{
    private static readonly JsonElement Lattice = VectorFile.Load("acvp-ml-kem-768.json");
    private static readonly JsonElement Hybrid = VectorFile.Load("x-wing-appendix-c.json");
    private static readonly JsonElement Hpke = VectorFile.Load("rfc9180-base-aes-256-gcm.json");

    [Fact]
    public void KeyGeneration_Fips203()
    {
        Assert.Equal(3, Lattice.GetProperty("keyGen").GetArrayLength());
        foreach (var vector in Lattice.GetProperty("keyGen").EnumerateArray())
        {
            Assert.Equal(vector.Hex("ek"), MlKem768.FromSeed([.. vector.Hex("d"), .. vector.Hex("z")]).GetPublicKeyEncoded());
        }
    }

    [Fact]
    public void Encapsulation_Fips203()
    {
        Assert.Equal(3, Lattice.GetProperty("encapsulation").GetArrayLength());
        foreach (var vector in Lattice.GetProperty("encapsulation").EnumerateArray())
        {
            var ciphertext = new byte[MlKem768.CiphertextSizeBytes];
            using var secret = MlKem768.TryEncapsulate(vector.Hex("ek"), vector.Hex("m"), ciphertext);
            Assert.Equal(vector.Hex("c"), ciphertext);
            Assert.Equal(vector.Hex("k"), secret!.Span.ToArray());
        }
    }

    /// <summary>Among them ciphertexts that nobody made: implicit rejection gives the published secret.</summary>
    [Fact]
    public void Decapsulation_Fips203()
    {
        Assert.Equal(3, Lattice.GetProperty("decapsulation").GetArrayLength());
        foreach (var vector in Lattice.GetProperty("decapsulation").EnumerateArray())
        {
            var key = Org.BouncyCastle.Crypto.Parameters.MLKemPrivateKeyParameters.FromEncoding(
                Org.BouncyCastle.Crypto.Parameters.MLKemParameters.ml_kem_768, vector.Hex("dk"));
            using var secret = MlKem768.Decapsulate(key, vector.Hex("c"));
            Assert.Equal(vector.Hex("k"), secret.Span.ToArray());
        }
    }

    [Fact]
    public void EncapsulationKeyCheck_Fips203()
    {
        var seen = new HashSet<bool>();
        foreach (var vector in Lattice.GetProperty("encapsulationKeyCheck").EnumerateArray())
        {
            var isGood = vector.GetProperty("isGood").GetBoolean();
            using var secret = MlKem768.TryEncapsulate(vector.Hex("ek"), new byte[MlKem768.MessageSizeBytes], new byte[MlKem768.CiphertextSizeBytes]);
            Assert.Equal(isGood, secret is not null);
            seen.Add(isGood);
        }

        Assert.Equal([false, true], seen.Order());
    }

    [Fact]
    public void XWing_AppendixC()
    {
        Assert.Equal(3, Hybrid.GetArrayLength());
        foreach (var vector in Hybrid.EnumerateArray())
        {
            using var seed = SecretBytes.CopyOf(vector.Hex("sk"));
            using var key = new HybridKey(seed);
            Assert.Equal(vector.Hex("pk"), key.PublicKey);
            Assert.True(HybridKey.TryEncapsulate(key.PublicKey, vector.Hex("eseed"), out var encapsulation, out var sent));
            Assert.Equal(vector.Hex("ct"), encapsulation);
            Assert.Equal(vector.Hex("ss"), sent!.Span.ToArray());
            using var received = key.TryDecapsulate(encapsulation);
            Assert.Equal(vector.Hex("ss"), received!.Span.ToArray());
            sent.Dispose();
        }
    }

    [Fact]
    public void Sealing_Rfc9180()
    {
        var vector = Assert.Single(Hpke.EnumerateArray());
        using var shared = SecretBytes.CopyOf(vector.Hex("shared_secret"));
        var kem = (ushort)vector.GetProperty("kem_id").GetInt32();
        using var sealing = HpkeContext.Schedule(kem, shared, vector.Hex("info"));
        using var opening = HpkeContext.Schedule(kem, shared, vector.Hex("info"));
        Assert.Equal(6, vector.GetProperty("encryptions").GetArrayLength());
        var number = 0;
        foreach (var message in vector.GetProperty("encryptions").EnumerateArray())
        {
            // The vectors are those of the numbers their additional data name, and leave some out.
            var named = Encoding.ASCII.GetString(message.Hex("aad"))["Count-".Length..];
            var wanted = int.Parse(named, CultureInfo.InvariantCulture);
            for (; number < wanted; number++)
            {
                Assert.NotNull(opening.TryOpen([], sealing.Seal([], [])));
            }

            var text = sealing.Seal(message.Hex("aad"), message.Hex("pt"));
            Assert.Equal(message.Hex("ct"), text);
            Assert.Equal(message.Hex("pt"), opening.TryOpen(message.Hex("aad"), text));
            number++;
        }
    }

    [Fact]
    public void Exporting_Rfc9180()
    {
        var vector = Assert.Single(Hpke.EnumerateArray());
        using var shared = SecretBytes.CopyOf(vector.Hex("shared_secret"));
        using var context = HpkeContext.Schedule((ushort)vector.GetProperty("kem_id").GetInt32(), shared, vector.Hex("info"));
        Assert.Equal(3, vector.GetProperty("exports").GetArrayLength());
        foreach (var export in vector.GetProperty("exports").EnumerateArray())
        {
            using var key = context.Export(export.Hex("exporter_context"), export.GetProperty("L").GetInt32());
            Assert.Equal(export.Hex("exported_value"), key.Span.ToArray());
        }
    }
}
