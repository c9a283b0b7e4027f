using System.Text.Json;
using System.Text.Json.Serialization;

namespace PsiMessaging.Contracts.V1;

/// <summary>
/// Sealed body of <see cref="ProposeQuery"/>: the question, and what the other party must know of the asking one's side. The linker sees none of it.
/// </summary>
/// <param name="Text">The question in the language of docs/analytics.md or as JSON, 1 to 4,000 characters.</param>
/// <param name="Shape">Shape of the asking party's matrix.</param>
/// <param name="Pad">Both matrices' columns are padded to a multiple of this, 1 to 100.</param>
/// <param name="Announced">Under a minimum cell size above 1: what lies behind the asking party's groups, levels and columns; else null.</param>
/// <param name="Release">Under a minimum cell size above 1: what the decisions on what is shown depend on, beside that; else null.</param>
public sealed record QueryProposal(
    string Text, PartyShape Shape, int Pad, QueryAnnouncement? Announced = null, ReleaseAnnouncement? Release = null);

/// <summary>
/// How many columns a party's data ask for, beside what follows from the query: both parties learn both shapes, the linker the resulting p and q.
/// </summary>
/// <param name="Groups">Groups that occur among the party's common rows, 1 to 1,000.</param>
/// <param name="Levels">Regression: levels of each of the party's class terms, in the order of the terms, 0 to 1,000 each.</param>
public sealed record PartyShape(int Groups, IReadOnlyList<int> Levels);

/// <summary>
/// What the asking party says about its own side of a question, so that the other can see that nothing singles out few records: sizes only, no label and no
/// value. The other party cannot check that it is true.
/// </summary>
/// <param name="Groups">Common records in each of the party's groups, after its own part of the filter; the bins of a quantile are one group.</param>
/// <param name="Levels">Regression: records at each level of each of its class terms, in the order of the terms.</param>
/// <param name="Columns">Its numeric columns that the question calculates with.</param>
public sealed record QueryAnnouncement(IReadOnlyList<int> Groups, IReadOnlyList<IReadOnlyList<int>> Levels, IReadOnlyList<ColumnAnnouncement> Columns);

/// <summary>
/// What the asking party says further of its own side, because it knows it and could subtract it: how many of its records differ in its own columns. Sizes
/// only; the other party cannot check that they are true.
/// </summary>
/// <param name="Differing">Its numeric columns in the question, group by group: records with a value, and those that differ from the most frequent one.</param>
/// <param name="TwoValued">Those of them that have two values, or one, but for fewer than the minimum of records.</param>
/// <param name="Counts">
/// For each of the counts of its own columns that the minimum is held against, in their order, the records of each group; at most 1,000 counts.
/// </param>
/// <param name="Missing">Places of its groups that lack a label, from 0.</param>
public sealed record ReleaseAnnouncement(
    IReadOnlyList<ColumnAnnouncement> Differing, IReadOnlyList<string> TwoValued, IReadOnlyList<IReadOnlyList<int>> Counts, IReadOnlyList<int> Missing);

/// <summary>A numeric column of the party that announces, group by group.</summary>
/// <param name="Column">Its name.</param>
/// <param name="Groups">In the order of the groups.</param>
public sealed record ColumnAnnouncement(string Column, IReadOnlyList<ColumnSpread> Groups);

/// <summary>What lies behind the values of a numeric column in one group.</summary>
/// <param name="Records">Records with a value.</param>
/// <param name="Different">
/// Records whose value is not the most frequent one: with zeros and ones, the fewer of the two. All, where no value occurs twice.
/// </param>
/// <param name="Largest">
/// Share in thousandths, 0 to 1,000, that the minimum less one records of largest |value − median| have in the sum of it; 0 where all values are equal.
/// </param>
/// <param name="Single">Share in thousandths, rounded up, that the single record of the largest has; 0 where all values are equal, and only there.</param>
public sealed record ColumnSpread(int Records, int Different, int Largest, int Single = 0);

