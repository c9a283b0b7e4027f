using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Garbling;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.ObliviousTransfer;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.SharedRelease;

/// <summary>
/// What a session's releases rest on: 128 base transfers between linker and contributing party (<see cref="BaseTransfer"/>), one message each way, which may
/// cross. The contributing party chooses, and its choices are Δ, the difference of all labels; the linker offers. Each question has keys of its own, derived
/// from them.
/// </summary>
public static class ReleaseKeys
{
    /// <summary>Bytes of a side's secret.</summary>
    public const int SecretSizeBytes = 32;

    /// <summary>Bytes of the contributing party's message.</summary>
    public const int ChoiceSizeBytes = BaseTransfer.ChoiceSizeBytes;

    /// <summary>Bytes of the linker's message.</summary>
    public const int OfferSizeBytes = BaseTransfer.OfferSizeBytes;

    /// <summary>The contributing party's message.</summary>
    /// <param name="secret">Its secret for the session, 32 random bytes; the same secret gives the same message.</param>
    /// <param name="transcript">Hash of the parties' hand-shake, 32 bytes.</param>
    /// <param name="party">Its name.</param>
    public static byte[] Choose(SecretBytes secret, ReadOnlySpan<byte> transcript, string party)
    {
        using var seed = Seed(secret, transcript);
        return BaseTransfer.Choose(Bound(transcript, party), seed, DeltaOf(secret, transcript), Cores.One);
    }

    /// <summary>The linker's message.</summary>
    /// <param name="secret">Its secret for the session and party, 32 random bytes.</param>
    public static byte[] Offer(SecretBytes secret)
    {
        using var scalar = RistrettoScalarOf(secret);
        return BaseTransfer.Offer(scalar);
    }

    /// <summary>What is wrong with the other side's message, or null.</summary>
    public static string? FaultOf(ReadOnlySpan<byte> message) =>
        message.Length == OfferSizeBytes ? BaseTransfer.FaultOfOffer(message) : BaseTransfer.FaultOfChoice(message);

    /// <summary>The contributing party's keys for the session.</summary>
    /// <param name="secret">Its secret.</param>
    /// <param name="transcript">Hash of the hand-shake.</param>
    /// <param name="party">Its name.</param>
    /// <param name="offer">The linker's message, checked.</param>
    public static ContributorKeys OfContributor(SecretBytes secret, ReadOnlySpan<byte> transcript, string party, ReadOnlyMemory<byte> offer)
    {
        using var seed = Seed(secret, transcript);
        var delta = DeltaOf(secret, transcript);
        var bound = Bound(transcript, party);
        var choice = BaseTransfer.Choose(bound, seed, delta, Cores.One);
        var session = Session(bound, offer.Span, choice);
        return new ContributorKeys(BaseTransfer.ChooserKeys(session, seed, delta, offer, Cores.One), delta, session, "");
    }

    /// <summary>The linker's keys for the session.</summary>
    /// <param name="secret">Its secret for the session and party.</param>
    /// <param name="transcript">Hash of the hand-shake.</param>
    /// <param name="party">The contributing party.</param>
    /// <param name="choice">That party's message, checked.</param>
    /// <exception cref="CryptographicException">The party's elements sum to the identity.</exception>
    public static LinkerKeys OfLinker(SecretBytes secret, ReadOnlySpan<byte> transcript, string party, ReadOnlyMemory<byte> choice)
    {
        using var scalar = RistrettoScalarOf(secret);
        var bound = Bound(transcript, party);
        var session = Session(bound, BaseTransfer.Offer(scalar), choice.Span);
        using var filler = secret.Derive(session, DomainTags.ReleaseFiller, SecretSizeBytes);
        return new LinkerKeys(BaseTransfer.OffererKeys(bound, session, scalar, choice, Cores.One), filler.Span.ToArray(), session, "");
    }

    /// <summary>Δ, whose lowest bit is 1 so that it fits labels.</summary>
    private static Vector128<byte> DeltaOf(SecretBytes secret, ReadOnlySpan<byte> transcript)
    {
        using var delta = secret.Derive(transcript, DomainTags.ReleaseDelta, 16);
        return HalfGates.ToDelta(Vector128.Create<byte>(delta.Span));
    }

