using System.Data.Common;

namespace PsiMessaging.Cli.Simulation;

/// <summary>Faults of the disk, as the system, the state's database and the query engine report them.</summary>
internal static class DiskFault
{
    // Of <errno.h>; a disk's and a user's share of it.
    private const int NoSpace = 28;
    private const int QuotaLinux = 122;
    private const int QuotaElsewhere = 69;
    private static readonly string[] Words = ["No space left", "disk is full", "Disk quota exceeded"];

    /// <summary>Whether a fault, or one behind it, is that there is no room.</summary>
    public static bool IsFull(Exception fault) => Chain(fault).Any(exception =>
        exception is IOException && (exception.HResult == NoSpace || exception.HResult == (OperatingSystem.IsLinux() ? QuotaLinux : QuotaElsewhere))
        || exception is IOException or DbException && Words.Any(word => exception.Message.Contains(word, StringComparison.OrdinalIgnoreCase)));

    /// <summary>Whether a worker would wait for a fault to pass. A run in one process does not: nobody looks after its disk meanwhile.</summary>
    public static bool IsOne(Exception fault) => fault is IOException or UnauthorizedAccessException || IsFull(fault);

    private static IEnumerable<Exception> Chain(Exception fault)
    {
        for (Exception? next = fault; next is not null; next = next.InnerException)
        {
            yield return next;
        }
    }
}
