using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.HiddenIntersection;

/// <summary>
/// Words of the matrix triple that the asking party deals for a question: U and V (the contributing party's records × p and q) and the linker's share of UᵀV.
/// Each is AES-256 in counter mode under a key from a seed that the dealer draws and from the question's key, so that a seed that is dealt twice still gives
/// another question other words. Words of a batch are column after column.
/// </summary>
public static class TripleStream
{
    /// <summary>Bytes of a seed.</summary>
    public const int SeedSizeBytes = 32;

    /// <summary>Opens the sequence of words of one seed.</summary>
    /// <param name="seed">The seed, 32 bytes.</param>
    /// <param name="questionKey">K_Q, 16 bytes.</param>
    public static WordStream Open(SecretBytes seed, ReadOnlySpan<byte> questionKey)
    {
        using var key = seed.Derive(questionKey, DomainTags.HiddenTriple, WordStream.KeySizeBytes);
        return new WordStream(key);
    }
}
