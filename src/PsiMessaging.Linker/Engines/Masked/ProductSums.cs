using System.Collections.Concurrent;
using PsiMessaging.Batches;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Linker.Engines.Masked;

/// <summary>What is summed of the products at work, in memory; and what is there of them on disk. Of one session only its turn asks.</summary>
/// <param name="folders">Where files are.</param>
internal sealed class ProductSums(LinkerFolders folders)
{
    private readonly ConcurrentDictionary<(string Session, string Query), ProductSum> _sums = [];

    /// <summary>The sum of a product; nothing is in it at first, and after a kill.</summary>
    public ProductSum Of(string session, string query, LinkProduct product) =>
        _sums.GetOrAdd((session, query), _ => New(product));

    private static ProductSum New(LinkProduct product)
    {
        if (product is not { Binding: { } binding, BindingLayout: { } layout })
        {
            return new ProductSum(new LinkerProduct(product.P, product.Q, wordBits: product.WordBits), new bool[product.Batches], null);
        }

        using var seed = SecretBytes.CopyOf(binding.Seed);
        var words = new BindingWords(seed);
        var check = new BindingCheck(layout, words.Factors(layout.Groups), words.Probe(layout.Masked),
            (firstRow, weights) => words.Weights(firstRow, weights.Span), product.WordBits);
        return new ProductSum(new LinkerProduct(product.P, product.Q, check, product.WordBits), new bool[product.Batches], check, words);
    }

    /// <summary>Lets go of a sum.</summary>
    public void Drop(string session, string query) => Drop((session, query));

    /// <summary>Lets go of a session's sums.</summary>
    public void DropAll(string session)
    {
        foreach (var key in _sums.Keys.Where(key => key.Session == session))
        {
            Drop(key);
        }
    }

    /// <summary>Lets go of a product that is over: its sum, then its files.</summary>
    public void Forget(string session, string query)
    {
        Drop((session, query));
        var folder = folders.OfProduct(session, query);
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private void Drop((string Session, string Query) key)
    {
        if (_sums.TryRemove(key, out var sum))
        {
            sum.Product.Dispose();
            sum.Words?.Dispose();
        }
    }
}

/// <summary>A product while it is computed.</summary>
/// <param name="Product">What is summed.</param>
/// <param name="Done">Of which batches.</param>
/// <param name="Check">What the asking party's side is held to; null where to nothing.</param>
/// <param name="Words">Of what random words; null where there is no check.</param>
internal sealed record ProductSum(LinkerProduct Product, bool[] Done, BindingCheck? Check, BindingWords? Words = null)
{
    /// <summary>Whether every batch is in it.</summary>
    public bool IsWhole => Array.TrueForAll(Done, done => done);
}
