using System.Globalization;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.History;

/// <summary>A question that passed, ready to be entered.</summary>
/// <param name="Key">Into which history.</param>
/// <param name="Revision">That history as the question was held against it.</param>
/// <param name="Question">The question.</param>
/// <param name="Days">How many days it counts; null for always.</param>
internal sealed record HistoryDraft(HistoryKey Key, long Revision, HistoryQuestion Question, int? Days)
{
    /// <summary>Enters it, in the transaction that lets the question go on.</summary>
    /// <exception cref="PolicyDesk.SupersededException">Another question was quicker: this one was not held against it.</exception>
    public void Keep(Effects effects)
    {
        if (HistoryBook.Of(effects.State, Key).Revision != Revision)
        {
            throw new PolicyDesk.SupersededException();
        }

        HistoryBook.Add(effects, Key, Question.Entry, Question.Parts, Days);
    }
}

/// <summary>
/// Holds questions of engine <c>masked</c> against those before them, so that no two answers have a difference about few records (docs/disclosure.md,
/// "Differencing between questions"). The contributing party decides; the asking party's worker looks at its own side first.
/// </summary>
internal sealed class HistoryGuard(PartyContext party)
{
    /// <summary>Questions that are kept of a partner and dataset. Beyond them nothing is answered: none is forgotten before its time.</summary>
    public const int MostQuestions = 1000;

    /// <summary>Characters of their parts.</summary>
    public const long MostCharacters = 1L << 28;

    /// <summary>
    /// How a session's questions of the partner's are held against earlier ones, for how many days one counts, null for always, and whether the partner's
    /// worker is taken to be changed.
    /// </summary>
    public static (HistoryRule Rule, int? Days, bool IsBoundOnly) Of(PartyContext party, IStoreReader state, PartySession session)
    {
        if (session is not { Engine: QueryEngine.Masked, MinCell: > 1 })
        {
            return (HistoryRule.Off, null, false);
        }

        var policy = PartyPolicy.Load(party.Home);
        if (policy.Noise.TryGetValue(session.Dataset!, out var noise) && noise.Law != NoiseKind.CellKey)
        {
            // What all questions together say is bounded by the dataset's account.
            return (HistoryRule.Off, null, false);
        }

        var bounds = SessionGrant.Of(policy, state, session, party.Time.GetUtcNow())?.Bounds ?? new PolicyGrant();
        return (bounds.History ?? HistoryRule.Guard, bounds.HistoryDays, bounds.BoundOnly);
    }

    /// <summary>Holds a question of the partner's against those that this party contributed to.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="id">The question's id.</param>
    /// <param name="query">What it asks.</param>
    /// <param name="matrix">The own side.</param>
    /// <param name="groups">Sizes of the asking party's groups, as it has announced them.</param>
    /// <returns>What is to be entered; null where the question says nothing of this party, or nothing is compared.</returns>
    /// <exception cref="QueryException">It is too close to one, or there are too many.</exception>
    public async Task<HistoryDraft?> OnPeersAsync(Turn<PartySession> turn, string id, BoundQuery query, PartyMatrix matrix, IReadOnlyList<int> groups)
    {
        var session = turn.Session;
        var (rule, days, isBoundOnly) = turn.Read(state => Of(party, state, session));
        var entry = HistoryQuestion.EntryOf(query, id, session.Id, (session.Peer, party.Name), groups, session.MinCell, turn.Now);
        return rule == HistoryRule.Off || entry.Other.Columns.Count == 0 ? null
            : await HoldAsync(turn, HistoryKey.Of(session, HistoryRole.Peers), entry, entry.Other, matrix, (rule, isBoundOnly), days);
    }

    /// <summary>Holds an own question against those before it, where the partner would: its own side, exactly.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="question">The question.</param>
    /// <param name="query">What it asks.</param>
    /// <param name="matrix">The own side.</param>
    /// <returns>What is to be entered; null where nothing is compared.</returns>
    /// <exception cref="QueryException">It is too close to one.</exception>
    public async Task<HistoryDraft?> OnOwnAsync(Turn<PartySession> turn, Question question, BoundQuery query, PartyMatrix matrix)
    {
        var session = turn.Session;
        if (session is not { PeerGuards: true, MinCell: > 1 })
        {
            return null;
        }

        var entry = HistoryQuestion.EntryOf(query, question.Id, session.Id, (party.Name, session.Peer), matrix.GroupRecords, session.MinCell, turn.Now);
        return entry.Other.Columns.Count == 0 ? null
            : await HoldAsync(turn, HistoryKey.Of(session, HistoryRole.Own), entry, entry.Asker.Part, matrix, (HistoryRule.Guard, false), days: null);
    }

    private async Task<HistoryDraft> HoldAsync(
        Turn<PartySession> turn, HistoryKey key, HistoryEntry entry, Analytics.Differencing.QuestionPart own, PartyMatrix matrix,
        (HistoryRule Rule, bool IsBoundOnly) held, int? days)
    {
        var question = await HistoryQuestion.ReadAsync(entry, own, matrix, party.FolderOf(turn.Session).Path);
        var (revision, earlier, size, tooClose) = turn.Read(state =>
        {
            var history = HistoryBook.Of(state, key);
            var counting = history.Since(days, entry.At);
            return (history.Revision, counting, history.Sizes.Values.Sum(length => (long)length),
                HistoryComparison.FirstTooClose(state, key, counting, question, held.Rule, held.IsBoundOnly));
        });
        if (tooClose is not null)
        {
            var why = held.Rule == HistoryRule.Once ? Used(tooClose, held.IsBoundOnly) : TooClose(tooClose, entry.MinCell);
            throw new QueryException(QueryException.TooClose, why) { Earlier = tooClose.Query };
        }

        if (key.Role == HistoryRole.Peers && (earlier.Count >= MostQuestions || size > MostCharacters))
        {
            throw new QueryException(FailureCodes.OverBudget,
                $"{party.Name} holds every question against those before it, and keeps no more of them; its people can shorten "
                    + "how long one counts (historyDays)");
        }

        return new HistoryDraft(key, revision, question, days);
    }

    /// <summary>What is said where each own column serves for one table alone.</summary>
    private static string Used(HistoryEntry earlier, bool isBoundOnly) => isBoundOnly
        ? $"each column of this dataset serves for one question alone, and {NameOf(earlier)} used one of this question's; ask first of all for the finest "
            + "table, `with totals` and all measures"
        : $"each column of this dataset serves for one table alone, and {NameOf(earlier)} made another of one that this question uses; ask for other measures "
            + "of the same groups under the same conditions; the first table is best the finest, `with totals`";

    private static string NameOf(HistoryEntry earlier) =>
        string.Create(CultureInfo.InvariantCulture, $"question {earlier.Query[..8]} of {earlier.At.UtcDateTime:yyyy-MM-dd HH:mm} UTC");

    /// <summary>What is said of a question that is too close to another; nothing in it depends on data.</summary>
    internal static string TooClose(HistoryEntry earlier, int minimum) => string.Create(CultureInfo.InvariantCulture,
        $"it is too close to {NameOf(earlier)}: the difference of the two answers may be about "
            + $"none or fewer than {Math.Max(minimum, earlier.MinCell)} records; ask the earlier one again in its own words, or take classes and conditions "
            + $"that differ in more");
}
