using PsiMessaging.Participants.Mailbox;

namespace PsiMessaging.Party.Session;

/// <summary>
/// What the routes of messages inside a session have in common: who of the session may send them, and that a failed session waits for nothing.
/// </summary>
internal static class SessionRoutes
{
    /// <summary>A message from the session's peer.</summary>
    /// <param name="kind">First part of its slots.</param>
    /// <param name="limit">How many may wait.</param>
    /// <param name="session">The session's id in the message.</param>
    /// <param name="place">What tells messages of the kind apart, or null.</param>
    /// <param name="rule">What else is asked of it.</param>
    public static Route<TMessage, PartySession> FromPeer<TMessage>(
        string kind, Limit limit, Func<TMessage, string> session, Func<TMessage, string>? place = null,
        Func<Arrival<TMessage, PartySession>, Admission>? rule = null) =>
        Of(kind, limit, session, place, arrival => arrival.From == arrival.Session!.Peer, rule);

    /// <summary>A message from the session's linker.</summary>
    public static Route<TMessage, PartySession> FromLinker<TMessage>(
        string kind, Limit limit, Func<TMessage, string> session, Func<TMessage, string>? place,
        Func<Arrival<TMessage, PartySession>, Admission>? rule = null) =>
        Of(kind, limit, session, place, arrival => arrival.From == arrival.Session!.Linker, rule);

    /// <summary>To the error queue, as what nothing waits for.</summary>
    public static Admission Unwanted<TMessage>(Arrival<TMessage, PartySession> arrival) =>
        Admission.Refuse($"{arrival.From} sent a {arrival.Envelope.Header.Type} message that nothing waits for, or more than may wait here");

    private static Route<TMessage, PartySession> Of<TMessage>(
        string kind, Limit limit, Func<TMessage, string> session, Func<TMessage, string>? place,
        Func<Arrival<TMessage, PartySession>, bool> isSender, Func<Arrival<TMessage, PartySession>, Admission>? rule) =>
        new(SenderRole.Party | SenderRole.Linker, limit, kind)
        {
            Names = session,
            Place = place is null ? null : (message, _) => place(message),
            Rule = arrival => arrival.Session!.State == SessionState.Failed ? Admission.Drop
                : isSender(arrival) ? rule?.Invoke(arrival) ?? Admission.Store
                : Admission.Refuse($"{arrival.From} is not who may send a {arrival.Envelope.Header.Type} message in this session"),
        };
}
