using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Sealing;

namespace PsiMessaging.Messaging;

/// <summary>
/// How the CLI talks to its own worker: a signed command to the worker's inbox, the reply on a queue of its own under the same correlation id.
/// </summary>
public sealed class CommandClient(ParticipantHome home, MessageBus bus, TimeProvider time)
{
    /// <summary>Sends a command and waits for its reply. Whatever the broker does, it ends; and a command that was given up is not begun later.</summary>
    /// <param name="session">Session it concerns, or null.</param>
    /// <param name="command">The message.</param>
    /// <param name="patience">How long all of it may take: after that the worker does not begin the command any more, and the broker drops it.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="ParticipantException">The worker has never run, or did not answer in time; or the broker took nothing.</exception>
    public async Task<CommandReply> SendAsync(string? session, object command, TimeSpan patience, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        var notAfter = time.GetUtcNow() + patience;
        var correlation = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var replyQueue = QueueAddress.ReplyOf(home.Config.QueuePrefix, home.Name, correlation);
        var arrived = new TaskCompletionSource<CommandReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        var isSent = false;
        try
        {
            await using var listening = await bus.ListenAsync(replyQueue, frame =>
            {
                var reply = Envelope.Parse(FrameSealing.OpenOwn(home, frame));
                if (!reply.IsSignedBy(home.Card, home.Card) || reply.Header.Correlation != correlation || reply.Message is not CommandReply content)
                {
                    throw new RejectedEnvelopeException("not the reply that is waited for");
                }

                arrived.TrySetResult(content);
                return Task.CompletedTask;
            }, either.Token);

            var envelope = Envelope.Create(home, home.Name, session, command, correlation: correlation, replyTo: replyQueue.Name, notAfter: notAfter);
            var frame = FrameSealing.SealToCard(home.Card, envelope.Frame.Span);
            await bus.SendAsync(home.Inbox, ParticipantNames.NewId(), frame, either.Token, lifetime: patience);
            isSent = true;
            return await arrived.Task.WaitAsync(either.Token);
        }
        catch (UnroutableException exception)
        {
            throw new ParticipantException(FailureCodes.Internal,
                $"{home.Name}'s worker has never run on this broker; start it with: psi party run", exception);
        }
        catch (SendRefusedException exception)
        {
            throw new ParticipantException(FailureCodes.Internal, exception.Message, exception);
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            var reason = bus.Problem ?? (isSent
                ? $"{home.Name}'s worker did not answer within {patience.TotalSeconds:0} s; is it running (psi party run)?"
                : $"the broker took nothing within {patience.TotalSeconds:0} s");
            throw new ParticipantException(FailureCodes.Internal, $"{reason} The command was given up and will not be done later", exception);
        }
        catch (BrokerAwayException exception)
        {
            throw new ParticipantException(FailureCodes.Internal, $"{exception.Message}. The command was given up and will not be done later", exception);
        }
    }
}
