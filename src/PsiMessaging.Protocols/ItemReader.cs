using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols;

/// <summary>
/// Reads a party's own set, batch by batch, on all of its cores: calls <paramref name="take"/> for several batches at once, in any order, with the position of
/// the batch's first identifier, a multiple of <see cref="ItemBatch.Items"/>, and as many identifiers, fewer only in the last.
/// </summary>
/// <param name="take">Takes a batch.</param>
/// <param name="cancellation">When to give up.</param>
public delegate void ItemReader(Action<int, PackedItems> take, CancellationToken cancellation);

/// <summary>How an <see cref="ItemReader"/> cuts a set.</summary>
public static class ItemBatch
{
    /// <summary>Identifiers in a batch: so few that its bytes are no large object to the garbage collector, whole sets being read many times.</summary>
    public const int Items = 2048;
}
