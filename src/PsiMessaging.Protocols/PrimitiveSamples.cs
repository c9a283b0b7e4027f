namespace PsiMessaging.Protocols;

/// <summary>A costly operation, to be timed.</summary>
/// <param name="Name">Its name in reports.</param>
/// <param name="Count">Operations one call of <paramref name="Run"/> does.</param>
/// <param name="Run">Does them.</param>
public sealed record PrimitiveSample(string Name, int Count, Action Run);

/// <summary>The operations a protocol's time goes into, ready to be timed on one core.</summary>
/// <param name="samples">The operations.</param>
/// <param name="owned">What they need, disposed of with this.</param>
public sealed class PrimitiveSamples(IReadOnlyList<PrimitiveSample> samples, params IDisposable[] owned) : IDisposable
{
    /// <summary>Operations that the protocol does not do, for comparison: parts of what it does, or the same by another library.</summary>
    public IReadOnlyList<PrimitiveSample> References { get; init; } = [];

    /// <summary>The operations.</summary>
    public IReadOnlyList<PrimitiveSample> All => samples;

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(owned, resource => resource.Dispose());
}
