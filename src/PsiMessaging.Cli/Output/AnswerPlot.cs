using System.Globalization;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Questions;
using PsiMessaging.Files;
using ScottPlot;

namespace PsiMessaging.Cli.Output;

/// <summary>Draws an answer: bars for one grouping, a heat map for two, coefficients with their intervals for a regression.</summary>
internal static class AnswerPlot
{
    private const int MostBars = 60;
    private const int MostCells = 60;
    private static readonly string[] Faces = ["DejaVu Sans", "Liberation Sans", "Noto Sans", "Arial", "Helvetica", "Segoe UI"];
    private static readonly Color Blue = Color.FromHex("#2f6690");

    /// <summary>Refuses a file that is no picture, and a machine without fonts, before the question is asked.</summary>
    public static void Check(string path)
    {
        if (Path.GetExtension(path).ToLowerInvariant() is not (".svg" or ".png"))
        {
            throw new UsageException("--plot takes a file that ends in .svg or .png");
        }

        _ = Face();
    }

    /// <summary>Draws into a file.</summary>
    /// <exception cref="Simulation.SimulationException">The answer has nothing to draw.</exception>
    public static void Write(QueryResult result, string path)
    {
        Check(path);
        if (result.Kind != QueryKind.Regression && Rows(result).Count == 0)
        {
            throw new Simulation.SimulationException("there is nothing to draw: no group of the answer is shown");
        }

        using var plot = new Plot();
        plot.Font.Set(Face());

        var (width, height) = result.Kind == QueryKind.Regression ? Coefficients(plot, result) : result.Groupings switch
        {
            1 => Bars(plot, result),
            2 => HeatMap(plot, result),
            _ => throw new Simulation.SimulationException($"an answer with {result.Groupings} groupings has no picture; group by one or two columns"),
        };
        var caption = $"engine {WireNames.NameOf(result.Engine)}, {result.CommonRecords:N0} common "
            + $"records{(result.Answer.Records >= 0 ? $", {result.Answer.Records:N0} counted" : "")}"
            + $"{(result.MinCell > 1 ? $", groups below {result.MinCell} not shown" : "")}, session {result.Session[..8]}, {result.AnsweredAt:yyyy-MM-dd}";
        plot.Title($"{Shorten(result.Text, 90)}\n{caption}", size: 13);
        plot.Axes.Title.Label.Bold = false;
        var content = Path.GetExtension(path).Equals(".svg", StringComparison.OrdinalIgnoreCase)
            ? System.Text.Encoding.UTF8.GetBytes(plot.GetSvgXml(width, height))
            : plot.GetImageBytes(width, height, ImageFormat.Png);
        AtomicFile.Write(path, content);
    }

    /// <summary>A font that has letters: without one a picture would come out without a word.</summary>
    private static string Face()
    {
        bool HasLetters(string family)
        {
            using var typeface = SkiaSharp.SKFontManager.Default.MatchFamily(family);
            return typeface is not null && typeface.ContainsGlyphs("Ab01");
        }

        return Array.Find(Faces, HasLetters) ?? SkiaSharp.SKFontManager.Default.FontFamilies.FirstOrDefault(HasLetters)
            ?? throw new Simulation.SimulationException(
                "a picture needs a font, and this machine has none; install one (Debian: apt install fonts-dejavu-core) and draw again");
    }

    private static (int, int) Bars(Plot plot, QueryResult result)
    {
        var (rows, value) = (Rows(result), Values(result));
        if (rows.Count > MostBars)
        {
            throw new Simulation.SimulationException($"{rows.Count:N0} bars are too many to draw, {MostBars} at most; put the values into classes");
        }

        for (var i = 0; i < rows.Count; i++)
        {
            var cell = rows[i][value];
            var bar = plot.Add.Bar(i, Number(cell) ?? 0);
            bar.Color = Blue;
            if (rows.Count <= 20)
            {
                var label = plot.Add.Text(cell.IsWithheld ? "withheld"
                    : Number(cell) is { } number ? number.ToString("G5", CultureInfo.InvariantCulture)
                    : "none", i, Math.Max(0, Number(cell) ?? 0));
                (label.LabelAlignment, label.LabelFontSize) = (Alignment.LowerCenter, 11);
            }
        }

        var labels = rows.Select(row => Label(row[0])).ToArray();
        Ticks(plot.Axes.Bottom, labels, turned: labels.Sum(label => label.Length + 2) > 90);
        plot.Axes.Bottom.Label.Text = result.Answer.Columns[0].Name;
        plot.Axes.Left.Label.Text = result.Answer.Columns[value].Name;
        plot.Axes.Margins(bottom: 0, top: 0.15);
        plot.HideGrid();
        return (900, 560);
    }

