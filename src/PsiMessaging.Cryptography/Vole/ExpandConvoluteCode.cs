using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using PsiMessaging.Cryptography.Fields;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Vole;

/// <summary>
/// The linear code of the silent VOLE: expand-convolute (Raghuraman, Rindal, Tanguy, ePrint 2023/882) with 11 taps and state 24, over GF(2^128). A vector of N
/// elements becomes one of m: its last k = N - m elements y are folded twice, y_i ← β·(y_i + y_(i-25)) + Σ w_(i,j)·y_(i-j) for j = 1..24 (indices modulo k,
/// fresh bits w for every index and pass), then output r is e_r + (4 taps of y) + β·(7 taps of y).
/// </summary>
/// <remarks>
/// Changes against the published code, own analysis, not reviewed: β is an element outside GF(2^64), in both passes and in the expander, because a code with
/// 0/1 coefficients lets the 128 bit planes of the noise be separated by Gaussian elimination; the fold wraps around at its head; the taps of one kind lie one
/// in each quarter; 11 taps and not 7, because windows free of noise (<see cref="LpnParameters.EstimatedBits"/>) are then 58 to 117 bits rarer for 21 ms at
/// 2^20, both sides together. Coefficients come from AES in counter mode under one public key. Memory is read in cache lines, random reads are fetched ahead.
/// </remarks>
public sealed unsafe class ExpandConvoluteCode : IDisposable
{
    /// <summary>Earlier elements a fold adds.</summary>
    public const int State = 24;
    /// <summary>Places before a folded vector that hold its last elements: the head wraps around there.</summary>
    public const int Wrap = 28;

    private const int QuarterTaps = 4;
    internal const int Taps = 11;
    private const int TapSlots = 12;
    private const int ChunkRows = 32;
    private const int ChunkWeights = 4096;

    /// <summary>β, of degree 63.</summary>
    internal const ulong Beta = 0x9E37_79B9_7F4A_7C15;

    private readonly Aes128 _coefficients;
    private readonly int _outputs;
    private readonly int _folded;
    private readonly ulong _beta;

    /// <param name="key">Public key of the coefficients, 16 bytes.</param>
    /// <param name="outputs">m, 1 or more.</param>
    /// <param name="folded">k, at least <see cref="Wrap"/>.</param>
    public ExpandConvoluteCode(ReadOnlySpan<byte> key, int outputs, int folded)
        : this(key, outputs, folded, Beta)
    {
    }

