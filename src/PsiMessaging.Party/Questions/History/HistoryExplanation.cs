using System.Globalization;
using PsiMessaging.Analytics.Differencing;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.History;

/// <summary>What the guard would say to a question that nobody has asked yet, for a person of the party it would be put to.</summary>
public static class HistoryExplanation
{
    /// <summary>Questions that are named; of more their number.</summary>
    private const int MostNamed = 5;

    /// <summary>What would become of a question, a line each.</summary>
    /// <param name="home">The party's home.</param>
    /// <param name="store">Its state.</param>
    /// <param name="dataset">The own dataset.</param>
    /// <param name="partner">Who would ask.</param>
    /// <param name="asked">What.</param>
    /// <param name="grant">Under which grant.</param>
    /// <param name="now">The time.</param>
    public static async Task<IReadOnlyList<string>> OfAsync(
        ParticipantHome home, IParticipantStore store, Dataset dataset, string partner, Query asked, PolicyGrant grant, DateTimeOffset now)
    {
        if (grant.History == HistoryRule.Off)
        {
            return ["It is not held against earlier questions (history)."];
        }

        if ((dataset.MinCell ?? home.Config.MinCell) == 1)
        {
            return ["It is not held against earlier questions where the minimum cell size is 1."];
        }

        var key = new HistoryKey(partner, dataset.Hash, HistoryRole.Peers);
        var earlier = store.Read(state => HistoryBook.Of(state, key)).Since(grant.HistoryDays, now);
        var count = string.Create(CultureInfo.InvariantCulture, $"{earlier.Count:N0} earlier question{(earlier.Count == 1 ? "" : "s")} of {partner}");
        if (earlier.Count == 0)
        {
            return [$"No earlier question of {partner} counts against it."];
        }

        if (LatestSession(home, store, partner, dataset) is not { } session)
        {
            return [$"{count} count, and there is no session here in which it could be held against them."];
        }

        try
        {
            var query = new BoundQuery(asked, BoundQuestions.SchemaOf(home.Name, session));
            var folder = home.SessionPath(session.Id);
            var matrix = await PartyMatrix.OpenAsync(query, home.Name, AlignedRows.Open(folder), session.MinCell);
            var entry = HistoryQuestion.EntryOf(query, "", session.Id, (partner, home.Name), [], session.MinCell, now);
            var question = await HistoryQuestion.ReadAsync(entry, entry.Other, matrix, folder);
            return grant.History == HistoryRule.Once ? OfTables(earlier, question.Entry, count, grant.BoundOnly)
                : store.Read(state => Lines(state, key, earlier, question, count));
        }
        catch (QueryException exception)
        {
            return [$"It cannot be held against {count}: {exception.Message}."];
        }
    }

    private static PartySession? LatestSession(ParticipantHome home, IParticipantStore store, string partner, Dataset dataset) =>
        store.Read(state => state.ListSessions()).OrderByDescending(stored => stored.CreatedAt).Select(PartySession.Parse).FirstOrDefault(session =>
            session is { State: SessionState.Completed, Engine: QueryEngine.Masked, MinCell: > 1, OwnColumns: not null, PeerColumns: not null }
                && session.Peer == partner && session.DatasetHash == dataset.Hash && AlignedRows.Exists(home.SessionPath(session.Id)));

    /// <summary>Where each column serves for one table: how large the partner's groups are is not known before it asks.</summary>
    private static string[] OfTables(IReadOnlyList<HistoryEntry> earlier, HistoryEntry next, string count, bool isBoundOnly)
    {
        var against = earlier.Where(entry => entry.Other.SharesColumns(next.Other)
            && HistoryComparison.IsAnotherTable(entry, next with { Asker = next.Asker with { Groups = entry.Asker.Groups } }, isBoundOnly)).ToArray();
        return against.Length == 0 ? [$"{count} count, and none made another table of its columns."]
            : Named(against.Select(entry => $"Refused, since each column serves for one {(isBoundOnly ? "question" : "table")} alone: {NameOf(entry)}."));
    }

    private static string[] Named(IEnumerable<string> lines)
    {
        var found = lines.ToArray();
        return [.. found.Take(MostNamed), .. found.Length > MostNamed ? [$"The same goes for {found.Length - MostNamed} more."] : (string[])[]];
    }

    private static string[] Lines(
        IStoreReader state, HistoryKey key, IReadOnlyList<HistoryEntry> earlier, HistoryQuestion question, string count)
    {
        var (refused, depends, known) = (new List<string>(), new List<string>(), new Dictionary<string, CellRelation>(StringComparer.Ordinal));
        foreach (var entry in earlier.Where(entry => entry.Other.SharesColumns(question.Entry.Other)))
        {
            var own = HistoryComparison.OfOwn(state, key, entry, question, known);
            var (before, now) = (entry.Asker.Part, question.Entry.Asker.Part);
            if (own == CellRelation.Apart || (entry.Session == question.Entry.Session && before.Excludes(now)))
            {
                continue;
            }

            if ((own & (CellRelation.FewApart | CellRelation.Equal)) != CellRelation.Apart)
            {
                refused.Add($"Refused as too close to {NameOf(entry)}.");
            }
            else if (!before.HasConditionsOf(now) || !before.HasGroupingsOf(now))
            {
                var (few, total) = (Math.Max(entry.MinCell, question.Entry.MinCell) - 1, entry.Asker.Total);
                depends.Add(string.Create(CultureInfo.InvariantCulture, $"Refused where {key.Partner}'s part of it leaves from "
                    + $"{Math.Max(0, total - few):N0} to {total + few:N0} records"
                    + $"{(before.HasConditionsOf(now) ? $" but not {total:N0}" : "")}, by {NameOf(entry)}."));
            }
        }

        var found = refused.Count > 0 ? refused : depends;
        return found.Count == 0 ? [$"{count} count, and none is near on this party's side."]
            : Named(found);
    }

    private static string NameOf(HistoryEntry entry) => string.Create(CultureInfo.InvariantCulture,
        $"question {entry.Query[..8]} of {entry.At.UtcDateTime:yyyy-MM-dd HH:mm} UTC: {entry.Text}");
}
