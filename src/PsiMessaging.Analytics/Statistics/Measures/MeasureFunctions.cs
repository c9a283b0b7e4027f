namespace PsiMessaging.Analytics.Statistics.Measures;

/// <summary>Every function that a table may have measures of, in the order in which they are named to people.</summary>
public static class MeasureFunctions
{
    /// <summary>The number of records, which a question without a measure asks for.</summary>
    public static MeasureFunction Count { get; } = new CountMeasure();

    /// <summary>All of them.</summary>
    public static IReadOnlyList<MeasureFunction> All { get; } =
    [
        Count,
        new SumMeasure(),
        new MeanMeasure(),
        new VarianceMeasure(),
        new DeviationMeasure(),
        new CovarianceMeasure(),
        new CorrelationMeasure(),
    ];

    /// <summary>The names, for messages: <c>count, sum, …</c>.</summary>
    public static string Names { get; } = string.Join(", ", All.Select(function => function.Name));

    /// <summary>The function of a name in any case; null where there is none.</summary>
    public static MeasureFunction? Find(string name) => All.FirstOrDefault(function => function.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
}
