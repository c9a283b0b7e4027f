using PsiMessaging.LinkerWorker;
using PsiMessaging.Participants.Identities;
using PsiMessaging.WorkerHost;

return await WorkerProgram.RunAsync(ParticipantRole.Linker, LinkerParts.CreateEngine);
