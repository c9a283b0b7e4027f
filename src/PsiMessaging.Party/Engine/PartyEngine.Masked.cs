using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Analytics.Tokens;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Data.Keys;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Party.Engine;

/// <content>
/// Engine <c>masked</c>: queries to which both parties contribute masked matrices (docs/masked.md). One own query of a session runs at a time, so that mask counters reach
/// the peer in order.
/// </content>
public sealed partial class PartyEngine
{
    private const string MaskedDocument = "masked-query";
    private const int MaximumPad = 100;
    private const int DefaultQuerySeconds = 600;
    /// <summary>Highest mask counter: a peer that reports a higher one is not believed.</summary>
    private const long MaximumCounter = 1L << 40;
    /// <summary>Most by which a peer's report may raise the own counter: more would use it up.</summary>
    private const long MaximumCounterStep = 1_000_000;
    /// <summary>Questions of both parties that may be at work in a session; a peer's beyond them wait.</summary>
    private const int MaximumOpenQuestions = 32;
    /// <summary>Questions of a peer that may wait in a session.</summary>
    private const int MaximumWaitingQuestions = 16;
    /// <summary>A question with what is announced about 1,000 groups or columns.</summary>
    private const int MaximumProposalBytes = 1 << 17;
    /// <summary>Labels of 1,000 groups.</summary>
    private const int MaximumLabelBytes = 8 << 20;
    /// <summary>Batches made in one step, stored in one transaction.</summary>
    private const int BatchesPerStep = 4;
    private const string WithheldKeyName = "withheld.key";

    private readonly Dictionary<(string Session, string Query), ActiveContribution> _contributions = [];
    /// <summary>Own sides of questions that the peer has not accepted yet.</summary>
    private readonly Dictionary<(string Session, string Query), PartyMatrix> _prepared = [];
    private readonly List<(string Session, ActiveContribution Contribution)> _retiredContributions = [];

    /// <summary>Bounds what a peer can have us store about queries.</summary>
    private static bool MayBeAsked(IStoreTransaction transaction, PartySession session, Envelope envelope) => session.Engine == SessionRules.Masked && envelope.Message switch
    {
        ProposeQuery proposal => ParticipantNames.IsId(proposal.QueryId) && proposal.Counter is > 0 and <= MaximumCounter && proposal.DeadlineSeconds is >= 1 and <= MaximumDeadlineSeconds
            && envelope.Body.Length <= MaximumProposalBytes && transaction.PendingSlots(session.Id, "ask/").Count < MaximumWaitingQuestions,
        AcceptQuery acceptance => IsOwnProposed(transaction, session, acceptance.QueryId) && envelope.Body.Length <= MaximumLabelBytes,
        RefuseQuery refusal => IsOwnProposed(transaction, session, refusal.QueryId) && refusal.HighestCounter is >= 0 and <= MaximumCounter && envelope.Body.Length <= MaximumProposalBytes,
        WithdrawQuery withdrawal => ParticipantNames.IsId(withdrawal.QueryId) && envelope.Body.Length == 0 && transaction.PendingSlots(session.Id, "withdraw/").Count < MaximumWaitingQuestions,
        _ => false,
    };

    /// <summary>Whether an own question waits for the peer's word. The peer's own questions take no answer from it.</summary>
    private static bool IsOwnProposed(IStoreTransaction transaction, PartySession session, string query) =>
        session.OpenQueries.Contains(query) && FindMasked(transaction, query) is { Stage: MaskedStage.Proposed } known && known.Session == session.Id && known.Asker != session.Peer;

    // ---- Standing ready ----------------------------------------------------------------------------------------------------------------

    /// <summary>With engine masked nothing is sent before a question: the common rows are put in order here, and the linker learns their number.</summary>
    private async Task<bool> StandReadyAsync(PartySession session)
    {
        var folder = Home.SessionPath(session.Id);
        if (!AlignedRows.Exists(folder))
        {
            await AlignAsync(session, folder);
        }

        var rows = AlignedRows.Open(folder).Rows;
        if (rows != session.IntersectionSize)
        {
            throw new ParticipantException(FailureCodes.UnusableDataset, $"the stored result of session {session.Id} does not fit the dataset {session.Dataset}; open another session");
        }

        var key = Path.Combine(folder, WithheldKeyName);
        if (!File.Exists(key))
        {
            using var secret = SecretBytes.Random(32);
            AtomicFile.Write(key, secret.Span);
        }

        var columns = DescribedColumns(session);
        Change(session, transaction =>
        {
            Send(transaction, session.Peer, session.Id, new AnnounceColumns(session.Id, session.Transcript, columns));
            Send(transaction, session.Linker, session.Id, new RegisterDataset(session.Id, session.Transcript, session.Peer, session.Engine, session.MinCell, rows, []));
            Audit.Append(transaction, "questions-allowed", ("session", session.Id), ("linker", session.Linker), ("rows", rows), ("columns", columns.Length));
            return session with { OwnColumns = columns, Registration = RegistrationState.Sent };
        });
        return true;
    }

