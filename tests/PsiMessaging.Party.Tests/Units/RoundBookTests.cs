using CsCheck;
using PsiMessaging.Party.Exchange;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Tests.Units;

/// <summary>
/// The book of rounds beside a model that counts single batches: what may go next, what may come, what credit is granted, and when all is over.
/// </summary>
public class RoundBookTests
{
    private static readonly HashSet<BatchPlace> NothingInHand = [];

    /// <summary>A protocol of this party: rounds 1 out and 2 as its answer, 3 in with a reply 4, 5 in without, 6 out after 3 and 5.</summary>
    private static IReadOnlyList<Round> Own(int asked, int replied, int free, int last) =>
    [
        new(1, "ask", RoundDirection.Outgoing, asked, 1, 1), new(2, "answer", RoundDirection.Incoming, asked, 1, 1) { IsAnswer = true },
        new(3, "their ask", RoundDirection.Incoming, replied, 1, 1), new(4, "reply", RoundDirection.Reply, replied, 1, 1),
        new(5, "free", RoundDirection.Incoming, free, 1, 1), new(6, "last", RoundDirection.Outgoing, last, 1, 1) { After = [3, 5] },
    ];

    /// <summary>The same seen from the peer.</summary>
    private static IReadOnlyList<Round> Peers(int asked, int replied, int free, int last) =>
    [
        new(1, "ask", RoundDirection.Incoming, asked, 1, 1), new(2, "answer", RoundDirection.Reply, asked, 1, 1),
        new(3, "their ask", RoundDirection.Outgoing, replied, 1, 1), new(4, "reply", RoundDirection.Incoming, replied, 1, 1) { IsAnswer = true },
        new(5, "free", RoundDirection.Outgoing, free, 1, 1), new(6, "last", RoundDirection.Incoming, last, 1, 1) { After = [3, 5] },
    ];

    /// <summary>
    /// Two parties that do whatever their books allow, in any order, over a network that delivers in any order: they always come to the end, no more than the
    /// window of a round is ever on its way or waiting, and nothing comes before what it depends on has left.
    /// </summary>
    [Fact]
    public void TwoBooks_WhateverTheOrder_ComeToTheEndWithinTheirWindows() =>
        Gen.Select(Gen.Int[1, 70], Gen.Int[1, 70], Gen.Int[1, 70], Gen.Int[1, 40], Gen.Int[0, int.MaxValue]).Sample((asked, replied, free, last, seed) =>
        {
            var random = new Order(seed);
            Side[] sides = [new(Own(asked, replied, free, last)), new(Peers(asked, replied, free, last))];
            for (var moves = 0; !sides.All(side => side.IsOver); moves++)
            {
                Assert.InRange(moves, 0, 5000);
                var (side, other) = random.Next(2) == 0 ? (sides[0], sides[1]) : (sides[1], sides[0]);
                var possible = side.Possible(other).Concat(other.Possible(side)).ToArray();
                Assert.NotEmpty(possible);
                possible[random.Next(possible.Length)]();
            }

            Assert.All(sides, side => Assert.Empty(side.Arrived));
        }, iter: 400);

    /// <summary>A protocol in stages, seen from either side: in each, both send a round, one after that another, and the other one more.</summary>
    private static IReadOnlyList<Round> Staged(int stages, int batches, bool first) => [.. Enumerable.Range(0, stages).SelectMany(stage => new[]
    {
        Of(stage, 1, true), Of(stage, 1, false),
        Of(stage, 2, true) with { After = [(10 * stage) + 1] }, Of(stage, 3, false) with { After = [(10 * stage) + 2] },
    }.Select(of => of.Direction == RoundDirection.Outgoing == first ? of with { Direction = RoundDirection.Outgoing }
        : of with { Direction = RoundDirection.Incoming })).Select(round => round with { Elements = batches + round.Number })];

    private static Round Of(int stage, int number, bool fromFirst) =>
        new((10 * stage) + number, "staged", fromFirst ? RoundDirection.Outgoing : RoundDirection.Incoming, 1, 1, 1) { Stage = stage };

