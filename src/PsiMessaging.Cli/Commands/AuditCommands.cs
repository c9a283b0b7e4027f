using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using PsiMessaging.Cli.Output;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Store;
using PsiMessaging.Storage;

namespace PsiMessaging.Cli.Commands;

/// <summary>An audit check as <c>--json</c> prints it.</summary>
/// <param name="Owner">Whose log it is.</param>
/// <param name="Fingerprint">Of its owner's card.</param>
/// <param name="Trust">How that card is known here: <c>own</c> or <c>pinned</c>.</param>
/// <param name="Session">The one session that can be read in it; null where all can.</param>
/// <param name="Entries">How many entries it has.</param>
/// <param name="LastHash">Its head, in hexadecimal.</param>
/// <param name="Fault">What is wrong with it; null where nothing is.</param>
internal sealed record AuditView(string Owner, string Fingerprint, string Trust, string? Session, long Entries, string LastHash, string? Fault);

/// <summary>An entry as <c>--json</c> prints it.</summary>
internal sealed record AuditEntryView(long Number, DateTimeOffset At, string Event, IReadOnlyDictionary<string, JsonElement> Fields, string Head);

/// <summary>Entries as <c>--json</c> prints them.</summary>
internal sealed record AuditEntriesView(string Owner, string Fingerprint, long All, IReadOnlyList<AuditEntryView> Entries);

/// <summary>An export as <c>--json</c> prints it.</summary>
internal sealed record AuditExportView(string File, string? Session, long Shown, long Entries);

/// <summary><c>psi audit</c>: show, export, verify, reconcile.</summary>
internal static class AuditCommands
{
    private const int ShownByDefault = 100;

    public static Command Create() => new("audit", "The signed log of what this participant did") { Show(), Export(), Verify(), Reconcile() };

    /// <summary>Enters what a command did beside the worker.</summary>
    public static void Enter(ParticipantHome home, string happening, params (string Name, System.Text.Json.Nodes.JsonNode? Value)[] details)
    {
        using var store = new SqliteParticipantStore(home.StatePath);
        store.Write(transaction => new AuditLog(home, TimeProvider.System).Append(transaction, happening, details));
    }

    private static Option<string?> SessionOption(string description) => new("--session") { Description = description, HelpName = "SESSION" };

    private static Command Show()
    {
        var session = SessionOption("Only entries of this session; its first characters are enough");
        var happening = new Option<string?>("--event") { Description = "Only entries of this event, such as query-asked (docs/audit.md)", HelpName = "NAME" };
        var since = new Option<string?>("--since") { Description = "Only entries from this day or time on, such as 2026-03-01 (UTC)", HelpName = "DATE" };
        var last = PsiRootCommand.OptionalNumber("--last", $"Only the last N of them (default: {ShownByDefault}, and all with --json)", 1, int.MaxValue);
        return new Command("show", "Print the audit log as a table, or with --json for programs") { session, happening, since, last }.Do((parsed, _) =>
        {
            if (parsed.GetValue(happening) is { } name && !AuditEvents.Words.ContainsKey(name))
            {
                throw new UsageException($"there is no event {name}; there are {string.Join(", ", AuditEvents.Words.Keys.Order(StringComparer.Ordinal))}");
            }

            var from = parsed.GetValue(since) is { } date ? DateOf(date) : DateTimeOffset.MinValue;
            using var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
            using var store = new SqliteParticipantStore(home.StatePath);
            var isJson = parsed.GetValue(PsiRootCommand.Json);
            var most = parsed.GetValue(last) ?? (isJson ? int.MaxValue : ShownByDefault);
            var (found, all) = store.Read(state => Find(state, record => record.At >= from
                && (parsed.GetValue(happening) is not { } wanted || record.Event == wanted)
                && (parsed.GetValue(session) is not { } id || record.Session?.StartsWith(id, StringComparison.OrdinalIgnoreCase) is true), most));
            if (isJson)
            {
                Terminal.Json(new AuditEntriesView(home.Name, home.Card.Fingerprint, all, [.. found.Select(ViewOf)]), OutputJson.Plain.AuditEntriesView);
                return Task.CompletedTask;
            }

            AuditTable.Print(found.Select(entry => entry.Record), most, all);
            return Task.CompletedTask;
        });
    }

    private static AuditEntryView ViewOf((AuditRecord Record, byte[] Head) entry) => new(entry.Record.Number, entry.Record.At, entry.Record.Event,
        entry.Record.Fields.ToDictionary(StringComparer.Ordinal), Convert.ToHexStringLower(entry.Head));

