using System.Collections.Concurrent;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Privacy;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.Masked;

/// <summary>
/// The contributing party's part of a release (docs/masked.md): on the linker's transfer it garbles what both decide, and seals its share of each sum under the
/// label of the decision that opens it. It learns neither a count nor a decision. After a kill it makes the same bytes again.
/// </summary>
internal sealed class Releasing(PartyContext party, BoundQuestions bound, Contributions contributions, Sealing sealing, GivingUp givingUp, NoiseDesk noises)
{
    private readonly ConcurrentDictionary<string, ContributorKeys> _keys = new();

    /// <summary>Answers the linker's transfer, once it is here.</summary>
    public async Task<TurnOutcome> StepAsync(Turn<PartySession> turn, Question question)
    {
        var slot = $"{SlotKinds.Transfer}/{question.Id}";
        if (turn.At<ReleaseTransfer>(slot) is not { } waiting)
        {
            return TurnOutcome.Idle;
        }

        var session = turn.Session;
        byte[] body;
        try
        {
            body = TablesOf(session, question, waiting.Envelope.Body);
        }
        catch (InvalidDataException exception)
        {
            // The asking party hears nothing of it: its own deadline ends the question, or the linker does.
            party.Log.StepFault(exception, session.Id);
            return await givingUp.GiveUpAsync(turn, question, FailureCodes.BadContribution, exception.Message, tellPeer: false);
        }

        var done = question.Move(QuestionTrigger.Finish);
        turn.Commit(OpenQuestions.Without(turn, question.Id), effects =>
        {
            effects.Finish(slot);
            effects.Finish($"{SlotKinds.AskedBack}/{question.Id}");
            QuestionBook.Delete(effects, done);
            effects.Audit("release-garbled", waiting.Envelope, ("session", session.Id), ("query", question.Id), ("asker", session.Peer));
            effects.Send(session.Linker, new ReleaseTables(session.Id, question.Id), body);
        });
        bound.Forget(session.Id, question.Id);
        return TurnOutcome.Worked;
    }

    /// <summary>Lets go of a session's keys.</summary>
    public void Close(string session)
    {
        if (_keys.TryRemove(session, out var keys))
        {
            keys.Dispose();
        }
    }

    private byte[] TablesOf(PartySession session, Question question, ReadOnlyMemory<byte> transfer)
    {
        var (plan, masks) = contributions.PlanOf(session, question);
        using (masks)
        {
            var release = contributions.ReleaseOf(session, question, plan) ?? throw new InvalidOperationException("nothing of the question is released");
            var share = Contribution.ShareOf(masks, contributions.WithheldOf(session, question, plan, isReleased: true));
            plan.Binding?.PutRecords(share, Contribution.RecordShares(masks, plan.Rows, plan.A.PaddedColumns, OpenContribution.RowsOfBatches(plan)));
            if (release.Noise is { Law: not NoiseKind.CellKey } noise)
            {
                noises.Add(session.Dataset!, NoiseDesk.IdOf(question), noise, release.Program, share);
            }

            using var keys = KeysOf(session).For(question.Masked!.Counter, question.Id);
            var (tables, sealedWords) = ReleaseProtocol.Garble(
                ReleaseCircuit.Of(release.Program), keys, transfer.Span, share, [.. release.Constants],
                contributions.ContextOf(session, question, plan).Hash(), release.Bits());
            return [.. tables, .. sealing.Seal(session, question.Id, nameof(ReleaseTables), sealedWords)];
        }
    }

    private ContributorKeys KeysOf(PartySession session) => _keys.GetOrAdd(session.Id, _ =>
    {
        using var secret = StandingReady.SecretOf(party.FolderOf(session));
        return ReleaseKeys.OfContributor(secret, session.Transcript, party.Name, session.ReleaseOffer
            ?? throw new InvalidDataException("the linker has sent no base transfers; open another session"));
    });
}
