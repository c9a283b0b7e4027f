namespace PsiMessaging.Participants.Identities;

/// <summary>
/// Numbers as words that two people can read to each other: proquints (Wilkerson, arXiv:0901.4016), five letters for 16 bits, consonant and vowel in turn. No
/// list of words is needed, and none is of one language.
/// </summary>
public static class Proquint
{
    private const string Consonants = "bdfghjklmnprstvz";
    private const string Vowels = "aiou";

    /// <summary>Bytes as words with hyphens between.</summary>
    /// <param name="bytes">An even number of them.</param>
    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        var words = new List<string>(bytes.Length / 2);
        for (var i = 0; i < bytes.Length; i += 2)
        {
            var number = (bytes[i] << 8) | bytes[i + 1];
            words.Add(new string(
            [
                Consonants[(number >> 12) & 15], Vowels[(number >> 10) & 3], Consonants[(number >> 6) & 15], Vowels[(number >> 4) & 3], Consonants[number & 15],
            ]));
        }

        return string.Join('-', words);
    }

    /// <summary>The bytes that words stand for; null where they are none. Blanks and hyphens are the same, and so are capitals.</summary>
    public static byte[]? TryDecode(string text)
    {
        var words = text.Trim().ToLowerInvariant().Split([' ', '-'], StringSplitOptions.RemoveEmptyEntries);
        var bytes = new byte[words.Length * 2];
        for (var i = 0; i < words.Length; i++)
        {
            if (words[i] is not { Length: 5 } word)
            {
                return null;
            }

            var number = 0;
            for (var at = 0; at < 5; at++)
            {
                var letter = (at % 2 == 0 ? Consonants : Vowels).IndexOf(word[at], StringComparison.Ordinal);
                if (letter < 0)
                {
                    return null;
                }

                number = (number << (at % 2 == 0 ? 4 : 2)) | letter;
            }

            (bytes[2 * i], bytes[(2 * i) + 1]) = ((byte)(number >> 8), (byte)number);
        }

        return bytes;
    }
}
