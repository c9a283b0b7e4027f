using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests.Nets;

/// <summary>The nets themselves, held to catching something.</summary>
public sealed class NetsTests
{
    private static PartySession Session(SessionState state, RegistrationState registration = RegistrationState.None) => new(state)
    {
        Id = new string('a', 32), Registration = registration, IsInitiator = true, Peer = "P2", Linker = "LINKER",
        Protocol = "ecdh", Engine = QueryEngine.Tokens, Reveal = RevealTo.Both, MinCell = 1,
        CreatedAt = DateTimeOffset.UnixEpoch, DeadlineAt = DateTimeOffset.UnixEpoch,
    };

    private static Standing At(SessionState state, RegistrationState registration = RegistrationState.None) => new(state, registration);

    /// <summary>A session goes forward or fails, and a failed one stays so.</summary>
    [Fact]
    public void States_GoForward()
    {
        foreach (var from in Enum.GetValues<SessionState>())
        {
            Assert.True(TransitionTable.Allows(At(from), At(from)), $"{from} may stay");
            Assert.True(TransitionTable.Allows(At(from), At(SessionState.Failed)), $"{from} may fail");
            foreach (var to in Enum.GetValues<SessionState>().Where(to => to < from))
            {
                Assert.False(TransitionTable.Allows(At(from), At(to)), $"{from} to {to}");
            }
        }

        Assert.False(TransitionTable.Allows(null, At(SessionState.Running)));
        Assert.False(TransitionTable.Allows(At(SessionState.Running), At(SessionState.Completed)), "uncompared");
    }

    [Fact]
    public void Rows_MoveInACompletedSessionOnly()
    {
        var completed = At(SessionState.Completed);
        Assert.True(TransitionTable.Allows(completed, At(SessionState.Completed, RegistrationState.Opening)));
        Assert.False(TransitionTable.Allows(completed, At(SessionState.Completed, RegistrationState.Registered)));
        Assert.False(TransitionTable.Allows(At(SessionState.Comparing), At(SessionState.Completed, RegistrationState.Opening)));
        Assert.False(TransitionTable.Allows(At(SessionState.Completed, RegistrationState.Sent), At(SessionState.Failed)));
        Assert.True(TransitionTable.Allows(At(SessionState.Completed, RegistrationState.Sent), At(SessionState.Failed, RegistrationState.Sent)));
    }

    [Fact]
    public void Difference_HasTheLinesThatDifferAndTheirNeighbours() =>
        Assert.Equal("  b\n- c\n+ x\n  d\n+ e", Golden.Difference("a\nb\nc\nd", "a\nb\nx\nd\ne"));

    /// <summary>What was rolled back has not happened; what is stored has, and is told at the end of the test that saw it.</summary>
    [Fact]
    public async Task Network_OfASessionThatTookAForbiddenStep_FailsAtItsEnd()
    {
        var network = new TestNetwork();
        network.Transitions.Note("P1", Session(SessionState.Preparing));
        Assert.Throws<CrashException>(() => TransitionTable.Writing<bool>(() =>
        {
            network.Transitions.Note("P1", Session(SessionState.Completed));
            throw new CrashException();
        }));
        Assert.Empty(network.Transitions.Forbidden);
        Assert.Equal(["none -> Preparing"], network.Transitions.Seen);
        TransitionTable.Writing(() =>
        {
            network.Transitions.Note("P1", Session(SessionState.Completed));
            Assert.Empty(network.Transitions.Forbidden);
            return true;
        });
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(async () => await network.DisposeAsync());
        Assert.Equal("sessions took steps that none may take: P1: Preparing -> Completed", failure.Message);
    }
}
