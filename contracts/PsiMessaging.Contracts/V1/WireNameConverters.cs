using System.Text.Json;
using System.Text.Json.Serialization;

namespace PsiMessaging.Contracts.V1;

/// <summary>An engine under its wire name.</summary>
public sealed class QueryEngineConverter : JsonConverter<QueryEngine>
{
    /// <inheritdoc/>
    public override QueryEngine Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && WireNames.TryParse(reader.GetString(), out QueryEngine engine)
            ? engine : throw new JsonException("not the name of an engine");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, QueryEngine value, JsonSerializerOptions options) => writer.WriteStringValue(WireNames.NameOf(value));
}

/// <summary>Who learns the result, under its wire name.</summary>
public sealed class RevealToConverter : JsonConverter<RevealTo>
{
    /// <inheritdoc/>
    public override RevealTo Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && WireNames.TryParse(reader.GetString(), out RevealTo reveal)
            ? reveal : throw new JsonException("not the name of who learns the result");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RevealTo value, JsonSerializerOptions options) => writer.WriteStringValue(WireNames.NameOf(value));
}

/// <summary>
/// A security model under its wire name; null for <see cref="SecurityModel.SemiHonest"/>. To leave the field out then, ignore it when it has its default.
/// </summary>
public sealed class SecurityModelConverter : JsonConverter<SecurityModel>
{
    /// <inheritdoc/>
    public override bool HandleNull => true;

    /// <inheritdoc/>
    public override SecurityModel Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType is JsonTokenType.String or JsonTokenType.Null && WireNames.TryParse(reader.GetString(), out SecurityModel security)
            ? security : throw new JsonException("not the name of a security model");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, SecurityModel value, JsonSerializerOptions options) => writer.WriteStringValue(WireNames.NameOf(value));
}

/// <summary>An engine that is not known, as in a session that ended before it was judged, stands as an empty text.</summary>
public sealed class UnknownOrQueryEngineConverter : JsonConverter<QueryEngine?>
{
    /// <inheritdoc/>
    public override bool HandleNull => true;

    /// <inheritdoc/>
    public override QueryEngine? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        WireNames.TryParse(reader.GetString(), out QueryEngine engine) ? engine : null;

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, QueryEngine? value, JsonSerializerOptions options) => writer.WriteStringValue(WireNames.NameOf(value));
}

/// <summary>Who learns the result where that is not known, as in a session that ended before it was judged, stands as an empty text.</summary>
public sealed class UnknownOrRevealToConverter : JsonConverter<RevealTo?>
{
    /// <inheritdoc/>
    public override bool HandleNull => true;

    /// <inheritdoc/>
    public override RevealTo? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        WireNames.TryParse(reader.GetString(), out RevealTo reveal) ? reveal : null;

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RevealTo? value, JsonSerializerOptions options) => writer.WriteStringValue(WireNames.NameOf(value));
}
