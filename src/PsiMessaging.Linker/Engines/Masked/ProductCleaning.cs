using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines.Masked;

/// <summary>Deletes files of queries that are over: after their end is on disk, and after a kill.</summary>
/// <param name="folders">Where files are.</param>
/// <param name="sums">What is in memory.</param>
internal sealed class ProductCleaning(LinkerFolders folders, ProductSums sums) : ISessionArea<LinkSession>
{
    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<LinkSession> turn)
    {
        var session = turn.Session;
        var folder = folders.OfProducts(session.Id);
        var all = Directory.Exists(folder) ? Directory.GetDirectories(folder) : [];
        var stale = Array.Find(all, path => !session.Products.ContainsKey(Path.GetFileName(path)));
        if (stale is null)
        {
            return new(TurnOutcome.Idle);
        }

        sums.Forget(session.Id, Path.GetFileName(stale));
        return new(TurnOutcome.Worked);
    }
}
