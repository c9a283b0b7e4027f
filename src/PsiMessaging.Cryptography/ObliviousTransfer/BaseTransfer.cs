using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Ristretto;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.ObliviousTransfer;

/// <summary>
/// 128 random oblivious transfers of Masny and Rindal (ePrint 2019/706) over ristretto255: the chooser learns one 16-byte key of each pair, by its choice bit;
/// the offerer learns both and not the choice. One message each way, which may cross.
/// </summary>
/// <remarks>
/// Transfer i: the chooser sends T_0, T_1 with T_(1-c) a random element and T_c = a·G - H(i, 1-c, T_(1-c)); the offerer sends M = b·G. Key j is a hash of
/// b·(T_j + H(i, j' , T_j')), j' = 1 - j, which for j = c is a·M. It is an endemic transfer: a party that deviates may bias its own keys, which the
/// extension on top allows. Security: computational Diffie–Hellman in the random oracle model. Every key is bound to both messages by the session hash.
/// </remarks>
public static class BaseTransfer
{
    /// <summary>Number of transfers: one a bit of the offset Δ.</summary>
    public const int Count = 128;
    /// <summary>Bytes of the offerer's message.</summary>
    public const int OfferSizeBytes = RistrettoGroup.ElementSizeBytes;
    /// <summary>Bytes of the chooser's message: two elements a transfer.</summary>
    public const int ChoiceSizeBytes = Count * 2 * RistrettoGroup.ElementSizeBytes;

    private const int Element = RistrettoGroup.ElementSizeBytes;
    private const int UniformSize = RistrettoBatch.UniformSizeBytes;

    /// <summary>Fewest transfers of a thread: enough to fill the lanes.</summary>
    private const int Grain = 16;

    /// <summary>The offerer's message, M.</summary>
    public static byte[] Offer(RistrettoScalar secret)
    {
        var offer = new byte[OfferSizeBytes];
        secret.MultiplyBase(offer);
        return offer;
    }

    /// <summary>The chooser's message.</summary>
    /// <param name="transcript">Hash of the hand-shake, 32 bytes.</param>
    /// <param name="seed">The chooser's secret; the same seed and choices give the same message.</param>
    /// <param name="choices">The 128 choice bits.</param>
    /// <param name="cores">Threads.</param>
    public static byte[] Choose(ReadOnlyMemory<byte> transcript, SecretBytes seed, Vector128<byte> choices, Cores cores)
    {
        var message = new byte[ChoiceSizeBytes];
        cores.Split(Count, Grain, (_, first, end) =>
        {
            var count = end - first;
            byte[] uniform = new byte[count * UniformSize], scalars = new byte[count * Element], others = new byte[count * Element];
            for (var i = 0; i < count; i++)
            {
                using var drawn = seed.Derive([], Label("other", first + i), UniformSize);
                drawn.Span.CopyTo(uniform.AsSpan(i * UniformSize));
                using var secret = RistrettoScalar.Derive(seed, Label("scalar", first + i));
                secret.Span.CopyTo(scalars.AsSpan(i * Element));
            }

            RistrettoBatch.FromUniform(uniform, others);
            for (var i = 0; i < count; i++)
            {
                UniformOf(transcript.Span, first + i, others.AsSpan(i * Element, Element), 1 - Bit(choices, first + i),
                    uniform.AsSpan(i * UniformSize, UniformSize));
            }

            // a·G - H(i, 1-c, T_(1-c)), in the scalars' place.
            RistrettoBatch.MultiplyBaseAndSubtract(scalars, uniform, scalars);
            for (var i = 0; i < count; i++)
            {
                var (chosen, other) = Places(first + i, Bit(choices, first + i));
                scalars.AsSpan(i * Element, Element).CopyTo(message.AsSpan(chosen));
                others.AsSpan(i * Element, Element).CopyTo(message.AsSpan(other));
            }

            // Which of two elements was mapped from these is the choice.
            CryptographicOperations.ZeroMemory(uniform);
            CryptographicOperations.ZeroMemory(others);
        });
        return message;
    }

    /// <summary>What is wrong with the offerer's message, or null.</summary>
    public static string? FaultOfOffer(ReadOnlySpan<byte> offer) =>
        RistrettoGroup.IsUsable(offer) ? null : "the offer of the base transfers is not a valid element";

    /// <summary>What is wrong with the chooser's message, or null. Says nothing of which element it is.</summary>
    public static string? FaultOfChoice(ReadOnlySpan<byte> choice)
    {
        var usable = choice.Length == ChoiceSizeBytes && RistrettoBatch.AreUsable(choice);
        return usable ? null : "the base transfers have an element that is not valid";
    }

