using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Turns;

/// <summary>A session of a participant: an immutable document.</summary>
/// <typeparam name="TSelf">The type itself.</typeparam>
public interface ISession<TSelf>
    where TSelf : class, ISession<TSelf>
{
    /// <summary>Session id: 32 lower-case hexadecimal digits.</summary>
    string Id { get; }

    /// <summary>Reads a stored one.</summary>
    static abstract TSelf Parse(StoredSession stored);

    /// <summary>As it is stored.</summary>
    StoredSession ToStored();
}

/// <summary>One matter of a session's: does a piece of its work in a turn.</summary>
/// <typeparam name="TSession">Sessions.</typeparam>
public interface ISessionArea<TSession>
    where TSession : class, ISession<TSession>
{
    /// <summary>Does one piece of work, if there is any.</summary>
    ValueTask<TurnOutcome> StepAsync(Turn<TSession> turn);
}
