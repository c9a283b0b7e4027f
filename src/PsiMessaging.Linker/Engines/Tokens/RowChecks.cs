using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;

namespace PsiMessaging.Linker.Engines.Tokens;

/// <summary>What the rows of a party, and of both, must be when all are here.</summary>
internal static class RowChecks
{
    /// <summary>All batches are here: the rows must add up, and the row tokens ascend across batches, so that none can repeat.</summary>
    /// <exception cref="ParticipantException">They do not.</exception>
    public static void RequireWhole(Registration registration)
    {
        byte[]? previous = null;
        for (var sequence = 0; sequence <= registration.LastSequence; sequence++)
        {
            var batch = registration.Batches[sequence];
            if (batch.Rows > 0)
            {
                if (previous is not null && previous.AsSpan().SequenceCompareTo(batch.First) >= 0)
                {
                    throw new ParticipantException(FailureCodes.BadBatch, $"{registration.Party}'s row tokens repeat or are not sorted across batches");
                }

                previous = batch.Last;
            }
        }

        if (registration.Received != registration.Rows)
        {
            throw new ParticipantException(FailureCodes.BadBatch,
                $"{registration.Party} sent {registration.Received} rows where {registration.Rows} were announced");
        }
    }

    /// <summary>Both parties sent the rows of one intersection: they must join completely, or the parties' keys differ.</summary>
    /// <exception cref="ParticipantException">They do not.</exception>
    public static void RequireJoin(LinkSession session, LinkerFolders folders)
    {
        var (left, right) = (session.Registrations[0], session.Registrations[1]);
        var joined = TokenEngine.JoinSize(new TokenRows(folders.OfRows(session.Id, left.Party)), new TokenRows(folders.OfRows(session.Id, right.Party)));
        if (joined != left.Rows)
        {
            throw new ParticipantException(FailureCodes.SharedKeyMismatch,
                $"the rows of {left.Party} and {right.Party} do not join ({joined} of {left.Rows}): the two parties encrypted them under different keys");
        }
    }
}
