using Microsoft.Extensions.Logging;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Linker;

/// <summary>
/// The linker at work. With engine <c>tokens</c> it stores both parties' encrypted rows, joins them, counts groups of ciphertexts, withholds small counts, and tells the
/// other party of every question; it sees the sizes, the equality pattern of each column inside a session, and the counts. With engine <c>masked</c> it multiplies masked
/// matrices and sees their sizes. It never has a key.
/// </summary>
public sealed partial class LinkerEngine : ParticipantEngine
{
    private const string TokensEngine = "tokens";
    private const string MaskedEngine = "masked";
    private const int MaximumColumns = 1000;
    private const int MaximumQueryColumns = 64;
    private const int MaximumFilterValues = 1000;
    private const long QueryMemoryBytes = 512L << 20;

    private readonly ILogger _log;

    public LinkerEngine(ParticipantHome home, IParticipantStore store, IEnvelopeSender sender, TimeProvider time, ILogger<LinkerEngine> log)
        : base(home, store, sender, time, log) => _log = log;

    /// <inheritdoc/>
    protected override void Accept(Envelope envelope, ParticipantCard sender)
    {
        var (header, id) = (envelope.Header, envelope.Header.Session);
        var slot = envelope.Message switch
        {
            RegisterDataset => $"register/{header.From}",
            DatasetBatch batch => $"batch/{header.From}/{batch.Sequence:D8}",
            RunQuery query => $"query/{header.From}/{query.QueryId}",
            OpenProduct product => $"open/{header.From}/{product.QueryId}",
            MaskedRows rows => $"masked/{header.From}/{rows.QueryId}/{rows.Sequence:D8}",
            MaskedCorrection correction => $"correction/{header.From}/{correction.QueryId}",
            WithdrawQuery withdrawal => $"withdraw/{header.From}/{withdrawal.QueryId}",
            AbortSession => $"abort/{header.From}",
            _ => null,
        };
        if (slot is null || id is null || sender.Role != ParticipantRole.Party || header.From == Home.Name)
        {
            throw new RejectedEnvelopeException($"{header.From} may not send a {header.Type} message to a linker");
        }

        if (envelope.Message is MaskedRows masked && TakeRows(id, envelope, masked))
        {
            Pump.Signal(id);
            return;
        }

        if (SessionIdOf(envelope.Message) != id)
        {
            throw new RejectedEnvelopeException("the message names another session than its envelope");
        }

        if (envelope.Message is RegisterDataset request)
        {
            RequireRegistration(header.From, request);
        }

        Store.Write(transaction =>
        {
            var session = transaction.FindSession(id) is { } stored ? LinkSession.Parse(stored) : null;
            if (session is not null && !session.IsPartOf(header.From))
            {
                throw new RejectedEnvelopeException($"{header.From} has no part in this session");
            }

            if (session is null && transaction.IsForgotten(id))
            {
                throw new RejectedEnvelopeException("a session of that id has ended long ago");
            }

            if (envelope.Message is RunQuery or RegisterDataset && OtherOf(session, envelope) is { } other && Home.InboxOf(other) is { } unread && transaction.CountOutgoing(unread) >= PartyBounds.UnreadMessages)
            {
                // Each of these is told to the other party: without end, if it reads nothing. Nobody may wait for what does not come.
                var reason = $"{other} has not read the {PartyBounds.UnreadMessages:N0} messages that wait for it at {Home.Name}; is its worker running?";
                if (envelope.Message is RunQuery { QueryId: var query } && !ParticipantNames.IsId(query))
                {
                    throw new RejectedEnvelopeException($"{header.From} sent a question whose id is none");
                }

                Send(transaction, header.From, id, envelope.Message is RunQuery asked ? new QueryRefused(id, asked.QueryId, FailureCodes.WrongState, reason) : new AbortSession(id, FailureCodes.WrongState, reason));
                return;
            }

            session ??= Begin(transaction, id, header.From, envelope.Message);
            if (session is null)
            {
                return;
            }

            if (envelope.Message is RegisterDataset { Peer: var partner } && session is { Partner: null, Ended: false })
            {
                session = session with { Opener = header.From, Partner = partner };
                transaction.PutSession(session.ToStored());
            }

            if (session.Ended && envelope.Message is DatasetBatch or MaskedRows or MaskedCorrection or OpenProduct or WithdrawQuery)
            {
                return;
            }

            if (envelope.Message is MaskedCorrection or OpenProduct
                && session.EndedProducts.Contains(envelope.Message is OpenProduct { QueryId: var opened } ? opened : ((MaskedCorrection)envelope.Message).QueryId))
            {
                return;
            }

            if (!PartyBounds.MayWait(transaction, session, envelope, Time.GetUtcNow()))
            {
                throw new RejectedEnvelopeException($"{header.From} sent a {header.Type} message that nothing waits for, or more than may wait here");
            }

            var put = transaction.PutInbound(id, slot, envelope.HeaderHash, envelope.Frame.ToArray(), PartyBounds.CountsFor(transaction, session, envelope));
            if (put == InboundResult.Altered && !session.Ended)
            {
                Fail(transaction, session, FailureCodes.AlteredRepeat, $"{header.From} sent a {header.Type} message twice with different content");
            }
        });
        Outbox.Signal();
        Pump.Signal(id);
    }

