using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Tables;

/// <summary>A table of counts by bins that the question agrees on: they are listed whether somebody is in them or not.</summary>
public sealed class HistogramStatistic : TableStatistic
{
    /// <summary>The only one.</summary>
    public static new HistogramStatistic Instance { get; } = new();

    private HistogramStatistic()
    {
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Words { get; } = ["histogram"];

    /// <inheritdoc/>
    public override string Member => "histogram";

    /// <inheritdoc/>
    public override string Title => "histogram";

    /// <inheritdoc/>
    protected override bool HasEmptyClasses => true;

    internal override Query Parse(QueryParser parser, string word)
    {
        var column = parser.Column();
        parser.ExpectSymbol(",", "a comma and the bins, for example histogram(INCOME, 0 to 100000 step 10000)");
        var histogram = new Query { Clause = new HistogramClause(column, parser.ParseBins()) };
        parser.ExpectSymbol(")", "`)`");
        return histogram;
    }

    internal override Query Read(JsonMember clause, Query common)
    {
        clause.Only("column", "from", "to", "step");
        return common with { Clause = new HistogramClause(clause.Get("column").Text(), QueryJson.ReadBins(clause)) };
    }
}
