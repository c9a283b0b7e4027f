using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Exchange;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Rows;

namespace PsiMessaging.Party.Session;

/// <summary>
/// What an ended session leaves behind goes after its end is on disk, and again at the next start if need be:
/// until it is said on disk that it is gone, the session stays open.
/// </summary>
internal sealed class CleaningUp(PartyContext party, Exchanges exchanges, QuestionEngines engines) : ISessionArea<PartySession>
{
    /// <inheritdoc/>
    public async ValueTask<TurnOutcome> StepAsync(Turn<PartySession> turn)
    {
        var session = turn.Session;
        var folder = party.FolderOf(session);
        if (session.IsCleaned && (session.State != SessionState.Completed || !SessionSecrets.Exist(folder.Path)))
        {
            return TurnOutcome.Idle;
        }

        exchanges.Close(session.Id);
        folder.ForgetSecrets();
        if (session.State == SessionState.Failed)
        {
            await engines.CloseAsync(session.Id);
            folder.ForgetRows();
            if (!session.HadResult)
            {
                folder.Delete();
            }
        }

        return session.IsCleaned ? TurnOutcome.Worked : turn.Commit(session with { IsCleaned = true }, effects =>
        {
            if (session.State == SessionState.Failed)
            {
                effects.CloseChannels();
            }
        });
    }
}
