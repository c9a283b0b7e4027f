using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions;

/// <summary>Takes the own people's questions, and the linker's answers to them; the session's engine does what lies between.</summary>
internal sealed class QuestionDesk(PartyContext party, QuestionEngines engines, BoundQuestions bound, Answers answers) : ISessionArea<PartySession>
{
    private const int MaximumPad = 100;

    /// <summary>How long a question waits for the news that both parties' rows are registered: it may be on its way.</summary>
    private static readonly TimeSpan RegistrationGrace = TimeSpan.FromSeconds(5);

    /// <summary>The routes of answers.</summary>
    public static IEnumerable<Route<PartySession>> Routes =>
    [
        AnswerOf<QueryAnswered>(message => message.SessionId, message => message.QueryId),
        AnswerOf<QueryRefused>(message => message.SessionId, message => message.QueryId),
        AnswerOf<ProductComputed>(message => message.SessionId, message => message.QueryId),
    ];

    /// <summary>Takes a question.</summary>
    public TurnOutcome Ask(Turn<PartySession> turn, Waiting<object> command)
    {
        var (session, query) = (turn.Session, (SubmitQuery)command.Message);
        if (session.State != SessionState.Completed)
        {
            return CommandDesk.Answer(turn, command, CommandDesk.NotCompleted(session));
        }

        var id = command.Envelope.Header.Correlation!;
        var known = turn.Read(state => QuestionBook.Find(state, id));
        if (!session.MayAsk)
        {
            return AwaitRegistration(turn, command, query, known);
        }

        var question = known ?? NewQuestion(turn, command, query);
        try
        {
            return Begin(turn, command, question, query);
        }
        catch (QueryException exception)
        {
            bound.Forget(session.Id, id);
            return turn.Commit(effects =>
            {
                if (known is not null)
                {
                    QuestionBook.Put(effects, known.Refuse(exception.Code, exception.Message));
                }

                effects.Audit("query-refused", ("session", session.Id), ("query", id), ("code", exception.Code));
                CommandDesk.Answer(effects, command, CommandDesk.Refusal(session, exception.Code, exception.Message));
            });
        }
    }

    /// <inheritdoc/>
    public async ValueTask<TurnOutcome> StepAsync(Turn<PartySession> turn)
    {
        if (turn.Next<object>(SlotKinds.Answer) is { } answer)
        {
            return await TakeAnswerAsync(turn, answer);
        }

        return await engines.Of(turn.Session).StepAsync(turn);
    }

    /// <summary>An answer that cannot be read ends its question and no more: it would come up again with every turn, before all that waits behind it.</summary>
    private Question? Open(IQuestionEngine engine, PartySession session, Question question, Waiting<object> answer)
    {
        try
        {
            return engine.OpenAnswer(session, question, answer);
        }
        catch (Exception fault) when (Faults.IsLasting(fault))
        {
            party.Log.StepFault(fault, session.Id);
            return question.Refuse(FailureCodes.Internal, $"{party.Name} could not read {session.Linker}'s answer; its log says why");
        }
    }

    private static Route<PartySession> AnswerOf<TMessage>(Func<TMessage, string> session, Func<TMessage, string> question) => SessionRoutes.FromLinker(
        SlotKinds.Answer, Limit.By("one an own question"), session, question, arrival =>
            ParticipantNames.IsId(question(arrival.Message)) && QuestionBook.IsOwnOf(arrival.State, arrival.Session!.Id, question(arrival.Message))
                ? Admission.Store : SessionRoutes.Unwanted(arrival));

    private static Question NewQuestion(Turn<PartySession> turn, Waiting<object> command, SubmitQuery query) => new(QuestionState.Waiting)
    {
        Id = command.Envelope.Header.Correlation!, Session = turn.Session.Id, Text = query.Text, AskedAt = turn.Now, ReplyTo = command.Envelope.Header.ReplyTo,
    };

