using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;

namespace PsiMessaging.Participants.Identities;

/// <summary>That nobody but its owner enters a home.</summary>
internal static class HomeFolders
{
    /// <summary>The folders right under a home, through which everything in it is reached.</summary>
    private static string[] Folders(string path) =>
        [Path.Combine(path, "cards"), Path.Combine(path, "datasets"), Path.Combine(path, "sessions")];

    /// <summary>Makes a folder its owner's alone, for a home.</summary>
    public static void Take(string path)
    {
        if (!Directory.Exists(path))
        {
            PrivateFile.CreateFolder(path);
        }
        else if (PrivateFile.IsForeign(path))
        {
            throw new ParticipantException(FailureCodes.WeakKey,
                $"the folder {path} belongs to another user, who could read what is put there; take a folder of your own");
        }
        else if (PrivateFile.IsOpenToOthers(path))
        {
            // Closing a folder that is in use, such as /tmp, would do harm; an empty one was made for
            // this. The look that counts is the one behind closed doors.
            var rights = OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(path);
            RefuseFull(path);
            PrivateFile.CloseFolder(path);
            try
            {
                RefuseFull(path);
            }
            catch when (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, rights);
                throw;
            }
        }
    }

    private static void RefuseFull(string path)
    {
        if (Directory.EnumerateFileSystemEntries(path).Any())
        {
            throw new ParticipantException(FailureCodes.WeakKey,
                $"{path} holds something already and others may enter it; take a new folder, or make it yours alone with: chmod -R go= {Quoted(path)}");
        }
    }

    /// <summary>Datasets and results lie in a home in plain text: where others can enter, nothing is done before that is mended.</summary>
    public static void RefuseOpen(string path)
    {
        foreach (var folder in Folders(path).Prepend(path).Where(Directory.Exists))
        {
            if (PrivateFile.IsForeign(folder))
            {
                throw new ParticipantException(FailureCodes.WeakKey,
                    $"the folder {folder} belongs to another user, who could change what is in it; run psi as that user, or take a home of your own");
            }

            if (PrivateFile.IsOpenToOthers(folder))
            {
                throw new ParticipantException(FailureCodes.WeakKey,
                    $"other users can enter the home {path} (folder {folder}); make it yours alone with: chmod -R go= {Quoted(path)}");
            }
        }
    }

    /// <summary>A path as a shell takes it.</summary>
    private static string Quoted(string path) =>
        path.All(character => char.IsAsciiLetterOrDigit(character) || "/._-+@%=:,".Contains(character, StringComparison.Ordinal))
            ? path : $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
