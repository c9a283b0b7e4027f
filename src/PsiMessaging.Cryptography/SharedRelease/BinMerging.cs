using PsiMessaging.Cryptography.Garbling;

namespace PsiMessaging.Cryptography.SharedRelease;

/// <summary>
/// A <see cref="Decision.Merge"/> as a circuit. What was put together is carried from bin to bin as one flag and the low bits of each rule's sum: below the
/// minimum they are all of it, and from there on the sum does not matter.
/// </summary>
/// <param name="words">Where the gates go.</param>
/// <param name="merge">The bins.</param>
/// <param name="numbers">Bits of each number.</param>
/// <param name="bitOf">The bit of an earlier decision.</param>
internal sealed class BinMerging(WordCircuit words, Decision.Merge merge, int[][] numbers, Func<int, int> bitOf)
{
    private readonly int _rules = merge.Rules.Count;
    private readonly int _low = 64 - (int)long.LeadingZeroCount(merge.Minimum - 1);
    private readonly int _alone = merge.Alone < 0 ? WordCircuit.False : bitOf(merge.Alone);

    /// <summary>What a rule's sum is: whether it is the minimum or more, and where not, the sum.</summary>
    private readonly record struct Carried(int IsMany, int[] Low);

    private int Bins => merge.Counts.Count / _rules;

    /// <summary>The bit of each bin.</summary>
    public int[] Ends()
    {
        var ends = new int[Bins];
        var none = Enumerable.Repeat(new Carried(WordCircuit.False, []), _rules).ToArray();
        var (carried, isOpen) = (none, WordCircuit.False);
        for (var bin = 0; bin < Bins - 1; bin++)
        {
            var sums = Add(carried, bin);
            ends[bin] = IsEnough(sums);
            isOpen = words.Not(ends[bin]);
            carried = [.. sums.Select(sum => new Carried(words.And(isOpen, sum.IsMany), words.Mask(isOpen, sum.Low)))];
        }

        // Whether there is an end at a bin or above it, the last bin not looked at.
        var above = new int[Bins];
        above[^1] = WordCircuit.False;
        for (var bin = Bins - 2; bin >= 0; bin--)
        {
            above[bin] = words.Or(ends[bin], above[bin + 1]);
        }

        var byItself = merge.Open < 0 ? WordCircuit.False
            : words.And(words.And(bitOf(merge.Open), isOpen), words.And(above[0], IsEnough(Add(none, Bins - 1))));
        var atLast = words.Or(byItself, IsEnough(Add(carried, Bins - 1)));

        // What is left over goes to what ended last: that end moves up, to the last bin or to the one below it.
        var moves = words.Or(byItself, words.Not(atLast));
        var moved = new int[Bins];
        for (var bin = 0; bin < Bins - 1; bin++)
        {
            moved[bin] = words.And(ends[bin], words.Not(words.And(moves, words.Not(above[bin + 1]))));
        }

        if (Bins > 1)
        {
            moved[^2] = words.Or(moved[^2], byItself);
        }

        moved[^1] = words.Or(atLast, above[0]);
        return moved;
    }

    private Carried[] Add(Carried[] carried, int bin) => [.. carried.Select((sum, rule) =>
    {
        var count = numbers[merge.Counts[(bin * _rules) + rule]];
        var low = words.Add([.. count.Take(_low)], sum.Low, _low + 1);
        var isLarge = count.Skip(_low).Aggregate(WordCircuit.False, words.Or);
        return new Carried(words.Or(words.Or(sum.IsMany, isLarge), words.AtLeast(low, merge.Minimum)), low[.._low]);
    })];

    private int IsEnough(Carried[] sums)
    {
        var enough = WordCircuit.True;
        for (var rule = 0; rule < _rules; rule++)
        {
            var (isMany, rules) = (sums[rule].IsMany, merge.Rules[rule]);
            if (rules.Matters)
            {
                var alone = rules.OrNone ? words.And(_alone, IsNone(sums[rule])) : WordCircuit.False;
                var unless = rules.Unless < 0 ? WordCircuit.False : IsNone(sums[rules.Unless]);
                enough = words.And(enough, words.Or(isMany, words.Or(alone, unless)));
            }
        }

        return enough;
    }

    private int IsNone(Carried sum) => sum.Low.Aggregate(words.Not(sum.IsMany), (none, bit) => words.And(none, words.Not(bit)));
}
