using System.Collections.Concurrent;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Result;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.Tokens;

/// <summary>Announces a session's common rows and sends them to the linker, a batch a turn.</summary>
internal sealed class RowSending(PartyContext party) : IDisposable
{
    private readonly ConcurrentDictionary<string, Sending> _open = new(StringComparer.Ordinal);

    /// <summary>Does the next piece of it.</summary>
    public async Task<TurnOutcome> SendAsync(Turn<PartySession> turn)
    {
        var session = turn.Session;
        var open = Open(turn);
        if (session.OwnColumns is null)
        {
            return Announce(turn, open);
        }

        var sender = open.Rows;

        if (session.SendSequence == 0 && turn.InOutbox > 0)
        {
            // The registration leaves before the first batch: the linker takes hardly any rows of a session that it does not know.
            return TurnOutcome.Idle;
        }

        var (body, rows, next) = await sender.BatchAsync(session.SendRow);
        var last = next == sender.Rows;
        turn.Commit(session with
        {
            SendSequence = session.SendSequence + 1,
            SendRow = next,
            Registration = last ? RowsMachine.Next(session.Registration, RowsTrigger.AllSent) : session.Registration,
        }, effects => effects.Send(session.Linker, new DatasetBatch(session.Id, session.SendSequence, rows, last), body));
        if (last)
        {
            Close(session.Id);
        }

        return TurnOutcome.Worked;
    }

    /// <summary>Closes what is open of a session.</summary>
    public void Close(string session)
    {
        if (_open.TryRemove(session, out var open))
        {
            open.Rows.Dispose();
        }
    }

    /// <summary>What is announced is what is sent: the policy was looked at once for both, and may have changed since.</summary>
    private TurnOutcome Announce(Turn<PartySession> turn, Sending open)
    {
        var (session, sender, columns) = (turn.Session, open.Rows, open.Columns);
        return turn.Commit(session with { OwnColumns = columns, Registration = RowsMachine.Next(session.Registration, RowsTrigger.Announced) }, effects =>
        {
            effects.Audit("rows-sent", ("session", session.Id), ("linker", session.Linker), ("rows", sender.Rows), ("columns", sender.ColumnTokens.Length));
            effects.Send(session.Peer, new AnnounceColumns(session.Id, session.Transcript, columns));
            effects.Send(session.Linker, new RegisterDataset(
                session.Id, session.Transcript, session.Peer, WireNames.NameOf(session.Engine), session.MinCell, sender.Rows, sender.ColumnTokens));
        });
    }

    private Sending Open(Turn<PartySession> turn)
    {
        var session = turn.Session;
        if (_open.TryGetValue(session.Id, out var known))
        {
            return known;
        }

        var dataset = party.DatasetOf(session);
        using var shared = party.SharedKeyWith(session);
        var columns = turn.Read(state => party.DescribedColumns(session, state));
        var sender = RowSender.Load(party.Name, dataset, [.. columns.Select(column => column.Name)], party.Datasets,
            MatchedRows.Read(party.FolderOf(session).Path), shared, session.Transcript, party.Scratch(turn, "rows"));
        if (sender.Rows != session.IntersectionSize)
        {
            sender.Dispose();
            throw new ParticipantException(FailureCodes.UnusableDataset,
                $"the stored result of session {session.Id} does not fit the dataset {dataset.Name}; open another session");
        }

        return _open[session.Id] = new Sending(sender, columns);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var session in _open.Keys)
        {
            Close(session);
        }
    }

    /// <summary>Rows that are being sent, and their columns.</summary>
    private sealed record Sending(RowSender Rows, IReadOnlyList<ColumnDescription> Columns);
}
