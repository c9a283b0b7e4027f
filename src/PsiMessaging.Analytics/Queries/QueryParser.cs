using System.Globalization;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Analytics.Statistics.Measures;
using PsiMessaging.Analytics.Statistics.Tables;

namespace PsiMessaging.Analytics.Queries;

/// <summary>
/// Reads the query language of docs/analytics.md, by recursive descent. A bare list of columns counts by them. Keywords and functions are in any case; a column
/// that is called like one of them stands in double quotes.
/// </summary>
internal sealed class QueryParser
{
    private const int MaximumDepth = 50;
    private readonly string _text;
    private readonly List<Token> _tokens;
    private int _next;
    private int _depth;

    public QueryParser(string text)
    {
        _text = text;
        _tokens = QueryTokens.Read(text);
    }

    private Token Current => _tokens[_next];

    public Query Parse()
    {
        if (Current.Kind == TokenKind.End)
        {
            throw new QueryException(QueryException.BadQuery,
                "the query is empty; name one or more columns, for example \"CLASSE_ETA, CLASSE_REDDITO\", or a measure: \"mean(INCOME) by SEX\"");
        }

        var query = ParseHead();
        while (Current.Kind != TokenKind.End)
        {
            if (TakeWord("by"))
            {
                Once(query.By.Count > 0, "by");
                Refuse(!query.Statistic.TakesBy, $"{WithoutBy} has no `by`; use `where` to look at a part");
                query = query with { By = Groupings() };
            }
            else if (TakeWord("where"))
            {
                Once(query.Where is not null, "where");
                query = query with { Where = OrCondition() };
            }
            else if (TakeWord("weight"))
            {
                Once(query.Weight is not null, "weight");
                query = query with { Weight = Column() };
            }
            else if (TakeWord("with"))
            {
                Expect(TakeWord("totals"), "`totals` after `with`");
                Refuse(!query.Statistic.TakesTotals, "only a table has totals");
                query = query with { Totals = true };
            }
            else
            {
                throw Wrong(query.By.Count > 0 || query.Where is not null ? "`by`, `where`, `weight`, `with totals` or the end"
                    : "a comma, `by`, `where`, `weight`, `with totals` or the end");
            }
        }

        return QueryRules.Check(query);
    }

    private Query ParseHead()
    {
        if (Current.Kind == TokenKind.Name && Peek(1) is { Kind: TokenKind.Symbol, Value: "(" } && StatisticRegistry.Find(Current.Value) is { } statistic)
        {
            var word = Take().Value.ToLowerInvariant();
            _next++;
            return statistic.Parse(this, word);
        }

        return TableStatistic.Instance.Parse(this, "");
    }

    public bool IsMeasure() => Current.Kind == TokenKind.Name && MeasureFunctions.Find(Current.Value) is { } function
        && (Peek(1) is { Kind: TokenKind.Symbol, Value: "(" }
            || (function.Columns == 0 && (Peek(1).Kind is TokenKind.End or TokenKind.Name || Peek(1) is { Kind: TokenKind.Symbol, Value: "," })));

    public List<Measure> Measures()
    {
        var measures = new List<Measure>();
        do
        {
            if (Current.Kind != TokenKind.Name || MeasureFunctions.Find(Current.Value) is not { } function)
            {
                throw Wrong($"a measure: {MeasureFunctions.Names}");
            }

            _next++;
            var count = function.Columns;
            List<string> columns = [];
            if (TakeSymbol("("))
            {
                if (count > 0 || !(Current is { Kind: TokenKind.Symbol, Value: ")" }))
                {
                    do
                    {
                        columns.Add(Column());
                    }
                    while (TakeSymbol(","));
                }

                Expect(TakeSymbol(")"), "`)`");
            }

            Refuse(columns.Count != count, $"{function.Name} takes {count switch { 0 => "no column", 1 => "one column", _ => "two columns" }}");
            measures.Add(new Measure(function, columns));
        }
        while (TakeSymbol(","));
        return measures;
    }

