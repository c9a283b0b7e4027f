namespace PsiMessaging.Attacks.Tests.AttackerProgram;

/// <summary>The rules that stand between the attacker and the contributing party's records. Each has a switch.</summary>
[Flags]
internal enum Rules
{
    None = 0,

    /// <summary>
    /// Cells of fewer records than the minimum are not opened, and own groups of fewer are put aside; off, groups of two are kept and cells of one are opened.
    /// </summary>
    Minimum = 1,

    /// <summary>What is not shown of an own group must not follow from what is.</summary>
    Subtraction = 2,

    /// <summary>Columns that single out few, or that few dominate, are refused (<c>QuestionRule</c>); off, nobody looks at what is announced.</summary>
    Columns = 4,

    /// <summary>The grant's <c>boundOnly</c>: no numbers of the asking party's own, no regressions.</summary>
    BoundOnly = 8,

    /// <summary>The linker's look at the asking party's rows (docs/masked.md, "Binding").</summary>
    Binding = 16,

    /// <summary>The contributing party holds each question against those before it, and the asking party's worker knows that it does.</summary>
    History = 32,

    /// <summary>The asking party's own worker looks first, where the other party does.</summary>
    OwnHistory = 64,

    /// <summary>Totals over cells that are not shown are not opened.</summary>
    Totals = 128,

    /// <summary>Linker and contributing party release the sums; off, the asking party's worker has all of them and withholds by itself.</summary>
    Release = 256,

    /// <summary>Each of the contributing party's columns serves for one table (<c>"history": "once"</c>), beside <see cref="History"/>.</summary>
    Once = 512,

    /// <summary>Where counts have noise: each answer costs of an account that ends.</summary>
    Account = 1024,

    /// <summary>A grant with <c>boundOnly</c>, where questions must not be near each other.</summary>
    Guarded = Minimum | Subtraction | Columns | BoundOnly | Binding | History | OwnHistory | Totals | Release | Account,

    /// <summary>A grant with <c>boundOnly</c> and <c>"history": "once"</c>.</summary>
    All = Guarded | Once,
}
