using PsiMessaging.Data.Records;

namespace PsiMessaging.Data.Types;

/// <summary>
/// Takes a column's values while its rows stream by and finds how they are written: a decimal comma, thousands signs, words for what is missing. Only what is
/// sure is found; the rest is a text, and said. Where something was found, the stored rows are written again as we keep them (<see cref="NeedsRewriting"/>,
/// <see cref="Plain"/>), so nothing later reads them otherwise. Not thread-safe.
/// </summary>
/// <param name="file">Name for messages.</param>
/// <param name="column">Column name.</param>
/// <param name="declared">The type a person has set, or null to find it.</param>
/// <param name="options">How the file is read.</param>
public sealed class ColumnIntake(string file, string column, ColumnType? declared, RecordReaderOptions options)
{
    private const int LongestNumber = 64;
    private const char MinusSign = '\u2212';

    // Stands for a value that is no number as the file writes numbers, though it may look like one.
    private const string NoNumber = "?";
    private readonly char[] _plain = new char[LongestNumber + 1];
    private readonly Dictionary<string, int> _words = new(StringComparer.Ordinal);
    private readonly Candidate[] _candidates = [.. NumberFormat.All.Where(format => IsPossible(format, options)).Select(format => new Candidate(format))];

    // A text stays a text: nothing is looked for.
    private bool _isText = declared is { IsNumber: false };
    private bool _wholeNumbers;
    private int _surePoints, _empty;
    private DatasetColumn? _kept;
    private ColumnProfile _profile = new(file, column, declared);
    private int? _withheld;
    private NumberFormat? _found;
    private bool _hasMinusSign;

    private sealed class Candidate(NumberFormat format)
    {
        public NumberFormat Format => format;

        public bool IsAlive { get; set; } = true;

        public int Sure { get; set; }

        public int Ambiguous { get; set; }

        public bool HasDecimals { get; set; }
    }

    private static bool IsPossible(NumberFormat format, RecordReaderOptions options) =>
        (options.Decimal is null || format.Decimal == options.Decimal)
            && (options.Thousands is null || format.Thousands == options.Thousands || (format.Thousands is null && format.Decimal != options.Thousands));

    private bool MayBePlain => _candidates[0].Format == NumberFormat.Plain;

    private bool IsPlainKept => MayBePlain && _candidates[0].IsAlive;

    /// <summary>What was found beyond what is usual, in words; empty for nothing.</summary>
    public IReadOnlyList<string> Notes { get; private set; } = [];

    /// <summary>Takes one value as the file has it.</summary>
    /// <param name="value">The text; empty means missing.</param>
    /// <param name="row">Row number, from 1.</param>
    /// <exception cref="InputException">The value does not fit the declared type, in no way of writing numbers.</exception>
    public void Add(ReadOnlySpan<char> value, int row)
    {
        _empty += value.IsEmpty ? 1 : 0;
        if (_isText || value.IsEmpty)
        {
            _profile.Add(value, row);
            return;
        }

        var end = AsciiDigits.FirstOther(value);
        if (end < 0)
        {
            _wholeNumbers = true;
            _profile.AddDigits(value, row);
            return;
        }

        if (end > 0 && value[end] == '.' && IsSureAndPlain(value, end))
        {
            _wholeNumbers = true;
            _profile.Add(value, row);
            return;
        }

        Weigh(value, row);
    }

    /// <summary>Quickly for most values: digits, a point that can only be a decimal sign, digits.</summary>
    private bool IsSureAndPlain(ReadOnlySpan<char> value, int point)
    {
        var fraction = value[(point + 1)..];
        if (!IsPlainKept || (fraction.Length == 3 && point <= 3 && value[0] != '0')
            || value.Length > LongestNumber || AsciiDigits.FirstOther(fraction) >= 0)
        {
            return false;
        }

        if (_surePoints++ == 0)
        {
            foreach (var candidate in _candidates.Where(candidate => candidate.Format.Decimal == ','))
            {
                candidate.IsAlive = false;
            }

            foreach (var candidate in _candidates.Where(candidate => candidate.Format.Decimal == '.'))
            {
                candidate.Sure++;
                candidate.HasDecimals = true;
            }
        }

        return true;
    }

    private void Weigh(ReadOnlySpan<char> value, int row)
    {
        var trimmed = value.Trim();
        if (MissingWords.Contains(trimmed) && options.Missing.Count == 0)
        {
            var words = _words.GetAlternateLookup<ReadOnlySpan<char>>();
            words[trimmed] = words.TryGetValue(trimmed, out var count) ? count + 1 : 1;
            _withheld ??= row;
            return;
        }

        var (any, plain, evidence, hasPoint) = (false, false, NumberEvidence.None, false);
        foreach (var candidate in _candidates)
        {
            if (!candidate.IsAlive)
            {
                continue;
            }

            // What is a number without thousands signs is the same number in all formats with a point.
            if (!plain || candidate.Format.Decimal != '.')
            {
                if (trimmed.Length > LongestNumber || !candidate.Format.TryRead(trimmed, _plain, out var length, out evidence))
                {
                    candidate.IsAlive = false;
                    continue;
                }

                hasPoint = _plain.AsSpan(0, length).Contains('.');
            }

            any = true;
            plain |= candidate.Format == NumberFormat.Plain;
            candidate.HasDecimals |= hasPoint;
            candidate.Sure += evidence == NumberEvidence.Sure ? 1 : 0;
            candidate.Ambiguous += evidence == NumberEvidence.Ambiguous ? 1 : 0;
        }

        if (plain && trimmed[0] == MinusSign)
        {
            // A number to a person; kept with the minus that numbers have here.
            (_wholeNumbers, _hasMinusSign) = (true, true);
            _withheld ??= row;
        }
        else if (plain)
        {
            _wholeNumbers = true;
            _profile.Add(value, row);
        }
        else if (any)
        {
            _wholeNumbers = true;
            _withheld ??= row;
        }
        else
        {
            // No number in any format: what was held back was none either.
            _isText = true;
            Release();

            // An infinity is none either: a column nobody asks about does not stand in the way.
            _profile.Add(declared is not null && MayBePlain ? value : NoNumber, row);
        }
    }

