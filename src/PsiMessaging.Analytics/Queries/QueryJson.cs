using System.Text.Json;
using System.Text.Json.Nodes;

namespace PsiMessaging.Analytics.Queries;

/// <summary>
/// Queries as JSON, for programs that write them. The members are the clauses of the language: <c>measures</c>, <c>by</c>, <c>where</c>, <c>weight</c>,
/// <c>totals</c>, or one of <c>histogram</c>, <c>quantile</c>, <c>chisq</c>, <c>ols</c> instead of measures. Unknown members are refused.
/// </summary>
public static class QueryJson
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64, CommentHandling = JsonCommentHandling.Skip };

    /// <summary>Reads a query.</summary>
    /// <exception cref="QueryException">It is not JSON, or not a query; the message names the member.</exception>
    public static Query Parse(string json)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json, Options);
        }
        catch (JsonException exception)
        {
            throw new QueryException(QueryException.BadQuery, $"the query is not JSON: line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}: {exception.Message.Split(" LineNumber", 2)[0]}");
        }

        using (document)
        {
            return QueryParser.Check(Read(new Member(document.RootElement, "query")));
        }
    }

    private static Query Read(Member query)
    {
        query.Only("measures", "by", "where", "weight", "totals", "histogram", "quantile", "chisq", "ols");
        var heads = new[] { "measures", "histogram", "quantile", "chisq", "ols" }.Where(query.Has).ToArray();
        if (heads.Length > 1)
        {
            throw query.Wrong($"has both {heads[0]} and {heads[1]}; a query asks for one of them");
        }

        var by = query.Optional("by")?.Items().Select(ReadGrouping).ToArray() ?? [];
        if (by.Length > 0 && heads is ["chisq" or "ols"])
        {
            throw query.Wrong($"has `by`, which {heads[0]} does not take");
        }

        var common = new Query
        {
            Kind = QueryKind.Table,
            By = by,
            Where = query.Optional("where") is { } where ? ReadCondition(where, 0) : null,
            Weight = query.Optional("weight")?.Text(),
            Totals = query.Optional("totals")?.Flag() ?? false,
        };
        if (common.Totals && heads is ["quantile" or "chisq" or "ols"])
        {
            throw query.Wrong("has totals, which only a table has");
        }

        switch (heads)
        {
            case ["histogram"]:
                var histogram = query.Get("histogram");
                histogram.Only("column", "from", "to", "step");
                return common with { Measures = [new Measure("count", [])], HistogramColumn = histogram.Get("column").Text(), Bins = ReadBins(histogram) };
            case ["quantile"]:
                var quantile = query.Get("quantile");
                quantile.Only("column", "probabilities", "from", "to", "step");
                return common with
                {
                    Kind = QueryKind.Quantiles, QuantileColumn = quantile.Get("column").Text(), Bins = ReadBins(quantile),
                    Probabilities = [.. quantile.Get("probabilities").Items().Select(item => item.Number())],
                };
            case ["chisq"]:
                var two = query.Get("chisq").Items().Select(ReadGrouping).ToArray();
                return two.Length == 2 ? common with { Kind = QueryKind.ChiSquare, By = two } : throw query.Get("chisq").Wrong("takes two columns");
            case ["ols"]:
                var ols = query.Get("ols");
                ols.Only("outcome", "terms");
                return common with
                {
                    Kind = QueryKind.Regression, Outcome = ols.Get("outcome").Text(),
                    Terms = [.. ols.Get("terms").Items().Select(term => term.IsText ? new Term(term.Text()) : ReadGrouping(term) is var grouping ? new Term(grouping.Column, grouping) : null!)],
                };
            case ["measures"]:
                var measures = query.Get("measures").Items().Select(ReadMeasure).ToArray();
                return measures.Length > 0 ? common with { Measures = measures } : throw query.Get("measures").Wrong("is empty");
            default:
                return by.Length > 0 ? common with { Measures = [new Measure("count", [])] } : throw query.Wrong("asks for nothing: give it measures, by, histogram, quantile, chisq or ols");
        }
    }

    private static Measure ReadMeasure(Member measure)
    {
        if (measure.IsText)
        {
            return measure.Text() == "count" ? new Measure("count", []) : throw measure.Wrong("is a measure without its columns");
        }

        measure.Only("function", "columns");
        var function = measure.Get("function").Text().ToLowerInvariant();
        var columns = measure.Optional("columns")?.Items().Select(item => item.Text()).ToArray() ?? [];
        return !Measure.Functions.TryGetValue(function, out var count) ? throw measure.Wrong($"is no measure: take {string.Join(", ", Measure.Functions.Keys)}")
            : columns.Length != count ? throw measure.Wrong($"takes {count} columns") : new Measure(function, columns);
    }

    private static Grouping ReadGrouping(Member grouping)
    {
        if (grouping.IsText)
        {
            return new Grouping(grouping.Text());
        }

        grouping.Only("column", "classes");
        return new Grouping(grouping.Get("column").Text(), grouping.Optional("classes")?.Items().Select(ReadCategory).ToArray());
    }

    private static Category ReadCategory(Member category)
    {
        category.Only("from", "to", "values", "label");
        var values = category.Optional("values")?.Items().Select(item => item.Text()).ToArray();
        var (from, to) = (category.Optional("from")?.Number(), category.Optional("to")?.Number());
        return (values is null) == (from is null && to is null) ? throw category.Wrong("has either from and to, or values")
            : new Category(from, to, false, values, category.Optional("label")?.Text());
    }

    private static Bins ReadBins(Member bins) => new(bins.Get("from").Number(), bins.Get("to").Number(), bins.Get("step").Number());

    private static Condition ReadCondition(Member condition, int depth)
    {
        if (depth > 50)
        {
            throw condition.Wrong("is nested deeper than 50 times");
        }

        foreach (var (name, join) in new (string, Func<Condition, Condition, Condition>)[] { ("and", (a, b) => new And(a, b)), ("or", (a, b) => new Or(a, b)) })
        {
            if (condition.Has(name))
            {
                condition.Only(name);
                var parts = condition.Get(name).Items().Select(part => ReadCondition(part, depth + 1)).ToArray();
                return parts.Length > 0 ? parts.Aggregate(join) : throw condition.Wrong("joins nothing");
            }
        }

        if (condition.Has("not"))
        {
            condition.Only("not");
            return new Not(ReadCondition(condition.Get("not"), depth + 1));
        }

        condition.Only("column", "operator", "value", "values");
        var column = condition.Get("column").Text();
        var symbol = condition.Get("operator").Text();
        return symbol switch
        {
            "in" => new Membership(column, [.. condition.Get("values").Items().Select(ReadLiteral)]),
            "missing" => new IsMissing(column),
            "=" or "!=" or "<" or "<=" or ">" or ">=" => new Comparison(column, symbol, ReadLiteral(condition.Get("value"))),
            _ => throw condition.Get("operator").Wrong("is one of =, !=, <, <=, >, >=, in, missing"),
        };
    }

    private static Literal ReadLiteral(Member value) => value.IsText ? new Literal(null, value.Text()) : new Literal(value.Number(), null);

    /// <summary>Writes a query as JSON that <see cref="Parse"/> reads as the same query.</summary>
    public static string Write(Query query)
    {
        var json = new JsonObject();
        switch (query.Kind)
        {
            case QueryKind.Regression:
                json["ols"] = new JsonObject { ["outcome"] = query.Outcome, ["terms"] = new JsonArray([.. query.Terms.Select(term => term.Grouping is { } grouping ? WriteClasses(grouping) : JsonValue.Create(term.Column))]) };
                break;
            case QueryKind.ChiSquare:
                json["chisq"] = WriteGroupings(query.By);
                break;
            case QueryKind.Quantiles:
                json["quantile"] = WriteBins(query.QuantileColumn!, query.Bins!, new JsonArray([.. query.Probabilities.Select(p => (JsonNode)JsonValue.Create(p))]));
                break;
            default:
                if (query.HistogramColumn is { } column)
                {
                    json["histogram"] = WriteBins(column, query.Bins!, null);
                }
                else
                {
                    json["measures"] = new JsonArray([.. query.Measures.Select(measure => (JsonNode)new JsonObject { ["function"] = measure.Function, ["columns"] = Texts(measure.Columns) })]);
                }

                break;
        }

        if (query.By.Count > 0 && query.Kind != QueryKind.ChiSquare)
        {
            json["by"] = WriteGroupings(query.By);
        }

        if (query.Where is { } where)
        {
            json["where"] = WriteCondition(where);
        }

        if (query.Weight is { } weight)
        {
            json["weight"] = weight;
        }

        if (query.Totals)
        {
            json["totals"] = true;
        }

        return json.ToJsonString();
    }

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode?)JsonValue.Create(text))]);

    private static JsonArray WriteGroupings(IEnumerable<Grouping> groupings) => new([.. groupings.Select(grouping => grouping.Categories is null ? JsonValue.Create(grouping.Column) : WriteClasses(grouping))]);

    private static JsonNode WriteClasses(Grouping grouping)
    {
        var json = new JsonObject { ["column"] = grouping.Column };
        if (grouping.Categories is { } categories)
        {
            json["classes"] = new JsonArray([.. categories.Select(category =>
            {
                var one = new JsonObject();
                if (category.Values is { } values)
                {
                    one["values"] = Texts(values);
                }

                if (category.From is { } from)
                {
                    one["from"] = from;
                }

                if (category.To is { } to)
                {
                    one["to"] = to;
                }

                if (category.Label is { } label)
                {
                    one["label"] = label;
                }

                return (JsonNode)one;
            })]);
        }

        return json;
    }

    private static JsonObject WriteBins(string column, Bins bins, JsonArray? probabilities)
    {
        var json = new JsonObject { ["column"] = column, ["from"] = bins.From, ["to"] = bins.To, ["step"] = bins.Step };
        if (probabilities is not null)
        {
            json["probabilities"] = probabilities;
        }

        return json;
    }

    private static JsonObject WriteCondition(Condition condition) => condition switch
    {
        And and => new JsonObject { ["and"] = new JsonArray(WriteCondition(and.Left), WriteCondition(and.Right)) },
        Or or => new JsonObject { ["or"] = new JsonArray(WriteCondition(or.Left), WriteCondition(or.Right)) },
        Not not => new JsonObject { ["not"] = WriteCondition(not.Inner) },
        Comparison comparison => new JsonObject { ["column"] = comparison.Column, ["operator"] = comparison.Operator, ["value"] = Write(comparison.Value) },
        Membership membership => new JsonObject { ["column"] = membership.Column, ["operator"] = "in", ["values"] = new JsonArray([.. membership.Values.Select(Write)]) },
        IsMissing missing => new JsonObject { ["column"] = missing.Column, ["operator"] = "missing" },
        _ => throw new ArgumentOutOfRangeException(nameof(condition)),
    };

    private static JsonNode Write(Literal literal) => literal.Number is { } number ? JsonValue.Create(number) : JsonValue.Create(literal.Text!);

    /// <summary>An element with its place, for messages.</summary>
    private readonly record struct Member(JsonElement Element, string Path)
    {
        public bool IsText => Element.ValueKind == JsonValueKind.String;

        public bool Has(string name) => Element.ValueKind == JsonValueKind.Object && Element.TryGetProperty(name, out _);

        public Member Get(string name) => Optional(name) ?? throw Wrong($"lacks {name}");

        public Member? Optional(string name) => Element.ValueKind != JsonValueKind.Object ? throw Wrong("is not an object")
            : Element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? new Member(value, $"{Path}.{name}") : null;

        public void Only(params string[] names)
        {
            var element = Element.ValueKind == JsonValueKind.Object ? Element : throw Wrong("is not an object");
            if (element.EnumerateObject().Select(member => member.Name).FirstOrDefault(name => !names.Contains(name)) is { } unknown)
            {
                throw Wrong($"has no member {unknown}; it has {string.Join(", ", names)}");
            }
        }

        public IEnumerable<Member> Items()
        {
            var path = Path;
            return Element.ValueKind == JsonValueKind.Array ? Element.EnumerateArray().Select((item, i) => new Member(item, $"{path}[{i}]")) : throw Wrong("is not a list");
        }

        public string Text() => Element.ValueKind == JsonValueKind.String && Element.GetString() is { Length: > 0 } text ? text : throw Wrong("is not a text");

        public bool Flag() => Element.ValueKind is JsonValueKind.True or JsonValueKind.False ? Element.GetBoolean() : throw Wrong("is not true or false");

        public decimal Number() => Element.ValueKind == JsonValueKind.Number && Element.TryGetDecimal(out var number) && Math.Abs(number) <= 1_000_000_000_000_000_000m ? number : throw Wrong("is not a number");

        public QueryException Wrong(string what) => new(QueryException.BadQuery, $"the query cannot be read: {Path} {what}");
    }
}
