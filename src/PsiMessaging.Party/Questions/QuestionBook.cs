using System.Text.Json;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions;

/// <summary>Where a party's questions are kept: one document each, with its session.</summary>
public static class QuestionBook
{
    private const string Kind = "query";

    /// <summary>The stored answer to a question of the own people's.</summary>
    public static QueryResult? FindAnswer(IStoreReader state, string id) => Find(state, id)?.Result;

    /// <summary>All stored answers to the own people's questions, the oldest first.</summary>
    public static IReadOnlyList<QueryResult> Answers(IStoreReader state) =>
        [.. state.ListDocuments(Kind).Select(entry => Parse(entry.Document).Result).OfType<QueryResult>().OrderBy(result => result.AnsweredAt)];

    /// <summary>A question, or null.</summary>
    internal static Question? Find(IStoreReader state, string id) => state.FindDocument(Kind, id) is { } document ? Parse(document) : null;

    /// <summary>Whether an id is that of a question that the own people asked in a session.</summary>
    internal static bool IsOwnOf(IStoreReader state, string session, string id) => Find(state, id) is { IsOwn: true } question && question.Session == session;

    /// <summary>Stores a question.</summary>
    internal static void Put(Effects effects, Question question) =>
        effects.Put(Kind, question.Id, JsonSerializer.Serialize(question, PartyJson.Default.Question));

    /// <summary>Forgets a question of the peer's.</summary>
    internal static void Delete(Effects effects, Question question) => effects.Delete(Kind, question.Id);

    /// <summary>A session that ends leaves nobody waiting, and nothing of the peer's questions.</summary>
    internal static void EndAll(Effects effects, PartySession session, string code, string reason)
    {
        foreach (var (_, document) in effects.State.ListDocuments(Kind, session.Id))
        {
            var question = Parse(document);
            if (!question.IsOwn)
            {
                Delete(effects, question);
                effects.Audit("peer-question-ended", ("session", session.Id), ("query", question.Id), ("asker", session.Peer), ("code", code));
            }
            else if (!question.IsOver)
            {
                Put(effects, question.Refuse(code, reason) with { Masked = null });
                effects.Audit("query-refused", ("session", session.Id), ("query", question.Id), ("code", code));
                effects.Reply(question.ReplyTo, question.Id, new CommandReply(false, session.Id, code, $"the session ended: {reason}"));
            }
        }
    }

    private static Question Parse(string document) => JsonSerializer.Deserialize(document, PartyJson.Default.Question)!;
}
