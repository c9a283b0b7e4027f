using PsiMessaging.Files;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.Participants.Audit;

/// <summary>What several logs say of one session.</summary>
internal sealed class SessionComparison
{
    private const int ShortId = 8;

    /// <summary>What a party says before its rows, or its word that it answers, go to the linker.</summary>
    private static readonly string[] RowsGiven = ["rows-sent", "questions-allowed"];

    /// <summary>What a linker says once it has worked for a question.</summary>
    private static readonly string[] Worked = ["query-run", "product-computed", "product-ended"];

    private readonly string _session;
    private readonly Side[] _sides;
    private readonly List<ReconciledFact> _facts = [];
    private readonly List<string> _faults = [];

    private SessionComparison(string session, IEnumerable<AuditFile> logs) =>
        (_session, _sides) = (session, [.. logs.Select(log => new Side(log, [.. log.Of(session)]))]);

    /// <summary>What was compared.</summary>
    public IReadOnlyList<ReconciledFact> Facts => _facts;

    /// <summary>What is not the same, a line each.</summary>
    public IReadOnlyList<string> Faults => _faults;

    /// <summary>Compares what logs say of a session.</summary>
    public static SessionComparison Of(string session, IReadOnlyList<AuditFile> logs)
    {
        var comparison = new SessionComparison(session, logs);
        var parties = comparison._sides.Where(side => side.Role == ParticipantRole.Party && side.Records.Count > 0).ToArray();
        foreach (var party in parties)
        {
            comparison.CompareEnd(party);
            foreach (var peer in parties.Where(other => string.CompareOrdinal(party.Name, other.Name) < 0))
            {
                comparison.CompareParties(party, peer);
                comparison.CompareTerms(party, peer);
            }
        }

        foreach (var linker in comparison._sides.Where(side => side.Role == ParticipantRole.Linker))
        {
            foreach (var party in parties)
            {
                comparison.CompareRows(party, linker);
            }
        }

        comparison.CompareQuestions(parties);
        return comparison;
    }

    private Side? PeerOf(Side party) => party.Records.Select(record => record.Text("peer")).OfType<string>().FirstOrDefault() is { } peer
        ? Array.Find(_sides, side => side.Name == peer) : null;

    /// <summary>A session has two parties: a log that names another, or none, does not get around the comparison by that.</summary>
    private void CompareParties(Side one, Side other)
    {
        foreach (var (side, peer) in new[] { (one, other), (other, one) })
        {
            foreach (var named in side.Records.Where(record => record.Find("peer") is not null).Select(record => record.Value("peer") ?? "")
                .Where(named => named != peer.Name).Distinct(StringComparer.Ordinal))
            {
                Fault($"{side.Name}'s log names {named} as the other party, and {peer.Name}'s has the session too");
            }

            if (side.Records.All(record => record.Find("peer") is null))
            {
                Fault($"{side.Name}'s log does not say with whom it was");
            }
        }
    }

    private void CompareEnd(Side party)
    {
        if (!party.Has("session-completed") || PeerOf(party) is not { } peer)
        {
            return;
        }

        var other = peer.First("session-completed", "session-failed", "session-refused");
        var agrees = peer.Has("session-completed");
        if (!agrees || string.CompareOrdinal(party.Name, peer.Name) < 0)
        {
            Add("how it ended", agrees, (party, "completed"), (peer, agrees ? "completed" : other?.Text("code") ?? "not there"));
        }

        if (!agrees)
        {
            Fault($"{party.Name} completed it, and {peer.Name}'s log {(other is null ? "has no end of it" : $"says that it ended with {other.Text("code")}")}");
        }
    }

    private void CompareTerms(Side party, Side peer)
    {
        foreach (var (what, own, theirs) in new[]
        {
            ($"set size of {party.Name}", "own", "peers"), ($"set size of {peer.Name}", "peers", "own"), ("in common", "common", "common"),
            ("result to", "reveal", "reveal"), ("protocol", "protocol", "protocol"), ("minimum cell size", "minCell", "minCell"),
        })
        {
            // What the initiator asked for is not yet what was agreed.
            AddValues(what, party, party.Agreed(own), peer, peer.Agreed(theirs));
        }
    }

    private void CompareRows(Side party, Side linker)
    {
        var given = party.Last(RowsGiven);
        var opened = linker.Records.LastOrDefault(record => record.Event == "registration-opened" && record.Text("party") == party.Name);
        AddValues($"rows of {party.Name}", party, given?.Value("rows"), linker, opened?.Value("rows"));
        if (given?.Event == RowsGiven[0])
        {
            AddValues($"columns of {party.Name}", party, given.Value("columns"), linker, opened?.Value("columns"));
        }

        if (opened is not null && given is null)
        {
            Fault($"{linker.Name} took {party.Name}'s registration, and {party.Name}'s log does not have that it allowed that");
        }
        else if (opened is null && party.Records.Any(record => record.Event == "rows-confirmed" && record.Text("party") == party.Name))
        {
            Fault($"{party.Name} heard that {linker.Name} took its registration, and {linker.Name}'s log does not have it");
        }
    }

