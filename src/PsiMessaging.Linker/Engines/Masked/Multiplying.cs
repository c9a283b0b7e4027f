using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines.Masked;

/// <summary>
/// Multiplies what is there; with the last batch and both corrections the product leaves, or what the contributing party has released of it.
/// </summary>
/// <param name="linker">The linker.</param>
/// <param name="ending">How queries end without a product.</param>
/// <param name="sums">What is summed so far.</param>
/// <param name="releasing">What becomes of a product that is not the asking party's to see.</param>
internal sealed class Multiplying(LinkerContext linker, ProductEnding ending, ProductSums sums, Releasing releasing) : ISessionArea<LinkSession>
{
    /// <summary>
    /// Batches behind the first missing one that are looked for. They come nearly in order, and every arrival is a look: a wide window is a thousand looks
    /// at the folder for each batch that is multiplied.
    /// </summary>
    private const int Lookahead = 2 * AtOnce;

    /// <summary>Batches that are multiplied in one turn.</summary>
    private const int AtOnce = 16;

    /// <inheritdoc/>
    /// <exception cref="IOException">A file cannot be read for now.</exception>
    public ValueTask<TurnOutcome> StepAsync(Turn<LinkSession> turn)
    {
        foreach (var (query, product) in turn.Session.Products)
        {
            if (IsAtWork(turn, query, product) && Step(turn, query, product) is { HasWorked: true } outcome)
            {
                return new(outcome);
            }
        }

        return new(TurnOutcome.Idle);
    }

    /// <summary>A release that waits for the contributing party's tables has nothing to multiply until they are here.</summary>
    private static bool IsAtWork(Turn<LinkSession> turn, string query, LinkProduct product) => turn.Session.StateOf(query) switch
    {
        ProductState.BothOpen => true,
        ProductState.Releasing => turn.Has(SlotKinds.Of(SlotKinds.Tables, turn.Session.OtherThan(product.Asker), query)),
        _ => false,
    };

    private TurnOutcome Step(Turn<LinkSession> turn, string query, LinkProduct product)
    {
        var sum = sums.Of(turn.Session.Id, query, product);
        var ready = ReadyBatches(turn.Session, query, product, sum);
        return ready.Length > 0 ? Add(turn, query, product, sum, ready) : sum.IsWhole ? Finish(turn, query, product, sum) : TurnOutcome.Idle;
    }

    private int[] ReadyBatches(LinkSession session, string query, LinkProduct product, ProductSum sum)
    {
        var next = Math.Max(0, Array.IndexOf(sum.Done, false));
        return Enumerable.Range(next, Math.Min(Lookahead, sum.Done.Length - next))
            .Where(sequence => !sum.Done[sequence] && Files(session, query, product, sequence) is var (first, second)
                && File.Exists(first) && File.Exists(second))
            .Take(AtOnce).ToArray();
    }

    private (string First, string Second) Files(LinkSession session, string query, LinkProduct product, int sequence) =>
        (linker.Folders.OfMaskedBatch(session.Id, query, product.Asker, sequence),
            linker.Folders.OfMaskedBatch(session.Id, query, session.OtherThan(product.Asker), sequence));

    private TurnOutcome Add(Turn<LinkSession> turn, string query, LinkProduct product, ProductSum sum, int[] ready)
    {
        var session = turn.Session;
        try
        {
            var batches = ready.Select(sequence =>
            {
                var (first, second) = Files(session, query, product, sequence);
                return (first, second, product.RowsOf(sequence), sequence * product.BatchRows);
            });
            sum.Product.Add([.. batches], Cores.CountOf(linker.Home.Config.Parallelism));
        }
        catch (InvalidDataException exception)
        {
            return ending.End(turn, query, new Fault(FailureCodes.BadContribution, $"masked rows are refused: {exception.Message}"));
        }
        catch (Exception exception)
        {
            // What was summed is not known: it is summed again from the files. A fault that does not pass ends the query, not the session.
            sums.Drop(session.Id, query);
            if (exception is AggregateException { InnerExceptions: var inner } && inner.OfType<IOException>().FirstOrDefault() is { } passing)
            {
                throw new IOException(passing.Message, passing);
            }

            linker.Log.StepFault(exception, session.Id);
            return ending.End(turn, query, new Fault(FailureCodes.Internal, "the linker could not multiply; its log says why"));
        }

        Array.ForEach(ready, sequence => sum.Done[sequence] = true);
        return TurnOutcome.Worked;
    }

    private TurnOutcome Finish(Turn<LinkSession> turn, string query, LinkProduct product, ProductSum sum)
    {
        var session = turn.Session;
        var slots = new[] { product.Asker, session.OtherThan(product.Asker) }.Select(party => SlotKinds.Of(SlotKinds.Correction, party, query)).ToArray();
        var corrections = slots.Select(turn.At<MaskedCorrection>).OfType<Waiting<MaskedCorrection>>().Select(waiting => waiting.Envelope.Body).ToArray();
        if (corrections.Length < slots.Length)
        {
            return TurnOutcome.Idle;
        }

        // Behind the contributing party's correction stand the words that bind the asking one and the program of its release, where it has them.
        var bytes = sizeof(ulong) * product.P * product.Q;
        var binding = product.BindingLayout is { } layout ? sizeof(ulong) * BindingCheck.WordsOf(layout) : 0;
        if (corrections[0].Length != bytes || corrections[1].Length < bytes + binding)
        {
            return ending.End(turn, query, new Fault(FailureCodes.BadContribution, "a correction has the wrong length"));
        }

        var asker = BodyWords.Read(corrections[0].Span);
        var words = sum.Product.Finish(asker, BodyWords.Read(corrections[1].Span[..bytes]));
        var bound = BodyWords.Read(corrections[1].Span[bytes..(bytes + binding)]);
        if (sum.Check?.FaultOf(sum.Product.Raw, asker, words, sum.Product.Folded, bound) is { } unbound)
        {
            return ending.End(turn, query, new Fault(FailureCodes.BadContribution, $"the question of {product.Asker} is refused: {unbound}"));
        }

        product.BindingLayout?.PutRecords(words, product.BindingLayout.RecordsOf(sum.Product.Raw));
        PackedWords.Cut(words, product.WordBits);

        try
        {
            var program = corrections[1][(bytes + binding)..];
            return program.Length == 0 ? Finish(turn, query, product, BodyWords.Write(words), slots)
                : releasing.Step(turn, query, product, words, program, (body, slot) => Finish(turn, query, product, body, [.. slots, slot]));
        }
        catch (InvalidDataException exception)
        {
            return ending.End(turn, query, new Fault(FailureCodes.BadContribution, $"the release is refused: {exception.Message}"));
        }
    }

    private TurnOutcome Finish(Turn<LinkSession> turn, string query, LinkProduct product, byte[] body, string[] slots)
    {
        var session = turn.Session;
        turn.Commit(session.CloseProduct(query, ProductTrigger.Compute), effects =>
        {
            Array.ForEach(slots, effects.Finish);
            effects.Audit("product-computed", ("session", session.Id), ("query", query), ("asker", product.Asker),
                ("rows", product.Rows), ("columns", product.P + product.Q));
            effects.Send(product.Asker, new ProductComputed(session.Id, query, product.Rows, product.P, product.Q), body);
        });
        linker.Log.Multiplied(session.Id, query, product.Rows, product.P, product.Q);
        sums.Forget(session.Id, query);
        return TurnOutcome.Worked;
    }
}
