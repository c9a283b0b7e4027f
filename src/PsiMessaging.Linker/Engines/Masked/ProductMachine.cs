using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines.Masked;

/// <summary>Where a query of engine <c>masked</c> stands.</summary>
public enum ProductState
{
    /// <summary>One party has announced its matrix.</summary>
    OneOpen,
    /// <summary>Both have: what is there is multiplied.</summary>
    BothOpen,
    /// <summary>The linker has offered the bits of its share, and waits for the contributing party's tables.</summary>
    Releasing,
    /// <summary>The product is in the outbox.</summary>
    Computed,
    /// <summary>It is over without a product.</summary>
    Ended,
}

/// <summary>What can happen to a query.</summary>
public enum ProductTrigger
{
    /// <summary>A party announces its matrix.</summary>
    Open,
    /// <summary>The last batch and both corrections are multiplied in, and there is a release.</summary>
    Release,
    /// <summary>The same without, or the release's tables are here.</summary>
    Compute,
    /// <summary>It is taken back, or something is wrong with it.</summary>
    End,
}

/// <summary>
/// What becomes of a query by what happens: every cell of the table. A point is let pass; a cross is a fault of ours. Of a query that is over only its id
/// is kept, so that
/// <see cref="ProductState.Computed"/> is found as <see cref="ProductState.Ended"/> later: both let the same pass.
/// </summary>
internal static class ProductMachine
{
    private static readonly TransitionTable<ProductState, ProductTrigger> Table = new("query", """
        from      | Open     Release   Compute  End
        -         | OneOpen  ✗         ✗        Ended
        OneOpen   | BothOpen ✗         ✗        Ended
        BothOpen  | ✗        Releasing Computed Ended
        Releasing | ✗        ✗         Computed Ended
        Computed  | ·        ✗         ✗        ·
        Ended     | ·        ✗         ✗        ·
        """);

    /// <inheritdoc cref="TransitionTable{TState, TTrigger}.Next"/>
    public static ProductState Next(ProductState? from, ProductTrigger trigger) => Table.Next(from, trigger);
}