    private async Task AlignAsync(PartySession session, string folder)
    {
        var dataset = OwnDataset(session);
        var matched = MatchedRows.Read(folder);
        using var shared = Home.SharedKeyWith(PinnedPeer(session));
        using var keys = new TokenKeys(shared, session.Transcript);
        using var builder = new AlignedRowsBuilder(dataset.Described, SessionScratch(session, "aligned"), dataset.Texts);
        using var rows = Datasets.OpenRows(dataset);
        var keyColumns = DatasetFile.FindColumns(dataset.Name, rows.Columns, dataset.Key);
        var indices = DatasetFile.FindColumns(dataset.Name, rows.Columns, [.. dataset.Described.Select(column => column.Name)]);
        var canonicalizer = dataset.NewCanonicalizer();
        for (var row = 0; rows.Read(); row++)
        {
            if (matched[row])
            {
                IdentifierSet.TryRead(rows, keyColumns, canonicalizer);
                builder.Add(keys.RowToken(canonicalizer.Current), rows, indices);
            }
        }

        await builder.WriteAsync(folder);
    }

    /// <summary>What was kept for questions goes with the session.</summary>
    private static void ForgetAligned(string folder)
    {
        if (Directory.Exists(folder))
        {
            AtomicFile.Destroy(Path.Combine(folder, WithheldKeyName));
            Array.ForEach(Directory.GetFiles(folder, "aligned.*"), File.Delete);
        }
    }

    // ---- The asking party --------------------------------------------------------------------------------------------------------------

    private void BeginMasked(IStoreTransaction transaction, PartySession session, PartyQuery asked, SubmitQuery query)
    {
        // The counter is on disk before anything is masked under it.
        var counter = session.OwnMaskCounter + 1;
        PutMasked(transaction, new MaskedQuery(asked.Id, session.Id, Home.Name, query.Text, counter, query.Pad ?? 1,
            Time.GetUtcNow().AddSeconds(query.DeadlineSeconds ?? DefaultQuerySeconds), MaskedStage.Preparing));
        Put(transaction, session with { OwnMaskCounter = counter, OpenQueries = [.. session.OpenQueries, asked.Id] });
    }

    /// <summary>Does one piece of work on the session's open queries.</summary>
    private async Task<bool> AdvanceQueriesAsync(PartySession session)
    {
        await DisposeRetiredAsync(session.Id);
        if (session.Engine != SessionRules.Masked)
        {
            return false;
        }

        if (TakeWithdrawal(session) || await TakeProposalAsync(session))
        {
            return true;
        }

        var queries = session.OpenQueries.Select(FindMasked).OfType<MaskedQuery>().Where(query => query.Session == session.Id).ToArray();
        var running = Array.Find(queries, query => query.Asker == Home.Name && query.Stage is MaskedStage.Proposed or MaskedStage.Contributing or MaskedStage.Contributed);
        foreach (var query in queries)
        {
            try
            {
                var worked = query.Stage switch
                {
                    MaskedStage.Preparing when running is null => await ProposeAsync(session, query),
                    MaskedStage.Proposed => await TakeReplyAsync(session, query),
                    MaskedStage.Contributing => await ContributeAsync(session, query),
                    _ => false,
                };
                if (worked)
                {
                    return true;
                }
            }
            catch (QueryException exception)
            {
                GiveUp(session, query, exception.Code, exception.Message, tellPeer: query.Stage != MaskedStage.Preparing);
                return true;
            }
            catch (Exception exception) when (!IsPassing(exception))
            {
                // A question fails alone.
                LogStepFault(exception, session.Id);
                GiveUp(session, query, FailureCodes.Internal, $"{Home.Name} could not go on: {exception.GetType().Name}; its log says more", tellPeer: query.Stage != MaskedStage.Preparing);
                return true;
            }
        }

        return false;
    }

