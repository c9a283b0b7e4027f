using System.Text;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols.Tests;

/// <summary>One party with its items in the session's order, and the tags it has gathered: what a driver does, in memory and without a network.</summary>
internal sealed class TestParty(IBatchParty protocol, string[] items) : IDisposable
{
    public IBatchParty Protocol => protocol;

    public string[] Items => items;

    /// <summary>Tags by position in the round that gave them.</summary>
    public Dictionary<(TagSide Side, int Position), string> Tags { get; } = [];

    public Round Of(int number, RoundDirection direction) => protocol.Rounds.Single(round => round.Number == number && round.Direction == direction);

    public byte[] Evaluate(Round round, int sequence, byte[] payload, ComputeThreads threads)
    {
        var own = round.Direction == RoundDirection.Outgoing || round.WithItems
            ? items.Skip(round.FirstOf(sequence)).Take(round.CountOf(sequence))
                .SelectMany(item => (byte[])[.. BitConverter.GetBytes(Encoding.UTF8.GetByteCount(item)), .. Encoding.UTF8.GetBytes(item)]).ToArray()
            : [];
        return protocol.Evaluate(round, sequence, own, payload) is { } request ? Evaluator.EvaluateAsync(request, threads, CancellationToken.None)
            .GetAwaiter().GetResult() : payload;
    }

    public void Keep(Round round, int sequence, byte[] result)
    {
        for (var i = 0; round.Keeps != TagSide.None && i < round.CountOf(sequence); i++)
        {
            Tags[(round.Keeps, round.FirstOf(sequence) + i)] = Convert.ToHexString(result.AsSpan(i * protocol.TagSizeBytes, protocol.TagSizeBytes));
        }
    }

    /// <summary>Own items whose tag the peer has too.</summary>
    public string[] Match()
    {
        var peers = Tags.Where(tag => tag.Key.Side == TagSide.Peer).Select(tag => tag.Value).ToHashSet(StringComparer.Ordinal);
        return [
            .. Tags.Where(tag => tag.Key.Side == TagSide.Own && peers.Contains(tag.Value)).Select(tag => items[tag.Key.Position]).Order(StringComparer.Ordinal)
        ];
    }

    public void Dispose() => protocol.Dispose();
}

internal static class ProtocolRun
{
    /// <summary>Every batch of both directions in an order a seed decides; returns every batch that travelled, with its round.</summary>
    public static List<(TestParty To, int Round, byte[] Payload)> Run(TestParty one, TestParty two, int cores = 2, int orderSeed = 0)
    {
        using var threads = new ComputeThreads(cores);
        var wire = new List<(TestParty, int, byte[])>();
        var todo = new List<Action>();
        foreach (var (from, to) in new[] { (one, two), (two, one) })
        {
            foreach (var round in from.Protocol.Rounds.Where(round => round is { Direction: RoundDirection.Outgoing, Source: RoundSource.Items }))
            {
                for (var batch = 0; batch < round.Batches; batch++)
                {
                    var sequence = batch;
                    todo.Add(() => Deliver(from, to, round, sequence, from.Evaluate(round, sequence, [], threads), threads, wire));
                }
            }
        }

        var order = orderSeed;
        foreach (var action in todo.OrderBy(_ => order = unchecked((order * 1103515245) + 12345)))
        {
            action();
        }

        foreach (var (from, to) in new[] { (one, two), (two, one) })
        {
            foreach (var round in from.Protocol.Rounds.Where(round => round.Source == RoundSource.SortedPeerTags && round.Direction == RoundDirection.Outgoing))
            {
                var sorted = from.Tags.Where(tag => tag.Key.Side == TagSide.Peer).Select(tag => tag.Value)
                    .Order(StringComparer.Ordinal).SelectMany(Convert.FromHexString).ToArray();
                for (var sequence = 0; sequence < round.Batches; sequence++)
                {
                    Deliver(from, to, round, sequence,
                            sorted.AsSpan(round.FirstOf(sequence) * round.ElementSizeBytes, round.CountOf(sequence) * round.ElementSizeBytes)
                        .ToArray(), threads, wire);
                }
            }
        }

        return wire;
    }

    private static void Deliver(TestParty from, TestParty to, Round sent, int sequence,
        byte[] payload, ComputeThreads threads, List<(TestParty, int, byte[])> wire)
    {
        Assert.Equal(sent.CountOf(sequence) * sent.ElementSizeBytes, payload.Length);
        wire.Add((to, sent.Number, payload));
        var round = to.Of(sent.Number, RoundDirection.Incoming);
        Assert.Equal((sent.Elements, sent.ElementSizeBytes, sent.Batches), (round.Elements, round.ElementSizeBytes, round.Batches));
        var result = to.Evaluate(round, sequence, payload, threads);
        to.Keep(round, sequence, result);
        if (to.Protocol.Rounds.FirstOrDefault(reply => reply.Direction == RoundDirection.Reply && reply.Number == sent.Number + 1) is { } answer)
        {
            wire.Add((from, answer.Number, result));
            var back = from.Of(answer.Number, RoundDirection.Incoming);
            from.Keep(back, sequence, from.Evaluate(back, sequence, result, threads));
        }
    }
}
