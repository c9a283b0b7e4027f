using System.Globalization;
using System.Text;

namespace PsiMessaging.Analytics.Queries;

/// <summary>What a token is.</summary>
internal enum TokenKind
{
    Name,
    QuotedName,
    Text,
    Number,
    Symbol,
    End,
}

/// <summary>A word, number or sign of a question.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Value">Its text, without quotes.</param>
/// <param name="At">Where it begins, from 0.</param>
internal readonly record struct Token(TokenKind Kind, string Value, int At);

/// <summary>Cuts a question into tokens.</summary>
internal static class QueryTokens
{
    /// <summary>The tokens of a text, with one for its end.</summary>
    /// <exception cref="QueryException">A sign that means nothing, a quote that is not closed, an empty name.</exception>
    public static List<Token> Read(string text)
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
                tokens.Add(new Token(text[start] == '"' ? TokenKind.QuotedName : TokenKind.Text, value, start));
                if (text[start] == '"' && value.Length == 0)
                {
                    throw new QueryException(QueryException.BadQuery, $"the query has an empty name at character {start + 1}");
                }
            }
            else if (char.IsLetter(text[i]) || text[i] == '_')
            {
                tokens.Add(new Token(TokenKind.Name, Name(text, ref i), start));
            }
            else if (char.IsAsciiDigit(text[i]))
            {
                while (i < text.Length && (char.IsAsciiDigit(text[i]) || (text[i] == '.' && i + 1 < text.Length && char.IsAsciiDigit(text[i + 1]))))
                {
                    i++;
                }

                tokens.Add(new Token(TokenKind.Number, text[start..i], start));
            }
            else
            {
                tokens.Add(new Token(TokenKind.Symbol, Symbol(text, ref i), start));
            }
        }

        tokens.Add(new Token(TokenKind.End, "", text.Length));
        return tokens;
    }

    /// <summary>A name, with its party's before a point.</summary>
    private static string Name(string text, ref int i)
    {
        var start = i;
        // A point joins the party and the column, P1.AGE or P1."Age class"; a hyphen inside a name is part of it.
        while (i < text.Length && (char.IsLetterOrDigit(text[i]) || text[i] == '_'
            || char.GetUnicodeCategory(text[i]) == UnicodeCategory.NonSpacingMark
            || (text[i] is '.' or '-' && i + 1 < text.Length && (char.IsLetter(text[i + 1]) || text[i + 1] == '_'))))
        {
            i++;
        }

        var name = text[start..i];
        if (i + 1 < text.Length && text[i] == '.' && text[i + 1] == '"')
        {
            i++;
            name += "." + Quoted(text, ref i);
        }

        return name;
    }

    private static string Symbol(string text, ref int i)
    {
        var two = i + 1 < text.Length ? text.Substring(i, 2) : "";
        var symbol = two is "!=" or "<>" or "<=" or ">=" or ".." ? two : text[i].ToString();
        if (symbol.Length == 1 && !"(),=<>+-~".Contains(symbol[0], StringComparison.Ordinal))
        {
            throw new QueryException(QueryException.BadQuery,
                $"the query has `{symbol}` at character {i + 1}, which means nothing here; a name with other signs than letters, digits and _ "
                    + "stands in double quotes");
        }

        i += symbol.Length;
        return symbol;
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

        throw new QueryException(QueryException.BadQuery,
            $"the query has a {(quote == '"' ? "double" : "single")} quote at character {start + 1} that is not closed");
    }
}