    private TurnOutcome AwaitRegistration(Turn<PartySession> turn, Waiting<object> command, SubmitQuery query, Question? known)
    {
        var session = turn.Session;
        if (known is null)
        {
            return turn.Commit(effects => QuestionBook.Put(effects, NewQuestion(turn, command, query)));
        }

        if (turn.Now - known.AskedAt < RegistrationGrace)
        {
            return TurnOutcome.IdleUntil(known.AskedAt + RegistrationGrace);
        }

        string?[] missing =
        [
            session.Registration != Rows.RegistrationState.Registered ? party.Name : null,
            !session.PeerRegistered || session.PeerColumns is null ? session.Peer : null,
        ];
        var reason = $"{engines.Of(session).NotReady(string.Join(" and ", missing.OfType<string>()))}: psi send {session.Id[..8]}";
        return turn.Commit(effects =>
        {
            QuestionBook.Put(effects, known.Refuse(FailureCodes.NotRegistered, reason));
            effects.Audit("query-refused", ("session", session.Id), ("query", known.Id), ("code", FailureCodes.NotRegistered));
            CommandDesk.Answer(effects, command, CommandDesk.Refusal(session, FailureCodes.NotRegistered, reason));
        });
    }

    private TurnOutcome Begin(Turn<PartySession> turn, Waiting<object> command, Question question, SubmitQuery query)
    {
        var session = turn.Session;
        var asked = bound.Of(session, question);
        if (query.DeadlineSeconds is < 1 or > PartyContext.MaximumDeadlineSeconds || query.Pad is < 1 or > MaximumPad)
        {
            throw new QueryException(FailureCodes.Malformed, $"a query's deadline is 1 second to 30 days, and its padding 1 to {MaximumPad}");
        }

        if (session.IntersectionSize is not > 0)
        {
            var answered = answers.Of(session, question, asked, AnswerBuilder.Empty(asked), session.MinCell);
            bound.Forget(session.Id, question.Id);
            return turn.Commit(effects =>
            {
                effects.Finish(command.Slot);
                answers.Finish(effects, answered);
            });
        }

        return engines.Of(session).Begin(turn, question, asked, query, effects =>
        {
            effects.Finish(command.Slot);
            effects.Audit("query-asked", ("session", session.Id), ("query", question.Id), ("text", query.Text));
        });
    }

    private async Task<TurnOutcome> TakeAnswerAsync(Turn<PartySession> turn, Waiting<object> answer)
    {
        var session = turn.Session;
        var id = answer.Message switch
        {
            QueryAnswered answered => answered.QueryId,
            ProductComputed product => product.QueryId,
            var refused => ((QueryRefused)refused).QueryId
        };
        if (turn.Read(state => QuestionBook.Find(state, id)) is not { IsOwn: true, IsOver: false } question || question.Session != session.Id)
        {
            // Another session's question, maybe at another linker, or one that has ended: not this one's to answer.
            return turn.Commit(effects => effects.Finish(answer.Slot));
        }

        var engine = engines.Of(session);
        var over = answer.Message is QueryRefused refusal
            ? question.Refuse(FailureCodes.Known(refusal.Code), $"{session.Linker}: {PartyContext.Printable(refusal.Reason)}")
            : Open(engine, session, question, answer)
            ?? question.Refuse(FailureCodes.Malformed, $"{session.Linker} answered in a way that does not fit the session's engine");
        turn.Commit(engine.Without(turn, id), effects =>
        {
            effects.Finish(answer.Slot);

            // With the answer nobody works for it any more; a refusal of the linker's leaves the other party at work.
            engine.End(effects, session, id, withdraw: answer.Message is QueryRefused);
            answers.Finish(effects, over with { Masked = null }, answer.Envelope);
        });
        bound.Forget(session.Id, id);
        await engine.CloseAsync(session.Id, id);
        return TurnOutcome.Worked;
    }
}