    private async Task<bool> ProposeAsync(PartySession session, MaskedQuery query)
    {
        var bound = new BoundQuery(Query.Parse(query.Text), SchemaOf(session));
        var matrix = await PartyMatrix.OpenAsync(bound, Home.Name, AlignedRows.Open(Home.SessionPath(session.Id)), session.MinCell, session.Peer);
        var announced = session.MinCell > 1 ? Announce(session, bound, matrix) : null;
        lock (_cacheLock)
        {
            _prepared[(session.Id, query.Id)] = matrix;
        }

        var body = Seal(session, query.Id, nameof(ProposeQuery), new QueryProposal(query.Text, matrix.Shape, query.Pad, announced), SealedBodyJson.Default.QueryProposal);
        Store.Write(transaction =>
        {
            if (FindMasked(transaction, query.Id) is not { Stage: MaskedStage.Preparing })
            {
                // Given up on another thread meanwhile.
                return;
            }

            PutMasked(transaction, query with { Stage = MaskedStage.Proposed, Own = matrix.Shape, OwnLabels = matrix.Labels, OwnRecords = announced is null ? null : matrix.OwnRecords });
            var seconds = (int)Math.Clamp((query.DeadlineAt - Time.GetUtcNow()).TotalSeconds, 1, MaximumDeadlineSeconds);
            Send(transaction, session.Peer, session.Id, new ProposeQuery(session.Id, session.Transcript, query.Id, query.Counter, seconds), body);
        });
        Outbox.Signal();
        return true;
    }

    /// <summary>What this party must say about its own side; it does not ask what the other would refuse.</summary>
    private QueryAnnouncement Announce(PartySession session, BoundQuery query, PartyMatrix matrix)
    {
        if (matrix.GroupLabels.Count == 0)
        {
            var filter = query.Where.Where(condition => condition.Party == Home.Name).Select(condition => QueryText.Write(condition.Condition)).ToArray();
            throw new QueryException(QueryException.BelowMinimum, matrix.ColumnFault is { } column ? column
                : matrix.Aside >= session.MinCell
                ? $"every group of {QuestionRule.GroupedBy(query, Home.Name)} has fewer than {session.MinCell} common records; take coarser classes"
                : session.IntersectionSize < session.MinCell ? $"the parties have fewer than {session.MinCell} records in common, the session's minimum cell size, and nothing is said about so few; for data that are not confidential both datasets can set a lower one (--min-cell 1)"
                : $"{(filter.Length > 0 ? $"the filter `{string.Join(" and ", filter)}`" : "what the question needs a value of")} leaves fewer than {session.MinCell} of {Home.Name}'s common records; ask about more");
        }

        return QuestionRule.Fault(matrix.Announced, query, Home.Name, session.MinCell, isAsker: true) is { } fault ? throw new QueryException(QueryException.BelowMinimum, fault) : matrix.Announced;
    }

    /// <summary>
    /// Whether this party contributes: what the asking party announces of its own side, and this party's own, must single out nobody. Its own groups that are too small have
    /// been put aside already.
    /// </summary>
    private void CheckMinimum(PartySession session, BoundQuery query, QueryProposal asked, PartyMatrix matrix)
    {
        if (QuestionRule.Malformed(asked.Announced, query, session.Peer, Home.Name, asked.Shape, session.IntersectionSize!.Value) is { } unknown)
        {
            throw new QueryException(QueryException.BelowMinimum, $"the question cannot be checked against the minimum cell size, and is refused: {unknown}");
        }

        if ((QuestionRule.Fault(asked.Announced!, query, session.Peer, session.MinCell, isAsker: true)
            ?? QuestionRule.Fault(matrix.Announced, query, Home.Name, session.MinCell, isAsker: false)) is { } fault)
        {
            throw new QueryException(QueryException.BelowMinimum, fault);
        }
    }

