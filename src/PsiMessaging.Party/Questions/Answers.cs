using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions;

/// <summary>Makes answers of what an engine brings, keeps them in the home, and tells whoever waits: the answer itself never travels.</summary>
internal sealed class Answers(PartyContext party)
{
    /// <summary>A question with its answer, under the session's rules.</summary>
    public Question Of(PartySession session, Question question, BoundQuery query, IMomentTable table, int minCell) =>
        Of(session, question, query, new AnswerBuilder(query, table, minCell, session.IntersectionSize!.Value).Build(), minCell);

    /// <inheritdoc cref="Of(PartySession, Question, BoundQuery, IMomentTable, int)"/>
    public Question Of(PartySession session, Question question, BoundQuery query, Answer answer, int minCell)
    {
        var now = party.Time.GetUtcNow();
        return question.Answer(new QueryResult(
            question.Id, question.Text, session.Id, session.Engine!.Value, query.Query.Kind, answer, minCell, session.IntersectionSize!.Value,
            answer.Columns.TakeWhile(column => column.Role == AnswerRole.Label).Count(), now, (now - question.AskedAt).TotalSeconds));
    }

    /// <summary>Reads what came; what cannot be, or may not be said, refuses the question.</summary>
    /// <param name="question">The question.</param>
    /// <param name="read">Reads it.</param>
    /// <param name="spoilt">What it is refused by where its bytes cannot be.</param>
    public static Question Open(Question question, Func<Question> read, Func<InvalidDataException, (string Code, string Reason)> spoilt)
    {
        try
        {
            return read();
        }
        catch (InvalidDataException exception)
        {
            var (code, reason) = spoilt(exception);
            return question.Refuse(code, reason);
        }
        catch (ParticipantException exception)
        {
            return question.Refuse(exception.Code, exception.Message);
        }
        catch (QueryException exception)
        {
            return question.Refuse(exception.Code, exception.Message);
        }
    }

    /// <summary>Keeps an ended question and tells whoever waits for it.</summary>
    /// <param name="effects">Where to.</param>
    /// <param name="question">The question.</param>
    /// <param name="word">The linker's word that ended it; null where none did.</param>
    public void Finish(Effects effects, Question question, Envelope? word = null)
    {
        QuestionBook.Put(effects, question);
        effects.Reply(question.ReplyTo, question.Id,
            new CommandReply(question.Result is not null, question.Session, question.FailureCode, question.FailureReason, question.Id));
        effects.Audit("query-answered", word, ("session", question.Session), ("query", question.Id), ("received", (word?.Message as QueryAnswered)?.Groups),
            ("groups", question.Result?.Answer.Rows.Count), ("suppressed", question.Result?.Answer.Withheld), ("failure", question.FailureCode));
        party.Log.Answered(question.Session, question.Id, question.Result?.Answer.Rows.Count ?? 0, question.FailureCode ?? "answered");
    }
}
