using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Linker;

/// <content>
/// Engine <c>masked</c>: masked rows become files as they arrive, are multiplied while others are on their way, and go when the product is in the outbox. After a kill the
/// product is computed again from the files.
/// </content>
public sealed partial class LinkerEngine
{
    /// <summary>Queries of one session that may be at work at a time.</summary>
    private const int MaximumProducts = 8;
    private const int RememberedProducts = 200;
    /// <summary>Batches behind the first missing one that are looked for.</summary>
    private const int Lookahead = 128;
    private const long MaximumCounter = 1L << 40;

    private readonly ConcurrentDictionary<(string Session, string Query), ActiveProduct> _products = [];

    /// <summary>Writes masked rows of an opened query straight to their file; false where they have to wait for the opening.</summary>
    private bool TakeRows(string id, Envelope envelope, MaskedRows rows)
    {
        var from = envelope.Header.From;
        if (Store.Read(transaction => transaction.FindSession(id)) is not { } stored || LinkSession.Parse(stored) is not { Ended: false } session || !session.IsPartOf(from) || rows.SessionId != id)
        {
            return false;
        }

        if (session.EndedProducts.Contains(rows.QueryId))
        {
            return true;
        }

        if (!session.Products.TryGetValue(rows.QueryId, out var product) || !product.Opened.Contains(from))
        {
            return false;
        }

        Keep(session, product, from, rows, envelope.Body);
        return true;
    }

    /// <summary>Puts a batch under its name. The same batch again changes nothing; another under its name ends the query.</summary>
    private void Keep(LinkSession session, LinkProduct product, string from, MaskedRows rows, ReadOnlyMemory<byte> body)
    {
        var columns = from == product.Asker ? product.P : product.Q;
        var batch = BatchRows(product);
        if (rows.Sequence < 0 || rows.Sequence >= BatchesOf(product) || rows.Rows != Math.Min(batch, product.Rows - (rows.Sequence * batch))
            || body.Length > MaskedBatch.MaximumBodyBytes || body.Length < 8L * rows.Rows * columns)
        {
            EndProduct(session.Id, rows.QueryId, FailureCodes.BadContribution, $"{from} sent masked rows that do not fit the query: batch {rows.Sequence} of {rows.Rows} rows");
            return;
        }

        var path = BatchPath(session.Id, rows.QueryId, from, rows.Sequence);
        if (File.Exists(path))
        {
            if (!SHA256.HashData(body.Span).AsSpan().SequenceEqual(SHA256.HashData(File.ReadAllBytes(path))))
            {
                EndProduct(session.Id, rows.QueryId, FailureCodes.AlteredRepeat, $"{from} sent batch {rows.Sequence} twice with different content");
            }

            // Whoever put it there may not have come to this.
            PrivateFile.FlushFolder(Path.GetDirectoryName(path)!);
            return;
        }

        // A name of its own: the same message may be in hand twice.
        var part = AtomicFile.TemporaryName(path);
        using (var stream = PrivateFile.Open(part, FileMode.CreateNew, FileAccess.Write))
        {
            stream.Write(body.Span);
            stream.Flush(flushToDisk: true);
        }

        lock (_keeping)
        {
            if (!File.Exists(path))
            {
                AtomicFile.Rename(part, path, overwrite: false);
                return;
            }
        }

        // Another thread had a batch under this name in hand; it was first, and this one is held against it.
        File.Delete(part);
        Keep(session, product, from, rows, body);
    }

    private readonly Lock _keeping = new();

    private bool HandleProducts(LinkSession session)
    {
        if (session.Ended)
        {
            return false;
        }

        return TakeWithdrawals(session) || TakeOpenings(session) || TakeWaitingRows(session) || CleanProducts(session) || session.Products.Any(entry => Multiply(session, entry.Key, entry.Value));
    }

