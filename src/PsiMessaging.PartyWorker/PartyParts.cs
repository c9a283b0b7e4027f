using Microsoft.Extensions.Logging;
using PsiMessaging.Participants.Engine;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Ports;
using PsiMessaging.Sessions.Engine;

namespace PsiMessaging.PartyWorker;

/// <summary>What makes a worker a party's.</summary>
public static class PartyParts
{
    public static ParticipantEngine CreateEngine(ParticipantHome home, IParticipantStore store, IEnvelopeSender sender, TimeProvider time, ILoggerFactory logs) =>
        new PartyEngine(home, store, sender, time, logs.CreateLogger<PartyEngine>());
}
