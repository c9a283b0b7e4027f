using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using Aes = System.Security.Cryptography.Aes;
using AesRounds = System.Runtime.Intrinsics.X86.Aes;

namespace PsiMessaging.Cryptography.Symmetric;

/// <summary>
/// AES-128 (FIPS 197) as a fixed-key permutation, for what hashes and expands many blocks: the processor's AES rounds, eight blocks in flight, where it has
/// them; the platform's AES elsewhere. Both are constant-time. Safe to use from several threads.
/// </summary>
/// <remarks>
/// <see cref="Hash(Vector128{byte})"/> is the Matyas–Meyer–Oseas function π(z) ⊕ z under one key for many inputs: correlation robust when π is taken for an
/// ideal cipher (Guo, Katz, Wang, Yu, ePrint 2019/074). <see cref="TweakedHash"/> is that paper's tweakable function.
/// </remarks>
public sealed unsafe class Aes128 : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeySizeBytes = 16;

    private const int Rounds = 10;
    private const int ChunkBlocks = 64;
    private readonly SecretBytes _key;
    private readonly Vector128<byte>[]? _schedule;
    private readonly ThreadLocal<Aes>? _portable;

    /// <param name="key">16 bytes.</param>
    public Aes128(ReadOnlySpan<byte> key)
        : this(key, IsAccelerated)
    {
    }

    /// <summary>With or without the processor's AES rounds, so that both can be tested on one machine.</summary>
    internal Aes128(ReadOnlySpan<byte> key, bool accelerated)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeySizeBytes);
        _key = SecretBytes.CopyOf(key);
        if (accelerated)
        {
            _schedule = GC.AllocateUninitializedArray<Vector128<byte>>(Rounds + 1, pinned: true);
            fixed (Vector128<byte>* schedule = _schedule)
            {
                Expand(Vector128.Create<byte>(key), schedule);
            }
        }
        else
        {
            _portable = new ThreadLocal<Aes>(
                () =>
                {
                    var aes = Aes.Create();
                    aes.SetKey(_key.Span);
                    return aes;
                },
                trackAllValues: true);
        }
    }

    /// <summary>Whether this processor's AES rounds are used.</summary>
    public static bool IsAccelerated => AesRounds.IsSupported;

    /// <summary>π(z) for each block. The spans may be the same.</summary>
    public void Encrypt(ReadOnlySpan<Vector128<byte>> input, Span<Vector128<byte>> output) => Apply(input, output, feedForward: false);

    /// <summary>π(z) ⊕ z for each block. The spans may be the same.</summary>
    public void Hash(ReadOnlySpan<Vector128<byte>> input, Span<Vector128<byte>> output) => Apply(input, output, feedForward: true);

    /// <summary>π(z) ⊕ z of one block.</summary>
    public Vector128<byte> Hash(Vector128<byte> input)
    {
        Hash(new ReadOnlySpan<Vector128<byte>>(in input), new Span<Vector128<byte>>(ref input));
        return input;
    }

    /// <summary>π(π(z) ⊕ i) ⊕ π(z): the tweakable circular correlation robust hash of ePrint 2019/074, section 7.4.</summary>
    public Vector128<byte> TweakedHash(Vector128<byte> input, ulong tweak)
    {
        var block = new Span<Vector128<byte>>(ref input);
        Encrypt(block, block);
        var once = input;
        input ^= Vector128.Create(tweak, 0UL).AsByte();
        Encrypt(block, block);
        return input ^ once;
    }

    /// <summary>Counter mode (NIST SP 800-38A section 6.5) with a little-endian counter: blocks π(first), π(first + 1), …</summary>
    public void Counter(ulong first, Span<Vector128<byte>> output)
    {
        for (var at = 0; at < output.Length; at += ChunkBlocks)
        {
            var chunk = output.Slice(at, Math.Min(ChunkBlocks, output.Length - at));
            for (var i = 0; i < chunk.Length; i++)
            {
                chunk[i] = Vector128.Create(first + (ulong)(at + i), 0UL).AsByte();
            }

            Encrypt(chunk, chunk);
        }
    }

    /// <summary>
    /// Two hashes of each block, as the doubling generator of a tree wants them: output 2i is <paramref name="left"/>'s hash of input i and 2i + 1
    /// <paramref name="right"/>'s; a last odd output may be missing. Returns the XOR of all left and of all right hashes that were written.
    /// </summary>
    /// <param name="left">Key of the left child.</param>
    /// <param name="right">Key of the right child.</param>
    /// <param name="input">The parents.</param>
    /// <param name="output">Receives 2 × parents blocks, or one less. Must not overlap the input.</param>
    internal static (Vector128<byte> Left, Vector128<byte> Right) Double(Aes128 left,
        Aes128 right, ReadOnlySpan<Vector128<byte>> input, Span<Vector128<byte>> output)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(output.Length, 2 * input.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(output.Length, (2 * input.Length) - 1);
        var (pairs, sumLeft, sumRight) = (output.Length / 2, Vector128<byte>.Zero, Vector128<byte>.Zero);
        var at = 0;
        if (left._schedule is not null && right._schedule is not null)
        {
            fixed (Vector128<byte>* from = input, to = output, a = left._schedule, b = right._schedule)
            {
                at = DoubleAccelerated(a, b, from, to, pairs, out sumLeft, out sumRight);
            }
        }

        Span<Vector128<byte>> one = stackalloc Vector128<byte>[ChunkBlocks], two = stackalloc Vector128<byte>[ChunkBlocks];
        while (at < input.Length)
        {
            var take = Math.Min(ChunkBlocks, input.Length - at);
            left.Hash(input.Slice(at, take), one);
            right.Hash(input.Slice(at, take), two);
            for (var i = 0; i < take; i++)
            {
                output[2 * (at + i)] = one[i];
                sumLeft ^= one[i];
                if (at + i < pairs)
                {
                    output[(2 * (at + i)) + 1] = two[i];
                    sumRight ^= two[i];
                }
            }

            at += take;
        }

        one.Clear();
        two.Clear();
        return (sumLeft, sumRight);
    }

    /// <summary>AES_{key}(z) ⊕ z with another key for each block. The spans may be the same.</summary>
    internal static void HashUnderKeys(ReadOnlySpan<Vector128<byte>> keys, ReadOnlySpan<Vector128<byte>> input, Span<Vector128<byte>> output, bool accelerated)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(keys.Length, input.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(output.Length, input.Length);
        if (accelerated)
        {
            fixed (Vector128<byte>* k = keys, from = input, to = output)
            {
                HashUnderKeysAccelerated(k, from, to, input.Length);
            }

            return;
        }

        using var aes = Aes.Create();
        Span<byte> bytes = stackalloc byte[16];
        for (var i = 0; i < keys.Length; i++)
        {
            var z = input[i];
            keys[i].CopyTo(bytes);
            aes.SetKey(bytes);
            z.CopyTo(bytes);
            aes.EncryptEcb(bytes, bytes, PaddingMode.None);
            output[i] = Vector128.Create<byte>(bytes) ^ z;
        }

        bytes.Clear();
    }

    /// <summary>
    /// Eight keys in flight, each round's keys made just before the round, so that no schedule is stored. The last round of AES, of a state whose columns are
    /// equal, is SubBytes alone, since ShiftRows changes nothing: SubWord of the schedule, quicker than the instruction that is made for it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void HashUnderKeysAccelerated(Vector128<byte>* keys, Vector128<byte>* from, Vector128<byte>* to, int count)
    {
        var i = 0;
        for (; i + 8 <= count; i += 8)
        {
            Vector128<byte> p = keys[i], q = keys[i + 1], r = keys[i + 2], s = keys[i + 3];
            Vector128<byte> t = keys[i + 4], u = keys[i + 5], v = keys[i + 6], w = keys[i + 7];
            Vector128<byte> a = from[i] ^ p, b = from[i + 1] ^ q, c = from[i + 2] ^ r, d = from[i + 3] ^ s;
            Vector128<byte> e = from[i + 4] ^ t, f = from[i + 5] ^ u, g = from[i + 6] ^ v, h = from[i + 7] ^ w;
            var constant = 1U;
            for (var round = 1; round < Rounds; round++)
            {
                var word = Vector128.Create(constant).AsByte();
                p = NextKey(p, word);
                q = NextKey(q, word);
                r = NextKey(r, word);
                s = NextKey(s, word);
                t = NextKey(t, word);
                u = NextKey(u, word);
                v = NextKey(v, word);
                w = NextKey(w, word);
                a = AesRounds.Encrypt(a, p);
                b = AesRounds.Encrypt(b, q);
                c = AesRounds.Encrypt(c, r);
                d = AesRounds.Encrypt(d, s);
                e = AesRounds.Encrypt(e, t);
                f = AesRounds.Encrypt(f, u);
                g = AesRounds.Encrypt(g, v);
                h = AesRounds.Encrypt(h, w);
                constant = (constant << 1) ^ ((constant >> 7) * 0x11B);
            }

            var last = Vector128.Create(constant).AsByte();
            to[i] = AesRounds.EncryptLast(a, NextKey(p, last)) ^ from[i];
            to[i + 1] = AesRounds.EncryptLast(b, NextKey(q, last)) ^ from[i + 1];
            to[i + 2] = AesRounds.EncryptLast(c, NextKey(r, last)) ^ from[i + 2];
            to[i + 3] = AesRounds.EncryptLast(d, NextKey(s, last)) ^ from[i + 3];
            to[i + 4] = AesRounds.EncryptLast(e, NextKey(t, last)) ^ from[i + 4];
            to[i + 5] = AesRounds.EncryptLast(f, NextKey(u, last)) ^ from[i + 5];
            to[i + 6] = AesRounds.EncryptLast(g, NextKey(v, last)) ^ from[i + 6];
            to[i + 7] = AesRounds.EncryptLast(h, NextKey(w, last)) ^ from[i + 7];
        }

        var schedule = stackalloc Vector128<byte>[Rounds + 1];
        for (; i < count; i++)
        {
            var z = from[i];
            Expand(keys[i], schedule);
            to[i] = EncryptOne(schedule, z) ^ z;
        }

        new Span<Vector128<byte>>(schedule, Rounds + 1).Clear();
    }

    /// <summary>The next round's key of FIPS 197 section 5.2; <paramref name="constant"/> is the round's, in the first byte of each column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> NextKey(Vector128<byte> key, Vector128<byte> constant)
    {
        var rotated = Ssse3.Shuffle(key, Vector128.Create((byte)13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12));
        var word = AesRounds.EncryptLast(rotated, constant);
        key ^= Sse2.ShiftLeftLogical128BitLane(key, 4);
        key ^= Sse2.ShiftLeftLogical128BitLane(key, 8);
        return key ^ word;
    }

    private void Apply(ReadOnlySpan<Vector128<byte>> input, Span<Vector128<byte>> output, bool feedForward)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(output.Length, input.Length);
        if (_schedule is null)
        {
            ApplyPortable(input, output, feedForward);
            return;
        }

        fixed (Vector128<byte>* from = input, to = output, schedule = _schedule)
        {
            if (feedForward)
            {
                HashAccelerated(schedule, from, to, input.Length);
            }
            else
            {
                EncryptAccelerated(schedule, from, to, input.Length);
            }
        }
    }

    private void ApplyPortable(ReadOnlySpan<Vector128<byte>> input, Span<Vector128<byte>> output, bool feedForward)
    {
        Span<Vector128<byte>> result = stackalloc Vector128<byte>[ChunkBlocks];
        for (var at = 0; at < input.Length; at += ChunkBlocks)
        {
            var chunk = input.Slice(at, Math.Min(ChunkBlocks, input.Length - at));
            _portable!.Value!.EncryptEcb(MemoryMarshal.AsBytes(chunk), MemoryMarshal.AsBytes(result[..chunk.Length]), PaddingMode.None);
            for (var i = 0; i < chunk.Length; i++)
            {
                output[at + i] = feedForward ? result[i] ^ chunk[i] : result[i];
            }
        }

        result.Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void EncryptAccelerated(Vector128<byte>* k, Vector128<byte>* from, Vector128<byte>* to, int count)
    {
        var i = 0;
        for (; i + 8 <= count; i += 8)
        {
            var key = k[0];
            Vector128<byte> a = from[i] ^ key, b = from[i + 1] ^ key, c = from[i + 2] ^ key, d = from[i + 3] ^ key;
            Vector128<byte> e = from[i + 4] ^ key, f = from[i + 5] ^ key, g = from[i + 6] ^ key, h = from[i + 7] ^ key;
            for (var round = 1; round < Rounds; round++)
            {
                key = k[round];
                a = AesRounds.Encrypt(a, key);
                b = AesRounds.Encrypt(b, key);
                c = AesRounds.Encrypt(c, key);
                d = AesRounds.Encrypt(d, key);
                e = AesRounds.Encrypt(e, key);
                f = AesRounds.Encrypt(f, key);
                g = AesRounds.Encrypt(g, key);
                h = AesRounds.Encrypt(h, key);
            }

            key = k[Rounds];
            to[i] = AesRounds.EncryptLast(a, key);
            to[i + 1] = AesRounds.EncryptLast(b, key);
            to[i + 2] = AesRounds.EncryptLast(c, key);
            to[i + 3] = AesRounds.EncryptLast(d, key);
            to[i + 4] = AesRounds.EncryptLast(e, key);
            to[i + 5] = AesRounds.EncryptLast(f, key);
            to[i + 6] = AesRounds.EncryptLast(g, key);
            to[i + 7] = AesRounds.EncryptLast(h, key);
        }

        for (; i < count; i++)
        {
            to[i] = EncryptOne(k, from[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void HashAccelerated(Vector128<byte>* k, Vector128<byte>* from, Vector128<byte>* to, int count)
    {
        var i = 0;
        for (; i + 8 <= count; i += 8)
        {
            var key = k[0];
            Vector128<byte> a = from[i] ^ key, b = from[i + 1] ^ key, c = from[i + 2] ^ key, d = from[i + 3] ^ key;
            Vector128<byte> e = from[i + 4] ^ key, f = from[i + 5] ^ key, g = from[i + 6] ^ key, h = from[i + 7] ^ key;
            for (var round = 1; round < Rounds; round++)
            {
                key = k[round];
                a = AesRounds.Encrypt(a, key);
                b = AesRounds.Encrypt(b, key);
                c = AesRounds.Encrypt(c, key);
                d = AesRounds.Encrypt(d, key);
                e = AesRounds.Encrypt(e, key);
                f = AesRounds.Encrypt(f, key);
                g = AesRounds.Encrypt(g, key);
                h = AesRounds.Encrypt(h, key);
            }

            // Input and output may be one vector: each place is read before it is written.
            key = k[Rounds];
            to[i] = AesRounds.EncryptLast(a, key) ^ from[i];
            to[i + 1] = AesRounds.EncryptLast(b, key) ^ from[i + 1];
            to[i + 2] = AesRounds.EncryptLast(c, key) ^ from[i + 2];
            to[i + 3] = AesRounds.EncryptLast(d, key) ^ from[i + 3];
            to[i + 4] = AesRounds.EncryptLast(e, key) ^ from[i + 4];
            to[i + 5] = AesRounds.EncryptLast(f, key) ^ from[i + 5];
            to[i + 6] = AesRounds.EncryptLast(g, key) ^ from[i + 6];
            to[i + 7] = AesRounds.EncryptLast(h, key) ^ from[i + 7];
        }

        for (; i < count; i++)
        {
            var z = from[i];
            to[i] = EncryptOne(k, z) ^ z;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int DoubleAccelerated(Vector128<byte>* left, Vector128<byte>* right, Vector128<byte>* from,
        Vector128<byte>* to, int pairs, out Vector128<byte> sumLeft, out Vector128<byte> sumRight)
    {
        Vector128<byte> sl = default, sr = default;
        var i = 0;
        for (; i + 4 <= pairs; i += 4)
        {
            Vector128<byte> x0 = from[i], x1 = from[i + 1], x2 = from[i + 2], x3 = from[i + 3];
            Vector128<byte> p = left[0], q = right[0];
            Vector128<byte> a = x0 ^ p, b = x1 ^ p, c = x2 ^ p, d = x3 ^ p;
            Vector128<byte> e = x0 ^ q, f = x1 ^ q, g = x2 ^ q, h = x3 ^ q;
            for (var round = 1; round < Rounds; round++)
            {
                p = left[round];
                q = right[round];
                a = AesRounds.Encrypt(a, p);
                e = AesRounds.Encrypt(e, q);
                b = AesRounds.Encrypt(b, p);
                f = AesRounds.Encrypt(f, q);
                c = AesRounds.Encrypt(c, p);
                g = AesRounds.Encrypt(g, q);
                d = AesRounds.Encrypt(d, p);
                h = AesRounds.Encrypt(h, q);
            }

            p = left[Rounds];
            q = right[Rounds];
            a = AesRounds.EncryptLast(a, p) ^ x0;
            b = AesRounds.EncryptLast(b, p) ^ x1;
            c = AesRounds.EncryptLast(c, p) ^ x2;
            d = AesRounds.EncryptLast(d, p) ^ x3;
            e = AesRounds.EncryptLast(e, q) ^ x0;
            f = AesRounds.EncryptLast(f, q) ^ x1;
            g = AesRounds.EncryptLast(g, q) ^ x2;
            h = AesRounds.EncryptLast(h, q) ^ x3;
            sl ^= a ^ b ^ c ^ d;
            sr ^= e ^ f ^ g ^ h;
            var at = to + (2 * i);
            at[0] = a;
            at[1] = e;
            at[2] = b;
            at[3] = f;
            at[4] = c;
            at[5] = g;
            at[6] = d;
            at[7] = h;
        }

        (sumLeft, sumRight) = (sl, sr);
        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> EncryptOne(Vector128<byte>* k, Vector128<byte> block)
    {
        block ^= k[0];
        for (var round = 1; round < Rounds; round++)
        {
            block = AesRounds.Encrypt(block, k[round]);
        }

        return AesRounds.EncryptLast(block, k[Rounds]);
    }

    /// <summary>The key schedule of FIPS 197 section 5.2.</summary>
    private static void Expand(Vector128<byte> key, Vector128<byte>* schedule)
    {
        schedule[0] = key;
        schedule[1] = key = Next(key, AesRounds.KeygenAssist(key, 0x01));
        schedule[2] = key = Next(key, AesRounds.KeygenAssist(key, 0x02));
        schedule[3] = key = Next(key, AesRounds.KeygenAssist(key, 0x04));
        schedule[4] = key = Next(key, AesRounds.KeygenAssist(key, 0x08));
        schedule[5] = key = Next(key, AesRounds.KeygenAssist(key, 0x10));
        schedule[6] = key = Next(key, AesRounds.KeygenAssist(key, 0x20));
        schedule[7] = key = Next(key, AesRounds.KeygenAssist(key, 0x40));
        schedule[8] = key = Next(key, AesRounds.KeygenAssist(key, 0x80));
        schedule[9] = key = Next(key, AesRounds.KeygenAssist(key, 0x1B));
        schedule[10] = Next(key, AesRounds.KeygenAssist(key, 0x36));
    }

    private static Vector128<byte> Next(Vector128<byte> key, Vector128<byte> assist)
    {
        var word = Vector128.Create(assist.AsUInt32().GetElement(3));
        var words = key.AsUInt32();
        var (w0, w1, w2, w3) = (words.GetElement(0), words.GetElement(1), words.GetElement(2), words.GetElement(3));
        return (Vector128.Create(w0, w0 ^ w1, w0 ^ w1 ^ w2, w0 ^ w1 ^ w2 ^ w3) ^ word).AsByte();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _key.Dispose();
        _schedule?.AsSpan().Clear();
        if (_portable is not null)
        {
            foreach (var aes in _portable.Values)
            {
                aes.Dispose();
            }

            _portable.Dispose();
        }
    }
}
