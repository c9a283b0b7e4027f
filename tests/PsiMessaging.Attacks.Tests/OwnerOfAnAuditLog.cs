using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>A whole job with a question by each party, and the logs that are left of it.</summary>
public sealed class AuditedJob : IAsyncLifetime
{
    public TestNetwork Network { get; } = new();

    public string Session { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        await Network.AddDataAsync();
        Network.Start();
        Session = (await Network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh"))).P1.Id;
        await Network.SendRowsAsync(Session);
        foreach (var party in new[] { Network.P1, Network.P2 })
        {
            Assert.True((await party.CommandAsync(Session, new SubmitQuery(Session, "CLASSE_REDDITO"))).Ok);
            await Network.SettleAsync();
        }
    }

    public ValueTask DisposeAsync() => Network.DisposeAsync();
}

/// <summary>
/// A participant that has its own key, and with it makes its audit log say something else than what happened: whoever signs can sign anew. What it cannot
/// change is what the others heard.
/// </summary>
public sealed class OwnerOfAnAuditLog(AuditedJob job) : IClassFixture<AuditedJob>
{
    /// <summary>The logs with one in the place of the true one: the entries that its owner keeps, signed anew where one is left out or changed.</summary>
    private AuditFile[] With(TestParticipant owner, Func<JsonObject, JsonObject?> change, string? session = null)
    {
        using var folder = new TempFolder();
        using var store = new SqliteParticipantStore(Path.Combine(folder.Path, "state.db"));
        var time = new FakeTimeProvider();
        var log = new AuditLog(owner.Home, time);
        var isChanged = false;
        foreach (var entry in EntriesOf(owner))
        {
            var was = JsonNode.Parse(entry.Entry)!.AsObject();
            var text = was.ToJsonString();
            if (change(was) is not { } now)
            {
                isChanged = true;
                continue;
            }

            isChanged |= now.ToJsonString() != text;
            if (!isChanged)
            {
                store.Write(state => state.AppendAudit(entry));
                continue;
            }

            time = new FakeTimeProvider(DateTimeOffset.Parse(now["at"]!.GetValue<string>(), System.Globalization.CultureInfo.InvariantCulture));
            log = new AuditLog(owner.Home, time);
            store.Write(state => log.Append(state, now["event"]!.GetValue<string>(),
                [.. now.Where(field => field.Key is not ("at" or "event")).Select(field => (field.Key, field.Value?.DeepClone()))]));
        }

        var forged = TestParticipant.ExportAudit(owner.Home, store, session);
        return [.. All.Select(participant => participant == owner ? forged : participant.ExportAudit(session))];
    }

    private TestParticipant[] All => [job.Network.P1, job.Network.P2, job.Network.Linker];

    private static IReadOnlyList<AuditEntry> EntriesOf(TestParticipant owner)
    {
        using var store = new SqliteParticipantStore(owner.Home.StatePath);
        return store.Read(state => AuditLog.Entries(state).ToArray());
    }

    private static string EventOf(JsonObject entry) => entry["event"]!.GetValue<string>();

    [Fact]
    public void KeepsItAsItIs_Agrees() => Assert.Empty(Reconciliation.Of(With(job.Network.P2, entry => entry)).Faults);

    /// <summary>Every end of every log, down to what nobody has heard of: from there on the others' entries say that something is missing.</summary>
    [Fact]
    public void CutsItsEnd_IsNamedWithTheEntryBehindWhichItWasCut()
    {
        foreach (var owner in All)
        {
            var all = EntriesOf(owner).Count;
            var witnessed = Reconciliation.Of(With(owner, entry => entry)).Logs.Single(log => log.Name == owner.Name).Witnessed;
            Assert.InRange(witnessed, 3, all);
            for (var kept = 2; kept < witnessed; kept++)
            {
                var left = kept;
                var faults = Reconciliation.Of(With(owner, entry => left-- > 0 ? entry : null)).Faults;
                var named = faults.First();
                Assert.StartsWith($"{owner.Name}'s log was cut off or written anew after entry ", named, StringComparison.Ordinal);
                Assert.InRange(int.Parse(named.Split("after entry ")[1].Split(':')[0], System.Globalization.CultureInfo.InvariantCulture), 0, kept);
            }
        }
    }

