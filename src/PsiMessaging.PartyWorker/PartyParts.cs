using Microsoft.Extensions.Logging;
using PsiMessaging.Compute;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Messaging;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party;
using PsiMessaging.WorkerHost;

namespace PsiMessaging.PartyWorker;

/// <summary>What makes a worker a party's: its participant, and the queue on which its compute workers answer.</summary>
public sealed class PartyParts : ParticipantParts
{
    private DistributedEvaluator? _evaluator;

    /// <inheritdoc/>
    public override ParticipantRole Role => ParticipantRole.Party;

    /// <inheritdoc/>
    public override IReadOnlyList<Inbox> ExtraInboxes(ParticipantHome home)
    {
        using var key = ComputeKey.LoadOrCreate(home);
        return [new Inbox(key.ResultQueue, frame => _evaluator!.ReceiveAsync(frame))];
    }

    /// <inheritdoc/>
    public override Participant CreateParticipant(ParticipantHome home, IParticipantStore store, IEnvelopeSender sender, TimeProvider time, ILoggerFactory logs)
    {
        _evaluator = new DistributedEvaluator(ComputeKey.LoadOrCreate(home), sender,
            Cores.CountOf(home.Config.Parallelism), time, logs.CreateLogger<DistributedEvaluator>());
        var party = new PartyParticipant(home, store, sender, time, logs.CreateLogger<PartyParticipant>(), _evaluator);
        party.Datasets.Sweep();
        return party;
    }
}
