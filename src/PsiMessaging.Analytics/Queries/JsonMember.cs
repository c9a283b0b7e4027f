using System.Text.Json;

namespace PsiMessaging.Analytics.Queries;

/// <summary>An element with its place, for messages.</summary>
internal readonly record struct JsonMember(JsonElement Element, string Path)
{
    public bool IsText => Element.ValueKind == JsonValueKind.String;

    public bool Has(string name) => Element.ValueKind == JsonValueKind.Object && Element.TryGetProperty(name, out _);

    public JsonMember Get(string name) => Optional(name) ?? throw Wrong($"lacks {name}");

    public JsonMember? Optional(string name) => Element.ValueKind != JsonValueKind.Object ? throw Wrong("is not an object")
        : Element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? new JsonMember(value, $"{Path}.{name}") : null;

    public void Only(params string[] names)
    {
        var element = Element.ValueKind == JsonValueKind.Object ? Element : throw Wrong("is not an object");
        if (element.EnumerateObject().Select(member => member.Name).FirstOrDefault(name => !names.Contains(name)) is { } unknown)
        {
            throw Wrong($"has no member {unknown}; it has {string.Join(", ", names)}");
        }
    }

    public IEnumerable<JsonMember> Items()
    {
        var path = Path;
        return Element.ValueKind == JsonValueKind.Array ? Element.EnumerateArray().Select((item, i) => new JsonMember(item, $"{path}[{i}]"))
            : throw Wrong("is not a list");
    }

    public string Text() => Element.ValueKind == JsonValueKind.String && Element.GetString() is { Length: > 0 } text ? text : throw Wrong("is not a text");

    public bool Flag() => Element.ValueKind is JsonValueKind.True or JsonValueKind.False ? Element.GetBoolean() : throw Wrong("is not true or false");

    public decimal Number() => Element.ValueKind == JsonValueKind.Number && Element.TryGetDecimal(out var number)
        && Math.Abs(number) <= 1_000_000_000_000_000_000m ? number : throw Wrong("is not a number");

    public QueryException Wrong(string what) => new(QueryException.BadQuery, $"the query cannot be read: {Path} {what}");
}