    /// <summary>No stage begins on a side before those before it are over there; a peer's batches that come a little earlier wait.</summary>
    [Fact]
    public void TwoBooksInStages_WhateverTheOrder_ComeToTheEnd() =>
        Gen.Select(Gen.Int[2, 5], Gen.Int[0, 30], Gen.Int[0, int.MaxValue]).Sample((stages, batches, seed) =>
        {
            var random = new Order(seed);
            Side[] sides = [new(Staged(stages, batches, first: true)), new(Staged(stages, batches, first: false))];
            for (var moves = 0; !sides.All(side => side.IsOver); moves++)
            {
                Assert.InRange(moves, 0, 5000);
                var possible = sides[0].Possible(sides[1]).Concat(sides[1].Possible(sides[0])).ToArray();
                Assert.NotEmpty(possible);
                possible[random.Next(possible.Length)]();
            }
        }, iter: 200);

    [Fact]
    public void MayCome_OfALaterStage_WaitsForAllThatThePeerNeeds()
    {
        var book = new RoundBook(Staged(2, 0, first: false));
        var later = book.Incoming(11)!;
        var none = new Dictionary<int, int>();
        Assert.True(book.MayCome(book.Incoming(1)!, new RoundCounts(none, none, none)));
        Assert.False(book.MayCome(later, new RoundCounts(new Dictionary<int, int> { [1] = 1 }, none, none)));

        // All has left: the peer may have dealt with it, though its last round is still on its way.
        var left = new Dictionary<int, int> { [1] = 1, [3] = 3 };
        Assert.True(book.MayCome(later, new RoundCounts(left, new Dictionary<int, int> { [1] = 1 }, none)));
        Assert.False(book.HasBegun(1, new RoundCounts(left, new Dictionary<int, int> { [1] = 1 }, none)));
        Assert.True(book.HasBegun(1, new RoundCounts(left, new Dictionary<int, int> { [1] = 1, [2] = 2 }, none)));
    }

    [Fact]
    public void NextOf_PassesOverWhatIsInHand()
    {
        var round = new Round(1, "ask", RoundDirection.Outgoing, 10, 1, 1);
        var counts = new RoundCounts(new Dictionary<int, int> { [1] = 2 }, new Dictionary<int, int>(), new Dictionary<int, int>());
        HashSet<BatchPlace> inHand = [new(1, 2, false), new(1, 3, false), new(1, 5, false), new(1, 4, true)];
        Assert.Equal(4, RoundBook.NextOf(round, counts, inHand.Contains));
        Assert.Equal(2, RoundBook.NextOf(round, counts, NothingInHand.Contains));
    }

    [Fact]
    public void IsGrant_KnowsItsRoundsAndTheirEnds()
    {
        var book = new RoundBook(Peers(5, 5, 40, 5));
        Assert.True(book.IsGrant(5, 24));
        Assert.True(book.IsGrant(5, 40 + RoundBook.CreditWindow));
        Assert.False(book.IsGrant(5, 40 + RoundBook.CreditWindow + 1), "more than there will ever be");
        Assert.False(book.IsGrant(5, RoundBook.CreditWindow - 1), "less than was given from the start");
        Assert.False(book.IsGrant(3, 24), "answered rounds are bounded by their answers");
        Assert.False(book.IsGrant(1, 24), "not this party's to send");
        Assert.False(book.IsGrant(9, 24), "no such round");
    }

    [Fact]
    public void TotalBatches_CountsNoReplies() => Assert.Equal(5 + 5 + 7 + 9 + 3, new RoundBook(Own(5, 7, 9, 3)).TotalBatches);

    /// <summary>Numbers in an order that a seed gives, so that a failing run can be repeated.</summary>
    private sealed class Order(int seed)
    {
        private ulong _state = (uint)seed;

        public int Next(int below)
        {
            _state = (_state * 6364136223846793005) + 1442695040888963407;
            return (int)((_state >> 33) % (uint)below);
        }
    }