    private async Task<bool> TakeReplyAsync(PartySession session, MaskedQuery query)
    {
        if (Store.Read(transaction => transaction.Pending(session.Id, $"asked-back/{query.Id}", 1)) is not [var pending])
        {
            return false;
        }

        var envelope = Envelope.Parse(pending.Frame);
        switch (envelope.Message)
        {
            case RefuseQuery refusal:
                RequireTranscript(session, refusal.Transcript);
                var reason = Printable(Unseal(session, query.Id, nameof(RefuseQuery), envelope.Body, SealedBodyJson.Default.QueryRefusal).Reason ?? "no reason given");
                if (refusal.Code == FailureCodes.MaskCounter && refusal.HighestCounter >= query.Counter && refusal.HighestCounter - query.Counter <= MaximumCounterStep)
                {
                    // Our state is older than the peer's memory of it: never use a counter twice, go on above the highest anybody has seen.
                    Store.Write(transaction =>
                    {
                        var current = PartySession.Parse(transaction.FindSession(session.Id)!);
                        Put(transaction, current with { OwnMaskCounter = Math.Max(current.OwnMaskCounter, refusal.HighestCounter) });
                        Audit.Append(transaction, "mask-counter-raised", ("session", session.Id), ("from", query.Counter), ("to", refusal.HighestCounter));
                    });
                    reason += $". {Home.Name}'s counter was raised to {refusal.HighestCounter}; ask again";
                }

                // The refusal is dealt with in the write that ends the question: killed before, it is read again.
                GiveUp(session, query, FailureCodes.Known(refusal.Code), $"{session.Peer}: {reason}", tellPeer: false);
                return true;
            case AcceptQuery acceptance:
                RequireTranscript(session, acceptance.Transcript);
                var labels = Unseal(session, query.Id, nameof(AcceptQuery), envelope.Body, SealedBodyJson.Default.PartyLabels);
                var bound = new BoundQuery(Query.Parse(query.Text), SchemaOf(session));
                CheckLabels(bound, session, labels);
                var accepted = query with { Stage = MaskedStage.Contributing, Peer = labels.Shape, Labels = labels };
                await OpenContributionAsync(session, accepted);
                var isWanted = Store.Write(transaction =>
                {
                    transaction.Finish(session.Id, pending.Slot);
                    if (FindMasked(transaction, query.Id) is not { Stage: MaskedStage.Proposed })
                    {
                        // Given up on another thread meanwhile.
                        return false;
                    }

                    PutMasked(transaction, accepted);
                    return true;
                });
                if (!isWanted)
                {
                    Retire(session.Id, query.Id);
                }

                return true;
            default:
                throw new QueryException(FailureCodes.Malformed, $"{session.Peer} answered in a way that cannot be");
        }
    }

    /// <summary>Labels a peer sends are held to the query: as many as there are groupings, no group twice.</summary>
    private static void CheckLabels(BoundQuery query, PartySession session, PartyLabels labels)
    {
        var party = session.Peer;
        if (labels.Groups is null || labels.Levels is null)
        {
            throw new QueryException(FailureCodes.Malformed, $"{party} sent no labels");
        }

        var groupings = query.Groupings.Count(grouping => grouping.Column.Party == party);
        var terms = query.Terms.Count(term => term.Grouping is not null && term.Column.Party == party);
        if (labels.Groups.Count > PartyMatrix.MaximumGroups || (labels.Groups.Count == 0 && session.MinCell == 1) || labels.Levels.Count != terms
            || labels.Groups.Any(group => group is null || group.Count != groupings) || labels.Levels.Any(level => level is null || level.Count > PartyMatrix.MaximumGroups || level.Any(label => label is null))
            || labels.Groups.Select(LabelKey.Of).Distinct(StringComparer.Ordinal).Count() != labels.Groups.Count)
        {
            throw new QueryException(FailureCodes.BadContribution, $"{party} sent labels that do not fit the query");
        }
    }

    /// <summary>Unmasks the linker's product and holds it to what can be known.</summary>
    private PartyQuery OpenProduct(PartySession session, PartyQuery asked, ProductComputed product, ReadOnlyMemory<byte> body)
    {
        try
        {
            if (FindMasked(asked.Id) is not { Stage: MaskedStage.Contributed, OwnLabels: { } ownLabels, Labels: { } labels } query)
            {
                throw new InvalidDataException("it comes before this party has contributed");
            }

            var bound = new BoundQuery(Query.Parse(query.Text), SchemaOf(session));
            var (plan, masks) = PlanOf(session, query, bound);
            using (masks)
            {
                if (product.Rows != plan.Rows || product.AskerColumns != plan.A.PaddedColumns || product.PeerColumns != plan.B.PaddedColumns || body.Length != BodyWords.WordSizeBytes * plan.A.PaddedColumns * plan.B.PaddedColumns)
                {
                    throw new InvalidDataException("its shape is not the query's");
                }

                var words = BodyWords.Read(body.Span);
                Contribution.Unmask(masks, words);
                return asked with { Result = ResultOf(session, asked, bound, new MaskedTable(bound, plan, words, ownLabels, labels, query.OwnRecords), session.MinCell) };
            }
        }
        catch (InvalidDataException exception)
        {
            return asked with { FailureCode = FailureCodes.BadContribution, FailureReason = $"the product is refused: {exception.Message}; a contribution or the product was wrong, ask again" };
        }
        catch (ParticipantException exception)
        {
            return asked with { FailureCode = exception.Code, FailureReason = exception.Message };
        }
        catch (QueryException exception)
        {
            return asked with { FailureCode = exception.Code, FailureReason = exception.Message };
        }
    }

