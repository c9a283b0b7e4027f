using System.Text;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Files;
using PsiMessaging.Party.Questions;

namespace PsiMessaging.Cli.Output.Forms;

/// <summary>A dimension of an answer: a column of labels, or the measures.</summary>
/// <param name="Id">Letters, digits and underscores, beginning with a letter; another one for each.</param>
/// <param name="Name">Heading, without control characters.</param>
/// <param name="Codes">Codes of its categories, in order.</param>
/// <param name="Labels">What they stand for, without control characters.</param>
/// <param name="ByText">Codes by the label as it stands in the data.</param>
internal sealed record CubeDimension(
    string Id, string Name, IReadOnlyList<string> Codes, IReadOnlyList<string> Labels, IReadOnlyDictionary<string, string> ByText)
{
    private readonly Dictionary<string, string> _labels = Codes.Zip(Labels).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal);

    /// <summary>What a code stands for.</summary>
    public string LabelOf(string code) => _labels[code];

    /// <summary>The code of a cell of the column.</summary>
    public string CodeOf(AnswerCell cell) => cell.IsTotal ? AnswerCube.TotalCode : cell.Text is { } text ? ByText[text] : AnswerCube.MissingCode;
}

/// <summary>
/// An answer as statistical offices exchange tables: dimensions with codes, and an observation for each combination. What is withheld is confidential, whether
/// for its own sake or for another's, and so is everything that is not shown, whether that is nobody or few.
/// </summary>
internal sealed class AnswerCube
{
    /// <summary>Code of the category that stands for all; no category of the data has it, since theirs do not begin with an underscore (as in SDMX).</summary>
    public const string TotalCode = "_T";

    /// <summary>Code of a missing label.</summary>
    public const string MissingCode = "_U";

    /// <summary>Code of the confidential, as in SDMX's CL_CONF_STATUS and in JSON-stat's status.</summary>
    public const string Confidential = "C";

    /// <summary>The question was answered by then, and maybe counted: nobody has to be asked again.</summary>
    private const string OtherForms = "the answer is stored (psi answers); psi answer ID --format csv, json or parquet has it";

    private const int MostObservations = 1_000_000;
    private readonly Dictionary<string, IReadOnlyList<AnswerCell>> _rows = new(StringComparer.Ordinal);
    private readonly bool _isThresholded;

    private AnswerCube(QueryResult result)
    {
        var answer = result.Answer;
        Result = result;
        _isThresholded = result.MinCell > 1;
        var labels = Indices(answer, column => column.Role == AnswerRole.Label);
        MeasureColumns = Indices(answer, column => column.Role != AnswerRole.Label);
        var rows = answer.Rows.Where(row => !QueryOutput.IsWithheldLine(row)).ToArray();
        var taken = new HashSet<string>(StringComparer.Ordinal) { MeasureId };
        Dimensions = Array.ConvertAll(labels, index => DimensionOf(answer.Columns[index].Name, rows.Select(row => row[index]), taken));
        Measures = Named(answer, MeasureColumns);
        foreach (var row in rows)
        {
            if (!_rows.TryAdd(KeyOf(labels.Zip(Dimensions, (index, dimension) => dimension.CodeOf(row[index]))), row))
            {
                throw new UsageException($"this answer has several lines for one combination of labels and is no table; {OtherForms}");
            }
        }
    }

    /// <summary>Id of the dimension of measures.</summary>
    public const string MeasureId = "MEASURE";

    /// <summary>The answer.</summary>
    public QueryResult Result { get; }

    /// <summary>Its dimensions, in the order of its columns; without that of measures.</summary>
    public IReadOnlyList<CubeDimension> Dimensions { get; }

    /// <summary>Its measures.</summary>
    public CubeDimension Measures { get; }

    /// <summary>Columns of the answer that are measures, in their order.</summary>
    public int[] MeasureColumns { get; }

    /// <summary>Makes one.</summary>
    /// <exception cref="UsageException">The answer is no table of dimensions.</exception>
    public static AnswerCube Of(QueryResult result) => new(result);

    /// <summary>
    /// Every combination in row-major order, the last dimension running fastest: its codes, and its line of the answer; null where there is none.
    /// </summary>
    /// <exception cref="UsageException">There are more than a file should have.</exception>
    public IEnumerable<(IReadOnlyList<string> Codes, IReadOnlyList<AnswerCell>? Row)> Combinations()
    {
        if (Dimensions.Aggregate((double)MeasureColumns.Length, (product, dimension) => product * dimension.Codes.Count) > MostObservations)
        {
            throw new UsageException($"the table would have more than {MostObservations:N0} values, most of them empty; {OtherForms}, sdmx-csv too");
        }

        return Dimensions.Any(dimension => dimension.Codes.Count == 0) ? [] : Enumerate([], 0);
    }

    /// <summary>The combinations that the answer has lines for, in its order.</summary>
    public IEnumerable<(IReadOnlyList<string> Codes, IReadOnlyList<AnswerCell> Row)> Lines() => _rows.Select(entry => (
        (IReadOnlyList<string>)(Dimensions.Count == 0 ? [] : entry.Key.Split('/')), entry.Value));

