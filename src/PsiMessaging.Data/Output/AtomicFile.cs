namespace PsiMessaging.Data.Output;

/// <summary>Writes a file under a temporary name beside its place, flushes it to disk, then renames: a reader sees all of it or nothing.</summary>
public static class AtomicFile
{
    /// <summary>Writes <paramref name="path"/> through <paramref name="write"/>; on failure nothing is left behind.</summary>
    /// <param name="path">Where it goes; an existing file is replaced.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="ownerOnly">Whether only the owner may read it.</param>
    public static void Write(string path, Action<Stream> write, bool ownerOnly = false)
    {
        var temporary = path + ".part";
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 1 << 16 };
            if (ownerOnly && !OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using (var stream = new FileStream(temporary, options))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes bytes.</summary>
    public static void Write(string path, byte[] content, bool ownerOnly = false) => Write(path, stream => stream.Write(content), ownerOnly);
}
