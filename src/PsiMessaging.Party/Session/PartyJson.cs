using System.Text.Json.Serialization;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Questions;

namespace PsiMessaging.Party.Session;

/// <summary>Documents that a party keeps in its state.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(PartySession))]
[JsonSerializable(typeof(Question))]
[JsonSerializable(typeof(Dataset))]
[JsonSerializable(typeof(ReusableSet))]
internal sealed partial class PartyJson : JsonSerializerContext;
