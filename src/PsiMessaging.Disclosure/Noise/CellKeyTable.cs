using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>A table of noise that is none, or not the one it says it is: what is wrong, in which line, and what to do, in one line.</summary>
public sealed class CellKeyTableException(string message) : FormatException(message);

/// <summary>
/// A p-table of the cell-key method for counts: which noise a count gets at which cell key. The row is that of the count, the last row is that of every larger
/// count; in it the noise is that of the interval with <b>lower &lt; key ≤ upper</b>. A count of 0 stays 0. Every row has mean 0 and the table's
/// variance; no count becomes negative, or one of the small values that the table avoids. Source: SDC Handbook
/// (sdcTools/HandbookSDC), 5.4; Giessing and Tent (2019), Concepts for generalising tools implementing the cell key method to the case of continuous variables.
/// <para>
/// <b>This is no protection against averaging.</b> A set of records that can be asked for in many partitions gets independent noise in each, and the mean over
/// partitions comes back to the count: Asghar and Kaafar, arXiv 1902.06414, took the noise of a table builder of this kind off so. Only a limit on questions
/// helps, or noise that is accounted for (<c>PrivacyAccount</c>).
/// </para>
/// </summary>
public sealed class CellKeyTable
{
    /// <summary>Most rows and most noise of a table.</summary>
    public const int MaximumRows = 1000;
    public const int MaximumNoise = 100;

    /// <summary>What mean and variance of a row may be off by: thresholds are printed with ten digits.</summary>
    public static readonly Rational Tolerance = new(1, 10_000_000);

    private const int MaximumTextCharacters = 1 << 20;
    private const int Columns = 6;

    /// <param name="rows">Rows of counts 1, 2, …</param>
    private CellKeyTable(ImmutableArray<CellKeyRow> rows)
    {
        Rows = rows;
        MaximumDeviation = rows.Max(row => row.Intervals.Max(interval => Math.Abs(interval.Noise)));
        Variance = rows[^1].Variance;
    }

    /// <summary>The rows of counts 1, 2, …; the last is that of all larger ones.</summary>
    public ImmutableArray<CellKeyRow> Rows { get; }

    /// <summary>D: no noise is larger.</summary>
    public int MaximumDeviation { get; }

    /// <summary>The variance of the last row, as its thresholds have it.</summary>
    public Rational Variance { get; }

