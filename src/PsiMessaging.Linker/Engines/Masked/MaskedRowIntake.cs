using System.Security.Cryptography;
using System.Text.Json;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines.Masked;

/// <summary>
/// Puts masked rows of open queries under their names: straight from the door, beside the session's turns, and in a turn those that overtook their
/// query's opening. At the door the session is only looked at: what is wrong with rows there is put beside its messages, for <see cref="SpoiltRows"/>.
/// </summary>
/// <param name="linker">The linker.</param>
/// <param name="ending">How queries end.</param>
internal sealed class MaskedRowIntake(LinkerContext linker, ProductEnding ending) : ISessionArea<LinkSession>
{
    private readonly Lock _keeping = new();

    /// <summary>Writes masked rows of an opened query to their file; false where they have to wait for the opening.</summary>
    /// <exception cref="IOException">The folder has gone meanwhile, since the query is over, or the disk fails: the frame comes again.</exception>
    public bool TakeStraight(string id, MaskedRows rows, Envelope envelope)
    {
        var from = envelope.Header.From;
        if (linker.Services.Store.Read(state => state.FindSession(id)) is not { } stored || LinkSession.Parse(stored) is not { Ended: false } session
            || !session.IsPartOf(from) || !IsTaken(session, rows.QueryId, from))
        {
            return false;
        }

        if (Take(session, from, rows, envelope.Body) is { } fault)
        {
            Leave(id, SlotKinds.Of(SlotKinds.Spoilt, from, rows.QueryId), fault);
        }

        return true;
    }

    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<LinkSession> turn)
    {
        var session = turn.Session;

        // Rows of a question that nobody has opened are not even read.
        foreach (var slot in turn.Slots(SlotKinds.MaskedRows))
        {
            var (party, query) = SlotKinds.Read(slot);
            if (IsTaken(session, query, party) && turn.At<MaskedRows>(slot) is { } waiting)
            {
                return new(Take(session, party, waiting.Message, waiting.Envelope.Body) is { } fault ? ending.End(turn, query, fault, finish: slot)
                    : turn.Commit(effects => effects.Finish(slot)));
            }
        }

        return new(TurnOutcome.Idle);
    }

    /// <summary>Whether a party's rows of a query have a place, or none any more.</summary>
    private static bool IsTaken(LinkSession session, string query, string party) =>
        session.EndedProducts.Contains(query) || (session.Products.TryGetValue(query, out var product) && product.Opened.Contains(party));

    private Fault? Take(LinkSession session, string from, MaskedRows rows, ReadOnlyMemory<byte> body)
    {
        if (session.StateOf(rows.QueryId) == ProductState.Ended)
        {
            return null;
        }

        var product = session.Products[rows.QueryId];
        return Fits(product, from, rows, body.Length)
            ? Keep(linker.Folders.OfMaskedBatch(session.Id, rows.QueryId, from, rows.Sequence), from, rows, body)
            : new Fault(FailureCodes.BadContribution, $"{from} sent masked rows that do not fit the query: batch {rows.Sequence} of {rows.Rows} rows");
    }

    private static bool Fits(LinkProduct product, string from, MaskedRows rows, int bodyBytes) =>
        rows.Sequence >= 0 && rows.Sequence < product.Batches && rows.Rows == product.RowsOf(rows.Sequence)
        && bodyBytes <= MaskedBatch.MaximumBodyBytes && bodyBytes >= (long)PackedWords.SizeBytes(rows.Rows, product.WordBits) * product.SentColumnsOf(from);

    /// <summary>Puts a batch under its name. The same batch again changes nothing; another under its name is a fault.</summary>
    private Fault? Keep(string path, string from, MaskedRows rows, ReadOnlyMemory<byte> body)
    {
        if (File.Exists(path))
        {
            return Compare(path, from, rows, body);
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
                return null;
            }
        }

        // Another thread had a batch under this name in hand; it was first, and this one is held against it.
        File.Delete(part);
        return Compare(path, from, rows, body);
    }

    private static Fault? Compare(string path, string from, MaskedRows rows, ReadOnlyMemory<byte> body)
    {
        var isSame = SHA256.HashData(body.Span).AsSpan().SequenceEqual(SHA256.HashData(File.ReadAllBytes(path)));

        // Whoever put it there may not have come to this.
        PrivateFile.FlushFolder(Path.GetDirectoryName(path)!);
        return isSame ? null : new Fault(FailureCodes.AlteredRepeat, $"{from} sent batch {rows.Sequence} twice with different content");
    }

    /// <summary>Leaves a small row for the session's turn, one a party and query: the first stands. A session that has ended meanwhile needs none.</summary>
    private void Leave(string session, string slot, Fault fault) => linker.Services.Store.Write(state =>
    {
        if (state.FindState(session) is nameof(LinkState.Receiving) or nameof(LinkState.Ready))
        {
            var json = JsonSerializer.SerializeToUtf8Bytes(fault, LinkJson.Default.Fault);
            state.PutInbound(session, slot, SHA256.HashData(json), json);
        }

        return true;
    });
}
