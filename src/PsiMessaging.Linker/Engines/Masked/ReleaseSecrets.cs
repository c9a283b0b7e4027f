using System.Collections.Concurrent;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Files;

namespace PsiMessaging.Linker.Engines.Masked;

/// <summary>
/// The linker's side of the base transfers that a session's releases rest on: a secret for each party, beside that party's message, in the session's folder
/// until it goes. What follows from them is kept in memory.
/// </summary>
/// <param name="folders">Where files are.</param>
internal sealed class ReleaseSecrets(LinkerFolders folders)
{
    private readonly ConcurrentDictionary<(string Session, string Party), LinkerKeys> _keys = [];

    /// <summary>Takes a party's message at its registration; the linker's own. After a kill the same.</summary>
    /// <param name="session">The session.</param>
    /// <param name="party">The party.</param>
    /// <param name="choice">Its message, checked.</param>
    public byte[] Register(string session, string party, ReadOnlySpan<byte> choice)
    {
        var path = folders.OfRelease(session, party);
        if (!File.Exists(path) || !File.ReadAllBytes(path).AsSpan(ReleaseKeys.SecretSizeBytes).SequenceEqual(choice))
        {
            PrivateFile.CreateFolder(folders.OfSession(session));
            using var drawn = SecretBytes.Random(ReleaseKeys.SecretSizeBytes);
            AtomicFile.Write(path, [.. drawn.Span, .. choice]);
        }

        using var secret = Read(path).Secret;
        return ReleaseKeys.Offer(secret);
    }

    /// <summary>The linker's keys for a question to which a party contributes; the caller wipes them.</summary>
    /// <param name="session">The session.</param>
    /// <param name="transcript">Its transcript.</param>
    /// <param name="party">The contributing party.</param>
    /// <param name="counter">The asking party's mask counter.</param>
    /// <param name="query">The question.</param>
    /// <exception cref="InvalidDataException">The party has sent no message of base transfers, or one of no use.</exception>
    public LinkerKeys KeysOf(string session, byte[] transcript, string party, long counter, string query)
    {
        if (!_keys.TryGetValue((session, party), out var keys))
        {
            var path = folders.OfRelease(session, party);
            var (secret, choice) = File.Exists(path) ? Read(path) : throw new InvalidDataException("its party has registered without base transfers");
            using (secret)
            {
                try
                {
                    keys = ReleaseKeys.OfLinker(secret, transcript, party, choice);
                }
                catch (CryptographicException exception)
                {
                    throw new InvalidDataException("its party's base transfers are of no use", exception);
                }
            }

            _keys[(session, party)] = keys;
        }

        return keys.For(counter, query);
    }

    /// <summary>Lets go of a session's keys.</summary>
    public void Drop(string session)
    {
        foreach (var key in _keys.Keys.Where(key => key.Session == session))
        {
            if (_keys.TryRemove(key, out var keys))
            {
                keys.Dispose();
            }
        }
    }

    private static (SecretBytes Secret, byte[] Choice) Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var secret = SecretBytes.CopyOf(bytes.AsSpan(0, ReleaseKeys.SecretSizeBytes));
        CryptographicOperations.ZeroMemory(bytes.AsSpan(0, ReleaseKeys.SecretSizeBytes));
        return (secret, bytes[ReleaseKeys.SecretSizeBytes..]);
    }
}
