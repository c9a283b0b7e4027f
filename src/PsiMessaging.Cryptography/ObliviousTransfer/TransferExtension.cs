using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Fields;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.ObliviousTransfer;

/// <summary>
/// Correlated oblivious transfers from 128 base transfers, in which the parties change roles (Ishai, Kilian, Nissim, Petrank, CRYPTO 2003): the chooser of the
/// base transfers holds Δ (its choices) and gets q_i, the offerer has bits b_i and gets t_i, with t_i = q_i ⊕ b_i·Δ. Rows come in tiles of 128; the
/// message is 2,048 bytes a tile: 128 columns of 16 bytes.
/// </summary>
/// <remarks>
/// The check is the column-wise one (Roy, ePrint 2022/192; the proof of KOS15 has a gap). It is no option: without it an offerer that uses other bits in some
/// columns learns those bits of Δ from whatever depends on q later. Per tile τ a challenge χ_τ from a hash of the session and the message; the offerer opens x̃
/// = Σ χ_τ·X_τ and t̃_j = Σ χ_τ·T_(j,τ), the other requires q̃_j = t̃_j + Δ_j·x̃. A last tile of random bits hides the rest. Guessing c bits of Δ passes with
/// probability 2^-c.
/// </remarks>
public static class TransferExtension
{
    /// <summary>Rows of a tile.</summary>
    public const int TileRows = 128;
    /// <summary>Bytes of the message a tile.</summary>
    public const int TileSizeBytes = TileRows * 16;
    /// <summary>Bytes of the check's opening: x̃, then t̃ for 128 columns.</summary>
    public const int OpeningSizeBytes = 16 + (BaseTransfer.Count * 16);

    /// <summary>The offerer's side.</summary>
    /// <param name="keys">256 keys of the base transfers.</param>
    /// <param name="bits">b, one bit a row, 16 bytes a tile.</param>
    /// <param name="message">Receives 2,048 bytes a tile.</param>
    /// <param name="rows">Receives t, 128 blocks a tile.</param>
    public static void Offer(ReadOnlySpan<Vector128<byte>> keys, ReadOnlySpan<Vector128<byte>> bits, Span<byte> message, Span<Vector128<byte>> rows)
    {
        var tiles = bits.Length;
        ThrowUnlessFits(tiles, message.Length, rows.Length);
        var columns = MemoryMarshal.Cast<byte, Vector128<byte>>(message);
        var stream = new Vector128<byte>[tiles];
        for (var j = 0; j < BaseTransfer.Count; j++)
        {
            Stream(keys[2 * j], stream);
            for (var tile = 0; tile < tiles; tile++)
            {
                rows[(tile * TileRows) + j] = stream[tile];
            }

            Stream(keys[(2 * j) + 1], stream);
            for (var tile = 0; tile < tiles; tile++)
            {
                var at = (tile * TileRows) + j;
                columns[at] = rows[at] ^ stream[tile] ^ bits[tile];
            }
        }

        stream.AsSpan().Clear();
        Transpose(rows);
    }

    /// <summary>The chooser's side.</summary>
    /// <param name="keys">128 keys of the base transfers.</param>
    /// <param name="delta">Its choices, Δ.</param>
    /// <param name="message">The offerer's message, 2,048 bytes a tile.</param>
    /// <param name="rows">Receives q, 128 blocks a tile.</param>
    public static void Choose(ReadOnlySpan<Vector128<byte>> keys, Vector128<byte> delta, ReadOnlySpan<byte> message, Span<Vector128<byte>> rows)
    {
        var tiles = message.Length / TileSizeBytes;
        ThrowUnlessFits(tiles, message.Length, rows.Length);
        var columns = MemoryMarshal.Cast<byte, Vector128<byte>>(message);
        var stream = new Vector128<byte>[tiles];
        for (var j = 0; j < BaseTransfer.Count; j++)
        {
            Stream(keys[j], stream);
            var mask = Vector128.Create((byte)-BaseTransfer.Bit(delta, j));
            for (var tile = 0; tile < tiles; tile++)
            {
                var at = (tile * TileRows) + j;
                rows[at] = stream[tile] ^ (columns[at] & mask);
            }
        }

        stream.AsSpan().Clear();
        Transpose(rows);
    }

