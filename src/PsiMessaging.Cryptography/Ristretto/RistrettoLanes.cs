using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using PsiMessaging.Cryptography.Memory;

namespace PsiMessaging.Cryptography.Ristretto;

/// <summary>
/// ristretto255 (RFC 9496) on lanes: the steps of a batch of up to <see cref="Capacity"/> elements, which <see cref="RistrettoBatch"/> puts together. Points
/// are kept here from step to step. Constant-time in points and scalars: what is done depends on how many there are, and nothing else. Wiped on disposal, as
/// far as it lies in this memory; what the compiler kept in registers and on the stack meanwhile is not. Everything is compiled fully at once: a session's
/// first batch counts as much as its last.
/// </summary>
/// <typeparam name="TLanes">Eight lanes or four.</typeparam>
internal sealed unsafe class RistrettoLanes<TLanes> : IDisposable
    where TLanes : unmanaged, ILanes<TLanes>
{
    private const int Vectors = 16;
    private const int Limbs = FieldLanes<TLanes>.Limbs;
    private const int Words = FieldLanes<TLanes>.Words;
    private const int TableEntries = 8;

    private readonly BlockBuffer _memory;
    private readonly TLanes* _end;
    private TLanes* _next;

    // Constants of RFC 9496 section 4.1, and 1 as often as a step may need it.
    private readonly TLanes* _d, _twoD, _root, _rootOfAdMinusOne, _inverseRootOfAMinusD, _oneMinusDSquared, _dMinusOneSquared, _ones;

    // Two fields a vector each, for a map makes one point of two.
    private readonly TLanes* _words, _s, _t, _u, _v, _w, _r, _masks, _work;
    private readonly TLanes* _points, _usable, _states, _prefixes;
    private readonly TLanes* _table, _entry, _completed, _sum, _formula, _magnitudes, _signs;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public RistrettoLanes()
    {
        var sizes = Limbs * (7 + (7 * 2 * Vectors) + (4 * 2 * Vectors) + (6 * Vectors) + Vectors + 1) + (2 * Vectors * (Words + 1))
            + Vectors + (PointLanes<TLanes>.Size * (Vectors + TableEntries + 2)) + PointLanes<TLanes>.WorkSize + (2 * ScalarDigits.Count);
        _memory = new BlockBuffer(sizes * sizeof(TLanes) / 16);
        _next = (TLanes*)_memory.Pointer;
        _end = _next + sizes;
        _d = Constant([929955233495222, 466365720129213, -589740348686295, -217950738957124, -809005158844672]);
        _twoD = Constant([-391889346694823, 932731440258427, 1072319116312658, -435901477914249, 633789495995904]);
        _root = Constant([-533094393274192, 234908883556510, -18285341111200, -134597186663265, 765476049583134]);
        _rootOfAdMinusOne = Constant([-10306688700901, 425987919032275, -44770894383560, -1031309182999399, 974799131293749]);
        _inverseRootOfAMinusD = Constant([278908739862781, 821645201101625, 8113234426968, -473840635492097, -133279003116800]);
        _oneMinusDSquared = Constant([-1115172884201098, -253249414103984, 496427632559749, 118527312129759, 45110755273534]);
        _dMinusOneSquared = Constant([-744737582789325, -679482026154442, 683053064812841, 317374165784489, -678900251269438]);
        _ones = Take(2 * Vectors * Limbs);
        for (var i = 0; i < 2 * Vectors; i++)
        {
            FieldLanes<TLanes>.Set(_ones + (i * Limbs), [1, 0, 0, 0, 0]);
        }

        _s = Take(2 * Vectors * Limbs);
        _t = Take(2 * Vectors * Limbs);
        _u = Take(2 * Vectors * Limbs);
        _v = Take(2 * Vectors * Limbs);
        _w = Take(2 * Vectors * Limbs);
        _r = Take(2 * Vectors * Limbs);
        _work = Take(4 * 2 * Vectors * Limbs);
        _states = Take(6 * Vectors * Limbs);
        _prefixes = Take(Vectors * Limbs);
        _sum = Take(Limbs);
        _words = Take(2 * Vectors * Words);
        _masks = Take(2 * Vectors);
        _usable = Take(Vectors);
        _points = Take(Vectors * PointLanes<TLanes>.Size);
        _table = Take(TableEntries * PointLanes<TLanes>.Size);
        _entry = Take(PointLanes<TLanes>.Size);
        _completed = Take(PointLanes<TLanes>.Size);
        _formula = Take(PointLanes<TLanes>.WorkSize);
        _magnitudes = Take(ScalarDigits.Count);
        _signs = Take(ScalarDigits.Count);
    }

    /// <summary>Most elements of a batch.</summary>
    public static int Capacity => Vectors * TLanes.Count;

    private static int VectorsOf(int count) => (count + TLanes.Count - 1) / TLanes.Count;

    /// <summary>
    /// The encoding of the generator fills lanes that nobody asked for, so that nothing that is special ever is in them; their results are computed like the
    /// others and not read. How many there are follows from the number of elements, which is no secret.
    /// </summary>
    private static ReadOnlySpan<byte> Generator =>
    [
        0xe2, 0xf2, 0xae, 0x0a, 0x6a, 0xbc, 0x4e, 0x71, 0xa8, 0x84, 0xa9, 0x61, 0xc5, 0x00, 0x51, 0x5f,
        0x58, 0xe3, 0x0b, 0x6a, 0xa5, 0x82, 0xdd, 0x8d, 0xb6, 0xa6, 0x59, 0x45, 0xe0, 0x8d, 0x2d, 0x76,
    ];

    /// <summary>Decodes elements into the points: RFC 9496 section 4.3.1, one step of it after the other for all.</summary>
    /// <param name="elements">32 bytes each, from anybody.</param>
    /// <returns>Index of the first that is no canonical encoding of an element other than the identity; -1 where all are.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public int Decode(ReadOnlySpan<byte> elements)
    {
        var count = elements.Length / RistrettoGroup.ElementSizeBytes;
        var vectors = VectorsOf(count);
        Load(elements, RistrettoGroup.ElementSizeBytes, count, _words);
        for (var i = 0; i < vectors; i++)
        {
            TLanes* words = _words + (i * Words), s = _s + (i * Limbs), u1 = _t + (i * Limbs), u2 = _u + (i * Limbs);
            TLanes* v = _v + (i * Limbs), w = _w + (i * Limbs);
            FieldLanes<TLanes>.FromWords(s, words);
            var bad = FieldLanes<TLanes>.IsNegative(s) | TLanes.EqualIntegers(words[0] | words[1] | words[2] | words[3], TLanes.OfInteger(0));
            _usable[i] = TLanes.Select(bad, TLanes.OfInteger(0), FieldLanes<TLanes>.IsCanonical(words, s));
            FieldLanes<TLanes>.Square(w, s);
            FieldLanes<TLanes>.Subtract(u1, _ones, w);
            FieldLanes<TLanes>.Add(u2, _ones, w);
            FieldLanes<TLanes>.Square(w, u2);
            FieldLanes<TLanes>.Square(v, u1);
            FieldLanes<TLanes>.Multiply(v, v, _d);
            FieldLanes<TLanes>.NegateWhere(v, TLanes.OfInteger(-1), v);
            FieldLanes<TLanes>.Subtract(v, v, w);
            FieldLanes<TLanes>.Multiply(w, v, w);
        }

        FieldLanes<TLanes>.SquareRootOfRatio(_r, _masks, _ones, _w, vectors, _root, _work);
        for (var i = 0; i < vectors; i++)
        {
            TLanes* root = _r + (i * Limbs), x = _points + (i * PointLanes<TLanes>.Size), y = x + PointLanes<TLanes>.Second, t = x + PointLanes<TLanes>.Fourth;
            FieldLanes<TLanes>.Multiply(x, root, _u + (i * Limbs));
            FieldLanes<TLanes>.Multiply(y, root, x);
            FieldLanes<TLanes>.Multiply(y, y, _v + (i * Limbs));
            FieldLanes<TLanes>.Multiply(x, x, _s + (i * Limbs));
            FieldLanes<TLanes>.Add(x, x, x);
            FieldLanes<TLanes>.Absolute(x, x);
            FieldLanes<TLanes>.Multiply(y, y, _t + (i * Limbs));
            FieldLanes<TLanes>.Copy(x + PointLanes<TLanes>.Third, _ones);
            FieldLanes<TLanes>.Multiply(t, x, y);
            var bad = FieldLanes<TLanes>.IsNegative(t) | FieldLanes<TLanes>.IsZero(y);
            _usable[i] = TLanes.Select(bad, TLanes.OfInteger(0), _usable[i] & _masks[i]);
        }

        return FirstUnusable(count);
    }

    /// <summary>The one-way map of RFC 9496 section 4.3.4: two maps and a sum for each element, into the points.</summary>
    /// <param name="uniform">64 bytes each.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Map(ReadOnlySpan<byte> uniform)
    {
        var count = uniform.Length / (2 * RistrettoGroup.ElementSizeBytes);
        var vectors = VectorsOf(count);
        Load(uniform, 2 * RistrettoGroup.ElementSizeBytes, count, _words);
        Load(uniform[RistrettoGroup.ElementSizeBytes..], 2 * RistrettoGroup.ElementSizeBytes, count, _words + (vectors * Words));
        MapHalves(2 * vectors);
        for (var i = 0; i < vectors; i++)
        {
            var point = _points + (i * PointLanes<TLanes>.Size);
            FromHalf(_entry, vectors + i);
            FromHalf(point, i);
            AddPoint(point, _entry, negated: false);
            _usable[i] = TLanes.OfInteger(-1);
        }
    }

    /// <summary>Adds to each point the image of 64 bytes under <see cref="Map"/>, or takes it off.</summary>
    /// <param name="uniform">64 bytes a point.</param>
    /// <param name="negated">Whether it is taken off.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void AddMapped(ReadOnlySpan<byte> uniform, bool negated)
    {
        var count = uniform.Length / (2 * RistrettoGroup.ElementSizeBytes);
        var vectors = VectorsOf(count);
        Load(uniform, 2 * RistrettoGroup.ElementSizeBytes, count, _words);
        Load(uniform[RistrettoGroup.ElementSizeBytes..], 2 * RistrettoGroup.ElementSizeBytes, count, _words + (vectors * Words));
        MapHalves(2 * vectors);
        for (var half = 0; half < 2 * vectors; half++)
        {
            FromHalf(_entry, half);
            AddPoint(_points + (half % vectors * PointLanes<TLanes>.Size), _entry, negated);
        }
    }

    /// <summary>Multiplies each point by one scalar.</summary>
    /// <param name="digits">Of <see cref="ScalarDigits.Recode"/>.</param>
    /// <param name="count">Points.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Multiply(ReadOnlySpan<sbyte> digits, int count)
    {
        for (var lane = 0; lane < TLanes.Count; lane++)
        {
            SetDigits(lane, digits);
        }

        for (var i = 0; i < VectorsOf(count); i++)
        {
            Multiply(_points + (i * PointLanes<TLanes>.Size));
        }
    }

    /// <summary>Multiplies each point by a scalar of its own.</summary>
    /// <param name="digits">Of <see cref="ScalarDigits.Recode"/>, those of point 0 first.</param>
    /// <param name="count">Points.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void MultiplyEach(ReadOnlySpan<sbyte> digits, int count)
    {
        for (var i = 0; i < VectorsOf(count); i++)
        {
            for (var lane = 0; lane < TLanes.Count; lane++)
            {
                var element = Math.Min((i * TLanes.Count) + lane, count - 1);
                SetDigits(lane, digits.Slice(element * ScalarDigits.Count, ScalarDigits.Count));
            }

            Multiply(_points + (i * PointLanes<TLanes>.Size));
        }
    }

    /// <summary>Makes all points one element.</summary>
    /// <param name="element">32 bytes, from anybody.</param>
    /// <param name="count">Points.</param>
    /// <returns>False where it is no canonical encoding, or the identity.</returns>
    public bool DecodeOne(ReadOnlySpan<byte> element, int count)
    {
        Span<byte> copies = stackalloc byte[TLanes.Count * RistrettoGroup.ElementSizeBytes];
        for (var lane = 0; lane < TLanes.Count; lane++)
        {
            element.CopyTo(copies[(lane * RistrettoGroup.ElementSizeBytes)..]);
        }

        var usable = Decode(copies) < 0;
        for (var i = 1; i < VectorsOf(count); i++)
        {
            var copy = new Span<TLanes>(_points + (i * PointLanes<TLanes>.Size), PointLanes<TLanes>.Size);
            new ReadOnlySpan<TLanes>(_points, PointLanes<TLanes>.Size).CopyTo(copy);
        }

        return usable;
    }

    /// <summary>Makes all points the generator.</summary>
    public void SetGenerator(int count) => DecodeOne(Generator, count);

    /// <summary>Encodes the points: RFC 9496 section 4.3.2.</summary>
    /// <param name="elements">Receives 32 bytes each.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Encode(Span<byte> elements)
    {
        var count = elements.Length / RistrettoGroup.ElementSizeBytes;
        var vectors = VectorsOf(count);
        for (var i = 0; i < vectors; i++)
        {
            TLanes* x = _points + (i * PointLanes<TLanes>.Size), y = x + PointLanes<TLanes>.Second, z = x + PointLanes<TLanes>.Third;
            TLanes* u1 = _t + (i * Limbs), u2 = _u + (i * Limbs), w = _w + (i * Limbs);
            FieldLanes<TLanes>.Add(u1, z, y);
            FieldLanes<TLanes>.Subtract(u2, z, y);
            FieldLanes<TLanes>.Multiply(u1, u1, u2);
            FieldLanes<TLanes>.Multiply(u2, x, y);
            FieldLanes<TLanes>.Square(w, u2);
            FieldLanes<TLanes>.Multiply(w, w, u1);
        }

        FieldLanes<TLanes>.SquareRootOfRatio(_r, _masks, _ones, _w, vectors, _root, _work);
        for (var i = 0; i < vectors; i++)
        {
            EncodeWith(_points + (i * PointLanes<TLanes>.Size), _r + (i * Limbs), _t + (i * Limbs), _u + (i * Limbs), _words + (i * Words));
        }

        Store(elements, count);
    }

    /// <summary>
    /// Encodes twice each point, with one inversion for all in the place of a root each: the formulas of curve25519-dalek's <c>double_and_compress_batch</c>.
    /// What a doubling gives has its roots in the open (E, F, G, H), so that only 1/(EG·FH) is left to be found.
    /// </summary>
    /// <param name="elements">Receives 32 bytes each; 32 zeros where twice the point is the identity.</param>
    /// <returns>False where that is so for any.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public bool EncodeDoubled(Span<byte> elements)
    {
        var count = elements.Length / RistrettoGroup.ElementSizeBytes;
        var vectors = VectorsOf(count);
        TLanes* product = _r, term = _t, inverse = _u;
        FieldLanes<TLanes>.Copy(product, _ones);
        for (var i = 0; i < vectors; i++)
        {
            var state = _states + (i * 6 * Limbs);
            DoubledState(state, _points + (i * PointLanes<TLanes>.Size));
            FieldLanes<TLanes>.Multiply(term, state + (4 * Limbs), state + (5 * Limbs));

            // The product of all must have an inverse: a zero, which is the identity's, counts as 1 and is set to zero where it is encoded.
            _masks[i] = FieldLanes<TLanes>.IsZero(term);
            FieldLanes<TLanes>.Select(term, _masks[i], _ones, term);
            FieldLanes<TLanes>.Copy(_v + (i * Limbs), term);
            FieldLanes<TLanes>.Copy(_prefixes + (i * Limbs), product);
            FieldLanes<TLanes>.Multiply(product, product, term);
        }

        FieldLanes<TLanes>.Invert(inverse, product, _work);
        for (var i = vectors - 1; i >= 0; i--)
        {
            FieldLanes<TLanes>.Multiply(term, inverse, _prefixes + (i * Limbs));
            FieldLanes<TLanes>.Multiply(inverse, inverse, _v + (i * Limbs));
            EncodeState(_states + (i * 6 * Limbs), term, _masks[i], _words + (i * Words));
        }

        Store(elements, count);
        ulong identities = 0;
        for (var i = 0; i < count; i++)
        {
            identities |= TLanes.LaneOf(_masks[i / TLanes.Count], i % TLanes.Count);
        }

        return identities == 0;
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    /// <summary>E = 2XY, F = Z² + dT², G = Y² + X², H = Z² - dT², EG, FH.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void DoubledState(TLanes* state, TLanes* point)
    {
        TLanes* e = state, f = state + Limbs, g = state + (2 * Limbs), h = state + (3 * Limbs), eg = state + (4 * Limbs), fh = state + (5 * Limbs);
        TLanes* y = point + PointLanes<TLanes>.Second, z = point + PointLanes<TLanes>.Third, t = point + PointLanes<TLanes>.Fourth;
        FieldLanes<TLanes>.Add(e, y, y);
        FieldLanes<TLanes>.Multiply(e, e, point);
        FieldLanes<TLanes>.Square(eg, z);
        FieldLanes<TLanes>.Square(fh, t);
        FieldLanes<TLanes>.Multiply(fh, fh, _d);
        FieldLanes<TLanes>.Add(f, eg, fh);
        FieldLanes<TLanes>.Subtract(h, eg, fh);
        FieldLanes<TLanes>.Square(eg, y);
        FieldLanes<TLanes>.Square(fh, point);
        FieldLanes<TLanes>.Add(g, eg, fh);
        FieldLanes<TLanes>.Multiply(eg, e, g);
        FieldLanes<TLanes>.Multiply(fh, f, h);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void EncodeState(TLanes* state, TLanes* inverse, TLanes isIdentity, TLanes* words)
    {
        TLanes* e = state, f = state + Limbs, g = state + (2 * Limbs), h = state + (3 * Limbs), eg = state + (4 * Limbs), fh = state + (5 * Limbs);
        TLanes* zInverse = _work, tInverse = _work + Limbs, minusE = _work + (2 * Limbs), magic = _work + (3 * Limbs), s = _work + (4 * Limbs);
        FieldLanes<TLanes>.Multiply(zInverse, eg, inverse);
        FieldLanes<TLanes>.Multiply(tInverse, fh, inverse);
        FieldLanes<TLanes>.Multiply(s, eg, zInverse);
        var rotate = FieldLanes<TLanes>.IsNegative(s);
        FieldLanes<TLanes>.NegateWhere(minusE, TLanes.OfInteger(-1), e);
        FieldLanes<TLanes>.Multiply(s, f, _root);
        FieldLanes<TLanes>.Select(e, rotate, g, e);
        FieldLanes<TLanes>.Select(g, rotate, minusE, g);
        FieldLanes<TLanes>.Select(h, rotate, s, h);
        FieldLanes<TLanes>.Select(magic, rotate, _root, _inverseRootOfAMinusD);
        FieldLanes<TLanes>.Multiply(s, h, e);
        FieldLanes<TLanes>.Multiply(s, s, zInverse);
        FieldLanes<TLanes>.NegateWhere(g, FieldLanes<TLanes>.IsNegative(s), g);
        FieldLanes<TLanes>.Subtract(s, h, g);
        FieldLanes<TLanes>.Multiply(magic, magic, g);
        FieldLanes<TLanes>.Multiply(magic, magic, tInverse);
        FieldLanes<TLanes>.Multiply(s, s, magic);
        FieldLanes<TLanes>.Absolute(s, s);
        FieldLanes<TLanes>.ToWords(words, s);
        for (var i = 0; i < Words; i++)
        {
            words[i] = TLanes.Select(isIdentity, TLanes.OfInteger(0), words[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void EncodeWith(TLanes* point, TLanes* root, TLanes* u1, TLanes* u2, TLanes* words)
    {
        TLanes* z = point + PointLanes<TLanes>.Third, t = point + PointLanes<TLanes>.Fourth;
        TLanes* den1 = _work, den2 = _work + Limbs, zInverse = _work + (2 * Limbs), x = _work + (3 * Limbs), y = _work + (4 * Limbs), s = _work + (5 * Limbs);
        FieldLanes<TLanes>.Multiply(den1, root, u1);
        FieldLanes<TLanes>.Multiply(den2, root, u2);
        FieldLanes<TLanes>.Multiply(zInverse, den1, den2);
        FieldLanes<TLanes>.Multiply(zInverse, zInverse, t);
        FieldLanes<TLanes>.Multiply(s, t, zInverse);
        var rotate = FieldLanes<TLanes>.IsNegative(s);
        FieldLanes<TLanes>.Multiply(x, point + PointLanes<TLanes>.Second, _root);
        FieldLanes<TLanes>.Multiply(y, point, _root);
        FieldLanes<TLanes>.Select(x, rotate, x, point);
        FieldLanes<TLanes>.Select(y, rotate, y, point + PointLanes<TLanes>.Second);
        FieldLanes<TLanes>.Multiply(den1, den1, _inverseRootOfAMinusD);
        FieldLanes<TLanes>.Select(den2, rotate, den1, den2);
        FieldLanes<TLanes>.Multiply(s, x, zInverse);
        FieldLanes<TLanes>.NegateWhere(y, FieldLanes<TLanes>.IsNegative(s), y);
        FieldLanes<TLanes>.Subtract(s, z, y);
        FieldLanes<TLanes>.Multiply(s, s, den2);
        FieldLanes<TLanes>.Absolute(s, s);
        FieldLanes<TLanes>.ToWords(words, s);
    }

    /// <summary>MAP of RFC 9496 section 4.3.4 up to s, for the words of several vectors; <see cref="FromHalf"/> makes the points.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void MapHalves(int count)
    {
        for (var at = 0; at < count * Limbs; at += Limbs)
        {
            TLanes* t = _t + at, r = _w + at, u = _u + at, v = _v + at, work = _work;
            FieldLanes<TLanes>.FromWords(t, _words + (at / Limbs * Words));
            FieldLanes<TLanes>.Square(r, t);
            FieldLanes<TLanes>.Multiply(r, r, _root);
            FieldLanes<TLanes>.Add(u, r, _ones);
            FieldLanes<TLanes>.Multiply(u, u, _oneMinusDSquared);
            FieldLanes<TLanes>.Multiply(v, r, _d);
            FieldLanes<TLanes>.Add(v, v, _ones);
            FieldLanes<TLanes>.NegateWhere(v, TLanes.OfInteger(-1), v);
            FieldLanes<TLanes>.Add(work, r, _d);
            FieldLanes<TLanes>.Multiply(v, v, work);
        }

        FieldLanes<TLanes>.SquareRootOfRatio(_s, _masks, _u, _v, count, _root, _work);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void FromHalf(TLanes* point, int index)
    {
        TLanes* s = _s + (index * Limbs), t = _t + (index * Limbs), r = _w + (index * Limbs), v = _v + (index * Limbs);
        TLanes* w0 = _work, w1 = _work + Limbs, w2 = _work + (2 * Limbs), w3 = _work + (3 * Limbs);
        FieldLanes<TLanes>.Multiply(w0, s, t);
        FieldLanes<TLanes>.Absolute(w0, w0);
        FieldLanes<TLanes>.NegateWhere(w0, TLanes.OfInteger(-1), w0);
        FieldLanes<TLanes>.Select(s, _masks[index], s, w0);
        FieldLanes<TLanes>.NegateWhere(w1, TLanes.OfInteger(-1), _ones);
        FieldLanes<TLanes>.Select(w1, _masks[index], w1, r);
        FieldLanes<TLanes>.Subtract(w2, r, _ones);
        FieldLanes<TLanes>.Multiply(w1, w1, w2);
        FieldLanes<TLanes>.Multiply(w1, w1, _dMinusOneSquared);
        FieldLanes<TLanes>.Subtract(w1, w1, v);
        FieldLanes<TLanes>.Multiply(w1, w1, _rootOfAdMinusOne);
        FieldLanes<TLanes>.Add(w0, s, s);
        FieldLanes<TLanes>.Multiply(w0, w0, v);
        FieldLanes<TLanes>.Square(w3, s);
        FieldLanes<TLanes>.Subtract(w2, _ones, w3);
        FieldLanes<TLanes>.Add(w3, _ones, w3);
        FieldLanes<TLanes>.Multiply(point, w0, w3);
        FieldLanes<TLanes>.Multiply(point + PointLanes<TLanes>.Second, w2, w1);
        FieldLanes<TLanes>.Multiply(point + PointLanes<TLanes>.Third, w1, w3);
        FieldLanes<TLanes>.Multiply(point + PointLanes<TLanes>.Fourth, w0, w2);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void AddPoint(TLanes* point, TLanes* other, bool negated)
    {
        PointLanes<TLanes>.ToCached(_table, other, _twoD);
        PointLanes<TLanes>.NegateCachedWhere(_table, TLanes.OfInteger(negated ? -1 : 0));
        PointLanes<TLanes>.Add(_completed, point, _table, _formula);
        PointLanes<TLanes>.ToExtended(point, _completed);
    }

    /// <summary>A point times the digits that are set: a table of 1 to 8 times it, then four doublings and an addition a digit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void Multiply(TLanes* point)
    {
        PointLanes<TLanes>.ToCached(_table, point, _twoD);
        for (var i = 1; i < TableEntries; i++)
        {
            PointLanes<TLanes>.Add(_completed, point, _table, _formula);
            PointLanes<TLanes>.ToExtended(point, _completed);
            PointLanes<TLanes>.ToCached(_table + (i * PointLanes<TLanes>.Size), point, _twoD);
        }

        // The identity: 0, 1, 1, 0.
        FieldLanes<TLanes>.Subtract(point, _ones, _ones);
        FieldLanes<TLanes>.Copy(point + PointLanes<TLanes>.Second, _ones);
        FieldLanes<TLanes>.Copy(point + PointLanes<TLanes>.Third, _ones);
        FieldLanes<TLanes>.Copy(point + PointLanes<TLanes>.Fourth, point);
        for (var i = ScalarDigits.Count - 1; i >= 0; i--)
        {
            PointLanes<TLanes>.Select(_entry, _table, _magnitudes[i]);
            PointLanes<TLanes>.NegateCachedWhere(_entry, _signs[i]);
            PointLanes<TLanes>.Add(_completed, point, _entry, _formula);
            for (var doubling = 0; i > 0 && doubling < 4; doubling++)
            {
                PointLanes<TLanes>.ToProjective(point, _sum, _completed);
                PointLanes<TLanes>.Double(_completed, point, _sum, _formula);
            }

            PointLanes<TLanes>.ToExtended(point, _completed);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void SetDigits(int lane, ReadOnlySpan<sbyte> digits)
    {
        for (var i = 0; i < ScalarDigits.Count; i++)
        {
            long digit = digits[i];
            var sign = digit >> 63;
            TLanes.SetLane(ref _magnitudes[i], lane, (ulong)((digit ^ sign) - sign));
            TLanes.SetLane(ref _signs[i], lane, (ulong)sign);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private int FirstUnusable(int count)
    {
        for (var i = 0; i < count; i++)
        {
            if (TLanes.LaneOf(_usable[i / TLanes.Count], i % TLanes.Count) == 0)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>32 bytes a lane, little-endian, into words; <see cref="Generator"/> in what is left of the last vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Load(ReadOnlySpan<byte> from, int step, int count, TLanes* words)
    {
        for (var i = 0; i < VectorsOf(count) * TLanes.Count; i++)
        {
            var element = i < count ? from.Slice(i * step, RistrettoGroup.ElementSizeBytes) : Generator;
            for (var word = 0; word < Words; word++)
            {
                TLanes.SetLane(ref words[(i / TLanes.Count * Words) + word], i % TLanes.Count, BinaryPrimitives.ReadUInt64LittleEndian(element[(8 * word)..]));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void Store(Span<byte> elements, int count)
    {
        for (var i = 0; i < count; i++)
        {
            for (var word = 0; word < Words; word++)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(elements[((i * RistrettoGroup.ElementSizeBytes) + (8 * word))..],
                    TLanes.LaneOf(_words[(i / TLanes.Count * Words) + word], i % TLanes.Count));
            }
        }
    }

    private TLanes* Constant(ReadOnlySpan<long> limbs)
    {
        var at = Take(Limbs);
        FieldLanes<TLanes>.Set(at, limbs);
        return at;
    }

    private TLanes* Take(int count)
    {
        var at = _next;
        _next += count;
        return _next <= _end ? at : throw new InvalidOperationException("the memory of the lanes is too small");
    }
}
