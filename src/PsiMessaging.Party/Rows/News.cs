using System.Text.Json.Nodes;
using PsiMessaging.Analytics.Tokens;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Data.Types;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Rows;

/// <summary>What a completed session hears: the peer's columns, whose rows are registered, and that the peer has asked.</summary>
internal sealed class News(PartyContext party, Ending ending) : ISessionArea<PartySession>
{
    private const int MostColumns = 1000, LongestName = 1000, MostWaiting = 256;

    /// <summary>Columns of a question that are named in the audit log.</summary>
    private const int MostNamedColumns = 64;

    /// <summary>The routes.</summary>
    public static IEnumerable<Route<PartySession>> Routes =>
    [
        SessionRoutes.FromPeer<AnnounceColumns>(SlotKinds.Columns, Limit.OnePlace, message => message.SessionId),
        SessionRoutes.FromLinker<DatasetRegistered>(SlotKinds.Registered, Limit.By("one a party"),
            message => message.SessionId, message => message.Party, AdmitRegistered),
        SessionRoutes.FromLinker<QueryAsked>(SlotKinds.Asked, Limit.Few(MostWaiting), message => message.SessionId, message => message.QueryId,
            arrival => ParticipantNames.IsId(arrival.Message.QueryId) ? Admission.Store : SessionRoutes.Unwanted(arrival)),
    ];

    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<PartySession> turn) => new(TakeColumns(turn) ?? TakeRegistered(turn) ?? TakeAsked(turn) ?? TurnOutcome.Idle);

    /// <summary>What this party has not sent cannot be confirmed, and would take the place of the true word.</summary>
    private static Admission AdmitRegistered(Arrival<DatasetRegistered, PartySession> arrival)
    {
        var (session, registered) = (arrival.Session!, arrival.Message);
        return registered.Party == session.Peer
            || (registered.Party == arrival.Envelope.Header.To && session is { Registration: not RegistrationState.None, OwnColumns: not null })
            ? Admission.Store : SessionRoutes.Unwanted(arrival);
    }

    private TurnOutcome? TakeColumns(Turn<PartySession> turn)
    {
        if (turn.Next<AnnounceColumns>(SlotKinds.Columns) is not { } waiting)
        {
            return null;
        }

        var (session, columns) = (turn.Session, waiting.Message.Columns);
        return columns.Count > MostColumns || columns.Any(column => column.Name.Length is 0 or > LongestName || ColumnType.TryParse(column.Type) is null)
            || columns.DistinctBy(column => column.Name, StringComparer.Ordinal).Count() != columns.Count
            ? ending.Fail(turn, SessionTrigger.End, FailureCodes.Malformed,
                $"{session.Peer} announced columns that cannot be", follow: effects => effects.Finish(waiting.Slot))
            : turn.Commit(session with { PeerColumns = columns, PeerGuards = waiting.Message.Guarded == true }, effects => effects.Finish(waiting.Slot));
    }

    /// <summary>Whether linker and contributing party release the session's answers.</summary>
    private static bool IsReleased(PartySession session) => session is { Engine: QueryEngine.Masked, MinCell: > 1 };

    private static string? FaultOf(byte[]? offer) =>
        offer is not { Length: ReleaseKeys.OfferSizeBytes } ? "its message of the base transfers is missing" : ReleaseKeys.FaultOf(offer);

    private TurnOutcome? TakeRegistered(Turn<PartySession> turn)
    {
        if (turn.Next<DatasetRegistered>(SlotKinds.Registered) is not { } waiting)
        {
            return null;
        }

        var session = turn.Session;
        var next = session;
        if (waiting.Message.Party == session.Peer)
        {
            next = session with { PeerRegistered = true };
        }
        else if (waiting.Message.Party == party.Name && session is { Registration: RegistrationState.Sending or RegistrationState.Sent, OwnColumns: not null })
        {
            if (IsReleased(session) && FaultOf(waiting.Message.Offer) is { } fault)
            {
                return ending.Fail(turn, SessionTrigger.End, FailureCodes.Malformed,
                    $"{session.Linker} confirms the registration without what releases rest on: {fault}", follow: effects => effects.Finish(waiting.Slot));
            }

            next = session with
            {
                Registration = RowsMachine.Next(session.Registration, RowsTrigger.Confirmed), RegisteredAt = turn.Now,
                ReleaseOffer = IsReleased(session) ? waiting.Message.Offer : null,
            };
        }
        else if (waiting.Message.Party == party.Name)
        {
            // The linker confirms what this party has not sent: without consequence, for that is this party's people's to say.
            party.Log.UnaskedNews(session.Id, session.Linker);
        }

        return turn.Commit(next, effects =>
        {
            effects.Finish(waiting.Slot);
            if (!ReferenceEquals(next, session))
            {
                effects.Audit("rows-confirmed", waiting.Envelope, ("session", session.Id), ("linker", session.Linker), ("party", waiting.Message.Party),
                    ("rows", waiting.Message.Rows));
            }
        });
    }

    private TurnOutcome? TakeAsked(Turn<PartySession> turn)
    {
        if (turn.Next<QueryAsked>(SlotKinds.Asked) is not { } waiting)
        {
            return null;
        }

        var (session, asked) = (turn.Session, waiting.Message);
        var names = NamesOf(session, asked.Columns);
        return turn.Commit(effects =>
        {
            effects.Finish(waiting.Slot);
            effects.Audit("peer-asked", waiting.Envelope, ("session", session.Id), ("query", asked.QueryId), ("asker", asked.Asker),
                ("columns", new JsonArray([.. names.Select(name => (JsonNode?)JsonValue.Create(name))])), ("outcome", asked.Outcome));
        });
    }

    /// <summary>The parties can read the tokens of columns, the linker cannot.</summary>
    private string[] NamesOf(PartySession session, IReadOnlyList<ColumnToken> columns)
    {
        using var shared = party.SharedKeyWith(session);
        using var keys = new TokenKeys(shared, session.Transcript);
        var names = new[] { (Party: party.Name, Columns: session.OwnColumns), (Party: session.Peer, Columns: session.PeerColumns) }
            .SelectMany(side => (side.Columns ?? []).Select(column => (side.Party, column.Name)))
            .ToDictionary(column => (column.Party, keys.ColumnToken(column.Party, column.Name)), column => column.Name);
        return [.. columns.Take(MostNamedColumns).Select(column => $"{column.Party}.{names.GetValueOrDefault((column.Party, column.Column), "?")}")];
    }
}
