using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Ports;

namespace PsiMessaging.Messaging;

/// <summary>How the CLI talks to its own worker: a signed command to the worker's inbox, the reply on a queue of its own under the same correlation id.</summary>
public sealed class CommandClient(ParticipantHome home, MessageBus bus, TimeProvider time)
{
    /// <summary>Sends a command and waits for its reply.</summary>
    /// <param name="session">Session it concerns, or null.</param>
    /// <param name="command">The message.</param>
    /// <param name="patience">How long to wait.</param>
    /// <param name="cancellation">Stops waiting; the command stands.</param>
    /// <exception cref="ParticipantException">The worker has never run, or did not answer in time.</exception>
    public async Task<CommandReply> SendAsync(string? session, object command, TimeSpan patience, CancellationToken cancellation)
    {
        var correlation = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var replyQueue = QueueAddress.ReplyOf(home.Config.QueuePrefix, home.Name, correlation);
        var arrived = new TaskCompletionSource<CommandReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var listening = await bus.ListenAsync(replyQueue, frame =>
        {
            var reply = Envelope.Parse(frame);
            if (!reply.IsSignedBy(home.Card) || reply.Header.Correlation != correlation || reply.Message is not CommandReply content)
            {
                throw new RejectedEnvelopeException("not the reply that is waited for");
            }

            arrived.TrySetResult(content);
            return Task.CompletedTask;
        }, cancellation);

        var envelope = Envelope.Create(home, home.Name, session, command, correlation: correlation, replyTo: replyQueue.Name);
        try
        {
            await bus.SendAsync(home.Inbox, envelope.Id, envelope.Frame, cancellation);
            return await arrived.Task.WaitAsync(patience, time, cancellation);
        }
        catch (UnroutableException exception)
        {
            throw new ParticipantException(FailureCodes.Internal, $"{home.Name}'s worker has never run on this broker; start it with: psi party run", exception);
        }
        catch (TimeoutException exception)
        {
            throw new ParticipantException(FailureCodes.Internal,
                $"{home.Name}'s worker did not answer within {patience.TotalSeconds:0} s; is it running (psi party run)? The command stays queued and will be done when it runs", exception);
        }
    }
}
