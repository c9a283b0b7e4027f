using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Mailbox;

/// <summary>
/// Enters into the audit log that frames which a pinned participant signed were refused: the first of a sender, then one entry a minute with how many there
/// were, so that nobody fills the log. What was counted and not yet entered is lost with the process. Thread-safe.
/// </summary>
/// <param name="home">Own home, whose people's own frames are not counted.</param>
/// <param name="store">State.</param>
/// <param name="audit">Audit log.</param>
/// <param name="time">Clock.</param>
internal sealed class RefusalEntries(ParticipantHome home, IParticipantStore store, AuditLog audit, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();

    // Names of pinned participants only: as many as there are cards.
    private readonly Dictionary<string, (DateTimeOffset EnteredAt, long Count)> _senders = new(StringComparer.Ordinal);

    /// <summary>Counts a frame that was refused.</summary>
    public void Add(OpenedFrame refused)
    {
        var header = refused.Frame.IsEmpty ? null : Envelope.HeaderOf(refused.Frame.Span);
        if ((header?.From ?? refused.To.Peer) is not { } sender || sender == home.Name)
        {
            return;
        }

        lock (_lock)
        {
            var (enteredAt, count) = _senders.GetValueOrDefault(sender, (DateTimeOffset.MinValue, 0));
            var now = time.GetUtcNow();
            if (now - enteredAt < Interval)
            {
                _senders[sender] = (enteredAt, count + 1);
                return;
            }

            store.Write(state => audit.Append(state, "frames-refused", ("from", sender), ("count", count + 1), ("type", header?.Type)));
            _senders[sender] = (now, 0);
        }
    }
}
