namespace PsiMessaging.Contracts.V1;

/// <summary>Party worker to its own compute workers: evaluate one batch. Travels only sealed under the party's compute key, because it carries identifiers and
/// the session's secret; after this header come the parameters, the secret and the input, as bytes.</summary>
/// <param name="JobId">Names the job by its content, 32 hexadecimal digits: the same batch again is the same job.</param>
/// <param name="SessionId">The session.</param>
/// <param name="Round">Round number.</param>
/// <param name="Sequence">Batch in the round.</param>
/// <param name="Kind">What to compute, for example <c>EcdhMask</c>.</param>
/// <param name="ParametersSize">Bytes of the parameters.</param>
/// <param name="SecretSize">Bytes of the secret.</param>
public sealed record EvaluateBatch(string JobId, string SessionId, int Round, int Sequence, string Kind, int ParametersSize, int SecretSize);

/// <summary>Compute worker to its party: the result of a job, as bytes after this header; or why there is none. Travels only sealed.</summary>
/// <param name="JobId">The job.</param>
/// <param name="Code">A named reason when the peer's batch is bad or the worker failed; null with a result.</param>
/// <param name="Reason">The same for a person, at most 500 characters.</param>
public sealed record BatchEvaluated(string JobId, string? Code = null, string? Reason = null);

/// <summary>
/// Compute worker to its party, every two seconds: this worker takes jobs. Travels only sealed, so that nobody else can keep a party waiting.
/// </summary>
/// <param name="WorkerId">Drawn when the worker starts, 32 hexadecimal digits.</param>
/// <param name="Cores">Cores it computes on, 1 or more.</param>
/// <param name="Beat">One more each time, so that a replayed message brings no worker back.</param>
public sealed record ComputeReady(string WorkerId, int Cores, long Beat);