    private bool TakeOpenings(LinkSession session)
    {
        if (session.State != "Ready" || Store.Read(transaction => transaction.Pending(session.Id, "open/", 1)) is not [var pending])
        {
            return false;
        }

        var envelope = Envelope.Parse(pending.Frame);
        var (open, from) = ((OpenProduct)envelope.Message, envelope.Header.From);
        var known = session.Products.GetValueOrDefault(open.QueryId);
        var (p, q) = from == open.Asker ? (open.OwnColumns, open.PeerColumns) : (open.PeerColumns, open.OwnColumns);
        if (session.EndedProducts.Contains(open.QueryId) || session.EndedProducts.Contains(TakenBack(open.QueryId, open.Asker)))
        {
            Store.Write(transaction => transaction.Finish(session.Id, pending.Slot));
            EndProduct(session.Id, open.QueryId, FailureCodes.Cancelled, reason: null);
            return true;
        }

        var fault = session.Registrations[0].Engine != MaskedEngine ? (FailureCodes.EngineCannot, "the session's engine is not masked")
            : p is < 1 or > MaskedBatch.MaximumColumns || q is < 1 or > MaskedBatch.MaximumColumns || open.Counter is < 1 or > MaximumCounter || session.Registrations.All(registration => registration.Party != open.Asker)
                || open.BatchRows != MaskedBatch.RowsOf(Math.Max(p, q)) || open.Rows < 1 ? (FailureCodes.BadContribution, $"{from} announced a matrix that cannot be")
            : open.Rows != session.Registrations[0].Rows ? (FailureCodes.BadContribution, $"{from} announced {open.Rows} rows where {session.Registrations[0].Rows} are registered")
            : (known is null || from == open.Asker) && open.Counter <= session.MaskCounters.GetValueOrDefault(open.Asker)
                ? (FailureCodes.MaskCounter, $"the mask counter of {open.Asker} went backwards: {open.Counter} where {session.MaskCounters[open.Asker]} was seen; was its home restored from an older copy?")
            : known is not null && (known.Asker != open.Asker || known.Counter != open.Counter || known.P != p || known.Q != q || known.Rows != open.Rows || known.Opened.Contains(from))
                ? (FailureCodes.BadContribution, "the two parties' announcements of the query disagree on its shape, its counter or who asks")
            : known is null && session.Products.Count >= MaximumProducts ? (FailureCodes.WrongState, $"{MaximumProducts} queries of this session are at work already")
            : ((string Code, string Reason)?)null;
        if (fault is { } wrong)
        {
            Store.Write(transaction => transaction.Finish(session.Id, pending.Slot));
            EndProduct(session.Id, open.QueryId, wrong.Item1, wrong.Item2, known?.Asker ?? open.Asker);
            return true;
        }

        foreach (var registration in session.Registrations)
        {
            PrivateFile.CreateFolder(ProductFolder(session.Id, open.QueryId, registration.Party));
        }

        Store.Write(transaction =>
        {
            if (LinkSession.Parse(transaction.FindSession(session.Id)!) is not { Ended: false } current)
            {
                return;
            }

            transaction.Finish(session.Id, pending.Slot);
            if (current.EndedProducts.Contains(open.QueryId))
            {
                return;
            }

            var product = known is null ? new LinkProduct(open.Asker, open.Counter, p, q, open.Rows, [from]) : known with { Opened = [.. known.Opened, from] };

            // Only the asking party's own word raises its counter: the other cannot use it up.
            var counters = new Dictionary<string, long>(current.MaskCounters);
            if (from == open.Asker)
            {
                counters[from] = Math.Max(open.Counter, counters.GetValueOrDefault(from));
            }

            transaction.PutSession((current with { Products = new Dictionary<string, LinkProduct>(current.Products) { [open.QueryId] = product }, MaskCounters = counters }).ToStored());
        });
        return true;
    }

    private bool TakeWithdrawals(LinkSession session)
    {
        if (Store.Read(transaction => transaction.Pending(session.Id, "withdraw/", 1)) is not [var pending])
        {
            return false;
        }

        var envelope = Envelope.Parse(pending.Frame);
        var withdrawal = (WithdrawQuery)envelope.Message;
        var from = envelope.Header.From;
        Store.Write(transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            if (!session.Products.ContainsKey(withdrawal.QueryId) && LinkSession.Parse(transaction.FindSession(session.Id)!) is { Ended: false } current)
            {
                // It may have overtaken the opening, which must find the question taken back, if by who asks. Its own rows for it are over in any case.
                foreach (var slot in transaction.PendingSlots(session.Id, $"masked/{from}/{withdrawal.QueryId}/").Append($"correction/{from}/{withdrawal.QueryId}"))
                {
                    transaction.Finish(session.Id, slot);
                }

                transaction.PutSession((current with { EndedProducts = Remember(current, TakenBack(withdrawal.QueryId, from)) }).ToStored());
            }
        });
        if (session.Products.GetValueOrDefault(withdrawal.QueryId)?.Asker == from)
        {
            EndProduct(session.Id, withdrawal.QueryId, FailureCodes.Known(withdrawal.Code), reason: null);
        }

