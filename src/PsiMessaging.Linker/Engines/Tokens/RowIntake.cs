using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Linker.Registering;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines.Tokens;

/// <summary>Checks batches of rows and puts them on disk; with the last one it checks the whole.</summary>
/// <param name="linker">The linker.</param>
internal sealed class RowIntake(LinkerContext linker) : ISessionArea<LinkSession>
{
    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">A batch is not what it should be.</exception>
    /// <exception cref="ParticipantException">It does not fit its registration, or the rows their join.</exception>
    public ValueTask<TurnOutcome> StepAsync(Turn<LinkSession> turn)
    {
        foreach (var registration in turn.Session.Registrations)
        {
            if (turn.Next<DatasetBatch>(SlotKinds.Of(SlotKinds.Batch, registration.Party)) is { } batch)
            {
                return new(Take(turn, registration, batch));
            }
        }

        return new(TurnOutcome.Idle);
    }

    private TurnOutcome Take(Turn<LinkSession> turn, Registration registration, Waiting<DatasetBatch> waiting)
    {
        var (session, batch, body) = (turn.Session, waiting.Message, waiting.Envelope.Body);
        if (batch.SessionId != session.Id || !Fits(registration, batch))
        {
            throw new ParticipantException(FailureCodes.BadBatch, $"{registration.Party} sent a batch that does not fit its registration");
        }

        if (body.Length > EncryptedBatch.MaximumBodyBytes || batch.Rows > EncryptedBatch.MaximumRows)
        {
            throw new ParticipantException(FailureCodes.BadBatch, $"{registration.Party} sent a batch larger than allowed");
        }

        var updated = Count(registration, batch, Keep(session.Id, registration, batch, body));
        var next = session with { Registrations = [.. session.Registrations.Select(candidate => candidate.Party == updated.Party ? updated : candidate)] };
        if (next.IsWhole)
        {
            RowChecks.RequireJoin(next, linker.Folders);
        }

        turn.Commit(next.Move(next.IsWhole ? LinkTrigger.Complete : LinkTrigger.Take), effects =>
        {
            effects.Finish(waiting.Slot);
            if (updated.Complete)
            {
                effects.Audit("rows-registered", ("session", session.Id), ("party", registration.Party), ("rows", registration.Rows));
                Registrations.Announce(effects, session.Id, registration);
            }
        });
        if (updated.Complete)
        {
            linker.Log.Complete(session.Id, registration.Party, registration.Rows);
        }

        return TurnOutcome.Worked;
    }

    private static bool Fits(Registration registration, DatasetBatch batch) =>
        batch.Sequence >= 0 && !registration.Complete && !(registration.LastSequence < batch.Sequence) && !(batch.Last && registration.LastSequence is not null)
        && batch.Rows <= registration.Rows - registration.Received && (batch.Rows != 0 || batch.Last);

    /// <summary>The file stands under its name, where a query would find it, only once it was checked.</summary>
    private BatchTokens Keep(string session, Registration registration, DatasetBatch batch, ReadOnlyMemory<byte> body)
    {
        PrivateFile.CreateFolder(linker.Folders.OfRows(session, registration.Party));
        var arrived = linker.Folders.OfUncheckedBatch(session, registration.Party, batch.Sequence);
        AtomicFile.Write(arrived, body.ToArray());
        BatchTokens span;
        try
        {
            span = ParquetInspection.CheckBatch(arrived, registration.Columns, batch.Rows);
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException($"{registration.Party}, batch {batch.Sequence}: {exception.Message}", exception);
        }

        AtomicFile.Rename(arrived, linker.Folders.OfBatch(session, registration.Party, batch.Sequence));
        return span;
    }

    private static Registration Count(Registration registration, DatasetBatch batch, BatchTokens span)
    {
        var updated = registration with
        {
            Received = registration.Received + batch.Rows,
            Batches = new Dictionary<int, BatchSpan>(registration.Batches) { [batch.Sequence] = new(batch.Rows, span.First, span.Last) },
            LastSequence = batch.Last ? batch.Sequence : registration.LastSequence,
        };
        if (updated.LastSequence is not { } last || updated.Batches.Count != last + 1)
        {
            return updated;
        }

        RowChecks.RequireWhole(updated);
        return updated with { Complete = true };
    }
}
