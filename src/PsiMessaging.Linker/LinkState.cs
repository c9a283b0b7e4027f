namespace PsiMessaging.Linker;

/// <summary>Where a session stands at the linker. The names stand in stored state.</summary>
public enum LinkState
{
    /// <summary>Registrations and rows of both parties are awaited.</summary>
    Receiving,
    /// <summary>All of both parties is here: they may ask.</summary>
    Ready,
    /// <summary>A party ended it.</summary>
    Deleted,
    /// <summary>It ended under a named reason.</summary>
    Failed,
}

/// <summary>What can happen to a session at the linker.</summary>
public enum LinkTrigger
{
    /// <summary>A registration opens it, or rows that overtook theirs.</summary>
    Open,
    /// <summary>A party's word that it is over came before its registration.</summary>
    Overtake,
    /// <summary>A registration or a batch of rows is taken, and more is awaited.</summary>
    Take,
    /// <summary>With this registration or batch all of both parties is here.</summary>
    Complete,
    /// <summary>A party ends it.</summary>
    End,
    /// <summary>A violation, a deadline, something the linker cannot do.</summary>
    Fault,
}
