namespace PsiMessaging.Data.Records;

/// <summary>Finds the delimiter of a CSV file from its first lines.</summary>
internal static class DelimiterDetector
{
    private static readonly char[] Candidates = [';', ',', '\t', '|'];

    /// <summary>
    /// Of the candidates, the one that stands most often in the header outside quotes and equally often in the lines after it; <c>;</c> when the header
    /// holds none (a single column).
    /// </summary>
    /// <param name="sample">The text from its header on.</param>
    /// <param name="complete">Whether that is all of it.</param>
    public static char Detect(ReadOnlySpan<char> sample, bool complete)
    {
        var rows = Split(sample, complete);
        if (rows.Count == 0)
        {
            return ';';
        }

        return Candidates
            .Select((candidate, index) => (Candidate: candidate, InHeader: rows[0][index], Agreeing: Agreeing(rows, index)))
            .Where(score => score.InHeader > 0)
            .OrderByDescending(score => score.Agreeing)
            .ThenByDescending(score => score.InHeader)
            .Select(score => score.Candidate)
            .FirstOrDefault(';');
    }

    /// <summary>Rows with as many of a candidate as the header; or with one more each, where programs write a delimiter too many.</summary>
    private static int Agreeing(List<int[]> rows, int index) =>
        Math.Max(rows.Count(row => row[index] == rows[0][index]), 1 + rows.Skip(1).Count(row => row[index] == rows[0][index] + 1));

    /// <summary>
    /// On which line of the sample, from 1, the header seems to stand where it is not the first: the first line from which on the lines have equally many of
    /// one delimiter, but for a few at the end, where the very first has fewer. 0 if there is none.
    /// </summary>
    public static int LineOfLaterHeader(ReadOnlySpan<char> sample, bool complete)
    {
        const int MostLinesBefore = 50;
        const int MostLinesAfter = 5;
        var rows = Split(sample, complete);
        for (var first = 1; first < Math.Min(MostLinesBefore, rows.Count - 1); first++)
        {
            for (var i = 0; i < Candidates.Length; i++)
            {
                // A header that is one short is something else.
                var agreeing = rows.Skip(first).TakeWhile(row => row[i] == rows[first][i]).Count();
                if (rows[first][i] > rows[0][i] + (rows[0][i] == 0 ? 0 : 1) && agreeing >= Math.Max(2, rows.Count - first - MostLinesAfter))
                {
                    return rows[first][Candidates.Length];
                }
            }
        }

        return 0;
    }

    /// <summary>
    /// Counts of each candidate outside quotes, a row a line, and the line's number behind them; a last
    /// line that the sample cut off is left out, and so are blank ones.
    /// </summary>
    private static List<int[]> Split(ReadOnlySpan<char> text, bool complete)
    {
        var rows = new List<int[]>();
        var counts = new int[Candidates.Length + 1];
        var quoted = false;
        var any = false;
        var line = 1;
        foreach (var character in text)
        {
            if (!any && !quoted)
            {
                counts[Candidates.Length] = line;
            }

            line += character == '\n' ? 1 : 0;
            if (character == '"')
            {
                quoted = !quoted;
                any = true;
            }
            else if (character == '\n' && !quoted)
            {
                if (any)
                {
                    rows.Add(counts);
                    counts = new int[Candidates.Length + 1];
                    any = false;
                }
            }
            else if (character != '\r')
            {
                any = true;
                var index = quoted ? -1 : Array.IndexOf(Candidates, character);
                if (index >= 0)
                {
                    counts[index]++;
                }
            }
        }

        if (any && (complete || rows.Count == 0))
        {
            rows.Add(counts);
        }

        return rows;
    }
}