    private static DateTimeOffset DateOf(string date) =>
        DateTimeOffset.TryParse(date, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time
            : throw new UsageException($"--since takes a day or a time, such as 2026-03-01 or 2026-03-01T12:00:00Z, not {date}");

    /// <summary>The last entries that are wanted, no more of them in memory than that, and how many entries there are.</summary>
    private static (IReadOnlyCollection<(AuditRecord Record, byte[] Head)> Found, long All) Find(IStoreReader state, Func<AuditRecord, bool> isWanted, int most)
    {
        var (found, all) = (new Queue<(AuditRecord, byte[])>(), 0L);
        foreach (var entry in AuditLog.Entries(state))
        {
            all = entry.Number;
            if (AuditRecord.Of(entry) is var record && isWanted(record))
            {
                found.Enqueue((record, entry.Head));
                if (found.Count > most)
                {
                    found.Dequeue();
                }
            }
        }

        return (found, all);
    }

    private static Command Export()
    {
        var file = new Option<string>("--out")
        {
            Description = "The file to write; it is its owner's alone until you share it", HelpName = "FILE", Required = true,
        };
        var session = SessionOption("Only this session's entries, for the other participants: of all others the file has a hash that says nothing of them");
        return new Command("export", "Write the audit log to a file that others can check") { file, session }.Do((parsed, _) =>
        {
            using var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
            using var store = new SqliteParticipantStore(home.StatePath);
            var path = parsed.GetValue(file)!;
            var (id, shown, all) = store.Read(state =>
            {
                var only = parsed.GetValue(session) is { } wanted ? SessionOf(state, wanted) : null;
                (long Shown, long All) written = default;
                AtomicFile.Write(path, stream => written = AuditFile.Write(home, state, only, stream));
                return (only, written.Shown, written.All);
            });
            if (parsed.GetValue(PsiRootCommand.Json))
            {
                Terminal.Json(new AuditExportView(path, id, shown, all), OutputJson.Plain.AuditExportView);
                return Task.CompletedTask;
            }

            Console.Out.WriteLine(id is null ? $"{path}: all {all:N0} entries of {home.Name}'s log, of every session. For one session: --session"
                : $"{path}: {shown:N0} entries of session {id[..8]}; of the other {all - shown:N0} only that they are there");
            return Task.CompletedTask;
        });
    }

    /// <summary>The session that the log speaks of and whose id begins so.</summary>
    private static string SessionOf(IStoreReader state, string prefix)
    {
        var ids = AuditLog.Entries(state).Select(entry => AuditRecord.Of(entry).Session).OfType<string>()
            .Where(id => ParticipantNames.IsId(id) && id.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            .Distinct(StringComparer.Ordinal).Take(2).ToArray();
        return ids is [var only] ? only : throw new ParticipantException(FailureCodes.UnknownSession,
            ids.Length == 0 ? $"the audit log speaks of no session {prefix}" : $"the audit log speaks of several sessions {prefix}; give more of the id");
    }

    private static Command Verify()
    {
        var file = new Argument<string?>("FILE")
        {
            Description = "An exported log, the own or a pinned participant's (default: the home's own log)", Arity = ArgumentArity.ZeroOrOne,
        };
        return new Command("verify", "Check that an audit log is whole, unchanged and its owner's") { file }.Do((parsed, _) =>
        {
            using var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
            var view = parsed.GetValue(file) is { } path ? ViewOf(home, Read(home, path)) : ViewOfOwn(home);
            if (parsed.GetValue(PsiRootCommand.Json))
            {
                Terminal.Json(view, OutputJson.Plain.AuditView);
            }

            if (view.Fault is not null)
            {
                throw new ParticipantException(FailureCodes.Internal, $"the audit log is not intact: {view.Fault}");
            }

            if (!parsed.GetValue(PsiRootCommand.Json))
            {
                Console.Out.WriteLine($"{view.Entries:N0} entries, all whole and signed. Last hash: {(view.LastHash.Length == 0 ? "none" : view.LastHash)}");
                Console.Out.WriteLine($"The log is {view.Owner}'s ({view.Trust}), card {view.Fingerprint}"
                    + $"{(view.Session is { } session ? $"; it can be read for session {session[..8]}" : "")}.");
                Console.Out.WriteLine("Whether its end was cut off shows against the others' logs (psi audit reconcile), or against a hash noted later.");
            }

            return Task.CompletedTask;
        });
    }

    private static AuditView ViewOfOwn(ParticipantHome home)
    {
        using var store = new SqliteParticipantStore(home.StatePath);
        var (entries, head, fault) = store.Read(new AuditLog(home, TimeProvider.System).Verify);
        return new AuditView(home.Name, home.Card.Fingerprint, "own", null, entries, head, fault);
    }

    private static AuditView ViewOf(ParticipantHome home, AuditFile log) => new(
        log.Card.Name, log.Card.Fingerprint, log.Card.Fingerprint == home.Card.Fingerprint ? "own" : "pinned", log.Session, log.Entries, log.Head, null);

    /// <summary>Reads an exported log; one under a card that is neither the own nor pinned proves nothing.</summary>
    private static AuditFile Read(ParticipantHome home, string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        var log = AuditFile.Read(stream, path);
        var known = log.Card.Name == home.Name ? home.Card : home.FindCard(log.Card.Name);
        return known?.Fingerprint == log.Card.Fingerprint ? log : throw new ParticipantException(FailureCodes.NotPinned,
            $"{path} is signed under a card of {log.Card.Name} ({log.Card.SpokenFingerprint}) that is neither this home's own nor pinned here"
                + (known is null ? "; pin it with: psi trust CARD.json" : $": the one known here is {known.SpokenFingerprint}"));
    }

    private static Command Reconcile()
    {
        var files = new Argument<string[]>("FILE") { Description = "Exported logs of two or three participants of a session", Arity = ArgumentArity.OneOrMore };
        var session = SessionOption("Only this session; its whole id");
        return new Command("reconcile", "Hold the participants' exported logs against one another") { files, session }.Do((parsed, _) =>
        {
            using var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
            var logs = parsed.GetValue(files)!.Select(path => Read(home, path)).ToArray();
            var result = Reconciliation.Of(logs, parsed.GetValue(session));
            if (parsed.GetValue(PsiRootCommand.Json))
            {
                Terminal.Json(result, OutputJson.Plain.ReconciliationResult);
            }
            else
            {
                AuditTable.Print(result);
            }

            if (result.Faults.Count > 0)
            {
                throw new ParticipantException(FailureCodes.ResultMismatch, $"the logs do not agree, in {result.Faults.Count} point(s)");
            }

            return Task.CompletedTask;
        });
    }
}
