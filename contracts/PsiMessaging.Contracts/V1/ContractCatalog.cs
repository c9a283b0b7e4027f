using System.Text.Json;
using System.Text.Json.Serialization;

namespace PsiMessaging.Contracts.V1;

/// <summary>Source-generated JSON for every V1 message: camel case, no unknown members, no missing required ones.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ProposeSession))]
[JsonSerializable(typeof(AcceptSession))]
[JsonSerializable(typeof(AbortSession))]
[JsonSerializable(typeof(ApprovalPending))]
[JsonSerializable(typeof(RestartProtocol))]
[JsonSerializable(typeof(RoundBatch))]
[JsonSerializable(typeof(GrantCredit))]
[JsonSerializable(typeof(CompleteSession))]
[JsonSerializable(typeof(AnnounceColumns))]
[JsonSerializable(typeof(RegisterDataset))]
[JsonSerializable(typeof(DatasetBatch))]
[JsonSerializable(typeof(DatasetRegistered))]
[JsonSerializable(typeof(RunQuery))]
[JsonSerializable(typeof(QueryAnswered))]
[JsonSerializable(typeof(QueryRefused))]
[JsonSerializable(typeof(QueryAsked))]
[JsonSerializable(typeof(ProposeQuery))]
[JsonSerializable(typeof(AcceptQuery))]
[JsonSerializable(typeof(RefuseQuery))]
[JsonSerializable(typeof(WithdrawQuery))]
[JsonSerializable(typeof(OpenProduct))]
[JsonSerializable(typeof(MaskedRows))]
[JsonSerializable(typeof(MaskedCorrection))]
[JsonSerializable(typeof(ReleaseTransfer))]
[JsonSerializable(typeof(ReleaseTables))]
[JsonSerializable(typeof(ProductComputed))]
[JsonSerializable(typeof(StartSession))]
[JsonSerializable(typeof(SendDataset))]
[JsonSerializable(typeof(SubmitQuery))]
[JsonSerializable(typeof(CancelSession))]
[JsonSerializable(typeof(DecideApproval))]
[JsonSerializable(typeof(CommandReply))]
[JsonSerializable(typeof(EvaluateBatch))]
[JsonSerializable(typeof(BatchEvaluated))]
[JsonSerializable(typeof(ComputeReady))]
[JsonSerializable(typeof(ComputeRun))]
public sealed partial class ContractJson : JsonSerializerContext;

/// <summary>The list of message types and their names on the wire.</summary>
public static class ContractCatalog
{
    private static readonly Dictionary<string, Type> ByName = new[]
    {
        typeof(ProposeSession), typeof(AcceptSession), typeof(AbortSession), typeof(ApprovalPending), typeof(RestartProtocol),
        typeof(RoundBatch), typeof(GrantCredit), typeof(CompleteSession), typeof(AnnounceColumns),
        typeof(RegisterDataset), typeof(DatasetBatch), typeof(DatasetRegistered),
        typeof(RunQuery), typeof(QueryAnswered), typeof(QueryRefused), typeof(QueryAsked),
        typeof(ProposeQuery), typeof(AcceptQuery), typeof(RefuseQuery), typeof(WithdrawQuery),
        typeof(OpenProduct), typeof(MaskedRows), typeof(MaskedCorrection), typeof(ReleaseTransfer), typeof(ReleaseTables),
        typeof(ProductComputed),
        typeof(StartSession), typeof(SendDataset), typeof(SubmitQuery), typeof(CancelSession), typeof(DecideApproval),
        typeof(CommandReply),
        typeof(EvaluateBatch), typeof(BatchEvaluated), typeof(ComputeReady), typeof(ComputeRun),
    }.ToDictionary(NameOf, StringComparer.Ordinal);

    /// <summary>All wire names, for example <c>psi.v1.ProposeSession</c>.</summary>
    public static IReadOnlyCollection<string> Names => ByName.Keys;

    /// <summary>The wire name of a message type.</summary>
    public static string NameOf(Type type) => "psi.v1." + type.Name;

    /// <summary>The type behind a wire name, or null when there is none.</summary>
    public static Type? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>Writes a message as UTF-8 JSON.</summary>
    public static byte[] Serialize(object message) => JsonSerializer.SerializeToUtf8Bytes(message, message.GetType(), ContractJson.Default);

    /// <summary>Reads a message; throws <see cref="JsonException"/> when it does not fit its contract.</summary>
    public static object Deserialize(Type type, ReadOnlySpan<byte> utf8) =>
        JsonSerializer.Deserialize(utf8, type, ContractJson.Default) ?? throw new JsonException("The message is null.");
}
