using PsiMessaging.Compute;
using PsiMessaging.PartyWorker;
using PsiMessaging.WorkerHost;

// The image serves both: without an argument the party's worker, with "compute" one of its compute workers.
return args is ["compute"]
    ? await WorkerProgram.RunAsync(() => ComputeWorker.RunAsync(ComputeSettings.FromEnvironment(), jsonLogs: true, CancellationToken.None))
    : await WorkerProgram.RunAsync(new PartyParts());
