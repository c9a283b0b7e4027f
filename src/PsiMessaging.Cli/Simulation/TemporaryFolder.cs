using System.Security.Cryptography;
using PsiMessaging.Files;

namespace PsiMessaging.Cli.Simulation;

/// <summary>
/// A folder of this run alone, for what must not outlive it: its owner's (0700), under a random name, gone when it is disposed. What a kill leaves behind is
/// found by its name and its lock, which the system takes away with the process, and is removed when the next folder of its kind is made. Nothing else is: no
/// link is followed, and what another user owns, what others may enter and what has no lock of ours stays as it is.
/// </summary>
internal sealed class TemporaryFolder : IDisposable
{
    private const string Prefix = "psi-run-";
    private const string LockName = "psi.lock";
    private const int RandomDigits = 16;

    private readonly FileStream _mark;

    private TemporaryFolder(string path, FileStream mark) => (Path, _mark) = (path, mark);

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Runs something that needs a folder in the system's place for temporary files.</summary>
    /// <exception cref="SimulationException">There is no room there, or no folder can be made.</exception>
    public static async Task<T> UseAsync<T>(Func<string, Task<T>> work)
    {
        var parent = System.IO.Path.GetFullPath(System.IO.Path.GetTempPath());
        if (!Directory.Exists(parent))
        {
            throw new SimulationException($"the folder for temporary files, {parent}, does not exist; name one that does in TMPDIR");
        }

        try
        {
            using var folder = Create(parent, Prefix, "");
            return await work(folder.Path);
        }
        catch (Exception exception) when (DiskFault.IsFull(exception))
        {
            throw new SimulationException(
                $"no space is left in {parent} for this run's temporary files; free some there, or name a folder with more room in TMPDIR");
        }
    }

    /// <summary>A folder beside one that does not exist yet or that files are to be moved into, named after it.</summary>
    public static TemporaryFolder Beside(string target)
    {
        var parent = System.IO.Path.GetDirectoryName(target) ?? target;
        PrivateFile.CreateFolder(parent);
        return Create(parent, System.IO.Path.GetFileName(target) + ".", AtomicFile.PartSuffix);
    }

    private static TemporaryFolder Create(string parent, string prefix, string suffix)
    {
        Sweep(parent, prefix, suffix);
        while (true)
        {
            var path = System.IO.Path.Combine(parent, prefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(RandomDigits / 2)) + suffix);
            PrivateFile.MakeFolder(path);
            var (mark, isThere) = Mark(path);
            if (mark is not null && isThere)
            {
                return new TemporaryFolder(path, mark);
            }

            // Another run looked between the two and took it away.
            mark?.Dispose();
        }
    }

    private static (FileStream? Mark, bool IsThere) Mark(string path)
    {
        var name = System.IO.Path.Combine(path, LockName);
        try
        {
            var mark = PrivateFile.Open(name, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSizeBytes: 0);
            return (mark, File.Exists(name));
        }
        catch (IOException exception) when (!DiskFault.IsFull(exception) && File.Exists(name))
        {
            // Held, by who is about to delete it.
            return (null, false);
        }
    }

    /// <summary>Removes what killed runs left.</summary>
    private static void Sweep(string parent, string prefix, string suffix)
    {
        foreach (var folder in Directory.EnumerateDirectories(parent).Where(folder => IsName(System.IO.Path.GetFileName(folder), prefix, suffix)).ToArray())
        {
            try
            {
                if (PrivateFile.IsOwnFolder(folder) && TakeAbandoned(System.IO.Path.Combine(folder, LockName)) is { } mark)
                {
                    Remove(folder, mark);
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // Another run is at it, or it cannot be: not this run's matter.
            }
        }
    }

    private static bool IsName(string name, string prefix, string suffix) =>
        name.Length == prefix.Length + RandomDigits + suffix.Length
            && name.StartsWith(prefix, StringComparison.Ordinal) && name.EndsWith(suffix, StringComparison.Ordinal)
        && name.AsSpan(prefix.Length, RandomDigits).IndexOfAnyExcept("0123456789abcdef") < 0;

    /// <summary>The lock of a folder whose process is gone; null where it lives, where there is no lock, and where locks hold nobody off.</summary>
    private static FileStream? TakeAbandoned(string name)
    {
        if (!File.Exists(name) || new FileInfo(name).LinkTarget is not null)
        {
            return null;
        }

        var mark = PrivateFile.Open(name, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSizeBytes: 0);
        try
        {
            PrivateFile.Open(name, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSizeBytes: 0).Dispose();
        }
        catch (IOException)
        {
            return mark;
        }

        mark.Dispose();
        return null;
    }

    /// <summary>The lock last, so that a kill in the middle leaves what the next run finds.</summary>
    private static void Remove(string path, FileStream mark)
    {
        // Who may write to the folder above may have put another, or a link, in its place: what is deleted is the folder itself, with the lock that is held.
        if (!PrivateFile.IsOwnFolder(path) || !IsHeld(System.IO.Path.Combine(path, LockName)))
        {
            mark.Dispose();
            throw new IOException("something else stands in its place");
        }

        using (mark)
        {
            foreach (var entry in new DirectoryInfo(path).EnumerateFileSystemInfos().Where(entry => entry.Name != LockName).ToArray())
            {
                if (entry is DirectoryInfo { LinkTarget: null } folder)
                {
                    folder.Delete(recursive: true);
                }
                else
                {
                    entry.Delete();
                }
            }
        }

        Directory.Delete(path, recursive: true);
    }

    private static bool IsHeld(string name)
    {
        if (!File.Exists(name))
        {
            return false;
        }

        try
        {
            PrivateFile.Open(name, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSizeBytes: 0).Dispose();
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>Deletes the folder and everything in it; where that fails, says so, because people's data may be in it.</summary>
    public void Dispose()
    {
        try
        {
            Remove(Path, _mark);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(
                $"psi: {Path} could not be removed and may hold data: {exception.Message.ReplaceLineEndings(" ")}; remove it, or the next run will try again");
        }
    }
}
