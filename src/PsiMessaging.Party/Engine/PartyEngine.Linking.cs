using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Analytics.Tokens;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Types;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Party.Engine;

/// <content>What a party does with the linker: sends its rows, asks, reads answers.</content>
public sealed partial class PartyEngine
{
    private const string QueryDocument = "query";

    /// <summary>Most columns in one query of engine <c>tokens</c>.</summary>
    private const int MaximumQueryColumns = 64;

    /// <summary>How long a question waits for the news that both parties' rows are registered: it may be on its way.</summary>
    private static readonly TimeSpan RegistrationGrace = TimeSpan.FromSeconds(5);

    private CommandReply BeginSend(IStoreTransaction transaction, PartySession session)
    {
        if (session.State != SessionState.Completed)
        {
            return Refusal(session, FailureCodes.WrongState, session.State == SessionState.Failed
                ? $"the session failed: {session.FailureReason}"
                : $"the session is not completed yet ({session.State}); see: psi status {session.Id}");
        }

        if (session.Reveal != SessionRules.Both)
        {
            return Refusal(session, FailureCodes.WrongState, $"only a session that reveals its result to both parties can send rows, and this one reveals {session.Reveal}; open another with --reveal both");
        }

        if (session.Registration == RegistrationState.None)
        {
            Put(transaction, session with { Registration = RegistrationState.Sending, FailureReason = null, SendStartedAt = Time.GetUtcNow() });
        }

        return new CommandReply(true, session.Id);
    }

    private async Task<bool> SendRowsAsync(PartySession session)
    {
        if (session.Registration != RegistrationState.Sending || Store.Read(transaction => transaction.CountOutgoing(session.Id)) >= OutboxWindow)
        {
            return false;
        }

        if (session.Engine == SessionRules.Masked)
        {
            return await StandReadyAsync(session);
        }

        var sender = OpenSender(session);
        if (session.OwnColumns is null)
        {
            var columns = DescribedColumns(session);
            Change(session, transaction =>
            {
                Send(transaction, session.Peer, session.Id, new AnnounceColumns(session.Id, session.Transcript, columns));
                Send(transaction, session.Linker, session.Id,
                    new RegisterDataset(session.Id, session.Transcript, session.Peer, session.Engine, session.MinCell, sender.Rows, sender.ColumnTokens));
                Audit.Append(transaction, "rows-sent", ("session", session.Id), ("linker", session.Linker), ("rows", sender.Rows), ("columns", sender.ColumnTokens.Length));
                return session with { OwnColumns = columns };
            });
            return true;
        }

        if (session.SendSequence == 0 && Store.Read(transaction => transaction.CountOutgoing(session.Id)) > 0)
        {
            // The registration leaves before the first batch: the linker takes hardly any rows of a session that it does not know.
            return false;
        }

        var (body, rows, next) = await sender.BatchAsync(session.SendRow);
        var last = next == sender.Rows;
        Change(session, transaction =>
        {
            Send(transaction, session.Linker, session.Id, new DatasetBatch(session.Id, session.SendSequence, rows, last), body);
            return session with { SendSequence = session.SendSequence + 1, SendRow = next, Registration = last ? RegistrationState.Sent : RegistrationState.Sending };
        });
        if (last)
        {
            lock (_cacheLock)
            {
                _senders.Remove(session.Id);
            }

            sender.Dispose();
        }

        return true;
    }

    private ColumnDescription[] DescribedColumns(PartySession session) => [.. OwnDataset(session).Described.Select(column => new ColumnDescription(column.Name, column.Type.ToString()))];

    /// <summary>Both parties' columns as announced; the same at both.</summary>
    private QuerySchema SchemaOf(PartySession session)
    {
        static IReadOnlyList<TypedColumn> Typed(IEnumerable<ColumnDescription> columns) => [.. columns.Select(column => new TypedColumn(column.Name, ColumnType.TryParse(column.Type)!))];
        return new QuerySchema(new Dictionary<string, IReadOnlyList<TypedColumn>>(StringComparer.Ordinal) { [Home.Name] = Typed(session.OwnColumns!), [session.Peer] = Typed(session.PeerColumns!) }, session.Texts);
    }

