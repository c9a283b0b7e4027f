using System.Text.Json.Serialization;

namespace PsiMessaging.Data.Types;

/// <summary>What is known of a column after every row was read.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type.</param>
/// <param name="Missing">Rows without a value.</param>
/// <param name="Rounded">Values that had more digits after the point than the type keeps.</param>
/// <param name="NotANumberRow">A text column in which numbers stand too: the first row (from 1) that holds none.</param>
/// <param name="Code">A text column of nothing but numbers: why they are taken for codes.</param>
/// <param name="CodeRow">The first row (from 1) that made it so.</param>
public sealed record DatasetColumn(string Name, ColumnType Type, int Missing,
    int Rounded = 0, int? NotANumberRow = null, CodeReason? Code = null, int? CodeRow = null);

/// <summary>Why numbers are taken for codes, which differ where their spellings do.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CodeReason>))]
public enum CodeReason
{
    /// <summary>A leading zero: <c>007</c>.</summary>
    LeadingZero,
    /// <summary>A plus before a whole number: <c>+39</c>.</summary>
    Plus,
    /// <summary>An exponent as no program writes one, without a sign and without a point before it: <c>12E3</c>.</summary>
    Exponent,
    /// <summary>More digits than a number can have here, which nobody measures: <c>60200000000000123456</c>.</summary>
    TooLong,
    /// <summary>
    /// Fractions that differ in length and end in zero, other than .0, in a column without a sign and with three digits at
    /// most before and after the point: <c>1.1</c> and <c>1.10</c> may be two.
    /// </summary>
    TrailingZeros,
}

/// <summary>
/// Finds or checks a column's type while its rows stream by. A column is a number when every value that is there is one, and none is spelled as only codes are
/// (<see cref="CodeReason"/>): so no two spellings are one value that a person may see as two codes. A number needs no rounding unless it has more than nine
/// digits after the point, or more than eighteen in all. Not thread-safe.
/// </summary>
/// <param name="file">Name for messages.</param>
/// <param name="column">Column name.</param>
/// <param name="declared">The type a person has set, or null to find it.</param>
public sealed class ColumnProfile(string file, string column, ColumnType? declared)
{
    private const int RoundedDecimals = 6;

    /// <summary>Codes with a point, of activities, diseases, versions, have so many digits on either side at most.</summary>
    private const int DottedCodeDigits = 3;
    private readonly int[] _byDecimals = new int[ColumnType.MaximumDecimals + 2];
    private int _missing, _numbers, _rounded, _wholeDigits, _decimals, _fraction;
    private int? _notANumberRow, _notFiniteRow, _codeRow, _zerosRow, _unevenRow, _longestRow;
    private CodeReason _code;
    private bool _isMeasured, _mayLengthen;

    /// <summary>Takes one value.</summary>
    /// <param name="value">The text; empty means missing.</param>
    /// <param name="row">Row number, from 1.</param>
    /// <exception cref="InputException">The value does not fit the declared type.</exception>
    public void Add(ReadOnlySpan<char> value, int row)
    {
        var trimmed = value.Trim();
        if (trimmed.IsEmpty)
        {
            // Blanks alone are no value, in texts (TextForm) and in numbers.
            _missing++;
        }
        else if (declared is null)
        {
            Learn(trimmed, row);
        }
        else if (declared.IsNumber)
        {
            switch (FixedPoint.Read(trimmed, declared.Digits, declared.Decimals, out _))
            {
                case NumberReading.Rounded:
                    _rounded++;
                    break;
                case NumberReading.NotANumber:
                    throw new InputException(
                        $"{file}, row {row}, column {column}: not a number, and the column is to be {declared}. Correct it, leave it empty if it is missing, "
                            + $"or take --type {column}=text");
                case NumberReading.NotFinite:
                    throw NotFinite(row);
                case NumberReading.OutOfRange:
                    throw new InputException(
                        $"{file}, row {row}, column {column}: the value does not fit {declared}, which goes up to "
                            + $"{FixedPoint.Write(declared.Limit - 1, declared.Decimals)}. Give the type more digits ({ColumnType.MaximumDigits} at most) with "
                            + "--type, or correct the value");
            }
        }
    }

    private void Learn(ReadOnlySpan<char> value, int row)
    {
        if (_notANumberRow is not null && _numbers > 0)
        {
            return;
        }

        switch (FixedPoint.Scan(value, out var negative, out var whole, out var fraction, out var exponent))
        {
            case NumberReading.NotFinite:
                _notFiniteRow ??= row;
                return;
            case NumberReading.NotANumber:
                _notANumberRow ??= row;
                return;
        }

        Count(value, negative, whole, fraction, exponent, row);
    }

    /// <summary>Takes a value of ASCII digits and nothing else, as most are; the same as <see cref="Add"/>, without looking for what is not there.</summary>
    internal void AddDigits(ReadOnlySpan<char> digits, int row)
    {
        if (declared is not null)
        {
            Add(digits, row);
        }
        else if (_notANumberRow is null)
        {
            Count(digits, negative: false, digits, fraction: default, exponent: 0, row);
        }
        else
        {
            _numbers++;
        }
    }

