using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Files;

namespace PsiMessaging.Participants.Identities;

/// <summary>Under what a home's private keys lie.</summary>
public enum KeyProtection
{
    /// <summary>Nothing but the file's rights.</summary>
    None,
    /// <summary>A passphrase, by Argon2id.</summary>
    Passphrase,
    /// <summary>A key that is mounted: a secret of systemd's, or of a cluster's.</summary>
    MountedKey,
}

/// <summary>
/// Where the passphrase or key comes from that opens a home's private keys: a file that the environment names, a credential of systemd's, or a person at the
/// terminal. Never a command line, which other users can read.
/// </summary>
public static class IdentityLock
{
    /// <summary>Names a file that holds the passphrase; its last line feed does not count.</summary>
    public const string PassphraseFile = "PSI_PASSPHRASE_FILE";
    /// <summary>Names a file that holds the key, 32 to 4,096 random bytes.</summary>
    public const string KeyFile = "PSI_IDENTITY_KEY_FILE";
    private const string CredentialsFolder = "CREDENTIALS_DIRECTORY";
    private const string PassphraseCredential = "psi-passphrase";
    private const string KeyCredential = "psi-identity-key";
    private const int LeastKeyBytes = 32;
    private const int MostBytes = 4096;

    /// <summary>Asks a person for the passphrase of a home; null where there is nobody to ask.</summary>
    public static Func<string, SecretBytes?>? Prompt { get; set; }

    /// <summary>What opens keys under a protection.</summary>
    /// <param name="protection">The protection.</param>
    /// <param name="path">Of the key file, for messages.</param>
    /// <exception cref="ParticipantException">It is nowhere to be had, or others may read it.</exception>
    public static SecretBytes Find(KeyProtection protection, string path)
    {
        var (variable, credential) = protection == KeyProtection.Passphrase ? (PassphraseFile, PassphraseCredential) : (KeyFile, KeyCredential);
        var file = Environment.GetEnvironmentVariable(variable);
        if (string.IsNullOrEmpty(file) && Environment.GetEnvironmentVariable(CredentialsFolder) is { Length: > 0 } folder)
        {
            file = Path.Combine(folder, credential) is var mounted && File.Exists(mounted) ? mounted : null;
        }

        return !string.IsNullOrEmpty(file) ? Read(protection, file)
            : (protection == KeyProtection.Passphrase ? Prompt?.Invoke(path) : null) ?? throw new ParticipantException(FailureCodes.WeakKey,
                protection == KeyProtection.Passphrase
                    ? $"{path} lies under a passphrase: name a file that holds it in {variable}, or mount it as the systemd credential {credential}"
                    : $"{path} lies under a mounted key: name its file in {variable}, or mount it as the systemd credential {credential}");
    }

    /// <summary>Reads a passphrase or key from a file. A group may read it, as a mounted secret's may; the world may not.</summary>
    /// <exception cref="ParticipantException">Missing, too short or long, readable by everybody, or another user's.</exception>
    public static SecretBytes Read(KeyProtection protection, string path)
    {
        var what = protection == KeyProtection.Passphrase ? "the passphrase file" : "the identity's key file";
        if (!File.Exists(path))
        {
            throw new ParticipantException(FailureCodes.WeakKey, $"{what} {path} does not exist");
        }

        if (PrivateFile.IsForeign(path) || (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path)
            & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite)) != UnixFileMode.None))
        {
            throw new ParticipantException(FailureCodes.WeakKey, $"{what} {path} can be read or changed by others; make it yours alone with: chmod 600 {path}");
        }

        if (new FileInfo(path).Length > MostBytes)
        {
            throw new ParticipantException(FailureCodes.WeakKey, $"{what} {path} is longer than {MostBytes:N0} bytes");
        }

        var bytes = File.ReadAllBytes(path);
        try
        {
            var used = protection == KeyProtection.Passphrase ? bytes.AsSpan().TrimEnd("\r\n"u8) : bytes;
            return used.Length >= (protection == KeyProtection.Passphrase ? 1 : LeastKeyBytes) ? SecretBytes.CopyOf(used)
                : throw new ParticipantException(FailureCodes.WeakKey, protection == KeyProtection.Passphrase ? $"{what} {path} is empty"
                    : $"{what} {path} holds {used.Length} bytes; it needs {LeastKeyBytes} random ones or more, for example: head -c 32 /dev/urandom > {path}");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    /// <summary>A passphrase as a person typed it.</summary>
    public static SecretBytes Of(StringBuilder typed)
    {
        var letters = new char[typed.Length];
        typed.CopyTo(0, letters, typed.Length);
        typed.Clear().Append('\0', letters.Length).Clear();
        var bytes = Encoding.UTF8.GetBytes(letters);
        var secret = SecretBytes.CopyOf(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        Array.Clear(letters);
        return secret;
    }
}
