using System.Data.Common;

namespace PsiMessaging.Participants.Turns;

/// <summary>What an exception in a turn means for the work it stopped.</summary>
public static class Faults
{
    /// <summary>
    /// Whether it may pass by itself, as a full disk or a busy database does: the work is tried again. What others send must not come out as one of these,
    /// or it would be tried without end.
    /// </summary>
    public static bool IsPassing(Exception fault) => fault is IOException or DbException;

    /// <summary>Whether trying again would end the same: neither passing nor a turn that was told to end. What it was about fails, and nothing else.</summary>
    public static bool IsLasting(Exception fault) => !IsPassing(fault) && fault is not OperationCanceledException;
}
