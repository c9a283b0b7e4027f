using System.Globalization;
using System.Text;

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
        _tokens = Tokenize(text);
    }

    private enum Kind
    {
        Name,
        QuotedName,
        Text,
        Number,
        Symbol,
        End,
    }

    private readonly record struct Token(Kind Kind, string Value, int At);

    private Token Current => _tokens[_next];

    public Query Parse()
    {
        if (Current.Kind == Kind.End)
        {
            throw new QueryException(QueryException.BadQuery, "the query is empty; name one or more columns, for example \"CLASSE_ETA, CLASSE_REDDITO\", or a measure: \"mean(INCOME) by SEX\"");
        }

        var query = ParseHead();
        while (Current.Kind != Kind.End)
        {
            if (TakeWord("by"))
            {
                Once(query.By.Count > 0, "by");
                Refuse(query.Kind is QueryKind.Regression or QueryKind.ChiSquare, "a regression or a test of independence has no `by`; use `where` to look at a part");
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
                Refuse(query.Kind != QueryKind.Table, "only a table has totals");
                query = query with { Totals = true };
            }
            else
            {
                throw Wrong(query.By.Count > 0 || query.Where is not null ? "`by`, `where`, `weight`, `with totals` or the end" : "a comma, `by`, `where`, `weight`, `with totals` or the end");
            }
        }

        return Check(query);
    }

    /// <summary>Rules that hold however the query came in.</summary>
    internal static Query Check(Query query)
    {
        static QueryException Bad(string message) => new(QueryException.BadQuery, message);
        if (query.By.Count > Query.MaximumGroupings)
        {
            throw Bad($"the query groups by {query.By.Count} columns; {Query.MaximumGroupings} is the most");
        }

        if (query.Bins is { } bins && (bins.Step <= 0 || bins.To <= bins.From || bins.Step * Bins.Maximum < bins.To - bins.From))
        {
            throw Bad($"bins go from a lower to a higher number in steps above 0, {Bins.Maximum:N0} bins at most");
        }

        if (query.AllGroupings.GroupBy(grouping => grouping.Column, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } repeated)
        {
            throw Bad($"the query names the column {repeated.Key} twice");
        }

        if (query.Measures.Count > Query.MaximumMeasures || query.Terms.Count > Query.MaximumTerms)
        {
            throw Bad($"a query has {Query.MaximumMeasures} measures or {Query.MaximumTerms} terms at most");
        }

        if (query.Kind == QueryKind.Quantiles && (query.Probabilities.Count is 0 or > 20 || query.Probabilities.Any(p => p is <= 0 or >= 1)))
        {
            throw Bad("quantiles take 1 to 20 probabilities between 0 and 1");
        }

        foreach (var category in query.By.Concat(query.Terms.Select(term => term.Grouping).OfType<Grouping>()).SelectMany(grouping => grouping.Categories ?? []))
        {
            if (category.From > category.To)
            {
                throw Bad($"the range {QueryText.Number(category.From.Value)}-{QueryText.Number(category.To.Value)} ends before it begins");
            }
        }

        foreach (var grouping in query.By.Concat(query.Terms.Select(term => term.Grouping).OfType<Grouping>()))
        {
            CheckClasses(grouping);
        }

        return query;
    }

    private static void CheckClasses(Grouping grouping)
    {
        var categories = grouping.Categories ?? [];
        if (categories.GroupBy(category => category.Title, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } same)
        {
            throw new QueryException(QueryException.BadQuery, $"two classes of {grouping.Column} are called {same.Key}");
        }

        var ranges = categories.Where(category => category.Values is null).OrderBy(category => category.From ?? decimal.MinValue).ToArray();
        for (var i = 1; i < ranges.Length; i++)
        {
            if (ranges[i - 1].To is not { } end || ranges[i].From is not { } start || end > start || (end == start && !ranges[i - 1].ToIsOpen))
            {
                throw new QueryException(QueryException.BadQuery, $"the classes {ranges[i - 1].Title} and {ranges[i].Title} of {grouping.Column} overlap");
            }
        }

        if (categories.SelectMany(category => category.Values ?? []).GroupBy(value => value, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new QueryException(QueryException.BadQuery, $"the value '{twice.Key}' of {grouping.Column} is in two classes");
        }
    }

    private Query ParseHead()
    {
        if (Current.Kind == Kind.Name && Peek(1) is { Kind: Kind.Symbol, Value: "(" })
        {
            switch (Current.Value.ToLowerInvariant())
            {
                case "ols":
                    return Regression();
                case "chisq":
                    _next += 2;
                    var two = Groupings();
                    Expect(TakeSymbol(")"), "`)`");
                    Refuse(two.Count != 2, "chisq takes two columns, for example chisq(SEX, CLASSE_REDDITO)");
                    return new Query { Kind = QueryKind.ChiSquare, By = two };
                case "histogram":
                    _next += 2;
                    var column = Column();
                    Expect(TakeSymbol(","), "a comma and the bins, for example histogram(INCOME, 0 to 100000 step 10000)");
                    var histogram = new Query { Kind = QueryKind.Table, Measures = [new Measure("count", [])], HistogramColumn = column, Bins = ParseBins() };
                    Expect(TakeSymbol(")"), "`)`");
                    return histogram;
                case "quantile" or "median":
                    return Quantiles();
            }
        }

        return IsMeasure() ? new Query { Kind = QueryKind.Table, Measures = Measures() } : new Query { Kind = QueryKind.Table, Measures = [new Measure("count", [])], By = Groupings() };
    }

    private bool IsMeasure() => Current.Kind == Kind.Name && Measure.Functions.TryGetValue(Current.Value.ToLowerInvariant(), out var columns)
        && (Peek(1) is { Kind: Kind.Symbol, Value: "(" } || (columns == 0 && (Peek(1).Kind == Kind.End || Peek(1) is { Kind: Kind.Symbol, Value: "," } || Peek(1).Kind == Kind.Name)));

    private List<Measure> Measures()
    {
        var measures = new List<Measure>();
        do
        {
            if (Current.Kind != Kind.Name || !Measure.Functions.TryGetValue(Current.Value.ToLowerInvariant(), out var count))
            {
                throw Wrong($"a measure: {string.Join(", ", Measure.Functions.Keys)}");
            }

            var function = Take().Value.ToLowerInvariant();
            List<string> columns = [];
            if (TakeSymbol("("))
            {
                if (count > 0 || !(Current is { Kind: Kind.Symbol, Value: ")" }))
                {
                    do
                    {
                        columns.Add(Column());
                    }
                    while (TakeSymbol(","));
                }

                Expect(TakeSymbol(")"), "`)`");
            }

            Refuse(columns.Count != count, $"{function} takes {count switch { 0 => "no column", 1 => "one column", _ => "two columns" }}");
            measures.Add(new Measure(function, columns));
        }
        while (TakeSymbol(","));
        return measures;
    }

    private Query Quantiles()
    {
        var isMedian = Take().Value.Equals("median", StringComparison.OrdinalIgnoreCase);
        _next++;
        var column = Column();
        var probabilities = new List<decimal>();
        Expect(TakeSymbol(","), "a comma, for example quantile(INCOME, 0.9, 0 to 100000 step 1000)");
        if (isMedian)
        {
            probabilities.Add(0.5m);
        }
        else
        {
            do
            {
                probabilities.Add(Number());
                Expect(TakeSymbol(","), "a comma and more probabilities or the bins: 0 to 100000 step 1000");
            }
            while (!(Peek(Current is { Kind: Kind.Symbol, Value: "-" } ? 2 : 1) is { Kind: Kind.Name } word && word.Value.Equals("to", StringComparison.OrdinalIgnoreCase)));
        }

        var bins = ParseBins();
        Expect(TakeSymbol(")"), "`)`");
        return new Query { Kind = QueryKind.Quantiles, QuantileColumn = column, Probabilities = probabilities, Bins = bins };
    }

    private Query Regression()
    {
        _next += 2;
        var outcome = Column();
        Expect(TakeSymbol("~"), "`~` and the terms, for example ols(INCOME ~ AGE + C(SEX))");
        var terms = new List<Term>();
        do
        {
            if (Current.Kind == Kind.Name && Current.Value is "C" or "c" && Peek(1) is { Kind: Kind.Symbol, Value: "(" })
            {
                _next += 2;
                var grouping = ParseGrouping();
                Expect(TakeSymbol(")"), "`)`");
                terms.Add(new Term(grouping.Column, grouping));
            }
            else
            {
                terms.Add(new Term(Column()));
            }
        }
        while (TakeSymbol("+"));
        Expect(TakeSymbol(")"), "`+` or `)`");
        return new Query { Kind = QueryKind.Regression, Outcome = outcome, Terms = terms };
    }

    private Bins ParseBins()
    {
        var from = Number();
        Expect(TakeWord("to"), "`to`, as in 0 to 100000 step 10000");
        var to = Number();
        Expect(TakeWord("step"), "`step`, as in 0 to 100000 step 10000");
        return new Bins(from, to, Number());
    }

    private List<Grouping> Groupings()
    {
        var groupings = new List<Grouping>();
        do
        {
            groupings.Add(ParseGrouping());
        }
        while (TakeSymbol(","));
        return groupings;
    }

    private Grouping ParseGrouping()
    {
        var column = Column();
        if (!TakeWord("in"))
        {
            return new Grouping(column);
        }

        // A class begins with a number, `..` or a parenthesis; what follows a comma and does not is the next column.
        var categories = new List<Category> { ParseCategory() };
        while (Current is { Kind: Kind.Symbol, Value: "," } && Peek(1) is { Kind: Kind.Number } or { Kind: Kind.Symbol, Value: "(" or ".." or "-" })
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
                values.Add(Current.Kind is Kind.Text or Kind.Number ? Take().Value : throw Wrong("a value such as 'LOM'"));
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

        return TakeWord("as") ? category with { Label = Current.Kind is Kind.Name or Kind.QuotedName or Kind.Text ? Take().Value : throw Wrong("a name for the class") } : category;
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

        var notIn = Current.Kind == Kind.Name && Current.Value.Equals("not", StringComparison.OrdinalIgnoreCase) && Peek(1).Kind == Kind.Name && TakeWord("not");
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

        if (!notIn && Current is { Kind: Kind.Symbol, Value: "=" or "!=" or "<>" or "<" or "<=" or ">" or ">=" })
        {
            var symbol = Take().Value;
            return new Comparison(column, symbol == "<>" ? "!=" : symbol, ParseLiteral());
        }

        throw Wrong("a comparison: =, !=, <, <=, >, >=, in (…), between … and …, is missing");
    }

    private Literal ParseLiteral() => Current.Kind == Kind.Text ? new Literal(null, Take().Value) : new Literal(Number("a number, or a text in single quotes"), null);

    private decimal Number(string expected = "a number")
    {
        var negative = TakeSymbol("-");
        if (Current.Kind != Kind.Number || !decimal.TryParse(Current.Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) || number > 1_000_000_000_000_000_000m)
        {
            throw Wrong(expected);
        }

        _next++;
        return negative ? -number : number;
    }

    private string Column() => Current.Kind is Kind.Name or Kind.QuotedName ? Take().Value : throw Wrong("a column");

    // ---- Tokens ------------------------------------------------------------------------------------------------------------------------

    private Token Take() => _tokens[_next++];

    private Token Peek(int ahead) => _tokens[Math.Min(_next + ahead, _tokens.Count - 1)];

    private bool TakeWord(string word)
    {
        var found = Current.Kind == Kind.Name && Current.Value.Equals(word, StringComparison.OrdinalIgnoreCase);
        _next += found ? 1 : 0;
        return found;
    }

    private bool TakeSymbol(string symbol)
    {
        var found = Current.Kind == Kind.Symbol && Current.Value == symbol;
        _next += found ? 1 : 0;
        return found;
    }

    private void Expect(bool found, string what)
    {
        if (!found)
        {
            throw Wrong(what);
        }
    }

    private static void Refuse(bool wrong, string message)
    {
        if (wrong)
        {
            throw new QueryException(QueryException.BadQuery, message);
        }
    }

    private static void Once(bool again, string clause) => Refuse(again, $"the query has `{clause}` twice");

    private QueryException Wrong(string expected) => new(QueryException.BadQuery, Current.Kind == Kind.End
        ? $"the query ends too early: expected {expected} after {Before(_text.Length)}"
        : $"the query cannot be read at character {Current.At + 1}, before {Quoted(_text[Current.At..])}: expected {expected}");

    private string Before(int end) => Quoted(_text[Math.Max(0, end - 20)..end].TrimStart());

    private static string Quoted(string text) => $"`{(text.Length > 20 ? text[..20] + "…" : text)}`";

    private static List<Token> Tokenize(string text)
    {
        var tokens = new List<Token>();
        for (var i = 0; i < text.Length;)
        {
            var start = i;
            if (char.IsWhiteSpace(text[i]))
            {
                i++;
            }
            else if (text[i] is '"' or '\'')
            {
                var value = Quoted(text, ref i);
                tokens.Add(new Token(text[start] == '"' ? Kind.QuotedName : Kind.Text, value, start));
                if (text[start] == '"' && value.Length == 0)
                {
                    throw new QueryException(QueryException.BadQuery, $"the query has an empty name at character {start + 1}");
                }
            }
            else if (char.IsLetter(text[i]) || text[i] == '_')
            {
                // A point joins the party and the column, P1.AGE or P1."Age class"; a hyphen inside a name is part of it.
                while (i < text.Length && (char.IsLetterOrDigit(text[i]) || text[i] == '_' || char.GetUnicodeCategory(text[i]) == UnicodeCategory.NonSpacingMark || (text[i] is '.' or '-' && i + 1 < text.Length && (char.IsLetter(text[i + 1]) || text[i + 1] == '_'))))
                {
                    i++;
                }

                var name = text[start..i];
                if (i + 1 < text.Length && text[i] == '.' && text[i + 1] == '"')
                {
                    i++;
                    name += "." + Quoted(text, ref i);
                }

                tokens.Add(new Token(Kind.Name, name, start));
            }
            else if (char.IsAsciiDigit(text[i]))
            {
                while (i < text.Length && (char.IsAsciiDigit(text[i]) || (text[i] == '.' && i + 1 < text.Length && char.IsAsciiDigit(text[i + 1]))))
                {
                    i++;
                }

                tokens.Add(new Token(Kind.Number, text[start..i], start));
            }
            else
            {
                var two = i + 1 < text.Length ? text.Substring(i, 2) : "";
                var symbol = two is "!=" or "<>" or "<=" or ">=" or ".." ? two : text[i].ToString();
                if (symbol.Length == 1 && !"(),=<>+-~".Contains(symbol[0], StringComparison.Ordinal))
                {
                    throw new QueryException(QueryException.BadQuery, $"the query has `{symbol}` at character {start + 1}, which means nothing here; a name with other signs than letters, digits and _ stands in double quotes");
                }

                tokens.Add(new Token(Kind.Symbol, symbol, start));
                i += symbol.Length;
            }
        }

        tokens.Add(new Token(Kind.End, "", text.Length));
        return tokens;
    }

    /// <summary>What stands between quotes; a doubled quote is one of its characters.</summary>
    private static string Quoted(string text, ref int i)
    {
        var (start, quote) = (i, text[i]);
        var value = new StringBuilder();
        for (i++; i < text.Length; i++)
        {
            if (text[i] != quote)
            {
                value.Append(text[i]);
            }
            else if (i + 1 < text.Length && text[i + 1] == quote)
            {
                value.Append(quote);
                i++;
            }
            else
            {
                i++;
                return value.ToString();
            }
        }

        throw new QueryException(QueryException.BadQuery, $"the query has a {(quote == '"' ? "double" : "single")} quote at character {start + 1} that is not closed");
    }
}
