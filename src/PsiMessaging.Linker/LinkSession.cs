using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Linker;

/// <summary>One party's registration at the linker.</summary>
/// <param name="Party">Whose rows.</param>
/// <param name="Peer">The other party it names.</param>
/// <param name="Transcript">Hash of the parties' hand-shake, 32 bytes.</param>
/// <param name="Engine">Linker engine.</param>
/// <param name="MinCell">Smallest count that may be released.</param>
/// <param name="Rows">Announced rows.</param>
/// <param name="Columns">Column tokens.</param>
public sealed record Registration(string Party, string Peer, byte[] Transcript, QueryEngine Engine, int MinCell, int Rows, IReadOnlyList<string> Columns)
{
    /// <summary>Rows on disk so far.</summary>
    public int Received { get; init; }
    /// <summary>Batches on disk: first and last row token of each, by sequence.</summary>
    public IReadOnlyDictionary<int, BatchSpan> Batches { get; init; } = new Dictionary<int, BatchSpan>();
    /// <summary>Sequence of the last batch, once seen.</summary>
    public int? LastSequence { get; init; }
    /// <summary>Whether every row is on disk and checked.</summary>
    public bool Complete { get; init; }
}

/// <summary>What a stored batch spans.</summary>
public sealed record BatchSpan(int Rows, byte[] First, byte[] Last);

/// <summary>A query of engine <c>masked</c> as the linker keeps it: shapes, and who has opened its part.</summary>
/// <param name="Asker">The party the product goes to.</param>
/// <param name="Counter">The asking party's mask counter.</param>
/// <param name="P">Columns of the asking party's matrix.</param>
/// <param name="Q">Columns of the other's.</param>
/// <param name="Rows">n.</param>
/// <param name="Opened">Parties whose matrix is announced.</param>
public sealed record LinkProduct(string Asker, long Counter, int P, int Q, int Rows, IReadOnlyList<string> Opened);

/// <summary>A session as the linker keeps it. It holds no plaintext and no key.</summary>
public sealed record LinkSession
{
    public required string Id { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public IReadOnlyList<Registration> Registrations { get; init; } = [];
    /// <summary>Engine <c>masked</c>: queries at work, by id.</summary>
    public IReadOnlyDictionary<string, LinkProduct> Products { get; init; } = new Dictionary<string, LinkProduct>();
    /// <summary>Engine <c>masked</c>: highest mask counter of each party; no counter is taken twice.</summary>
    public IReadOnlyDictionary<string, long> MaskCounters { get; init; } = new Dictionary<string, long>();
    /// <summary>Engine <c>masked</c>: the last queries that are over, by id; and those taken back before they were opened, by id and party, a slash between.</summary>
    public IReadOnlyList<string> EndedProducts { get; init; } = [];
    /// <summary>The party whose message began it.</summary>
    public string Opener { get; init; } = "";
    public DateTimeOffset? EndedAt { get; init; }
    public bool Ended { get; init; }
    /// <summary>Once ended: whether its rows are gone from disk.</summary>
    public bool IsCleaned { get; init; }
    public string? FailureCode { get; init; }
    public string? FailureReason { get; init; }

    [JsonIgnore]
    public string State => Ended ? FailureCode is null ? "Deleted" : "Failed" : Registrations.Count == 2 && Registrations.All(registration => registration.Complete) ? "Ready" : "Receiving";

    public static LinkSession Parse(StoredSession stored) => JsonSerializer.Deserialize(stored.Document, LinkJson.Default.LinkSession)!;

    /// <summary>The other party, as the first registration to arrive names it.</summary>
    public string? Partner { get; init; }

    /// <summary>Whether a party is one of the two; while no registration has come that names them, anybody pinned may be.</summary>
    public bool IsPartOf(string party) => Registrations is [var first, ..] ? party == first.Party || party == first.Peer : Partner is null || party == Opener || party == Partner;

    /// <summary>Under what name sessions count whose registration has not come yet.</summary>
    public static string Unregistered(string party) => party + "/unregistered";

    public StoredSession ToStored() => new(Id, State, JsonSerializer.Serialize(this, LinkJson.Default.LinkSession), CreatedAt,
        Peer: Registrations.Count > 0 || Ended ? Opener : Unregistered(Opener),
        IsOpen: !Ended || !IsCleaned,
        DueAt: Ended || Registrations.Count == 2 ? null : CreatedAt + (Registrations.Count == 0 ? PartyBounds.UnregisteredAge : PartyBounds.HalfRegisteredAge),
        EndedAt: Ended ? EndedAt ?? CreatedAt : null);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LinkSession))]
internal sealed partial class LinkJson : JsonSerializerContext;
