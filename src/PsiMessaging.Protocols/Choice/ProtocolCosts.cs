using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Cryptography.Ristretto;

namespace PsiMessaging.Protocols.Choice;

/// <summary>
/// What a machine does in a second, from which the time of a session is estimated. <c>psi bench --calibrate</c> measures it; without that the figures of the
/// development machine serve, since only the order of the estimates counts.
/// </summary>
public sealed record ProtocolCosts
{
    /// <summary>Protocol <c>ecdh</c>: ristretto255 multiplications a second, one core.</summary>
    public double EcdhMultiplications { get; init; } = HasLanes ? 110_000 : 15_600;
    /// <summary>Protocol <c>ecdh</c>: hashes to the group a second, one core.</summary>
    public double EcdhHashes { get; init; } = HasLanes ? 250_000 : 60_800;
    /// <summary>Protocol <c>vole</c>: seconds that do not depend on the sizes: base transfers, trees, and the rounds' way through the broker.</summary>
    public double VoleFixedSeconds { get; init; } = 0.2;
    /// <summary>Protocol <c>vole</c>: seconds an identifier of the receiver.</summary>
    public double VoleReceiverSeconds { get; init; } = 0.4e-6;
    /// <summary>Protocol <c>vole</c>: seconds an identifier of the sender.</summary>
    public double VoleSenderSeconds { get; init; } = 0.25e-6;
    /// <summary>When it was measured; null for the built-in figures.</summary>
    public DateTimeOffset? MeasuredAt { get; init; }

    /// <summary>Whether this processor computes batches of elements on vector lanes.</summary>
    private static bool HasLanes => RistrettoBatch.Path != RistrettoPath.Libsodium;

    /// <summary>File in a home.</summary>
    public const string FileName = "costs.json";

    /// <summary>Seconds <c>ecdh</c> needs for two sets, the parties working at once.</summary>
    /// <param name="size1">One set's size.</param>
    /// <param name="size2">The other's.</param>
    /// <param name="cores">Cores a party uses.</param>
    public double Ecdh(int size1, int size2, int cores) =>
        ((((double)size1 + size2) / EcdhMultiplications) + (Math.Max(size1, size2) / EcdhHashes)) / cores;

    /// <summary>Seconds <c>vole</c> needs.</summary>
    /// <param name="receiver">Size of the receiver's set.</param>
    /// <param name="sender">Size of the sender's set.</param>
    public double Vole(int receiver, int sender) => VoleFixedSeconds + (receiver * VoleReceiverSeconds) + (sender * VoleSenderSeconds);

    /// <summary>Figures from a file's content; the built-in ones where it is no such file.</summary>
    public static ProtocolCosts Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, CostsJson.Default.ProtocolCosts) is { } costs && costs.IsPlausible() ? costs : new ProtocolCosts();
        }
        catch (JsonException)
        {
            // They guide a choice between protocols that all give the same result.
            return new ProtocolCosts();
        }
    }

    /// <summary>As a file's content.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, CostsJson.Default.ProtocolCosts);

    private bool IsPlausible() => EcdhMultiplications > 0 && EcdhHashes > 0 && VoleFixedSeconds > 0 && VoleReceiverSeconds > 0 && VoleSenderSeconds > 0;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(ProtocolCosts))]
internal sealed partial class CostsJson : JsonSerializerContext;