    /// <summary>With another β, for the experiment that shows what it is for.</summary>
    internal ExpandConvoluteCode(ReadOnlySpan<byte> key, int outputs, int folded, ulong beta)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        ArgumentOutOfRangeException.ThrowIfLessThan(folded, Wrap);
        (_coefficients, _outputs, _folded, _beta) = (new Aes128(key), outputs, folded, beta);
    }

    /// <summary>Whether the wide path runs on this processor.</summary>
    public static bool IsAccelerated => Vector512.IsHardwareAccelerated && Pclmulqdq.V512.IsSupported;

    /// <summary>Encodes one vector.</summary>
    /// <param name="head">The first m elements; receives the m outputs.</param>
    /// <param name="tail">28 places of room, then the last k elements; used up.</param>
    /// <param name="cores">Threads for the expander.</param>
    public void Encode(BlockBuffer head, BlockBuffer tail, Cores cores) => Encode(head, tail, cores, IsAccelerated);

    internal void Encode(BlockBuffer head, BlockBuffer tail, Cores cores, bool accelerated)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(head.Length, _outputs);
        ArgumentOutOfRangeException.ThrowIfNotEqual(tail.Length, Wrap + _folded);
        Fold(tail, 1, accelerated);
        cores.Split(_outputs, ChunkRows, (_, first, end) => ExpandSingle(head.Pointer, tail.Pointer + Wrap, first, end));
    }

    /// <summary>Encodes two vectors at once, so that each random read serves both.</summary>
    /// <param name="head1">The first m elements of one; receives its outputs.</param>
    /// <param name="head2">The first m elements of the other; receives its outputs.</param>
    /// <param name="tails">2 × 28 places of room, then the last k elements of both, interleaved; used up.</param>
    /// <param name="cores">Threads for the expander.</param>
    public void EncodePair(BlockBuffer head1, BlockBuffer head2, BlockBuffer tails, Cores cores) => EncodePair(head1, head2, tails, cores, IsAccelerated);

    internal void EncodePair(BlockBuffer head1, BlockBuffer head2, BlockBuffer tails, Cores cores, bool accelerated)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(head1.Length, _outputs);
        ArgumentOutOfRangeException.ThrowIfLessThan(head2.Length, _outputs);
        ArgumentOutOfRangeException.ThrowIfNotEqual(tails.Length, 2 * (Wrap + _folded));
        Fold(tails, 2, accelerated);
        cores.Split(_outputs, ChunkRows, (_, first, end) => ExpandPair(head1.Pointer, head2.Pointer, (Vector256<byte>*)tails.Pointer + Wrap, first, end));
    }

    internal void Fold(BlockBuffer tail, int width, bool accelerated)
    {
        var weights = new Vector128<byte>[(ChunkWeights * 3 / 16) + 1];
        var y = tail.Pointer + (Wrap * width);
        for (var pass = 0; pass < 2; pass++)
        {
            // What the head reads before it is the tail as it was before the pass.
            new Span<Vector128<byte>>(y + ((_folded - Wrap) * width), Wrap * width).CopyTo(new Span<Vector128<byte>>(tail.Pointer, Wrap * width));
            for (var first = 0; first < _folded; first += ChunkWeights)
            {
                // 24 bits a place: 16 places take 3 blocks.
                var count = Math.Min(ChunkWeights, _folded - first);
                _coefficients.Counter(((1UL + (ulong)pass) << 56) + ((ulong)first / 16 * 3), weights);
                fixed (Vector128<byte>* bits = weights)
                {
                    var done = !accelerated ? 0
                        : width == 1 ? FoldSingle(y + first, (byte*)bits, count, _beta, LaneMasks.OfBlocks)
                        : FoldPair((Vector256<byte>*)y + first, (byte*)bits, count, _beta, LaneMasks.OfPairs);
                    FoldPortable(y + ((long)first * width), (byte*)bits, done, count, width, _beta);
                }
            }
        }
    }

    private static ulong WeightOf(byte* bits, int index) => *(uint*)(bits + (3 * index)) & 0xFF_FFFF;

    private static void FoldPortable(Vector128<byte>* y, byte* bits, int from, int count, int width, ulong beta)
    {
        for (var i = from; i < count; i++)
        {
            var weight = WeightOf(bits, i);
            for (var lane = 0; lane < width; lane++)
            {
                // Bit k belongs to the element k places after the first of the 24.
                var at = y + ((long)i * width) + lane;
                var sum = BinaryField128.MultiplyByWord(*at ^ *(at - (25 * width)), beta);
                for (var k = 0; k < State; k++)
                {
                    sum ^= *(at - ((State - k) * width)) & Vector128.Create((byte)-(int)((weight >> k) & 1));
                }

                *at = sum;
            }
        }
    }

    /// <summary>Four elements a step. What lies before the step is read in whole lines, what lies within it stays in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int FoldSingle(Vector128<byte>* y, byte* bits, int count, ulong beta, ulong* masks)
    {
        var factor = Vector512.Create(beta);
        var i = 0;
        for (; i + 4 <= count; i += 4)
        {
            var at = (ulong*)(y + i);
            var (m0, m1, m2, m3) = (WeightOf(bits, i), WeightOf(bits, i + 1) << 1, WeightOf(bits, i + 2) << 2, WeightOf(bits, i + 3) << 3);
            Vector512<ulong> s0 = default, s1 = default, s2 = default, s3 = default;
            Vector512<ulong> data;
            data = Vector512.LoadAligned(at - 48);
            s0 = LaneMasks.Add(s0, data, masks, m0, 0, 4);
            s1 = LaneMasks.Add(s1, data, masks, m1, 0, 4);
            s2 = LaneMasks.Add(s2, data, masks, m2, 0, 4);
            s3 = LaneMasks.Add(s3, data, masks, m3, 0, 4);
            data = Vector512.LoadAligned(at - 40);
            s0 = LaneMasks.Add(s0, data, masks, m0, 4, 4);
            s1 = LaneMasks.Add(s1, data, masks, m1, 4, 4);
            s2 = LaneMasks.Add(s2, data, masks, m2, 4, 4);
            s3 = LaneMasks.Add(s3, data, masks, m3, 4, 4);
            data = Vector512.LoadAligned(at - 32);
            s0 = LaneMasks.Add(s0, data, masks, m0, 8, 4);
            s1 = LaneMasks.Add(s1, data, masks, m1, 8, 4);
            s2 = LaneMasks.Add(s2, data, masks, m2, 8, 4);
            s3 = LaneMasks.Add(s3, data, masks, m3, 8, 4);
            data = Vector512.LoadAligned(at - 24);
            s0 = LaneMasks.Add(s0, data, masks, m0, 12, 4);
            s1 = LaneMasks.Add(s1, data, masks, m1, 12, 4);
            s2 = LaneMasks.Add(s2, data, masks, m2, 12, 4);
            s3 = LaneMasks.Add(s3, data, masks, m3, 12, 4);
            data = Vector512.LoadAligned(at - 16);
            s0 = LaneMasks.Add(s0, data, masks, m0, 16, 4);
            s1 = LaneMasks.Add(s1, data, masks, m1, 16, 4);
            s2 = LaneMasks.Add(s2, data, masks, m2, 16, 4);
            s3 = LaneMasks.Add(s3, data, masks, m3, 16, 4);
            data = Vector512.LoadAligned(at - 8);
            s0 = LaneMasks.Add(s0, data, masks, m0, 20, 4);
            s1 = LaneMasks.Add(s1, data, masks, m1, 20, 4);
            s2 = LaneMasks.Add(s2, data, masks, m2, 20, 4);
            s3 = LaneMasks.Add(s3, data, masks, m3, 20, 4);

            var own = BinaryField128.MultiplyByWord(Vector512.LoadAligned(at) ^ Vector512.Load(at - 50), factor);
            var y0 = Sum(s0) ^ own.GetLower().GetLower();
            var y1 = Sum(s1) ^ own.GetLower().GetUpper() ^ (y0 & Mask(m1, 24));
            var y2 = Sum(s2) ^ own.GetUpper().GetLower() ^ (y0 & Mask(m2, 24)) ^ (y1 & Mask(m2, 25));
            var y3 = Sum(s3) ^ own.GetUpper().GetUpper() ^ (y0 & Mask(m3, 24)) ^ (y1 & Mask(m3, 25)) ^ (y2 & Mask(m3, 26));
            Vector512.Create(Vector256.Create(y0, y1), Vector256.Create(y2, y3)).StoreAligned(at);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int FoldPair(Vector256<byte>* y, byte* bits, int count, ulong beta, ulong* masks)
    {
        var factor = Vector512.Create(beta);
        var i = 0;
        for (; i + 4 <= count; i += 4)
        {
            var at = (ulong*)(y + i);
            var (m0, m1, m2, m3) = (WeightOf(bits, i), WeightOf(bits, i + 1) << 1, WeightOf(bits, i + 2) << 2, WeightOf(bits, i + 3) << 3);
            Vector512<ulong> s0 = default, s1 = default, s2 = default, s3 = default;
            Vector512<ulong> data;
            data = Vector512.LoadAligned(at - 96);
            s0 = LaneMasks.Add(s0, data, masks, m0, 0, 2);
            s1 = LaneMasks.Add(s1, data, masks, m1, 0, 2);
            s2 = LaneMasks.Add(s2, data, masks, m2, 0, 2);
            s3 = LaneMasks.Add(s3, data, masks, m3, 0, 2);
            data = Vector512.LoadAligned(at - 88);
            s0 = LaneMasks.Add(s0, data, masks, m0, 2, 2);
            s1 = LaneMasks.Add(s1, data, masks, m1, 2, 2);
            s2 = LaneMasks.Add(s2, data, masks, m2, 2, 2);
            s3 = LaneMasks.Add(s3, data, masks, m3, 2, 2);
            data = Vector512.LoadAligned(at - 80);
            s0 = LaneMasks.Add(s0, data, masks, m0, 4, 2);
            s1 = LaneMasks.Add(s1, data, masks, m1, 4, 2);
            s2 = LaneMasks.Add(s2, data, masks, m2, 4, 2);
            s3 = LaneMasks.Add(s3, data, masks, m3, 4, 2);
            data = Vector512.LoadAligned(at - 72);
            s0 = LaneMasks.Add(s0, data, masks, m0, 6, 2);
            s1 = LaneMasks.Add(s1, data, masks, m1, 6, 2);
            s2 = LaneMasks.Add(s2, data, masks, m2, 6, 2);
            s3 = LaneMasks.Add(s3, data, masks, m3, 6, 2);
            data = Vector512.LoadAligned(at - 64);
            s0 = LaneMasks.Add(s0, data, masks, m0, 8, 2);
            s1 = LaneMasks.Add(s1, data, masks, m1, 8, 2);
            s2 = LaneMasks.Add(s2, data, masks, m2, 8, 2);
            s3 = LaneMasks.Add(s3, data, masks, m3, 8, 2);
            data = Vector512.LoadAligned(at - 56);
            s0 = LaneMasks.Add(s0, data, masks, m0, 10, 2);
            s1 = LaneMasks.Add(s1, data, masks, m1, 10, 2);
            s2 = LaneMasks.Add(s2, data, masks, m2, 10, 2);
            s3 = LaneMasks.Add(s3, data, masks, m3, 10, 2);
            data = Vector512.LoadAligned(at - 48);
            s0 = LaneMasks.Add(s0, data, masks, m0, 12, 2);
            s1 = LaneMasks.Add(s1, data, masks, m1, 12, 2);
            s2 = LaneMasks.Add(s2, data, masks, m2, 12, 2);
            s3 = LaneMasks.Add(s3, data, masks, m3, 12, 2);
            data = Vector512.LoadAligned(at - 40);
            s0 = LaneMasks.Add(s0, data, masks, m0, 14, 2);
            s1 = LaneMasks.Add(s1, data, masks, m1, 14, 2);
            s2 = LaneMasks.Add(s2, data, masks, m2, 14, 2);
            s3 = LaneMasks.Add(s3, data, masks, m3, 14, 2);
            data = Vector512.LoadAligned(at - 32);
            s0 = LaneMasks.Add(s0, data, masks, m0, 16, 2);
            s1 = LaneMasks.Add(s1, data, masks, m1, 16, 2);
            s2 = LaneMasks.Add(s2, data, masks, m2, 16, 2);
            s3 = LaneMasks.Add(s3, data, masks, m3, 16, 2);
            data = Vector512.LoadAligned(at - 24);
            s0 = LaneMasks.Add(s0, data, masks, m0, 18, 2);
            s1 = LaneMasks.Add(s1, data, masks, m1, 18, 2);
            s2 = LaneMasks.Add(s2, data, masks, m2, 18, 2);
            s3 = LaneMasks.Add(s3, data, masks, m3, 18, 2);
            data = Vector512.LoadAligned(at - 16);
            s0 = LaneMasks.Add(s0, data, masks, m0, 20, 2);
            s1 = LaneMasks.Add(s1, data, masks, m1, 20, 2);
            s2 = LaneMasks.Add(s2, data, masks, m2, 20, 2);
            s3 = LaneMasks.Add(s3, data, masks, m3, 20, 2);
            data = Vector512.LoadAligned(at - 8);
            s0 = LaneMasks.Add(s0, data, masks, m0, 22, 2);
            s1 = LaneMasks.Add(s1, data, masks, m1, 22, 2);
            s2 = LaneMasks.Add(s2, data, masks, m2, 22, 2);
            s3 = LaneMasks.Add(s3, data, masks, m3, 22, 2);

            var own01 = BinaryField128.MultiplyByWord(Vector512.LoadAligned(at) ^ Vector512.Load(at - 100), factor);
            var own23 = BinaryField128.MultiplyByWord(Vector512.LoadAligned(at + 8) ^ Vector512.Load(at - 92), factor);
            var y0 = s0.GetLower() ^ s0.GetUpper() ^ own01.GetLower();
            var y1 = s1.GetLower() ^ s1.GetUpper() ^ own01.GetUpper() ^ (y0 & Mask256(m1, 24));
            var y2 = s2.GetLower() ^ s2.GetUpper() ^ own23.GetLower() ^ (y0 & Mask256(m2, 24)) ^ (y1 & Mask256(m2, 25));
            var y3 = s3.GetLower() ^ s3.GetUpper() ^ own23.GetUpper() ^ (y0 & Mask256(m3, 24)) ^ (y1 & Mask256(m3, 25)) ^ (y2 & Mask256(m3, 26));
            Vector512.Create(y0, y1).StoreAligned(at);
            Vector512.Create(y2, y3).StoreAligned(at + 8);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Sum(Vector512<ulong> value)
    {
        var half = value.GetLower() ^ value.GetUpper();
        return half.GetLower() ^ half.GetUpper();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Mask(ulong bits, int bit) => Vector128.Create(0UL - ((bits >> bit) & 1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Mask256(ulong bits, int bit) => Vector256.Create(0UL - ((bits >> bit) & 1));

    /// <summary>The taps of rows first..: 12 numbers a row, of which 11 are used.</summary>
    private void FillTaps(int first, int count, uint* taps)
    {
        _coefficients.Counter((3UL << 56) | ((ulong)first * (TapSlots / 4)), new Span<Vector128<byte>>(taps, count * TapSlots / 4));
        ScaleTaps(taps, count, (uint)_folded, Avx2.IsSupported);
    }

    /// <summary>Random words to places: of each row's 12 the first four one in each quarter, the others anywhere. The last one is not used.</summary>
    /// <param name="taps">12 words a row.</param>
    /// <param name="count">Rows.</param>
    /// <param name="folded">k.</param>
    /// <param name="accelerated">On lanes, or one by one.</param>
    internal static void ScaleTaps(uint* taps, int count, uint folded, bool accelerated)
    {
        var quarter = folded / QuarterTaps;
        if (accelerated)
        {
            // ⌊word · range / 2^32⌋, of the even words and of the odd ones.
            var (few, all, upper) = (Vector128.Create(quarter), Vector256.Create(folded), Vector256.Create(0xFFFF_FFFF_0000_0000));
            var begin = Vector128.Create(0, quarter, 2 * quarter, 3 * quarter);
            for (var row = taps; row < taps + (count * TapSlots); row += TapSlots)
            {
                var first = Vector128.Load(row);
                var odd = Sse2.Multiply(Sse2.ShiftRightLogical(first.AsUInt64(), 32).AsUInt32(), few) & upper.GetLower();
                ((Sse2.ShiftRightLogical(Sse2.Multiply(first, few), 32) | odd).AsUInt32() + begin).Store(row);
                var others = Vector256.Load(row + QuarterTaps);
                var oddOthers = Avx2.Multiply(Avx2.ShiftRightLogical(others.AsUInt64(), 32).AsUInt32(), all) & upper;
                (Avx2.ShiftRightLogical(Avx2.Multiply(others, all), 32) | oddOthers).AsUInt32().Store(row + QuarterTaps);
            }

            return;
        }

        for (var i = 0; i < count * TapSlots; i += TapSlots)
        {
            for (var tap = 0; tap < Taps; tap++)
            {
                taps[i + tap] = tap < QuarterTaps ? (uint)(((ulong)taps[i + tap] * quarter) >> 32) + (quarter * (uint)tap)
                    : (uint)(((ulong)taps[i + tap] * folded) >> 32);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ExpandSingle(Vector128<byte>* head, Vector128<byte>* y, int first, int end)
    {
        var taps = stackalloc uint[2 * ChunkRows * TapSlots];
        var current = taps;
        var next = taps + (ChunkRows * TapSlots);
        FillTaps(first, Math.Min(ChunkRows, end - first), current);
        for (var chunk = first; chunk < end; chunk += ChunkRows)
        {
            var (count, after) = (Math.Min(ChunkRows, end - chunk), Math.Clamp(end - chunk - ChunkRows, 0, ChunkRows));
            FillTaps(chunk + ChunkRows, after, next);
            for (var i = 0; i < count; i++)
            {
                var t = current + (i * TapSlots);
                if (Sse.IsSupported && i < after)
                {
                    var n = next + (i * TapSlots);
                    Sse.Prefetch1(y + n[0]);
                    Sse.Prefetch1(y + n[1]);
                    Sse.Prefetch1(y + n[2]);
                    Sse.Prefetch1(y + n[3]);
                    Sse.Prefetch1(y + n[4]);
                    Sse.Prefetch1(y + n[5]);
                    Sse.Prefetch1(y + n[6]);
                    Sse.Prefetch1(y + n[7]);
                    Sse.Prefetch1(y + n[8]);
                    Sse.Prefetch1(y + n[9]);
                    Sse.Prefetch1(y + n[10]);
                }

                head[chunk + i] ^= y[t[0]] ^ y[t[1]] ^ y[t[2]] ^ y[t[3]]
                    ^ BinaryField128.MultiplyByWord(y[t[4]] ^ y[t[5]] ^ y[t[6]] ^ y[t[7]] ^ y[t[8]] ^ y[t[9]] ^ y[t[10]], _beta);
            }

            var used = current;
            current = next;
            next = used;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ExpandPair(Vector128<byte>* head1, Vector128<byte>* head2, Vector256<byte>* y, int first, int end)
    {
        var taps = stackalloc uint[2 * ChunkRows * TapSlots];
        var current = taps;
        var next = taps + (ChunkRows * TapSlots);
        FillTaps(first, Math.Min(ChunkRows, end - first), current);
        for (var chunk = first; chunk < end; chunk += ChunkRows)
        {
            var (count, after) = (Math.Min(ChunkRows, end - chunk), Math.Clamp(end - chunk - ChunkRows, 0, ChunkRows));
            FillTaps(chunk + ChunkRows, after, next);
            for (var i = 0; i < count; i++)
            {
                var t = current + (i * TapSlots);
                if (Sse.IsSupported && i < after)
                {
                    var n = next + (i * TapSlots);
                    Sse.Prefetch1(y + n[0]);
                    Sse.Prefetch1(y + n[1]);
                    Sse.Prefetch1(y + n[2]);
                    Sse.Prefetch1(y + n[3]);
                    Sse.Prefetch1(y + n[4]);
                    Sse.Prefetch1(y + n[5]);
                    Sse.Prefetch1(y + n[6]);
                    Sse.Prefetch1(y + n[7]);
                    Sse.Prefetch1(y + n[8]);
                    Sse.Prefetch1(y + n[9]);
                    Sse.Prefetch1(y + n[10]);
                }

                var plain = y[t[0]] ^ y[t[1]] ^ y[t[2]] ^ y[t[3]];
                var mixed = y[t[4]] ^ y[t[5]] ^ y[t[6]] ^ y[t[7]] ^ y[t[8]] ^ y[t[9]] ^ y[t[10]];
                head1[chunk + i] ^= plain.GetLower() ^ BinaryField128.MultiplyByWord(mixed.GetLower(), _beta);
                head2[chunk + i] ^= plain.GetUpper() ^ BinaryField128.MultiplyByWord(mixed.GetUpper(), _beta);
            }

            var used = current;
            current = next;
            next = used;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _coefficients.Dispose();
}
