using System.Collections.Concurrent;
using PsiMessaging.Linker;
using PsiMessaging.Linker.Registering;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Testing;

/// <summary>Where a session stands at a party, and how far its rows are.</summary>
public readonly record struct Standing(SessionState State, RegistrationState Registration)
{
    public static Standing Of(PartySession session) => new(session.State, session.Registration);

    public override string ToString() => Registration == RegistrationState.None ? $"{State}" : $"{State}/{Registration}";
}

/// <summary>
/// Which steps a party's session may take, and what the parties of one network have taken. Every <see cref="TestNetwork"/> holds its parties to it.
/// Thread-safe. With PSI_TRANSITIONS naming a file, every network appends the steps it saw to it, a line each: <c>sort FILE | uniq -c</c> tells what
/// a run of the tests covers.
/// </summary>
public sealed class TransitionTable
{
    /// <summary>From each state, the states that may follow; null is a session that is not there yet. Staying where it is, a session may always.</summary>
    private static readonly HashSet<(SessionState? From, SessionState To)> States =
    [
        (null, SessionState.Preparing), // the initiator's people open it
        (null, SessionState.Asked), // a proposal comes
        (null, SessionState.Failed), // its end comes before its proposal, or a proposal is refused at once
        (SessionState.Preparing, SessionState.Proposed),
        (SessionState.Proposed, SessionState.Running),
        (SessionState.Asked, SessionState.Running),
        (SessionState.Running, SessionState.Comparing),
        (SessionState.Comparing, SessionState.Completed),
        (SessionState.Preparing, SessionState.Failed),
        (SessionState.Proposed, SessionState.Failed),
        (SessionState.Asked, SessionState.Failed),
        (SessionState.Running, SessionState.Failed),
        (SessionState.Comparing, SessionState.Failed),
        (SessionState.Completed, SessionState.Failed), // a person or the peer ends it
    ];

    /// <summary>The same of the rows, which move in a completed session only.</summary>
    private static readonly HashSet<(RegistrationState From, RegistrationState To)> Registrations =
    [
        (RegistrationState.None, RegistrationState.Opening), // its people allow it
        (RegistrationState.Refused, RegistrationState.Opening), // and again
        (RegistrationState.Opening, RegistrationState.Sending), // engine tokens: batches follow
        (RegistrationState.Opening, RegistrationState.Sent), // engine masked: nothing does
        (RegistrationState.Sending, RegistrationState.Sent),
        (RegistrationState.Sent, RegistrationState.Registered),
        (RegistrationState.Sending, RegistrationState.Registered), // the linker's word came before the last batch had left the outbox
        (RegistrationState.Opening, RegistrationState.Refused), // they could not be read: people may mend that and send again
        (RegistrationState.Sending, RegistrationState.Refused),
    ];

    private static readonly Lock FileLock = new();

    /// <summary>What the write that this thread is in has stored; null outside one.</summary>
    [ThreadStatic]
    private static List<(TransitionTable Table, (string Party, string Session) Key, Standing? From, Standing To)>? _inWrite;

    private readonly ConcurrentDictionary<(string Party, string Session), Standing> _standings = new();
    private readonly ConcurrentQueue<string> _seen = new();
    private readonly ConcurrentQueue<string> _forbidden = new();

    /// <summary>Steps that were stored, each as often as it was taken.</summary>
    public IReadOnlyCollection<string> Seen => _seen;

    /// <summary>Steps that no session may take, with who took them.</summary>
    public IReadOnlyCollection<string> Forbidden => _forbidden;

    /// <summary>Whether a session may go from one standing to another; from null where it begins.</summary>
    public static bool Allows(Standing? from, Standing to)
    {
        var rows = from?.Registration ?? RegistrationState.None;
        var mayHaveRows = to.Registration == RegistrationState.None || to.State is SessionState.Completed or SessionState.Failed;
        var movesRows = rows != to.Registration;
        return mayHaveRows
            && (from?.State == to.State || States.Contains((from?.State, to.State)))
            && (!movesRows || (from?.State == SessionState.Completed && to.State == SessionState.Completed && Registrations.Contains((rows, to.Registration))));
    }

    /// <summary>Notes a session as a party stores it. Inside a write it counts once that is on disk.</summary>
    public void Note(string party, PartySession session)
    {
        var (key, to) = ((party, session.Id), Standing.Of(session));
        var from = _standings.TryGetValue(key, out var known) ? known : (Standing?)null;
        _standings[key] = to;
        if (_inWrite is { } write)
        {
            write.Add((this, key, from, to));
        }
        else
        {
            Judge(party, from, to);
        }
    }

    /// <summary>Runs a write of a store, and forgets what was noted in it when it comes to nothing.</summary>
    public static T Writing<T>(Func<T> write)
    {
        var steps = _inWrite = [];
        var stored = false;
        try
        {
            var result = write();
            stored = true;
            return result;
        }
        finally
        {
            _inWrite = null;
            foreach (var (table, key, from, to) in stored ? steps : Enumerable.Reverse(steps))
            {
                table.Settle(key, from, to, stored);
            }
        }
    }

    /// <summary>Appends what was seen to the file that PSI_TRANSITIONS names, if it does.</summary>
    public void Append()
    {
        if (Environment.GetEnvironmentVariable("PSI_TRANSITIONS") is { Length: > 0 } path)
        {
            lock (FileLock)
            {
                File.AppendAllLines(path, _seen);
            }
        }
    }

    private void Settle((string Party, string Session) key, Standing? from, Standing to, bool stored)
    {
        if (stored)
        {
            Judge(key.Party, from, to);
        }
        else if (from is { } former)
        {
            // Only where nobody has stored another since.
            _standings.TryUpdate(key, former, to);
        }
        else
        {
            _standings.TryRemove(new KeyValuePair<(string, string), Standing>(key, to));
        }
    }

    private void Judge(string party, Standing? from, Standing to)
    {
        if (from == to)
        {
            return;
        }

        var step = $"{from?.ToString() ?? "none"} -> {to}";
        _seen.Enqueue(step);
        if (!Allows(from, to))
        {
            _forbidden.Enqueue($"{party}: {step}");
        }
    }
}