    // ---- The other party ---------------------------------------------------------------------------------------------------------------

    private async Task<bool> TakeProposalAsync(PartySession session)
    {
        if (session.Registration != RegistrationState.Registered || session.PeerColumns is null || session.OpenQueries.Count >= MaximumOpenQuestions
            || Store.Read(transaction => transaction.Pending(session.Id, "ask/", 1)) is not [var pending])
        {
            return false;
        }

        var envelope = Envelope.Parse(pending.Frame);
        var proposal = (ProposeQuery)envelope.Message;
        try
        {
            RequireTranscript(session, proposal.Transcript);
            if (Store.Read(transaction => transaction.FindDocument(MaskedDocument, proposal.QueryId) ?? transaction.FindDocument(QueryDocument, proposal.QueryId)) is not null)
            {
                throw new QueryException(FailureCodes.Malformed, "a question under this id is known already");
            }

            if (proposal.Counter <= session.PeerMaskCounter)
            {
                throw new QueryException(FailureCodes.MaskCounter,
                    $"the mask counter went backwards: {session.Peer} asks under {proposal.Counter} where {session.PeerMaskCounter} was seen; was its home restored from an older copy?");
            }

            var asked = Unseal(session, proposal.QueryId, nameof(ProposeQuery), envelope.Body, SealedBodyJson.Default.QueryProposal);
            if (asked.Text is null)
            {
                throw new QueryException(FailureCodes.Malformed, "the question has no text");
            }

            var bound = new BoundQuery(Query.Parse(asked.Text), SchemaOf(session));
            if (asked.Pad is < 1 or > MaximumPad || asked.Shape?.Levels is null || asked.Shape.Groups is < 1 or > PartyMatrix.MaximumGroups || asked.Shape.Levels.Any(count => count is < 0 or > PartyMatrix.MaximumGroups)
                || asked.Shape.Levels.Count != bound.Terms.Count(term => term.Grouping is not null && term.Column.Party == session.Peer))
            {
                throw new QueryException(FailureCodes.Malformed, "the question's shape cannot be");
            }

            var matrix = await PartyMatrix.OpenAsync(bound, Home.Name, AlignedRows.Open(Home.SessionPath(session.Id)), session.MinCell);
            if (session.MinCell > 1)
            {
                CheckMinimum(session, bound, asked, matrix);
            }

            var query = new MaskedQuery(proposal.QueryId, session.Id, session.Peer, asked.Text, proposal.Counter, asked.Pad, Time.GetUtcNow().AddSeconds(proposal.DeadlineSeconds), MaskedStage.Contributing,
                matrix.Shape, asked.Shape);
            await OpenContributionAsync(session, query, matrix);
            var body = Seal(session, query.Id, nameof(AcceptQuery), matrix.Labels, SealedBodyJson.Default.PartyLabels);
            Store.Write(transaction =>
            {
                var current = PartySession.Parse(transaction.FindSession(session.Id)!);
                transaction.Finish(session.Id, pending.Slot);
                if (current.IsEnded && current.State != SessionState.Completed)
                {
                    return;
                }

                PutMasked(transaction, query);
                Put(transaction, current with { PeerMaskCounter = proposal.Counter, OpenQueries = [.. current.OpenQueries, query.Id] });
                Send(transaction, session.Peer, session.Id, new AcceptQuery(session.Id, session.Transcript, query.Id), body);
                Audit.Append(transaction, "peer-asked", ("session", session.Id), ("query", query.Id), ("asker", session.Peer), ("text", query.Text), ("outcome", "contributed"));
            });
        }
        catch (Exception fault) when (!IsPassing(fault))
        {
            if (fault is not QueryException)
            {
                LogStepFault(fault, session.Id);
            }

            var exception = fault as QueryException ?? new QueryException(FailureCodes.Internal, $"{Home.Name} could not look at the question; its log says why");
            var body = Seal(session, proposal.QueryId, nameof(RefuseQuery), new QueryRefusal(exception.Message), SealedBodyJson.Default.QueryRefusal);
            Store.Write(transaction =>
            {
                transaction.Finish(session.Id, pending.Slot);
                Send(transaction, session.Peer, session.Id, new RefuseQuery(session.Id, session.Transcript, proposal.QueryId, exception.Code, session.PeerMaskCounter), body);
                Audit.Append(transaction, "peer-asked", ("session", session.Id), ("query", proposal.QueryId), ("asker", session.Peer), ("outcome", exception.Code));
            });
        }

        Outbox.Signal();
        return true;
    }

