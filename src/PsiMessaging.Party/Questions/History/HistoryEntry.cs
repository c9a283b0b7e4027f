using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Analytics.Differencing;

namespace PsiMessaging.Party.Questions.History;

/// <summary>A question that was contributed to, or asked. No value, label or identifier is in here.</summary>
/// <param name="Query">Its id.</param>
/// <param name="Session">Its session.</param>
/// <param name="At">When.</param>
/// <param name="Text">Its words, as the product writes them.</param>
/// <param name="MinCell">The session's minimum cell size.</param>
/// <param name="Asker">The asking party's part, with the sizes of its groups as it has announced them.</param>
/// <param name="Other">The contributing party's part.</param>
/// <param name="Records">Which records of the own dataset are common: the name of a part of the history.</param>
/// <param name="Cells">In which groups they are, for each way of grouping: names of parts.</param>
public sealed record HistoryEntry(
    string Query, string Session, DateTimeOffset At, string Text, int MinCell, AskedSide Asker, QuestionPart Other, string Records,
    IReadOnlyList<string> Cells);

/// <summary>Questions about one own dataset, of one partner or put to it.</summary>
/// <param name="Revision">How often it was changed.</param>
/// <param name="Entries">The questions, the oldest first.</param>
/// <param name="Sizes">Bytes of each of its parts, by name.</param>
public sealed record QuestionHistory(long Revision, IReadOnlyList<HistoryEntry> Entries, IReadOnlyDictionary<string, int> Sizes)
{
    /// <summary>Nothing was asked yet.</summary>
    public static QuestionHistory Empty { get; } = new(0, [], new Dictionary<string, int>());

    /// <summary>What counts still.</summary>
    /// <param name="days">How many days a question counts; null for always.</param>
    /// <param name="now">The time.</param>
    public IReadOnlyList<HistoryEntry> Since(int? days, DateTimeOffset now) =>
        days is { } most ? [.. Entries.Where(entry => entry.At > now - TimeSpan.FromDays(most))] : Entries;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(QuestionHistory))]
internal sealed partial class HistoryJson : JsonSerializerContext;
