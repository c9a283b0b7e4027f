using System.Collections.Concurrent;
using System.Security.Cryptography;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Privacy;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.Masked;

/// <summary>
/// Both parties' work on a question: the own matrix, masked, and its correction go to the linker. What is open is used by the session's turns alone.
/// </summary>
internal sealed class Contributions(PartyContext party, BoundQuestions bound) : IAsyncDisposable
{
    /// <summary>Batches made in one turn, stored in one transaction.</summary>
    private const int BatchesPerTurn = 4;

    private readonly ConcurrentDictionary<(string Session, string Id), OpenContribution> _open = new();
    private readonly ConcurrentDictionary<(string Session, string Id), PartyMatrix> _prepared = new();

    /// <summary>Keys of the own records, for noise by cell keys.</summary>
    public CellKeyDesk CellKeys { get; } = new(party);

    /// <summary>Keeps an own side that the peer has not accepted yet.</summary>
    public void Keep(PartySession session, string id, PartyMatrix matrix) => _prepared[(session.Id, id)] = matrix;

    /// <summary>The own side of a question.</summary>
    public Task<PartyMatrix> MatrixOfAsync(PartySession session, string id, string text, string? peer, bool hasEveryClass = false) => PartyMatrix.OpenAsync(
        bound.Of(session, id, text), party.Name, AlignedRows.Open(party.FolderOf(session).Path), session.MinCell, peer, hasEveryClass);

    /// <summary>A contribution, opened where it is not.</summary>
    /// <param name="session">The session.</param>
    /// <param name="question">The question, with both shapes.</param>
    /// <param name="matrix">The own side, where it is at hand.</param>
    public async Task<OpenContribution> OpenAsync(PartySession session, Question question, PartyMatrix? matrix = null)
    {
        var key = (session.Id, question.Id);
        if (_open.TryGetValue(key, out var known))
        {
            return known;
        }

        if (_prepared.TryRemove(key, out var prepared))
        {
            matrix ??= prepared;
        }

        matrix ??= await MatrixOfAsync(
            session, question.Id, question.Text, question.IsOwn ? session.Peer : null, !question.IsOwn
                && question.Masked!.Noise is { Law: not NoiseKind.CellKey });
        if (!question.IsOwn && question.Masked!.Noise is { Law: NoiseKind.CellKey })
        {
            matrix.RecordKeys = await CellKeys.OfAsync(session);
        }

        var (plan, masks) = PlanOf(session, question);
        return _open[key] = new OpenContribution(matrix, plan, question.IsOwn, masks, question.IsOwn ? null : BindingOf(session, question, plan));
    }

    /// <summary>The plan of a question's product, the same at both parties, and its masks.</summary>
    public (MaskedPlan Plan, QueryMasks Masks) PlanOf(PartySession session, Question question)
    {
        var (masked, query, records) = (question.Masked!, bound.Of(session, question), session.IntersectionSize!.Value);
        var ((own, peer), hasKeys) = (((party.Name, masked.Own!), (session.Peer, masked.Peer!)), masked.Noise is { Law: NoiseKind.CellKey });
        var plan = question.IsOwn
            ? MaskedPlan.Build(query, records, own, peer, masked.Pad, session.MinCell, hasKeys)
            : MaskedPlan.Build(query, records, peer, own, masked.Pad, session.MinCell, hasKeys);
        using var shared = party.SharedKeyWith(session);
        return (plan, new QueryMasks(shared, ContextOf(session, question, plan)));
    }

    /// <summary>The plan of a question's release, the same at both parties; null with a minimum cell size of 1.</summary>
    public ReleasePlan? ReleaseOf(PartySession session, Question question, MaskedPlan plan) => question.Masked!.Sides is { } sides && session.MinCell > 1
        ? ReleasePlan.Of(bound.Of(session, question), plan, sides, session.MinCell, question.Masked.Noise, question.Masked.Owner) : null;

    /// <summary>The own masks over what the asking party must not unmask by itself: over everything, where the answer is released.</summary>
    public ulong[] WithheldOf(PartySession session, Question question, MaskedPlan plan, bool isReleased)
    {
        using var secret = WithheldSecretOf(session);
        return QueryMasks.Withheld(secret, ContextOf(session, question, plan),
            isReleased ? new bool[plan.A.PaddedColumns * plan.B.PaddedColumns] : plan.NeededEntries());
    }

    private Binding? BindingOf(PartySession session, Question question, MaskedPlan plan)
    {
        if (plan.Binding is null)
        {
            return null;
        }

        using var secret = WithheldSecretOf(session);
        return new Binding(secret, ContextOf(session, question, plan), plan.Binding);
    }

    private SecretBytes WithheldSecretOf(PartySession session)
    {
        var stored = OwnerOnlyFile.Read(party.FolderOf(session).WithheldKey, "the session's secret of withheld sums");
        var secret = SecretBytes.CopyOf(stored);
        CryptographicOperations.ZeroMemory(stored);
        return secret;
    }

