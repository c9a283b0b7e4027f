using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Questions.History;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.Masked;

/// <summary>The asking party's part of a question: looks at its own rows, asks the other to contribute, and opens the product.</summary>
internal sealed class Asking(
    PartyContext party, BoundQuestions bound, Contributions contributions, Sealing sealing, GivingUp givingUp, Answers answers, HistoryGuard history)
{
    private const int DefaultSeconds = 600;

    /// <summary>Most by which a peer's report may raise the own counter: more would use it up.</summary>
    private const long MaximumCounterStep = 1_000_000;

    /// <summary>Takes up a question. The counter is on disk before anything is masked under it.</summary>
    public TurnOutcome Begin(Turn<PartySession> turn, Question question, SubmitQuery query, Action<Effects> follow)
    {
        var counter = turn.Session.OwnMaskCounter + 1;
        var prepared = question.Move(QuestionTrigger.Prepare) with
        {
            Masked = new MaskedQuestion(counter, query.Pad ?? 1, turn.Now.AddSeconds(query.DeadlineSeconds ?? DefaultSeconds)),
        };
        return turn.Commit((turn.Session with { OwnMaskCounter = counter }).With(prepared), effects =>
        {
            QuestionBook.Put(effects, prepared);
            follow(effects);
        });
    }

    /// <summary>Asks the other party.</summary>
    public async Task<TurnOutcome> ProposeAsync(Turn<PartySession> turn, Question question)
    {
        var session = turn.Session;
        var matrix = await contributions.MatrixOfAsync(session, question.Id, question.Text, session.Peer);
        var announced = session.MinCell > 1 ? Announce(session, bound.Of(session, question), matrix) : null;
        var draft = await history.OnOwnAsync(turn, question, bound.Of(session, question), matrix);
        contributions.Keep(session, question.Id, matrix);
        var masked = question.Masked!;
        var proposed = question.Move(QuestionTrigger.Propose) with
        {
            Masked = masked with { Own = matrix.Shape, OwnLabels = matrix.Labels, OwnRecords = announced is null ? null : matrix.OwnRecords },
        };
        var seconds = (int)Math.Clamp((masked.DeadlineAt - turn.Now).TotalSeconds, 1, PartyContext.MaximumDeadlineSeconds);
        var body = sealing.Seal(
            session, question.Id, nameof(ProposeQuery),
            new QueryProposal(question.Text, matrix.Shape, masked.Pad, announced, announced is null ? null : matrix.ReleaseSide),
            SealedBodyJson.Default.QueryProposal);
        try
        {
            return turn.Commit(effects =>
            {
                draft?.Keep(effects);
                QuestionBook.Put(effects, proposed);
                effects.Send(session.Peer, new ProposeQuery(session.Id, session.Transcript, question.Id, masked.Counter, seconds), body);
            });
        }
        catch (PolicyDesk.SupersededException)
        {
            // An own question of another session was quicker, and this one was not held against it; the next turn does that.
            await contributions.CloseAsync(session.Id, question.Id);
            return TurnOutcome.Worked;
        }
    }

    /// <summary>Takes the other party's word.</summary>
    public async Task<TurnOutcome> TakeReplyAsync(Turn<PartySession> turn, Question question)
    {
        if (turn.At<object>($"{SlotKinds.AskedBack}/{question.Id}") is not { } waiting)
        {
            return TurnOutcome.Idle;
        }

        return waiting.Message switch
        {
            RefuseQuery refusal => await TakeRefusalAsync(turn, question, refusal, waiting.Envelope.Body),
            AcceptQuery acceptance => await TakeAcceptanceAsync(turn, question, waiting, acceptance),
            _ => throw new QueryException(FailureCodes.Malformed, $"{turn.Session.Peer} answered in a way that cannot be"),
        };
    }

    /// <summary>Unmasks the linker's product and holds it to what can be known.</summary>
    public Question? OpenProduct(PartySession session, Question question, Waiting<object> answer) => answer.Message is not ProductComputed product ? null
        : Answers.Open(question, () => Open(session, question, product, answer.Envelope.Body), exception =>
            (FailureCodes.BadContribution, $"the product is refused: {exception.Message}; a contribution or the product was wrong, ask again"));

    private Question Open(PartySession session, Question question, ProductComputed product, ReadOnlyMemory<byte> body)
    {
        if (question is not { State: QuestionState.Contributed, Masked: { OwnLabels: { } ownLabels, Labels: { } labels } masked })
        {
            throw new InvalidDataException("it comes before this party has contributed");
        }

        var query = bound.Of(session, question);
        var (plan, masks) = contributions.PlanOf(session, question);
        using (masks)
        {
            var length = BodyWords.WordSizeBytes * plan.A.PaddedColumns * plan.B.PaddedColumns;
            var release = contributions.ReleaseOf(session, question, plan);
            if (product.Rows != plan.Rows || product.AskerColumns != plan.A.PaddedColumns
                || product.PeerColumns != plan.B.PaddedColumns || (release is null ? body.Length != length : body.Length < length))
            {
                throw new InvalidDataException("its shape is not the query's");
            }

            var words = BodyWords.Read(body.Span[..length]);
            Release? released = null;
            if (release is null)
            {
                Contribution.Unmask(masks, words);
                plan.Cut(words);
            }
            else
            {
                released = OpenRelease(session, question, plan, release, words, body[length..]);
            }

            return answers.Of(session, question, query, new MaskedTable(query, plan, words, ownLabels, labels, masked.OwnRecords, released), session.MinCell);
        }
    }

    /// <summary>Opens what linker and contributing party have released. All other words are nothing, here too.</summary>
    private Release OpenRelease(
        PartySession session, Question question, MaskedPlan plan, ReleasePlan release, ulong[] words, ReadOnlyMemory<byte> behind)
    {
        var labels = ReleaseProtocol.OpeningSizeBytes(release.Program).Labels;
        if (behind.Length < labels || sealing.TryUnseal(session, question.Id, nameof(ReleaseTables), behind[labels..]) is not { } sealedWords)
        {
            throw new InvalidDataException($"{session.Peer} has not sealed what it releases");
        }

        var shares = new ulong[release.Program.PlacesOf(words.Length)];
        var opened = ReleaseProtocol.Open(
            release.Program, behind.Span[..labels], sealedWords, contributions.ContextOf(session, question, plan).Hash(), shares);
        var all = release.Words(opened, words, shares);
        all.AsSpan(0, words.Length).CopyTo(words);
        return release.Read(opened, all);
    }

    /// <summary>What this party must say about its own side; it does not ask what the other would refuse.</summary>
    private QueryAnnouncement Announce(PartySession session, BoundQuery query, PartyMatrix matrix)
    {
        if (matrix.GroupLabels.Count == 0)
        {
            throw new QueryException(QueryException.BelowMinimum, TooFew(session, query, matrix));
        }

        return QuestionRule.Fault(matrix.Announced, query, party.Name, session.MinCell, isAsker: true) is { } fault
            ? throw new QueryException(QueryException.BelowMinimum, fault) : matrix.Announced;
    }

    private string TooFew(PartySession session, BoundQuery query, PartyMatrix matrix)
    {
        if (matrix.ColumnFault is { } column)
        {
            return column;
        }

        if (matrix.Aside >= session.MinCell)
        {
            return $"every group of {QuestionRule.GroupedBy(query, party.Name)} has fewer than {session.MinCell} common records; take coarser classes";
        }

        if (session.IntersectionSize < session.MinCell)
        {
            return $"the parties have fewer than {session.MinCell} records in common, the session's minimum cell size, and nothing is said about so few; "
                + "for data that are not confidential both datasets can set a lower one (--min-cell 1)";
        }

        var filter = query.Where.Where(condition => condition.Party == party.Name).Select(condition => QueryText.Write(condition.Condition)).ToArray();
        return $"{(filter.Length > 0 ? $"the filter `{string.Join(" and ", filter)}`" : "what the question needs a value of")} leaves fewer than "
            + $"{session.MinCell} of {party.Name}'s common records; ask about more";
    }

    private async Task<TurnOutcome> TakeRefusalAsync(Turn<PartySession> turn, Question question, RefuseQuery refusal, ReadOnlyMemory<byte> body)
    {
        var session = turn.Session;
        Sealing.RequireTranscript(session, refusal.Transcript);
        var reason = PartyContext.Printable(
            sealing.Unseal(session, question.Id, nameof(RefuseQuery), body, SealedBodyJson.Default.QueryRefusal).Reason ?? "no reason given");
        var (next, counter) = (session, question.Masked!.Counter);
        if (refusal.Code == FailureCodes.MaskCounter && refusal.HighestCounter >= counter && refusal.HighestCounter - counter <= MaximumCounterStep)
        {
            // Our state is older than the peer's memory of it: never use a counter twice, go on above the highest anybody has seen.
            next = session with { OwnMaskCounter = Math.Max(session.OwnMaskCounter, refusal.HighestCounter) };
            reason += $". {party.Name}'s counter was raised to {refusal.HighestCounter}; ask again";
        }

        return await givingUp.GiveUpAsync(turn, question, FailureCodes.Known(refusal.Code), $"{session.Peer}: {reason}", tellPeer: false, next, effects =>
        {
            HistoryBook.Forget(effects, HistoryKey.Of(session, HistoryRole.Own), question.Id);
            if (!ReferenceEquals(next, session))
            {
                effects.Audit("mask-counter-raised", ("session", session.Id), ("from", counter), ("to", refusal.HighestCounter));
            }
        });
    }

    private async Task<TurnOutcome> TakeAcceptanceAsync(Turn<PartySession> turn, Question question, Waiting<object> waiting, AcceptQuery acceptance)
    {
        var session = turn.Session;
        Sealing.RequireTranscript(session, acceptance.Transcript);
        var labels = sealing.Unseal(session, question.Id, nameof(AcceptQuery), waiting.Envelope.Body, SealedBodyJson.Default.PartyLabels);
        RequireLabels(bound.Of(session, question), session, labels);
        var masked = question.Masked!;
        var sides = masked.OwnRecords is { } own
            ? new ReleaseSides(party.Name, own.Groups, own.Levels,
                new ReleaseAnnouncement(own.Columns, masked.OwnLabels!.TwoValued ?? [], own.Counts!, ReleaseSides.MissingOf(masked.OwnLabels.Groups)),
                labels.TwoValued ?? [], ReleaseSides.MissingOf(labels.Groups))
            : null;
        var agreed = question.Move(QuestionTrigger.Agree) with
        {
            Masked = masked with { Peer = labels.Shape, Labels = labels, Sides = sides, Noise = labels.Noise,
                Owner = labels.Dominance is null ? null : new OwnerTerms(new DominanceTerms(labels.Dominance)) },
        };
        await contributions.OpenAsync(session, agreed);
        return turn.Commit(effects =>
        {
            effects.Finish(waiting.Slot);
            QuestionBook.Put(effects, agreed);
            effects.Audit("peer-contributes", waiting.Envelope, ("session", session.Id), ("query", question.Id), ("peer", session.Peer));
        });
    }

    /// <summary>Labels a peer sends are held to the query: as many as there are groupings, no group twice.</summary>
    private static void RequireLabels(BoundQuery query, PartySession session, PartyLabels labels)
    {
        if (labels.Groups is null || labels.Levels is null)
        {
            throw new QueryException(FailureCodes.Malformed, $"{session.Peer} sent no labels");
        }

        if (labels.Noise is { } noise)
        {
            if (!NoiseRule.IsValid(noise))
            {
                throw new QueryException(FailureCodes.BadContribution, $"{session.Peer} says that its noise is what no noise can be");
            }

            NoiseRule.Require(query, session.Peer, session.MinCell, noise);
        }

        if (labels.Dominance is { } held)
        {
            var known = Dominance.ColumnsOf(query, session.Peer, column => held.Contains(column));
            if (labels.Noise is not null || held.Count == 0 || !held.SequenceEqual(known, StringComparer.Ordinal))
            {
                throw new QueryException(FailureCodes.BadContribution, $"{session.Peer} holds sums to rules that this question has none of");
            }

            Dominance.Require(query, session.Peer, held, session.MinCell);
        }

        if (!HasGroups(query, session, labels.Groups) || !HasLevels(query, session, labels.Levels))
        {
            throw new QueryException(FailureCodes.BadContribution, $"{session.Peer} sent labels that do not fit the query");
        }
    }

    private static bool HasGroups(BoundQuery query, PartySession session, IReadOnlyList<IReadOnlyList<string?>> groups)
    {
        var groupings = query.Groupings.Count(grouping => grouping.Column.Party == session.Peer);
        return groups.Count <= PartyMatrix.MaximumGroups && (groups.Count > 0 || session.MinCell > 1)
            && groups.All(group => group is not null && group.Count == groupings)
            && groups.Select(LabelKey.Of).Distinct(StringComparer.Ordinal).Count() == groups.Count;
    }

    private static bool HasLevels(BoundQuery query, PartySession session, IReadOnlyList<IReadOnlyList<string>> levels) =>
        levels.Count == query.Terms.Count(term => term.Grouping is not null && term.Column.Party == session.Peer)
        && levels.All(level => level is not null && level.Count <= PartyMatrix.MaximumGroups && level.All(label => label is not null));
}
