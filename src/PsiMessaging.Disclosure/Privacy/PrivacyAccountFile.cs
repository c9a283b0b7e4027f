using System.Text;
using PsiMessaging.Files;

namespace PsiMessaging.Disclosure.Privacy;

/// <summary>
/// An account in a file. Spending writes all of it (<see cref="AtomicFile"/>), and only then says that it is spent: after a kill or a power cut at any point
/// the file is the one before or the one after, and noise whose cost is not on disk was never handed out. Spent and never used is what can happen; used and not
/// spent is not. What a kill leaves under a temporary name is deleted when the account is opened. The file and its lock, <c>PATH.lock</c>, are the owner's
/// alone. Two processes do not spend at once: the second is refused. For one thread.
/// </summary>
public sealed class PrivacyAccountFile : IDisposable
{
    private const long MaximumBytes = 1L << 30;

    private readonly string _path;
    private readonly FileStream _lock;

    private PrivacyAccountFile(string path, FileStream taken, PrivacyAccount account)
    {
        _path = path;
        _lock = taken;
        Account = account;
    }

    /// <summary>What is on disk.</summary>
    public PrivacyAccount Account { get; private set; }

    /// <summary>Makes the file of an account of which nothing is spent.</summary>
    /// <exception cref="IOException">There is a file already, another process has it, or nothing can be written there.</exception>
    public static PrivacyAccountFile Create(string path, PrivacyAccount account)
    {
        var taken = Take(path);
        try
        {
            if (File.Exists(path))
            {
                throw new IOException($"{path} is there already; a new account over it would forget what is spent");
            }

            Write(path, account);
            return new PrivacyAccountFile(path, taken, account);
        }
        catch
        {
            taken.Dispose();
            throw;
        }
    }

    /// <summary>Opens the file of an account.</summary>
    /// <exception cref="PrivacyAccountException">It is torn, was altered, or is none; the message has its path.</exception>
    /// <exception cref="IOException">It is not there, cannot be read, or another process has it.</exception>
    public static PrivacyAccountFile Open(string path)
    {
        var taken = Take(path);
        try
        {
            if (new FileInfo(path).Length > MaximumBytes)
            {
                throw new PrivacyAccountException($"{path}: no account, it has more than {MaximumBytes} bytes; name the account's own file");
            }

            var account = PrivacyAccountText.Parse(Encoding.Latin1.GetString(File.ReadAllBytes(path)));
            DeleteParts(path);
            return new PrivacyAccountFile(path, taken, account);
        }
        catch (Exception exception)
        {
            taken.Dispose();
            throw exception is PrivacyAccountException ? new PrivacyAccountException($"{path}: {exception.Message}") : exception;
        }
    }

    /// <summary>As <see cref="PrivacyAccount.Spend"/>; when it returns, what is spent is on disk.</summary>
    /// <exception cref="PrivacyBudgetException">It is not paid for; the file is as it was.</exception>
    /// <exception cref="IOException">The file cannot be written. It may or may not be on disk: the answer is not given, and asking again finds out.</exception>
    public Spending Spend(string id, string text, Rho cost, Func<byte[]> payload)
    {
        var (after, spending) = Account.Spend(id, text, cost, payload);
        if (spending.IsNew)
        {
            Write(_path, after);
            Account = after;
        }

        return spending;
    }

    /// <summary>Lets other processes have the file.</summary>
    public void Dispose() => _lock.Dispose();

    private static FileStream Take(string path)
    {
        try
        {
            // Not deleted afterwards: whoever waits for it would lock a file that has no name any more.
            return PrivateFile.Open(path + ".lock", FileMode.OpenOrCreate, share: FileShare.None);
        }
        catch (IOException exception) when (exception is not (FileNotFoundException or DirectoryNotFoundException))
        {
            throw new IOException($"the account {path} is in use by another process, or its lock cannot be opened; end that one first", exception);
        }
    }

    /// <summary>What a kill has left: it holds noise that nobody was given.</summary>
    private static void DeleteParts(string path) =>
        Array.ForEach(Directory.GetFiles(
            Path.GetDirectoryName(Path.GetFullPath(path))!, $"{Path.GetFileName(path)}.????????{AtomicFile.PartSuffix}"), File.Delete);

    private static void Write(string path, PrivacyAccount account) =>
        AtomicFile.Write(path, Encoding.Latin1.GetBytes(PrivacyAccountText.Print(account)));
}
