using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Tests;

/// <summary>A disk that fails at the first look.</summary>
internal sealed class FailingOnceStore(IParticipantStore inner) : IParticipantStore
{
    private int _looks;

    public int Looks => Volatile.Read(ref _looks);

    public T Read<T>(Func<IStoreReader, T> action) => Interlocked.Increment(ref _looks) == 1 ? throw new IOException("full") : inner.Read(action);

    public T Write<T>(Func<IStoreWriter, T> action) => inner.Write(action);

    public void Dispose() => inner.Dispose();
}
