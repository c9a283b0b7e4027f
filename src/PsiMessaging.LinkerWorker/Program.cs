using PsiMessaging.LinkerWorker;
using PsiMessaging.WorkerHost;

return await WorkerProgram.RunAsync(new LinkerParts());
