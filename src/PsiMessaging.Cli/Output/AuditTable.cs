using System.Globalization;
using System.Text.Json;
using PsiMessaging.Participants.Audit;

namespace PsiMessaging.Cli.Output;

/// <summary>Audit logs as people read them.</summary>
internal static class AuditTable
{
    private const int ShortId = 8;

    /// <summary>Fields that say with whom something was; they have a column of their own.</summary>
    private static readonly string[] Others = ["peer", "linker", "asker", "party", "name", "from"];

    /// <summary>Prints entries.</summary>
    /// <param name="entries">The entries.</param>
    /// <param name="most">How many are printed at most.</param>
    /// <param name="all">How many the log has.</param>
    public static void Print(IEnumerable<AuditRecord> entries, int most, long all)
    {
        var rows = entries.Select(RowOf).ToArray();
        if (rows.Length == 0)
        {
            Console.Out.WriteLine(all == 0 ? "Nothing was entered yet" : $"None of the {all:N0} entries is one of these");
            return;
        }

        Terminal.Table(["", "time (UTC)", "what happened", "session", "with", "what"], rows, 0);
        if (rows.Length == most && rows.Length < all)
        {
            Console.Out.WriteLine($"The last {rows.Length:N0} that there are of {all:N0} entries; more with --last N");
        }
    }

    /// <summary>Prints what came of comparing logs.</summary>
    public static void Print(ReconciliationResult result)
    {
        var names = result.Logs.Select(log => log.Name).ToArray();
        Terminal.Table(["log", "role", "card", "entries", "of which the others know"],
            result.Logs.Select(log => new[]
            {
                log.Name, log.Role, log.Fingerprint, $"{log.Entries:N0}", log.Witnessed == 0 ? "none" : $"1 to {log.Witnessed:N0}",
            }), 3);
        Terminal.Table(["session", "what", .. names, ""], result.Facts.Select(fact => new[] { Short(fact.Session), fact.What }
            .Concat(names.Select(name => fact.Said.GetValueOrDefault(name, "")))
            .Append(fact.Agrees ? "agrees" : "DIFFERS").ToArray()));
        foreach (var fault in result.Faults)
        {
            Console.Out.WriteLine(fault);
        }

        if (result.Faults.Count == 0)
        {
            Console.Out.WriteLine($"The logs of {string.Join(", ", names)} agree.");
        }
    }

    private static string[] RowOf(AuditRecord entry) =>
    [
        $"{entry.Number}", entry.At.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
        AuditEvents.Words.GetValueOrDefault(entry.Event, entry.Event), entry.Session is { } session ? Short(session) : "",
        Array.ConvertAll(Others, entry.Text).FirstOrDefault(name => name is not null) ?? "",
        string.Join(", ", entry.Fields.Where(field => IsShown(entry, field)).Select(field => $"{WordOf(field.Key)} {Text(field.Value)}")),
    ];

    private static bool IsShown(AuditRecord entry, KeyValuePair<string, JsonElement> field) =>
        field.Key is not ("session" or AuditLog.Heard) && field.Value.ValueKind != JsonValueKind.Null
        && field.Key != Others.FirstOrDefault(name => entry.Text(name) is not null);

    /// <summary>Names of fields are written together; people read them apart.</summary>
    private static string WordOf(string field) =>
        string.Concat(field.Select(letter => char.IsUpper(letter) ? $" {char.ToLowerInvariant(letter)}" : $"{letter}"));

    private static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => Short(value.GetString()!),
        JsonValueKind.Number => value.TryGetInt64(out var number) ? $"{number:N0}" : value.GetRawText(),
        JsonValueKind.True => "yes",
        JsonValueKind.False => "no",
        JsonValueKind.Array => string.Join(" ", value.EnumerateArray().Select(Text)),
        _ => value.GetRawText(),
    };

    /// <summary>Of an id its first digits; a text as it is.</summary>
    private static string Short(string text) => text.Length >= 32 && text.All(char.IsAsciiHexDigitLower) ? text[..ShortId] : text;
}
