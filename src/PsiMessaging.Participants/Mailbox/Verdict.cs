using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Mailbox;

/// <summary>What the door found about a message, for the session's turn: kept as a small row beside the session's messages, one a session.</summary>
/// <param name="Code">A failure code of the wire contract.</param>
/// <param name="Reason">One line for a person.</param>
public sealed record Verdict(string Code, string Reason)
{
    /// <summary>Its slot.</summary>
    public const string Slot = "verdict/1";

    /// <summary>Stores it. The first of a session stands.</summary>
    internal void Put(IStoreWriter writer, string session)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(this, VerdictJson.Default.Verdict);
        writer.PutInbound(session, Slot, SHA256.HashData(json), json);
    }

    /// <summary>Reads it.</summary>
    internal static Verdict Parse(byte[] json) => JsonSerializer.Deserialize(json, VerdictJson.Default.Verdict)!;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Verdict))]
internal sealed partial class VerdictJson : JsonSerializerContext;
