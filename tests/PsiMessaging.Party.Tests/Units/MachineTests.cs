using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Tests.Units;

/// <summary>
/// Every cell of a party's three tables: what becomes of a session, of its rows, of a question, by what happens. Written down apart from the tables themselves.
/// </summary>
public class MachineTests
{
    private static readonly SessionTrigger[] Unheard = [SessionTrigger.Open, SessionTrigger.Propose, SessionTrigger.Overtake];

    [Fact]
    public void Session_ThatIsNotThere_BeginsInThreeWays()
    {
        var begins = new Dictionary<SessionTrigger, SessionState>
        {
            [SessionTrigger.Open] = SessionState.Preparing, [SessionTrigger.Propose] = SessionState.Asked, [SessionTrigger.Overtake] = SessionState.Failed,
        };
        foreach (var trigger in Enum.GetValues<SessionTrigger>())
        {
            Hold(begins.TryGetValue(trigger, out var state) ? state : null, () => SessionMachine.Next(null, trigger), $"nothing, {trigger}");
        }
    }

    /// <summary>What moves each state on; null is let pass, and what is not listed cannot happen.</summary>
    [Fact]
    public void Session_EveryOtherCell()
    {
        var moves = new Dictionary<(SessionState, SessionTrigger), SessionState>
        {
            [(SessionState.Preparing, SessionTrigger.ProposalSent)] = SessionState.Proposed,
            [(SessionState.Proposed, SessionTrigger.Accepted)] = SessionState.Running,
            [(SessionState.Asked, SessionTrigger.Answered)] = SessionState.Running,
            [(SessionState.Running, SessionTrigger.Progress)] = SessionState.Running,
            [(SessionState.Running, SessionTrigger.Restart)] = SessionState.Running,
            [(SessionState.Running, SessionTrigger.Found)] = SessionState.Comparing,
            [(SessionState.Comparing, SessionTrigger.Agree)] = SessionState.Completed,
            [(SessionState.Comparing, SessionTrigger.Restart)] = SessionState.Failed,
            [(SessionState.Completed, SessionTrigger.End)] = SessionState.Failed,
        };
        foreach (var state in new[] { SessionState.Preparing, SessionState.Proposed, SessionState.Asked, SessionState.Running, SessionState.Comparing })
        {
            (moves[(state, SessionTrigger.Fault)], moves[(state, SessionTrigger.End)]) = (SessionState.Failed, SessionState.Failed);
        }

        foreach (var state in Enum.GetValues<SessionState>())
        {
            foreach (var trigger in Enum.GetValues<SessionTrigger>())
            {
                var passes = Unheard.Contains(trigger) || trigger == SessionTrigger.Restart
                    || (trigger == SessionTrigger.Accepted && state != SessionState.Proposed)
                    || (state is SessionState.Completed or SessionState.Failed && trigger is SessionTrigger.Fault or SessionTrigger.End);
                var expected = moves.TryGetValue((state, trigger), out var next) ? next : passes ? state : (SessionState?)null;
                Hold(expected, () => SessionMachine.Next(state, trigger), $"{state}, {trigger}");
            }
        }
    }

    /// <summary>Whatever happens in whatever order: a failed session stays so, and none completes but by agreement.</summary>
    [Fact]
    public void Session_FromEveryStateByEveryTrigger_EndsOnlyAsItMay()
    {
        foreach (var trigger in Enum.GetValues<SessionTrigger>())
        {
            foreach (var state in Enum.GetValues<SessionState>())
            {
                var next = Try(() => SessionMachine.Next(state, trigger));
                Assert.True(state != SessionState.Failed || next is null or SessionState.Failed, $"{state}, {trigger}");
                Assert.True(next != SessionState.Completed || state == SessionState.Completed || trigger == SessionTrigger.Agree, $"{state}, {trigger}");
            }
        }
    }

    [Fact]
    public void Rows_EveryCell()
    {
        var moves = new Dictionary<(RegistrationState, RowsTrigger), RegistrationState>
        {
            [(RegistrationState.None, RowsTrigger.Allow)] = RegistrationState.Opening,
            [(RegistrationState.Refused, RowsTrigger.Allow)] = RegistrationState.Opening,
            [(RegistrationState.Opening, RowsTrigger.Announced)] = RegistrationState.Sending,
            [(RegistrationState.Opening, RowsTrigger.AllSent)] = RegistrationState.Sent,
            [(RegistrationState.Opening, RowsTrigger.Fault)] = RegistrationState.Refused,
            [(RegistrationState.Sending, RowsTrigger.AllSent)] = RegistrationState.Sent,
            [(RegistrationState.Sending, RowsTrigger.Confirmed)] = RegistrationState.Registered,
            [(RegistrationState.Sending, RowsTrigger.Fault)] = RegistrationState.Refused,
            [(RegistrationState.Sent, RowsTrigger.Confirmed)] = RegistrationState.Registered,
        };
        foreach (var state in Enum.GetValues<RegistrationState>())
        {
            foreach (var trigger in Enum.GetValues<RowsTrigger>())
            {
                Assert.Equal((state, trigger, moves.GetValueOrDefault((state, trigger), state)), (state, trigger, RowsMachine.Next(state, trigger)));
            }
        }
    }

    [Fact]
    public void Question_EveryCell()
    {
        var moves = new Dictionary<(QuestionState, QuestionTrigger), QuestionState>
        {
            [(QuestionState.Waiting, QuestionTrigger.Prepare)] = QuestionState.Preparing,
            [(QuestionState.Waiting, QuestionTrigger.Send)] = QuestionState.Asked,
            [(QuestionState.Waiting, QuestionTrigger.Answer)] = QuestionState.Answered,
            [(QuestionState.Preparing, QuestionTrigger.Propose)] = QuestionState.Proposed,
            [(QuestionState.Proposed, QuestionTrigger.Agree)] = QuestionState.Contributing,
            [(QuestionState.Contributing, QuestionTrigger.LastSent)] = QuestionState.Contributed,
            [(QuestionState.Contributing, QuestionTrigger.Finish)] = QuestionState.Done,
            [(QuestionState.Contributed, QuestionTrigger.Finish)] = QuestionState.Done,
            [(QuestionState.Contributed, QuestionTrigger.Answer)] = QuestionState.Answered,
            [(QuestionState.Asked, QuestionTrigger.Answer)] = QuestionState.Answered,
        };
        foreach (var state in Enum.GetValues<QuestionState>())
        {
            foreach (var trigger in Enum.GetValues<QuestionTrigger>())
            {
                var isOver = state is QuestionState.Answered or QuestionState.Refused or QuestionState.Done;
                var expected = moves.TryGetValue((state, trigger), out var next) ? next
                    : trigger == QuestionTrigger.Refuse && !isOver ? QuestionState.Refused
                    : (QuestionState?)null;
                Hold(expected, () => QuestionMachine.Next(state, trigger), $"{state}, {trigger}");
            }
        }
    }

    private static void Hold<T>(T? expected, Func<T> next, string cell)
        where T : struct, Enum => Assert.Equal((cell, expected), (cell, Try(next)));

    private static T? Try<T>(Func<T> next)
        where T : struct, Enum
    {
        try
        {
            return next();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
