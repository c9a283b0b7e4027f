using System.Text.Json.Nodes;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Exchange;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Rows;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Session;

/// <summary>How sessions end without a result: what the door found, the word of another, a deadline; and what is told to whom. First of every turn.</summary>
internal sealed class Ending(PartyContext party, Exchanges exchanges) : ISessionArea<PartySession>
{
    /// <summary>The word of the peer or the linker that it is over.</summary>
    public static Admission Admit(Arrival<AbortSession, PartySession> arrival) => arrival.Session!.State == SessionState.Failed ? Admission.Drop
        : arrival.From == arrival.Session.Peer || arrival.From == arrival.Session.Linker ? Admission.Store
        : Admission.Refuse($"{arrival.From} is not who may send a {arrival.Envelope.Header.Type} message in this session");

    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<PartySession> turn)
    {
        var session = turn.Session;
        if (turn.Verdict() is { } verdict)
        {
            return new(session.IsEnded
                ? turn.Commit(effects => effects.Finish(Participants.Mailbox.Verdict.Slot))
                : Fail(turn, SessionTrigger.Fault, verdict.Code, verdict.Reason));
        }

        if (turn.Next<AbortSession>(SlotKinds.Abort) is { } abort)
        {
            var (code, reason) = (FailureCodes.Known(abort.Message.Code), $"{abort.From}: {PartyContext.Printable(abort.Message.Reason)}");
            return new(session.State == SessionState.Failed ? turn.Commit(effects => effects.Finish(abort.Slot))
                : Fail(turn, SessionTrigger.End, code, reason, tellPeer: abort.From != session.Peer,
                    follow: effects => effects.Finish(abort.Slot), word: abort.Envelope));
        }

        if (!session.IsEnded && turn.Now > session.DeadlineAt)
        {
            return new(Fail(turn, SessionTrigger.Fault, FailureCodes.Deadline, DeadlineReason(session),
                peerReason: DeadlineReason(session with { Warning = null })));
        }

        return new(TurnOutcome.Idle);
    }

    /// <summary>Ends the session without a result, with all that follows from it, in one transaction.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="trigger">Whether something failed or somebody ended it.</param>
    /// <param name="code">Why, as a code.</param>
    /// <param name="reason">Why, for this party's people.</param>
    /// <param name="tellPeer">Whether the peer is told.</param>
    /// <param name="peerReason">What it is told; null means the same.</param>
    /// <param name="follow">What else belongs to it.</param>
    /// <param name="word">Another's word that ended it; null where it is this party's own.</param>
    public TurnOutcome Fail(
        Turn<PartySession> turn, SessionTrigger trigger, string code, string reason,
        bool tellPeer = true, string? peerReason = null, Action<Effects>? follow = null, Envelope? word = null)
    {
        var session = turn.Session;
        var failed = session.Move(trigger) with
        {
            FailureCode = code, FailureReason = reason, EndedAt = turn.Now, OpenQueries = [], QueryDueAt = null, IsCleaned = false,
        };
        turn.Commit(failed, effects =>
        {
            follow?.Invoke(effects);
            Enter(effects, session, code, word);
            Tell(session, effects, code, reason, tellPeer ? peerReason ?? reason : null);
            effects.Forget(SlotKinds.OfRounds);
            effects.FinishAllBut(SlotKinds.OfTheEnd);
            QuestionBook.EndAll(effects, session, code, reason);
        });
        party.Log.Failed(session.Id, code, reason);
        return TurnOutcome.Worked;
    }

    /// <summary>A proposal that was not taken is a decision, and whose it was is said; everything after it is a failure.</summary>
    private void Enter(Effects effects, PartySession session, string code, Envelope? word)
    {
        (string, JsonNode?)[] details = [("session", session.Id), ("peer", session.Peer), ("code", code), ("by", word?.Header.From ?? party.Name)];
        if (session.State == SessionState.Asked || (session.State == SessionState.Proposed && word?.Header.From == session.Peer))
        {
            effects.Audit("session-refused", word, details);
        }
        else
        {
            effects.Audit("session-failed", word, details);
        }
    }

    private static void Tell(PartySession session, Effects effects, string code, string reason, string? peerReason)
    {
        // Who alone learns the result has said its last word with its report: when a failure is seen after it depends on how long comparing took.
        var hasSaidAll = session.HasReported && session.Revealed == Reveal.Own;
        if (peerReason is not null && !hasSaidAll && session.State != SessionState.Preparing)
        {
            effects.Send(session.Peer, new AbortSession(session.Id, code, PartyContext.Printable(peerReason)));
        }

        if (session.Registration is not (RegistrationState.None or RegistrationState.Refused))
        {
            effects.Send(session.Linker, new AbortSession(session.Id, code, "the parties ended the session"));
        }

        if (session.State == SessionState.Preparing)
        {
            effects.Reply(session.ReplyTo, session.Correlation, new CommandReply(false, session.Id, code, reason));
        }
    }

    private string DeadlineReason(PartySession session)
    {
        var waited = session.State switch
        {
            SessionState.Proposed => $"{session.Peer} did not answer the proposal; is its worker running, and does it have {party.Name}'s card pinned? "
                + $"It answers nobody whose card it has not (psi trust CARD.json){OtherCard(session.Peer)}",
            SessionState.Running => RunningReason(session),
            SessionState.Comparing => $"{session.Peer} did not report its result",
            _ => "it was still being prepared",
        };
        return $"the session's deadline passed while {waited}{(session.Warning is null ? "" : $"; {session.Warning}")}";
    }

    /// <summary>Messages in the peer's name under another card: anybody on the broker could have sent them, so they end nothing and are only counted.</summary>
    private string OtherCard(string peer) => party.Refused.InNameOf(peer) is > 0 and var count
        ? $"; {count} message(s) in the name of {peer} were not signed by the card pinned for it: if {peer} made a new identity, "
            + "compare fingerprints and pin it with: psi trust CARD.json --replace" : "";

    /// <summary>Which round stands still, and whose turn it is.</summary>
    private string RunningReason(PartySession session)
    {
        var silent = (exchanges.Find(session.Id)?.Exchange.Rounds ?? [])
            .Where(round => round.Direction == RoundDirection.Incoming && session.Consumed.GetValueOrDefault(round.Number) < round.Batches)
            .Select(round => $"{round.Name} ({session.Consumed.GetValueOrDefault(round.Number):N0} of {round.Batches:N0} batches)").ToArray();
        return silent.Length == 0 ? $"the rounds with {session.Peer} did not finish" : $"{session.Peer} had not sent all of {string.Join(", ", silent)}";
    }
}