    /// <summary>A number as a text, and whether it is confidential. A combination without a line is 0 only where nothing is withheld anywhere.</summary>
    public (string? Value, bool IsConfidential) Observation(IReadOnlyList<AnswerCell>? row, int measure) =>
        row is not null ? (row[MeasureColumns[measure]].Text, row[MeasureColumns[measure]].IsWithheld)
            : (_isThresholded || RoleOf(measure) != AnswerRole.Count ? null : "0", _isThresholded);

    /// <summary>What a measure holds.</summary>
    public AnswerRole RoleOf(int measure) => Result.Answer.Columns[MeasureColumns[measure]].Role;

    /// <summary>Digits of a measure after the point; null for floating numbers.</summary>
    public int? DecimalsOf(int measure) => RoleOf(measure) == AnswerRole.Real ? null : Result.Answer.Columns[MeasureColumns[measure]].Decimals;

    /// <summary>What a reader must know, a line each.</summary>
    public IReadOnlyList<string> Notes =>
    [
        .. _isThresholded ? [$"Minimum cell size {Result.MinCell}: {AnswerBuilder.WithheldRule(Result.MinCell)}"] : Array.Empty<string>(),
        .. Result.Answer.Rules.Select(PrintableText.Of),
        .. Result.Answer.Rows.Where(row => QueryOutput.IsWithheldLine(row) && MeasureColumns.Length > 0 && row[MeasureColumns[0]].Text is not null)
            .Select(row => $"{row[MeasureColumns[0]].Text} records are in groups that are not shown"),
    ];

    private static int[] Indices(Answer answer, Func<AnswerColumn, bool> which) =>
        [.. Enumerable.Range(0, answer.Columns.Count).Where(index => which(answer.Columns[index]))];

    private static CubeDimension Named(Answer answer, int[] columns)
    {
        var taken = new HashSet<string>(StringComparer.Ordinal);
        string[] names = [.. columns.Select(index => PrintableText.Of(answer.Columns[index].Name))];
        return new CubeDimension(MeasureId, "measure", [.. names.Select(name => IdOf(name, "M", taken))], names, new Dictionary<string, string>());
    }

    private static CubeDimension DimensionOf(string heading, IEnumerable<AnswerCell> cells, HashSet<string> takenIds)
    {
        var (codes, labels, taken) = (new List<string>(), new List<string>(), new HashSet<string>(StringComparer.Ordinal));
        var byText = new Dictionary<string, string>(StringComparer.Ordinal);
        var (hasTotal, hasMissing) = (false, false);
        foreach (var cell in cells.DistinctBy(cell => (cell.Text, cell.IsTotal)))
        {
            (hasTotal, hasMissing) = (hasTotal || cell.IsTotal, hasMissing || cell.Text is null);
            if (cell is { IsTotal: false, Text: { } text })
            {
                codes.Add(byText[text] = CodeOf(text, taken));
                labels.Add(PrintableText.Of(text));
            }
        }

        foreach (var (isThere, code, label) in new[] { (hasMissing, MissingCode, "missing"), (hasTotal, TotalCode, "total") })
        {
            if (isThere)
            {
                codes.Add(code);
                labels.Add(label);
            }
        }

        return new CubeDimension(IdOf(heading, "D", takenIds), PrintableText.Of(heading), codes, labels, byText);
    }

    /// <summary>A label as a code where it is one, else with other characters left out and a number behind it.</summary>
    private static string CodeOf(string label, HashSet<string> taken)
    {
        var plain = new string([.. label.Where(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_')]).TrimStart('_', '-');
        var code = plain == label && plain.Length > 0 ? label : plain.Length > 0 ? plain : "X";
        return Unique(code, taken);
    }

    private static string IdOf(string heading, string otherwise, HashSet<string> taken)
    {
        var id = new StringBuilder();
        foreach (var character in heading)
        {
            id.Append(char.IsAsciiLetterOrDigit(character) ? char.ToUpperInvariant(character) : '_');
        }

        var plain = id.ToString().Trim('_');
        return Unique(plain.Length > 0 && char.IsAsciiLetter(plain[0]) ? plain : $"{otherwise}{(plain.Length > 0 ? "_" : "")}{plain}", taken);
    }

    private static string Unique(string wanted, HashSet<string> taken)
    {
        var made = wanted;
        for (var i = 2; !taken.Add(made); i++)
        {
            made = $"{wanted}_{i}";
        }

        return made;
    }

    private IEnumerable<(IReadOnlyList<string> Codes, IReadOnlyList<AnswerCell>? Row)> Enumerate(IReadOnlyList<string> codes, int dimension)
    {
        if (dimension == Dimensions.Count)
        {
            yield return (codes, _rows.GetValueOrDefault(KeyOf(codes)));
            yield break;
        }

        foreach (var code in Dimensions[dimension].Codes)
        {
            foreach (var found in Enumerate([.. codes, code], dimension + 1))
            {
                yield return found;
            }
        }
    }

    /// <summary>No code has a slash.</summary>
    private static string KeyOf(IEnumerable<string> codes) => string.Join('/', codes);
}
