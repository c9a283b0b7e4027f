using CsCheck;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Tests.Symmetric;

public sealed class SeededStreamTests : IDisposable
{
    private readonly SecretBytes _seed = SecretBytes.CopyOf(new byte[32]);

    private byte[] Bytes(string label, long index, int count)
    {
        using var stream = new SeededStream(_seed, System.Text.Encoding.ASCII.GetBytes(label), index);
        var bytes = new byte[count];
        stream.Fill(bytes);
        return bytes;
    }

    [Fact]
    public void Fill_SameSeedLabelIndex_RepeatsHoweverItIsCut() => Gen.Int[1, 5000].Array[1, 8].Sample(cuts =>
    {
        var whole = Bytes("a", 7, cuts.Sum());
        using var stream = new SeededStream(_seed, "a"u8, 7);
        var pieces = new List<byte>();
        foreach (var cut in cuts)
        {
            var piece = new byte[cut];
            stream.Fill(piece);
            pieces.AddRange(piece);
        }

        Assert.Equal(whole, pieces);
    }, iter: 100);

    [Fact]
    public void Fill_OtherLabelOrIndex_GivesAnotherStream()
    {
        var one = Bytes("a", 7, 64);
        Assert.NotEqual(one, Bytes("b", 7, 64));
        Assert.NotEqual(one, Bytes("a", 8, 64));
    }

    [Fact]
    public void Permutation_AnyCount_HoldsEveryIndexOnce() => Gen.Int[0, 500].Sample(count =>
    {
        using var stream = new SeededStream(_seed, "p"u8, count);
        Assert.Equal(Enumerable.Range(0, count), stream.Permutation(count).Order());
    });

    [Fact]
    public void NextInt_ManyDraws_AreUniform()
    {
        // Chi-square over 10 cells, 100,000 draws: 99.99% quantile at 9 degrees of freedom is 33.7. The seed is fixed, so the outcome is too.
        using var stream = new SeededStream(_seed, "uniform"u8);
        var cells = new int[10];
        for (var i = 0; i < 100_000; i++)
        {
            cells[stream.NextInt(10)]++;
        }

        Assert.True(cells.Sum(cell => Math.Pow(cell - 10_000, 2) / 10_000) < 33.7, string.Join(',', cells));
    }

    [Fact]
    public void SecretBytes_AfterDisposal_IsGoneAndNeverPrinted()
    {
        var secret = SecretBytes.CopyOf("hidden"u8);
        Assert.DoesNotContain("hidden", secret.ToString(), StringComparison.Ordinal);
        secret.Dispose();
        Assert.Throws<ObjectDisposedException>(() => secret.Span.Length);
    }

    [Fact]
    public void DeterministicAead_EqualPlaintexts_EqualCiphertexts_AndTamperingIsSeen()
    {
        using var key = SecretBytes.Random(32);
        using var aead = new DeterministicAead(key);
        var ciphertext = aead.Encrypt("BASSA"u8);
        Assert.Equal(ciphertext, aead.Encrypt("BASSA"u8));
        Assert.NotEqual(ciphertext, aead.Encrypt("MEDIA"u8));
        Assert.Equal("BASSA"u8, aead.TryDecrypt(ciphertext)!);
        for (var i = 0; i < ciphertext.Length; i++)
        {
            var altered = ciphertext.ToArray();
            altered[i] ^= 0x80;
            Assert.Null(aead.TryDecrypt(altered));
        }

        Assert.Null(aead.TryDecrypt(ciphertext.AsSpan(0, 10)));
    }

    public void Dispose() => _seed.Dispose();
}
