using System.Text;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.Cli.Output;

/// <summary>Asks for passphrases at the terminal, without showing them.</summary>
internal static class Passphrases
{
    /// <summary>Has homes ask a person where their keys lie under a passphrase that is in no file, if there is one to ask.</summary>
    public static void Connect() => IdentityLock.Prompt = path => CanAsk ? Ask($"Passphrase of {path}: ") : null;

    /// <summary>A new passphrase, typed twice; null where there is nobody to ask.</summary>
    /// <exception cref="UsageException">The two differ, or there is none.</exception>
    public static SecretBytes? AskNew()
    {
        if (!CanAsk)
        {
            return null;
        }

        var first = Ask("New passphrase: ");
        using var second = Ask("Once more: ");
        if (first.SizeBytes > 0 && first.Span.SequenceEqual(second.Span))
        {
            return first;
        }

        first.Dispose();
        throw new UsageException("the two passphrases differ, or are empty; nothing was changed");
    }

    private static bool CanAsk => !Console.IsInputRedirected && !Console.IsErrorRedirected;

    private static SecretBytes Ask(string question)
    {
        Console.Error.Write(question);
        var typed = new StringBuilder(256);
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                typed.Length = Math.Max(0, typed.Length - 1);
            }
            else if (!char.IsControl(key.KeyChar))
            {
                typed.Append(key.KeyChar);
            }
        }

        Console.Error.WriteLine();
        return IdentityLock.Of(typed);
    }
}