    /// <summary>
    /// What becomes of a message for a session that is not here. Only a registration opens one; batches that overtook theirs wait for it, a few of them and not long. Nothing
    /// else could ever be used.
    /// </summary>
    private LinkSession? Begin(IStoreTransaction transaction, string id, string from, object message)
    {
        var now = Time.GetUtcNow();
        switch (message)
        {
            case RegisterDataset or DatasetBatch or AbortSession when transaction.CountForgotten(from) >= PartyBounds.ForgottenSessions:
                throw new RejectedEnvelopeException($"{from} has had {PartyBounds.ForgottenSessions:N0} sessions here, and may open no more");
            case RegisterDataset when transaction.CountSessions(from, openOnly: true) + CountUnregistered(transaction, from) < PartyBounds.OpenSessions:
            case DatasetBatch when CountUnregistered(transaction, from) < PartyBounds.UnregisteredSessions:
                var session = new LinkSession { Id = id, CreatedAt = now, Opener = from };
                transaction.PutSession(session.ToStored());
                return session;
            case AbortSession when transaction.CountSessions(from, openOnly: false) < PartyBounds.OpenSessions + PartyBounds.EndedSessions + PrunedAtOnce:
                // It overtook the registration it ends, which must find the session ended when it comes.
                transaction.PutSession(new LinkSession { Id = id, CreatedAt = now, EndedAt = now, Opener = from, Ended = true, IsCleaned = true }.ToStored());
                return null;
            case RunQuery query when ParticipantNames.IsId(query.QueryId) && Home.InboxOf(from) is { } inbox && transaction.CountOutgoing(inbox) < PartyBounds.WaitingMessages:
                Send(transaction, from, id, new QueryRefused(id, query.QueryId, FailureCodes.UnknownSession, "the linker has no such session"));
                return null;
            case OpenProduct or MaskedRows or MaskedCorrection or WithdrawQuery:
                // Its session was never registered here, or the linker's state is gone: nobody could use it.
                return null;
            case RegisterDataset:
                // Nobody may wait for what does not come.
                if (Home.InboxOf(from) is { } waiting && transaction.CountOutgoing(waiting) < PartyBounds.WaitingMessages)
                {
                    Send(transaction, from, id, new AbortSession(id, FailureCodes.WrongState, $"{from} has {PartyBounds.OpenSessions:N0} open sessions at {Home.Name}; end some with: psi cancel SESSION"));
                }

                return null;
            default:
                throw new RejectedEnvelopeException($"{from} sends rows of more sessions that are not registered here than may wait");
        }
    }

    private static string? OtherOf(LinkSession? session, Envelope envelope) => envelope.Message is RegisterDataset register ? register.Peer
        : session is { Registrations: [var first, ..] } ? (first.Party == envelope.Header.From ? first.Peer : first.Party) : null;

