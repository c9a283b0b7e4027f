namespace PsiMessaging.Benchmarks;

internal static class Sending
{
    public static Task<int> RunAsync(string[] args) => Task.FromResult(args.Length);
}
