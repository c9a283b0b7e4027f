using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Cryptography;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>
/// Noise of cells by a secret that neither data holder has: the linker sees a cell's key in the clear and its sum under a mask, and adds noise that is a
/// function of its secret and the key. The same cell always gets the same noise, so asking again gains nothing; who has the identifiers and the record keys can
/// compute the cell key and not the noise. It does not see the count, so the noise's law is the same for every count, and the smaller ones are withheld by who
/// opens the sum.
/// <para>What it sees is a pseudorandom word for each cell: that two cells, of whatever questions, have the same records, and nothing else of them.</para>
/// </summary>
public sealed class CellKeyNoise : IDisposable
{
    /// <summary>Bytes of the secret.</summary>
    public const int SecretBytes = 32;

    private readonly byte[] _secret;

    /// <param name="secret">32 bytes of the linker's, for this purpose and this pair of datasets alone.</param>
    /// <exception cref="ArgumentException">The secret has another length.</exception>
    public CellKeyNoise(ReadOnlySpan<byte> secret)
    {
        if (secret.Length != SecretBytes)
        {
            throw new ArgumentException($"a secret of cell noise has {SecretBytes} bytes, not {secret.Length}", nameof(secret));
        }

        _secret = secret.ToArray();
    }

    /// <summary>A further key of the cell, which nobody without the secret can compute.</summary>
    /// <param name="cellKey">The sum of the records' keys.</param>
    /// <param name="measure">What is measured, so that count and sum of one cell have independent noise.</param>
    public ulong SecretKey(ulong cellKey, string measure) => BinaryPrimitives.ReadUInt64LittleEndian(Code(cellKey, measure));

    /// <summary>Noise of a count by a row of a p-table.</summary>
    /// <param name="row">Of <see cref="CellKeyTable.CountIndependent"/>.</param>
    /// <param name="cellKey">The sum of the records' keys.</param>
    /// <param name="measure">What is measured.</param>
    public int Of(CellKeyRow row, ulong cellKey, string measure) => row.Noise(SecretKey(cellKey, measure));

    /// <summary>
    /// Noise of any law, by a stream whose key is the cell's. The same cell and law give the same noise again. It is not differentially private over several
    /// questions unless an account says what they cost together.
    /// </summary>
    /// <param name="sampler">Of the law; its own randomness is not used. A block of 256 draws is made for each cell, whatever comes out.</param>
    /// <param name="cellKey">The sum of the records' keys.</param>
    /// <param name="measure">What is measured.</param>
    public long Of(TableSampler sampler, ulong cellKey, string measure)
    {
        using var stream = new SeededRandomBytes(Code(cellKey, $"{sampler.Law}:{measure}"));
        Span<long> noise = stackalloc long[1];
        sampler.Fill(noise, stream);
        return noise[0];
    }

    /// <summary>Overwrites the secret.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(_secret);

    private byte[] Code(ulong cellKey, string measure)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(word, cellKey);
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _secret);
        mac.AppendData(DomainTags.CellNoise);
        mac.AppendData(word);
        mac.AppendData(Encoding.UTF8.GetBytes(measure));
        return mac.GetHashAndReset();
    }
}
