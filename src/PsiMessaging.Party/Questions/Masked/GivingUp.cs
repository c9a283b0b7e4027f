using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.Masked;

/// <summary>
/// Questions that end without an answer: at their deadline, by a fault, by somebody's word. The others
/// are told of an own one, so that they do not work for nobody.
/// </summary>
internal sealed class GivingUp(PartyContext party, BoundQuestions bound, Contributions contributions, Answers answers)
{
    /// <summary>Ends a question.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="question">The question, own or the peer's.</param>
    /// <param name="code">Why, as a code.</param>
    /// <param name="reason">Why, for a person.</param>
    /// <param name="tellPeer">Whether others may work for it.</param>
    /// <param name="changed">The session where something else changes with it.</param>
    /// <param name="follow">What belongs to that.</param>
    public async Task<TurnOutcome> GiveUpAsync(
        Turn<PartySession> turn, Question question, string code, string reason, bool tellPeer, PartySession? changed = null, Action<Effects>? follow = null)
    {
        var session = turn.Session;
        var without = OpenQuestions.Without(turn, question.Id);
        var next = changed is null ? without : changed with { OpenQueries = without.OpenQueries, QueryDueAt = without.QueryDueAt };
        turn.Commit(next, effects =>
        {
            if (changed is not null)
            {
                follow?.Invoke(effects);
            }

            if (!question.IsOwn)
            {
                QuestionBook.Delete(effects, question);
                effects.Audit("peer-question-ended", ("session", session.Id), ("query", question.Id), ("asker", session.Peer), ("code", code));
            }
            else if (!question.IsOver)
            {
                answers.Finish(effects, question.Refuse(code, reason) with { Masked = null });
            }

            End(effects, session, question.Id, withdraw: question.IsOwn && tellPeer ? code : null);
        });
        bound.Forget(session.Id, question.Id);
        await contributions.CloseAsync(session.Id, question.Id);
        return TurnOutcome.Worked;
    }

    /// <summary>Takes a question that an earlier version wrote, and that cannot be gone on with, from the session.</summary>
    public async Task<TurnOutcome> DropAsync(Turn<PartySession> turn, string id)
    {
        var question = turn.Read(state => QuestionBook.Find(state, id));
        if (question is not null)
        {
            return await GiveUpAsync(turn, question, FailureCodes.Internal,
                $"it was asked of an earlier version of {party.Name}'s worker; ask again", tellPeer: true);
        }

        return turn.Commit(OpenQuestions.Without(turn, id));
    }

    /// <summary>Gives up a question whose time is over; null where none is.</summary>
    public async Task<TurnOutcome?> ExpireAsync(Turn<PartySession> turn, IReadOnlyList<(string Id, Question? Question)> open)
    {
        if (open.Select(entry => entry.Question).FirstOrDefault(question => question?.Masked!.DeadlineAt < turn.Now) is not { } late)
        {
            return null;
        }

        var session = turn.Session;
        return await GiveUpAsync(turn, late, FailureCodes.Deadline, late.State switch
        {
            QuestionState.Preparing => "the query's deadline passed while another query of the session was running",
            QuestionState.Proposed => $"the query's deadline passed while {session.Peer} did not answer; is its worker running?",
            QuestionState.Contributing => "the query's deadline passed while this party's masked rows were on their way; is the broker there?",
            _ => $"the query's deadline passed without the product: {session.Peer}'s masked rows or {session.Linker} are missing; are their workers running?",
        }, tellPeer: late.State != QuestionState.Preparing);
    }

    /// <summary>What else belongs to the end of a question at this party.</summary>
    /// <param name="effects">Where to.</param>
    /// <param name="session">The session as it was.</param>
    /// <param name="id">The question.</param>
    /// <param name="withdraw">Why it failed here, where others may work for it still; null where nobody does.</param>
    public static void End(Effects effects, PartySession session, string id, string? withdraw)
    {
        effects.Finish($"{SlotKinds.AskedBack}/{id}");
        if (withdraw is null || !session.OpenQueries.Contains(id))
        {
            return;
        }

        foreach (var other in new[] { session.Peer, session.Linker })
        {
            // Why is nobody's business but the asking party's.
            effects.Send(other, new WithdrawQuery(session.Id, id, FailureCodes.Cancelled));
        }
    }
}
