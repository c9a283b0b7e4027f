using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Linker.Engines.Masked;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker;

/// <summary>A session as the linker keeps it. It holds no plaintext and no key.</summary>
public sealed record LinkSession : ISession<LinkSession>
{
    private const int RememberedProducts = 200;

    public required string Id { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public IReadOnlyList<Registration> Registrations { get; init; } = [];
    /// <summary>Engine <c>masked</c>: queries at work, by id.</summary>
    public IReadOnlyDictionary<string, LinkProduct> Products { get; init; } = new Dictionary<string, LinkProduct>();
    /// <summary>Engine <c>masked</c>: highest mask counter of each party; no counter is taken twice.</summary>
    public IReadOnlyDictionary<string, long> MaskCounters { get; init; } = new Dictionary<string, long>();
    /// <summary>
    /// Engine <c>masked</c>: the last queries that are over, by id; and those taken back before they were opened, by id and party, a slash between.
    /// </summary>
    public IReadOnlyList<string> EndedProducts { get; init; } = [];
    /// <summary>The party whose message began it.</summary>
    public string Opener { get; init; } = "";
    public DateTimeOffset? EndedAt { get; init; }
    /// <summary>Whether it is over.</summary>
    public bool Ended => State is LinkState.Deleted or LinkState.Failed;
    /// <summary>Once ended: whether its rows are gone from disk.</summary>
    public bool IsCleaned { get; init; }
    public string? FailureCode { get; init; }
    public string? FailureReason { get; init; }

    /// <summary>Where it stands; changed by <see cref="Move"/> alone.</summary>
    [JsonIgnore]
    public LinkState State { get; private init; }

    /// <summary>The other party, as the first registration to arrive names it; null where the end came before one.</summary>
    public string? Partner { get; init; }

    /// <summary>Whether all of both parties is here.</summary>
    [JsonIgnore]
    public bool IsWhole => Registrations.Count == 2 && Registrations.All(registration => registration.Complete);

    /// <summary>When it is given up, unless the registrations that it waits for come; null where both are here.</summary>
    [JsonIgnore]
    public DateTimeOffset? DueAt =>
        Ended || Registrations.Count == 2 ? null : CreatedAt + PartyBounds.HalfRegisteredAge;

    /// <summary>A session that a registration begins.</summary>
    /// <param name="id">Session id.</param>
    /// <param name="now">The time.</param>
    /// <param name="opener">Whose.</param>
    /// <param name="partner">The other party.</param>
    public static LinkSession Open(string id, DateTimeOffset now, string opener, string partner) =>
        new() { Id = id, CreatedAt = now, Opener = opener, Partner = partner, State = LinkerMachine.Next(null, LinkTrigger.Open) };

    /// <summary>The mark of a session whose end came before its registration.</summary>
    public static LinkSession Overtaken(string id, DateTimeOffset now, string opener) =>
        new() { Id = id, CreatedAt = now, EndedAt = now, Opener = opener, IsCleaned = true, State = LinkerMachine.Next(null, LinkTrigger.Overtake) };

    /// <inheritdoc/>
    public static LinkSession Parse(StoredSession stored) =>
        JsonSerializer.Deserialize(stored.Document, LinkJson.Default.LinkSession)! with { State = Enum.Parse<LinkState>(stored.State) };

    /// <summary>The session after something happened.</summary>
    /// <exception cref="InvalidOperationException">It cannot happen in this state.</exception>
    public LinkSession Move(LinkTrigger trigger) => this with { State = LinkerMachine.Next(State, trigger) };

    /// <summary>The two parties, as the first registration names them; null where the end came before one.</summary>
    [JsonIgnore]
    public (string First, string Second)? Parties =>
        Registrations is [var first, ..] ? (first.Party, first.Peer) : Partner is { } partner ? (Opener, partner) : null;

    /// <summary>Whether a party is one of the two; where the end came before a registration, anybody pinned may be.</summary>
    public bool IsPartOf(string party) => Parties is not (var first, var second) || party == first || party == second;

    /// <summary>Whether a party's registration was taken.</summary>
    public bool HasRegistered(string party) => Registrations.Any(registration => registration.Party == party);

    /// <summary>The party that did not ask.</summary>
    public string OtherThan(string party) => Registrations.Single(registration => registration.Party != party).Party;

    /// <summary>Where a query of engine <c>masked</c> stands; null where nothing is known of it.</summary>
    public ProductState? StateOf(string query) =>
        Products.TryGetValue(query, out var product) ? product.Opened.Count < 2 ? ProductState.OneOpen
            : product.IsReleasing ? ProductState.Releasing : ProductState.BothOpen
        : EndedProducts.Contains(query) ? ProductState.Ended : null;

    /// <summary>A party opens its part of a query.</summary>
    /// <param name="query">Query id.</param>
    /// <param name="party">The party.</param>
    /// <param name="shape">The query as the party announces it; what was announced before stands.</param>
    public LinkSession OpenProduct(string query, string party, LinkProduct shape)
    {
        var state = ProductMachine.Next(StateOf(query), ProductTrigger.Open);
        var product = (Products.GetValueOrDefault(query) ?? shape with { Opened = [] }) is var known && shape.Binding is null ? known
            : known with { Binding = shape.Binding };
        return state == ProductState.Ended ? this
            : this with { Products = new Dictionary<string, LinkProduct>(Products) { [query] = product with { Opened = [.. product.Opened, party] } } };
    }

    /// <summary>A query's release has begun.</summary>
    public LinkSession BeginRelease(string query) => ProductMachine.Next(StateOf(query), ProductTrigger.Release) == ProductState.Releasing
        ? this with { Products = new Dictionary<string, LinkProduct>(Products) { [query] = Products[query] with { IsReleasing = true } } } : this;

    /// <summary>A query is over, with a product or without: its id is remembered.</summary>
    public LinkSession CloseProduct(string query, ProductTrigger trigger) => ProductMachine.Next(StateOf(query), trigger) == StateOf(query) ? this
        : (this with { Products = Products.Where(entry => entry.Key != query).ToDictionary(entry => entry.Key, entry => entry.Value) }).Remember(query);

    /// <summary>A party takes back a query that it has not opened here yet.</summary>
    public LinkSession TakeBack(string query, string party) => Remember(TakenBack(query, party));

    /// <summary>Whether a query was taken back by who asks, before it was opened.</summary>
    public bool IsTakenBack(string query, string asker) => EndedProducts.Contains(TakenBack(query, asker));

    /// <inheritdoc/>
    public StoredSession ToStored() => new(Id, State.ToString(), JsonSerializer.Serialize(this, LinkJson.Default.LinkSession), CreatedAt,
        Peer: Opener,
        IsOpen: !Ended || !IsCleaned,
        DueAt: DueAt,
        EndedAt: Ended ? EndedAt ?? CreatedAt : null);

    private LinkSession Remember(string product) => this with { EndedProducts = [.. EndedProducts.TakeLast(RememberedProducts - 1), product] };

    private static string TakenBack(string query, string by) => $"{query}/{by}";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LinkSession))]
[JsonSerializable(typeof(Fault))]
internal sealed partial class LinkJson : JsonSerializerContext;
