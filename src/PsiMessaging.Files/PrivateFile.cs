using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace PsiMessaging.Files;

/// <summary>
/// Files and folders that no other user of the machine may open: 0600 and 0700, whatever the caller's umask. What we keep in plain text (datasets, identifiers,
/// results) is safe from local users by these rights alone. On Windows a folder's access list decides, and none of this does anything.
/// </summary>
public static partial class PrivateFile
{
    /// <summary>Rights of a file: its owner reads and writes (0600).</summary>
    public const UnixFileMode FileRights = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    /// <summary>Rights of a folder: its owner alone enters (0700).</summary>
    public const UnixFileMode FolderRights = FileRights | UnixFileMode.UserExecute;
    /// <summary>Whatever lets anybody but the owner in.</summary>
    public const UnixFileMode OthersRights = UnixFileMode.GroupRead | UnixFileMode.GroupWrite
        | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    // Of <fcntl.h> and <linux/stat.h>; these do not differ between architectures, as those of struct stat do.
    private const int CloseOnExecLinux = 0x80000;
    private const int CloseOnExecElsewhere = 0x1000000;
    private const int CurrentFolder = -100;
    private const int AccessDenied = 13;
    private const int NotThroughLinks = 0x100;
    private const uint StatxTypeAndRights = 0x3;
    private const uint StatxUid = 0x8;
    private const int StatxBytes = 256;
    private const int StatxUidAt = 20;
    private const int StatxModeAt = 28;
    private const int CoreFile = 4;
    private const int SetDumpable = 4;
    private const int FileKind = 0xF000;
    private const int FolderKind = 0x4000;

