using PsiMessaging.Participants.Identities;
using PsiMessaging.PartyWorker;
using PsiMessaging.WorkerHost;

return await WorkerProgram.RunAsync(ParticipantRole.Party, PartyParts.CreateEngine);
