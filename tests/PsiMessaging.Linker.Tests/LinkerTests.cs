using System.Text;
using DuckDB.NET.Data;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;
using PsiMessaging.Testing;

namespace PsiMessaging.Linker.Tests;

/// <summary>What the linker may see, and what it must refuse.</summary>
public class LinkerTests
{
    /// <summary>
    /// The promise of engine tokens: nothing the linker receives or stores holds an identifier, a value, a column name, or the key. Searched as UTF-8 and
    /// UTF-16, in every frame to the linker and every file of its home.
    /// </summary>
    [Fact]
    public async Task HomeAndInbox_AfterAWholeJob_HoldNoPlaintextAndNoKey()
    {
        string[] identifiers = ["RALPHONE", "MASSIMOTWO", "DENNISTHREE"];
        string[] values = ["VERY-LOW-INCOME", "SOMEWHAT-HIGH-INCOME", "AGE-TWENTY-TO-TWENTYNINE"];
        await using var network = new TestNetwork();
        await network.AddDataAsync(
            "IDKEY;AGECLASSCOLUMN\n" + string.Concat(identifiers.Select(id => $"{id};{values[2]}\n")),
            "IDKEY;INCOMECOLUMN\n" + string.Concat(identifiers.Select((id, i) => $"{id};{values[i % 2]}\n")));
        network.Start();
        var (session, _) = await network.IntersectAsync();
        Assert.Equal(3, session.IntersectionSize);
        await network.SendRowsAsync(session.Id);
        Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "AGECLASSCOLUMN, INCOMECOLUMN"))).Ok);

        using var shared = network.P1.Home.SharedKeyWith(network.P2.Home.Card);
        byte[][] secrets =
        [
            shared.Span.ToArray(),
            .. identifiers.Concat(values).Concat(["AGECLASSCOLUMN", "INCOMECOLUMN"])
                .SelectMany(text => new[] { Encoding.UTF8.GetBytes(text), Encoding.Unicode.GetBytes(text) }),
        ];
        var seen = network.Wire.Where(envelope => envelope.Header.To == "LINKER").Select(envelope => envelope.Frame.ToArray()).ToList();
        Assert.True(seen.Count >= 5);
        await network.Linker.StopAsync();
        var files = Directory.GetFiles(network.Linker.Home.Path, "*", SearchOption.AllDirectories);
        Assert.Contains(files, file => file.EndsWith(".parquet", StringComparison.Ordinal));
        seen.AddRange(files.Select(File.ReadAllBytes));
        Assert.All(seen, bytes => Assert.All(secrets, secret => Assert.True(bytes.AsSpan().IndexOf(secret) < 0)));

        // The search itself can find: the parties' own homes do hold the text.
        Assert.Contains(Directory.GetFiles(network.P1.Home.Path, "*.csv", SearchOption.AllDirectories),
            file => File.ReadAllBytes(file).AsSpan().IndexOf(secrets[1]) >= 0);
    }

    private static async Task<(TestNetwork Network, PartySession Session)> CompletedAsync()
    {
        var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (session, _) = await network.IntersectAsync();
        return (network, session);
    }

    /// <summary>P2 cheats the linker with a message of its own; both parties must hear why the session ended.</summary>
    private static async Task CheatAsync<T>(string code, Func<T, byte[], (T Message, byte[] Body)?> cheat)
        where T : class
    {
        var (network, session) = await CompletedAsync();
        await using var _ = network;
        network.Bend = envelope => envelope.Header.From == "P2" && envelope.Header.To == "LINKER"
            && envelope.Message is T original && cheat(original, envelope.Body.ToArray()) is var (message, body)
            ? [Envelope.Create(network.P2.Home, "LINKER", envelope.Header.Session, message, body).Frame.ToArray()]
            : [envelope.Frame.ToArray()];
        Assert.True((await network.P1.CommandAsync(session.Id, new SendDataset(session.Id))).Ok);

        // What P2 registers is held against what P1 did; without that its batches would be refused first, for not being what it registered.
        await TestNetwork.EventuallyAsync(() => network.Linker.Engine!.Store.Read(state => state.FindSession(session.Id)) is { } stored
            && LinkSession.Parse(stored).HasRegistered("P1"));
        Assert.True((await network.P2.CommandAsync(session.Id, new SendDataset(session.Id))).Ok);
        Assert.Equal(code, (await network.P1.WaitAsync(candidate => candidate.State == SessionState.Failed)).FailureCode);
        Assert.Equal(code, (await network.P2.WaitAsync(candidate => candidate.State == SessionState.Failed)).FailureCode);
        await TestNetwork.EventuallyAsync(() => !Directory.Exists(network.Linker.Home.SessionPath(session.Id)));
    }

    [Fact]
    public Task Registration_OfAnotherSize_IsAMismatch() =>
        CheatAsync<RegisterDataset>(FailureCodes.RegistrationMismatch, (message, body) => (message with { Rows = 5 }, body));

    [Fact]
    public Task Registration_OfAnotherTranscript_IsAMismatch() =>
        CheatAsync<RegisterDataset>(FailureCodes.RegistrationMismatch, (message, body) => (message with { Transcript = new byte[32] }, body));

    [Fact]
    public Task Registration_ColumnThatIsNoToken_IsRefused() =>
        CheatAsync<RegisterDataset>(FailureCodes.Malformed, (message, body) => (message with { Columns = ["x\" --"] }, body));

    [Fact]
    public Task Registration_OfAnUnknownEngine_IsRefused() =>
        CheatAsync<RegisterDataset>(FailureCodes.Unsupported, (message, body) => (message with { Engine = "magic" }, body));

    [Fact]
    public Task Batch_Truncated_IsRefused() => CheatAsync<DatasetBatch>(FailureCodes.BadBatch, (message, body) => (message, body[..(body.Length / 2)]));

    [Fact]
    public Task Batch_WrongCount_IsRefused() => CheatAsync<DatasetBatch>(FailureCodes.BadBatch, (message, body) => (message with { Rows = 3 }, body));

    [Fact]
    public Task Batch_MoreRowsThanRegistered_IsRefused() =>
        CheatAsync<DatasetBatch>(FailureCodes.BadBatch, (message, body) => (message with { Rows = 400 }, body));

    [Fact]
    public Task Batch_WrongColumns_IsRefused() => CheatAsync<DatasetBatch>(FailureCodes.BadBatch, (message, _) =>
        (message,
            EncryptedBatch.WriteAsync([.. Enumerable.Range(0, 4).Select(i => new byte[16] { (byte)i, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 })],
                [], []).Result));

    [Fact]
    public Task Batch_LastThatIsNotWhole_IsRefused() =>
        CheatAsync<DatasetBatch>(FailureCodes.BadBatch, (message, _) => (message with { Rows = 0 }, EncryptedBatch.WriteAsync([], [], []).Result));

    [Fact]
    public async Task Batch_RepeatedSequenceWithOtherContent_IsRefused()
    {
        var (network, session) = await CompletedAsync();
        await using var _ = network;
        network.Bend = envelope => envelope.Message is DatasetBatch batch && envelope.Header.From == "P2"
            ? [envelope.Frame.ToArray(), Envelope.Create(network.P2.Home, "LINKER", session.Id, batch with { Rows = 1 }, envelope.Body).Frame.ToArray()]
            : [envelope.Frame.ToArray()];
        await network.P2.CommandAsync(session.Id, new SendDataset(session.Id));
        Assert.Equal(FailureCodes.AlteredRepeat, (await network.P2.WaitAsync(candidate => candidate.State == SessionState.Failed)).FailureCode);
    }

    [Fact]
    public async Task RowsUnderAnotherKey_AreToldInsteadOfAnEmptyTable()
    {
        // P2's row tokens are other ones, as if it had encrypted under another key.
        var (network, session) = await CompletedAsync();
        await using var _ = network;
        string[] columns = [];
        network.Bend = envelope =>
        {
            if (envelope.Message is RegisterDataset registration && envelope.Header.From == "P2")
            {
                columns = [.. registration.Columns];
            }

            if (envelope.Message is not DatasetBatch batch || envelope.Header.From != "P2")
            {
                return [envelope.Frame.ToArray()];
            }

            var body = EncryptedBatch.WriteAsync(
                [.. Enumerable.Range(0, 4).Select(i => new byte[16] { (byte)i, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 })], columns,
                [.. columns.Select(_ => (IReadOnlyList<byte[]>)[.. Enumerable.Range(0, 4).Select(_ => new byte[48])])]).Result;
            return [Envelope.Create(network.P2.Home, "LINKER", session.Id, batch, body).Frame.ToArray()];
        };
        await network.P1.CommandAsync(session.Id, new SendDataset(session.Id));
        await network.P2.CommandAsync(session.Id, new SendDataset(session.Id));
        var p1 = await network.P1.WaitAsync(candidate => candidate.State == SessionState.Failed);
        Assert.Equal(FailureCodes.SharedKeyMismatch, p1.FailureCode);
        Assert.Contains("do not join (0 of 4)", p1.FailureReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Query_FromThePartiesOnly_AndTheOtherIsTold()
    {
        var (network, session) = await CompletedAsync();
        await using var _ = network;
        await network.SendRowsAsync(session.Id);
        await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"));
        using var patience = new CancellationTokenSource(TestNetwork.Patience);
        while (!network.Wire.Any(envelope => envelope.Message is QueryAsked { Asker: "P1" } && envelope.Header.To == "P2"))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience.Token);
        }

        // A pinned party that has no part in the session gets nothing.
        using var folder = new TempFolder();
        using var third = Participants.Identities.ParticipantHome.Create(Path.Combine(folder.Path, "P3"),
            new Participants.Identities.ParticipantConfig { Name = "P3", Role = Participants.Identities.ParticipantRole.Party });
        network.Linker.Home.Pin(third.Card, replace: false);
        third.Pin(network.Linker.Home.Card, replace: false);
        network.Inject(network.Linker, Envelope.Create(third, "LINKER", session.Id, new RunQuery(session.Id, new string('a', 32), [])).Frame.ToArray());
        while (network.Linker.Refused.IsEmpty)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience.Token);
        }

        // It has no key of the session to seal to; what the door says of one that had: LinkerRoutesTests.
        Assert.Contains("P3 sealed a psi.v1.RunQuery message to the key on the card", network.Linker.Refused.Single(), StringComparison.Ordinal);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task LyingLinker_CountsBelowTheMinimumOrOfOtherNumbers_AreRefused()
    {
        // Changed with the contract: an answer no longer says how many rows were joined or how many groups are withheld.
        foreach (var lie in new Func<QueryAnswered, QueryAnswered>[] { answer => answer with { MinCell = 2 },
            answer => answer with { MinCell = 0 }, answer => answer with { Groups = 1 }, answer => answer with { Complete = false } })
        {
            var (network, session) = await CompletedAsync();
            await using var _ = network;
            await network.SendRowsAsync(session.Id);
            network.Bend = envelope => envelope.Message is QueryAnswered answer
                ? [Envelope.Create(network.Linker.Home, envelope.Header.To, session.Id, lie(answer), envelope.Body).Frame.ToArray()]
                : [envelope.Frame.ToArray()];
            var reply = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"));
            Assert.False(reply.Ok);
            Assert.Contains("LINKER's answer is refused", reply.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Counts near the end of 64 bits: their sum must not come round, nor stop what waits behind this answer.</summary>
    [Fact]
    public async Task LyingLinker_CountsWhoseSumOverflows_AreRefused_AndTheNextQuestionIsAnswered()
    {
        var (network, session) = await CompletedAsync();
        await using var _ = network;
        await network.SendRowsAsync(session.Id);
        network.Bend = envelope => envelope.Message is QueryAnswered
            ? [Envelope.Create(network.Linker.Home, envelope.Header.To, session.Id, envelope.Message, WithHugeCounts(envelope.Body)).Frame.ToArray()]
            : [envelope.Frame.ToArray()];
        var reply = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"));
        Assert.False(reply.Ok);
        Assert.Contains("do not add up to the rows of the join", reply.Message, StringComparison.Ordinal);
        network.Bend = envelope => [envelope.Frame.ToArray()];
        Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"))).Ok);
    }

    /// <summary>Whatever stops the reading of an answer, but for a disk that may come back: the question ends, and the next is answered.</summary>
    [Fact]
    public async Task Answer_ThatCannotBeRead_EndsItsQuestion_AndTheNextIsAnswered()
    {
        var (network, session) = await CompletedAsync();
        await using var _ = network;
        await network.SendRowsAsync(session.Id);
        network.Bend = envelope =>
        {
            if (envelope.Message is QueryAnswered answered)
            {
                Directory.CreateDirectory(Path.Combine(network.P1.Home.SessionPath(session.Id), $"answer-{answered.QueryId}.parquet"));
            }

            return [envelope.Frame.ToArray()];
        };
        var reply = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"));
        Assert.Equal((false, FailureCodes.Internal), (reply.Ok, reply.Code));
        Assert.Equal("P1 could not read LINKER's answer; its log says why", reply.Message);
        network.Bend = envelope => [envelope.Frame.ToArray()];
        Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"))).Ok);
    }

    /// <summary>
    /// Bytes of an answer changed, cut or repeated, from a seed: refused by name or, where the change means nothing, answered; and no file of it stays.
    /// </summary>
    [Trait("Speed", "Slow")]
    [Fact]
    public async Task LyingLinker_AnyBytesForAnAnswer_AreRefusedByName_AndLeaveNoFile()
    {
        var (network, session) = await CompletedAsync();
        await using var _ = network;
        await network.SendRowsAsync(session.Id);
        using var seed = SecretBytes.CopyOf(new byte[32]);
        using var random = new SeededStream(seed, "answers"u8);
        network.Bend = envelope => envelope.Message is QueryAnswered
            ? [Envelope.Create(network.Linker.Home, envelope.Header.To, session.Id, envelope.Message, Spoilt(random, envelope.Body)).Frame.ToArray()]
            : [envelope.Frame.ToArray()];
        var refused = 0;
        for (var i = 0; i < 60; i++)
        {
            var reply = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"));
            refused += reply.Ok ? 0 : 1;
            Assert.True(reply.Ok || reply.Code == FailureCodes.Malformed, $"{i}: {reply.Code}: {reply.Message}");
        }

        Assert.True(refused > 30, $"{refused} of 60 refused");
        Assert.Empty(Directory.GetFiles(network.P1.Home.SessionPath(session.Id), "answer-*"));
        network.Bend = envelope => [envelope.Frame.ToArray()];
        Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"))).Ok);
    }

    private static byte[] Spoilt(SeededStream random, ReadOnlyMemory<byte> answer)
    {
        var body = answer.ToArray();
        switch (random.NextInt(4))
        {
            case 0:
                return body[..random.NextInt(body.Length)];
            case 1:
                return [.. body, .. body[..random.NextInt(body.Length)]];
            case 2:
                random.Fill(body.AsSpan(random.NextInt(body.Length)));
                return body;
            default:
                for (var i = random.NextInt(8); i >= 0; i--)
                {
                    random.Fill(body.AsSpan(random.NextInt(body.Length), 1));
                }

                return body;
        }
    }

    /// <summary>What a party makes up for columns is not passed on, however long: news that cannot be sent would undo the refusal every time.</summary>
    [Fact]
    public async Task PinnedPartner_AsksForAnOverlongColumn_IsRefused_AndTheNewsNamesNone()
    {
        var (network, session) = await CompletedAsync();
        await using var _ = network;
        await network.SendRowsAsync(session.Id);
        var id = new string('b', 32);
        var query = new RunQuery(session.Id, id, [new ColumnToken("P1", new string('x', 20_000))]);
        network.Inject(network.Linker, Envelope.Create(network.P1.Home, "LINKER", session.Id, query).Frame.ToArray());
        await TestNetwork.EventuallyAsync(() => network.Wire.Any(envelope => envelope.Message is QueryRefused refused && refused.QueryId == id)
            && network.Wire.Any(envelope => envelope.Message is QueryAsked asked && asked.QueryId == id));
        Assert.Equal(FailureCodes.UnknownColumn, network.Wire.Select(envelope => envelope.Message).OfType<QueryRefused>().Single().Code);
        Assert.Empty(network.Wire.Select(envelope => envelope.Message).OfType<QueryAsked>().Single().Columns);
        Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"))).Ok);
    }

    private static byte[] WithHugeCounts(ReadOnlyMemory<byte> answer)
    {
        using var folder = new TempFolder();
        var (from, to) = (Path.Combine(folder.Path, "from.parquet"), Path.Combine(folder.Path, "to.parquet"));
        File.WriteAllBytes(from, answer.Span);
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"COPY (SELECT * REPLACE ({long.MaxValue - 1} AS n) FROM read_parquet('{from}')) TO '{to}' (FORMAT parquet)";
        command.ExecuteNonQuery();
        return File.ReadAllBytes(to);
    }
}
