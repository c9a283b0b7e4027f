namespace PsiMessaging.Data.Types;

/// <summary>What is known of a column after every row was read.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type.</param>
/// <param name="Missing">Rows without a value.</param>
/// <param name="Rounded">Values that had more digits after the point than the type keeps.</param>
/// <param name="NotANumberRow">A text column in which numbers stand too: the first row (from 1) that holds none.</param>
public sealed record DatasetColumn(string Name, ColumnType Type, int Missing, int Rounded = 0, int? NotANumberRow = null);

/// <summary>
/// Finds or checks a column's type while its rows stream by. A column is a number when every value that is there is one; values with leading zeros are codes,
/// hence text. A number needs no rounding unless it has more than nine digits after the point. Not thread-safe.
/// </summary>
/// <param name="file">Name for messages.</param>
/// <param name="column">Column name.</param>
/// <param name="declared">The type a person has set, or null to find it.</param>
public sealed class ColumnProfile(string file, string column, ColumnType? declared)
{
    private const int RoundedDecimals = 6;
    private int _missing, _numbers, _rounded, _noisy, _wholeDigits, _decimals;
    private int? _notANumberRow, _notFiniteRow, _codeRow, _tooLongRow;

    /// <summary>Takes one value.</summary>
    /// <param name="value">The text; empty means missing.</param>
    /// <param name="row">Row number, from 1.</param>
    /// <exception cref="InputException">The value does not fit the declared type.</exception>
    public void Add(ReadOnlySpan<char> value, int row)
    {
        if (value.IsEmpty)
        {
            _missing++;
        }
        else if (declared is null)
        {
            Learn(value.Trim(), row);
        }
        else if (declared.IsNumber)
        {
            switch (FixedPoint.Read(value.Trim(), declared.Digits, declared.Decimals, out _))
            {
                case NumberReading.Rounded:
                    _rounded++;
                    break;
                case NumberReading.NotANumber:
                    throw new InputException($"{file}, row {row}, column {column}: not a number, and the column is to be {declared}. Correct it, leave it empty if it is missing, or take --type {column}=text");
                case NumberReading.NotFinite:
                    throw NotFinite(row);
                case NumberReading.OutOfRange:
                    throw new InputException($"{file}, row {row}, column {column}: the value does not fit {declared}, which goes up to {FixedPoint.Write(declared.Limit - 1, declared.Decimals)}. Give the type more digits ({ColumnType.MaximumDigits} at most) with --type, or correct the value");
            }
        }
    }

    private void Learn(ReadOnlySpan<char> value, int row)
    {
        if (_notANumberRow is not null && _numbers > 0)
        {
            return;
        }

        switch (FixedPoint.Scan(value, out _, out var whole, out var fraction, out var exponent))
        {
            case NumberReading.NotFinite:
                _notFiniteRow ??= row;
                return;
            case NumberReading.NotANumber:
                _notANumberRow ??= row;
                return;
        }

        _numbers++;
        if (whole.Length > 1 && whole[0] == '0')
        {
            _codeRow ??= row;
        }

        fraction = fraction.TrimEnd('0');
        var digits = Math.Max(0, whole.TrimStart('0').Length + exponent);
        _wholeDigits = Math.Max(_wholeDigits, digits);
        var decimals = Math.Max(0, fraction.Length - exponent);
        _decimals = Math.Max(_decimals, decimals);
        _noisy += decimals > RoundedDecimals ? 1 : 0;
        if (digits > ColumnType.MaximumDigits)
        {
            _tooLongRow ??= row;
        }
    }

    /// <summary>The column as it turned out.</summary>
    /// <exception cref="InputException">NaN, infinities or numbers out of the fixed-point range in a column of numbers.</exception>
    public DatasetColumn Finish()
    {
        if (declared is not null)
        {
            return new DatasetColumn(column, declared, _missing, _rounded);
        }

        if (_numbers == 0 || _notANumberRow is not null || _codeRow is not null)
        {
            return new DatasetColumn(column, ColumnType.Text, _missing, NotANumberRow: _numbers > 0 && _codeRow is null ? _notANumberRow : null);
        }

        if (_notFiniteRow is { } notFinite)
        {
            throw NotFinite(notFinite);
        }

        // More digits than anybody measures are the noise of binary floating point.
        var decimals = _decimals > ColumnType.MaximumDecimals ? RoundedDecimals : _decimals;
        var needed = Math.Max(1, _wholeDigits + decimals);
        if (_tooLongRow is not null || needed > ColumnType.MaximumDigits)
        {
            throw new InputException($"{file}, column {column}: its numbers need {needed} digits ({_wholeDigits} before and {decimals} after the point{(_tooLongRow is { } row ? $", row {row}" : "")}) and {ColumnType.MaximumDigits} is the most. Take fewer after the point with --type {column}=decimal(18,2), or --type {column}=text");
        }

        var size = needed <= ColumnType.DefaultDigits ? ColumnType.DefaultDigits : ColumnType.MaximumDigits;
        return new DatasetColumn(column, decimals == 0 ? new ColumnType(ColumnKind.Integer, size) : new ColumnType(ColumnKind.Decimal, size, decimals), _missing, _decimals > decimals ? _noisy : 0);
    }

    private InputException NotFinite(int row) =>
        new($"{file}, row {row}, column {column}: NaN or an infinity is not a number to calculate with. Leave it empty if it is missing, or take --type {column}=text");
}