    private RowSender OpenSender(PartySession session)
    {
        lock (_cacheLock)
        {
            if (_senders.TryGetValue(session.Id, out var known))
            {
                return known;
            }
        }

        var dataset = OwnDataset(session);
        using var shared = Home.SharedKeyWith(PinnedPeer(session));
        var sender = RowSender.Load(Home.Name, dataset, Datasets, MatchedRows.Read(Home.SessionPath(session.Id)), shared, session.Transcript, SessionScratch(session, "rows"));
        if (sender.Rows != session.IntersectionSize)
        {
            sender.Dispose();
            throw new ParticipantException(FailureCodes.UnusableDataset, $"the stored result of session {session.Id} does not fit the dataset {dataset.Name}; open another session");
        }

        lock (_cacheLock)
        {
            _senders[session.Id] = sender;
        }

        return sender;
    }

    /// <summary>News of registrations and columns, and of the peer's questions.</summary>
    private bool HandleLinker(PartySession session) => Store.Write(transaction =>
    {
        if (transaction.Pending(session.Id, nameof(AnnounceColumns), 1) is [var announced])
        {
            var columns = ((AnnounceColumns)Envelope.Parse(announced.Frame).Message).Columns;
            transaction.Finish(session.Id, announced.Slot);
            if (columns.Count > 1000 || columns.Any(column => column.Name.Length is 0 or > 1000 || ColumnType.TryParse(column.Type) is null) || columns.DistinctBy(column => column.Name, StringComparer.Ordinal).Count() != columns.Count)
            {
                Fail(transaction, session, FailureCodes.Malformed, $"{session.Peer} announced columns that cannot be", tellPeer: true);
            }
            else
            {
                Put(transaction, session with { PeerColumns = columns });
            }

            return true;
        }

        if (transaction.Pending(session.Id, "registered/", 1) is [var news])
        {
            var registered = (DatasetRegistered)Envelope.Parse(news.Frame).Message;
            transaction.Finish(session.Id, news.Slot);
            if (registered.Party == Home.Name && session is not { Registration: RegistrationState.Sending or RegistrationState.Sent, OwnColumns: not null })
            {
                // The linker confirms what this party has not sent: without consequence, for that is this party's people's to say.
                LogUnaskedNews(session.Id, session.Linker);
            }
            else if (registered.Party == Home.Name)
            {
                Put(transaction, session with { Registration = RegistrationState.Registered, RegisteredAt = Time.GetUtcNow() });
            }
            else if (registered.Party == session.Peer)
            {
                Put(transaction, session with { PeerRegistered = true });
            }

            return true;
        }

        if (transaction.Pending(session.Id, "asked/", 1) is [var notice])
        {
            var asked = (QueryAsked)Envelope.Parse(notice.Frame).Message;
            transaction.Finish(session.Id, notice.Slot);
            Audit.Append(transaction, "peer-asked", ("session", session.Id), ("query", asked.QueryId), ("asker", asked.Asker),
                ("columns", new JsonArray([.. NamesOf(session, asked.Columns).Select(name => (JsonNode?)JsonValue.Create(name))])), ("outcome", asked.Outcome));
            return true;
        }

        return false;
    });

    private IEnumerable<string> NamesOf(PartySession session, IReadOnlyList<ColumnToken> columns)
    {
        using var shared = Home.SharedKeyWith(PinnedPeer(session));
        using var keys = new TokenKeys(shared, session.Transcript);
        var names = new[] { (Party: Home.Name, Columns: session.OwnColumns), (Party: session.Peer, Columns: session.PeerColumns) }
            .SelectMany(side => (side.Columns ?? []).Select(column => (side.Party, column.Name)))
            .ToDictionary(column => (column.Party, keys.ColumnToken(column.Party, column.Name)), column => column.Name);
        return [.. columns.Take(MaximumQueryColumns).Select(column => $"{column.Party}.{names.GetValueOrDefault((column.Party, column.Column), "?")}")];
    }

    // ---- Questions ---------------------------------------------------------------------------------------------------------------------

