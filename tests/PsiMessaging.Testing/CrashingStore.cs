using PsiMessaging.Participants.Store;

namespace PsiMessaging.Testing;

/// <summary>Passes through to the real store until its time comes; then nothing works any more.</summary>
internal sealed class CrashingStore(IParticipantStore inner, int crashAtWrite, Action onCrash) : IParticipantStore
{
    private int _writes;

    public bool Crashed { get; private set; }

    public int Writes => _writes;

    public T Read<T>(Func<IStoreReader, T> action) => Crashed ? throw new CrashException() : inner.Read(action);

    public T Write<T>(Func<IStoreWriter, T> action)
    {
        if (Crashed)
        {
            throw new CrashException();
        }

        var number = Interlocked.Increment(ref _writes);
        if (number != crashAtWrite)
        {
            return TransitionTable.Writing(() => inner.Write(action));
        }

        if (number % 2 == 0)
        {
            TransitionTable.Writing(() => inner.Write(action));
        }

        Crashed = true;
        onCrash();
        throw new CrashException();
    }

    public void Dispose() => inner.Dispose();
}
