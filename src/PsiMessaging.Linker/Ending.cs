using PsiMessaging.Contracts.V1;
using PsiMessaging.Linker.Engines;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker;

/// <summary>
/// How sessions end: by what the door found, by a party's word, or because a registration did not come; what is told to whom; and that the rows of an
/// ended one go. First of every turn.
/// </summary>
/// <param name="linker">The linker.</param>
/// <param name="engines">What may hold something for a session.</param>
internal sealed class Ending(LinkerContext linker, IReadOnlyList<ILinkerEngine> engines) : ISessionArea<LinkSession>
{
    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<LinkSession> turn) => new(Step(turn));

    private TurnOutcome Step(Turn<LinkSession> turn)
    {
        if (turn.Session is { Ended: true, IsCleaned: false })
        {
            return CleanUp(turn);
        }

        if (turn.Verdict() is { } verdict)
        {
            return turn.Session.Ended ? turn.Commit(effects => effects.Finish(Verdict.Slot))
                : Fail(turn, verdict.Code, verdict.Reason, follow: effects => effects.Finish(Verdict.Slot));
        }

        return turn.Next<AbortSession>(SlotKinds.Abort) is { } abort ? Abort(turn, abort) : GiveUp(turn);
    }

    private static TurnOutcome Abort(Turn<LinkSession> turn, Waiting<AbortSession> abort)
    {
        var session = turn.Session;
        return session.Ended ? turn.Commit(effects => effects.Finish(abort.Slot)) : turn.Commit(EndOf(session, LinkTrigger.End, turn.Now), effects =>
        {
            effects.Finish(abort.Slot);
            Forget(effects);
            effects.Audit("session-deleted", abort.Envelope, ("session", session.Id), ("by", abort.From), ("code", FailureCodes.Known(abort.Message.Code)));
        });
    }

    /// <summary>
    /// A linker has no deadlines of its own: the parties end their sessions. Only what never became a session is given up. Times are stored, and woken
    /// for, in whole milliseconds.
    /// </summary>
    private TurnOutcome GiveUp(Turn<LinkSession> turn)
    {
        var session = turn.Session;
        if (session.DueAt is not { } dueAt || turn.Now.ToUnixTimeMilliseconds() < dueAt.ToUnixTimeMilliseconds() || turn.Has(SlotKinds.Registration))
        {
            return TurnOutcome.Idle;
        }

        return Fail(turn, FailureCodes.Deadline, $"{session.Partner} has not registered for {PartyBounds.HalfRegisteredAge.TotalDays:0} days");
    }

    /// <summary>Ends the session under a named reason and tells its parties, in one transaction.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="code">Why, as a code of the wire contract.</param>
    /// <param name="reason">Why, for the parties' people.</param>
    /// <param name="session">The session, where it is to be kept otherwise than it stands.</param>
    /// <param name="alsoTell">Whom to tell beside the registered parties.</param>
    /// <param name="follow">What else belongs to it.</param>
    public TurnOutcome Fail(
        Turn<LinkSession> turn, string code, string reason, LinkSession? session = null, IEnumerable<string>? alsoTell = null, Action<Effects>? follow = null)
    {
        session ??= turn.Session;
        var failed = EndOf(session, LinkTrigger.Fault, turn.Now) with { FailureCode = code, FailureReason = reason };
        turn.Commit(failed, effects =>
        {
            follow?.Invoke(effects);
            var parties = session.Registrations.SelectMany(registration => new[] { registration.Party, registration.Peer });
            foreach (var party in parties.Concat(alsoTell ?? []).Distinct(StringComparer.Ordinal))
            {
                if (linker.Home.FindCard(party) is not null)
                {
                    effects.SendRepeatable(party, new AbortSession(session.Id, code, reason));
                }
            }

            Forget(effects);
            effects.Audit("session-failed", ("session", session.Id), ("code", code));
        });
        linker.Log.Failed(session.Id, code, reason);
        return TurnOutcome.Worked;
    }

    /// <summary>
    /// The same where the turn came upon something: a registration that was refused is not in the session yet, and its sender is told as well.
    /// </summary>
    public TurnOutcome FailNow(Turn<LinkSession> turn, Fault fault, LinkSession? session = null, Action<Effects>? follow = null) =>
        Fail(turn, fault.Code, fault.Reason, session, turn.Slots(SlotKinds.Registration).Select(slot => turn.At<RegisterDataset>(slot)!.From).ToArray(),
            follow);

    private static LinkSession EndOf(LinkSession session, LinkTrigger trigger, DateTimeOffset now) =>
        session.Move(trigger) with { EndedAt = now, Products = new Dictionary<string, LinkProduct>() };

    private static void Forget(Effects effects)
    {
        effects.Forget(SlotKinds.OfRows);
        effects.FinishKinds(SlotKinds.OfProducts);
    }

    /// <summary>Deletes an ended session's rows, after its end is on disk, and again at the next start if need be.</summary>
    private TurnOutcome CleanUp(Turn<LinkSession> turn)
    {
        var session = turn.Session;
        foreach (var engine in engines)
        {
            engine.Release(session.Id);
        }

        var folder = linker.Folders.OfSession(session.Id);
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        // Until this is on disk the session stays open, so that a clean-up that failed is tried again.
        return turn.Commit(session with { IsCleaned = true }, effects => effects.CloseChannels());
    }
}
