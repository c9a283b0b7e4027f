using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Participants.Mailbox;

/// <summary>
/// Who may send what, how much of it, and when: the one place. Every message that travels in an envelope has a route, if only one that nobody may take, and
/// every route a limit; a participant whose table lacks one does not start.
/// </summary>
/// <typeparam name="TSession">Sessions of this participant.</typeparam>
public sealed class RouteTable<TSession>
    where TSession : class
{
    private readonly Dictionary<Type, Route<TSession>> _routes = [];

    /// <param name="routes">The routes.</param>
    /// <param name="room">What of one sender may wait in all sessions.</param>
    /// <param name="whom">What is said behind "may not send a … message": whom not.</param>
    /// <exception cref="InvalidOperationException">A message has no route, or two.</exception>
    public RouteTable(IEnumerable<Route<TSession>> routes, Room room, string whom = "")
    {
        (Room, Whom) = (room, whom);
        foreach (var route in routes)
        {
            if (!_routes.TryAdd(route.Message, route))
            {
                throw new InvalidOperationException($"{route.Message.Name} has two routes");
            }
        }

        if (MessageLimits.Messages.Except(_routes.Keys).FirstOrDefault() is { } missing)
        {
            throw new InvalidOperationException($"{missing.Name} has no route: say who may send it and how many may wait, or that nobody may");
        }
    }

    /// <summary>What of one sender may wait in all sessions.</summary>
    public Room Room { get; }

    /// <summary>What is said behind "may not send a … message".</summary>
    internal string Whom { get; }

    /// <summary>The routes.</summary>
    public IReadOnlyCollection<Route<TSession>> Routes => _routes.Values;

    /// <summary>The route of a message.</summary>
    public Route<TSession> Of(Type message) => _routes[message];

    /// <summary>A message that this participant never takes.</summary>
    public static Route<TSession> Never<TMessage>() => new Route<TMessage, TSession>(SenderRole.Nobody, Limit.By("nobody may send it"), typeof(TMessage).Name);
}
