using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Cli.Simulation;

/// <summary>What <c>report.json</c> holds.</summary>
internal sealed record SimulationReport(
    string Protocol,
    QueryEngine Engine,
    string Transport,
    IReadOnlyDictionary<string, PartyReport> Parties,
    int Intersection,
    IReadOnlyList<PhaseReport> Phases,
    IReadOnlyDictionary<string, long> Bytes,
    long PeakMemoryBytes,
    IReadOnlyList<QueryReport> Queries,
    [property: JsonIgnore] string? ChosenBecause = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? KeyWarning = null)
{
    /// <summary>The protocol, and why it was chosen where nobody asked for it.</summary>
    [JsonIgnore]
    public string ProtocolText => ChosenBecause is null ? Protocol : $"{Protocol} (auto: {ChosenBecause})";

    /// <summary>Whole run in seconds.</summary>
    [JsonIgnore]
    public double TotalSeconds => Phases.Sum(phase => phase.Seconds);
}

/// <summary>
/// One party's input: rows in the file, distinct identifiers, rows without an identifier, how it was read, and what a person should know of it.
/// </summary>
internal sealed record PartyReport(int Rows, int Distinct, int Dropped, string? Reading,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Notices = null);

/// <summary>A phase and its length.</summary>
internal sealed record PhaseReport(string Name, double Seconds)
{
    /// <summary>When it ended.</summary>
    [JsonIgnore]
    public DateTimeOffset EndedAt { get; init; }

    /// <summary>What the machine did meanwhile; null where nobody looked.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PhaseLoad? Load { get; init; }

    /// <summary>A phase whose length, in seconds, is rounded to milliseconds.</summary>
    public static PhaseReport Of(string name, double seconds, DateTimeOffset endedAt) => new(name, Math.Round(seconds, 3)) { EndedAt = endedAt };
}

/// <summary>
/// A query: groups in its answer, how many are suppressed, seconds from question to answer, and the answer as <c>--format json</c> has it; or why it was
/// refused.
/// </summary>
internal sealed record QueryReport(string Text, int Groups, int Suppressed, double Seconds,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Refused = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] JsonNode? Answer = null);

/// <summary>A simulation ended without a result.</summary>
internal sealed class SimulationException(string message) : Exception(message);
