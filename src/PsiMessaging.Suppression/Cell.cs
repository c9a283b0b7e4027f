namespace PsiMessaging.Suppression;

/// <summary>What may become of a cell.</summary>
public enum CellRole
{
    /// <summary>It is printed, unless it is chosen to protect another cell.</summary>
    Free,

    /// <summary>
    /// It is always printed, or known without being printed, like a structural zero (a boy among the mothers). It protects nothing, since hiding what is
    /// known hides nothing.
    /// </summary>
    Published,

    /// <summary>
    /// It is never printed and costs nothing: a sum that no table has, but that follows from several and has to be protected (a union of hidden cells).
    /// </summary>
    Internal,
}

/// <summary>A cell of one or several tables. A cell with a <see cref="Protection"/> is primary: it is withheld whatever it costs.</summary>
/// <param name="Name">How a report names it; unique in its <see cref="LinkedTables"/>.</param>
/// <param name="Value">The true value, 0 to <see cref="LinkedTables.LargestValue"/>: a count, or a magnitude in its smallest unit.</param>
public sealed record Cell(string Name, long Value)
{
    /// <summary>
    /// What it costs to withhold it, 0 to <see cref="LinkedTables.LargestCost"/>. One for each cell minimises their number, the value minimises what is
    /// hidden.
    /// </summary>
    public long Cost { get; init; } = 1;

    /// <summary>The least value that an attacker holds possible before the table is published; not above <see cref="Value"/>.</summary>
    public long Low { get; init; }

    /// <summary>The largest value that an attacker holds possible beforehand; null for no bound. Not below <see cref="Value"/>.</summary>
    public long? High { get; init; }

    public CellRole Role { get; init; }

    /// <summary>How far an attacker's interval must reach; null for a cell that need not be protected.</summary>
    public Protection? Protection { get; init; }

    /// <summary>Withheld whatever the pattern is.</summary>
    public bool IsHidden => Protection is not null || Role == CellRole.Internal;
}
