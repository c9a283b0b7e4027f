using PsiMessaging.Participants.Identities;

namespace PsiMessaging.Participants.Store;

/// <summary>A participant's durable state. Safe for several threads and processes: one writes at a time, readers see committed state.</summary>
public interface IParticipantStore : IDisposable
{
    /// <summary>Looks at the state as it was committed last.</summary>
    T Read<T>(Func<IStoreReader, T> action);

    /// <summary>Changes the state: all of it becomes durable, or, where <paramref name="action"/> throws, nothing.</summary>
    T Write<T>(Func<IStoreWriter, T> action);
}

/// <summary>Opens the state of a home.</summary>
public interface IStores
{
    /// <summary>The state of a home; made when it is missing, taken over when an earlier version wrote it.</summary>
    /// <exception cref="ParticipantException">A newer version wrote it.</exception>
    IParticipantStore Open(ParticipantHome home);
}

/// <summary>Conveniences.</summary>
public static class ParticipantStoreExtensions
{
    /// <inheritdoc cref="IParticipantStore.Write{T}"/>
    public static void Write(this IParticipantStore store, Action<IStoreWriter> action) => store.Write(writer =>
    {
        action(writer);
        return true;
    });
}
