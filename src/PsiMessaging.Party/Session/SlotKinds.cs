namespace PsiMessaging.Party.Session;

/// <summary>First parts of the slots in which a party's messages wait. They stand in stored state: add, never rename.</summary>
internal static class SlotKinds
{
    public const string Proposal = "ProposeSession", Acceptance = "AcceptSession", Completion = "CompleteSession", Columns = "AnnounceColumns";
    public const string Round = "round", Credit = "credit", Restart = "restart", Abort = "abort", Command = "command";
    public const string Pending = "pending", Registered = "registered", Answer = "answer", Asked = "asked";
    public const string Ask = "ask", AskedBack = "asked-back", Withdraw = "withdraw", Transfer = "transfer";

    /// <summary>What belongs to the protocol's rounds.</summary>
    public static IReadOnlyCollection<string> OfRounds { get; } = [Round, Credit];

    /// <summary>What outlives a session that has failed: commands are still answered, and so is the end.</summary>
    public static IReadOnlyCollection<string> OfTheEnd { get; } = [Command, Abort];

    /// <summary>Slot of a batch of a round.</summary>
    public static string OfBatch(int round, int sequence, int attempt) => $"{Round}/{RestOfBatch(round, sequence, attempt)}";

    /// <summary>The same without its kind. The attempt stands in it from the second on.</summary>
    public static string RestOfBatch(int round, int sequence, int attempt) => $"{round:D3}/{sequence:D8}{SuffixOf(attempt)}";

    /// <summary>What a later attempt adds to a slot.</summary>
    public static string SuffixOf(int attempt) => attempt == 0 ? "" : $"/{attempt}";
}
