using MassTransit;
using Polly;
using Polly.Retry;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Sealing;

namespace PsiMessaging.Messaging;

/// <summary>
/// The whole of what happens to a received transport message: its body goes to the inbox. It stands first in MassTransit's receive pipe and calls nothing
/// behind it, so no deserialiser, consumer, fault, response or error transport exists, and nothing that a sender writes into headers or properties (addresses,
/// content type, redelivery count) is read by anybody.
/// </summary>
/// <param name="inbox">Where frames go.</param>
/// <param name="time">Clock of the retries.</param>
/// <param name="refuse">Takes a frame that somebody known has signed and that is refused, with the reason.</param>
/// <param name="stop">Ends waiting: the frame goes back to the broker.</param>
internal sealed class FrameFilter(Inbox inbox, TimeProvider time, Func<ReadOnlyMemory<byte>, string, Task> refuse, CancellationToken stop)
    : IFilter<ReceiveContext>
{
    // A full or locked disk passes; until then the frame stays unacknowledged, in the hand of this process.
    private readonly ResiliencePipeline _retry = new ResiliencePipelineBuilder { TimeProvider = time }
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = arguments => ValueTask.FromResult(arguments.Outcome.Exception is not (null or RejectedEnvelopeException)
                && !arguments.Context.CancellationToken.IsCancellationRequested),
            MaxRetryAttempts = int.MaxValue,
            BackoffType = DelayBackoffType.Exponential,
            Delay = TimeSpan.FromMilliseconds(100),
            MaxDelay = TimeSpan.FromSeconds(30),
        })
        .Build();

    /// <inheritdoc/>
    public async Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        ReadOnlyMemory<byte> frame = context.Body.GetBytes();
        if (frame.Length > FrameSealing.MaximumBytes)
        {
            // Larger than any of ours; a broker before 4 carries such. Not even looked at.
            return;
        }

        try
        {
            await _retry.ExecuteAsync(async _ => await inbox.ReceiveAsync(frame), stop);
        }
        catch (RejectedEnvelopeException exception) when (!exception.IsAuthentic)
        {
            // Counted by who refused it; acknowledged, and gone.
        }
        catch (RejectedEnvelopeException exception)
        {
            await refuse(frame, exception.Message);
        }
    }

    /// <inheritdoc/>
    public void Probe(ProbeContext context) => context.CreateFilterScope("psi-frame");
}
