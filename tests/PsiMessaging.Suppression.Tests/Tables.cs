namespace PsiMessaging.Suppression.Tests;

/// <summary>Small tables by their published names.</summary>
internal static class Tables
{
    /// <summary>A two-way table of 1,1 … whose named cells are primary.</summary>
    public static LinkedTables TwoWay(string[] rows, string[] columns, long[][] inner, Func<string, long, Cell> cell) =>
        TableBuilder.TwoWay(rows, columns, [.. inner.SelectMany(row => row)], (name, value, _) => cell(name, value));

    public static int[] Indices(this LinkedTables tables, params IEnumerable<string> names) => [.. names.Select(tables.IndexOf)];

    public static IEnumerable<string> Names(this LinkedTables tables, IEnumerable<int> cells) => cells.Select(cell =>
        tables.Cells[cell].Name).Order(StringComparer.Ordinal);

    /// <summary>sdcTable, tests/testthat/test-simpleheuristic.R: two or more withheld in every row and column, and w,b follows exactly.</summary>
    public static LinkedTables SdcTableProblem(Func<string, long, Cell> cell) => TwoWay(["w", "x", "y", "z"], ["a", "b", "c", "d"],
        [[30, 47, 64, 89], [90, 124, 5, 31], [92, 100, 59, 85], [800, 991, 651, 685]], cell);

    public static readonly string[] SdcTableWithheld = ["w,a", "w,b", "w,c", "x,a", "x,c", "y,b", "y,d", "z,b", "z,d"];

    /// <summary>τ-ARGUS, example 1 of sdcTools/checkTauArgus.</summary>
    public static LinkedTables TauExample(Protection protection) => TwoWay(["A", "B", "C", "D"], ["male", "female"],
        [[895, 137], [753, 973], [569, 486], [540, 793]], (name, value) => new(name, value) { Cost = value, Protection = name == "A,female" ? protection
            : null });
}
