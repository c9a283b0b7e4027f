using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;

namespace PsiMessaging.Participants.Identities;

/// <summary>
/// Reads files that hold secrets, which nobody but their owner may read. They are written and destroyed as every file of ours is (<see cref="AtomicFile"/>); a
/// key file may be somebody else's making.
/// </summary>
public static class OwnerOnlyFile
{
    /// <summary>Reads a secret file.</summary>
    /// <exception cref="ParticipantException">Missing, another user's, or others may read it.</exception>
    public static byte[] Read(string path, string what)
    {
        if (!File.Exists(path))
        {
            throw new ParticipantException(FailureCodes.NotPinned, $"{what} {path} does not exist") { ForPeer = Own(what) };
        }

        if (PrivateFile.IsOpenToOthers(path))
        {
            throw new ParticipantException(FailureCodes.WeakKey,
                $"{what} {path} can be read by others; make it yours alone with: chmod 600 {path}") { ForPeer = Own(what) };
        }

        if (PrivateFile.IsForeign(path))
        {
            throw new ParticipantException(FailureCodes.WeakKey,
                $"{what} {path} belongs to another user, who knows it and can change it; take a key file of your own") { ForPeer = Own(what) };
        }

        try
        {
            return File.ReadAllBytes(path);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new ParticipantException(FailureCodes.NotPinned, $"{what} {path} cannot be read: permission denied", exception) { ForPeer = Own(what) };
        }
    }

    /// <summary>A path is nobody else's business.</summary>
    private static string Own(string what) => $"{what} cannot be used there; its people see why";
}
