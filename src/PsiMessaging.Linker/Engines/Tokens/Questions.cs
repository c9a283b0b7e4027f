using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines.Tokens;

/// <summary>Answers questions or refuses them, also in sessions that are over, and tells the other party of each.</summary>
/// <param name="linker">The linker.</param>
internal sealed class Questions(LinkerContext linker) : ISessionArea<LinkSession>
{
    private const int MaximumColumns = 64;
    private const int MaximumFilterValues = 1000;
    private const long MemoryBytes = 512L << 20;

    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<LinkSession> turn) =>
        new(turn.Next<RunQuery>(SlotKinds.Query) is { } query ? Answer(turn, query) : TurnOutcome.Idle);

    private TurnOutcome Answer(Turn<LinkSession> turn, Waiting<RunQuery> waiting)
    {
        var (session, query, asker) = (turn.Session, waiting.Message, waiting.From);
        var start = linker.Services.Time.GetTimestamp();
        var (answer, body) = Run(session, query, asker);
        var outcome = answer is QueryRefused refused ? refused.Code : "answered";
        turn.Commit(effects =>
        {
            effects.Finish(waiting.Slot);
            effects.Audit("query-run", waiting.Envelope, ("session", session.Id), ("query", query.QueryId), ("asker", asker),
                ("columns", query.Columns.Count), ("groups", (answer as QueryAnswered)?.Groups), ("outcome", outcome));
            effects.Send(asker, answer, body);
            if (session.Registrations.FirstOrDefault(registration => registration.Party == asker)?.Peer is { } other)
            {
                effects.Send(other, new QueryAsked(session.Id, query.QueryId, asker, RegisteredOf(session, query), outcome));
            }
        });
        linker.Log.Queried(session.Id, query.QueryId, outcome, linker.Services.Time.GetElapsedTime(start).TotalSeconds);
        return TurnOutcome.Worked;
    }

    /// <summary>The columns that a question names and that there are: what else stands there is the asker's invention, of any length.</summary>
    private static ColumnToken[] RegisteredOf(LinkSession session, RunQuery query) =>
    [
        .. query.Columns.Where(column => session.Registrations.Any(registration => registration.Party == column.Party
            && registration.Columns.Contains(column.Column))).Distinct().Take(MaximumColumns),
    ];

    private (object Answer, byte[] Body) Run(LinkSession session, RunQuery query, string asker)
    {
        try
        {
            RequireAnswerable(session, query);
            return Count(session, query, asker);
        }
        catch (ParticipantException exception)
        {
            return (new QueryRefused(session.Id, query.QueryId, exception.Code, exception.Message), []);
        }
        catch (Exception exception)
        {
            // A query that fails, for want of memory or disk say, fails alone: the rows stay.
            linker.Log.StepFault(exception, session.Id);
            return (new QueryRefused(session.Id, query.QueryId, FailureCodes.Internal, "the linker could not compute the answer; its log says why"), []);
        }
    }

    private static void RequireAnswerable(LinkSession session, RunQuery query)
    {
        if (session.Ended)
        {
            var reason = session.FailureReason is null ? "" : $": {session.FailureReason}";
            throw new ParticipantException(FailureCodes.WrongState, $"the session has ended{reason}");
        }

        if (session.State != LinkState.Ready)
        {
            throw new ParticipantException(FailureCodes.NotRegistered, "not both parties' rows are registered");
        }

        if (!ParticipantNames.IsId(query.QueryId) || query.Columns.Count > MaximumColumns || query.Columns.Distinct().Count() != query.Columns.Count
            || !FiltersFit(query.Filters ?? []))
        {
            throw new ParticipantException(FailureCodes.BadQuery, "a query has up to 64 columns, each once, and up to 64 filters of 1 to 1,000 values");
        }

        if (session.Registrations[0].Engine != QueryEngine.Tokens)
        {
            throw new ParticipantException(FailureCodes.EngineCannot, "the session's engine does not count ciphertexts");
        }
    }

    private static bool FiltersFit(IReadOnlyList<TokenFilter> filters) => filters.Count <= MaximumColumns
        && filters.All(filter => filter.Values.Count is >= 1 and <= MaximumFilterValues
            && filter.Values.All(value => value.Length <= ParquetInspection.MaximumCellBytes));

    private (object Answer, byte[] Body) Count(LinkSession session, RunQuery query, string asker)
    {
        var (left, right) = (session.Registrations[0], session.Registrations[1]);
        var columns = query.Columns.Select(column => Find(session, column.Party, column.Column)).ToArray();
        var filters = (query.Filters ?? []).Select(filter => Bind(session, filter)).ToArray();
        var path = linker.Folders.OfAnswer(session.Id, query.QueryId);
        var minCell = Math.Max(left.MinCell, right.MinCell);
        try
        {
            var outcome = TokenEngine.Count(
                TableOf(session.Id, left), TableOf(session.Id, right), columns, minCell, asker == right.Party, path, MemoryBytes, filters);
            var body = File.ReadAllBytes(path);
            return body.Length <= EncryptedBatch.MaximumAnswerBytes
                ? (new QueryAnswered(session.Id, query.QueryId, outcome.Groups, minCell, outcome.IsComplete), body)
                : throw new ParticipantException(FailureCodes.TooManyGroups,
                    $"the answer of {outcome.Groups:N0} groups is too long for one message; ask by fewer or coarser columns");
        }
        catch (QueryTooLargeException exception)
        {
            throw new ParticipantException(FailureCodes.TooManyGroups, exception.Message, exception);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static (bool Right, string Token) Find(LinkSession session, string party, string column)
    {
        var (left, right) = (session.Registrations[0], session.Registrations[1]);
        return party == left.Party && left.Columns.Contains(column) ? (false, column)
            : party == right.Party && right.Columns.Contains(column) ? (true, column)
            : throw new ParticipantException(FailureCodes.UnknownColumn, "a queried column is not registered");
    }

    private static CiphertextFilter Bind(LinkSession session, TokenFilter filter)
    {
        var (right, token) = Find(session, filter.Party, filter.Column);
        return new CiphertextFilter(right, token, filter.Values, filter.Keep);
    }

    private TokenRows TableOf(string session, Registration registration) => new(linker.Folders.OfRows(session, registration.Party));
}