    /// <summary>
    /// Takes rights of group and others from everything this process makes from now on, files of libraries among it; and should it crash, its memory, keys
    /// among it, is written nowhere: no core file, and no handler of such is given one. First thing in every Main.
    /// </summary>
    public static void ProtectProcess()
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = Umask((uint)OthersRights);
            _ = SetResourceLimit(CoreFile, default);
        }

        if (OperatingSystem.IsLinux())
        {
            // A pattern that pipes to a program, as distributions have it, does not ask for the limit.
            _ = ProcessControl(SetDumpable, 0, 0, 0, 0);
        }
    }

    /// <summary>Opens a file; one that is made is the owner's alone. One that is there keeps its rights.</summary>
    /// <param name="path">Where.</param>
    /// <param name="mode">As for <see cref="FileStream"/>.</param>
    /// <param name="access">As for <see cref="FileStream"/>.</param>
    /// <param name="share">As for <see cref="FileStream"/>.</param>
    /// <param name="bufferSizeBytes">As for <see cref="FileStream"/>.</param>
    /// <param name="options">As for <see cref="FileStream"/>.</param>
    public static FileStream Open(
        string path, FileMode mode, FileAccess access = FileAccess.ReadWrite, FileShare share = FileShare.Read,
        int bufferSizeBytes = 1 << 16, FileOptions options = FileOptions.None)
    {
        var how = new FileStreamOptions { Mode = mode, Access = access, Share = share, BufferSize = bufferSizeBytes, Options = options };
        if (!OperatingSystem.IsWindows() && mode is not (FileMode.Open or FileMode.Truncate))
        {
            how.UnixCreateMode = FileRights;
        }

        return new FileStream(path, how);
    }

    /// <summary>
    /// Makes a folder, and those above it that are missing, each the owner's alone and flushed to disk by name. One that is there keeps its rights.
    /// </summary>
    /// <exception cref="IOException">There is a file where a folder is needed, or the place takes none; the message says which.</exception>
    public static void CreateFolder(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var parent = Path.GetDirectoryName(full);
        if (parent is not null)
        {
            CreateFolder(parent);
        }

        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(full);
                return;
            }

            Directory.CreateDirectory(full, FolderRights);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException(File.Exists(full) ? $"{full} is a file, and a folder is needed there" : NoFolder(full, exception switch
            {
                UnauthorizedAccessException => "permission denied",
                FileNotFoundException or DirectoryNotFoundException => "nothing can be made there",
                _ => exception.Message
            }), exception.HResult);
        }

        FlushFolder(parent!);
    }

    private static string NoFolder(string path, string reason) =>
        $"the folder {path} cannot be made, {Path.GetDirectoryName(path)} does not take it ({reason.TrimEnd('.')}); name another place";

    /// <summary>Makes one folder that was not there, the owner's alone from the beginning.</summary>
    /// <exception cref="IOException">There is something of that name, a link that leads nowhere among it, or it cannot be made.</exception>
    public static void MakeFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            _ = Path.Exists(path) ? throw new IOException($"{path} exists already") : Directory.CreateDirectory(path);
        }
        else if (MakeDirectory(path, (uint)FolderRights) != 0)
        {
            var code = Marshal.GetLastPInvokeError();
            throw new IOException(NoFolder(path, Marshal.GetPInvokeErrorMessage(code)), code);
        }
    }

    /// <summary>
    /// Flushes a folder to disk: only then does a file's new name survive a power cut. A file system that knows no such thing is left in peace.
    /// </summary>
    /// <exception cref="IOException">The folder cannot be opened or the disk fails.</exception>
    public static void FlushFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var handle = new SafeFileHandle(OpenForReading(path, OperatingSystem.IsLinux() ? CloseOnExecLinux : CloseOnExecElsewhere), ownsHandle: true);
        if (handle.IsInvalid)
        {
            if (Marshal.GetLastPInvokeError() == AccessDenied)
            {
                // A folder one may put files into and not list, such as a drop box: not ours, and nothing of ours is acknowledged by it.
                return;
            }

            throw new IOException($"the folder {path} cannot be flushed to disk: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        RandomAccess.FlushToDisk(handle);
    }

    /// <summary>Gives a folder another name beside its own, and returns when that is on disk.</summary>
    /// <exception cref="IOException">There is something of that name, or the disk fails.</exception>
    public static void RenameFolder(string from, string to)
    {
        Directory.Move(from, to);
        FlushFolder(Path.GetDirectoryName(Path.GetFullPath(to))!);
    }

    /// <summary>Takes group's and others' rights from a folder that is there.</summary>
    public static void CloseFolder(string path)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, FolderRights);
        }
    }

    /// <summary>Whether somebody but the owner may do anything with a file or folder.</summary>
    public static bool IsOpenToOthers(string path) => !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & OthersRights) != UnixFileMode.None;

    /// <summary>Whether somebody beside its owner may write a file.</summary>
    public static bool MayBeChangedByOthers(string path) =>
        !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != UnixFileMode.None;

    /// <summary>Whether others may read a file or change it; its group may read it, as it may a mounted secret.</summary>
    public static bool IsOpenBeyondGroup(string path) => !OperatingSystem.IsWindows()
        && (File.GetUnixFileMode(path) & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite)) != UnixFileMode.None;

    /// <summary>
    /// Whether a file or folder belongs to another user, who could change it or its rights under us. Root counts as nobody else: it can do so anyway, and what
    /// a cluster mounts as a secret is root's.
    /// </summary>
    public static bool IsForeign(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return false;
        }

        if (OperatingSystem.IsLinux() && OwnerOf(path) is { } owner)
        {
            return owner != 0 && owner != EffectiveUser();
        }

        // Elsewhere the layout of stat's answer is not fixed. Setting a file's rights to what they are is
        // allowed to its owner only (and to root, for whom we cannot tell).
        try
        {
            File.SetUnixFileMode(path, File.GetUnixFileMode(path));
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return true;
        }
    }

    /// <summary>
    /// Whether a path is a folder itself and no link to one, this very user's, and nobody else may enter it: what is in there, only this user has put there.
    /// </summary>
    public static bool IsOwnFolder(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            // Kind, owner and rights in one look: two would be of two things where somebody exchanges them.
            Span<byte> answer = stackalloc byte[StatxBytes];
            try
            {
                if (Statx(CurrentFolder, path, NotThroughLinks, StatxTypeAndRights | StatxUid, answer) != 0)
                {
                    return false;
                }

                var mode = BitConverter.ToUInt16(answer[StatxModeAt..]);
                return (mode & FileKind) == FolderKind && (mode & (int)OthersRights) == 0 && BitConverter.ToUInt32(answer[StatxUidAt..]) == EffectiveUser();
            }
            catch (EntryPointNotFoundException)
            {
                // An old C library: as elsewhere.
            }
        }

        return new DirectoryInfo(path) is { Exists: true, LinkTarget: null } && !IsForeign(path) && !IsOpenToOthers(path);
    }

    /// <summary>The user id that owns a path, links followed; null where the kernel or the C library does not say.</summary>
    private static uint? OwnerOf(string path)
    {
        Span<byte> answer = stackalloc byte[StatxBytes];
        try
        {
            return Statx(CurrentFolder, path, 0, StatxUid, answer) == 0 ? BitConverter.ToUInt32(answer[StatxUidAt..]) : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeDirectory(string path, uint rights);

    /// <summary>struct rlimit of 64-bit systems: soft and hard.</summary>
    private readonly record struct ResourceLimit(ulong Soft, ulong Hard);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetResourceLimit(int resource, in ResourceLimit limit);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int ProcessControl(int option, ulong second, ulong third, ulong fourth, ulong fifth);

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint Umask(uint mask);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint OpenForReading(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, Span<byte> answer);
}
