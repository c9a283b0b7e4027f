using PsiMessaging.Files;


namespace PsiMessaging.Data.Sorting;

/// <summary>
/// Where files go that live only while something is computed. Made on first use; what a killed process left is deleted when it is opened again.
/// </summary>
/// <param name="path">The folder; of this computation alone.</param>
public class ScratchFolder(string path) : IDisposable
{
    private int _count;

    /// <summary>The folder.</summary>
    public string Path => path;

    /// <summary>Cancelled when what is computed is not wanted any more: sorters that use the folder then give up.</summary>
    public CancellationToken Ended { get; set; }

    /// <summary>Memory a sorter uses before it takes to files: enough for about a million records of 40 bytes.</summary>
    public virtual long SorterMemoryBytes => 64 << 20;

    /// <summary>Opens a new file, for writing and reading back; it is deleted when closed.</summary>
    public virtual Stream CreateFile()
    {
        if (_count == 0 && Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }

        PrivateFile.CreateFolder(path);
        return PrivateFile.Open(System.IO.Path.Combine(path, $"{_count++}.run"), FileMode.Create,
            FileAccess.ReadWrite, FileShare.None, 1 << 17, FileOptions.DeleteOnClose);
    }

    /// <summary>Deletes the folder and whatever is left in it.</summary>
    public void Dispose()
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }

        GC.SuppressFinalize(this);
    }
}