    private CommandReply? BeginQuery(IStoreTransaction transaction, PartySession session, SubmitQuery query, Envelope envelope)
    {
        if (session.State != SessionState.Completed)
        {
            return Refusal(session, FailureCodes.WrongState, session.State == SessionState.Failed
                ? $"the session failed: {session.FailureReason}"
                : $"the session is not completed yet ({session.State}); see: psi status {session.Id}");
        }

        var correlation = envelope.Header.Correlation!;
        var known = transaction.FindDocument(QueryDocument, correlation) is { } document ? JsonSerializer.Deserialize(document, SessionJson.Default.PartyQuery) : null;
        if (session.Registration != RegistrationState.Registered || !session.PeerRegistered || session.PeerColumns is null)
        {
            if (known is null)
            {
                PutQuery(transaction, new PartyQuery(correlation, session.Id, query.Text, Time.GetUtcNow(), envelope.Header.ReplyTo));
                return Waiting;
            }

            if (Time.GetUtcNow() - known.AskedAt < RegistrationGrace)
            {
                return Waiting;
            }

            var missing = new[] { session.Registration != RegistrationState.Registered ? Home.Name : null, !session.PeerRegistered || session.PeerColumns is null ? session.Peer : null };
            var who = string.Join(" and ", missing.OfType<string>());
            var reason = (session.Engine == SessionRules.Masked ? $"questions are not yet allowed by {who}; each party allows them at its own home" : $"the linker does not have the rows of {who} yet; each party sends its own at its own home") + $": psi send {session.Id[..8]}";
            PutQuery(transaction, known with { FailureCode = FailureCodes.NotRegistered, FailureReason = reason });
            return Refusal(session, FailureCodes.NotRegistered, reason);
        }

        try
        {
            var bound = new BoundQuery(Query.Parse(query.Text), SchemaOf(session));
            if (query.DeadlineSeconds is < 1 or > MaximumDeadlineSeconds || query.Pad is < 1 or > MaximumPad)
            {
                throw new QueryException(FailureCodes.Malformed, $"a query's deadline is 1 second to 30 days, and its padding 1 to {MaximumPad}");
            }

            var asked = new PartyQuery(correlation, session.Id, query.Text, known?.AskedAt ?? Time.GetUtcNow(), envelope.Header.ReplyTo);
            if (session.IntersectionSize is not > 0)
            {
                var answer = AnswerBuilder.Empty(bound);
                FinishQuery(transaction, asked with { Result = ResultOf(session, asked, bound, answer, session.MinCell) });
                return null;
            }

            if (session.Engine == SessionRules.Masked)
            {
                PutQuery(transaction, asked);
                BeginMasked(transaction, session, asked, query);
            }
            else
            {
                TokenTable.Check(bound, session.MinCell);
                PutQuery(transaction, asked);
                Send(transaction, session.Linker, session.Id, TokenQuery(session, correlation, bound));
            }

            Audit.Append(transaction, "query-asked", ("session", session.Id), ("query", correlation), ("text", query.Text));
            return null;
        }
        catch (QueryException exception)
        {
            return Refusal(session, exception.Code, exception.Message);
        }
    }

    private RunQuery TokenQuery(PartySession session, string id, BoundQuery query)
    {
        using var shared = Home.SharedKeyWith(PinnedPeer(session));
        using var keys = new TokenKeys(shared, session.Transcript);
        ColumnToken TokenOf(ColumnName column) => new(column.Party, keys.ColumnToken(column.Party, column.Name));
        var filters = query.Where.Select(condition =>
        {
            var (column, values, keep) = TokenTable.FilterOf(condition, query.Schema);
            using var cipher = keys.ValueCipher(column.Party, column.Name);
            var token = TokenOf(column);
            return new TokenFilter(token.Party, token.Column, [.. values.Select(cipher.Encrypt)], keep);
        }).ToArray();
        return new RunQuery(session.Id, id, [.. query.Groupings.Select(grouping => TokenOf(grouping.Column))], filters.Length == 0 ? null : filters);
    }