    private bool TakeWithdrawal(PartySession session) => Store.Write(transaction =>
    {
        if (transaction.Pending(session.Id, "withdraw/", 1) is not [var pending])
        {
            return false;
        }

        var withdrawal = (WithdrawQuery)Envelope.Parse(pending.Frame).Message;
        transaction.Finish(session.Id, pending.Slot);
        transaction.Finish(session.Id, $"ask/{withdrawal.QueryId}");
        if (FindMasked(transaction, withdrawal.QueryId) is { } query && query.Session == session.Id && query.Asker == session.Peer)
        {
            // Only who asked takes a question back.
            EndMasked(transaction, session, withdrawal.QueryId, failure: null);
            Retire(session.Id, withdrawal.QueryId);
        }

        return true;
    });

    // ---- Both --------------------------------------------------------------------------------------------------------------------------

    private async Task<bool> ContributeAsync(PartySession session, MaskedQuery query)
    {
        var window = OutboxWindow - Store.Read(transaction => transaction.CountOutgoing(session.Id));
        if (window <= 0)
        {
            return false;
        }

        var active = await OpenContributionAsync(session, query);
        if (active.Next > query.SentBatches)
        {
            // A write failed for a moment after these batches were made: they are made again.
            Retire(session.Id, query.Id);
            active = await OpenContributionAsync(session, query);
        }

        try
        {
            return await ContributeAsync(session, query, active, window);
        }
        catch
        {
            Retire(session.Id, query.Id);
            throw;
        }
    }

    private async Task<bool> ContributeAsync(PartySession session, MaskedQuery query, ActiveContribution active, int window)
    {
        var made = new List<(int Sequence, int Rows, byte[] Body)>();
        while (active.Next < active.Batches && made.Count < Math.Min(window, BatchesPerStep))
        {
            var sequence = active.Next;
            var (rows, words) = await active.NextAsync();
            if (sequence >= query.SentBatches)
            {
                made.Add((sequence, rows, await MaskedBatch.WriteAsync(MemoryMarshal.Cast<ulong, long>(words.AsSpan()).ToArray(), rows, active.Layout.PaddedColumns)));
            }
        }

        var last = active.Next == active.Batches;
        var correction = last ? Correction(session, query, active) : [];
        Store.Write(transaction =>
        {
            if (FindMasked(transaction, query.Id) is not { Stage: MaskedStage.Contributing } current)
            {
                // Withdrawn or expired on another thread.
                return;
            }

            if (current.SentBatches == 0)
            {
                Send(transaction, session.Linker, session.Id, new OpenProduct(session.Id, query.Id, query.Asker, query.Counter, active.Plan.Rows, active.Layout.PaddedColumns,
                    (query.Asker == Home.Name ? active.Plan.B : active.Plan.A).PaddedColumns, active.BatchRows));
            }

            foreach (var (sequence, rows, body) in made)
            {
                Send(transaction, session.Linker, session.Id, new MaskedRows(session.Id, query.Id, sequence, rows), body);
            }

            if (last)
            {
                Send(transaction, session.Linker, session.Id, new MaskedCorrection(session.Id, query.Id), correction);
            }

            PutMasked(transaction, current with { SentBatches = active.Next, Stage = last ? MaskedStage.Contributed : MaskedStage.Contributing });
            if (last && query.Asker != Home.Name)
            {
                // Its part is done; a repeat of the proposal finds the slot taken.
                EndMasked(transaction, session, query.Id, failure: null);
            }
        });
        Outbox.Signal();
        if (last)
        {
            LogContributed(session.Id, query.Id, active.Plan.Rows, active.Layout.PaddedColumns);
            Retire(session.Id, query.Id);
        }

        return true;
    }

