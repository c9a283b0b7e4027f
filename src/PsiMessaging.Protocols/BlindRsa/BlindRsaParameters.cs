using System.Buffers.Binary;

namespace PsiMessaging.Protocols.BlindRsa;

/// <summary>Public parameters of an RSA evaluation.</summary>
/// <param name="First">Position of the batch's first identifier in the round: its blinds derive from it.</param>
/// <param name="TagSizeBytes">Bytes of a tag, 8 to 16.</param>
/// <param name="PeerModulus">Modulus of the sender when that is the peer, big-endian; empty otherwise.</param>
/// <param name="Signer">What stands before the identifier in a signed message.</param>
/// <param name="TagPrefix">What is hashed before the signature into a tag.</param>
internal sealed record BlindRsaParameters(int First, int TagSizeBytes, byte[] PeerModulus, byte[] Signer, byte[] TagPrefix)
{
    private const int FixedBytes = 11;

    /// <summary>First (4 bytes), tag size (1), three lengths (2 each), three fields; big-endian.</summary>
    public byte[] Encode()
    {
        var bytes = new byte[FixedBytes + PeerModulus.Length + Signer.Length + TagPrefix.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, First);
        bytes[4] = (byte)TagSizeBytes;
        var at = FixedBytes;
        for (var (i, fields) = (0, new[] { PeerModulus, Signer, TagPrefix }); i < fields.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(5 + (2 * i)), checked((ushort)fields[i].Length));
            fields[i].CopyTo(bytes, at);
            at += fields[i].Length;
        }

        return bytes;
    }

    /// <exception cref="ArgumentException">The bytes are not such parameters.</exception>
    public static BlindRsaParameters Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FixedBytes)
        {
            throw new ArgumentException("the parameters are cut off", nameof(bytes));
        }

        int[] lengths = [BinaryPrimitives.ReadUInt16BigEndian(bytes[5..]),
            BinaryPrimitives.ReadUInt16BigEndian(bytes[7..]), BinaryPrimitives.ReadUInt16BigEndian(bytes[9..])];
        if (bytes.Length != FixedBytes + lengths.Sum() || bytes[4] is < 1 or > FalseMatchBound.MaximumTagSizeBytes)
        {
            throw new ArgumentException("the parameters have wrong lengths", nameof(bytes));
        }

        var fields = bytes[FixedBytes..];
        return new BlindRsaParameters(
            BinaryPrimitives.ReadInt32BigEndian(bytes), bytes[4], fields[..lengths[0]].ToArray(), fields.Slice(lengths[0], lengths[1])
                .ToArray(), fields[(lengths[0] + lengths[1])..].ToArray());
    }
}