    private void Release()
    {
        if (_withheld is { } row)
        {
            _profile.Add(NoNumber, row);
            _withheld = null;
        }
    }

    /// <summary>
    /// Whether the rows must be written again, with <see cref="Plain"/> for every value and <see cref="AddPlain"/> after it. Decided by the whole column.
    /// </summary>
    /// <param name="fileHasCommas">Whether another column of the file surely has decimal commas, which settles what this one leaves open.</param>
    public bool NeedsRewriting(bool fileHasCommas)
    {
        if (_isText || !_wholeNumbers)
        {
            Release();
            return false;
        }

        if (_profile.LooksLikeCodes)
        {
            // Then no word among them is a missing number, and no sign of theirs a decimal one.
            _isText = true;
            Release();
            return false;
        }

        var said = options.Decimal is not null || options.Thousands is not null;
        var alive = Array.FindAll(_candidates, candidate => candidate.IsAlive);
        var best = alive.FirstOrDefault(candidate => said || candidate.Sure > 0 || candidate.Ambiguous == 0
            || candidate.Format == NumberFormat.Plain || (fileHasCommas && candidate.Format is { Decimal: ',', Thousands: null }));
        if (fileHasCommas && !said && best is { Format: { Decimal: '.', Thousands: null }, Sure: 0, Ambiguous: > 0 }
            && alive.FirstOrDefault(candidate => candidate.Format is { Decimal: ',', Thousands: '.' }) is { } grouped)
        {
            best = grouped;
        }

        if (best is null)
        {
            Notes = [alive.All(candidate => candidate.Format.Thousands is ' ' or '\'')
                ? $"{column} is text, because its {Sign(alive[0].Format.Thousands ?? ' ')} may stand between thousands or between codes: say --thousands "
                    + $"{(alive[0].Format.Thousands == ' ' ? "blank" : "apostrophe")} for numbers"
                : $"{column} is text, because its commas may be decimal or thousands signs: say --decimal , or --thousands ,"];
            Release();
            return false;
        }

        var notes = new List<string>();
        if (best.Format != NumberFormat.Plain && (best.Sure + best.Ambiguous > 0))
        {
            _found = best.Format;
            notes.Add($"{column} has " + string.Join(" and ", new[]
            {
                best.HasDecimals ? best.Format.Decimal == ',' ? "a decimal comma" : "a decimal point" : null,
                best.Format.Thousands is { } sign ? $"{Sign(sign)} between thousands" : null,
            }.OfType<string>()));
        }
        else if (best.Format == NumberFormat.Plain && best is { Sure: 0, Ambiguous: > 0 } && !said)
        {
            notes.Add($"every fraction in {column} has exactly three digits: if its points stand between thousands, say --thousands .");
        }

        if (_hasMinusSign)
        {
            _found ??= best.Format;
        }

        if (_words.Count > 0)
        {
            _found ??= best.Format;
            var words = _words.OrderByDescending(word => word.Value).ThenBy(word => word.Key, StringComparer.Ordinal)
                .Select(word => $"{word.Key} ({word.Value:N0})");
            notes.Add($"{column}: {string.Join(", ", words)} taken as missing");
        }

        Notes = notes;
        if (_found is not null)
        {
            _profile = new ColumnProfile(file, column, declared);
        }

        return _found is not null;
    }

    /// <summary>Whether its decimal commas are beyond doubt.</summary>
    public bool SurelyHasCommas =>
        !_isText && !IsPlainKept && _candidates.FirstOrDefault(candidate => candidate.IsAlive && candidate.Sure > 0)?.Format.Decimal == ',';

    private static string Sign(char sign) => sign switch
    {
        '.' => "points",
        ',' => "commas",
        ' ' => "blanks",
        _ => "apostrophes",
    };

    /// <summary>A value as it is kept: a number with a point and without thousands signs, nothing for a missing one.</summary>
    public ReadOnlySpan<char> Plain(ReadOnlySpan<char> value)
    {
        var trimmed = value.Trim();
        return trimmed.IsEmpty || _words.GetAlternateLookup<ReadOnlySpan<char>>().ContainsKey(trimmed) ? default
            : _found!.TryRead(trimmed, _plain, out var length, out _) ? _plain.AsSpan(0, length) : value;
    }

    /// <summary>Before the rows are written again once more.</summary>
    public void Restart() => _profile = new ColumnProfile(file, column, declared);

    /// <summary>Takes one value of the rows that are written again.</summary>
    public void AddPlain(ReadOnlySpan<char> plain, int row) => _profile.Add(plain, row);

    /// <summary>The column as it turned out.</summary>
    /// <exception cref="InputException">Numbers that cannot be held.</exception>
    public DatasetColumn Finish() => _kept ?? _profile.Finish();

    /// <summary>
    /// After the rows were written again: whether the column is no column of numbers after all (codes
    /// with leading zeros), and is to be kept as the file has it.
    /// </summary>
    public bool TurnsOutText()
    {
        if (declared is not null || _profile.Finish().Type.IsNumber)
        {
            return false;
        }

        (_kept, _found) = (new DatasetColumn(column, ColumnType.Text, _empty), null);
        Notes = [
            $"{column} is text: as numbers its values look like codes, which differ where their spellings do; if it holds numbers, say --type {column}=decimal"
        ];
        return true;
    }
}