    private static SecretBytes Seed(SecretBytes secret, ReadOnlySpan<byte> transcript) => secret.Derive(transcript, DomainTags.ReleaseChoice, 32);

    private static Ristretto.RistrettoScalar RistrettoScalarOf(SecretBytes secret) => Ristretto.RistrettoScalar.Derive(secret, DomainTags.ReleaseOffer);

    private static byte[] Bound(ReadOnlySpan<byte> transcript, string party) =>
        SHA256.HashData([.. DomainTags.ReleaseSession, .. transcript, .. Named(party)]);

    private static byte[] Session(ReadOnlySpan<byte> bound, ReadOnlySpan<byte> offer, ReadOnlySpan<byte> choice) =>
        SHA256.HashData([.. bound, .. offer, .. SHA256.HashData(choice)]);

    /// <summary>
    /// What tells a question from all others of a session. Its id alone would do so only as long as both sides remember all ids: whoever asks chooses it, and
    /// two questions under the same keys would give labels and bits away. The counter goes up with every question, and both sides see to it.
    /// </summary>
    internal static string Question(long counter, string id) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{counter}/{id}");

    internal static byte[] Named(string name) => SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name));

    /// <summary>Keys of one question: streams under them are independent of those of all others.</summary>
    internal static Vector128<byte>[] Separate(ReadOnlySpan<Vector128<byte>> session, ReadOnlySpan<byte> id, string question)
    {
        var (keys, named) = (session.ToArray(), Named(question));
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        for (var i = 0; i < keys.Length; i++)
        {
            SHA256.HashData([.. DomainTags.ReleaseQuestion, .. id, .. named, .. MemoryMarshal.AsBytes(keys.AsSpan(i, 1))], hash);
            keys[i] = Vector128.Create<byte>(hash[..16]);
        }

        CryptographicOperations.ZeroMemory(hash);
        return keys;
    }
}

/// <summary>The contributing party's keys, of a session or for one question of it. Secret.</summary>
/// <param name="Keys">128 keys of the base transfers.</param>
/// <param name="Delta">Δ.</param>
/// <param name="Session">Hash of the base transfers, public to both.</param>
/// <param name="Question">Counter and id of the question; empty for the session's.</param>
public sealed record ContributorKeys(Vector128<byte>[] Keys, Vector128<byte> Delta, byte[] Session, string Question) : IDisposable
{
    /// <summary>The keys for a question. <see cref="ReleaseKeys.Question"/> says why it takes the counter.</summary>
    /// <param name="counter">The asking party's mask counter.</param>
    /// <param name="id">The question's id.</param>
    public ContributorKeys For(long counter, string id)
    {
        var question = ReleaseKeys.Question(counter, id);
        return new(ReleaseKeys.Separate(Keys, Session, question), Delta, Session, question);
    }

    /// <inheritdoc/>
    public void Dispose() => Keys.AsSpan().Clear();
}

/// <summary>The linker's keys, of a session or for one question of it. Secret.</summary>
/// <param name="Keys">256 keys of the base transfers.</param>
/// <param name="Filler">Random bytes behind the linker's own bits: what is left of the last tile, and one tile more.</param>
/// <param name="Session">Hash of the base transfers, public to both.</param>
/// <param name="Question">Counter and id of the question; empty for the session's.</param>
public sealed record LinkerKeys(Vector128<byte>[] Keys, byte[] Filler, byte[] Session, string Question) : IDisposable
{
    /// <summary>The keys for a question. <see cref="ReleaseKeys.Question"/> says why it takes the counter.</summary>
    /// <param name="counter">The asking party's mask counter.</param>
    /// <param name="id">The question's id.</param>
    public LinkerKeys For(long counter, string id)
    {
        var question = ReleaseKeys.Question(counter, id);
        return new(ReleaseKeys.Separate(Keys, Session, question),
            SHA256.HashData([.. DomainTags.ReleaseFiller, .. Filler, .. ReleaseKeys.Named(question)]), Session, question);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Keys.AsSpan().Clear();
        Filler.AsSpan().Clear();
    }
}
