namespace PsiMessaging.Linker;

/// <summary>
/// First parts of the slots in which the linker's messages wait; the sender's name is the second part of each. They stand in stored state: add, never rename.
/// </summary>
internal static class SlotKinds
{
    public const string Registration = "register", Batch = "batch", Query = "query", Abort = "abort";
    public const string Opening = "open", MaskedRows = "masked", Correction = "correction", Tables = "tables", Withdrawal = "withdraw";

    /// <summary>No message, but what is wrong with masked rows that went straight to their file: one a party and query.</summary>
    public const string Spoilt = "spoilt";

    /// <summary>What a session that is over forgets wholly.</summary>
    public static IReadOnlyCollection<string> OfRows { get; } = [Batch];

    /// <summary>What it need not deal with any more.</summary>
    public static IReadOnlyCollection<string> OfProducts { get; } = [Opening, MaskedRows, Correction, Tables, Withdrawal, Spoilt];

    /// <summary>Messages of a kind and party.</summary>
    public static string Of(string kind, string party) => $"{kind}/{party}";

    /// <summary>Messages of a kind and party for a query.</summary>
    public static string Of(string kind, string party, string query) => $"{kind}/{party}/{query}";

    /// <summary>Party and query that a slot of one of <see cref="OfProducts"/> is for.</summary>
    public static (string Party, string Query) Read(string slot) =>
        slot.Split('/') is [_, var party, var query, ..] ? (party, query) : throw new ArgumentException("a slot of another kind", nameof(slot));
}
