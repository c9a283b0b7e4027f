using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.SharedRelease;

namespace PsiMessaging.Linker.Engines.Masked;

/// <summary>What an opening must be.</summary>
internal static class OpeningCheck
{
    /// <summary>Queries of one session that may be at work at a time.</summary>
    public const int MaximumProducts = 8;
    private const long MaximumCounter = 1L << 40;

    /// <summary>A query as a party announces it.</summary>
    public static LinkProduct ShapeOf(OpenProduct open, string from)
    {
        var (p, q) = from == open.Asker ? (open.OwnColumns, open.PeerColumns) : (open.PeerColumns, open.OwnColumns);
        return new LinkProduct(open.Asker, open.Counter, p, q, open.Rows, [from]) { Binding = open.Binding, WordBits = open.WordBits };
    }

    /// <summary>What is wrong with an opening, or null.</summary>
    /// <param name="session">The session, in which both are registered.</param>
    /// <param name="open">The opening.</param>
    /// <param name="from">Whose.</param>
    public static Fault? FaultOf(LinkSession session, OpenProduct open, string from)
    {
        var (known, shape) = (session.Products.GetValueOrDefault(open.QueryId), ShapeOf(open, from));
        return EngineFault(session) ?? ShapeFault(session, open, shape, from) ?? BindingFault(shape, from) ?? RowsFault(session, open, from)
            ?? CounterFault(session, open, known, from) ?? MatchFault(known, shape, from) ?? RoomFault(session, known);
    }

    private static Fault? EngineFault(LinkSession session) =>
        session.Registrations[0].Engine != QueryEngine.Masked ? new Fault(FailureCodes.EngineCannot, "the session's engine is not masked") : null;

    private static Fault? ShapeFault(LinkSession session, OpenProduct open, LinkProduct shape, string from) =>
        shape.WordBits is < 1 or > MaskedBatch.MaximumWordBits
            || shape.P is < 1 or > MaskedBatch.MaximumColumns || shape.Q is < 1 or > MaskedBatch.MaximumColumns || open.Counter is < 1 or > MaximumCounter
            || !session.HasRegistered(open.Asker) || open.BatchRows != shape.BatchRows || open.Rows < 1
            ? new Fault(FailureCodes.BadContribution, $"{from} announced a matrix that cannot be") : null;

    /// <summary>What binds the asking party comes from the other.</summary>
    private static Fault? BindingFault(LinkProduct shape, string from) =>
        shape.Binding is not null && (from == shape.Asker || shape.Binding.Seed.Length != BindingWords.SeedSizeBytes || !shape.BindingLayout!.Fits)
            ? new Fault(FailureCodes.BadContribution, $"{from} announced what binds the asking party in a way that cannot be") : null;

    private static Fault? RowsFault(LinkSession session, OpenProduct open, string from) => open.Rows != session.Registrations[0].Rows
        ? new Fault(FailureCodes.BadContribution, $"{from} announced {open.Rows} rows where {session.Registrations[0].Rows} are registered") : null;

    private static Fault? CounterFault(LinkSession session, OpenProduct open, LinkProduct? known, string from) =>
        (known is null || from == open.Asker) && open.Counter <= session.MaskCounters.GetValueOrDefault(open.Asker)
            ? new Fault(FailureCodes.MaskCounter, $"the mask counter of {open.Asker} went backwards: {open.Counter} where "
                + $"{session.MaskCounters[open.Asker]} was seen; was its home restored from an older copy?") : null;

    private static Fault? MatchFault(LinkProduct? known, LinkProduct shape, string from) =>
        known is not null && (known.Opened.Contains(from) || (known with { Opened = shape.Opened, Binding = shape.Binding }) != shape)
            ? new Fault(FailureCodes.BadContribution, "the two parties' announcements of the query disagree on its shape, its counter or who asks") : null;

    private static Fault? RoomFault(LinkSession session, LinkProduct? known) => known is null && session.Products.Count >= MaximumProducts
        ? new Fault(FailureCodes.WrongState, $"{MaximumProducts} queries of this session are at work already") : null;
}