    private byte[] Correction(PartySession session, MaskedQuery query, ActiveContribution active)
    {
        ulong[]? withheld = null;
        if (query.Asker != Home.Name)
        {
            var stored = OwnerOnlyFile.Read(Path.Combine(Home.SessionPath(session.Id), WithheldKeyName), "the session's secret of withheld sums");
            using var secret = SecretBytes.CopyOf(stored);
            CryptographicOperations.ZeroMemory(stored);
            withheld = QueryMasks.Withheld(secret, ContextOf(session, query, active.Plan), active.Plan.NeededEntries());
        }

        return BodyWords.Write(active.Contribution.Finish(withheld));
    }

    private async Task<ActiveContribution> OpenContributionAsync(PartySession session, MaskedQuery query, PartyMatrix? matrix = null)
    {
        lock (_cacheLock)
        {
            if (_contributions.TryGetValue((session.Id, query.Id), out var known))
            {
                return known;
            }

            if (_prepared.Remove((session.Id, query.Id), out var prepared))
            {
                matrix ??= prepared;
            }
        }

        var bound = new BoundQuery(Query.Parse(query.Text), SchemaOf(session));
        matrix ??= await PartyMatrix.OpenAsync(bound, Home.Name, AlignedRows.Open(Home.SessionPath(session.Id)), session.MinCell, query.Asker == Home.Name ? session.Peer : null);
        var (plan, masks) = PlanOf(session, query, bound);
        var opened = new ActiveContribution(bound, matrix, plan, query.Asker == Home.Name, masks);
        lock (_cacheLock)
        {
            _contributions[(session.Id, query.Id)] = opened;
        }

        return opened;
    }

    private (MaskedPlan Plan, QueryMasks Masks) PlanOf(PartySession session, MaskedQuery query, BoundQuery bound)
    {
        var (own, peer) = ((Home.Name, query.Own!), (session.Peer, query.Peer!));
        var plan = query.Asker == Home.Name ? MaskedPlan.Build(bound, session.IntersectionSize!.Value, own, peer, query.Pad, session.MinCell) : MaskedPlan.Build(bound, session.IntersectionSize!.Value, peer, own, query.Pad, session.MinCell);
        using var shared = Home.SharedKeyWith(PinnedPeer(session));
        return (plan, new QueryMasks(shared, ContextOf(session, query, plan)));
    }

    private static MaskContext ContextOf(PartySession session, MaskedQuery query, MaskedPlan plan) =>
        new(session.Transcript, query.Id, query.Counter, query.Asker, query.Text, plan.Rows, plan.A.PaddedColumns, plan.B.PaddedColumns,
            string.Join('/', new[] { plan.A, plan.B }.Select(side => side.Text)) + $"/{query.Pad}/{plan.Sums}");

    private void GiveUp(PartySession session, MaskedQuery query, string code, string reason, bool tellPeer)
    {
        Store.Write(transaction =>
        {
            if (query.Asker == Home.Name && transaction.FindDocument(QueryDocument, query.Id) is { } document
                && JsonSerializer.Deserialize(document, SessionJson.Default.PartyQuery) is { Result: null, FailureCode: null } asked)
            {
                FinishQuery(transaction, asked with { FailureCode = code, FailureReason = reason });
            }

            EndMasked(transaction, session, query.Id, query.Asker == Home.Name && tellPeer ? code : null);
        });
        Outbox.Signal();
        Retire(session.Id, query.Id);
    }

    /// <summary>Forgets a query; tells the others of one that failed here, so that they do not work for nobody.</summary>
    private void EndMasked(IStoreTransaction transaction, PartySession session, string id, string? failure)
    {
        var current = PartySession.Parse(transaction.FindSession(session.Id)!);
        if (!current.OpenQueries.Contains(id))
        {
            return;
        }

        transaction.DeleteDocument(MaskedDocument, id);
        transaction.Finish(session.Id, $"asked-back/{id}");
        Put(transaction, current with { OpenQueries = [.. current.OpenQueries.Where(open => open != id)] });
        if (failure is not null)
        {
            foreach (var other in new[] { session.Peer, session.Linker })
            {
                // Why is nobody's business but the asking party's.
                Send(transaction, other, session.Id, new WithdrawQuery(session.Id, id, FailureCodes.Cancelled));
            }
        }
    }

