namespace PsiMessaging.Cryptography.BlindRsa;

/// <summary>
/// Raw modular arithmetic of one RSA key. All values are big-endian, exactly <see cref="SizeBytes"/> bytes, below the modulus. Thread-safe.
/// Two implementations give the same results: OpenSSL's libcrypto where it loads, BouncyCastle where it does not.
/// </summary>
public abstract class RsaArithmetic : IDisposable
{
    private readonly byte[] _modulus;

    private protected RsaArithmetic(RsaPublicKey publicKey)
    {
        PublicKey = publicKey;
        _modulus = publicKey.Modulus;
    }

    /// <summary>The key whose modulus counts here.</summary>
    public RsaPublicKey PublicKey { get; }

    /// <summary>Length of every value in bytes.</summary>
    public int SizeBytes => _modulus.Length;

    /// <summary>Name for reports: <c>libcrypto</c> or <c>BouncyCastle</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Whether a value is at least 1 and below the modulus. Time depends on public data only.</summary>
    public bool IsInRange(ReadOnlySpan<byte> value) =>
        value.Length == SizeBytes && value.SequenceCompareTo(_modulus) < 0 && value.IndexOfAnyExcept((byte)0) >= 0;

    /// <summary>RSAVP1 (RFC 8017 section 5.2.2): value^65537 modulo n.</summary>
    public abstract void PublicOperation(ReadOnlySpan<byte> value, Span<byte> result);

    /// <summary>RSASP1 (RFC 8017 section 5.2.1): value^d modulo n, verified against the public operation before it is returned.</summary>
    /// <exception cref="InvalidOperationException">
    /// This arithmetic was made from a public key, or the result did not verify (a fault in the machine).
    /// </exception>
    public abstract void PrivateOperation(ReadOnlySpan<byte> value, Span<byte> result);

    /// <summary>left · right modulo n.</summary>
    public abstract void Multiply(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result);

    /// <summary>
    /// Reduces wide values (each <paramref name="wideSizeBytes"/> long, longer than the modulus) modulo n.
    /// </summary>
    public abstract void Reduce(ReadOnlySpan<byte> wide, int wideSizeBytes, Span<byte> results);

    /// <summary>
    /// Inverts values modulo n, all with a single inversion (Montgomery's trick). <paramref name="alsoCoprime"/> holds further values, of which it only
    /// checks that they share no factor with n (RFC 9474 section 4.2 asks it of every message).
    /// </summary>
    /// <returns>False when any value shares a factor with n.</returns>
    public abstract bool TryInvertAll(ReadOnlySpan<byte> values, ReadOnlySpan<byte> alsoCoprime, Span<byte> inverses);

    /// <summary>Arithmetic for a peer's key: public operations only.</summary>
    public static RsaArithmetic Create(RsaPublicKey key) =>
        Libcrypto.IsAvailable ? new LibcryptoRsaArithmetic(key, null) : new BouncyCastleRsaArithmetic(key, null);

    /// <summary>Arithmetic for an own key. The key may be disposed afterwards.</summary>
    public static RsaArithmetic Create(RsaPrivateKey key) =>
        Libcrypto.IsAvailable ? new LibcryptoRsaArithmetic(key.PublicKey, key) : new BouncyCastleRsaArithmetic(key.PublicKey, key);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
    }

    private protected abstract void Dispose(bool disposing);
}
