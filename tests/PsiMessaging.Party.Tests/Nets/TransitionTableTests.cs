using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests.Nets;

/// <summary>The net that every network of three is in, held to catching something.</summary>
public sealed class TransitionTableTests
{
    private static readonly SessionState[] States = Enum.GetValues<SessionState>();

    private static PartySession Session(SessionState state, RegistrationState registration = RegistrationState.None) => new()
    {
        Id = new string('a', 32), State = state, Registration = registration, IsInitiator = true, Peer = "P2", Linker = "LINKER", Protocol = "ecdh", Engine = "tokens", Reveal = "both", MinCell = 1,
        CreatedAt = DateTimeOffset.UnixEpoch, DeadlineAt = DateTimeOffset.UnixEpoch,
    };

    /// <summary>A session goes forward or fails, and a failed one stays so.</summary>
    [Fact]
    public void States_GoForward()
    {
        SessionState[] order = [SessionState.Proposed, SessionState.Asked, SessionState.Running, SessionState.Comparing, SessionState.Completed];
        foreach (var from in States)
        {
            Assert.True(TransitionTable.Allows(new Standing(from, RegistrationState.None), new Standing(from, RegistrationState.None)), "to stay is allowed");
            Assert.True(TransitionTable.Allows(new Standing(from, RegistrationState.None), new Standing(SessionState.Failed, RegistrationState.None)), "to fail is allowed");
            foreach (var to in order.Where(to => to <= from && to != from))
            {
                Assert.False(TransitionTable.Allows(new Standing(from, RegistrationState.None), new Standing(to, RegistrationState.None)), $"{from} to {to}");
            }
        }

        Assert.False(TransitionTable.Allows(null, new Standing(SessionState.Running, RegistrationState.None)));
        Assert.False(TransitionTable.Allows(new Standing(SessionState.Running, RegistrationState.None), new Standing(SessionState.Completed, RegistrationState.None)), "uncompared");
    }

    [Fact]
    public void Rows_MoveInACompletedSessionOnly()
    {
        var completed = new Standing(SessionState.Completed, RegistrationState.None);
        Assert.True(TransitionTable.Allows(completed, completed with { Registration = RegistrationState.Sending }));
        Assert.False(TransitionTable.Allows(completed, completed with { Registration = RegistrationState.Registered }));
        Assert.False(TransitionTable.Allows(new Standing(SessionState.Comparing, RegistrationState.None), new Standing(SessionState.Completed, RegistrationState.Sending)));
        Assert.False(TransitionTable.Allows(completed with { Registration = RegistrationState.Sent }, new Standing(SessionState.Failed, RegistrationState.None)));
        Assert.True(TransitionTable.Allows(completed with { Registration = RegistrationState.Sent }, new Standing(SessionState.Failed, RegistrationState.Sent)));
    }

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
