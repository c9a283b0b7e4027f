using System.Text.Json.Serialization;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Masked;

namespace PsiMessaging.Party.Questions.Masked;

/// <summary>Sealed body of <c>ProposeQuery</c> (contracts/messages/ProposeQuery.md).</summary>
internal sealed record QueryProposal(string Text, PartyShape Shape, int Pad, Announcement? Announced = null);

/// <summary>Sealed body of <c>RefuseQuery</c>.</summary>
internal sealed record QueryRefusal(string Reason);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(QueryProposal))]
[JsonSerializable(typeof(PartyLabels))]
[JsonSerializable(typeof(QueryRefusal))]
internal sealed partial class SealedJson : JsonSerializerContext;
