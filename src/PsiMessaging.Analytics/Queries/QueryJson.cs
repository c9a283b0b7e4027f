using System.Text.Json;
using System.Text.Json.Nodes;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Analytics.Statistics.Tables;

namespace PsiMessaging.Analytics.Queries;

/// <summary>
/// Queries as JSON, for programs that write them. The members are the clauses of the language: <c>measures</c>, <c>by</c>, <c>where</c>, <c>weight</c>,
/// <c>totals</c>, or another statistic's (<see cref="Statistic.Member"/>) instead of measures. Unknown members are refused.
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
            throw new QueryException(QueryException.BadQuery,
                $"the query is not JSON: line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}: "
                    + $"{exception.Message.Split(" LineNumber", 2)[0]}");
        }

        using (document)
        {
            return QueryRules.Check(Read(new JsonMember(document.RootElement, "query")));
        }
    }

    private static Query Read(JsonMember query)
    {
        var members = StatisticRegistry.All.Select(statistic => statistic.Member).ToArray();
        query.Only([members[0], "by", "where", "weight", "totals", .. members[1..]]);
        var heads = StatisticRegistry.All.Where(statistic => query.Has(statistic.Member)).ToArray();
        if (heads.Length > 1)
        {
            throw query.Wrong($"has both {heads[0].Member} and {heads[1].Member}; a query asks for one of them");
        }

        var head = heads.FirstOrDefault();
        var by = query.Optional("by")?.Items().Select(ReadGrouping).ToArray() ?? [];
        if (by.Length > 0 && head?.TakesBy == false)
        {
            throw query.Wrong($"has `by`, which {head.Member} does not take");
        }

        var common = new Query
        {
            Clause = TableClause.Count,
            By = by,
            Where = query.Optional("where") is { } where ? ReadCondition(where, 0) : null,
            Weight = query.Optional("weight")?.Text(),
            Totals = query.Optional("totals")?.Flag() ?? false,
        };
        if (common.Totals && head?.TakesTotals == false)
        {
            throw query.Wrong("has totals, which only a table has");
        }

        return head is not null ? head.Read(query.Get(head.Member), common)
            : by.Length > 0 ? common
            : throw query.Wrong($"asks for nothing: give it {members[0]}, by, {string.Join(", ", members[1..^1])} or {members[^1]}");
    }

    internal static Grouping ReadGrouping(JsonMember grouping)
    {
        if (grouping.IsText)
        {
            return new Grouping(grouping.Text());
        }

        grouping.Only("column", "classes");
        return new Grouping(grouping.Get("column").Text(), grouping.Optional("classes")?.Items().Select(ReadCategory).ToArray());
    }

    private static Category ReadCategory(JsonMember category)
    {
        category.Only("from", "to", "values", "label");
        var values = category.Optional("values")?.Items().Select(item => item.Text()).ToArray();
        var (from, to) = (category.Optional("from")?.Number(), category.Optional("to")?.Number());
        return (values is null) == (from is null && to is null) ? throw category.Wrong("has either from and to, or values")
            : new Category(from, to, false, values, category.Optional("label")?.Text());
    }

    internal static Bins ReadBins(JsonMember bins) => new(bins.Get("from").Number(), bins.Get("to").Number(), bins.Get("step").Number());

    private static Condition ReadCondition(JsonMember condition, int depth)
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

    private static Literal ReadLiteral(JsonMember value) => value.IsText ? new Literal(null, value.Text()) : new Literal(value.Number(), null);

    /// <summary>Writes a query as JSON that <see cref="Parse"/> reads as the same query.</summary>
    public static string Write(Query query)
    {
        var json = new JsonObject { [query.Statistic.Member] = query.Clause.WriteJson(query) };
        if (query.By.Count > 0 && query.Statistic.TakesBy)
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

    internal static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode?)JsonValue.Create(text))]);

    internal static JsonArray WriteGroupings(IEnumerable<Grouping> groupings) =>
        new([.. groupings.Select(grouping => grouping.Categories is null ? JsonValue.Create(grouping.Column) : WriteClasses(grouping))]);

    internal static JsonNode WriteClasses(Grouping grouping)
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

    internal static JsonObject WriteBins(string column, Bins bins) =>
        new() { ["column"] = column, ["from"] = bins.From, ["to"] = bins.To, ["step"] = bins.Step };

    private static JsonObject WriteCondition(Condition condition) => condition switch
    {
        And and => new JsonObject { ["and"] = new JsonArray(WriteCondition(and.Left), WriteCondition(and.Right)) },
        Or or => new JsonObject { ["or"] = new JsonArray(WriteCondition(or.Left), WriteCondition(or.Right)) },
        Not not => new JsonObject { ["not"] = WriteCondition(not.Inner) },
        Comparison comparison => new JsonObject { ["column"] = comparison.Column, ["operator"] = comparison.Operator, ["value"] = Write(comparison.Value) },
        Membership membership => new JsonObject
        {
            ["column"] = membership.Column, ["operator"] = "in", ["values"] = new JsonArray([.. membership.Values.Select(Write)]),
        },
        IsMissing missing => new JsonObject { ["column"] = missing.Column, ["operator"] = "missing" },
        _ => throw new ArgumentOutOfRangeException(nameof(condition)),
    };

    private static JsonNode Write(Literal literal) => literal.Number is { } number ? JsonValue.Create(number) : JsonValue.Create(literal.Text!);
}