    private bool HandleAnswers(PartySession session)
    {
        if (Store.Read(transaction => transaction.Pending(session.Id, "answer/", 1)) is not [var pending])
        {
            return false;
        }

        var envelope = Envelope.Parse(pending.Frame);
        var queryId = envelope.Message switch { QueryAnswered answered => answered.QueryId, ProductComputed product => product.QueryId, _ => ((QueryRefused)envelope.Message).QueryId };
        var document = Store.Read(transaction => transaction.FindDocument(QueryDocument, queryId));
        if (document is null)
        {
            Store.Write(transaction => transaction.Finish(session.Id, pending.Slot));
            return true;
        }

        var query = JsonSerializer.Deserialize(document, SessionJson.Default.PartyQuery)!;
        if (query.Session != session.Id || query.Result is not null || query.FailureCode is not null)
        {
            // Another session's query, maybe at another linker, or one that has ended: not this one's to answer.
            Store.Write(transaction => transaction.Finish(session.Id, pending.Slot));
            return true;
        }

        query = envelope.Message switch
        {
            QueryAnswered answer when session.Engine == SessionRules.Tokens => OpenAnswer(session, query, answer, envelope.Body),
            ProductComputed product when session.Engine == SessionRules.Masked => OpenProduct(session, query, product, envelope.Body),
            QueryRefused refusal => query with { FailureCode = FailureCodes.Known(refusal.Code), FailureReason = $"{session.Linker}: {Printable(refusal.Reason)}" },
            _ => query with { FailureCode = FailureCodes.Malformed, FailureReason = $"{session.Linker} answered in a way that does not fit the session's engine" },
        };
        Store.Write(transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            if (session.Engine == SessionRules.Masked)
            {
                // With the product nobody works for it any more; a refusal of the linker's leaves the other party at work.
                EndMasked(transaction, session, query.Id, envelope.Message is QueryRefused ? FailureCodes.Cancelled : null);
            }

            FinishQuery(transaction, query);
        });
        Outbox.Signal();
        Retire(session.Id, queryId);
        return true;
    }

    /// <summary>Keeps an ended query and tells whoever waits for it.</summary>
    private void FinishQuery(IStoreTransaction transaction, PartyQuery query)
    {
        PutQuery(transaction, query);
        Reply(transaction, query.ReplyTo, query.Id, new CommandReply(query.Result is not null, query.Session, query.FailureCode, query.FailureReason, query.Id));
        Audit.Append(transaction, "query-answered", ("session", query.Session), ("query", query.Id), ("groups", query.Result?.Answer.Rows.Count), ("suppressed", query.Result?.Answer.Withheld), ("failure", query.FailureCode));
        LogAnswered(query.Session, query.Id, query.Result?.Answer.Rows.Count ?? 0, query.FailureCode ?? "answered");
    }

    private QueryResult ResultOf(PartySession session, PartyQuery asked, BoundQuery query, IMomentTable table, int minCell) =>
        ResultOf(session, asked, query, new AnswerBuilder(query, table, minCell, session.IntersectionSize!.Value).Build(), minCell);

    private QueryResult ResultOf(PartySession session, PartyQuery asked, BoundQuery query, Answer answer, int minCell)
    {
        return new QueryResult(asked.Id, asked.Text, session.Id, session.Engine, query.Query.Kind, answer, minCell, session.IntersectionSize!.Value,
            answer.Columns.TakeWhile(column => column.Role == AnswerRole.Label).Count(), Time.GetUtcNow(), (Time.GetUtcNow() - asked.AskedAt).TotalSeconds);
    }

    /// <summary>Decrypts an answer and holds it to what can be known: its form, its keys, the minimum cell size, and that no more is counted than there is.</summary>
    private PartyQuery OpenAnswer(PartySession session, PartyQuery query, QueryAnswered answer, ReadOnlyMemory<byte> body)
    {
        try
        {
            var bound = new BoundQuery(Query.Parse(query.Text), SchemaOf(session));
            var columns = bound.Groupings.Select(grouping => grouping.Column).ToArray();
            if (answer.MinCell < session.MinCell || (session.MinCell == 1 && answer.MinCell == 1 && !answer.Complete) || answer.Groups is < 0 or > TokenEngine.MaximumGroups || body.Length > EncryptedBatch.MaximumAnswerBytes)
            {
                throw new InvalidDataException("it does not fit the session");
            }

            using var shared = Home.SharedKeyWith(PinnedPeer(session));
            using var keys = new TokenKeys(shared, session.Transcript);
            var ciphers = columns.Select(column => keys.ValueCipher(column.Party, column.Name)).ToArray();
            try
            {
                var path = Path.Combine(Home.SessionPath(session.Id), $"answer-{query.Id}.parquet");
                AtomicFile.Write(path, body.ToArray());
                var rows = ParquetInspection.ReadAnswer(path, columns.Length, answer.Groups);
                File.Delete(path);
                var groups = Array.ConvertAll(rows, row => new TokenGroup(
                    [.. row.Labels.Select((label, i) => ciphers[i].TryDecrypt(label, out var value) ? value : throw new InvalidDataException("a label is not encrypted under the session's keys"))],
                    row.Count));
                if (groups.Any(group => group.Count < answer.MinCell))
                {
                    throw new InvalidDataException("its counts break the minimum cell size");
                }

                // Every joined row is in one group at most, and in exactly one where nothing is kept back.
                var released = groups.Sum(group => group.Count);
                if (released > session.IntersectionSize || (answer.Complete && bound.Where.Count == 0 && released != session.IntersectionSize))
                {
                    throw new InvalidDataException("its counts do not add up to the rows of the join");
                }

                if (groups.Select(group => LabelKey.Of(group.Labels)).Distinct(StringComparer.Ordinal).Count() != groups.Length)
                {
                    throw new InvalidDataException("it names a group twice");
                }

                return query with { Result = ResultOf(session, query, bound, new TokenTable(bound, groups, answer.Complete), answer.MinCell) };
            }
            finally
            {
                Array.ForEach(ciphers, cipher => cipher.Dispose());
            }
        }
        catch (ParticipantException exception)
        {
            return query with { FailureCode = exception.Code, FailureReason = exception.Message };
        }
        catch (QueryException exception)
        {
            return query with { FailureCode = exception.Code, FailureReason = exception.Message };
        }
        catch (InvalidDataException exception)
        {
            return query with { FailureCode = FailureCodes.Malformed, FailureReason = $"{session.Linker}'s answer is refused: {exception.Message}" };
        }
    }

    /// <summary>A session that ends leaves nobody waiting.</summary>
    private void AnswerOpenQueries(IStoreTransaction transaction, string session, string code, string reason)
    {
        foreach (var (_, document) in transaction.ListDocuments(QueryDocument, session))
        {
            var query = JsonSerializer.Deserialize(document, SessionJson.Default.PartyQuery)!;
            if (query.Session == session && query.Result is null && query.FailureCode is null)
            {
                PutQuery(transaction, query with { FailureCode = code, FailureReason = reason });
                Reply(transaction, query.ReplyTo, query.Id, new CommandReply(false, session, code, $"the session ended: {reason}"));
            }
        }
    }

    /// <summary>The stored answer to a query.</summary>
    public static QueryResult? FindAnswer(IStoreTransaction transaction, string queryId) =>
        transaction.FindDocument(QueryDocument, queryId) is { } document ? JsonSerializer.Deserialize(document, SessionJson.Default.PartyQuery)!.Result : null;

    private static void PutQuery(IStoreTransaction transaction, PartyQuery query) =>
        transaction.PutDocument(QueryDocument, query.Id, JsonSerializer.Serialize(query, SessionJson.Default.PartyQuery), query.Session);

    /// <summary>Whether an id is that of a question asked in a session.</summary>
    internal static bool IsQuestionOf(IStoreTransaction transaction, string session, string id) =>
        transaction.FindDocument(QueryDocument, id) is { } document && JsonSerializer.Deserialize(document, SessionJson.Default.PartyQuery)!.Session == session;

    [LoggerMessage(EventId = 211, Level = LogLevel.Warning, Message = "Session {Session}: {Linker} confirms rows that were not sent")]
    private partial void LogUnaskedNews(string session, string linker);

    [LoggerMessage(EventId = 210, Level = LogLevel.Information, Message = "Session {Session}: query {Query}, {Groups} groups, {Outcome}")]
    private partial void LogAnswered(string session, string query, int groups, string outcome);
}
