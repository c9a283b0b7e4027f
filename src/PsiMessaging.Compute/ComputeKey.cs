using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Compute;

/// <summary>
/// What a party's compute workers are given, as a file: whose they are, their queues, and the key under which the two sides hand each other the key of a run
/// (<see cref="RunKey"/>), which jobs and results are sealed under. Who holds it while workers run can be one of them, and then sees identifiers and session
/// secrets, so it is guarded as the home is; it does not sign for the party.
/// </summary>
public sealed class ComputeKey : IFrameKey, IDisposable
{
    private const int KeySizeBytes = 32;
    private readonly SecretBytes _key;

    private ComputeKey(string party, string queuePrefix, SecretBytes key) => (Party, QueuePrefix, _key) = (party, queuePrefix, key);

    /// <summary>The party's name.</summary>
    public string Party { get; }
    /// <summary>Prefix of the queues' names.</summary>
    public string QueuePrefix { get; }
    /// <summary>Queue of jobs, which compute workers share.</summary>
    public QueueAddress JobQueue => QueueAddress.ComputeOf(QueuePrefix, Party);
    /// <summary>Queue on which one compute worker is given the keys of runs.</summary>
    public QueueAddress KeyQueueOf(string worker) => QueueAddress.ComputeWorkerOf(QueuePrefix, Party, worker);
    /// <summary>Queue of results, which the party's worker reads.</summary>
    public QueueAddress ResultQueue => QueueAddress.ComputedOf(QueuePrefix, Party);

    /// <inheritdoc/>
    RunName IFrameKey.Name => RunName.None;

    /// <summary>Where the file lies in a party's home.</summary>
    public static string PathIn(ParticipantHome home) => Path.Combine(home.Path, "compute.key");

    /// <summary>The party's own key; made when missing, written again when the home's queue names have changed.</summary>
    public static ComputeKey LoadOrCreate(ParticipantHome home)
    {
        var path = PathIn(home);
        var known = File.Exists(path) ? Load(path) : null;
        if (known is not null && known.Party == home.Name && known.QueuePrefix == home.Config.QueuePrefix)
        {
            return known;
        }

        var key = new ComputeKey(home.Name, home.Config.QueuePrefix, known?._key ?? SecretBytes.Random(KeySizeBytes));
        var bytes = key._key.Span.ToArray();
        AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(new ComputeKeyFile(key.Party, key.QueuePrefix, bytes), ComputeJson.Default.ComputeKeyFile));
        CryptographicOperations.ZeroMemory(bytes);
        return key;
    }

    /// <summary>Reads a key file. The group may be allowed to read it, as a mounted secret's is; the world may not.</summary>
    /// <exception cref="ParticipantException">Missing, readable by everybody, another user's, or not such a file.</exception>
    public static ComputeKey Load(string path)
    {
        if (!File.Exists(path))
        {
            throw new ParticipantException(FailureCodes.Malformed,
                $"the compute key {path} does not exist; it lies in the party's home as compute.key once psi init or psi party run was there");
        }

        if (PrivateFile.IsOpenBeyondGroup(path))
        {
            throw new ParticipantException(FailureCodes.Malformed, $"the compute key {path} can be read or changed by others; mend it with: chmod 400 {path}");
        }

        if (PrivateFile.IsForeign(path))
        {
            throw new ParticipantException(FailureCodes.Malformed,
                $"the compute key {path} belongs to another user, who could change it; copy it to a file of your own with rights 400");
        }

        try
        {
            var file = JsonSerializer.Deserialize(File.ReadAllBytes(path), ComputeJson.Default.ComputeKeyFile) ?? throw new JsonException();
            if (!ParticipantNames.IsValid(file.Party) || !ParticipantNames.IsPrefix(file.QueuePrefix) || file.Key.Length != KeySizeBytes)
            {
                throw new JsonException("a field is out of range");
            }

            var key = new ComputeKey(file.Party, file.QueuePrefix, SecretBytes.CopyOf(file.Key));
            CryptographicOperations.ZeroMemory(file.Key);
            return key;
        }
        catch (Exception exception) when (exception is JsonException or UnauthorizedAccessException)
        {
            throw new ParticipantException(FailureCodes.Malformed, $"{path} cannot be read as a compute key: {exception.Message}", exception);
        }
    }

    /// <inheritdoc/>
    SecretBytes IFrameKey.FrameKey(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> direction) => _key.Derive(salt, direction, KeySizeBytes);

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}

/// <summary>The key file's content.</summary>
internal sealed record ComputeKeyFile(string Party, string QueuePrefix, byte[] Key);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ComputeKeyFile))]
internal sealed partial class ComputeJson : JsonSerializerContext;
