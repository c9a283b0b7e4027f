using PsiMessaging.Participants.Outbox;

namespace PsiMessaging.InProcess;

/// <summary>How frames travel between the participants of one process: over a broker, in memory, or as a test bends them.</summary>
public interface ILocalTransport : IAsyncDisposable
{
    /// <summary>Learns whose inboxes there are; called once, before everything else.</summary>
    void Connect(IReadOnlyList<LocalParticipant> participants);

    /// <summary>A participant's way out; what goes there ends in <see cref="LocalParticipant.ReceiveAsync"/> of whose inbox it is.</summary>
    IEnvelopeSender SenderOf(LocalParticipant participant);

    /// <summary>Serves the inboxes. Until the participants start nobody may send to them.</summary>
    /// <exception cref="Participants.ParticipantException">The broker refuses, or does not answer.</exception>
    Task StartAsync(CancellationToken cancellation);
}
