using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Linker.Registering;

/// <summary>What a registration must be.</summary>
internal static class RegistrationCheck
{
    private const int MaximumColumns = 1000;
    private const int TranscriptBytes = 32;
    private const int MaximumMinCell = 1_000_000;

    /// <summary>What is wrong with it, or null.</summary>
    /// <param name="linker">The linker.</param>
    /// <param name="session">The session.</param>
    /// <param name="from">Whose registration.</param>
    /// <param name="request">The registration.</param>
    /// <param name="body">What came with it.</param>
    public static Fault? FaultOf(LinkerContext linker, LinkSession session, string from, RegisterDataset request, ReadOnlySpan<byte> body) =>
        FieldFault(from, request) ?? SizeFault(linker, from, request) ?? EngineFault(from, request) ?? BodyFault(from, request, body)
            ?? MatchFault(session, from, request);

    /// <summary>Releases rest on base transfers: engine masked under a minimum cell size needs the party's message of them.</summary>
    private static Fault? BodyFault(string from, RegisterDataset request, ReadOnlySpan<byte> body) =>
        request.Engine == WireNames.NameOf(QueryEngine.Masked) && request.MinCell > 1
            ? ReleaseKeys.FaultOf(body) is { } fault ? new Fault(FailureCodes.Malformed, $"{from}'s registration is refused: {fault}") : null
            : body.IsEmpty ? null : new Fault(FailureCodes.Malformed, $"{from}'s registration has a body that nothing needs");

    private static Fault? FieldFault(string from, RegisterDataset request) =>
        request.Transcript.Length != TranscriptBytes || request.Rows < 0 || request.MinCell is < 1 or > MaximumMinCell || request.Columns.Count > MaximumColumns
            || request.Columns.Any(token => !ParticipantNames.IsId(token)) || request.Columns.Distinct(StringComparer.Ordinal).Count() != request.Columns.Count
            ? new Fault(FailureCodes.Malformed, $"{from}'s registration has a field out of its range") : null;

    private static Fault? SizeFault(LinkerContext linker, string from, RegisterDataset request) => request.Rows > linker.Home.Config.MaximumPeerSet
        ? new Fault(FailureCodes.Unsupported, $"{from} announces {request.Rows:N0} rows; "
            + $"{linker.Home.Name} takes {linker.Home.Config.MaximumPeerSet:N0} at most (maximumPeerSet in psi.json)") : null;

    private static Fault? EngineFault(string from, RegisterDataset request) =>
        !WireNames.TryParse(request.Engine, out QueryEngine engine) || (engine == QueryEngine.Masked && request.Columns.Count > 0)
        ? new Fault(FailureCodes.Unsupported, $"{from} asks for an engine this linker does not have") : null;

    private static Fault? MatchFault(LinkSession session, string from, RegisterDataset request) => session.Registrations is [var other]
        && (request.Peer != other.Party || from != other.Peer || !request.Transcript.AsSpan().SequenceEqual(other.Transcript)
            || request.Engine != WireNames.NameOf(other.Engine) || request.Rows != other.Rows)
        ? new Fault(FailureCodes.RegistrationMismatch,
            "the two parties' registrations disagree on the peer, the transcript, the engine or the number of rows") : null;
}
