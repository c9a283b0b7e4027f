using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PsiMessaging.Cryptography.Symmetric;

/// <summary>
/// <see cref="ItemHash"/> of eight identifiers at once, a lane of 64 bits each: BLAKE2b-256 (RFC 7693) of messages of one block. Every result is libsodium's,
/// which hashes what is longer and where there are no 512-bit vectors. Wiped on disposal. Not thread-safe.
/// </summary>
public sealed unsafe class ItemHashLanes : IDisposable
{
    /// <summary>Identifiers at once.</summary>
    public const int Lanes = 8;

    /// <summary>Longest identifier in bytes.</summary>
    public const int MaximumBytes = 128;

    private const int Words = MaximumBytes / 8;
    private const int Rounds = 12;
    private const int StateBytes = (Words + 4 + 1) * 64;

    // Section 2.6: the initial vector; section 2.7: the schedule, of which rounds 10 and 11 are again the first two.
    private static ReadOnlySpan<ulong> Initial =>
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ];

    private static ReadOnlySpan<byte> Schedule =>
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
        11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
        7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
        9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
        2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
        12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
        13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
        6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
        10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
    ];

    private readonly ulong[] _start = new ulong[8];

    // Word i of the message of every lane, then four words of the hashes, then the lengths.
    private ulong* _state;
    private readonly int[] _used = new int[Lanes];

    /// <param name="salt">The session's salt, 16 bytes (<see cref="ItemHash.SaltOf"/>).</param>
    public ItemHashLanes(ReadOnlySpan<byte> salt)
        : this(salt, DomainTags.VoleItem)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(salt.Length, ItemHash.SaltSizeBytes);
    }

    /// <summary>Any salt and personalisation of 16 bytes each; an empty one is none.</summary>
    internal ItemHashLanes(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> personal)
    {
        // Section 2.5: digest length, no key, fanout and depth 1; salt and personalisation are words 4 to 7 of the parameters.
        Span<byte> parameters = stackalloc byte[64];
        parameters.Clear();
        parameters[0] = ItemHash.SizeBytes;
        parameters[2] = parameters[3] = 1;
        salt.CopyTo(parameters[32..]);
        personal.CopyTo(parameters[48..]);
        for (var i = 0; i < _start.Length; i++)
        {
            _start[i] = Initial[i] ^ BinaryPrimitives.ReadUInt64LittleEndian(parameters[(8 * i)..]);
        }

        _state = (ulong*)NativeMemory.AlignedAlloc(StateBytes, 64);
        NativeMemory.Clear(_state, StateBytes);
    }

    /// <summary>Whether the machine has the vectors.</summary>
    public static bool IsSupported => Avx512F.IsSupported && BitConverter.IsLittleEndian;

    /// <summary>Puts an identifier into a lane.</summary>
    /// <param name="lane">0 to 7.</param>
    /// <param name="canonical">Canonical bytes, 0 to 128.</param>
    public void Put(int lane, ReadOnlySpan<byte> canonical)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)lane, (uint)Lanes - 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(canonical.Length, MaximumBytes);
        var to = _state + lane;
        var word = 0;
        var length = canonical.Length;
        for (; canonical.Length >= 8; canonical = canonical[8..], word++)
        {
            to[Lanes * word] = MemoryMarshal.Read<ulong>(canonical);
        }

        if (canonical.Length > 0)
        {
            ulong last = 0;
            canonical.CopyTo(MemoryMarshal.AsBytes(new Span<ulong>(ref last)));
            to[Lanes * word++] = last;
        }

        var used = word;
        for (; word < _used[lane]; word++)
        {
            to[Lanes * word] = 0;
        }

        _used[lane] = used;
        to[Lanes * (Words + 4)] = (ulong)length;
    }

    /// <summary>Hashes all lanes.</summary>
    /// <param name="hashes">Receives eight times two blocks: both halves of the hash of each lane.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Compute(Span<Vector128<byte>> hashes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(hashes.Length, 2 * Lanes);
        var start = _start;
        Vector512<ulong> a0 = Vector512.Create(start[0]), a1 = Vector512.Create(start[1]), a2 = Vector512.Create(start[2]), a3 = Vector512.Create(start[3]),
            b0 = Vector512.Create(start[4]), b1 = Vector512.Create(start[5]), b2 = Vector512.Create(start[6]), b3 = Vector512.Create(start[7]),
            c0 = Vector512.Create(Initial[0]), c1 = Vector512.Create(Initial[1]), c2 = Vector512.Create(Initial[2]), c3 = Vector512.Create(Initial[3]),
            d0 = Vector512.Create(Initial[4]) ^ Vector512.LoadAligned(_state + (Lanes * (Words + 4))), d1 = Vector512.Create(Initial[5]),
            d2 = Vector512.Create(~Initial[6]), d3 = Vector512.Create(Initial[7]);
        ref var order = ref MemoryMarshal.GetReference(Schedule);
        for (var round = 0; round < Rounds; round++)
        {
            Mix(ref a0, ref b0, ref c0, ref d0, Word(ref order, 0), Word(ref order, 1));
            Mix(ref a1, ref b1, ref c1, ref d1, Word(ref order, 2), Word(ref order, 3));
            Mix(ref a2, ref b2, ref c2, ref d2, Word(ref order, 4), Word(ref order, 5));
            Mix(ref a3, ref b3, ref c3, ref d3, Word(ref order, 6), Word(ref order, 7));
            Mix(ref a0, ref b1, ref c2, ref d3, Word(ref order, 8), Word(ref order, 9));
            Mix(ref a1, ref b2, ref c3, ref d0, Word(ref order, 10), Word(ref order, 11));
            Mix(ref a2, ref b3, ref c0, ref d1, Word(ref order, 12), Word(ref order, 13));
            Mix(ref a3, ref b0, ref c1, ref d2, Word(ref order, 14), Word(ref order, 15));
            order = ref Unsafe.Add(ref order, 16);
        }

        var results = _state + (Lanes * Words);
        (a0 ^ c0 ^ Vector512.Create(start[0])).StoreAligned(results);
        (a1 ^ c1 ^ Vector512.Create(start[1])).StoreAligned(results + Lanes);
        (a2 ^ c2 ^ Vector512.Create(start[2])).StoreAligned(results + (2 * Lanes));
        (a3 ^ c3 ^ Vector512.Create(start[3])).StoreAligned(results + (3 * Lanes));
        for (var lane = 0; lane < Lanes; lane++)
        {
            hashes[2 * lane] = Vector128.Create(results[lane], results[Lanes + lane]).AsByte();
            hashes[(2 * lane) + 1] = Vector128.Create(results[(2 * Lanes) + lane], results[(3 * Lanes) + lane]).AsByte();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<ulong> Word(ref byte order, int place) => Vector512.LoadAligned(_state + (Lanes * Unsafe.Add(ref order, place)));

    /// <summary>The mixing function G of section 3.1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref Vector512<ulong> a, ref Vector512<ulong> b, ref Vector512<ulong> c, ref Vector512<ulong> d,
        Vector512<ulong> x, Vector512<ulong> y)
    {
        a += b + x;
        d = Avx512F.RotateRight(d ^ a, 32);
        c += d;
        b = Avx512F.RotateRight(b ^ c, 24);
        a += b + y;
        d = Avx512F.RotateRight(d ^ a, 16);
        c += d;
        b = Avx512F.RotateRight(b ^ c, 63);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_state is not null)
        {
            NativeMemory.Clear(_state, StateBytes);
            NativeMemory.AlignedFree(_state);
            _state = null;
        }
    }
}
