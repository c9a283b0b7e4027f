using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests.Nets;

/// <summary>
/// What the three participants hold at the end, as JSON: sessions, documents by kind, slots of messages, files of the session. What is drawn at
/// random or follows from it stands as its kind, length and number of first appearance, the same value under the same number everywhere.
/// </summary>
/// <param name="names">What to call what is known.</param>
internal sealed class StoredText(IReadOnlyDictionary<string, string> names)
{
    private readonly Dictionary<string, string> _drawn = new(StringComparer.Ordinal);

    public static string Of(IEnumerable<TestParticipant> participants, IReadOnlyDictionary<string, string> names)
    {
        var text = new StoredText(names);
        var all = new JsonObject();
        foreach (var participant in participants)
        {
            all[participant.Home.Name] = text.Of(participant);
        }

        return ReadableJson.Of(all) + "\n";
    }

    private JsonObject Of(TestParticipant participant)
    {
        var state = StoredState.Read(participant.Home);
        var isLinker = participant.Home.Config.Role == ParticipantRole.Linker;
        var documents = new JsonObject();
        // Keys of sessions' channels are random, and what a partner has had stands by the time.
        foreach (var kind in state.Documents.Where(document => document.Kind is not ("channel" or "channel-key" or "usage"))
            .GroupBy(document => document.Kind, StringComparer.Ordinal))
        {
            documents[kind.Key] = new JsonArray([.. kind.Select(document => new JsonObject
            {
                ["id"] = Name(document.Id),
                ["session"] = document.Session is { } session ? Name(session) : null,
                ["document"] = Named(JsonNode.Parse(document.Document)),
            })]);
        }

        var sessions = state.Sessions.Select(session => new JsonObject
        {
            ["id"] = Name(session.Id),
            ["state"] = session.State,
            ["peer"] = isLinker ? PlaceOf(session.Peer, JsonNode.Parse(session.Document)!) : session.Peer,
            ["isOpen"] = session.IsOpen,
            ["dueAt"] = Time(session.DueAt),
            ["endedAt"] = Time(session.EndedAt),
            ["document"] = Named(isLinker ? InOneOrder(JsonNode.Parse(session.Document)!) : JsonNode.Parse(session.Document)),
        });
        return new JsonObject
        {
            ["sessions"] = new JsonArray([.. sessions]),
            ["documents"] = documents,

            // Masked rows take a slot only where they overtake the news that their product is open; else they go straight to their file.
            ["slots"] = new JsonArray([.. state.Slots.Where(slot => !slot.Finished || !slot.Slot.StartsWith("masked/", StringComparison.Ordinal))
                .Select(slot => (JsonNode)$"{Name(slot.Slot)}{(slot.Finished ? "" : " waits")}")]),
            ["kept"] = state.Kept.Count,
            ["outbox"] = state.Outgoing.Count,
            ["files"] = new JsonArray([.. Files(participant).Select(file => (JsonNode)file)]),

            // The two parties' messages reach the linker in no fixed order, and its word on them the parties; each one's do.
            ["audit"] = new JsonArray([.. state.Audit.Select(entry => WithoutHeads(JsonNode.Parse(entry)!))
                .OrderBy(entry => isLinker || IsConfirmation(entry) ? (entry["party"] ?? entry["asker"])?.GetValue<string>() ?? "" : "", StringComparer.Ordinal)
                .Select(Named)]),
        };
    }

    private static bool IsConfirmation(JsonNode entry) => entry["event"]!.GetValue<string>() == "rows-confirmed";

    /// <summary>Whose heads an entry names is fixed; which of two that crossed came first is not.</summary>
    private static JsonNode WithoutHeads(JsonNode entry)
    {
        if (entry["heard"] is JsonObject heard)
        {
            entry["heard"] = new JsonObject(heard.Select(head => KeyValuePair.Create(head.Key, (JsonNode?)"<head>")));
        }

        return entry;
    }

    /// <summary>
    /// A session at the linker: which party's registration comes first is chance. So the parties stand in alphabetical order, and who opened the session is
    /// called the first and the other the second.
    /// </summary>
    private static JsonNode InOneOrder(JsonNode document)
    {
        var (opener, partner) = (PlaceOf(document["opener"]?.GetValue<string>(), document), PlaceOf(document["partner"]?.GetValue<string>(), document));
        (document["opener"], document["partner"]) = (opener, partner);
        document["registrations"] = new JsonArray([.. document["registrations"]!.AsArray().Select(registration => registration!.DeepClone())
            .OrderBy(registration => registration["party"]!.GetValue<string>(), StringComparer.Ordinal)]);
        document["maskCounters"] = new JsonObject(document["maskCounters"]!.AsObject().OrderBy(counter => counter.Key, StringComparer.Ordinal)
            .Select(counter => KeyValuePair.Create(counter.Key, counter.Value?.DeepClone())));
        return document;
    }

    private static string? PlaceOf(string? party, JsonNode document) =>
        party is null ? null : party == document["opener"]?.GetValue<string>() ? "<first>" : "<second>";

    private IEnumerable<string> Files(TestParticipant participant)
    {
        var root = Path.Combine(participant.Home.Path, "sessions");
        return Directory.Exists(root)
            ? Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
                .Select(path => string.Join('/', Path.GetRelativePath(root, path).Split('/').Select(Name)))
            : [];
    }

    private static string? Time(long? milliseconds) =>
        milliseconds is { } known ? DateTimeOffset.FromUnixTimeMilliseconds(known).ToString("O", CultureInfo.InvariantCulture) : null;

    private JsonNode? Named(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(InOrder(members).Select(member => KeyValuePair.Create(Name(member.Key), Named(member.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Named)]),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => Name(value.GetValue<string>()),
        _ => node?.DeepClone(),
    };

    /// <summary>Members as they stand; those of a dictionary by round or sequence, whose order is that of arrival, by number.</summary>
    private static IEnumerable<KeyValuePair<string, JsonNode?>> InOrder(JsonObject members) =>
        members.All(member => int.TryParse(member.Key, CultureInfo.InvariantCulture, out _))
            ? members.OrderBy(member => int.Parse(member.Key, CultureInfo.InvariantCulture)) : members;

    /// <summary>A text with what is known called by its name and what is drawn numbered.</summary>
    private string Name(string text)
    {
        foreach (var (known, name) in names)
        {
            text = text.Replace(known, name, StringComparison.Ordinal);
        }

        if (text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '+' or '/' or '=') && Base64.IsValid(text, out var bytes) && bytes >= 16
            && !text.All(char.IsAsciiHexDigitLower))
        {
            return Drawn(text, $"{bytes} bytes");
        }

        return string.Join('/', text.Split('/')
            .Select(part => part.Length >= 16 && part.All(char.IsAsciiHexDigitLower) ? Drawn(part, $"{part.Length / 2} bytes in hexadecimal") : part));
    }

    private string Drawn(string value, string kind)
    {
        if (!_drawn.TryGetValue(value, out var name))
        {
            _drawn[value] = name = $"<{_drawn.Count + 1}: {kind}>";
        }

        return name;
    }
}
