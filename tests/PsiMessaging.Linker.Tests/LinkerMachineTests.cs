using PsiMessaging.Linker.Engines.Masked;

namespace PsiMessaging.Linker.Tests;

/// <summary>Every cell of the linker's two tables: what becomes of a session, and of a query, by what happens.</summary>
public class LinkerMachineTests
{
    private static readonly LinkState?[] States = [null, LinkState.Receiving, LinkState.Ready, LinkState.Deleted, LinkState.Failed];

    private static readonly ProductState?[] ProductStates =
        [null, ProductState.OneOpen, ProductState.BothOpen, ProductState.Releasing, ProductState.Computed, ProductState.Ended];

    /// <summary>What is not here cannot happen.</summary>
    private static readonly Dictionary<(LinkState?, LinkTrigger), LinkState> Sessions = new()
    {
        [(null, LinkTrigger.Open)] = LinkState.Receiving,
        [(null, LinkTrigger.Overtake)] = LinkState.Deleted,
        [(LinkState.Receiving, LinkTrigger.Open)] = LinkState.Receiving,
        [(LinkState.Receiving, LinkTrigger.Overtake)] = LinkState.Receiving,
        [(LinkState.Receiving, LinkTrigger.Take)] = LinkState.Receiving,
        [(LinkState.Receiving, LinkTrigger.Complete)] = LinkState.Ready,
        [(LinkState.Receiving, LinkTrigger.End)] = LinkState.Deleted,
        [(LinkState.Receiving, LinkTrigger.Fault)] = LinkState.Failed,
        [(LinkState.Ready, LinkTrigger.Open)] = LinkState.Ready,
        [(LinkState.Ready, LinkTrigger.Overtake)] = LinkState.Ready,
        [(LinkState.Ready, LinkTrigger.End)] = LinkState.Deleted,
        [(LinkState.Ready, LinkTrigger.Fault)] = LinkState.Failed,
        [(LinkState.Deleted, LinkTrigger.Open)] = LinkState.Deleted,
        [(LinkState.Deleted, LinkTrigger.Overtake)] = LinkState.Deleted,
        [(LinkState.Deleted, LinkTrigger.End)] = LinkState.Deleted,
        [(LinkState.Deleted, LinkTrigger.Fault)] = LinkState.Deleted,
        [(LinkState.Failed, LinkTrigger.Open)] = LinkState.Failed,
        [(LinkState.Failed, LinkTrigger.Overtake)] = LinkState.Failed,
        [(LinkState.Failed, LinkTrigger.End)] = LinkState.Failed,
        [(LinkState.Failed, LinkTrigger.Fault)] = LinkState.Failed,
    };

    private static readonly Dictionary<(ProductState?, ProductTrigger), ProductState> Products = new()
    {
        [(null, ProductTrigger.Open)] = ProductState.OneOpen,
        [(null, ProductTrigger.End)] = ProductState.Ended,
        [(ProductState.OneOpen, ProductTrigger.Open)] = ProductState.BothOpen,
        [(ProductState.OneOpen, ProductTrigger.End)] = ProductState.Ended,
        [(ProductState.BothOpen, ProductTrigger.Release)] = ProductState.Releasing,
        [(ProductState.BothOpen, ProductTrigger.Compute)] = ProductState.Computed,
        [(ProductState.BothOpen, ProductTrigger.End)] = ProductState.Ended,
        [(ProductState.Releasing, ProductTrigger.Compute)] = ProductState.Computed,
        [(ProductState.Releasing, ProductTrigger.End)] = ProductState.Ended,
        [(ProductState.Computed, ProductTrigger.Open)] = ProductState.Computed,
        [(ProductState.Computed, ProductTrigger.End)] = ProductState.Computed,
        [(ProductState.Ended, ProductTrigger.Open)] = ProductState.Ended,
        [(ProductState.Ended, ProductTrigger.End)] = ProductState.Ended,
    };

    [Fact]
    public void Session_EveryCell() => EveryCell(States, Sessions, LinkerMachine.Next);

    [Fact]
    public void Query_EveryCell() => EveryCell(ProductStates, Products, ProductMachine.Next);

