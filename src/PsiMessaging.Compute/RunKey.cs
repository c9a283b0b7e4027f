using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Compute;

/// <summary>A key that frames are sealed under.</summary>
internal interface IFrameKey
{
    /// <summary>Names it on a frame.</summary>
    RunName Name { get; }

    /// <summary>The key of one frame: fresh for every salt, different for jobs and for what comes back.</summary>
    SecretBytes FrameKey(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> direction);
}

/// <summary>Which run a frame belongs to.</summary>
/// <param name="Id">32 hexadecimal digits; all zero for what is sealed under the compute key itself.</param>
/// <param name="StartedAt">When the party's worker started, in milliseconds since 1970.</param>
internal readonly record struct RunName(string Id, long StartedAt)
{
    /// <summary>Bytes on a frame.</summary>
    public const int SizeBytes = 24;

    /// <summary>What is sealed under the compute key itself.</summary>
    public static RunName None { get; } = new(new string('0', 32), 0);

    /// <summary>Reads one.</summary>
    public static RunName Read(ReadOnlySpan<byte> bytes) => new(Convert.ToHexStringLower(bytes[..16]), BinaryPrimitives.ReadInt64BigEndian(bytes[16..]));

    /// <summary>Writes it.</summary>
    public void Write(Span<byte> bytes)
    {
        Convert.FromHexString(Id).CopyTo(bytes);
        BinaryPrimitives.WriteInt64BigEndian(bytes[16..], StartedAt);
    }
}

/// <summary>
/// The key of one run of a party's worker, under which its jobs and their results are sealed. Drawn when it starts, in memory alone at it and at the compute
/// workers, and gone with them: who gets the compute key later opens nothing that was recorded.
/// </summary>
internal sealed class RunKey : IFrameKey, IDisposable
{
    private const int KeySizeBytes = 32;
    private readonly SecretBytes _key;

    private RunKey(RunName name, SecretBytes key) => (Name, _key) = (name, key);

    /// <inheritdoc/>
    public RunName Name { get; }

    /// <summary>Draws one.</summary>
    /// <param name="now">The time.</param>
    public static RunKey Draw(DateTimeOffset now) => new(
        new RunName(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), now.ToUnixTimeMilliseconds()), SecretBytes.Random(KeySizeBytes));

    /// <summary>For a compute worker; null where its key is none.</summary>
    /// <param name="worker">Its id.</param>
    /// <param name="publicKey">Its key, from a frame under the compute key.</param>
    public ComputeRun? TryFor(string worker, ReadOnlySpan<byte> publicKey)
    {
        using var context = HpkeContext.TryToReceiver(publicKey, Info(worker, Name), out var encapsulation);
        return context is null ? null : new ComputeRun(worker, Name.Id, Name.StartedAt, encapsulation, context.Seal([], _key.Span));
    }

    /// <summary>As a compute worker takes it; null where it is not for this key, worker and run.</summary>
    public static RunKey? TryOpen(HybridKey own, ComputeRun message)
    {
        if (!ParticipantNames.IsId(message.RunId) || !ParticipantNames.IsId(message.WorkerId))
        {
            return null;
        }

        var name = new RunName(message.RunId, message.StartedAt);
        using var context = HpkeContext.TryFromSender(own, message.Encapsulation, Info(message.WorkerId, name));
        return message.SealedKey.Length == KeySizeBytes + HpkeContext.TagSizeBytes && context?.TryOpen([], message.SealedKey) is { } key
            ? new RunKey(name, Take(key)) : null;
    }

    /// <inheritdoc/>
    public SecretBytes FrameKey(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> direction) => _key.Derive(salt, direction, KeySizeBytes);

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    private static SecretBytes Take(byte[] opened)
    {
        var key = SecretBytes.CopyOf(opened);
        CryptographicOperations.ZeroMemory(opened);
        return key;
    }

    private static byte[] Info(string worker, RunName run)
    {
        var name = new byte[RunName.SizeBytes];
        run.Write(name);
        return [.. DomainTags.ComputeRun, .. Encoding.ASCII.GetBytes(worker), .. name];
    }
}
