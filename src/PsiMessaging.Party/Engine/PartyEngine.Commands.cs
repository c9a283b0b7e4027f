using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Engine;

/// <content>Commands of the own CLI.</content>
public sealed partial class PartyEngine
{
    private void OpenSession(Envelope envelope)
    {
        // The correlation id becomes the session id: the same command delivered twice opens one session.
        var id = envelope.Header.Correlation ?? throw new RejectedEnvelopeException("a command without a correlation id");
        var start = (StartSession)envelope.Message;
        Store.Write(transaction =>
        {
            if (transaction.FindSession(id) is not null || transaction.IsForgotten(id) || transaction.FindDocument(RefusedKind, id) is not null)
            {
                return;
            }

            try
            {
                var session = NewSession(id, start) with { ReplyTo = envelope.Header.ReplyTo, Correlation = id };
                Put(transaction, session);
                Audit.Append(transaction, "session-opened", ("session", id), ("peer", session.Peer), ("dataset", session.Dataset), ("protocol", session.Protocol));
            }
            catch (ParticipantException exception)
            {
                // Remembered, so that a replay of the command cannot open the session later, when the reason is gone.
                transaction.PutDocument(RefusedKind, id, "{}");
                Reply(transaction, envelope.Header.ReplyTo, id, new CommandReply(false, null, exception.Code, exception.Message));
            }
        });
        Outbox.Signal();
        Pump.Signal(id);
    }