    private static void EveryCell<TState, TTrigger>(TState?[] states, Dictionary<(TState?, TTrigger), TState> expected, Func<TState?, TTrigger, TState> next)
        where TState : struct, Enum
        where TTrigger : struct, Enum
    {
        Assert.Equal(Enum.GetValues<TState>().Length + 1, states.Length);
        foreach (var cell in from state in states from trigger in Enum.GetValues<TTrigger>() select (state, trigger))
        {
            if (expected.TryGetValue(cell, out var to))
            {
                Assert.Equal(to, next(cell.state, cell.trigger));
            }
            else
            {
                Assert.Throws<InvalidOperationException>(() => next(cell.state, cell.trigger));
            }
        }
    }

    [Fact]
    public void Session_StoredAndRead_StandsWhereItStood()
    {
        var open = LinkSession.Open(new string('a', 32), DateTimeOffset.UnixEpoch, "P1", "P2");
        var overtaken = LinkSession.Overtaken(open.Id, DateTimeOffset.UnixEpoch, "P1");
        foreach (var session in new[] { open, open.Move(LinkTrigger.Complete), open.Move(LinkTrigger.End), open.Move(LinkTrigger.Fault), overtaken })
        {
            var stored = session.ToStored();
            Assert.Equal(session.State.ToString(), stored.State);
            Assert.Equal((session.State, session.Ended), (LinkSession.Parse(stored).State, LinkSession.Parse(stored).Ended));
            Assert.Equal(stored.Document, LinkSession.Parse(stored).ToStored().Document);
        }
    }

    /// <summary>As an earlier version stored it: its <c>ended</c> is written on, and the state is the stored row's.</summary>
    [Fact]
    public void Session_OfAnEarlierVersion_IsRead()
    {
        const string Document =
            """{"id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","createdAt":"1970-01-01T00:00:00+00:00","registrations":[{"party":"P1","peer":"P2","""
            + """ "transcript":"AAAA","engine":"masked","minCell":1,"rows":4,"columns":[],"received":0,"batches":{},"complete":true}],"products":{},"""
            + """ "maskCounters":{},"endedProducts":[],"opener":"P1","endedAt":"1970-01-01T00:00:01+00:00","ended":true,"isCleaned":true,"""
            + """ "failureCode":"deadline-passed","failureReason":"x","partner":"P2"}""";
        var session = LinkSession.Parse(new Participants.Store.StoredSession(new string('a', 32), "Failed", Document, DateTimeOffset.UnixEpoch));
        Assert.Equal((LinkState.Failed, true, Contracts.V1.QueryEngine.Masked), (session.State, session.Ended, session.Registrations[0].Engine));
        Assert.Equal(Document.Replace(" ", "", StringComparison.Ordinal), session.ToStored().Document);
    }

    [Fact]
    public void Query_OfASession_MovesByItsTable()
    {
        var session = LinkSession.Open(new string('a', 32), DateTimeOffset.UnixEpoch, "P1", "P2");
        var shape = new LinkProduct("P1", 1, 2, 3, 4, []);
        Assert.Null(session.StateOf("q"));
        session = session.OpenProduct("q", "P2", shape);
        Assert.Equal(ProductState.OneOpen, session.StateOf("q"));
        Assert.Throws<InvalidOperationException>(() => session.CloseProduct("q", ProductTrigger.Compute));
        session = session.OpenProduct("q", "P1", shape);
        Assert.Equal((ProductState.BothOpen, 2), (session.StateOf("q"), session.Products["q"].Opened.Count));
        Assert.Throws<InvalidOperationException>(() => session.OpenProduct("q", "P1", shape));
        session = session.CloseProduct("q", ProductTrigger.Compute);
        Assert.Equal((ProductState.Ended, 0), (session.StateOf("q"), session.Products.Count));
        Assert.Same(session, session.CloseProduct("q", ProductTrigger.End));
        Assert.Same(session, session.OpenProduct("q", "P1", shape));

        // Of those that are over, the last 200 are remembered.
        for (var i = 0; i < 200; i++)
        {
            session = session.CloseProduct($"{i}", ProductTrigger.End);
        }

        Assert.Equal((200, null, ProductState.Ended), (session.EndedProducts.Count, session.StateOf("q"), session.StateOf("0")));
    }
}
