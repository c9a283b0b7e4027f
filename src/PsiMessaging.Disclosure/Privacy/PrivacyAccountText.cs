using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace PsiMessaging.Disclosure.Privacy;

/// <summary>An account's text that is torn, altered or none: what is wrong, in which line, and what to do, in one line.</summary>
public sealed class PrivacyAccountException(string message) : FormatException(message);

/// <summary>
/// An account as lines of ASCII: a head, a line for each entry, an end. Each line ends with the first 16 digits of a SHA-256 of it and all lines before it, and
/// the end says how many entries there are, so that a file that was cut off, altered or put together from two is refused. Against accidents: whoever can write
/// the file can compute the checks anew, or put back an older copy; its folder's rights are what keeps others away.
/// <code>
/// psi-privacy-account 1 DATASET BUDGET CHECK
/// spend ID TEXTHASH COST PAYLOAD CHECK
/// end ENTRIES SPENT CHECK
/// </code>
/// Costs in units of 2^-40, payloads in base64, <c>-</c> for an empty one.
/// </summary>
public static class PrivacyAccountText
{
    private const string Head = "psi-privacy-account";
    private const string Version = "1";
    private const string Entry = "spend";
    private const string End = "end";
    private const string Nothing = "-";
    private const int CheckDigits = 16;
    private const int HashDigits = 64;
    private const string Remedy = "put back a whole copy that is newer than the last answer, or end the dataset's use";

    /// <summary>The account's text, each line ended by a line feed.</summary>
    public static string Print(PrivacyAccount account)
    {
        var text = new StringBuilder();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(text, hash, $"{Head} {Version} {account.Dataset} {account.Budget.Units}");
        foreach (var entry in account.Entries)
        {
            var payload = entry.Payload.IsEmpty ? Nothing : Convert.ToBase64String(entry.Payload.AsSpan());
            Append(text, hash, $"{Entry} {entry.Id} {entry.TextHash} {entry.Cost.Units} {payload}");
        }

        Append(text, hash, $"{End} {account.Entries.Count} {account.Spent.Units}");
        return text.ToString();
    }

    /// <summary>Reads what <see cref="Print"/> wrote.</summary>
    /// <exception cref="PrivacyAccountException">The text is no whole account.</exception>
    public static PrivacyAccount Parse(string text)
    {
        if (!text.EndsWith('\n'))
        {
            throw new PrivacyAccountException($"the account is cut off, its last line has no end; {Remedy}");
        }

        var lines = text[..^1].Split('\n');
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var words = Words(lines[0], 1, hash);
        if (words is not [Head, Version, var dataset, var budget] || !PrivacyAccount.IsName(dataset) || Units(budget) is not { } most)
        {
            throw new PrivacyAccountException($"line 1: no account of version {Version}; name the account's own file, or take the release that wrote it");
        }

        var account = new PrivacyAccount(dataset, most);
        for (var i = 1; i < lines.Length - 1; i++)
        {
            account = account.With(Read(Words(lines[i], i + 1, hash), i + 1))
                ?? throw new PrivacyAccountException($"line {i + 1}: an entry of an id that there is, beyond the budget, or one too many; {Remedy}");
        }

        var end = lines.Length > 1 ? Words(lines[^1], lines.Length, hash) : [];
        return end is [End, var count, var spent] && count == $"{account.Entries.Count}" && spent == $"{account.Spent.Units}"
            ? account
            : throw new PrivacyAccountException($"line {lines.Length}: not the end of an account of {account.Entries.Count} entries, it is cut off; {Remedy}");
    }

    private static PrivacyEntry Read(string[] words, int number)
    {
        if (words is [Entry, var id, var textHash, var cost, var payload] && PrivacyAccount.IsName(id) && Units(cost) is { } units
            && textHash.Length == HashDigits && textHash.AsSpan().IndexOfAnyExcept("0123456789abcdef") < 0)
        {
            var bytes = new byte[Math.Min(payload.Length, PrivacyAccount.MaximumPayloadBytes)];
            if (payload == Nothing)
            {
                return new PrivacyEntry(id, textHash, units, []);
            }

            if (Convert.TryFromBase64String(payload, bytes, out var length) && length > 0 && Convert.ToBase64String(bytes.AsSpan(0, length)) == payload)
            {
                return new PrivacyEntry(id, textHash, units, [.. bytes.AsSpan(0, length)]);
            }
        }

        throw new PrivacyAccountException($"line {number}: no entry of an account; {Remedy}");
    }

    private static void Append(StringBuilder text, IncrementalHash hash, string line) => text.Append(line).Append(' ').Append(Check(hash, line)).Append('\n');

    private static string Check(IncrementalHash hash, string line)
    {
        hash.AppendData(Encoding.UTF8.GetBytes(line + "\n"));
        return Convert.ToHexStringLower(hash.GetCurrentHash())[..CheckDigits];
    }

    private static string[] Words(string line, int number, IncrementalHash hash)
    {
        var blank = line.LastIndexOf(' ');
        return blank >= 0 && line[(blank + 1)..] == Check(hash, line[..blank])
            ? line[..blank].Split(' ')
            : throw new PrivacyAccountException($"line {number}: its check does not fit, the account is torn or was altered from here on; {Remedy}");
    }

    private static Rho? Units(string text) =>
        BigInteger.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var units) && units <= Rho.MaximumUnits && $"{units}" == text
            ? new Rho(units)
            : null;
}
