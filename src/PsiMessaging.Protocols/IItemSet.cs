namespace PsiMessaging.Protocols;

/// <summary>A party's own set: distinct canonical identifiers, as bytes, in a fixed order. Implementations are read from several threads.</summary>
public interface IItemSet
{
    /// <summary>Number of identifiers.</summary>
    int Count { get; }

    /// <summary>Canonical bytes of one identifier, <paramref name="index"/> from 0.</summary>
    ReadOnlySpan<byte> this[int index] { get; }
}