/// <summary>
/// Sealed body of <see cref="AcceptQuery"/>: how the answering party's columns are to be read. The asking party learns these labels whether the answer shows
/// them or not.
/// </summary>
/// <param name="Groups">
/// Labels of each group, one for each of the party's groupings; null where the value is missing. At most 1,000; none where every group is put aside.
/// </param>
/// <param name="Levels">Labels of the levels of each of the party's class terms, at most 1,000 each.</param>
/// <param name="TwoValued">
/// Under a minimum cell size: the party's numeric columns in the question that have two values, or one, but for fewer than the minimum of records; there the
/// records at either count. Null for none.
/// </param>
/// <param name="Noise">What the answering party adds to every count before anybody sees it; null for nothing.</param>
/// <param name="Dominance">The answering party's columns in the question whose sums are held to its rules of concentration, in order; null for none.</param>
public sealed record PartyLabels(
    IReadOnlyList<IReadOnlyList<string?>> Groups, IReadOnlyList<IReadOnlyList<string>> Levels, IReadOnlyList<string>? TwoValued = null,
    NoiseTerms? Noise = null, IReadOnlyList<string>? Dominance = null)
{
    /// <summary>The shape that follows. It is written for who looks at the body; nobody reads it.</summary>
    public PartyShape Shape => new(Math.Max(1, Groups.Count), [.. Levels.Select(level => level.Count)]);
}

/// <summary>The law of a noise of whole numbers.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<NoiseKind>))]
public enum NoiseKind
{
    /// <summary>Discrete Gaussian (arXiv 2004.00010).</summary>
    [JsonStringEnumMemberName("gaussian")]
    Gaussian,
    /// <summary>Discrete Laplace.</summary>
    [JsonStringEnumMemberName("laplace")]
    Laplace,
    /// <summary>A function of the records of the cell: the same records have the same noise. No differential privacy.</summary>
    [JsonStringEnumMemberName("cellKey")]
    CellKey,
}

/// <summary>Noise on counts.</summary>
/// <param name="Law">Its law.</param>
/// <param name="Spread">σ of the Gaussian, scale of Laplace's, 0.1 to 1,000,000; null with cell keys.</param>
/// <param name="Thresholds">
/// Cell keys alone: 2·D numbers, 1 to 65,535, ascending, each with its opposite to 65,536. Of a cell whose records' keys sum to k modulo 65,536 the noise is
/// how many of them are at most k, less D. Null else.
/// </param>
public sealed record NoiseTerms(NoiseKind Law, decimal? Spread = null, IReadOnlyList<int>? Thresholds = null);

/// <summary>Sealed body of <see cref="RefuseQuery"/>.</summary>
/// <param name="Reason">
/// One line for the person who asked. It names columns and the minimum, never a number or a label; of what comes, 500 characters are shown.
/// </param>
public sealed record QueryRefusal(string Reason);

/// <summary>Source-generated JSON for sealed bodies. Unlike messages they may hold members that the receiver does not know, and may leave some out.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(QueryProposal))]
[JsonSerializable(typeof(PartyLabels))]
[JsonSerializable(typeof(QueryRefusal))]
public sealed partial class SealedBodyJson : JsonSerializerContext;

/// <summary>
/// Which messages carry JSON that is sealed under the key the two parties share (AES-256-GCM-SIV, a key for each query, kind and sender): the body is a part of
/// the contract like the header, though neither broker nor linker can read it.
/// </summary>
public static class SealedBodies
{
    private static readonly Dictionary<Type, Type> ByMessage = new()
    {
        [typeof(ProposeQuery)] = typeof(QueryProposal),
        [typeof(AcceptQuery)] = typeof(PartyLabels),
        [typeof(RefuseQuery)] = typeof(QueryRefusal),
    };

    /// <summary>Messages with a sealed body.</summary>
    public static IReadOnlyCollection<Type> Messages => ByMessage.Keys;

    /// <summary>Type of a message's sealed body, or null where it has none.</summary>
    public static Type? Of(Type message) => ByMessage.GetValueOrDefault(message);
}
