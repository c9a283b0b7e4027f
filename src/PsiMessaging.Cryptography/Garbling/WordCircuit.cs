namespace PsiMessaging.Cryptography.Garbling;

/// <summary>
/// Unsigned numbers in a <see cref="Circuit"/>: a wire a bit, least significant first. What is constant is folded and costs nothing.
/// </summary>
/// <param name="circuit">Where the gates go.</param>
public sealed class WordCircuit(Circuit circuit)
{
    /// <summary>A bit that is 0.</summary>
    public const int False = -1;

    /// <summary>A bit that is 1.</summary>
    public const int True = -2;

    /// <summary>¬bit.</summary>
    public int Not(int bit) => bit < 0 ? Constant(bit == False) : circuit.Not(bit);

    /// <summary>left ⊕ right.</summary>
    public int Xor(int left, int right) => left == False ? right : right == False ? left
        : left == True ? Not(right) : right == True ? Not(left) : left == right ? False : circuit.Xor(left, right);

    /// <summary>left ∧ right: one AND gate.</summary>
    public int And(int left, int right) => left == False || right == False ? False : left == True ? right : right == True || left == right ? left
        : circuit.And(left, right);

    /// <summary>left ∨ right: one AND gate.</summary>
    public int Or(int left, int right) => Not(And(Not(left), Not(right)));

    /// <summary>What stands for a bit as an output: a constant becomes a gate.</summary>
    public int Wire(int bit) => bit >= 0 ? bit : bit == False ? circuit.Xor(0, 0) : circuit.Not(circuit.Xor(0, 0));

    /// <summary>bit ? whenSet : other; one AND gate a bit.</summary>
    public int[] Choose(int bit, int[] whenSet, int[] other) =>
        [.. Enumerable.Range(0, Math.Max(whenSet.Length, other.Length)).Select(i => Xor(At(other, i), And(bit, Xor(At(whenSet, i), At(other, i)))))];

    /// <summary>bit ? word : 0; one AND gate a bit.</summary>
    public int[] Mask(int bit, int[] word) => [.. word.Select(wire => And(bit, wire))];

    /// <summary>left + right modulo 2^bits; bits − 1 AND gates or fewer.</summary>
    public int[] Add(int[] left, int[] right, int bits)
    {
        var sum = new int[bits];
        var carry = False;
        for (var i = 0; i < bits; i++)
        {
            // The carry out is c ⊕ (x ⊕ c)(y ⊕ c): one AND gate a bit (Boyar, Peralta, Pochuev 2000).
            var (x, y) = (At(left, i), At(right, i));
            var (withX, withY) = (Xor(x, carry), Xor(y, carry));
            sum[i] = Xor(withX, y);
            carry = i + 1 < bits ? Xor(carry, And(withX, withY)) : False;
        }

        return sum;
    }

    /// <summary>The sum of some numbers, wide enough to hold it.</summary>
    public int[] Sum(IReadOnlyList<int[]> words)
    {
        var all = words.Count == 0 ? [[False]] : words.ToList();
        while (all.Count > 1)
        {
            var half = new List<int[]>();
            for (var i = 0; i + 1 < all.Count; i += 2)
            {
                half.Add(Add(all[i], all[i + 1], Math.Max(all[i].Length, all[i + 1].Length) + 1));
            }

            half.AddRange(all.Count % 2 == 1 ? [all[^1]] : []);
            all = half;
        }

        return all[0];
    }

    /// <summary>word · factor, wide enough to hold it.</summary>
    public int[] Times(int[] word, long factor) => Sum(
        [.. Enumerable.Range(0, 63).Where(i => ((factor >> i) & 1) == 1).Select(i => (int[])[.. Enumerable.Repeat(False, i), .. word])]);

    /// <summary>word ≥ threshold, a public one: fewer AND gates than bits.</summary>
    public int AtLeast(int[] word, long threshold)
    {
        if (threshold <= 0)
        {
            return True;
        }

        if (word.Length < 63 && threshold >> word.Length != 0)
        {
            return False;
        }

        // From below: with a bit of the threshold set, both this bit and what is below must be; else one of them is enough. Below the lowest set bit of the
        // threshold everything is.
        var lowest = (int)long.TrailingZeroCount(threshold);
        var atLeast = word[lowest];
        for (var i = lowest + 1; i < word.Length; i++)
        {
            atLeast = ((threshold >> i) & 1) == 1 ? And(word[i], atLeast) : Or(word[i], atLeast);
        }

        return atLeast;
    }

    /// <summary>left &lt; right; one AND gate a bit.</summary>
    public int Less(int[] left, int[] right)
    {
        var borrow = False;
        for (var i = 0; i < Math.Max(left.Length, right.Length); i++)
        {
            // The borrow is the majority of ¬x, y and itself.
            var (x, y) = (Not(At(left, i)), At(right, i));
            borrow = Xor(borrow, And(Xor(x, borrow), Xor(y, borrow)));
        }

        return borrow;
    }

    /// <summary>left = right; one AND gate a bit.</summary>
    public int Equal(int[] left, int[] right) => Enumerable.Range(0, Math.Max(left.Length, right.Length))
        .Aggregate(True, (equal, i) => And(equal, Not(Xor(At(left, i), At(right, i)))));

    /// <summary>A public number.</summary>
    public static int[] Number(long value) => [.. Enumerable.Range(0, 64 - (int)long.LeadingZeroCount(value)).Select(i => Constant(((value >> i) & 1) == 1))];

    private static int Constant(bool value) => value ? True : False;

    private static int At(int[] word, int place) => place < word.Length ? word[place] : False;
}
