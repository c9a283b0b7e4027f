using System.Text;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Parameters;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Tests.Rfc;

/// <summary>
/// Argon2id. RFC 9106's vector has four lanes and a secret, which libsodium does not take: a second implementation is held to it, and ours to that one.
/// </summary>
public class PasswordHashTests
{
    private static byte[] Second(byte[] password, byte[] salt, int passes, int memoryKiB, int lanes, int size, byte[]? secret = null, byte[]? associated = null)
    {
        var generator = new Argon2BytesGenerator();
        generator.Init(new Argon2Parameters.Builder(Argon2Parameters.Argon2id).WithVersion(Argon2Parameters.Version13).WithSalt(salt).WithSecret(secret ?? [])
            .WithAdditional(associated ?? []).WithIterations(passes).WithMemoryAsKB(memoryKiB).WithParallelism(lanes).Build());
        var output = new byte[size];
        generator.GenerateBytes(password, output);
        return output;
    }

    /// <summary>RFC 9106 section 5.3.</summary>
    [Fact]
    public void SecondImplementation_GivesTheVectorOfTheRfc() => Assert.Equal("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659",
        Convert.ToHexStringLower(Second(Repeat(1, 32), Repeat(2, 16), 3, 32, 4, 32, Repeat(3, 8), Repeat(4, 12))));

    [Theory]
    [InlineData("", 1, 64)]
    [InlineData("correct horse battery staple", 3, 1024)]
    [InlineData("Schlüssel", 2, 8)]
    public void Derive_EqualsTheSecondImplementation(string passphrase, int passes, int memoryKiB)
    {
        var salt = Encoding.ASCII.GetBytes("sixteen bytes of");
        using var secret = SecretBytes.CopyOf(Encoding.UTF8.GetBytes(passphrase));
        using var key = PasswordHash.Derive(secret, salt, passes, memoryKiB, 32);
        Assert.Equal(Second(Encoding.UTF8.GetBytes(passphrase), salt, passes, memoryKiB, 1, 32), key.Span.ToArray());
    }

    /// <summary>Published with the reference implementation (its test program, version 13).</summary>
    [Theory]
    [InlineData("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password", true)]
    [InlineData("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "Password", false)]
    public void Verify_PublishedHash(string encoded, string passphrase, bool holds) => Assert.Equal(holds, PasswordHash.Verify(encoded, passphrase));

    [Theory]
    [InlineData(0, 64)]
    [InlineData(65, 64)]
    [InlineData(1, 7)]
    [InlineData(1, (1024 * 1024) + 1)]
    public void Derive_OutOfItsBounds_IsRefused(int passes, int memoryKiB)
    {
        using var secret = SecretBytes.Random(8);
        Assert.Throws<ArgumentOutOfRangeException>(() => PasswordHash.Derive(secret, new byte[16], passes, memoryKiB, 32));
    }

    private static byte[] Repeat(byte value, int count) => [.. Enumerable.Repeat(value, count)];
}
