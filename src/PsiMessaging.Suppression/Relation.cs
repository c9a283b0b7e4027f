namespace PsiMessaging.Suppression;

/// <summary>A cell in a relation, with its factor; 1 for a part, −1 for the total.</summary>
public readonly record struct Term(int Cell, int Factor);

/// <summary>What everybody knows of a table: these cells, each times its factor, add up to zero.</summary>
public sealed class Relation(IReadOnlyList<Term> terms)
{
    public IReadOnlyList<Term> Terms { get; } = terms;

    /// <summary>A total that is the sum of its parts.</summary>
    public static Relation Sum(int total, IEnumerable<int> parts) => new([new(total, -1), .. parts.Select(part => new Term(part, 1))]);
}