    private void Count(ReadOnlySpan<char> value, bool negative, ReadOnlySpan<char> whole, ReadOnlySpan<char> fraction, int exponent, int row)
    {
        _numbers++;
        var digits = Math.Max(0, whole.TrimStart('0').Length + exponent);
        var hasExponent = value.Length - whole.Length - fraction.Length >= 2 && value.ContainsAny('e', 'E');
        if (_codeRow is null)
        {
            CodeReason? code = whole.Length > 1 && whole[0] == '0' ? CodeReason.LeadingZero
                : value[0] == '+' && fraction.IsEmpty && !hasExponent ? CodeReason.Plus
                : hasExponent && fraction.IsEmpty && !value[1..].ContainsAny('+', '-') ? CodeReason.Exponent
                : digits > ColumnType.MaximumDigits ? CodeReason.TooLong : null;
            if (code is { } reason)
            {
                (_code, _codeRow) = (reason, row);
            }
        }

        _isMeasured |= negative || whole.Length > DottedCodeDigits || fraction.Length > DottedCodeDigits;
        if (!hasExponent && !fraction.IsEmpty)
        {
            if (fraction.Length > 1 && fraction[^1] == '0')
            {
                _zerosRow ??= row;
            }

            _fraction = _fraction == 0 ? fraction.Length : _fraction;
            if (fraction.Length != _fraction)
            {
                _unevenRow ??= row;
            }
        }

        fraction = fraction.TrimEnd('0');
        if (digits > _wholeDigits)
        {
            (_wholeDigits, _longestRow, _mayLengthen) = (digits, row, false);
        }

        _mayLengthen |= digits == _wholeDigits && !_mayLengthen && (exponent != 0 || whole.IndexOfAnyExcept('0', '9') < 0);
        var decimals = Math.Max(0, fraction.Length - exponent);
        _decimals = Math.Max(_decimals, decimals);
        _byDecimals[Math.Min(decimals, _byDecimals.Length - 1)]++;
    }

    /// <summary>Whether its values are numbers so far, spelled as only codes are.</summary>
    public bool LooksLikeCodes =>
        declared is null && _numbers > 0 && _notANumberRow is null && (_codeRow is not null || HasCodeFractions || NeededDigits > ColumnType.MaximumDigits);

    /// <summary>Digits before the point. Nines that are rounded become one digit longer: 99999.9999999999 is 100000.000000 then.</summary>
    private int NeededDigits =>
        _wholeDigits + (_mayLengthen && (_decimals > ColumnType.MaximumDecimals || _wholeDigits + _decimals > ColumnType.MaximumDigits) ? 1 : 0);

    private bool HasCodeFractions => !_isMeasured && _zerosRow is not null && _unevenRow is not null;

    /// <summary>The column as it turned out.</summary>
    /// <exception cref="InputException">NaN, infinities or numbers out of the fixed-point range in a column of numbers.</exception>
    public DatasetColumn Finish()
    {
        if (declared is not null)
        {
            return new DatasetColumn(column, declared, _missing, _rounded);
        }

        var wholeDigits = NeededDigits;
        if (_codeRow is null && wholeDigits > ColumnType.MaximumDigits)
        {
            (_code, _codeRow) = (CodeReason.TooLong, _longestRow);
        }

        if (_codeRow is null && HasCodeFractions)
        {
            (_code, _codeRow) = (CodeReason.TrailingZeros, Math.Max(_zerosRow!.Value, _unevenRow!.Value));
        }

        if (_numbers == 0 || _notANumberRow is not null || _codeRow is not null)
        {
            return new DatasetColumn(column, ColumnType.Text, _missing, NotANumberRow: _numbers > 0 && _codeRow is null ? _notANumberRow : null,
                Code: _numbers > 0 && _notANumberRow is null ? _code : null, CodeRow: _numbers > 0 && _notANumberRow is null ? _codeRow : null);
        }

        if (_notFiniteRow is { } notFinite)
        {
            throw NotFinite(notFinite);
        }

        // More digits than anybody measures are the noise of binary floating point.
        var decimals = Math.Min(_decimals > ColumnType.MaximumDecimals ? RoundedDecimals : _decimals, ColumnType.MaximumDigits - wholeDigits);
        var size = wholeDigits + decimals <= ColumnType.DefaultDigits ? ColumnType.DefaultDigits : ColumnType.MaximumDigits;
        return new DatasetColumn(column, decimals == 0 ? new ColumnType(ColumnKind.Integer, size) : new ColumnType(ColumnKind.Decimal, size, decimals),
            _missing, _byDecimals[(decimals + 1)..].Sum());
    }

    private InputException NotFinite(int row) =>
        new($"{file}, row {row}, column {column}: NaN or an infinity is not a number to calculate with. Leave it empty if it is missing, or take --type "
            + $"{column}=text");
}
