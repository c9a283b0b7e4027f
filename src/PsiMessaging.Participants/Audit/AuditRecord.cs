using System.Globalization;
using System.Text.Json;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Audit;

/// <summary>An entry of an audit log, read.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="At">When.</param>
/// <param name="Event">What happened, by name.</param>
/// <param name="Fields">All members of it but these two, in order.</param>
public sealed record AuditRecord(long Number, DateTimeOffset At, string Event, IReadOnlyList<KeyValuePair<string, JsonElement>> Fields)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <summary>The session it belongs to, or null.</summary>
    public string? Session => Text("session");

    /// <summary>The heads of others' logs that it names, in hexadecimal, by name.</summary>
    public IEnumerable<KeyValuePair<string, string>> Heard => Find(AuditLog.Heard) is not { ValueKind: JsonValueKind.Object } heard ? []
        : heard.EnumerateObject().Where(head => head.Value.ValueKind == JsonValueKind.String)
            .Select(head => KeyValuePair.Create(head.Name, head.Value.GetString()!));

    /// <summary>Reads an entry's text.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static AuditRecord Parse(long number, string entry)
    {
        try
        {
            using var document = JsonDocument.Parse(entry, Strict);
            var members = document.RootElement.EnumerateObject().Select(member => KeyValuePair.Create(member.Name, member.Value.Clone())).ToArray();
            var named = members.ToDictionary(StringComparer.Ordinal);
            return new AuditRecord(number,
                DateTimeOffset.Parse(named["at"].GetString()!, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind | DateTimeStyles.AssumeUniversal),
                named["event"].GetString() ?? throw new InvalidDataException($"entry {number} names no event"),
                [.. members.Where(member => member.Key is not ("at" or "event"))]);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException
            or ArgumentNullException)
        {
            throw new InvalidDataException($"entry {number} cannot be read", exception);
        }
    }

    /// <summary>Reads an entry of the own log.</summary>
    /// <exception cref="ParticipantException">It was changed into something that is none.</exception>
    public static AuditRecord Of(AuditEntry entry)
    {
        try
        {
            return Parse(entry.Number, entry.Entry);
        }
        catch (InvalidDataException exception)
        {
            throw new ParticipantException(FailureCodes.Internal, $"the audit log is not intact: {exception.Message}", exception);
        }
    }

    /// <summary>A field, or null.</summary>
    public JsonElement? Find(string field)
    {
        foreach (var (name, value) in Fields)
        {
            if (name == field)
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>A field that is a text, or null.</summary>
    public string? Text(string field) => Find(field) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>A field that is a text or a number, as a text, or null.</summary>
    public string? Value(string field) => Find(field) switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { ValueKind: JsonValueKind.Number } number => number.GetRawText(),
        _ => null,
    };
}
