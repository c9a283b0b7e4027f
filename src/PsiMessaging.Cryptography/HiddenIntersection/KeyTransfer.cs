using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.ObliviousTransfer;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.HiddenIntersection;

/// <summary>
/// One oblivious transfer a record between a party and the linker, once a session: the linker gets the mask key κ_j of every record j of the party that is
/// unmatched, and of the others nothing; the party does not learn which. 128 base transfers (<see cref="BaseTransfer"/>, ePrint 2019/706) in which the party
/// chooses Δ, the extension with its check (<see cref="TransferExtension"/>, CRYPTO 2003 and ePrint 2022/192) in which the linker offers z_j, 1 where j is
/// matched, and c_j = κ_j ⊕ H(q_j, j) with the tweakable hash of ePrint 2019/074. The linker has t_j = q_j ⊕ z_j·Δ.
/// </summary>
/// <remarks>
/// Only one of the two messages of each transfer is sent: for a matched record the linker should get nothing. Base transfers are of this purpose alone, not
/// those that releases use (<see cref="SharedRelease.ReleaseKeys"/>).
/// </remarks>
public static class KeyTransfer
{
    /// <summary>Bytes of a side's secret.</summary>
    public const int SecretSizeBytes = 32;

    private const int Chunk = 1024;

    /// <summary>The linker's columns: tiles of 128 records, and one tile more of random bits behind them.</summary>
    /// <param name="records">Records of the party, 0 or more.</param>
    public static MessageCut ExtensionCut(int records) => new("columns of the key transfer", TilesOf(records), TransferExtension.TileSizeBytes);

    /// <summary>The party's covered keys.</summary>
    /// <param name="records">Its records.</param>
    public static MessageCut KeysCut(int records) => new("covered mask keys", records, 16);

    internal static int TilesOf(int records) => ((records + TransferExtension.TileRows - 1) / TransferExtension.TileRows) + 1;

    /// <summary>What the base transfers of one party are bound to.</summary>
    internal static byte[] Bound(ReadOnlySpan<byte> transcript, bool ofInitiator) =>
        SHA256.HashData([.. DomainTags.HiddenTransfer, .. transcript, (byte)(ofInitiator ? 1 : 2)]);

    internal static byte[] Session(ReadOnlySpan<byte> bound, ReadOnlySpan<byte> offer, ReadOnlySpan<byte> choice) =>
        SHA256.HashData([.. bound, .. offer, .. SHA256.HashData(choice)]);

    internal static byte[] Challenge(ReadOnlySpan<byte> session, ReadOnlySpan<byte> columns) =>
        SHA256.HashData([.. DomainTags.HiddenTransferCheck, .. session, .. SHA256.HashData(columns)]);

    /// <summary>to_j = from_j ⊕ H(row_j, j).</summary>
    /// <param name="session">Hash of the base transfers, 32 bytes: the hash's key is bound to it.</param>
    /// <param name="rows">q or t.</param>
    /// <param name="first">j of the first.</param>
    /// <param name="from">What is covered, or uncovered.</param>
    /// <param name="to">Receives it; may be the same.</param>
    internal static void Cover(
        ReadOnlySpan<byte> session, ReadOnlySpan<Vector128<byte>> rows, int first, ReadOnlySpan<Vector128<byte>> from, Span<Vector128<byte>> to)
    {
        using var cipher = new Aes128(SHA256.HashData([.. DomainTags.HiddenTransferHash, .. session])[..Aes128.KeySizeBytes]);
        Span<Vector128<byte>> once = new Vector128<byte>[Chunk], twice = new Vector128<byte>[Chunk];
        for (var at = 0; at < rows.Length; at += Chunk)
        {
            var count = Math.Min(Chunk, rows.Length - at);
            cipher.Encrypt(rows.Slice(at, count), once);
            for (var i = 0; i < count; i++)
            {
                twice[i] = once[i] ^ Vector128.Create((ulong)(first + at + i), 0UL).AsByte();
            }

            cipher.Encrypt(twice[..count], twice);
            for (var i = 0; i < count; i++)
            {
                to[at + i] = from[at + i] ^ twice[i] ^ once[i];
            }
        }

        once.Clear();
        twice.Clear();
    }
}
