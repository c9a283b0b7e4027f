using Google.OrTools.LinearSolver;
using Google.OrTools.Sat;
using LinearExpr = Google.OrTools.Sat.LinearExpr;

namespace PsiMessaging.Attacks.Tests.AttackerProgram;

/// <summary>
/// What an attacker knows of how one of the other party's columns lies over its own records: sizes of all groups it can make, and every number it was shown.
/// Records that no number tells apart are one profile; unknown is how many of each profile have each label. Labels that nobody has shown it are one.
/// </summary>
internal sealed class Knowledge(int records)
{
    /// <summary>Stands for all labels that were never shown.</summary>
    public const string Unseen = "(unseen)";

    private readonly List<(Func<int, bool> Own, string[] Labels, long Records)> _shown = [];
    private readonly SortedSet<string> _labels = new(StringComparer.Ordinal) { Unseen };

    public IReadOnlyCollection<string> Labels => _labels;

    /// <summary>Enters a number of records.</summary>
    /// <param name="own">The own records it is about.</param>
    /// <param name="labels">The other party's labels it is about.</param>
    /// <param name="count">How many have them.</param>
    public void Add(Func<int, bool> own, string[] labels, long count)
    {
        _shown.Add((own, labels, count));
        _labels.UnionWith(labels);
    }

    /// <summary>The least and the most records that can be of some own ones with a label, whatever the data, as far as they fit what was shown.</summary>
    /// <param name="targets">What is asked.</param>
    public IReadOnlyList<(long Least, long Most)> Bounds(IReadOnlyList<(Func<int, bool> Own, string Label)> targets)
    {
        var own = _shown.Select(number => number.Own).Concat(targets.Select(target => target.Own)).ToArray();
        var profiles = Enumerable.Range(0, records).GroupBy(i => string.Concat(own.Select(isIn => isIn(i) ? '1' : '0')), StringComparer.Ordinal)
            .Select(profile => (First: profile.First(), Records: profile.Count())).ToArray();
        using var solver = Google.OrTools.LinearSolver.Solver.CreateSolver("GLOP");
        var cells = Cells(solver, profiles);
        return [.. targets.Select(target =>
        {
            Variable[] of = [.. Enumerable.Range(0, profiles.Length).Where(i => target.Own(profiles[i].First)).Select(i => cells[i][target.Label])];
            return (Bound(solver, of, -1), Bound(solver, of, 1));
        })];
    }

    private Dictionary<string, Variable>[] Cells(Google.OrTools.LinearSolver.Solver solver, (int First, int Records)[] profiles)
    {
        var cells = profiles.Select(profile => _labels.ToDictionary(label => label, _ => solver.MakeNumVar(0, profile.Records, ""), StringComparer.Ordinal))
            .ToArray();
        for (var i = 0; i < profiles.Length; i++)
        {
            var all = solver.MakeConstraint(profiles[i].Records, profiles[i].Records);
            foreach (var cell in cells[i].Values)
            {
                all.SetCoefficient(cell, 1);
            }
        }

        foreach (var (own, labels, count) in _shown)
        {
            var shown = solver.MakeConstraint(count, count);
            foreach (var i in Enumerable.Range(0, profiles.Length).Where(i => own(profiles[i].First)))
            {
                foreach (var label in labels)
                {
                    shown.SetCoefficient(cells[i][label], 1);
                }
            }
        }

        return cells;
    }

    private static long Bound(Google.OrTools.LinearSolver.Solver solver, Variable[] of, int sign)
    {
        var objective = solver.Objective();
        objective.Clear();
        foreach (var variable in of)
        {
            objective.SetCoefficient(variable, sign);
        }

        objective.SetMaximization();
        Assert.Equal(Google.OrTools.LinearSolver.Solver.ResultStatus.OPTIMAL, solver.Solve());
        return sign * (long)Math.Floor(objective.Value() + 1e-6);
    }

    /// <summary>Whether only one number of records fits, in whole numbers, where a linear program leaves it open.</summary>
    public bool IsOnly((Func<int, bool> Own, string Label) target, long value)
    {
        var model = new CpModel();
        var own = _shown.Select(number => number.Own).Append(target.Own).ToArray();
        var profiles = Enumerable.Range(0, records).GroupBy(i => string.Concat(own.Select(isIn => isIn(i) ? '1' : '0')), StringComparer.Ordinal)
            .Select(profile => (First: profile.First(), Records: profile.Count())).ToArray();
        var cells = profiles.Select(profile => _labels.ToDictionary(label => label, _ => model.NewIntVar(0, profile.Records, ""), StringComparer.Ordinal))
            .ToArray();
        IntVar[] In(Func<int, bool> isIn, params string[] labels) => [.. Enumerable.Range(0, profiles.Length)
            .Where(i => isIn(profiles[i].First)).SelectMany(i => labels.Select(label => cells[i][label]))];
        for (var i = 0; i < profiles.Length; i++)
        {
            model.Add(LinearExpr.Sum(cells[i].Values) == profiles[i].Records);
        }

        foreach (var (isIn, labels, count) in _shown)
        {
            model.Add(LinearExpr.Sum(In(isIn, labels)) == count);
        }

        model.Add(LinearExpr.Sum(In(target.Own, target.Label)) != value);
        var solver = new CpSolver { StringParameters = "num_workers:1 random_seed:1 max_deterministic_time:1" };
        return solver.Solve(model) == CpSolverStatus.Infeasible;
    }
}
