using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace PsiMessaging.Party.Tests.Nets;

/// <summary>JSON for a person: what fits on a line stands on one, everything else has a line each.</summary>
internal static class ReadableJson
{
    private const int LineLength = 140;
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Of(JsonNode? node)
    {
        var text = new StringBuilder();
        Write(text, node, 0);
        return text.ToString();
    }

    private static void Write(StringBuilder text, JsonNode? node, int indent)
    {
        var whole = node?.ToJsonString(Plain) ?? "null";
        if (indent > 0 && indent + whole.Length <= LineLength || node is not (JsonObject or JsonArray))
        {
            text.Append(whole);
            return;
        }

        var (open, close) = node is JsonObject ? ('{', '}') : ('[', ']');
        IEnumerable<(string Key, JsonNode? Value)> items = node is JsonObject members
            ? members.Select(member => ($"{JsonSerializer.Serialize(member.Key, Plain)}: ", member.Value))
            : ((JsonArray)node).Select(item => ("", item));
        text.Append(open);
        var separator = "";
        foreach (var (key, value) in items)
        {
            text.Append(separator).Append('\n').Append(' ', indent + 2).Append(key);
            Write(text, value, indent + 2);
            separator = ",";
        }

        text.Append('\n').Append(' ', indent).Append(close);
    }
}