    private static int CountUnregistered(IStoreTransaction transaction, string party) => transaction.CountSessions(LinkSession.Unregistered(party), openOnly: true);

    /// <summary>The other party of a registration, to whom the linker will write, is one that it has pinned as a party, by its very name. What else it says is judged later, and answered.</summary>
    private void RequireRegistration(string from, RegisterDataset request)
    {
        if (Home.InboxOf(request.Peer, ParticipantRole.Party) is null || request.Peer == from)
        {
            throw new RejectedEnvelopeException($"{from} registers rows with a party that this linker has not pinned");
        }
    }

    private static string? SessionIdOf(object message) => message switch
    {
        RegisterDataset register => register.SessionId,
        DatasetBatch batch => batch.SessionId,
        RunQuery query => query.SessionId,
        OpenProduct open => open.SessionId,
        MaskedRows rows => rows.SessionId,
        MaskedCorrection correction => correction.SessionId,
        WithdrawQuery withdrawal => withdrawal.SessionId,
        AbortSession abort => abort.SessionId,
        _ => null,
    };

    /// <inheritdoc/>
    protected override bool NeedsCleanUp(string state, string folder) => state is "Deleted" or "Failed";

    /// <inheritdoc/>
    protected override Task<bool> StepAsync(string id, CancellationToken cancellation)
    {
        if (Store.Read(transaction => transaction.FindSession(id)) is not { } stored)
        {
            return Task.FromResult(false);
        }

        var session = LinkSession.Parse(stored);
        try
        {
            return Task.FromResult(CleanUp(session) || HandleAbort(session) || HandleRegistration(session) || HandleBatch(session) || HandleQuery(session) || HandleProducts(session));
        }
        catch (InvalidDataException exception)
        {
            FailNow(session, FailureCodes.BadBatch, exception.Message);
        }
        catch (ParticipantException exception)
        {
            FailNow(session, exception.Code, exception.ForPeer);
        }

        return Task.FromResult(true);
    }

    private bool HandleAbort(LinkSession session) => Store.Write(transaction =>
    {
        if (transaction.Pending(session.Id, "abort/", 1) is not [var pending])
        {
            return false;
        }

        transaction.Finish(session.Id, pending.Slot);
        if (!session.Ended)
        {
            End(transaction, session);
            Audit.Append(transaction, "session-deleted", ("session", session.Id));
        }

        return true;
    });

