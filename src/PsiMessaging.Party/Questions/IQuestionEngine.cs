using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions;

/// <summary>A linker engine's side at a party: what it sends before questions can be asked, and how they are asked and answered.</summary>
internal interface IQuestionEngine : IAsyncDisposable
{
    /// <summary>Its name.</summary>
    QueryEngine Engine { get; }

    /// <summary>Messages that only this engine has.</summary>
    IEnumerable<Route<PartySession>> Routes { get; }

    /// <summary>What a question is told while somebody has not sent, or not allowed, yet.</summary>
    /// <param name="who">Who has not.</param>
    string NotReady(string who);

    /// <summary>Does the next piece of what has to be at the linker before questions.</summary>
    Task<TurnOutcome> SendRowsAsync(Turn<PartySession> turn);

    /// <summary>Takes up a question.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="question">The question, not stored yet in this state.</param>
    /// <param name="bound">What it asks, bound to the session's columns.</param>
    /// <param name="query">The command.</param>
    /// <param name="follow">What else belongs to it.</param>
    /// <exception cref="Analytics.Queries.QueryException">The engine cannot answer it.</exception>
    TurnOutcome Begin(Turn<PartySession> turn, Question question, BoundQuery bound, SubmitQuery query, Action<Effects> follow);

    /// <summary>Does one piece of work on the session's open questions.</summary>
    Task<TurnOutcome> StepAsync(Turn<PartySession> turn);

    /// <summary>Reads what the linker answered, and holds it to what can be known.</summary>
    /// <returns>The question, answered or refused; null where the message is none of this engine's answers.</returns>
    Question? OpenAnswer(PartySession session, Question question, Waiting<object> answer);

    /// <summary>The session once one of its questions is over.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="id">The question.</param>
    PartySession Without(Turn<PartySession> turn, string id);

    /// <summary>What else belongs to the end of a question.</summary>
    /// <param name="effects">Where to.</param>
    /// <param name="session">The session as it was.</param>
    /// <param name="id">The question.</param>
    /// <param name="withdraw">Whether others may work for it still, and are told.</param>
    void End(Effects effects, PartySession session, string id, bool withdraw);

    /// <summary>Closes what is open of a question.</summary>
    ValueTask CloseAsync(string session, string id);

    /// <summary>Closes what is open of a session.</summary>
    ValueTask CloseAsync(string session);
}

/// <summary>The engines, by name.</summary>
internal sealed class QuestionEngines(IReadOnlyList<IQuestionEngine> engines) : IAsyncDisposable
{
    /// <summary>All of them.</summary>
    public IReadOnlyList<IQuestionEngine> All => engines;

    /// <summary>The session's.</summary>
    public IQuestionEngine Of(PartySession session) => engines.Single(engine => engine.Engine == session.Engine);

    /// <summary>Closes what is open of a session, in whatever engine.</summary>
    public async ValueTask CloseAsync(string session)
    {
        foreach (var engine in engines)
        {
            await engine.CloseAsync(session);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var engine in engines)
        {
            await engine.DisposeAsync();
        }
    }
}
