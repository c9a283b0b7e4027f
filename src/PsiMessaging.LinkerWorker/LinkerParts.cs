using Microsoft.Extensions.Logging;
using PsiMessaging.Linker;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Store;
using PsiMessaging.WorkerHost;

namespace PsiMessaging.LinkerWorker;

/// <summary>What makes a worker the linker's.</summary>
public sealed class LinkerParts : ParticipantParts
{
    /// <inheritdoc/>
    public override ParticipantRole Role => ParticipantRole.Linker;

    /// <inheritdoc/>
    public override Participant CreateParticipant(ParticipantHome home, IParticipantStore store,
        IEnvelopeSender sender, TimeProvider time, ILoggerFactory logs) =>
        new LinkerParticipant(home, store, sender, time, logs.CreateLogger<LinkerParticipant>());
}