    /// <summary>The offerer's opening for the check.</summary>
    /// <param name="challenge">Seed of the challenges, 32 bytes: a hash of everything up to the message.</param>
    /// <param name="bits">b, a block a tile.</param>
    /// <param name="rows">t.</param>
    /// <returns><see cref="OpeningSizeBytes"/> bytes.</returns>
    public static byte[] Open(ReadOnlySpan<byte> challenge, ReadOnlySpan<Vector128<byte>> bits, ReadOnlySpan<Vector128<byte>> rows)
    {
        var opening = new byte[OpeningSizeBytes];
        var sums = MemoryMarshal.Cast<byte, Vector128<byte>>(opening.AsSpan());
        Combine(challenge, rows, sums[1..]);
        using var challenges = new Aes128(challenge[..Aes128.KeySizeBytes]);
        for (var tile = 0; tile < bits.Length; tile++)
        {
            sums[0] ^= BinaryField128.Multiply(Challenge(challenges, tile), bits[tile]);
        }

        return opening;
    }

    /// <summary>The chooser's check of an opening.</summary>
    public static bool Verify(ReadOnlySpan<byte> challenge, Vector128<byte> delta, ReadOnlySpan<Vector128<byte>> rows, ReadOnlySpan<byte> opening)
    {
        if (opening.Length != OpeningSizeBytes)
        {
            return false;
        }

        var claimed = MemoryMarshal.Cast<byte, Vector128<byte>>(opening);
        var sums = new Vector128<byte>[BaseTransfer.Count];
        Combine(challenge, rows, sums);
        var difference = Vector128<byte>.Zero;
        for (var j = 0; j < sums.Length; j++)
        {
            difference |= sums[j] ^ claimed[1 + j] ^ (claimed[0] & Vector128.Create((byte)-BaseTransfer.Bit(delta, j)));
        }

        return difference == Vector128<byte>.Zero;
    }

    /// <summary>Σ over the tiles of χ times each column; the rows are turned back into columns tile by tile.</summary>
    private static void Combine(ReadOnlySpan<byte> challenge, ReadOnlySpan<Vector128<byte>> rows, Span<Vector128<byte>> sums)
    {
        using var challenges = new Aes128(challenge[..Aes128.KeySizeBytes]);
        Span<Vector128<byte>> tile = new Vector128<byte>[TileRows];
        for (var at = 0; at < rows.Length; at += TileRows)
        {
            rows.Slice(at, TileRows).CopyTo(tile);
            Transpose(tile);
            var factor = Challenge(challenges, at / TileRows);
            for (var j = 0; j < TileRows; j++)
            {
                sums[j] ^= BinaryField128.Multiply(factor, tile[j]);
            }
        }

        tile.Clear();
    }

    private static Vector128<byte> Challenge(Aes128 challenges, int tile)
    {
        Vector128<byte> block = default;
        challenges.Counter((ulong)tile, new Span<Vector128<byte>>(ref block));
        return block;
    }

    private static void Stream(Vector128<byte> key, Span<Vector128<byte>> stream)
    {
        Span<byte> bytes = stackalloc byte[16];
        key.CopyTo(bytes);
        using var aes = new Aes128(bytes);
        aes.Counter(0, stream);
        CryptographicOperations.ZeroMemory(bytes);
    }

    private static void ThrowUnlessFits(int tiles, int messageBytes, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(messageBytes, tiles * TileSizeBytes);
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows, tiles * TileRows);
    }

    /// <summary>Transposes each tile of 128 × 128 bits in place: bit c of block r changes places with bit r of block c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Transpose(Span<Vector128<byte>> rows)
    {
        for (var at = 0; at + TileRows <= rows.Length; at += TileRows)
        {
            var tile = MemoryMarshal.Cast<Vector128<byte>, ulong>(rows.Slice(at, TileRows));

            // Recursive halving: quadrants of 64, then of 32, … change places; the first step moves whole words.
            for (var r = 0; r < 64; r++)
            {
                (tile[(2 * r) + 1], tile[2 * (r + 64)]) = (tile[2 * (r + 64)], tile[(2 * r) + 1]);
            }

            var mask = 0x0000_0000_FFFF_FFFFUL;
            for (var half = 32; half > 0; half >>= 1, mask ^= mask << half)
            {
                for (var r = 0; r < TileRows; r = ((r | half) + 1) & ~half)
                {
                    for (var word = 0; word < 2; word++)
                    {
                        ref var upper = ref tile[(2 * r) + word];
                        ref var lower = ref tile[(2 * (r + half)) + word];
                        var swap = ((upper >> half) ^ lower) & mask;
                        lower ^= swap;
                        upper ^= swap << half;
                    }
                }
            }
        }
    }
}
