using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;

namespace PsiMessaging.Participants.Audit;

/// <summary>One log of those that were compared.</summary>
/// <param name="Name">Whose.</param>
/// <param name="Role">Party or linker.</param>
/// <param name="Fingerprint">Of its owner's card.</param>
/// <param name="Entries">How many entries it has.</param>
/// <param name="Witnessed">The last of them that another of the logs has heard of; 0 where none has.</param>
/// <param name="Head">Its head in hexadecimal.</param>
public sealed record ReconciledLog(string Name, string Role, string Fingerprint, long Entries, long Witnessed, string Head);

/// <summary>One thing that several logs name, with what each says.</summary>
/// <param name="Session">In which session.</param>
/// <param name="What">What it is.</param>
/// <param name="Said">What each log says, by name; a log that says nothing of it is not there.</param>
/// <param name="Agrees">Whether that is the same.</param>
public sealed record ReconciledFact(string Session, string What, IReadOnlyDictionary<string, string> Said, bool Agrees);

/// <summary>What came of comparing logs.</summary>
/// <param name="Logs">The logs.</param>
/// <param name="Facts">What was compared.</param>
/// <param name="Faults">What does not agree, a line each; empty where everything does.</param>
public sealed record ReconciliationResult(IReadOnlyList<ReconciledLog> Logs, IReadOnlyList<ReconciledFact> Facts, IReadOnlyList<string> Faults);

/// <summary>
/// Holds the exported logs of a session's participants against one another. Every head that one heard of another's must stand in that one's log: a log whose
/// end was cut off, or that was written anew, lacks it. And what several of them name must be the same.
/// </summary>
public static class Reconciliation
{
    /// <summary>Compares logs that have been checked.</summary>
    /// <param name="logs">Two or more, each of another participant.</param>
    /// <param name="session">The one session to look at, or null for all.</param>
    /// <exception cref="ParticipantException">There are too few, or two of one participant, or none speaks of the session.</exception>
    public static ReconciliationResult Of(IReadOnlyList<AuditFile> logs, string? session = null)
    {
        if (logs.Count < 2)
        {
            throw new ParticipantException(FailureCodes.Malformed, "give the exported logs of two or more participants");
        }

        if (logs.GroupBy(log => log.Card.Name, StringComparer.Ordinal).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw new ParticipantException(FailureCodes.Malformed, $"two of the logs are {twice.Key}'s; give one of each participant");
        }

        var sessions = logs.SelectMany(log => log.Sessions).Distinct(StringComparer.Ordinal)
            .Where(id => (session is null || id == session) && logs.Count(log => log.Session is null || log.Session == id) > 1).ToArray();
        if (sessions.Length == 0)
        {
            throw new ParticipantException(FailureCodes.UnknownSession, session is null
                ? "the logs have no session in common" : $"no two of the logs speak of the session {session}");
        }

        var heads = new HeardHeads(logs);
        var comparisons = Array.ConvertAll(sessions, id => SessionComparison.Of(id, [.. logs.Where(log => log.Session is null || log.Session == id)]));
        return new ReconciliationResult(
            [.. logs.Select(log => new ReconciledLog(log.Card.Name, log.Card.Role.ToString().ToLowerInvariant(), log.Card.Fingerprint, log.Entries,
                heads.WitnessedOf(log), log.Head))],
            [.. comparisons.SelectMany(comparison => comparison.Facts)],
            [.. heads.Faults, .. comparisons.SelectMany(comparison => comparison.Faults)]);
    }

    /// <summary>What the logs heard of one another.</summary>
    private sealed class HeardHeads
    {
        private readonly Dictionary<string, long> _witnessed = new(StringComparer.Ordinal);
        private readonly List<string> _faults = [];

        public HeardHeads(IReadOnlyList<AuditFile> logs)
        {
            var byName = logs.ToDictionary(log => log.Card.Name, StringComparer.Ordinal);
            var heard = logs.SelectMany(log => log.Records.SelectMany(record => record.Heard
                .Where(head => head.Key != log.Card.Name && byName.ContainsKey(head.Key))
                .Select(head => (Of: byName[head.Key], Head: head.Value, By: log.Card.Name, Record: record)))).ToArray();
            foreach (var known in heard)
            {
                if (known.Of.NumberOf(known.Head) is { } number)
                {
                    _witnessed[known.Of.Card.Name] = Math.Max(number, _witnessed.GetValueOrDefault(known.Of.Card.Name));
                }
            }

            foreach (var missing in heard.Where(known => known.Of.NumberOf(known.Head) is null).GroupBy(known => known.Of))
            {
                var (first, whose) = (missing.First(), missing.Key.Card.Name);
                _faults.Add(PrintableText.Of($"{whose}'s log was cut off or written anew after entry {WitnessedOf(missing.Key)}: {first.By} heard, at its "
                    + $"entry {first.Record.Number} ({first.Record.Event}), of an entry of {whose}'s that is not "
                    + $"among the {missing.Key.Entries} it shows" + (missing.Count() == 1 ? "" : $"; {missing.Count()} such are missing")));
            }
        }

        public IReadOnlyList<string> Faults => _faults;

        public long WitnessedOf(AuditFile log) => _witnessed.GetValueOrDefault(log.Card.Name);
    }
}
