using System.Security.Cryptography;

namespace PsiMessaging.Data.Output;

/// <summary>
/// Writes a file under a temporary name beside its place, flushes it to disk, renames it and flushes the folder: a reader sees all of it or nothing, and what
/// was written is there after a power cut. The file is its owner's alone, wherever it is: what we write is about people, or a key, and who wants to share it can say so.
/// </summary>
public static class AtomicFile
{
    /// <summary>End of the temporary names: what a killed process leaves is <c>NAME.8HEX.part</c>.</summary>
    public const string PartSuffix = ".part";

    /// <summary>Writes <paramref name="path"/> through <paramref name="write"/>; on failure nothing is left behind.</summary>
    /// <param name="path">Where it goes; an existing file is replaced.</param>
    /// <param name="write">Writes the content.</param>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = TemporaryName(path);
        try
        {
            // A name nobody else has, and never a file or link that is there already: the folder need not be ours alone.
            using (var stream = PrivateFile.Open(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            Rename(temporary, path);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes bytes.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        var temporary = TemporaryName(path);
        try
        {
            using (var stream = PrivateFile.Open(temporary, FileMode.CreateNew, FileAccess.Write, bufferSizeBytes: 0))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            Rename(temporary, path);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Gives a file that is flushed its name, and returns when the name is on disk too.</summary>
    /// <param name="part">The file under its temporary name, in the same file system.</param>
    /// <param name="path">Its name.</param>
    /// <param name="overwrite">Whether a file of that name is replaced.</param>
    /// <exception cref="IOException">There is one and it is not to be replaced, or the disk fails.</exception>
    public static void Rename(string part, string path, bool overwrite = true) => PrivateFile.Rename(part, path, overwrite);

    /// <summary>A name beside a file's for its making.</summary>
    internal static string TemporaryName(string path) => $"{path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}{PartSuffix}";
}
