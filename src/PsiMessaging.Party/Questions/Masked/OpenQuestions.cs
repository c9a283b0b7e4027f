using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.Masked;

/// <summary>Which questions of a session are at work, and when the first of them is given up.</summary>
internal static class OpenQuestions
{
    /// <summary>The questions, in the order in which they came; null for one whose document an earlier version wrote.</summary>
    public static IReadOnlyList<(string Id, Question? Question)> Of(Turn<PartySession> turn) => turn.Session.OpenQueries.Count == 0 ? []
        : turn.Read(state =>
            turn.Session.OpenQueries.Select(id => (id, QuestionBook.Find(state, id) is { Masked: not null } question ? question : null)).ToArray());

    /// <summary>The session with one more.</summary>
    public static PartySession With(this PartySession session, Question question)
    {
        var deadline = question.Masked!.DeadlineAt;
        return session with { OpenQueries = [.. session.OpenQueries, question.Id], QueryDueAt = session.QueryDueAt < deadline ? session.QueryDueAt : deadline };
    }

    /// <summary>The session with one less.</summary>
    public static PartySession Without(Turn<PartySession> turn, string id)
    {
        var session = turn.Session;
        if (!session.OpenQueries.Contains(id))
        {
            return session;
        }

        var rest = Of(turn).Where(open => open.Id != id).ToArray();
        return session with { OpenQueries = [.. rest.Select(open => open.Id)], QueryDueAt = rest.Min(open => open.Question?.Masked!.DeadlineAt) };
    }
}
