using System.Security.Cryptography;

namespace PsiMessaging.Files;

/// <summary>
/// Writes a file under a temporary name beside its place, flushes it to disk, renames it and flushes the folder: a reader sees all of it or nothing, and what
/// was written is there after a power cut. The file is its owner's alone, wherever it is: what we write is about people, or a key, and who wants to share it
/// can say so. A file that holds a secret is overwritten before it goes.
/// </summary>
public static class AtomicFile
{
    /// <summary>End of the temporary names: what a killed process leaves is <c>NAME.8HEX.part</c>.</summary>
    public const string PartSuffix = ".part";

    private const int RandomDigits = 8;
    private const int LargestSecretBytes = 1 << 16;

    /// <summary>
    /// Writes <paramref name="path"/> through <paramref name="write"/>. When it returns, content and name are on disk. When it throws, the temporary file is
    /// gone and what was there before is there still; only where flushing the folder is what failed does the new file have its name already. A kill leaves the
    /// temporary file.
    /// </summary>
    /// <param name="path">Where it goes, in a folder that is there; an existing file is replaced.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="IOException">Nothing can be written there, or the disk is full or fails.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder does not take the finished file.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = TemporaryName(path);
        var stream = Create(temporary, path, 1 << 16);
        try
        {
            using (stream)
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

    /// <summary>Writes bytes; otherwise the same.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        var temporary = TemporaryName(path);
        var stream = Create(temporary, path, bufferSizeBytes: 0);
        try
        {
            using (stream)
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
    public static void Rename(string part, string path, bool overwrite = true)
    {
        File.Move(part, path, overwrite);
        PrivateFile.FlushFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>A random name beside a file's, for its making.</summary>
    public static string TemporaryName(string path) => $"{path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(RandomDigits / 2))}{PartSuffix}";

    /// <summary>Whether a file's name is one of <see cref="TemporaryName"/>.</summary>
    public static bool IsTemporaryName(string name) =>
        name.Length > 1 + RandomDigits + PartSuffix.Length && name.EndsWith(PartSuffix, StringComparison.Ordinal)
        && name[^(1 + RandomDigits + PartSuffix.Length)] == '.'
        && name.AsSpan()[^(RandomDigits + PartSuffix.Length)..^PartSuffix.Length].IndexOfAnyExcept("0123456789abcdef") < 0;

    /// <summary>
    /// Overwrites a secret file with zeros and deletes it, and what a kill in the middle of its writing has left of it. On journaling or flash storage old
    /// blocks may survive; the docs say so.
    /// </summary>
    public static void Destroy(string path)
    {
        Wipe(path);
        DestroyParts(path);
    }

    /// <summary>The same for what a kill has left of a file's writing alone.</summary>
    public static void DestroyParts(string path)
    {
        if (Path.GetDirectoryName(path) is { Length: > 0 } folder && Directory.Exists(folder))
        {
            Array.ForEach(Directory.GetFiles(folder, Path.GetFileName(path) + ".*" + PartSuffix), Wipe);
        }
    }

    /// <summary>Deletes a temporary file; one that is small enough for a key is overwritten first.</summary>
    public static void DestroyPart(string part)
    {
        if (new FileInfo(part).Length <= LargestSecretBytes)
        {
            Wipe(part);
        }
        else
        {
            File.Delete(part);
        }
    }

    private static void Wipe(string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        using (var stream = new FileStream(path, FileMode.Open, FileAccess.Write))
        {
            stream.Write(new byte[stream.Length]);
            stream.Flush(flushToDisk: true);
        }

        File.Delete(path);
    }

    /// <summary>A name nobody else has, and never a file or link that is there already: the folder need not be ours alone.</summary>
    private static FileStream Create(string temporary, string path, int bufferSizeBytes)
    {
        try
        {
            return PrivateFile.Open(temporary, FileMode.CreateNew, FileAccess.Write, bufferSizeBytes: bufferSizeBytes);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            var why = !Directory.Exists(folder) ? $"there is no folder {folder}"
                : exception is UnauthorizedAccessException ? $"no permission to make files in {folder}" : $"{folder} takes no new files";
            throw new IOException($"{path} cannot be written: {why}", exception);
        }
    }
}
