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
        cores.Split(Count, 16, (_, first, end) =>
        {
            Span<byte> hashed = stackalloc byte[Element];
            for (var i = first; i < end; i++)
            {
                var (chosen, other) = Places(i, Bit(choices, i));
                using (var uniform = seed.Derive([], Label("other", i), 64))
                {
                    RistrettoGroup.FromUniform(uniform.Span, message.AsSpan(other, Element));
                }

                using var secret = RistrettoScalar.Derive(seed, Label("scalar", i));
                secret.MultiplyBase(message.AsSpan(chosen, Element));
                HashOf(transcript.Span, i, message.AsSpan(other, Element), 1 - Bit(choices, i), hashed);
                if (!RistrettoGroup.TrySubtract(message.AsSpan(chosen, Element), hashed, message.AsSpan(chosen, Element)))
                {
                    throw new CryptographicException("an own element does not decode");
                }
            }
        });
        return message;
    }

    /// <summary>What is wrong with the offerer's message, or null.</summary>
    public static string? FaultOfOffer(ReadOnlySpan<byte> offer) =>
        RistrettoGroup.IsUsable(offer) ? null : "the offer of the base transfers is not a valid element";

    /// <summary>What is wrong with the chooser's message, or null. Says nothing of which element it is.</summary>
    public static string? FaultOfChoice(ReadOnlySpan<byte> choice)
    {
        var usable = choice.Length == ChoiceSizeBytes;
        for (var at = 0; usable && at < choice.Length; at += Element)
        {
            usable = RistrettoGroup.IsUsable(choice.Slice(at, Element));
        }

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
        cores.Split(Count, 16, (_, first, end) =>
        {
            Span<byte> hashed = stackalloc byte[Element];
            for (var i = first; i < end; i++)
            {
                for (var branch = 0; branch < 2; branch++)
                {
                    var (own, other) = Places(i, branch);
                    HashOf(transcript.Span, i, choice.Span.Slice(other, Element), 1 - branch, hashed);
                    if (!RistrettoGroup.TryAdd(choice.Span.Slice(own, Element), hashed, hashed) || !secret.TryMultiply(hashed, hashed))
                    {
                        throw new CryptographicException("the base transfers have an element that is not valid");
                    }

                    keys[(2 * i) + branch] = KeyOf(session.Span, i, branch, hashed);
                }
            }

            CryptographicOperations.ZeroMemory(hashed);
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
        cores.Split(Count, 16, (_, first, end) =>
        {
            Span<byte> shared = stackalloc byte[Element];
            for (var i = first; i < end; i++)
            {
                using var secret = RistrettoScalar.Derive(seed, Label("scalar", i));
                if (!secret.TryMultiply(offer.Span, shared))
                {
                    throw new CryptographicException("the offer of the base transfers is not a valid element");
                }

                keys[i] = KeyOf(session.Span, i, Bit(choices, i), shared);
            }

            CryptographicOperations.ZeroMemory(shared);
        });
        return keys;
    }

    /// <summary>Bit <paramref name="index"/> of a block, 0 or 1.</summary>
    internal static int Bit(Vector128<byte> block, int index) => (int)((block.AsUInt64().GetElement(index >> 6) >> (index & 63)) & 1);

    private static (int Own, int Other) Places(int index, int branch) => (((2 * index) + branch) * Element, ((2 * index) + 1 - branch) * Element);

    private static byte[] Label(string purpose, int index) => [.. DomainTags.VoleSeed, .. System.Text.Encoding.ASCII.GetBytes($"/base/{purpose}/{index}")];

    private static void HashOf(ReadOnlySpan<byte> transcript, int index, ReadOnlySpan<byte> element, int branch, Span<byte> hashed)
    {
        Span<byte> message = stackalloc byte[transcript.Length + 2 + Element];
        transcript.CopyTo(message);
        message[transcript.Length] = (byte)index;
        message[transcript.Length + 1] = (byte)branch;
        element.CopyTo(message[(transcript.Length + 2)..]);
        RistrettoGroup.HashToGroup(DomainTags.VoleBaseHash, message, hashed);
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
