using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace PsiMessaging.Disclosure.Privacy;

/// <summary>One answer that was paid for.</summary>
/// <param name="Id">The question's id: 1 to 200 characters of ASCII, letters, digits and <c>-._/:</c>.</param>
/// <param name="TextHash">SHA-256 of its text in UTF-8.</param>
/// <param name="Cost">What it cost.</param>
/// <param name="Payload">
/// What is needed to give the same answer again: its noise, or the key of the stream it is drawn from. Whoever reads it can take the noise off.
/// </param>
public sealed record PrivacyEntry(string Id, string TextHash, Rho Cost, ImmutableArray<byte> Payload);

/// <summary>What became of a question: its entry, and whether it was paid for now or long ago.</summary>
/// <param name="Entry">The entry, of now or of before.</param>
/// <param name="IsNew">Whether it was paid for now.</param>
public readonly record struct Spending(PrivacyEntry Entry, bool IsNew);

/// <summary>A question that is not paid for, and why; nothing was spent.</summary>
public sealed class PrivacyBudgetException(string message) : InvalidOperationException(message);

/// <summary>
/// What was promised of a dataset, and what of it is spent. Costs add up, whoever asks and in whatever session (composition of zCDP: Bun and Steinke, arXiv
/// 1605.02065, lemma 1.7). It does not change: spending gives another one, which counts when it is on disk (<see cref="PrivacyAccountFile"/>).
/// </summary>
public sealed class PrivacyAccount
{
    /// <summary>Most entries of an account, and most bytes of a payload.</summary>
    public const int MaximumEntries = 100_000;
    public const int MaximumPayloadBytes = 1 << 16;
    public const int MaximumIdCharacters = 200;

    private readonly ImmutableDictionary<string, PrivacyEntry> _byId;

    /// <summary>An account of which nothing is spent.</summary>
    /// <param name="dataset">Its dataset's name, as for <see cref="PrivacyEntry.Id"/>.</param>
    /// <param name="budget">What may be spent in all.</param>
    /// <exception cref="ArgumentException">The name is none.</exception>
    public PrivacyAccount(string dataset, Rho budget)
        : this(dataset, budget, [], ImmutableDictionary.Create<string, PrivacyEntry>(StringComparer.Ordinal), Rho.Zero)
    {
        if (!IsName(dataset))
        {
            throw new ArgumentException("a dataset's name has 1 to 200 letters, digits and -._/: of ASCII", nameof(dataset));
        }
    }

    private PrivacyAccount(
        string dataset, Rho budget, ImmutableList<PrivacyEntry> entries, ImmutableDictionary<string, PrivacyEntry> byId, Rho spent)
    {
        Dataset = dataset;
        Budget = budget;
        Entries = entries;
        _byId = byId;
        Spent = spent;
    }

    public string Dataset { get; }

    /// <summary>What may be spent in all.</summary>
    public Rho Budget { get; }

    /// <summary>In the order they were paid.</summary>
    public ImmutableList<PrivacyEntry> Entries { get; }

    /// <summary>What is spent.</summary>
    public Rho Spent { get; }

    /// <summary>What can still be spent.</summary>
    public Rho Left => new(Budget.Units - Spent.Units);

    /// <summary>Hash of a question's text, as entries keep it: the text may name values.</summary>
    public static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>Pays for a question, or finds that it is paid: the same id and text cost once and get the same payload, hence the same answer.</summary>
    /// <param name="id">The question's id.</param>
    /// <param name="text">All that its answer depends on, in one form.</param>
    /// <param name="cost">What it costs.</param>
    /// <param name="payload">Makes the payload, called for a new question that can be paid for and no other.</param>
    /// <returns>The account after it, this one where it was paid before, and the entry.</returns>
    /// <exception cref="PrivacyBudgetException">It costs more than is left, the account is full, or the id stands for another text or cost.</exception>
    /// <exception cref="ArgumentException">The id is none, or the payload too long.</exception>
    public (PrivacyAccount After, Spending Spending) Spend(string id, string text, Rho cost, Func<byte[]> payload)
    {
        if (!IsName(id))
        {
            throw new ArgumentException("a question's id has 1 to 200 letters, digits and -._/: of ASCII", nameof(id));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(cost.Units.Sign, nameof(cost));
        var hash = HashOf(text);
        if (_byId.TryGetValue(id, out var paid))
        {
            return paid.TextHash == hash && paid.Cost == cost
                ? (this, new Spending(paid, IsNew: false))
                : throw new PrivacyBudgetException($"question {id} was asked of {Dataset} before with another text or other noise; give the new one an id");
        }

        if (Spent + cost > Budget)
        {
            throw new PrivacyBudgetException(
                $"question {id} costs rho {cost} and {Left} of {Budget} are left of {Dataset}; ask for more noise or fewer cells, or end the dataset's use");
        }

        var entry = new PrivacyEntry(id, hash, cost, [.. payload()]);
        var after = With(entry) ?? throw new PrivacyBudgetException($"the account of {Dataset} has {MaximumEntries} entries and takes no more");
        return (after, new Spending(entry, IsNew: true));
    }

    /// <summary>The account with an entry more, or null where it takes none: there is one of that id, it is full, or the budget does not reach.</summary>
    /// <exception cref="ArgumentException">The payload is too long.</exception>
    internal PrivacyAccount? With(PrivacyEntry entry)
    {
        if (entry.Payload.Length > MaximumPayloadBytes)
        {
            throw new ArgumentException($"a payload has at most {MaximumPayloadBytes} bytes, not {entry.Payload.Length}; keep a stream's key", nameof(entry));
        }

        return Entries.Count >= MaximumEntries || Spent + entry.Cost > Budget || _byId.ContainsKey(entry.Id)
            ? null
            : new PrivacyAccount(Dataset, Budget, Entries.Add(entry), _byId.Add(entry.Id, entry), Spent + entry.Cost);
    }

    internal static bool IsName(string text) =>
        text.Length is > 0 and <= MaximumIdCharacters && text.All(c => char.IsAsciiLetterOrDigit(c) || "-._/:".Contains(c, StringComparison.Ordinal));
}