    public Bins ParseBins()
    {
        var from = Number();
        Expect(TakeWord("to"), "`to`, as in 0 to 100000 step 10000");
        var to = Number();
        Expect(TakeWord("step"), "`step`, as in 0 to 100000 step 10000");
        return new Bins(from, to, Number());
    }

    public List<Grouping> Groupings()
    {
        var groupings = new List<Grouping>();
        do
        {
            groupings.Add(ParseGrouping());
        }
        while (TakeSymbol(","));
        return groupings;
    }

    public Grouping ParseGrouping()
    {
        var column = Column();
        if (!TakeWord("in"))
        {
            return new Grouping(column);
        }

        // A class begins with a number, `..` or a parenthesis; what follows a comma and does not is the next column.
        var categories = new List<Category> { ParseCategory() };
        while (Current is { Kind: TokenKind.Symbol, Value: "," }
            && Peek(1) is { Kind: TokenKind.Number } or { Kind: TokenKind.Symbol, Value: "(" or ".." or "-" })
        {
            _next++;
            categories.Add(ParseCategory());
        }

        return new Grouping(column, categories);
    }

    private Category ParseCategory()
    {
        Category category;
        if (TakeSymbol("("))
        {
            var values = new List<string>();
            do
            {
                values.Add(Current.Kind is TokenKind.Text or TokenKind.Number ? Take().Value : throw Wrong("a value such as 'LOM'"));
            }
            while (TakeSymbol(","));
            Expect(TakeSymbol(")"), "a comma or `)`");
            category = new Category(null, null, false, values, null);
        }
        else if (TakeSymbol(".."))
        {
            category = new Category(null, Number(), false, null, null);
        }
        else
        {
            var from = Number("a class: a range such as 18-64 or 65+, or values such as ('LOM', 'PIE')");
            category = TakeSymbol("+") ? new Category(from, null, false, null, null)
                : TakeSymbol("-") || TakeSymbol("..") ? new Category(from, Number(), false, null, null)
                : new Category(from, from, false, null, null);
        }

        if (!TakeWord("as"))
        {
            return category;
        }

        var isName = Current.Kind is TokenKind.Name or TokenKind.QuotedName or TokenKind.Text;
        return category with { Label = isName ? Take().Value : throw Wrong("a name for the class") };
    }

    // ---- Conditions --------------------------------------------------------------------------------------------------------------------

    private Condition OrCondition()
    {
        var left = AndCondition();
        while (TakeWord("or"))
        {
            left = new Or(left, AndCondition());
        }

        return left;
    }

    private Condition AndCondition()
    {
        var left = NotCondition();
        while (TakeWord("and"))
        {
            left = new And(left, NotCondition());
        }

        return left;
    }

    private Condition NotCondition()
    {
        if (++_depth > MaximumDepth)
        {
            throw new QueryException(QueryException.BadQuery, $"the condition is nested deeper than {MaximumDepth} times");
        }

        try
        {
            if (TakeWord("not"))
            {
                return new Not(NotCondition());
            }

            if (TakeSymbol("("))
            {
                var inner = OrCondition();
                Expect(TakeSymbol(")"), "`)`");
                return inner;
            }

            return Predicate();
        }
        finally
        {
            _depth--;
        }
    }

    private Condition Predicate()
    {
        var column = Column();
        if (TakeWord("is"))
        {
            var negated = TakeWord("not");
            Expect(TakeWord("missing") || TakeWord("null"), "`missing`");
            return negated ? new Not(new IsMissing(column)) : new IsMissing(column);
        }

        if (TakeWord("between"))
        {
            var from = Number();
            Expect(TakeWord("and"), "`and`");
            return new And(new Comparison(column, ">=", new Literal(from, null)), new Comparison(column, "<=", new Literal(Number(), null)));
        }

        var notIn = Current.Kind == TokenKind.Name && Current.Value.Equals("not", StringComparison.OrdinalIgnoreCase) && Peek(1).Kind == TokenKind.Name
            && TakeWord("not");
        if (TakeWord("in"))
        {
            Expect(TakeSymbol("("), "`(` and values, for example SEX in ('F', 'M')");
            var values = new List<Literal>();
            do
            {
                values.Add(ParseLiteral());
            }
            while (TakeSymbol(","));
            Expect(TakeSymbol(")"), "a comma or `)`");
            return notIn ? new Not(new Membership(column, values)) : new Membership(column, values);
        }

        if (!notIn && Current is { Kind: TokenKind.Symbol, Value: "=" or "!=" or "<>" or "<" or "<=" or ">" or ">=" })
        {
            var symbol = Take().Value;
            return new Comparison(column, symbol == "<>" ? "!=" : symbol, ParseLiteral());
        }

        throw Wrong("a comparison: =, !=, <, <=, >, >=, in (…), between … and …, is missing");
    }

