using System.Collections.Concurrent;
using System.Globalization;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;

namespace PsiMessaging.Cli.Simulation;

/// <summary>Looks over the linker's shoulder: what reached it in one session, told as somebody would who wants to learn from it.</summary>
internal sealed class LinkerView
{
    private const int KeptBatches = 16;
    private readonly ConcurrentQueue<(string Party, object Message, byte[] Body)> _seen = new();

    /// <summary>Takes a frame that the linker has opened.</summary>
    public void Add(ReadOnlyMemory<byte> frame)
    {
        if (frame.IsEmpty)
        {
            return;
        }

        var envelope = Envelope.Parse(frame);
        if (envelope.Message is RegisterDataset or OpenProduct
            || (envelope.Message is MaskedRows && _seen.Count(entry => entry.Message is MaskedRows) < KeptBatches))
        {
            _seen.Enqueue((envelope.Header.From, envelope.Message, envelope.Body.ToArray()));
        }
    }

    /// <summary>What the linker saw of a session, line by line.</summary>
    /// <param name="session">The session.</param>
    /// <param name="linkerFolder">The linker's folder of the session.</param>
    /// <param name="scratch">Folder for files to look into.</param>
    public IReadOnlyList<string> Describe(string session, string linkerFolder, string scratch)
    {
        var lines = new List<string>();
        foreach (var (party, message, _) in _seen.Where(entry => entry.Message is RegisterDataset register && register.SessionId == session))
        {
            var register = (RegisterDataset)message;
            foreach (var column in register.Columns)
            {
                var counts = ParquetInspection.Multiplicities(Path.Combine(linkerFolder, party.ToLowerInvariant()), column);
                lines.Add($"{party}, column {column[..8]}…: {counts.Count:N0} different ciphertexts, which stand there "
                    + $"{string.Join(", ", counts.Take(6).Select(count => $"{count:N0}"))}{(counts.Count > 6 ? ", …" : "")} times: the column's histogram "
                    + "without its labels");
            }
        }

        foreach (var open in _seen.Select(entry => (entry.Party, Open: entry.Message as OpenProduct)).Where(entry => entry.Open?.SessionId == session))
        {
            var bodies = _seen.Where(entry => entry.Party == open.Party && entry.Message is MaskedRows rows && rows.QueryId == open.Open!.QueryId)
                .Select(entry => (Rows: (MaskedRows)entry.Message, entry.Body)).ToArray();
            var words = new List<ulong>();
            using var reader = new MaskedReader();
            foreach (var (rows, body) in bodies)
            {
                var path = Path.Combine(scratch, "view.parquet");
                File.WriteAllBytes(path, body);
                // Columns that the linker makes itself are not in it.
                var columns = open.Open!.OwnColumns - (open.Open.Binding is null ? 0 : BindingLayout.FromSeed);
                var batch = new ulong[rows.Rows * columns];
                reader.Read(path, columns, batch, open.Open.WordBits);
                words.AddRange(batch);
                File.Delete(path);
            }

            var bits = open.Open!.WordBits;
            var ones = words.Count == 0 ? 0 : words.Average(word => (double)ulong.PopCount(word)) / bits;
            var shown = string.Join(", ", words.Take(2).Select(word => word.ToString($"x{(bits + 3) / 4}", CultureInfo.InvariantCulture)));

            // Short words repeat by chance: the birthday bound says how often.
            var different = 2 * Math.Log2(Math.Max(1, words.Count)) < bits ? $"{words.Distinct().Count():N0} different of {words.Count:N0}, " : "";
            lines.Add($"{open.Party}, question {open.Open.QueryId[..8]}: {open.Open.Rows:N0} rows, {words.Count:N0} words of {bits} bits ({shown}, …): "
                + $"{different}{ones:P1} of the bits set, as of coins thrown");
        }

        return lines;
    }
}
