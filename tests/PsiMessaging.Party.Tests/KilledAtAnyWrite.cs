using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Questions;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>A class for each participant, so that they run side by side.</summary>
public sealed class P1KilledAtAnyWrite() : KilledAtAnyWrite("P1", "ecdh", "masked");

/// <inheritdoc/>
public sealed class P1KilledAtAnyWriteOfRsa() : KilledAtAnyWrite("P1", "rsa", "tokens");

/// <inheritdoc/>
public sealed class P2KilledAtAnyWrite() : KilledAtAnyWrite("P2", "ecdh", "masked");

/// <inheritdoc/>
public sealed class LinkerKilledAtAnyWrite() : KilledAtAnyWrite("LINKER", "ecdh", "tokens");

/// <inheritdoc/>
public sealed class LinkerKilledAtAnyWriteOfMasked() : KilledAtAnyWrite("LINKER", "ecdh", "masked");

/// <summary>The same for sessions in which not both learn which identifiers are common.</summary>
[Trait("Speed", "Slow")]
public sealed class KilledAtAnyWriteOfOtherReveals
{
    [Theory]
    [InlineData("P1", "initiator")]
    [InlineData("P2", "initiator")]
    [InlineData("P1", "size")]
    [InlineData("P2", "size")]
    public Task Killed_SameResult(string victimName, string reveal)
    {
        return KilledAtAnyWrite.OfAJobAsync(victimName, 8, async network =>
        {
            var (p1, p2) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", reveal: reveal));
            Assert.Equal((4, reveal == "size" ? 4 : null, (string?)null),
                (p1.IntersectionSize ?? -1, p2.IntersectionSize, p1.FailureReason ?? p2.FailureReason));
            if (reveal == "initiator")
            {
                Assert.Equal(Samples.Intersection, network.P1.Intersection(p1.Id));
            }
        });
    }
}

/// <summary>kill -9 as the state sees it, at every place.</summary>
/// <param name="victimName">Who is killed.</param>
/// <param name="protocol">Over which protocol.</param>
/// <param name="engine">With which linker engine.</param>
[Trait("Speed", "Slow")]
public abstract class KilledAtAnyWrite(string victimName, string protocol, string engine)
{
    /// <summary>
    /// Kills one participant at its k-th write of state, for every k a whole job has, before or after the commit by turns, and starts it again on the same
    /// home. The result must be the same every time.
    /// </summary>
    [Fact]
    public Task Killed_SameResult() => OfAJobAsync(victimName, 8, network => ResilienceTests.WholeJobAsync(network, protocol, engine));

    /// <summary>
    /// Runs a job again and again, each time on homes of its own, and kills one participant at its k-th write of state, before or after the commit by turns,
    /// until it never comes to a k-th write.
    /// </summary>
    /// <param name="victimName">Who is killed.</param>
    /// <param name="leastWrites">More writes than this it must have had.</param>
    /// <param name="job">The job, and what must hold of it.</param>
    /// <param name="first">The first k.</param>
    /// <param name="step">From one k to the next: odd, if both sides of the commit are to be seen.</param>
    internal static async Task OfAJobAsync(string victimName, int leastWrites, Func<TestNetwork, Task> job, int first = 1, int step = 1)
    {
        var writes = int.MaxValue;
        for (var k = first; k <= writes; k += step)
        {
            await using var network = new TestNetwork();
            await network.AddDataAsync();
            var victim = Named(network, victimName);
            victim.CrashAtWrite = k;
            network.Start();
            using var stop = new CancellationTokenSource();
            var reviving = ReviveAsync(victim, stop.Token);
            try
            {
                await job(network);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                throw new InvalidOperationException($"{victimName} killed at write {k}: {exception.Message}", exception);
            }

            await stop.CancelAsync();
            if (!await reviving)
            {
                // It never came to a k-th write: all of them have been tried.
                writes = k - 1;
            }
        }

        Assert.True(writes > leastWrites, $"only {writes} writes were tried");
    }

    private static TestParticipant Named(TestNetwork network, string name) => name switch { "P1" => network.P1, "P2" => network.P2, _ => network.Linker };

    /// <summary>
    /// Asks a question again and again, and kills one participant at its k-th write of state, for every k that a question has. Each must be answered.
    /// </summary>
    /// <param name="network">The network, with a session in which P1 may ask.</param>
    /// <param name="session">The session.</param>
    /// <param name="victimName">Who is killed.</param>
    /// <param name="text">The question.</param>
    /// <param name="leastWrites">How many writes it must have had at least.</param>
    /// <param name="check">What must hold of the k-th answer.</param>
    internal static async Task OfAQuestionAsync(
        TestNetwork network, string session, string victimName, string text, int leastWrites, Action<int, QueryResult> check)
    {
        var (victim, writes) = (Named(network, victimName), int.MaxValue);
        for (var k = 1; k <= writes; k++)
        {
            await victim.RestartAsync(k);
            using var stop = new CancellationTokenSource();
            var reviving = ReviveAsync(victim, stop.Token);
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, text));
            Assert.True(answer.Ok, $"{victimName} killed at write {k}: {answer.Message}");
            await stop.CancelAsync();
            writes = await reviving ? writes : k - 1;
            check(k, answer.Result!);
        }

        Assert.True(writes >= leastWrites, $"only {writes} writes were tried");
    }

    internal static async Task<bool> ReviveAsync(TestParticipant victim, CancellationToken stop)
    {
        try
        {
            while (!victim.HasCrashed)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, stop);
            }
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        await victim.RestartAsync();
        return true;
    }
}
