using System.Text;

namespace PsiMessaging.Data.Records;

/// <summary>Finds the delimiter of a CSV file from its first lines.</summary>
internal static class DelimiterDetector
{
    private const int SampleCharacters = 1 << 16;
    private static readonly char[] Candidates = [';', ',', '\t', '|'];

    /// <summary>
    /// Of the candidates, the one that stands most often in the header outside quotes and equally often in the lines after it; <c>;</c> when the header
    /// holds none (a single column).
    /// </summary>
    public static char Detect(string path, Encoding encoding)
    {
        using var reader = new StreamReader(path, encoding, detectEncodingFromByteOrderMarks: true);
        var buffer = new char[SampleCharacters];
        var length = reader.ReadBlock(buffer, 0, buffer.Length);
        var rows = Split(buffer.AsSpan(0, length), complete: length < buffer.Length);
        if (rows.Count == 0)
        {
            return ';';
        }

        return Candidates
            .Select((candidate, index) => (Candidate: candidate, InHeader: rows[0][index], Agreeing: rows.Count(row => row[index] == rows[0][index])))
            .Where(score => score.InHeader > 0)
            .OrderByDescending(score => score.Agreeing)
            .ThenByDescending(score => score.InHeader)
            .Select(score => score.Candidate)
            .FirstOrDefault(';');
    }

    /// <summary>Counts of each candidate outside quotes, a row a line; a last line that the sample cut off is left out, and so are blank ones.</summary>
    private static List<int[]> Split(ReadOnlySpan<char> text, bool complete)
    {
        var rows = new List<int[]>();
        var counts = new int[Candidates.Length];
        var quoted = false;
        var any = false;
        foreach (var character in text)
        {
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
                    counts = new int[Candidates.Length];
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
