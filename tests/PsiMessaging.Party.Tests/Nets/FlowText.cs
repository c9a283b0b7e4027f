using System.Buffers.Binary;
using System.Text;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;

namespace PsiMessaging.Party.Tests.Nets;

/// <summary>
/// Messages as lines that a person can read: from, to, type, place, bytes of header and body. Each pair of sender and receiver by itself, in the
/// order of sending; only stretches of messages that cross are sorted. Replies to people's commands are a pair too.
/// </summary>
internal static class FlowText
{
    private const int PrefixBytes = 9;

    public static string Of(IEnumerable<Envelope> wire)
    {
        var text = new StringBuilder();
        foreach (var edge in wire.GroupBy(envelope => (envelope.Header.From, envelope.Header.To)).OrderBy(edge => edge.Key))
        {
            text.Append(edge.Key.From).Append(" to ").Append(edge.Key.To).Append('\n');
            foreach (var envelope in InOrder(edge))
            {
                text.Append("  ").Append(Line(envelope)).Append('\n');
            }
        }

        return text.ToString();
    }

    private static IEnumerable<Envelope> InOrder(IEnumerable<Envelope> edge)
    {
        var stretch = new List<Envelope>();
        foreach (var envelope in edge)
        {
            if (stretch.Count > 0 && KindOf(envelope) != KindOf(stretch[0]))
            {
                foreach (var one in stretch.OrderBy(PlaceOf))
                {
                    yield return one;
                }

                stretch.Clear();
            }

            stretch.Add(envelope);
        }

        foreach (var one in stretch.OrderBy(PlaceOf))
        {
            yield return one;
        }
    }

    /// <summary>
    /// Which messages cross: both parties' rounds do, what a party announces of its masked rows may overtake them, and the linker confirms
    /// registrations in the order in which they reach it. All others are a kind each, and stay in order.
    /// </summary>
    private static object KindOf(Envelope envelope) => envelope.Message switch
    {
        RoundBatch or GrantCredit => typeof(RoundBatch),
        OpenProduct or MaskedRows or MaskedCorrection => typeof(MaskedRows),
        DatasetRegistered => typeof(DatasetRegistered),
        _ => envelope,
    };

    private static (string Of, int Rank, int Number) PlaceOf(Envelope envelope) => envelope.Message switch
    {
        RoundBatch batch => ("", batch.Round, batch.Sequence),
        GrantCredit credit => ("credit", credit.Round, credit.Batches),
        OpenProduct product => (product.QueryId, 0, 0),
        MaskedRows rows => (rows.QueryId, 1, rows.Sequence),
        MaskedCorrection correction => (correction.QueryId, 2, 0),
        DatasetRegistered registered => (registered.Party, 0, 0),
        _ => default,
    };

    private static string Line(Envelope envelope)
    {
        var place = envelope.Message switch
        {
            RoundBatch batch => $"round {batch.Round} batch {batch.Sequence} of {batch.Batches}, {batch.Count} elements of {batch.ElementSizeBytes}",
            GrantCredit credit => $"round {credit.Round} up to {credit.Batches}",
            DatasetBatch batch => $"batch {batch.Sequence}{(batch.Last ? ", the last" : "")}",
            MaskedRows rows => $"batch {rows.Sequence}",
            OpenProduct product => $"asked by {product.Asker}, {product.Rows} rows of {product.OwnColumns}, {product.PeerColumns} columns",
            ProductComputed product => $"{product.AskerColumns} times {product.PeerColumns} columns of {product.Rows} rows",
            DatasetRegistered registered => $"of {registered.Party}",
            QueryAsked asked => $"by {asked.Asker}: {asked.Outcome}",
            CommandReply { Code: { } code } => code,
            _ => "",
        };
        // The counts of encrypted values are a compressed file, and how well that compresses is chance.
        var body = envelope.Message is QueryAnswered ? "some" : $"{envelope.Body.Length}";
        return $"{envelope.Message.GetType().Name,-17} {place,-46} {HeaderBytes(envelope),5} + {body}";
    }

    /// <summary>Bytes of the header, where a plus sign in Base64, which is escaped with six characters, counts as one: how many there are is chance.</summary>
    private static int HeaderBytes(Envelope envelope)
    {
        var header = envelope.Frame.Span.Slice(PrefixBytes, BinaryPrimitives.ReadInt32BigEndian(envelope.Frame.Span[5..]));
        return header.Length - (5 * header.Count("\\u002B"u8));
    }
}