    private static (int, int) HeatMap(Plot plot, QueryResult result)
    {
        var (rows, value) = (Rows(result), Values(result));
        var down = rows.Select(row => Label(row[0])).Distinct(StringComparer.Ordinal).ToArray();
        var columns = InOrder(rows);
        if (down.Length > MostCells || columns.Length > MostCells)
        {
            throw new Simulation.SimulationException(
                $"{down.Length:N0} by {columns.Length:N0} cells are too many to draw, {MostCells} each way at most; put the values into classes");
        }

        var cells = new double[down.Length, columns.Length];
        for (var y = 0; y < down.Length; y++)
        {
            for (var x = 0; x < columns.Length; x++)
            {
                cells[y, x] = double.NaN;
            }
        }

        foreach (var row in rows)
        {
            cells[Array.IndexOf(down, Label(row[0])), Array.IndexOf(columns, Label(row[1]))] = Number(row[value]) ?? double.NaN;
        }

        var map = plot.Add.Heatmap(cells);
        map.Colormap = new ScottPlot.Colormaps.Blues().Reversed();
        map.NaNCellColor = Color.FromHex("#eeeeee");
        var bar = plot.Add.ColorBar(map);
        bar.Label = result.Answer.Columns[value].Name;
        var (low, high) = (map.GetRange().Min, map.GetRange().Max);
        foreach (var row in rows.Where(_ => down.Length * columns.Length <= 200))
        {
            var number = Number(row[value]);
            var text = plot.Add.Text(row[value].IsWithheld ? "withheld" : number?.ToString("G4", CultureInfo.InvariantCulture) ?? "",
                Array.IndexOf(columns, Label(row[1])), down.Length - 1 - Array.IndexOf(down, Label(row[0])));
            (text.LabelAlignment, text.LabelFontSize, text.LabelFontColor) = (Alignment.MiddleCenter, 12,
                number is { } shown && shown > low + (0.55 * (high - low)) ? Colors.White : Colors.Black);
        }

        Ticks(plot.Axes.Bottom, columns, turned: columns.Sum(label => label.Length + 2) > 80);
        Ticks(plot.Axes.Left, [.. down.Reverse()], turned: false);
        plot.Axes.Bottom.Label.Text = result.Answer.Columns[1].Name;
        plot.Axes.Left.Label.Text = result.Answer.Columns[0].Name;
        plot.Axes.Margins(0, 0);
        plot.HideGrid();
        return (Math.Max(760, 240 + (columns.Length * 60)), Math.Max(480, 200 + (down.Length * 40)));
    }

    /// <summary>
    /// Labels of the second grouping in an order that every row of the map agrees with; where the rows leave it open, as people sort them, missing values last.
    /// </summary>
    private static string[] InOrder(List<IReadOnlyList<AnswerCell>> rows)
    {
        var left = rows.Select(row => Label(row[1])).Distinct(StringComparer.Ordinal).ToList();
        left.Sort((a, b) => (a == "(missing)", b == "(missing)") is var missing
            && missing.Item1 != missing.Item2 ? missing.Item1.CompareTo(missing.Item2) : NaturalOrder.Compare(a, b));
        var after = rows.GroupBy(row => Label(row[0]), StringComparer.Ordinal)
            .SelectMany(group => group.Zip(group.Skip(1), (one, next) => (Before: Label(one[1]), After: Label(next[1])))).ToHashSet();
        var ordered = new List<string>();
        while (left.Count > 0)
        {
            var next = left.Find(label => !left.Exists(other => after.Contains((other, label)))) ?? left[0];
            ordered.Add(next);
            left.Remove(next);
        }

        return [.. ordered];
    }

    private static (int, int) Coefficients(Plot plot, QueryResult result)
    {
        var rows = result.Answer.Rows.Where(row => row[0].Text != "(intercept)").Reverse().ToArray();
        for (var i = 0; i < rows.Length; i++)
        {
            if (Number(rows[i][1]) is { } estimate && Number(rows[i][5]) is { } low && Number(rows[i][6]) is { } high)
            {
                var line = plot.Add.Line(low, i, high, i);
                (line.LineWidth, line.LineColor, line.MarkerSize) = (2, Blue, 0);
                var point = plot.Add.Marker(estimate, i);
                (point.Size, point.Color) = (9, Blue);
            }
        }

        var zero = plot.Add.VerticalLine(0);
        (zero.LineColor, zero.LinePattern, zero.LineWidth) = (Colors.Gray, LinePattern.Dashed, 1);
        Ticks(plot.Axes.Left, [.. rows.Select(row => Label(row[0]))], turned: false);
        plot.Axes.Bottom.Label.Text = "estimate with 95% interval (without the intercept)";
        plot.Axes.SetLimitsY(-0.6, rows.Length - 0.4);
        return (860, 200 + (rows.Length * 44));
    }

    private static void Ticks(IAxis axis, string[] labels, bool turned)
    {
        var ticks = new ScottPlot.TickGenerators.NumericManual();
        for (var i = 0; i < labels.Length; i++)
        {
            ticks.AddMajor(i, Shorten(labels[i], 24));
        }

        axis.TickGenerator = ticks;
        axis.MajorTickStyle.Length = 0;
        if (turned)
        {
            (axis.TickLabelStyle.Rotation, axis.TickLabelStyle.Alignment) = (-45, Alignment.MiddleRight);
            axis.MinimumSize = 110;
        }
        else if (axis.IsVertical())
        {
            axis.MinimumSize = 40 + (7 * labels.Max(label => Math.Min(label.Length, 24)));
        }
    }

    private static List<IReadOnlyList<AnswerCell>> Rows(QueryResult result) =>
        [.. result.Answer.Rows.Where(row => !row.Any(cell => cell.IsTotal) && !QueryOutput.IsWithheldLine(row))];

    private static int Values(QueryResult result) => result.Groupings;

    private static double? Number(AnswerCell cell) =>
        cell.Text is { } text && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string Label(AnswerCell cell) => cell.Text ?? "(missing)";

    private static string Shorten(string text, int length) => text.Length <= length ? text : text[..(length - 1)] + "…";
}
