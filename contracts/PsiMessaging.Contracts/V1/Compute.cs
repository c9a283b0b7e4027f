namespace PsiMessaging.Contracts.V1;

/// <summary>Party worker to its own compute workers: evaluate one batch. Travels only sealed under the key of the run, because it carries identifiers and
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
/// <param name="Key">X-Wing public key that the worker drew when it started and that ends with it, 1,216 bytes.</param>
/// <param name="RunId">The run whose key it has, 32 hexadecimal digits; null for none.</param>
public sealed record ComputeReady(string WorkerId, int Cores, long Beat, byte[] Key, string? RunId = null);

/// <summary>
/// Party worker to one compute worker: the key under which this run of the party's worker seals jobs and expects results, sealed to the worker's own key (HPKE,
/// RFC 9180). Both ends live in memory alone, so that nobody opens recorded jobs who gets the compute key later.
/// </summary>
/// <param name="WorkerId">The worker.</param>
/// <param name="RunId">The run, 32 hexadecimal digits, drawn when the party's worker starts.</param>
/// <param name="StartedAt">When it did, in milliseconds since 1970: a job of an earlier run than the worker's is over.</param>
/// <param name="Encapsulation">1,120 bytes.</param>
/// <param name="SealedKey">The key under HPKE, 48 bytes.</param>
public sealed record ComputeRun(string WorkerId, string RunId, long StartedAt, byte[] Encapsulation, byte[] SealedKey);
