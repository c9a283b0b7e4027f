namespace PsiMessaging.Contracts.Tests;

/// <summary>The folder <c>contracts</c> of the sources that these tests were built from.</summary>
internal static class ContractsFolder
{
    public static string Path { get; } = Find();

    /// <summary>The page of a message, as it stands.</summary>
    public static string PageOf(string message) => File.ReadAllText(System.IO.Path.Combine(Path, "messages", message + ".md"));

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(folder.FullName, "PsiMessaging.sln")))
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException("the solution's folder");
        }

        return System.IO.Path.Combine(folder.FullName, "contracts");
    }
}