    /// <summary>One party by plain lists of batches: what it has sent, what has arrived, what it has dealt with.</summary>
    private sealed class Side(IReadOnlyList<Round> rounds)
    {
        private readonly RoundBook _book = new(rounds);
        private readonly Dictionary<int, int> _produced = [], _consumed = [], _credit = [];

        public List<(int Round, int Sequence)> Arrived { get; } = [];

        private RoundCounts Counts => new(_produced, _consumed, _credit);

        public bool IsOver => _book.IsOver(Counts);

        /// <summary>Everything that this side may do now.</summary>
        public IEnumerable<Action> Possible(Side other)
        {
            foreach (var round in rounds.Where(round => round.Direction == RoundDirection.Outgoing))
            {
                var next = _produced.GetValueOrDefault(round.Number);
                var may = next < round.Batches && next < AllowedByCounting(round.Number, other) && round.After.All(IsTaken) && HasBegun(round.Stage);
                Assert.True(may == _book.MayProduce(round, Counts, NothingInHand.Contains), $"round {round.Number}, batch {next}");
                if (may)
                {
                    yield return () => Send(other, round.Number, RoundBook.NextOf(round, Counts, NothingInHand.Contains));
                }
            }

            foreach (var batch in Arrived.Where(batch => HasBegun(_book.Incoming(batch.Round)!.Stage)).ToArray())
            {
                yield return () => Take(other, batch);
            }
        }

        /// <summary>
        /// How many batches of an own round may have left by now: a window more than were answered; or, where no answers come, than the multiple of the step
        /// that the other has dealt with.
        /// </summary>
        private int AllowedByCounting(int number, Side other) => RoundBook.CreditWindow + (rounds.Any(round => round.IsAnswer && round.Number == number + 1)
            ? _consumed.GetValueOrDefault(number + 1)
            : other._consumed.GetValueOrDefault(number) / RoundBook.CreditStep * RoundBook.CreditStep);

        private bool HasBegun(int stage) => rounds.Where(round => round.Stage < stage).All(round => round.Batches
            == (round.Direction == RoundDirection.Outgoing ? _produced : _consumed).GetValueOrDefault(round.Number));

        private bool IsTaken(int number) => _consumed.GetValueOrDefault(number) == _book.Incoming(number)!.Batches;

        private void Send(Side other, int round, int sequence)
        {
            _produced[round] = sequence + 1;
            other.Arrive(round, sequence);
        }

        private void Arrive(int number, int sequence)
        {
            var round = _book.Incoming(number)!;

            // Plain counting: all that the sender needed for it has been sent from here, and of the round no more lies here than the window.
            Assert.All(round.After.Where(after => _book.Outgoing(after) is not null),
                after => Assert.Equal(_book.Outgoing(after)!.Batches, _produced.GetValueOrDefault(after)));
            Assert.True(_book.MayCome(round, Counts));
            Assert.InRange(sequence, 0, round.Batches - 1);
            Assert.DoesNotContain((number, sequence), Arrived);
            Arrived.Add((number, sequence));
            Assert.InRange(sequence, 0, _consumed.GetValueOrDefault(number) + RoundBook.CreditWindow - 1);
            Assert.InRange(Arrived.Count(batch => batch.Round == number), 1, RoundBook.CreditWindow);
        }

        private void Take(Side other, (int Round, int Sequence) batch)
        {
            Arrived.Remove(batch);
            var round = _book.Incoming(batch.Round)!;
            var consumed = _consumed[batch.Round] = _consumed.GetValueOrDefault(batch.Round) + 1;
            if (_book.ReplyTo(round) is { } reply)
            {
                other.Arrive(reply.Number, batch.Sequence);
            }

            if (_book.GrantAfter(round, consumed) is { } batches)
            {
                Assert.True(other._book.IsGrant(batch.Round, batches), $"{batches} of round {batch.Round}");
                other._credit[batch.Round] = Math.Max(batches, other._credit.GetValueOrDefault(batch.Round));
            }
        }
    }
}
