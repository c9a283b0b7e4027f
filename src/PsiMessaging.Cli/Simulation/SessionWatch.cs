using PsiMessaging.Party;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Cli.Simulation;

/// <summary>Follows one session at both parties.</summary>
internal sealed class SessionWatch
{
    private readonly Lock _lock = new();
    private readonly PartySession?[] _latest;
    private readonly Action<SimulationProgress> _progress;
    private (Func<PartySession, bool> Condition, TaskCompletionSource<PartySession[]> Reached)? _waiting;

    public SessionWatch(PartyParticipant[] parties, Action<SimulationProgress> progress)
    {
        _latest = new PartySession?[parties.Length];
        _progress = progress;
        for (var i = 0; i < parties.Length; i++)
        {
            var index = i;
            parties[i].OnChanged = session => Update(index, session);
        }
    }

    /// <summary>Completes when the condition holds for the session at every party.</summary>
    public Task<PartySession[]> WaitAsync(Func<PartySession, bool> condition, CancellationToken cancellation)
    {
        lock (_lock)
        {
            _waiting = (condition, new TaskCompletionSource<PartySession[]>(TaskCreationOptions.RunContinuationsAsynchronously));
            Check();
            return _waiting?.Reached.Task.WaitAsync(cancellation) ?? Task.FromResult(Array.ConvertAll(_latest, session => session!));
        }
    }

    /// <summary>Whether a session, or the sending of its rows, has ended without a result.</summary>
    public static bool HasFailed(PartySession? session) =>
        session?.State == SessionState.Failed || session is { State: SessionState.Completed, Registration: RegistrationState.Refused };

    private void Update(int index, PartySession session)
    {
        lock (_lock)
        {
            _latest[index] = session;
            if (!session.IsEnded)
            {
                _progress(new SimulationProgress("exchange", _latest.Sum(latest => latest?.Progress ?? 0) / _latest.Length));
            }

            Check();
        }
    }

    private void Check()
    {
        // A refusal leaves the responder without a running session, so a failure at one party is enough.
        if (_waiting is { } waiting && (_latest.All(session => session is not null && waiting.Condition(session)) || _latest.Any(HasFailed)))
        {
            _waiting = null;
            waiting.Reached.SetResult([.. _latest.OfType<PartySession>()]);
        }
    }
}