    /// <summary>Gives up queries whose time is over.</summary>
    private void ExpireQueries(PartySession session, DateTimeOffset now)
    {
        foreach (var query in session.OpenQueries.Select(FindMasked).OfType<MaskedQuery>().Where(query => now > query.DeadlineAt))
        {
            GiveUp(session, query, FailureCodes.Deadline, query.Stage switch
            {
                MaskedStage.Preparing => "the query's deadline passed while another query of the session was running",
                MaskedStage.Proposed => $"the query's deadline passed while {session.Peer} did not answer; is its worker running?",
                MaskedStage.Contributing => "the query's deadline passed while this party's masked rows were on their way; is the broker there?",
                _ => $"the query's deadline passed without the product: {session.Peer}'s masked rows or {session.Linker} are missing; are their workers running?",
            }, tellPeer: query.Stage != MaskedStage.Preparing);
        }
    }

    /// <summary>Whether a fault may pass by itself: the step is tried again at the next tick.</summary>
    private static bool IsPassing(Exception exception) => exception is IOException or System.Data.Common.DbException or OperationCanceledException;

    private static void RequireTranscript(PartySession session, byte[] transcript)
    {
        if (!transcript.AsSpan().SequenceEqual(session.Transcript))
        {
            throw new QueryException(FailureCodes.Malformed, $"{session.Peer} sent a message of another session");
        }
    }

    /// <summary>Seals a body for the other party: each kind of message of each query has a key of its own.</summary>
    private byte[] Seal<T>(PartySession session, string queryId, string kind, T content, JsonTypeInfo<T> type)
    {
        using var aead = SealOf(session, queryId, kind, Home.Name);
        return aead.Encrypt(JsonSerializer.SerializeToUtf8Bytes(content, type));
    }

    private T Unseal<T>(PartySession session, string queryId, string kind, ReadOnlyMemory<byte> body, JsonTypeInfo<T> type)
        where T : class
    {
        using var aead = SealOf(session, queryId, kind, session.Peer);
        try
        {
            return aead.TryDecrypt(body.Span) is { } plain && JsonSerializer.Deserialize(plain, type) is { } content ? content
                : throw new QueryException(FailureCodes.Malformed, $"{session.Peer} sent a body that is not sealed under the parties' key");
        }
        catch (JsonException)
        {
            throw new QueryException(FailureCodes.Malformed, $"{session.Peer} sent a body that cannot be read");
        }
    }

    private DeterministicAead SealOf(PartySession session, string queryId, string kind, string from)
    {
        using var shared = Home.SharedKeyWith(PinnedPeer(session));
        using var key = shared.Derive(session.Transcript, [.. DomainTags.QuerySeal, .. SHA256.HashData(Encoding.UTF8.GetBytes($"{queryId}\n{kind}\n{from}"))], DeterministicAead.KeySizeBytes);
        return new DeterministicAead(key);
    }

    private MaskedQuery? FindMasked(string id) => Store.Read(transaction => FindMasked(transaction, id));

    private static MaskedQuery? FindMasked(IStoreTransaction transaction, string id) =>
        transaction.FindDocument(MaskedDocument, id) is { } document ? JsonSerializer.Deserialize(document, SessionJson.Default.MaskedQuery) : null;

    private static void PutMasked(IStoreTransaction transaction, MaskedQuery query) =>
        transaction.PutDocument(MaskedDocument, query.Id, JsonSerializer.Serialize(query, SessionJson.Default.MaskedQuery), query.Session);

    /// <summary>Puts a contribution's open files aside; they are closed on the session's own pump, where no step can still use them.</summary>
    private void Retire(string session, string queryId)
    {
        lock (_cacheLock)
        {
            _prepared.Remove((session, queryId));
            if (_contributions.Remove((session, queryId), out var contribution))
            {
                _retiredContributions.Add((session, contribution));
            }
        }
    }

    private async Task DisposeRetiredAsync(string? session)
    {
        (string Session, ActiveContribution Contribution)[] retired;
        lock (_cacheLock)
        {
            retired = [.. _retiredContributions.Where(entry => session is null || entry.Session == session)];
            _retiredContributions.RemoveAll(entry => session is null || entry.Session == session);
        }

        foreach (var (_, contribution) in retired)
        {
            await contribution.DisposeAsync();
        }
    }

    [LoggerMessage(EventId = 220, Level = LogLevel.Information, Message = "Session {Session}: query {Query}, {Rows} masked rows of {Columns} columns are on their way")]
    private partial void LogContributed(string session, string query, int rows, int columns);
}