    private PartySession NewSession(string id, StartSession start)
    {
        var peer = Home.FindCard(start.Peer);
        if (peer is null || peer.Role != ParticipantRole.Party)
        {
            throw new ParticipantException(FailureCodes.NotPinned, $"no card of a party {start.Peer} is pinned; pinned parties: {PinnedParties()}. Pin another with: psi trust CARD.json");
        }

        var linkers = Home.Cards().Where(card => card.Role == ParticipantRole.Linker).ToArray();
        var linker = start.Linker is null ? linkers.Length == 1 ? linkers[0] : null : Array.Find(linkers, card => card.Name == start.Linker);
        if (linker is null)
        {
            throw new ParticipantException(FailureCodes.NotPinned, linkers.Length == 0
                ? "no linker's card is pinned; pin it with: psi trust CARD.json"
                : $"choose a linker with --linker: {string.Join(", ", linkers.Select(card => card.Name))}");
        }

        if (!PsiProtocols.MayBeAsked(start.Protocol) || !WireNames.TryParse(start.Engine, out QueryEngine engine))
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"protocol {start.Protocol} with engine {start.Engine} is not available; "
                + $"this version has the protocols {WireNames.Listed(PsiProtocols.Names, "and")} and the engines {WireNames.Listed(WireNames.Engines, "and")}");
        }

        var chosen = PsiProtocols.Find(start.Protocol);
        if (PsiProtocols.FaultOf(chosen, start.Reveal, start.Reuse, start.Security) is { } fault)
        {
            throw new ParticipantException(FailureCodes.Unsupported, fault);
        }

        if (chosen is { NeedsConsent: true } && !Home.Config.AllowVole)
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"{Home.Name} does not allow the protocol {chosen}, which rests on a younger assumption; allow it with \"allowVole\": true in its psi.json");
        }

        var hasKeys = start.Reuse || chosen is { HasRsaKeys: true };
        if (hasKeys && !RsaPublicKey.IsAllowedLength(start.RsaBits))
        {
            throw new ParticipantException(FailureCodes.WeakKey, $"an RSA modulus of {start.RsaBits} bits is not allowed: take {RsaPublicKey.MinimumBits} to {RsaPublicKey.MaximumBits}, a multiple of {RsaPublicKey.BitsStep}");
        }

        if (start.MinCell is < 1 or > MaximumMinCell || start.DeadlineSeconds is < 1 or > MaximumDeadlineSeconds)
        {
            throw new ParticipantException(FailureCodes.Malformed, "the minimum cell size must be 1 to 1,000,000 and the deadline 1 second to 30 days");
        }

        var dataset = Datasets.Resolve(start.Dataset);
        var now = Time.GetUtcNow();
        return WithCandidates(new PartySession
        {
            Id = id,
            State = SessionState.Preparing,
            IsInitiator = true,
            Peer = peer.Name,
            Linker = linker.Name,
            Dataset = dataset.Name,
            DatasetHash = dataset.Hash,
            PeerDataset = start.PeerDataset,
            Protocol = start.Protocol,
            Engine = engine,
            Reveal = WireNames.TryParse(start.Reveal, out RevealTo reveal) ? reveal : null,
            Security = WireNames.TryParse(start.Security, out SecurityModel security) ? security : SecurityModel.SemiHonest,
            RsaBits = hasKeys ? start.RsaBits : 0,
            Reuse = start.Reuse,
            MinCell = MinCellOf(start.MinCell ?? 1, dataset),
            KeyNames = dataset.Key,
            CreatedAt = now,
            DeadlineAt = now.AddSeconds(start.DeadlineSeconds),
        });
    }

    /// <summary>The stricter of what is asked and what the own dataset, or where it sets none the home, demands.</summary>
    private int MinCellOf(int asked, Datasets.Dataset dataset) => Math.Max(asked, dataset.MinCell ?? Home.Config.MinCell);

    private string PinnedParties()
    {
        var names = Home.Cards().Where(card => card.Role == ParticipantRole.Party).Select(card => card.Name).ToArray();
        return names.Length == 0 ? "none" : string.Join(", ", names);
    }

    /// <summary>Whether the person who gave a command has been told that it came to nothing: then it must not be begun behind their back.</summary>
    private bool IsGivenUp(Envelope command) => command.Header.NotAfter < Time.GetUtcNow();

    private void AcceptCommand(Envelope envelope, string id)
    {
        var correlation = envelope.Header.Correlation ?? throw new RejectedEnvelopeException("a command without a correlation id");
        Store.Write(transaction =>
        {
            if (!ParticipantNames.IsId(id) || transaction.FindSession(id) is null)
            {
                Reply(transaction, envelope.Header.ReplyTo, correlation, new CommandReply(false, null, FailureCodes.UnknownSession, $"{Home.Name} has no session {id}; see: psi sessions"));
                return;
            }

            transaction.PutInbound(id, $"command/{correlation}", envelope.HeaderHash, envelope.Frame.ToArray());
        });
        Outbox.Signal();
        Pump.Signal(id);
    }

    private bool HandleCommands(PartySession session)
    {
        var handled = false;

        // A cancellation comes before whatever else waits.
        var commands = Store.Read(transaction => transaction.Pending(session.Id, "command/", 100)).Select(pending => (Pending: pending, Envelope: Envelope.Parse(pending.Frame)))
            .OrderBy(command => command.Envelope.Message is CancelSession ? 0 : 1);
        foreach (var (pending, envelope) in commands)
        {
            handled |= DoCommand(session, pending, envelope);
        }

        if (handled)
        {
            Outbox.Signal();
        }

        return handled;
    }

    private bool DoCommand(PartySession session, PendingMessage pending, Envelope envelope)
    {
        try
        {
            return Store.Write(transaction =>
            {
                var current = PartySession.Parse(transaction.FindSession(session.Id)!);
                var reply = envelope.Message switch
                {
                    _ when IsGivenUp(envelope) => Refusal(current, FailureCodes.Deadline, "it was given up before it could begin"),
                    SendDataset => BeginSend(transaction, current),
                    CancelSession => Cancel(transaction, current),
                    SubmitQuery query => BeginQuery(transaction, current, query, envelope),
                    _ => Refusal(current, FailureCodes.Unsupported, "the command is not known"),
                };
                if (ReferenceEquals(reply, Waiting))
                {
                    return false;
                }

                if (reply is not null)
                {
                    Reply(transaction, envelope.Header.ReplyTo, envelope.Header.Correlation, reply);
                }

                transaction.Finish(session.Id, pending.Slot);
                return true;
            });
        }
        catch (Exception exception) when (!IsPassing(exception))
        {
            // It fails alone: what else the session does goes on.
            LogStepFault(exception, session.Id);
            Store.Write(transaction =>
            {
                Reply(transaction, envelope.Header.ReplyTo, envelope.Header.Correlation, Refusal(session, FailureCodes.Internal, $"{Home.Name} could not do it: {exception.GetType().Name}; its log says more"));
                transaction.Finish(session.Id, pending.Slot);
            });
            return true;
        }
    }

    private static readonly CommandReply Waiting = new(true);

    private static CommandReply Refusal(PartySession session, string code, string message) => new(false, session.Id, code, message);

    private CommandReply Cancel(IStoreTransaction transaction, PartySession session)
    {
        if (session.State == SessionState.Failed)
        {
            return Refusal(session, FailureCodes.WrongState, $"the session has ended already: {session.FailureReason}");
        }

        Fail(transaction, session, FailureCodes.Cancelled, $"{Home.Name} cancelled the session", tellPeer: true);
        return new CommandReply(true, session.Id, null, "cancelled");
    }
}