        return true;
    }

    /// <summary>Rows that overtook their query's opening.</summary>
    private bool TakeWaitingRows(LinkSession session)
    {
        foreach (var slot in Store.Read(transaction => transaction.PendingSlots(session.Id, "masked/")))
        {
            // masked/PARTY/QUERY/SEQUENCE: rows of a question that nobody has opened are not even read.
            var parts = slot.Split('/');
            if (!session.EndedProducts.Contains(parts[2]) && !(session.Products.TryGetValue(parts[2], out var product) && product.Opened.Contains(parts[1])))
            {
                continue;
            }

            if (Store.Read(transaction => transaction.FindFrame(session.Id, slot)) is not { } frame)
            {
                continue;
            }

            var envelope = Envelope.Parse(frame);
            if (TakeRows(session.Id, envelope, (MaskedRows)envelope.Message))
            {
                Store.Write(transaction => transaction.Finish(session.Id, slot));
                return true;
            }
        }

        return false;
    }

    /// <summary>Multiplies what is there; with the last batch and both corrections the product leaves.</summary>
    private bool Multiply(LinkSession session, string id, LinkProduct product)
    {
        if (product.Opened.Count < 2)
        {
            return false;
        }

        var active = _products.GetOrAdd((session.Id, id), _ => new ActiveProduct(new LinkerProduct(product.P, product.Q), BatchesOf(product)));

        var other = session.Registrations.Single(registration => registration.Party != product.Asker).Party;
        var batch = BatchRows(product);
        var next = Math.Max(0, Array.IndexOf(active.Done, false));
        var ready = Enumerable.Range(next, Math.Min(Lookahead, active.Done.Length - next)).Where(sequence => !active.Done[sequence]
            && File.Exists(BatchPath(session.Id, id, product.Asker, sequence)) && File.Exists(BatchPath(session.Id, id, other, sequence))).Take(16).ToArray();
        if (ready.Length > 0)
        {
            try
            {
                active.Product.Add([.. ready.Select(sequence => (BatchPath(session.Id, id, product.Asker, sequence), BatchPath(session.Id, id, other, sequence), Math.Min(batch, product.Rows - (sequence * batch))))],
                    Home.Config.Parallelism > 0 ? Home.Config.Parallelism : Environment.ProcessorCount);
            }
            catch (InvalidDataException exception)
            {
                EndProduct(session.Id, id, FailureCodes.BadContribution, $"masked rows are refused: {exception.Message}");
                return true;
            }
            catch (Exception exception)
            {
                // What was summed is not known: it is summed again from the files. A fault that does not pass ends the query, not the session.
                Drop((session.Id, id));
                if (exception is AggregateException { InnerExceptions: var inner } && inner.OfType<IOException>().FirstOrDefault() is { } passing)
                {
                    throw new IOException(passing.Message, passing);
                }

                LogStepFault(exception, session.Id);
                EndProduct(session.Id, id, FailureCodes.Internal, "the linker could not multiply; its log says why");
                return true;
            }

            Array.ForEach(ready, sequence => active.Done[sequence] = true);
            return true;
        }

        if (!Array.TrueForAll(active.Done, done => done))
        {
            return false;
        }

        var slots = new[] { product.Asker, other }.Select(party => $"correction/{party}/{id}").ToArray();
        var corrections = slots.Select(slot => Store.Read(transaction => transaction.FindFrame(session.Id, slot))).OfType<byte[]>().Select(frame => Envelope.Parse(frame).Body).ToArray();
        if (corrections.Length < 2)
        {
            return false;
        }

        if (corrections.Any(correction => correction.Length != BodyWords.WordSizeBytes * product.P * product.Q))
        {
            EndProduct(session.Id, id, FailureCodes.BadContribution, "a correction has the wrong length");
            return true;
        }

        var body = BodyWords.Write(active.Product.Finish(corrections.Select(correction => BodyWords.Read(correction.Span))));

        Store.Write(transaction =>
        {
            if (LinkSession.Parse(transaction.FindSession(session.Id)!) is not { Ended: false } current || !current.Products.ContainsKey(id))
            {
                return;
            }

            Array.ForEach(slots, slot => transaction.Finish(session.Id, slot));
            transaction.PutSession(Without(current, id).ToStored());
            Send(transaction, product.Asker, session.Id, new ProductComputed(session.Id, id, product.Rows, product.P, product.Q), body);
            Audit.Append(transaction, "product-computed", ("session", session.Id), ("query", id), ("asker", product.Asker), ("rows", product.Rows), ("columns", product.P + product.Q));
        });
        Outbox.Signal();
        LogProduct(session.Id, id, product.Rows, product.P, product.Q);
        Forget(session.Id, id);
        return true;
    }

    /// <summary>Ends a query without a product, and tells the asking party why, unless it said so itself.</summary>
    private void EndProduct(string sessionId, string id, string code, string? reason, string? asker = null)
    {
        Store.Write(transaction =>
        {
            if (LinkSession.Parse(transaction.FindSession(sessionId)!) is not { Ended: false } current || current.EndedProducts.Contains(id))
            {
                return;
            }

            var to = asker ?? current.Products.GetValueOrDefault(id)?.Asker;
            if (reason is not null && to is not null && current.Registrations.Any(registration => registration.Party == to))
            {
                Send(transaction, to, sessionId, new QueryRefused(sessionId, id, code, reason));
            }

            foreach (var slot in current.Registrations.SelectMany(registration => transaction.PendingSlots(sessionId, $"masked/{registration.Party}/{id}/").Append($"correction/{registration.Party}/{id}")))
            {
                transaction.Finish(sessionId, slot);
            }

            transaction.PutSession(Without(current, id).ToStored());
            Audit.Append(transaction, "product-ended", ("session", sessionId), ("query", id), ("code", code));
        });
        Outbox.Signal();
        Pump.Signal(sessionId);
    }

    private static LinkSession Without(LinkSession session, string id) => session with
    {
        Products = session.Products.Where(entry => entry.Key != id).ToDictionary(entry => entry.Key, entry => entry.Value),
        EndedProducts = Remember(session, id),
    };

    private static string[] Remember(LinkSession session, string id) => [.. session.EndedProducts.TakeLast(RememberedProducts - 1), id];

    private static string TakenBack(string query, string by) => $"{query}/{by}";

    /// <summary>Deletes files of queries that are over: after their end is on disk, and after a kill.</summary>
    private bool CleanProducts(LinkSession session)
    {
        var folder = Path.Combine(Home.SessionPath(session.Id), "products");
        var stale = Directory.Exists(folder) ? Array.Find(Directory.GetDirectories(folder), path => !session.Products.ContainsKey(Path.GetFileName(path))) : null;
        if (stale is null)
        {
            return false;
        }

        Forget(session.Id, Path.GetFileName(stale));
        return true;
    }

    private void Forget(string session, string id)
    {
        Drop((session, id));
        var folder = Path.GetDirectoryName(ProductFolder(session, id, "x"))!;
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private void Drop((string Session, string Query) key)
    {
        if (_products.TryRemove(key, out var active))
        {
            active.Product.Dispose();
        }
    }

    private static int BatchRows(LinkProduct product) => MaskedBatch.RowsOf(Math.Max(product.P, product.Q));

    private static int BatchesOf(LinkProduct product) => (product.Rows + BatchRows(product) - 1) / BatchRows(product);

    private string ProductFolder(string session, string id, string party) => Path.Combine(Home.SessionPath(session), "products", id, party.ToLowerInvariant());

    private string BatchPath(string session, string id, string party, int sequence) => Path.Combine(ProductFolder(session, id, party), $"{sequence:D8}.parquet");

    /// <summary>A product while it is computed: what is summed, and of which batches.</summary>
    private sealed record ActiveProduct(LinkerProduct Product, bool[] Done)
    {
        public ActiveProduct(LinkerProduct product, int batches)
            : this(product, new bool[batches])
        {
        }
    }

    [LoggerMessage(EventId = 310, Level = LogLevel.Information, Message = "Session {Session}: query {Query}, product of {Rows} rows, {P} by {Q} columns")]
    private partial void LogProduct(string session, string query, int rows, int p, int q);
}
