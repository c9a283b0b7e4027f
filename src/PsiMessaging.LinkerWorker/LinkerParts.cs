using Microsoft.Extensions.Logging;
using PsiMessaging.Linking;
using PsiMessaging.Participants.Engine;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Ports;

namespace PsiMessaging.LinkerWorker;

/// <summary>What makes a worker the linker's.</summary>
public static class LinkerParts
{
    public static ParticipantEngine CreateEngine(ParticipantHome home, IParticipantStore store, IEnvelopeSender sender, TimeProvider time, ILoggerFactory logs) =>
        new LinkerEngine(home, store, sender, time, logs.CreateLogger<LinkerEngine>());
}
