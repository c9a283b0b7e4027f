using System.Collections.Concurrent;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Data.Types;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions;

/// <summary>What questions ask, bound to the columns that both parties have announced: once a question, and again after a restart.</summary>
internal sealed class BoundQuestions(PartyContext party)
{
    private readonly ConcurrentDictionary<(string Session, string Id), BoundQuery> _bound = new();

    /// <summary>What a question asks.</summary>
    /// <exception cref="QueryException">Its text is no question, or not of these columns.</exception>
    public BoundQuery Of(PartySession session, Question question) => Of(session, question.Id, question.Text);

    /// <inheritdoc cref="Of(PartySession, Question)"/>
    public BoundQuery Of(PartySession session, string id, string text) =>
        _bound.TryGetValue((session.Id, id), out var known) ? known
            : _bound[(session.Id, id)] = new BoundQuery(Query.Parse(text), SchemaOf(party.Name, session));

    /// <summary>A question is over.</summary>
    public void Forget(string session, string id) => _bound.TryRemove((session, id), out _);

    /// <summary>A session is over.</summary>
    public void Forget(string session)
    {
        foreach (var key in _bound.Keys.Where(key => key.Session == session))
        {
            _bound.TryRemove(key, out _);
        }
    }

    /// <summary>Both parties' columns as announced; the same at both.</summary>
    internal static QuerySchema SchemaOf(string party, PartySession session)
    {
        static IReadOnlyList<TypedColumn> Typed(IEnumerable<Contracts.V1.ColumnDescription> columns) =>
            [.. columns.Select(column => new TypedColumn(column.Name, ColumnType.TryParse(column.Type)!))];
        return new QuerySchema(
            new Dictionary<string, IReadOnlyList<TypedColumn>>(StringComparer.Ordinal)
            {
                [party] = Typed(session.OwnColumns!),
                [session.Peer] = Typed(session.PeerColumns!)
            }, session.Texts);
    }
}