    /// <summary>The noise of a cell.</summary>
    /// <param name="count">Its true count, 0 or more.</param>
    /// <param name="cellKey">Its key, a fraction of 2^64; a key of exactly 0 falls into the first interval.</param>
    /// <returns>What is added to the count; the sum is 0 or more.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The count is negative.</exception>
    public int Noise(long count, ulong cellKey)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return count == 0 ? 0 : Rows[(int)Math.Min(count, Rows.Length) - 1].Noise(cellKey);
    }

    /// <summary>The count with its noise.</summary>
    public long Perturb(long count, ulong cellKey) => count + Noise(count, cellKey);

    /// <summary>
    /// The mean that may be shown beside a perturbed count: the sum over <b>that</b> count. A true mean beside it gives the true counts back: with 8 + 12 = 20
    /// and deviations of at most 2 only one combination of candidates makes the sums add up (SDC Handbook, 5.7).
    /// </summary>
    /// <param name="sum">The sum as it is shown.</param>
    /// <param name="perturbedCount">The count as it is shown.</param>
    /// <returns>The mean, or null where the shown count is 0.</returns>
    public static Rational? Mean(BigInteger sum, long perturbedCount) => perturbedCount == 0 ? null : new Rational(sum, perturbedCount);

    /// <summary>
    /// The noise of the last row for every count from a minimum on, for who adds noise without seeing the count: the linker sees a cell key and a masked sum.
    /// The row must not depend on the count, so smaller counts must not be shown at all; the minimum keeps what is shown above zero and above the avoided
    /// values.
    /// </summary>
    /// <param name="minimum">
    /// The least count that is shown; smaller ones are withheld by who opens the sum, by the true count and not the perturbed one.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The table has rows of its own for counts from the minimum on: the noise would depend on the count.
    /// </exception>
    public CellKeyRow CountIndependent(long minimum)
    {
        if (minimum < Rows.Length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(minimum), minimum, $"the noise is the same for all counts from {Rows.Length} on; take that or more as the minimum");
        }

        return Rows[^1];
    }

    /// <summary>
    /// Reads a table as τ-ARGUS and the ptable package write it: a header line <c>i;j;p;v;p_int_lb;p_int_ub</c>, quotes around names allowed, then a line for
    /// each interval: count, result, probability, noise, lower and upper end. What is checked: rows 0, 1, 2, … in order, result = count + noise, ends that join
    /// from 0 to 1, probabilities that are the intervals' lengths, mean 0, the stated variance, no negative result, no avoided one, the stated deviation.
    /// </summary>
    /// <param name="text">The lines.</param>
    /// <param name="variance">The variance that every row is said to have.</param>
    /// <param name="maximumDeviation">D that the table is said to have.</param>
    /// <param name="avoided">js: results from 1 to this do not occur.</param>
    /// <exception cref="CellKeyTableException">It is no such table, or not the stated one.</exception>
    public static CellKeyTable Parse(string text, Rational variance, int maximumDeviation, int avoided = 0)
    {
        if (text.Length > MaximumTextCharacters)
        {
            throw new CellKeyTableException($"the table has {text.Length} characters, more than {MaximumTextCharacters}; a table of counts is far smaller");
        }

        var lines = text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
        if (lines[0].Replace("\"", "", StringComparison.Ordinal) != "i;j;p;v;p_int_lb;p_int_ub")
        {
            throw new CellKeyTableException("line 1: not the header i;j;p;v;p_int_lb;p_int_ub; write the table as ptable or tau-ARGUS exports it");
        }

        var rows = new List<List<CellKeyInterval>>();
        for (var i = 1; i < lines.Length; i++)
        {
            var (count, interval) = Line(lines[i], i + 1);
            if (count == rows.Count)
            {
                rows.Add([]);
            }
            else if (count != rows.Count - 1)
            {
                throw new CellKeyTableException($"line {i + 1}: a row of count {count} after one of {rows.Count - 1}; rows are 0, 1, 2, … in order");
            }

            rows[^1].Add(interval);
        }

        if (rows.Count < 2 || rows.Count - 1 > MaximumRows || rows[0] is not [{ Noise: 0 }])
        {
            throw new CellKeyTableException($"a table has a row of count 0 without noise, and 1 to {MaximumRows} rows more");
        }

        return Checked([.. rows.Skip(1).Select((row, i) => new CellKeyRow(i + 1, [.. row]))], variance, maximumDeviation, avoided);
    }

    /// <summary>The table of D = 2, variance 1.08, without ones: sdcTools/CensusProtection, CellKey/SAS/ptable_d2_v108_js1.csv.</summary>
    public static CellKeyTable Census() => Checked(
        [
            new(1, [new("0.5133333333", -1), new("0.9733333333", 1), new("1", 2)]),
            new(2, [new("0.1656083469", -2), new("0.7119582657", 0), new("0.9568250406", 1), new("1", 2)]),
            new(3, [new("0.4207846814", -1), new("0.6984306372", 0), new("0.8807846814", 1), new("1", 2)]),
            new(4, [new("0.0739466779", -2), new("0.3181599662", -1), new("0.6818400338", 0), new("0.9260533221", 1), new("1", 2)])
        ],
        new Rational(108, 100), 2, 1);

    /// <summary>The table as <see cref="Parse"/> reads it.</summary>
    public override string ToString()
    {
        var lines = Rows.SelectMany(row => row.Intervals.Select((interval, i) =>
        {
            var lower = i == 0 ? "0" : row.Intervals[i - 1].UpperText;
            var length = Rational.Parse(interval.UpperText) - Rational.Parse(lower);
            return $"{row.Count};{row.Count + interval.Noise};{length.ToDouble().ToString("0.############", CultureInfo.InvariantCulture)};"
                + $"{interval.Noise};{lower};{interval.UpperText}";
        }));
        return string.Join('\n', lines.Prepend("0;0;1;0;0;1").Prepend("\"i\";\"j\";\"p\";\"v\";\"p_int_lb\";\"p_int_ub\"")) + "\n";
    }

    internal static CellKeyTable Checked(ImmutableArray<CellKeyRow> rows, Rational variance, int maximumDeviation, int avoided)
    {
        foreach (var row in rows)
        {
            var fault = row.Fault(variance, maximumDeviation, avoided);
            if (fault is not null)
            {
                throw new CellKeyTableException($"row of count {row.Count}: {fault}");
            }
        }

        // The last row is that of every larger count; what it takes off must leave more than the avoided values of all of them, the next one first.
        if (rows.Length + rows[^1].Intervals.Min(interval => interval.Noise) <= avoided)
        {
            throw new CellKeyTableException($"the last row, of count {rows.Length} and all larger ones, makes values up to {avoided}; give it more rows");
        }

        return new CellKeyTable(rows);
    }

    private static (int Count, CellKeyInterval Interval) Line(string line, int number)
    {
        var cells = line.Split(';');
        if (cells.Length != Columns || !Small(cells[0], out var count) || !Small(cells[1], out var result) || !Small(cells[3], out var noise)
            || !Rational.TryParse(cells[4], out _) || !Rational.TryParse(cells[5], out _)
            || !double.TryParse(cells[2], NumberStyles.Float, CultureInfo.InvariantCulture, out var probability))
        {
            throw new CellKeyTableException($"line {number}: not six numbers; write count;result;probability;noise;lower;upper with decimal points");
        }

        if (result != count + noise)
        {
            throw new CellKeyTableException($"line {number}: count {count} and noise {noise} do not make {result}");
        }

        var interval = new CellKeyInterval(cells[5], noise) { LowerText = cells[4] };
        if (!(Math.Abs((Rational.Parse(cells[5]) - Rational.Parse(cells[4])).ToDouble() - probability) <= 1e-9))
        {
            throw new CellKeyTableException($"line {number}: the interval from {cells[4]} to {cells[5]} has not the line's probability; one of them is wrong");
        }

        return (count, interval);
    }

    private static bool Small(string text, out int number) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number)
        && number is >= -MaximumNoise and <= MaximumRows + MaximumNoise;
}