    /// <summary>The offerer's keys: 2i + j is key j of transfer i.</summary>
    /// <param name="transcript">Hash of the hand-shake, 32 bytes.</param>
    /// <param name="session">Hash of the hand-shake and both messages, 32 bytes.</param>
    /// <param name="secret">The scalar of the offer.</param>
    /// <param name="choice">The chooser's message, checked.</param>
    /// <param name="cores">Threads.</param>
    /// <exception cref="CryptographicException">The chooser's elements sum to the identity.</exception>
    public static Vector128<byte>[] OffererKeys(ReadOnlyMemory<byte> transcript,
        ReadOnlyMemory<byte> session, RistrettoScalar secret, ReadOnlyMemory<byte> choice, Cores cores)
    {
        var keys = new Vector128<byte>[2 * Count];
        cores.Split(Count, Grain, (_, first, end) =>
        {
            var elements = choice.Span[(2 * first * Element)..(2 * end * Element)];
            byte[] uniform = new byte[elements.Length / Element * UniformSize], shared = new byte[elements.Length];
            for (var i = 2 * first; i < 2 * end; i++)
            {
                // Beside element j of a transfer stands the other one, j ^ 1, which is hashed.
                UniformOf(transcript.Span, i / 2, choice.Span.Slice((i ^ 1) * Element, Element), 1 - (i & 1),
                    uniform.AsSpan((i - (2 * first)) * UniformSize, UniformSize));
            }

            if (!RistrettoBatch.TryMultiplySums(secret, elements, uniform, shared))
            {
                throw new CryptographicException("the base transfers have an element that is not valid");
            }

            for (var i = 2 * first; i < 2 * end; i++)
            {
                keys[i] = KeyOf(session.Span, i / 2, i & 1, shared.AsSpan((i - (2 * first)) * Element, Element));
            }

            CryptographicOperations.ZeroMemory(shared);
        });
        return keys;
    }

    /// <summary>The chooser's keys, one a transfer.</summary>
    /// <param name="session">Hash of the hand-shake and both messages, 32 bytes.</param>
    /// <param name="seed">As for <see cref="Choose"/>.</param>
    /// <param name="choices">As for <see cref="Choose"/>.</param>
    /// <param name="offer">The offerer's message, checked.</param>
    /// <param name="cores">Threads.</param>
    public static Vector128<byte>[] ChooserKeys(ReadOnlyMemory<byte> session,
        SecretBytes seed, Vector128<byte> choices, ReadOnlyMemory<byte> offer, Cores cores)
    {
        var keys = new Vector128<byte>[Count];
        cores.Split(Count, Grain, (_, first, end) =>
        {
            // The products take the scalars' place.
            var shared = new byte[(end - first) * Element];
            for (var i = first; i < end; i++)
            {
                using var secret = RistrettoScalar.Derive(seed, Label("scalar", i));
                secret.Span.CopyTo(shared.AsSpan((i - first) * Element));
            }

            var usable = RistrettoBatch.TryMultiplyEach(shared, offer.Span, shared);
            for (var i = first; usable && i < end; i++)
            {
                keys[i] = KeyOf(session.Span, i, Bit(choices, i), shared.AsSpan((i - first) * Element, Element));
            }

            CryptographicOperations.ZeroMemory(shared);
            if (!usable)
            {
                throw new CryptographicException("the offer of the base transfers is not a valid element");
            }
        });
        return keys;
    }

    /// <summary>Bit <paramref name="index"/> of a block, 0 or 1.</summary>
    internal static int Bit(Vector128<byte> block, int index) => (int)((block.AsUInt64().GetElement(index >> 6) >> (index & 63)) & 1);

    private static (int Own, int Other) Places(int index, int branch) => (((2 * index) + branch) * Element, ((2 * index) + 1 - branch) * Element);

    private static byte[] Label(string purpose, int index) => [.. DomainTags.VoleSeed, .. System.Text.Encoding.ASCII.GetBytes($"/base/{purpose}/{index}")];

    /// <summary>What H(i, branch, element) is mapped from.</summary>
    private static void UniformOf(ReadOnlySpan<byte> transcript, int index, ReadOnlySpan<byte> element, int branch, Span<byte> uniform)
    {
        Span<byte> message = stackalloc byte[transcript.Length + 2 + Element];
        transcript.CopyTo(message);
        message[transcript.Length] = (byte)index;
        message[transcript.Length + 1] = (byte)branch;
        element.CopyTo(message[(transcript.Length + 2)..]);
        RistrettoGroup.HashToUniform(DomainTags.VoleBaseHash, message, uniform);
    }

    private static Vector128<byte> KeyOf(ReadOnlySpan<byte> session, int index, int branch, ReadOnlySpan<byte> element)
    {
        Span<byte> input = stackalloc byte[DomainTags.VoleBaseKey.Length + session.Length + 2 + Element];
        DomainTags.VoleBaseKey.CopyTo(input);
        session.CopyTo(input[DomainTags.VoleBaseKey.Length..]);
        var tail = input[(DomainTags.VoleBaseKey.Length + session.Length)..];
        BinaryPrimitives.WriteUInt16LittleEndian(tail, (ushort)((2 * index) + branch));
        element.CopyTo(tail[2..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(input, hash);
        var key = Vector128.Create<byte>(hash[..16]);
        CryptographicOperations.ZeroMemory(hash);
        CryptographicOperations.ZeroMemory(input);
        return key;
    }
}