    private bool HandleRegistration(LinkSession session)
    {
        if (Store.Read(transaction => transaction.Pending(session.Id, "register/", 1)) is not [var pending])
        {
            return false;
        }

        var envelope = Envelope.Parse(pending.Frame);
        var request = (RegisterDataset)envelope.Message;
        var from = envelope.Header.From;
        if (session.Ended)
        {
            Store.Write(transaction =>
            {
                transaction.Finish(session.Id, pending.Slot);
                Send(transaction, from, session.Id, new AbortSession(session.Id, session.FailureCode ?? FailureCodes.WrongState, session.FailureReason ?? "the session was ended"));
            });
            Outbox.Signal();
            return true;
        }

        if (request.Transcript.Length != 32 || request.Rows < 0 || request.MinCell is < 1 or > 1_000_000 || request.Columns.Count > MaximumColumns
            || request.Columns.Any(token => !ParticipantNames.IsId(token)) || request.Columns.Distinct(StringComparer.Ordinal).Count() != request.Columns.Count)
        {
            throw new ParticipantException(FailureCodes.Malformed, $"{from}'s registration has a field out of its range");
        }

        if (request.Rows > Home.Config.MaximumPeerSet)
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"{from} announces {request.Rows:N0} rows; {Home.Name} takes {Home.Config.MaximumPeerSet:N0} at most (maximumPeerSet in psi.json)");
        }

        if (request.Engine is not (TokensEngine or MaskedEngine) || (request.Engine == MaskedEngine && request.Columns.Count > 0))
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"{from} asks for an engine this linker does not have");
        }

        if (session.Registrations is [var other] && (request.Peer != other.Party || from != other.Peer || !request.Transcript.AsSpan().SequenceEqual(other.Transcript)
            || request.Engine != other.Engine || request.Rows != other.Rows))
        {
            throw new ParticipantException(FailureCodes.RegistrationMismatch, "the two parties' registrations disagree on the peer, the transcript, the engine or the number of rows");
        }

        Change(session, transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            // With engine masked no rows follow: there is nothing to wait for.
            var complete = request.Engine == MaskedEngine;
            var registration = new Registration(from, request.Peer, request.Transcript, request.Engine, request.MinCell, request.Rows, request.Columns) { Complete = complete };
            transaction.PutSession((session with { Registrations = [.. session.Registrations, registration] }).ToStored());
            Audit.Append(transaction, "registration-opened", ("session", session.Id), ("party", from), ("rows", request.Rows), ("columns", request.Columns.Count), ("minCell", request.MinCell));
            if (complete)
            {
                foreach (var party in new[] { from, request.Peer })
                {
                    Send(transaction, party, session.Id, new DatasetRegistered(session.Id, from, request.Rows));
                }
            }
        });
        Outbox.Signal();
        LogRegistered(session.Id, from, request.Rows);
        return true;
    }

    private bool HandleBatch(LinkSession session)
    {
        var pending = session.Registrations.Select(registration => Store.Read(transaction => transaction.Pending(session.Id, $"batch/{registration.Party}/", 1)).FirstOrDefault())
            .FirstOrDefault(message => message is not null);
        if (pending is null)
        {
            return false;
        }

        var envelope = Envelope.Parse(pending.Frame);
        var batch = (DatasetBatch)envelope.Message;
        var registration = session.Registrations.Single(candidate => candidate.Party == envelope.Header.From);
        if (session.Ended)
        {
            Store.Write(transaction => transaction.Finish(session.Id, pending.Slot));
            return true;
        }

        if (batch.SessionId != session.Id || batch.Sequence < 0 || registration.Complete || registration.LastSequence < batch.Sequence || (batch.Last && registration.LastSequence is not null)
            || batch.Rows > registration.Rows - registration.Received || (batch.Rows == 0 && !batch.Last))
        {
            throw new ParticipantException(FailureCodes.BadBatch, $"{registration.Party} sent a batch that does not fit its registration");
        }

        if (envelope.Body.Length > EncryptedBatch.MaximumBodyBytes || batch.Rows > EncryptedBatch.MaximumRows)
        {
            throw new ParticipantException(FailureCodes.BadBatch, $"{registration.Party} sent a batch larger than allowed");
        }

        // The file stands under its name, where a query would find it, only once it was checked.
        var folder = FolderOf(session.Id, registration.Party);
        PrivateFile.CreateFolder(folder);
        var arrived = Path.Combine(folder, $"{batch.Sequence:D8}.unchecked");
        AtomicFile.Write(arrived, envelope.Body.ToArray());
        BatchTokens span;
        try
        {
            span = ParquetInspection.CheckBatch(arrived, registration.Columns, batch.Rows);
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException($"{registration.Party}, batch {batch.Sequence}: {exception.Message}", exception);
        }

        AtomicFile.Rename(arrived, Path.Combine(folder, $"{batch.Sequence:D8}.parquet"));
        var updated = registration with
        {
            Received = registration.Received + batch.Rows,
            Batches = new Dictionary<int, BatchSpan>(registration.Batches) { [batch.Sequence] = new(batch.Rows, span.First, span.Last) },
            LastSequence = batch.Last ? batch.Sequence : registration.LastSequence,
        };
        var complete = updated.LastSequence is { } last && updated.Batches.Count == last + 1;
        if (complete)
        {
            CheckWhole(updated);
        }

        updated = updated with { Complete = complete };
        var next = session with { Registrations = [.. session.Registrations.Select(candidate => candidate.Party == updated.Party ? updated : candidate)] };
        if (next.State == "Ready")
        {
            CheckJoin(next);
        }

        Change(session, transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            transaction.PutSession(next.ToStored());
            if (complete)
            {
                foreach (var party in new[] { registration.Party, registration.Peer })
                {
                    Send(transaction, party, session.Id, new DatasetRegistered(session.Id, registration.Party, registration.Rows));
                }

                Audit.Append(transaction, "rows-registered", ("session", session.Id), ("party", registration.Party), ("rows", registration.Rows));
            }
        });
        Outbox.Signal();
        if (complete)
        {
            LogComplete(session.Id, registration.Party, registration.Rows);
        }

        return true;
    }

    /// <summary>All batches are here: the rows must add up, and the row tokens ascend across batches, so that none can repeat.</summary>
    private static void CheckWhole(Registration registration)
    {
        byte[]? previous = null;
        for (var sequence = 0; sequence <= registration.LastSequence; sequence++)
        {
            var batch = registration.Batches[sequence];
            if (batch.Rows > 0)
            {
                if (previous is not null && previous.AsSpan().SequenceCompareTo(batch.First) >= 0)
                {
                    throw new ParticipantException(FailureCodes.BadBatch, $"{registration.Party}'s row tokens repeat or are not sorted across batches");
                }

                previous = batch.Last;
            }
        }

        if (registration.Received != registration.Rows)
        {
            throw new ParticipantException(FailureCodes.BadBatch, $"{registration.Party} sent {registration.Received} rows where {registration.Rows} were announced");
        }
    }

    /// <summary>Both parties sent the rows of one intersection: they must join completely, or the parties' keys differ.</summary>
    private void CheckJoin(LinkSession session)
    {
        var (left, right) = (session.Registrations[0], session.Registrations[1]);
        var joined = TokenEngine.JoinSize(TableOf(session.Id, left), TableOf(session.Id, right));
        if (joined != left.Rows)
        {
            throw new ParticipantException(FailureCodes.SharedKeyMismatch,
                $"the rows of {left.Party} and {right.Party} do not join ({joined} of {left.Rows}): the two parties encrypted them under different keys");
        }
    }

    private bool HandleQuery(LinkSession session)
    {
        if (Store.Read(transaction => transaction.Pending(session.Id, "query/", 1)) is not [var pending])
        {
            return false;
        }

        var envelope = Envelope.Parse(pending.Frame);
        var query = (RunQuery)envelope.Message;
        var asker = envelope.Header.From;
        var start = Time.GetTimestamp();
        object answer;
        byte[] body = [];
        try
        {
            (answer, body) = Run(session, query, asker);
        }
        catch (ParticipantException exception)
        {
            answer = new QueryRefused(session.Id, query.QueryId, exception.Code, exception.Message);
        }
        catch (Exception exception)
        {
            // A query that fails, for want of memory or disk say, fails alone: the rows stay.
            LogStepFault(exception, session.Id);
            answer = new QueryRefused(session.Id, query.QueryId, FailureCodes.Internal, "the linker could not compute the answer; its log says why");
        }

        var outcome = answer is QueryRefused refused ? refused.Code : "answered";
        Store.Write(transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            Send(transaction, asker, session.Id, answer, body);
            var other = session.Registrations.FirstOrDefault(registration => registration.Party == asker)?.Peer;
            if (other is not null)
            {
                Send(transaction, other, session.Id, new QueryAsked(session.Id, query.QueryId, asker, [.. query.Columns.Take(MaximumQueryColumns)], outcome));
            }

            Audit.Append(transaction, "query-run", ("session", session.Id), ("query", query.QueryId), ("asker", asker), ("columns", query.Columns.Count),
                ("groups", (answer as QueryAnswered)?.Groups), ("outcome", outcome));
        });
        Outbox.Signal();
        LogQuery(session.Id, query.QueryId, outcome, Time.GetElapsedTime(start).TotalSeconds);
        return true;
    }

    private (object Answer, byte[] Body) Run(LinkSession session, RunQuery query, string asker)
    {
        if (session.Ended)
        {
            throw new ParticipantException(FailureCodes.WrongState, $"the session has ended{(session.FailureReason is null ? "" : $": {session.FailureReason}")}");
        }

        if (session.State != "Ready")
        {
            throw new ParticipantException(FailureCodes.NotRegistered, "not both parties' rows are registered");
        }

        if (!ParticipantNames.IsId(query.QueryId) || query.Columns.Count > MaximumQueryColumns || query.Columns.Distinct().Count() != query.Columns.Count
            || query.Filters is { } conditions && (conditions.Count > MaximumQueryColumns || conditions.Any(filter => filter.Values.Count is < 1 or > MaximumFilterValues || filter.Values.Any(value => value.Length > ParquetInspection.MaximumCellBytes))))
        {
            throw new ParticipantException(FailureCodes.BadQuery, "a query has up to 64 columns, each once, and up to 64 filters of 1 to 1,000 values");
        }

        var (left, right) = (session.Registrations[0], session.Registrations[1]);
        if (left.Engine != TokensEngine)
        {
            throw new ParticipantException(FailureCodes.EngineCannot, "the session's engine does not count ciphertexts");
        }

        (bool Right, string Token) Find(string party, string column) =>
            party == left.Party && left.Columns.Contains(column) ? (false, column)
            : party == right.Party && right.Columns.Contains(column) ? (true, column)
            : throw new ParticipantException(FailureCodes.UnknownColumn, "a queried column is not registered");
        var columns = query.Columns.Select(column => Find(column.Party, column.Column)).ToArray();
        var filters = (query.Filters ?? []).Select(filter => Find(filter.Party, filter.Column) is var found ? new CiphertextFilter(found.Right, found.Token, filter.Values, filter.Keep) : null!).ToArray();
        var path = Path.Combine(Home.SessionPath(session.Id), $"answer-{query.QueryId}.parquet");
        var minCell = Math.Max(left.MinCell, right.MinCell);
        try
        {
            var outcome = TokenEngine.Count(TableOf(session.Id, left), TableOf(session.Id, right), columns, minCell, asker == right.Party, path, QueryMemoryBytes, filters);
            var body = File.ReadAllBytes(path);
            return body.Length <= EncryptedBatch.MaximumAnswerBytes
                ? (new QueryAnswered(session.Id, query.QueryId, outcome.Groups, minCell, outcome.IsComplete), body)
                : throw new ParticipantException(FailureCodes.TooManyGroups, $"the answer of {outcome.Groups:N0} groups is too long for one message; ask by fewer or coarser columns");
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

    /// <summary>Changes a session in a transaction, unless it was ended on another thread meanwhile.</summary>
    private void Change(LinkSession session, Action<IStoreTransaction> change) => Store.Write(transaction =>
    {
        if (!LinkSession.Parse(transaction.FindSession(session.Id)!).Ended)
        {
            change(transaction);
        }
    });

    private TokenRows TableOf(string session, Registration registration) => new(FolderOf(session, registration.Party));

    private string FolderOf(string session, string party) => Path.Combine(Home.SessionPath(session), party.ToLowerInvariant());

    private void FailNow(LinkSession session, string code, string reason)
    {
        Store.Write(transaction =>
        {
            var current = LinkSession.Parse(transaction.FindSession(session.Id)!);
            if (!current.Ended)
            {
                // A registration that was refused is not in the session yet; its sender is told as well.
                var senders = transaction.Pending(session.Id, "register/", 10).Select(pending => Envelope.Parse(pending.Frame).Header.From);
                Fail(transaction, current, code, reason, senders);
            }
        });
        Outbox.Signal();
    }

    private void Fail(IStoreTransaction transaction, LinkSession session, string code, string reason, IEnumerable<string>? alsoTell = null)
    {
        foreach (var party in session.Registrations.SelectMany(registration => new[] { registration.Party, registration.Peer }).Concat(alsoTell ?? []).Distinct(StringComparer.Ordinal))
        {
            if (Home.FindCard(party) is not null)
            {
                Send(transaction, party, session.Id, new AbortSession(session.Id, code, reason));
            }
        }

        End(transaction, session with { FailureCode = code, FailureReason = reason });
        Audit.Append(transaction, "session-failed", ("session", session.Id), ("code", code));
        LogFailed(session.Id, code, reason);
    }

    /// <summary>Forgets a session's rows.</summary>
    private void End(IStoreTransaction transaction, LinkSession session)
    {
        transaction.DropRounds(session.Id);
        transaction.PutSession((session with { Ended = true, EndedAt = Time.GetUtcNow(), Products = new Dictionary<string, LinkProduct>() }).ToStored());
        Pump.Signal(session.Id);
    }

    /// <summary>Deletes an ended session's rows, after its end is on disk, and again at the next start if need be.</summary>
    private bool CleanUp(LinkSession session)
    {
        var folder = Home.SessionPath(session.Id);
        if (session is { Ended: true, IsCleaned: false })
        {
            foreach (var key in _products.Keys.Where(key => key.Session == session.Id))
            {
                Drop(key);
            }

            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }

            // Until this is on disk the session stays open, so that a clean-up that failed is tried again.
            Store.Write(transaction =>
            {
                if (transaction.FindSession(session.Id) is { } stored)
                {
                    transaction.PutSession((LinkSession.Parse(stored) with { IsCleaned = true }).ToStored());
                }
            });
            return true;
        }

        return false;
    }

    /// <inheritdoc/>
    protected override void OnTick()
    {
        // A linker has no deadlines of its own: the parties end their sessions. Only what never became a session is given up.
        var now = Time.GetUtcNow();
        foreach (var id in Store.Read(transaction => transaction.DueSessions(now, PrunedAtOnce)))
        {
            Store.Write(transaction =>
            {
                if (transaction.FindSession(id) is not { } stored)
                {
                    return;
                }

                var session = LinkSession.Parse(stored);
                if (session is { Ended: false, Registrations.Count: 0 } && transaction.PendingSlots(id, "register/").Count == 0 && now > session.CreatedAt + PartyBounds.UnregisteredAge)
                {
                    // Its id is not remembered: the registration may only be late.
                    transaction.DeleteSession(id, remember: false);
                }
                else if (session is { Ended: false, Registrations.Count: 1 } && now > session.CreatedAt + PartyBounds.HalfRegisteredAge)
                {
                    Fail(transaction, session, FailureCodes.Deadline, $"{session.Registrations[0].Peer} has not registered for {PartyBounds.HalfRegisteredAge.TotalDays:0} days");
                }
                else
                {
                    transaction.PutSession(session.ToStored());
                }
            });
        }

    }

    /// <inheritdoc/>
    protected override (TimeSpan Age, int Sessions) Kept => (PartyBounds.EndedAge, PartyBounds.EndedSessions);

    /// <inheritdoc/>
    protected override void OnStepFault(string session, Exception exception)
    {
        LogStepFault(exception, session);
        if (exception is IOException or System.Data.Common.DbException)
        {
            // It may pass: the next tick tries again.
            return;
        }

        if (Store.Read(transaction => transaction.FindSession(session)) is { } stored && LinkSession.Parse(stored) is { Ended: false } open)
        {
            FailNow(open, FailureCodes.Internal, $"{Home.Name} could not go on: {exception.GetType().Name}; its log says more");
        }
    }

    [LoggerMessage(EventId = 300, Level = LogLevel.Information, Message = "Session {Session}: {Party} registers {Rows} rows")]
    private partial void LogRegistered(string session, string party, int rows);

    [LoggerMessage(EventId = 301, Level = LogLevel.Information, Message = "Session {Session}: all {Rows} rows of {Party} are here")]
    private partial void LogComplete(string session, string party, int rows);

    [LoggerMessage(EventId = 302, Level = LogLevel.Information, Message = "Session {Session}: query {Query} {Outcome} in {Seconds:F3} s")]
    private partial void LogQuery(string session, string query, string outcome, double seconds);

    [LoggerMessage(EventId = 303, Level = LogLevel.Warning, Message = "Session {Session}: failed, {Code}: {Reason}")]
    private partial void LogFailed(string session, string code, string reason);

    [LoggerMessage(EventId = 304, Level = LogLevel.Error, Message = "Session {Session}: a step failed")]
    private partial void LogStepFault(Exception exception, string session);
}