    /// <summary>Makes and sends the next batches; with the last, the correction.</summary>
    public async Task<TurnOutcome> ContributeAsync(Turn<PartySession> turn, Question question)
    {
        var session = turn.Session;
        var window = PartyContext.OutboxWindow - turn.InOutbox;
        if (window <= 0)
        {
            return TurnOutcome.Idle;
        }

        var open = await OpenAsync(session, question);
        if (open.Next > question.Masked!.SentBatches)
        {
            // A write failed for a moment after these batches were made: they are made again.
            await CloseAsync(session.Id, question.Id);
            open = await OpenAsync(session, question);
        }

        try
        {
            return await ContributeAsync(turn, question, open, Math.Min(window, BatchesPerTurn));
        }
        catch
        {
            await CloseAsync(session.Id, question.Id);
            throw;
        }
    }

    /// <summary>Closes what is open of a question.</summary>
    public async ValueTask CloseAsync(string session, string id)
    {
        _prepared.TryRemove((session, id), out _);
        if (_open.TryRemove((session, id), out var open))
        {
            await open.DisposeAsync();
        }
    }

    /// <summary>Closes what is open of a session.</summary>
    public async ValueTask CloseAsync(string session)
    {
        foreach (var (_, id) in _open.Keys.Concat(_prepared.Keys).Where(key => key.Session == session).ToArray())
        {
            await CloseAsync(session, id);
        }
    }

    private async Task<TurnOutcome> ContributeAsync(Turn<PartySession> turn, Question question, OpenContribution open, int most)
    {
        var session = turn.Session;
        var made = new List<(int Sequence, int Rows, ReadOnlyMemory<byte> Body)>();
        while (open.Next < open.Batches && made.Count < most)
        {
            var sequence = open.Next;
            var (rows, words) = await open.NextAsync();
            if (sequence >= question.Masked!.SentBatches)
            {
                made.Add((sequence, rows, await MaskedBatch.WriteAsync(words, rows, open.SentColumns, open.Plan.WordBits)));
            }
        }

        var isLast = open.Next == open.Batches;
        var sent = question with { Masked = question.Masked! with { SentBatches = open.Next } };
        (sent, var correction) = isLast ? Last(session, sent, open) : (sent, null);
        turn.Commit(sent.IsOver ? OpenQuestions.Without(turn, question.Id) : session,
            effects => Send(effects, session, sent, question.Masked!.SentBatches == 0, open, made, correction));
        if (isLast)
        {
            party.Log.Contributed(session.Id, question.Id, open.Plan.Rows, open.Layout.PaddedColumns);
            await CloseAsync(session.Id, question.Id);
            if (sent.IsOver)
            {
                bound.Forget(session.Id, question.Id);
            }
        }

        return TurnOutcome.Worked;
    }

    /// <summary>The correction; whose question is released goes on when the linker has offered its bits.</summary>
    private (Question Sent, byte[] Correction) Last(PartySession session, Question question, OpenContribution open)
    {
        var release = question.IsOwn ? null : ReleaseOf(session, question, open.Plan);
        return (question.Move(question.IsOwn || release is not null ? QuestionTrigger.LastSent : QuestionTrigger.Finish),
            CorrectionOf(session, question, open, release));
    }

    private void Send(
        Effects effects, PartySession session, Question question, bool isFirst,
        OpenContribution open, List<(int Sequence, int Rows, ReadOnlyMemory<byte> Body)> made, byte[]? correction)
    {
        if (isFirst)
        {
            effects.Send(session.Linker, new OpenProduct(
                session.Id, question.Id, question.Asker ?? party.Name, question.Masked!.Counter, open.Plan.Rows, open.Layout.PaddedColumns,
                (question.IsOwn ? open.Plan.B : open.Plan.A).PaddedColumns, open.BatchRows, open.Bound,
                open.Plan.WordBits));
        }

        foreach (var (sequence, rows, body) in made)
        {
            effects.Send(session.Linker, new MaskedRows(session.Id, question.Id, sequence, rows), body);
        }

        if (correction is not null)
        {
            effects.Send(session.Linker, new MaskedCorrection(session.Id, question.Id), correction);
        }

        if (question.IsOver)
        {
            // Its part is done; a repeat of the proposal finds the slot taken.
            QuestionBook.Delete(effects, question);
            effects.Finish($"{SlotKinds.AskedBack}/{question.Id}");
        }
        else
        {
            QuestionBook.Put(effects, question);
        }
    }

    private byte[] CorrectionOf(PartySession session, Question question, OpenContribution open, ReleasePlan? release)
    {
        var withheld = question.IsOwn ? null : WithheldOf(session, question, open.Plan, release is not null);
        var binding = withheld is null ? [] : open.Contribution.FinishBinding(withheld);
        return [.. BodyWords.Write(open.Contribution.Finish(withheld)), .. BodyWords.Write(binding), .. release?.Program.Write() ?? []];
    }

    /// <summary>Everything that a question is, for what is derived from keys.</summary>
    public MaskContext ContextOf(PartySession session, Question question, MaskedPlan plan)
    {
        var masked = question.Masked!;
        return new MaskContext(session.Transcript, question.Id, masked.Counter, question.Asker
            ?? party.Name, question.Text, plan.Rows, plan.A.PaddedColumns, plan.B.PaddedColumns,
            string.Join('/', new[] { plan.A, plan.B }.Select(side => side.Text)) + $"/{masked.Pad}/{plan.Sums}/{plan.WordBits}/{session.RowsSortedBy}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var open in _open.Values)
        {
            await open.DisposeAsync();
        }

        _open.Clear();
        _prepared.Clear();
    }
}
