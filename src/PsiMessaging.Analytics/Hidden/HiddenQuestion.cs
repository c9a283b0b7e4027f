using PsiMessaging.Analytics.Masked;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Analytics.Hidden;

/// <summary>A question over a hidden intersection as both parties know it: its shape, and the key of its masks.</summary>
public sealed class HiddenQuestion
{
    /// <param name="shape">Sizes.</param>
    /// <param name="shared">The key the parties share.</param>
    /// <param name="transcript">The session's transcript hash, 32 bytes.</param>
    /// <param name="queryId">Drawn at random for each question, 32 hexadecimal digits.</param>
    /// <param name="counter">The asking party's count of questions in the session, from 1; never the same twice.</param>
    /// <param name="asker">The asking party.</param>
    /// <param name="text">The question's text.</param>
    /// <param name="layout">Shapes, limbs and padding of both matrices.</param>
    /// <exception cref="InvalidDataException">The shape cannot be.</exception>
    public HiddenQuestion(
        HiddenShape shape, SecretBytes shared, byte[] transcript, string queryId, long counter, string asker, string text, string layout)
    {
        Shape = shape.Check();
        var all = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"hidden,{shape.AskerRecords},{shape.WordBits}/{layout}");
        Context = new MaskContext(transcript, queryId, counter, asker, text, shape.ContributorRecords, shape.P, shape.Q, all);
        using var key = shared.Derive(transcript, [.. DomainTags.HiddenQuestion, .. Context.Hash()], RecordMask.KeySizeBytes);
        Key = key.Span.ToArray();
    }

    /// <summary>Sizes, and how all is cut.</summary>
    public HiddenShape Shape { get; }

    /// <summary>K_Q, 16 bytes: what masks and triples of this question alone are made under. The linker gets it from the asking party.</summary>
    public byte[] Key { get; }

    /// <summary>All that the question is.</summary>
    internal MaskContext Context { get; }

    /// <summary>A secret of one party for this question, from its secret of the session: the same after a restart, another for another question.</summary>
    internal SecretBytes Secret(SecretBytes session, ReadOnlySpan<byte> tag, ReadOnlySpan<byte> name) =>
        session.Derive(Context.Transcript, [.. tag, .. Context.Hash(), .. name], TripleStream.SeedSizeBytes);
}