    private void CompareQuestions(Side[] parties)
    {
        foreach (var asker in parties)
        {
            var asked = asker.Ids("query-asked");
            var said = _sides.Where(side => side != asker && side.Records.Count > 0)
                .Select(side => (Side: side,
                    Ids: side.Records.Where(record => IsWorkFor(side, record, asker)).Select(record => record.Text("query")!).ToHashSet()))
                .ToArray();
            var faults = _faults.Count;
            foreach (var (side, ids) in said)
            {
                foreach (var id in ids.Except(asked))
                {
                    Fault($"{side.Name} worked for question {Short(id)} of {asker.Name}'s, and {asker.Name}'s log does not have that it asked it");
                }

                // One that was taken back, or that waits still, may not have come everywhere.
                foreach (var id in asker.Answered().Intersect(asked).Except(ids))
                {
                    Fault($"{asker.Name} has an answer to its question {Short(id)}, and {side.Name}'s log does not have the question");
                }
            }

            if (asked.Count > 0 || _faults.Count > faults)
            {
                Add($"questions of {asker.Name}", _faults.Count == faults, [(asker, $"{asked.Count}"), .. said.Select(one => (one.Side, $"{one.Ids.Count}"))]);
            }

            CompareGroups(asker);
        }
    }

    private static bool IsWorkFor(Side side, AuditRecord record, Side asker) => record.Text("query") is not null
        && (record.Text("asker") == asker.Name
            && (side.Role == ParticipantRole.Party ? record.Event == "peer-asked" : Worked.Contains(record.Event, StringComparer.Ordinal)));

    /// <summary>Groups that a linker let out, and that the asking party received.</summary>
    private void CompareGroups(Side asker)
    {
        foreach (var linker in _sides.Where(side => side.Role == ParticipantRole.Linker))
        {
            var runs = linker.Records.Where(record => record.Event == "query-run").ToLookup(record => record.Text("query"), StringComparer.Ordinal);
            foreach (var received in asker.Records.Where(record => record.Event == "query-answered" && record.Value("received") is not null))
            {
                AddValues($"groups of question {Short(received.Text("query") ?? "")}", asker, received.Value("received"),
                    linker, runs[received.Text("query")].LastOrDefault()?.Value("groups"));
            }
        }
    }

    /// <summary>Where both say something, it must be the same.</summary>
    private void AddValues(string what, Side one, string? first, Side other, string? second)
    {
        if (first is null || second is null)
        {
            return;
        }

        Add(what, first == second, (one, first), (other, second));
        if (first != second)
        {
            Fault($"{what}: {first} in {one.Name}'s log, {second} in {other.Name}'s");
        }
    }

    private void Add(string what, bool agrees, params ReadOnlySpan<(Side Side, string Says)> said)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (side, says) in said)
        {
            all[side.Name] = says;
        }

        _facts.Add(new ReconciledFact(_session, what, all, agrees));
    }

    private void Fault(string line) => _faults.Add(PrintableText.Of($"session {Short(_session)}: {line}"));

    private static string Short(string id) => id[..Math.Min(ShortId, id.Length)];

    /// <summary>One log, and what it says of the session.</summary>
    private sealed record Side(AuditFile Log, IReadOnlyList<AuditRecord> Records)
    {
        public string Name => Log.Card.Name;

        public ParticipantRole Role => Log.Card.Role;

        public bool Has(string happening) => First(happening) is not null;

        public AuditRecord? First(params ReadOnlySpan<string> happenings)
        {
            foreach (var happening in happenings)
            {
                if (Records.FirstOrDefault(record => record.Event == happening) is { } found)
                {
                    return found;
                }
            }

            return null;
        }

        public AuditRecord? Last(string[] happenings) => Records.LastOrDefault(record => happenings.Contains(record.Event, StringComparer.Ordinal));

        /// <summary>A field of the agreement: as the session ended, or as it was agreed.</summary>
        public string? Agreed(string field) => First("session-completed")?.Value(field) ?? First("session-accepted", "session-agreed")?.Value(field);

        public HashSet<string> Ids(string happening) =>
            [.. Records.Where(record => record.Event == happening).Select(record => record.Text("query")).OfType<string>()];

        /// <summary>Questions that an answer came to.</summary>
        public IEnumerable<string> Answered() => Records.Where(record => record.Event == "query-answered" && record.Text("failure") is null)
            .Select(record => record.Text("query")).OfType<string>();
    }
}
