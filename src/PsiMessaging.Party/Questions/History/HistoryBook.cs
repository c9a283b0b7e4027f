using System.Text.Json;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.History;

/// <summary>Whose questions a history has.</summary>
public enum HistoryRole
{
    /// <summary>The partner's: this party contributes.</summary>
    Peers,
    /// <summary>The own people's, put to the partner.</summary>
    Own,
}

/// <summary>Which history: of an own dataset as it stands, with a partner.</summary>
/// <param name="Partner">The partner.</param>
/// <param name="DatasetHash">Hash of the own dataset: another version of it has another history.</param>
/// <param name="Role">Whose questions.</param>
public sealed record HistoryKey(string Partner, string DatasetHash, HistoryRole Role)
{
    internal string Id => $"{Partner}/{DatasetHash}/{(Role == HistoryRole.Peers ? "peers" : "own")}";

    internal static HistoryKey Of(PartySession session, HistoryRole role) => new(session.Peer, session.DatasetHash!, role);
}

/// <summary>
/// Where histories are kept: in the state, for as long as the state, whatever becomes of sessions. A question is entered in the transaction that decides to
/// contribute to it, so that no kill forgets it or has it twice.
/// </summary>
public static class HistoryBook
{
    private const string Kind = "history", PartKind = "history-part";

    /// <summary>A history.</summary>
    public static QuestionHistory Of(IStoreReader state, HistoryKey key) =>
        state.FindDocument(Kind, key.Id) is { } document ? JsonSerializer.Deserialize(document, HistoryJson.Default.QuestionHistory)! : QuestionHistory.Empty;

    internal static string? FindPart(IStoreReader state, HistoryKey key, string name) => state.FindDocument(PartKind, $"{key.Id}/{name}");

    /// <summary>Enters a question. What is older than counts still goes.</summary>
    /// <param name="effects">Where to.</param>
    /// <param name="key">Which history.</param>
    /// <param name="entry">The question.</param>
    /// <param name="parts">Its parts.</param>
    /// <param name="days">How many days a question counts; null for always.</param>
    internal static void Add(Effects effects, HistoryKey key, HistoryEntry entry, IReadOnlyList<HistoryPart> parts, int? days)
    {
        var history = Of(effects.State, key);
        var sizes = history.Sizes.ToDictionary(StringComparer.Ordinal);
        foreach (var part in parts.Where(part => !sizes.ContainsKey(part.Name)))
        {
            effects.PutForAll(PartKind, $"{key.Id}/{part.Name}", part.Document);
            sizes.Add(part.Name, part.Document.Length);
        }

        Put(effects, key, history with { Sizes = sizes }, [.. history.Since(days, entry.At), entry]);
    }

    /// <summary>Takes back an own question that the other party refused.</summary>
    internal static void Forget(Effects effects, HistoryKey key, string query)
    {
        var history = Of(effects.State, key);
        if (history.Entries.Any(entry => entry.Query == query))
        {
            Put(effects, key, history, [.. history.Entries.Where(entry => entry.Query != query)]);
        }
    }

    private static void Put(Effects effects, HistoryKey key, QuestionHistory history, IReadOnlyList<HistoryEntry> entries)
    {
        var used = entries.SelectMany(entry => entry.Cells.Append(entry.Records)).ToHashSet(StringComparer.Ordinal);
        foreach (var name in history.Sizes.Keys.Where(name => !used.Contains(name)))
        {
            effects.Delete(PartKind, $"{key.Id}/{name}");
        }

        var next = new QuestionHistory(history.Revision + 1, entries,
            history.Sizes.Where(size => used.Contains(size.Key)).ToDictionary(size => size.Key, size => size.Value));
        effects.PutForAll(Kind, key.Id, JsonSerializer.Serialize(next, HistoryJson.Default.QuestionHistory));
    }
}
