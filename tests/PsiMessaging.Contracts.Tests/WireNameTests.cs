using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Contracts.Tests;

/// <summary>Names of choices: on the wire, in documents, and both ways.</summary>
public class WireNameTests
{
    [Theory]
    [InlineData(QueryEngine.Masked, "masked")]
    [InlineData(QueryEngine.Tokens, "tokens")]
    public void Engine_HasItsName(QueryEngine engine, string name)
    {
        Assert.Equal(name, WireNames.NameOf(engine));
        Assert.True(WireNames.TryParse(name, out QueryEngine parsed));
        Assert.Equal(engine, parsed);
        Assert.Equal($"\"{name}\"", JsonSerializer.Serialize(engine));
        Assert.Equal(engine, JsonSerializer.Deserialize<QueryEngine>($"\"{name}\""));
    }

    [Theory]
    [InlineData(RevealTo.Both, "both")]
    [InlineData(RevealTo.Initiator, "initiator")]
    [InlineData(RevealTo.Responder, "responder")]
    [InlineData(RevealTo.Size, "size")]
    public void Reveal_HasItsName(RevealTo reveal, string name)
    {
        Assert.Equal(name, WireNames.NameOf(reveal));
        Assert.True(WireNames.TryParse(name, out RevealTo parsed));
        Assert.Equal(reveal, parsed);
        Assert.Equal($"\"{name}\"", JsonSerializer.Serialize(reveal));
        Assert.Equal(reveal, JsonSerializer.Deserialize<RevealTo>($"\"{name}\""));
    }

    [Theory]
    [InlineData(SecurityModel.SemiHonest, null)]
    [InlineData(SecurityModel.Malicious, "malicious")]
    public void Security_HasItsNameOrNone(SecurityModel security, string? name)
    {
        Assert.Equal(name, WireNames.NameOf(security));
        Assert.True(WireNames.TryParse(name, out SecurityModel parsed));
        Assert.Equal(security, parsed);
        Assert.Equal(name is null ? "null" : $"\"{name}\"", JsonSerializer.Serialize(security));
        Assert.Equal(security, JsonSerializer.Deserialize<SecurityModel>(name is null ? "null" : $"\"{name}\""));
    }

    [Fact]
    public void EveryValue_HasAName()
    {
        Assert.Equal(WireNames.Engines, Enum.GetValues<QueryEngine>().Select(engine => WireNames.NameOf(engine)));
        Assert.Equal(WireNames.Reveals, Enum.GetValues<RevealTo>().Select(reveal => WireNames.NameOf(reveal)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Masked")]
    [InlineData("both ")]
    [InlineData("semi-honest")]
    [InlineData("0")]
    public void OtherTexts_AreNoNames(string text)
    {
        Assert.False(WireNames.TryParse(text, out QueryEngine _));
        Assert.False(WireNames.TryParse(text, out RevealTo _));
        Assert.False(WireNames.TryParse(text, out SecurityModel security));
        Assert.Equal(SecurityModel.SemiHonest, security);
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<QueryEngine>($"\"{text}\""));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<RevealTo>($"\"{text}\""));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<SecurityModel>($"\"{text}\""));
    }

    [Fact]
    public void Numbers_AreNoNames()
    {
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<QueryEngine>("0"));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<RevealTo>("0"));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<SecurityModel>("0"));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<Document>("{\"Engine\":0,\"Reveal\":\"both\"}"));
        Assert.False(WireNames.TryParse(null, out QueryEngine _));
        Assert.False(WireNames.TryParse(null, out RevealTo _));
    }

    [Theory]
    [InlineData("{\"Engine\":\"\",\"Reveal\":\"\"}", null, null, SecurityModel.SemiHonest)]
    [InlineData("{\"Engine\":\"masked\",\"Reveal\":\"responder\",\"Security\":\"malicious\"}", QueryEngine.Masked, RevealTo.Responder, SecurityModel.Malicious)]
    public void Document_KeepsWhatIsNotKnownAsEmptyText_AndLeavesSemiHonestOut(string json, QueryEngine? engine, RevealTo? reveal, SecurityModel security)
    {
        var document = new Document { Engine = engine, Reveal = reveal, Security = security };
        Assert.Equal(json, JsonSerializer.Serialize(document));
        Assert.Equal(document, JsonSerializer.Deserialize<Document>(json));
    }

    [Fact]
    public void Document_OfAnotherVersion_HasNamesThatAreNotKnown()
    {
        var document = JsonSerializer.Deserialize<Document>("{\"Engine\":\"magic\",\"Reveal\":\"nobody\"}");
        Assert.Equal((null, null), (document!.Engine, document.Reveal));
    }

    [Theory]
    [InlineData("a and b", "and", "a", "b")]
    [InlineData("a, b or c", "or", "a", "b", "c")]
    public void Listed_IsASentence(string text, string word, params string[] names) => Assert.Equal(text, WireNames.Listed(names, word));

    private sealed record Document
    {
        [JsonConverter(typeof(UnknownOrQueryEngineConverter)), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
        public required QueryEngine? Engine { get; init; }

        [JsonConverter(typeof(UnknownOrRevealToConverter)), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
        public required RevealTo? Reveal { get; init; }

        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
        public SecurityModel Security { get; init; }
    }
}
