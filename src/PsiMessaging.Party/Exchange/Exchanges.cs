using System.Collections.Concurrent;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Party.Exchange;

/// <summary>A session's exchange while it is open, with the batches in hand. Used by the session's turns alone.</summary>
internal sealed class OpenExchange(IExchange exchange)
{
    /// <summary>The exchange.</summary>
    public IExchange Exchange => exchange;

    /// <summary>The book of its rounds.</summary>
    public RoundBook Book { get; } = new(exchange.Rounds);

    /// <summary>Batches whose evaluation was begun and whose result is not yet on disk.</summary>
    public Dictionary<BatchPlace, Task<byte[]>> InHand { get; } = [];

    /// <summary>Where batches stay in the inbox until the rounds are over: those that were taken.</summary>
    public HashSet<BatchPlace> Taken { get; } = [];

    /// <summary>When a batch was last begun.</summary>
    public DateTimeOffset UsedAt { get; set; }

    /// <summary>Over when the exchange has been brought to where the session stands.</summary>
    public Task Recovered { get; set; } = Task.CompletedTask;
}

/// <summary>The exchanges that are open, by session. What was opened in one turn serves the next ones.</summary>
internal sealed class Exchanges(PartyContext party, IBatchEvaluator evaluator, VectorMemory memory) : IDisposable
{
    private readonly ConcurrentDictionary<string, OpenExchange> _open = new(StringComparer.Ordinal);

    /// <summary>
    /// For tests: called before a protocol party over vectors makes a batch or compares, with the session as it is then; may throw what a party would throw.
    /// </summary>
    public Action<PartySession> OnVectors { get; set; } = _ => { };

    /// <summary>The session's exchange where it is open.</summary>
    public OpenExchange? Find(string session) => _open.GetValueOrDefault(session);

    /// <summary>The session's exchange, opened where it is not.</summary>
    public OpenExchange Open(PartySession session)
    {
        if (Find(session.Id) is { } known)
        {
            return known;
        }

        var stored = new StoredRounds(party.Services.Store, session.Id, session.Attempt);
        var opened = new OpenExchange(Make(session, stored)) { UsedAt = party.Time.GetUtcNow() };
        if (opened.Exchange.IsReplayed && session.Produced.Count + session.Consumed.Count > 0)
        {
            foreach (var round in opened.Exchange.Rounds.Where(round => round.Direction == RoundDirection.Incoming))
            {
                stored.ReadKept(round.Number, (sequence, _) => opened.Taken.Add(new BatchPlace(round.Number, sequence, Incoming: true)));
            }

            opened.Recovered = Task.Run(() => opened.Exchange.RecoverAsync(session, stored));
        }

        _open[session.Id] = opened;
        return opened;
    }

    /// <summary>What of a session's rounds lies on disk.</summary>
    public IStoredRounds StoredOf(PartySession session) => new StoredRounds(party.Services.Store, session.Id, session.Attempt);

    /// <summary>Wipes what a session's exchange holds in memory; called in the session's own turn, where nothing else uses it.</summary>
    public void Close(string session)
    {
        if (_open.TryRemove(session, out var open))
        {
            // A recovery that is under way stops at the next thing it asks of the party.
            open.Exchange.Dispose();
        }

        memory.Free(session);
    }

    /// <summary>After a fault on disk: what holds vectors in memory may have a hole now and is built again.</summary>
    public void CloseReplayed(string session)
    {
        if (Find(session) is { Exchange.IsReplayed: true })
        {
            Close(session);
        }
    }

    private IExchange Make(PartySession session, IStoredRounds stored)
    {
        var side = PartySide.Open(party, session, ownOrder: session.Chosen is VectorProtocol);
        try
        {
            var setup = side.SetupOf(party, session);
            return session.Chosen switch
            {
                VectorProtocol protocol => new VectorExchange(side, protocol.Open(setup), now => OnVectors(now)),
                BatchProtocol protocol =>
                    new BatchExchange(session.Id, side, protocol.Open(setup), evaluator,
                        name => party.Datasets.Scratch(party.FolderOf(session).Scratch(name)), stored),
                _ => throw new InvalidOperationException($"session {session.Id} runs no protocol"),
            };
        }
        catch
        {
            side.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var open in _open.Values)
        {
            open.Exchange.Dispose();
        }

        _open.Clear();
    }

    private sealed class StoredRounds(IParticipantStore store, string session, int attempt) : IStoredRounds
    {
        public void ReadKept(int round, Action<int, byte[]> read) => store.Read(state =>
        {
            state.ReadKept(session, round, read);
            return true;
        });

        public ReadOnlyMemory<byte>? FindBatch(int round, int sequence) =>
            store.Read(state => state.FindFrame(session, SlotKinds.OfBatch(round, sequence, attempt))) is { } frame ? Envelope.Restore(frame).Body : null;
    }
}
