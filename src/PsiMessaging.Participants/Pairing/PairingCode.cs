using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Participants.Pairing;

/// <summary>What one participant tells another while they pair.</summary>
/// <param name="Card">Its card.</param>
/// <param name="Has">Whose cards it has.</param>
public sealed record PairingWord(string Card, IReadOnlyList<string> Has);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(PairingWord))]
internal sealed partial class PairingJson : JsonSerializerContext;

/// <summary>
/// The code under which participants exchange their cards over the broker: five words, 80 bits of the system generator, which people read to each other.
/// </summary>
/// <remarks>
/// It keeps out the broker and every stranger: they would have to guess it while it is used, or afterwards at 2^80 runs of Argon2id. No PAKE: that would let
/// the code be shorter, and is one more protocol to trust. It does not keep those apart who have it: that the cards are the right ones they see by comparing
/// <see cref="WordsOf"/>.
/// </remarks>
public sealed class PairingCode : IDisposable
{
    /// <summary>Longest message in bytes.</summary>
    public const int MostBytes = 64 * 1024;

    private const int CodeBytes = 10;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private static readonly byte[] Magic = "PSIP"u8.ToArray();

    private readonly SecretBytes _key;

    private PairingCode(string text, SecretBytes key) => (Text, _key) = (text, key);

    /// <summary>The code as words.</summary>
    public string Text { get; }

    /// <summary>A fresh one.</summary>
    public static PairingCode Draw()
    {
        using var code = SecretBytes.Random(CodeBytes);
        return Of(code.Span);
    }

    /// <summary>One that was read out.</summary>
    /// <exception cref="ParticipantException">The words are no code.</exception>
    public static PairingCode Parse(string words) => Proquint.TryDecode(words) is { Length: CodeBytes } code ? Of(code)
        : throw new ParticipantException(FailureCodes.Malformed,
            "that is no pairing code: it is five words of five letters each, as the other's psi pair has printed it");

    /// <summary>A message from one participant to another.</summary>
    public byte[] Seal(string from, string to, PairingWord word)
    {
        var plain = JsonSerializer.SerializeToUtf8Bytes(word, PairingJson.Default.PairingWord);
        var message = new byte[Magic.Length + NonceBytes + plain.Length + TagBytes];
        Magic.CopyTo(message, 0);
        RandomNumberGenerator.Fill(message.AsSpan(Magic.Length, NonceBytes));
        using var cipher = Cipher(from, to);
        var (nonce, text) = (Magic.Length, Magic.Length + NonceBytes);
        cipher.Encrypt(message.AsSpan(nonce, NonceBytes), plain, message.AsSpan(text, plain.Length), message.AsSpan(^TagBytes..), Magic);
        return message;
    }

    /// <summary>Opens a message; null where it is not one of this code, from and to whom it is said to be.</summary>
    public PairingWord? TryOpen(string from, string to, ReadOnlySpan<byte> message)
    {
        if (message.Length < Magic.Length + NonceBytes + TagBytes || message.Length > MostBytes || !message.StartsWith(Magic))
        {
            return null;
        }

        var plain = new byte[message.Length - Magic.Length - NonceBytes - TagBytes];
        using var cipher = Cipher(from, to);
        try
        {
            cipher.Decrypt(message.Slice(Magic.Length, NonceBytes), message[(Magic.Length + NonceBytes)..^TagBytes], message[^TagBytes..], plain, Magic);
            return Read(plain);
        }
        catch (Exception exception) when (exception is CryptographicException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Reads what was in a message.</summary>
    /// <exception cref="JsonException">It is none.</exception>
    internal static PairingWord? Read(ReadOnlySpan<byte> plain) => JsonSerializer.Deserialize(plain, PairingJson.Default.PairingWord);

    /// <summary>
    /// Eight words that are the same at all participants if and only if all have the same cards of all: 128 bits of a hash of them under the code's key. Who
    /// takes part and would pass off a card of its own as another's has to find a collision, 2^64 work, while they pair: before the code is drawn there is
    /// nothing to compute with.
    /// </summary>
    public string WordsOf(IEnumerable<ParticipantCard> cards)
    {
        var all = string.Join('\n', cards.Select(card => $"{card.Name.ToLowerInvariant()} {card.Fingerprint}").Order(StringComparer.Ordinal));
        using var words = _key.Derive(SHA256.HashData(Encoding.UTF8.GetBytes(all)), DomainTags.PairingWords, 16);
        return Proquint.Encode(words.Span);
    }

    private static PairingCode Of(ReadOnlySpan<byte> code)
    {
        using var secret = SecretBytes.CopyOf(code);
        return new PairingCode(Proquint.Encode(code),
            PasswordHash.Derive(secret, DomainTags.PairingSalt, PasswordHash.UsualPasses, PasswordHash.UsualMemoryKiB / 4, 32));
    }

    private AesGcm Cipher(string from, string to)
    {
        using var key = _key.Derive([], [.. DomainTags.PairingKey, .. Encoding.UTF8.GetBytes($"{from.ToLowerInvariant()}\n{to.ToLowerInvariant()}")], 32);
        return new AesGcm(key.Span, TagBytes);
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}

/// <summary>One participant's side of pairing: what it has heard, and what it says next. No clock, no broker.</summary>
/// <param name="code">The code.</param>
/// <param name="own">Own card.</param>
/// <param name="others">Names of those it pairs with.</param>
public sealed class PairingExchange(PairingCode code, ParticipantCard own, IReadOnlyList<string> others)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ParticipantCard> _cards = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _have = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Messages that did not open: a wrong code, or a stranger's.</summary>
    public int Unreadable { get; private set; }

    /// <summary>The cards that have come.</summary>
    public IReadOnlyList<ParticipantCard> Cards
    {
        get
        {
            lock (_lock)
            {
                return [.. _cards.Values];
            }
        }
    }

    /// <summary>Whose card, or whose word that it has all, is awaited.</summary>
    public IReadOnlyList<string> Awaited
    {
        get
        {
            lock (_lock)
            {
                return [.. others.Where(other => !_cards.ContainsKey(other) || !_have.Contains(other))];
            }
        }
    }

    /// <summary>What is said to one of the others now.</summary>
    public byte[] Say(string to)
    {
        lock (_lock)
        {
            return code.Seal(own.Name, to, new PairingWord(own.ToJson(), [.. _cards.Keys]));
        }
    }

    /// <summary>Takes a message. The first card of a name stays; what is not of this code, or not of who should send it, is only counted.</summary>
    public void Hear(ReadOnlySpan<byte> message)
    {
        foreach (var from in others)
        {
            if (code.TryOpen(from, own.Name, message) is not { } word)
            {
                continue;
            }

            try
            {
                Take(from, word, ParticipantCard.Parse(word.Card, $"what {from} sent"));
                return;
            }
            catch (ParticipantException)
            {
                break;
            }
        }

        lock (_lock)
        {
            Unreadable++;
        }
    }

    private void Take(string from, PairingWord word, ParticipantCard card)
    {
        if (!ParticipantNames.IsValid(card.Name) || !string.Equals(card.Name, from, StringComparison.OrdinalIgnoreCase))
        {
            throw new ParticipantException(FailureCodes.Malformed, "a card of another name");
        }

        lock (_lock)
        {
            _cards.TryAdd(from, card);
            if (_cards[from].Fingerprint == card.Fingerprint && word.Has.Contains(own.Name, StringComparer.OrdinalIgnoreCase))
            {
                _have.Add(from);
            }
        }
    }
}
