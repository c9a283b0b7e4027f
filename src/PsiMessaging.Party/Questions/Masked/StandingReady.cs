using System.Buffers.Binary;
using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Data.Keys;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Questions.History;
using PsiMessaging.Party.Result;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.Masked;

/// <summary>With engine masked nothing is sent before a question: the common rows are put in order here, and the linker learns their number.</summary>
internal sealed class StandingReady(PartyContext party)
{
    /// <summary>Does it.</summary>
    public async Task<TurnOutcome> StandAsync(Turn<PartySession> turn)
    {
        var session = turn.Session;
        var folder = party.FolderOf(session);
        if (!AlignedRows.Exists(folder.Path) || AlignedRows.Open(folder.Path).SortedBy != AlignedRows.CurrentSort)
        {
            await AlignAsync(turn, folder.Path);
        }

        var rows = AlignedRows.Open(folder.Path).Rows;
        if (rows != session.IntersectionSize)
        {
            throw new ParticipantException(FailureCodes.UnusableDataset,
                $"the stored result of session {session.Id} does not fit the dataset {session.Dataset}; open another session");
        }

        Draw(folder.WithheldKey);
        var choice = session.MinCell > 1 ? Choose(session, folder) : [];
        var (columns, isGuarded) = turn.Read(state => (party.DescribedColumns(session, state), HistoryGuard.Of(party, state, session).Rule != HistoryRule.Off));
        var standing = session with
        {
            OwnColumns = columns, RowsSortedBy = AlignedRows.CurrentSort, Registration = RowsMachine.Next(session.Registration, RowsTrigger.AllSent),
        };
        return turn.Commit(standing, effects =>
        {
            effects.Audit("questions-allowed", ("session", session.Id), ("linker", session.Linker), ("rows", rows), ("columns", columns.Count));
            effects.Send(session.Peer, new AnnounceColumns(session.Id, session.Transcript, columns, isGuarded ? true : null));
            effects.Send(session.Linker,
                new RegisterDataset(session.Id, session.Transcript, session.Peer, WireNames.NameOf(session.Engine), session.MinCell, rows, []), choice);
        });
    }

    /// <summary>The own message of the base transfers that releases rest on; after a kill the same.</summary>
    private byte[] Choose(PartySession session, SessionFolder folder)
    {
        Draw(folder.ReleaseKey);
        using var secret = SecretOf(folder);
        return ReleaseKeys.Choose(secret, session.Transcript, party.Name);
    }

    /// <summary>The own secret of a session's base transfers.</summary>
    public static SecretBytes SecretOf(SessionFolder folder)
    {
        var stored = OwnerOnlyFile.Read(folder.ReleaseKey, "the session's secret of releases");
        try
        {
            return SecretBytes.CopyOf(stored);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(stored);
        }
    }

    private static void Draw(string path)
    {
        if (!File.Exists(path))
        {
            using var secret = SecretBytes.Random(ReleaseKeys.SecretSizeBytes);
            AtomicFile.Write(path, secret.Span);
        }
    }

    private async Task AlignAsync(Turn<PartySession> turn, string folder)
    {
        var session = turn.Session;
        var dataset = party.DatasetOf(session);
        var matched = MatchedRows.Read(folder);
        using var shared = party.SharedKeyWith(session);
        using var key = shared.Derive(session.Transcript, DomainTags.RowOrder, KeyedHash.KeySizeBytes);
        using var order = new KeyedHash(key.Span);
        using var builder = new AlignedRowsBuilder(dataset.Described, party.Scratch(turn, "aligned"), dataset.Texts);
        using var rows = party.Datasets.OpenRows(dataset);
        var keyColumns = DatasetFile.FindColumns(dataset.Name, rows.Columns, dataset.Key);
        var indices = DatasetFile.FindColumns(dataset.Name, rows.Columns, [.. dataset.Described.Select(column => column.Name)]);
        var canonicalizer = dataset.NewCanonicalizer();
        var token = new byte[AlignedRowsBuilder.TokenSizeBytes];
        for (var row = 0; rows.Read(); row++)
        {
            if (matched[row])
            {
                IdentifierSet.TryRead(rows, keyColumns, canonicalizer);
                BinaryPrimitives.WriteUInt128BigEndian(token, order.Compute(canonicalizer.Current));
                builder.Add(token, rows, indices);
            }
        }

        await builder.WriteAsync(folder);
    }
}