    /// <summary>Its last question left out, and all behind it signed anew: both others name it, the partner and the linker, and the question.</summary>
    [Fact]
    public void LeavesAQuestionOut_IsNamedByTheOthers()
    {
        var faults = Reconciliation.Of(With(job.Network.P2, entry => EventOf(entry) is "query-asked" or "query-answered" ? null : entry)).Faults;
        Assert.Contains(faults, fault => fault.StartsWith("P2's log was cut off or written anew", StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.Contains("P1 worked for question", StringComparison.Ordinal)
            && fault.Contains("P2's log does not", StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.Contains("LINKER worked for question", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("session-completed", "common", "in common: 4 in P1's log, 3 in P2's")]
    [InlineData("session-completed", "own", "set size of P2: 10 in P1's log, 9 in P2's")]
    [InlineData("rows-sent", "rows", "rows of P2: 3 in P2's log, 4 in LINKER's")]
    public void ChangesANumber_IsNamedWithBoth(string happening, string field, string expected)
    {
        var faults = Reconciliation.Of(With(job.Network.P2, entry =>
        {
            if (EventOf(entry) == happening)
            {
                entry[field] = entry[field]!.GetValue<int>() - 1;
            }

            return entry;
        })).Faults;
        Assert.Contains(faults, fault => fault.Contains(expected, StringComparison.Ordinal));

        // Written anew, it is also another log than the others heard of.
        Assert.Contains(faults, fault => fault.StartsWith("P2's log was cut off or written anew", StringComparison.Ordinal));
    }

    /// <summary>Names somebody else, or nobody, as the other party: the terms are compared all the same.</summary>
    [Theory]
    [InlineData("P9", "P2's log names P9 as the other party")]
    [InlineData(null, "P2's log does not say with whom it was")]
    public void NamesAnotherPartner_IsNamed_AndItsTermsAreCompared(string? name, string expected)
    {
        var faults = Reconciliation.Of(With(job.Network.P2, entry =>
        {
            if (entry.Remove("peer") && name is not null)
            {
                entry["peer"] = name;
            }

            if (EventOf(entry) == "session-completed")
            {
                entry["common"] = 3;
            }

            return entry;
        })).Faults;
        Assert.Contains(faults, fault => fault.Contains(expected, StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.Contains("in common: 4 in P1's log, 3 in P2's", StringComparison.Ordinal));
    }

    /// <summary>Of its last entry nobody has heard: only the number that the linker has of it too gives it away.</summary>
    [Fact]
    public void ChangesItsLastEntry_IsNamedByTheNumberAlone()
    {
        var fault = Assert.Single(Reconciliation.Of(With(job.Network.P2, entry =>
        {
            if (EventOf(entry) == "query-answered")
            {
                entry["received"] = 1;
            }

            return entry;
        })).Faults);
        Assert.Contains("1 in P2's log, 3 in LINKER's", fault, StringComparison.Ordinal);
    }

    /// <summary>The linker that does not want to have worked for a question.</summary>
    [Fact]
    public void AsLinker_LeavesAQuestionOut_IsNamed()
    {
        var faults = Reconciliation.Of(With(job.Network.Linker, entry => EventOf(entry) == "query-run" ? null : entry)).Faults;
        Assert.Contains(faults, fault => fault.Contains("P1 has an answer to its question", StringComparison.Ordinal)
            && fault.Contains("LINKER's log does not have", StringComparison.Ordinal));
    }

    /// <summary>Of the one session only: what is held back is seen all the same, and so is an entry that is shown as another session's.</summary>
    [Fact]
    public void ShowsOneSessionOnly_AndHidesAnEntryOfIt_IsNamed()
    {
        Assert.Empty(Reconciliation.Of(With(job.Network.P1, entry => entry, job.Session)).Faults);
        var faults = Reconciliation.Of(With(job.Network.P1, entry =>
        {
            if (EventOf(entry) == "query-asked")
            {
                entry["session"] = new string('f', 32);
            }

            return entry;
        }, job.Session)).Faults;
        Assert.Contains(faults, fault => fault.Contains("P2 worked for question", StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.StartsWith("P1's log was cut off or written anew", StringComparison.Ordinal));
    }

    /// <summary>A new identity under the same name, and under it a log that says what its owner wants: the others heard of none of it.</summary>
    [Fact]
    public void WritesALogUnderANewIdentity_IsNamed()
    {
        using var folder = new TempFolder();
        using var home = ParticipantHome.Create(Path.Combine(folder.Path, "P2"), job.Network.P2.Home.Config);
        using var store = new SqliteParticipantStore(home.StatePath);
        var log = new AuditLog(home, TimeProvider.System);
        foreach (var entry in EntriesOf(job.Network.P2))
        {
            store.Write(state => log.Append(state, "session-completed", ("session", job.Session), ("peer", "P1")));
        }

        var faults = Reconciliation.Of([job.Network.P1.ExportAudit(), TestParticipant.ExportAudit(home, store)]).Faults;
        Assert.StartsWith("P2's log was cut off or written anew after entry 0: P1 heard", faults.First(), StringComparison.Ordinal);
    }
}
