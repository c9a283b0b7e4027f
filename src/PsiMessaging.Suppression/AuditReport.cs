using System.Globalization;
using System.Text;
using PsiMessaging.Suppression.Search;

namespace PsiMessaging.Suppression;

/// <summary>A withheld cell as an attacker sees it.</summary>
/// <param name="Cell">The cell, with its true value.</param>
/// <param name="Low">The least value that agrees with what is printed.</param>
/// <param name="High">The largest; infinite where nothing bounds it.</param>
/// <param name="Needed">How far the interval has to reach; null for a cell that was withheld to protect others.</param>
public sealed record AuditedCell(Cell Cell, double Low, double High, Protection? Needed)
{
    /// <summary>Whether the interval reaches as far as it must.</summary>
    public bool IsSafe => Needed is null
        || (Low <= Cell.Value - Needed.Lower + Problem.Tolerance && High >= Cell.Value + Needed.Upper - Problem.Tolerance
            && High - Low >= Needed.Sliding - Problem.Tolerance);

    /// <summary>Whether the value follows exactly, of a primary cell or another.</summary>
    public bool IsExact => High - Low < 1 - Problem.Tolerance && Math.Floor(High + Problem.Tolerance) <= Math.Ceiling(Low - Problem.Tolerance);
}

/// <summary>What an attacker can compute. It has the true values: it is for who publishes the table, and never published.</summary>
public sealed record AuditReport(AuditKind Kind, IReadOnlyList<AuditedCell> Cells)
{
    public bool IsSafe => Cells.All(cell => cell.IsSafe);

    /// <exception cref="KeyNotFoundException">The cell is not withheld, or no cell has this name.</exception>
    public AuditedCell this[string name] => Cells.FirstOrDefault(cell => cell.Cell.Name == name) ?? throw new KeyNotFoundException($"{name} is not withheld.");

    /// <summary>A line for each withheld cell: name, value, interval, what it has to reach, whether it does.</summary>
    public override string ToString()
    {
        var rows = new List<string[]> { new[] { "cell", "value", "from", "to", "needed", "safe" } };
        rows.AddRange(Cells.Select(cell => new[]
        {
            cell.Cell.Name, Text(cell.Cell.Value), Text(cell.Low), Text(cell.High), Needed(cell), cell.Needed is null ? "-" : cell.IsSafe ? "yes" : "NO",
        }));
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            text.Append(string.Join("  ", row.Select((entry, column) => column is 1 or 2 or 3 ? entry.PadLeft(widths[column])
                : entry.PadRight(widths[column]))).TrimEnd()).Append('\n');
        }

        return text.ToString();
    }

    private static string Needed(AuditedCell cell)
    {
        if (cell.Needed is not { } needed)
        {
            return "-";
        }

        List<string> parts = [];
        if (needed.Lower > 0)
        {
            parts.Add($"<= {Text(cell.Cell.Value - needed.Lower)}");
        }

        if (needed.Upper > 0)
        {
            parts.Add($">= {Text(cell.Cell.Value + needed.Upper)}");
        }

        if (needed.Sliding > 0)
        {
            parts.Add($"width {Text(needed.Sliding)}");
        }

        return string.Join(", ", parts);
    }

    private static string Text(double value) => double.IsInfinity(value) ? "any" : value.ToString("0.###", CultureInfo.InvariantCulture);
}