    private Literal ParseLiteral() => Current.Kind == TokenKind.Text ? new Literal(null, Take().Value)
        : new Literal(Number("a number, or a text in single quotes"), null);

    public decimal Number(string expected = "a number")
    {
        var negative = TakeSymbol("-");
        if (Current.Kind != TokenKind.Number || !decimal.TryParse(Current.Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            || number > 1_000_000_000_000_000_000m)
        {
            throw Wrong(expected);
        }

        _next++;
        return negative ? -number : number;
    }

    public string Column() => Current.Kind is TokenKind.Name or TokenKind.QuotedName ? Take().Value : throw Wrong("a column");

    // ---- Tokens ------------------------------------------------------------------------------------------------------------------------

    private Token Take() => _tokens[_next++];

    private Token Peek(int ahead) => _tokens[Math.Min(_next + ahead, _tokens.Count - 1)];

    private bool TakeWord(string word)
    {
        var found = Current.Kind == TokenKind.Name && Current.Value.Equals(word, StringComparison.OrdinalIgnoreCase);
        _next += found ? 1 : 0;
        return found;
    }

    public bool TakeSymbol(string symbol)
    {
        var found = Current.Kind == TokenKind.Symbol && Current.Value == symbol;
        _next += found ? 1 : 0;
        return found;
    }

    /// <summary>Takes a sign that must be there.</summary>
    public void ExpectSymbol(string symbol, string what) => Expect(TakeSymbol(symbol), what);

    /// <summary>Whether bins follow, <c>0 to 100 step 10</c>, and not one more number.</summary>
    public bool IsAtBins() => Peek(Current is { Kind: TokenKind.Symbol, Value: "-" } ? 2 : 1) is { Kind: TokenKind.Name } word
        && word.Value.Equals("to", StringComparison.OrdinalIgnoreCase);

    /// <summary>Takes the beginning of a class term, <c>C(</c>, where one is.</summary>
    public bool TakeClassTerm()
    {
        var found = Current is { Kind: TokenKind.Name, Value: "C" or "c" } && Peek(1) is { Kind: TokenKind.Symbol, Value: "(" };
        _next += found ? 2 : 0;
        return found;
    }

    private void Expect(bool found, string what)
    {
        if (!found)
        {
            throw Wrong(what);
        }
    }

    public static void Refuse(bool wrong, string message)
    {
        if (wrong)
        {
            throw new QueryException(QueryException.BadQuery, message);
        }
    }

    /// <summary>The statistics that have no <c>by</c>, in words.</summary>
    private static string WithoutBy => string.Join(" or ", StatisticRegistry.All.Where(statistic => !statistic.TakesBy)
        .Select(statistic => $"a {statistic.Title}").Order(StringComparer.Ordinal));

    private static void Once(bool again, string clause) => Refuse(again, $"the query has `{clause}` twice");

    private QueryException Wrong(string expected) => new(QueryException.BadQuery, Current.Kind == TokenKind.End
        ? $"the query ends too early: expected {expected} after {Before(_text.Length)}"
        : $"the query cannot be read at character {Current.At + 1}, before {Quoted(_text[Current.At..])}: expected {expected}");

    private string Before(int end) => Quoted(_text[Math.Max(0, end - 20)..end].TrimStart());

    private static string Quoted(string text) => $"`{(text.Length > 20 ? text[..20] + "…" : text)}`";
}
