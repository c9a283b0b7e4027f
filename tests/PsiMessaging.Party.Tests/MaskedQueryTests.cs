using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Party.Session;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>Questions under engine masked: answers, refusals, hostile contributions, deadlines, mask counters.</summary>
public class MaskedQueryTests
{
    private const string People = "IDKEY;AGE;SEX;PAY\nA;20;F;1.50\nB;30;M;2.25\nC;40;F;\nD;50;M;4.00\nE;60;F;5.50\n";
    private const string Firms = "IDKEY;REGION;TAX\nA;N;10\nB;S;20\nC;N;30\nD;S;40\nE;N;50\nF;S;60\n";

    private static async Task<(TestNetwork Network, string Session)> ReadyAsync(int? minCell = null, TimeProvider? time = null)
    {
        var network = new TestNetwork(time);
        await network.AddDataAsync(People, Firms);
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked", minCell: minCell));
        Assert.Null(session.FailureReason);
        await network.SendRowsAsync(session.Id);
        return (network, session.Id);
    }

    [Fact]
    public async Task Query_AskedByEither_BothGetTheSame()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            foreach (var asker in new[] { network.P1, network.P2 })
            {
                var answer = await asker.CommandAsync(session, new SubmitQuery(session, "count, sum(PAY), sum(TAX) by SEX, REGION"));
                Assert.True(answer.Ok, answer.Message);
                Assert.Equal(["F|N|3|7.00|90", "M|S|2|6.25|60"], answer.Result!.Lines());
                Assert.Contains(answer.Result!.Answer.Rules, rule => rule == "PAY: 1 record without a value left out");
            }

            Assert.Empty(network.P1.Session()!.OpenQueries);
            Assert.Empty(network.P2.Session()!.OpenQueries);
            Assert.Equal((1L, 1L), (network.P1.Session()!.OwnMaskCounter, network.P1.Session()!.PeerMaskCounter));

            // They go after the product has left.
            await TestNetwork.EventuallyAsync(() => Directory.GetFiles(network.Linker.Home.SessionPath(session), "*", SearchOption.AllDirectories).Length == 0);
        }
    }

    [Fact]
    public async Task Queries_AskedAtOnce_AreAnsweredOneAfterTheOther()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 4).SelectMany(_ => new[]
            {
                network.P1.CommandAsync(session, new SubmitQuery(session, "count by REGION")),
                network.P2.CommandAsync(session, new SubmitQuery(session, "sum(TAX) by SEX")),
            }));
            Assert.All(answers, answer => Assert.True(answer.Ok, answer.Message));
            Assert.Equal([4L, 4L], new[] { network.P1.Session()!.OwnMaskCounter, network.P1.Session()!.PeerMaskCounter });
        }
    }

    [Theory]
    [InlineData("count by SEX where AGE > 100", "nothing-selected", "selects none of the 5 common records")]
    [InlineData("sum(SEX)", "wrong-type", "SEX is text")]
    [InlineData("sum(NOPE)", "unknown-column", "neither party has a column NOPE")]
    [InlineData("count where SEX = 'F' or REGION = 'N'", "engine-cannot", "each party applies its own part")]
    [InlineData("ols(PAY ~ AGE + TAX)", "singular-regression", "TAX is determined by the terms before it")]
    [InlineData("ols(PAY ~ C(SEX) + C(REGION))", "singular-regression", "REGION[S] is determined")]
    [InlineData("count by", "bad-query", "ends too early")]
    public async Task Query_CannotBeAnswered_SaysWhy(string text, string code, string expected)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            foreach (var asker in new[] { network.P1, network.P2 })
            {
                var answer = await asker.CommandAsync(session, new SubmitQuery(session, text));
                Assert.Equal((false, code), (answer.Ok, answer.Code));
                Assert.Contains(expected, answer.Message, StringComparison.Ordinal);
            }

            await TestNetwork.EventuallyAsync(() => network.P1.Session()!.OpenQueries.Count + network.P2.Session()!.OpenQueries.Count == 0);
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, "SEX"))).Ok);
        }
    }

    [Fact]
    public async Task Query_TooManyCategories_SaysWhichAndHowMany()
    {
        await using var network = new TestNetwork();
        var ids = Enumerable.Range(0, 1001).ToArray();
        await network.AddDataAsync("IDKEY;A\n" + string.Concat(ids.Select(i => $"{i};{i % 2}\n")), "IDKEY;CITY\n"
            + string.Concat(ids.Select(i => $"{i};c{i}\n")));
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        await network.SendRowsAsync(session.Id);
        foreach (var asker in new[] { network.P1, network.P2 })
        {
            var answer = await asker.CommandAsync(session.Id, new SubmitQuery(session.Id, "CITY"));
            Assert.Equal(FailureCodes.TooManyGroups, answer.Code);
            Assert.Contains("CITY has 1,001 different values among the common records, and 1,000 is the most", answer.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Query_MinimumCellSize_WithholdsGroupsAndMeasures()
    {
        // Changed with the rule: a small group has no line of its own, and the total of all records, which both parties know, is not marked small for it.
        var (network, session) = await ReadyAsync(minCell: 3);
        await using (network)
        {
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, "count, mean(TAX), mean(PAY) by SEX with totals"));
            Assert.Equal(FailureCodes.BelowMinimum, answer.Code);

            // One of the three has no PAY: it is put aside, and the two that are left are too few.
            Assert.Equal("PAY has no value in fewer than 3 records of a group of SEX, and what is calculated with it and without it would give theirs; leave "
                + "it out or take coarser classes",
                answer.Message);
            answer = await network.P1.CommandAsync(session, new SubmitQuery(session, "count, mean(TAX) by SEX with totals"));
            Assert.Equal(["F|3|30", "(total)|5|", "(withheld)||"], answer.Result!.Lines());
            Assert.Equal(AnswerCell.Withheld, answer.Result!.Answer.Rows[1][2]);
            Assert.Equal(2, answer.Result.Answer.Withheld);

            // P2 asks for P1's column: the cell says nothing, and the totals, which would, neither.
            answer = await network.P2.CommandAsync(session, new SubmitQuery(session, "count, mean(PAY) by REGION"));
            Assert.Equal(["N|3|", "(withheld)||"], answer.Result!.Lines());
        }
    }

    /// <summary>What a hostile peer or a stranger can do to a contribution on its way to the linker.</summary>
    [Theory]
    [InlineData("rows", "do not fit the query")]
    [InlineData("columns", "disagree on its shape")]
    [InlineData("other bits", "disagree on its shape")]
    [InlineData("no bits", "a matrix that cannot be")]
    [InlineData("65 bits", "a matrix that cannot be")]
    [InlineData("bits without end", "a matrix that cannot be")]
    [InlineData("noise", "not a readable Parquet file")]
    [InlineData("other-query", "the product is refused")]
    [InlineData("correction", "wrong length")]
    [InlineData("counter", "disagree")]
    public async Task Contribution_OfWrongShapeOrAnotherQuery_IsRefusedByName(string lie, string expected)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            byte[]? former = null;
            var lying = false;
            network.Bend = envelope =>
            {
                var body = envelope.Body;
                if (envelope.Header.From != "P2" || envelope.Header.To != "LINKER")
                {
                    return [envelope.Frame.ToArray()];
                }

                if (envelope.Message is MaskedRows && !lying)
                {
                    former = body.ToArray();
                }

                object? changed = (lie, envelope.Message) switch
                {
                    ("rows", MaskedRows rows) => rows with { Rows = 4 },
                    ("columns", OpenProduct open) => open with { OwnColumns = open.OwnColumns + 1 },
                    ("other bits", OpenProduct open) => open with { WordBits = open.WordBits - 1 },
                    ("no bits", OpenProduct open) => open with { WordBits = 0 },
                    ("65 bits", OpenProduct open) => open with { WordBits = 65 },
                    ("bits without end", OpenProduct open) => open with { WordBits = int.MinValue },
                    ("counter", OpenProduct open) => open with { Counter = open.Counter + 1 },
                    ("noise" or "other-query", MaskedRows rows) => rows,
                    ("correction", MaskedCorrection correction) => correction,
                    _ => null,
                };
                if (!lying || changed is null)
                {
                    return [envelope.Frame.ToArray()];
                }

                body = lie switch { "noise" => RandomNumberGenerator.GetBytes(body.Length), "other-query" => former!, "correction" => body[..^8], _ => body };
                return [Envelope.Create(network.P2.Home, "LINKER", session, changed, body).Frame.ToArray()];
            };
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, "count by REGION"))).Ok);
            lying = true;
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, "count by REGION"));
            Assert.Equal((false, FailureCodes.BadContribution), (answer.Ok, answer.Code));
            Assert.Contains(expected, answer.Message, StringComparison.Ordinal);
            lying = false;
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, "count by REGION"))).Ok, "the session goes on");
        }
    }

    [Fact]
    public async Task Contribution_BatchTwiceWithOtherContent_EndsTheQuery()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            network.Bend = envelope =>
            {
                if (envelope.Message is not MaskedRows rows || envelope.Header.From != "P2")
                {
                    // The correction is held back, so that the repeat meets the query at work.
                    return envelope.Message is MaskedCorrection && envelope.Header.From == "P2" ? [] : [envelope.Frame.ToArray()];
                }

                var other = envelope.Body.ToArray();
                other[100] ^= 1;
                return [envelope.Frame.ToArray(), Envelope.Create(network.P2.Home, "LINKER", session, rows, other).Frame.ToArray()];
            };
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, "count by REGION"));
            Assert.False(answer.Ok);
            Assert.True(answer.Code is FailureCodes.AlteredRepeat, $"{answer.Code}: {answer.Message}");
        }
    }

    [Theory]
    [InlineData("peer", "P2 did not answer")]
    [InlineData("linker", "without the product: P2's masked rows or LINKER are missing")]
    public async Task Query_SomebodySilent_EndsAtItsDeadline(string silent, string expected)
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        time.AutoAdvanceAmount = TimeSpan.FromMilliseconds(1);
        var (network, session) = await ReadyAsync(time: time);
        await using (network)
        {
            network.Bend = envelope => envelope.Message is ProposeQuery && silent == "peer"
                || envelope.Message is MaskedCorrection && silent == "linker" ? [] : [envelope.Frame.ToArray()];
            var asking = network.P1.CommandAsync(session, new SubmitQuery(session, "REGION", DeadlineSeconds: 30));
            await TestNetwork.EventuallyAsync(() =>
                network.Wire.Any(envelope =>
                    silent == "peer" ? envelope.Message is ProposeQuery : envelope.Message is MaskedCorrection && envelope.Header.From == "P1"));
            while (!asking.IsCompleted)
            {
                time.Advance(TimeSpan.FromSeconds(1));
                await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, TestContext.Current.CancellationToken);
            }

            var answer = await asking;
            Assert.Equal(FailureCodes.Deadline, answer.Code);
            Assert.Contains(expected, answer.Message, StringComparison.Ordinal);
            network.Bend = envelope => [envelope.Frame.ToArray()];
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, "REGION"))).Ok);
        }
    }

    /// <summary>
    /// The broker delivers at least once: an acceptance that comes again when its question is long over was taken, and is passed over. Another one in its place
    /// is refused.
    /// </summary>
    [Fact]
    public async Task RepeatedAcceptance_AfterItsQuestion_IsPassedOver_AndAnotherOneRefused()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, "REGION"))).Ok);
            var accepted = network.Wire.Single(envelope => envelope.Message is AcceptQuery);
            var refused = network.P1.Refused.Count(IsOfAnAcceptance);
            network.Inject(network.P1, accepted.Frame.ToArray());
            await network.P1.CommandBarrierAsync();
            Assert.Equal(refused, network.P1.Refused.Count(IsOfAnAcceptance));
            network.Inject(network.P1, Envelope.Create(network.P2.Home, "P1", session, accepted.Message, RandomNumberGenerator.GetBytes(100)).Frame.ToArray());
            await network.P1.CommandBarrierAsync();
            Assert.Equal(refused + 1, network.P1.Refused.Count(IsOfAnAcceptance));
        }

        static bool IsOfAnAcceptance(string reason) => reason.Contains("AcceptQuery message out of range", StringComparison.Ordinal);
    }

    [Fact]
    public async Task MaskCounter_HomeRestoredFromABackup_IsNoticedAndNeverUsedTwice()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, "REGION"))).Ok);
            await network.P1.StopAsync();
            SetCounters(network.P1, session, stored => stored with { OwnMaskCounter = 0 });
            network.P1.Start();
            var refused = await network.P1.CommandAsync(session, new SubmitQuery(session, "SEX"));
            Assert.Equal(FailureCodes.MaskCounter, refused.Code);
            Assert.Contains("asks under 1 where 1 was seen; was its home restored from an older copy?. P1's counter was raised to 1; ask again",
                refused.Message, StringComparison.Ordinal);
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, "SEX"))).Ok);
            Assert.Equal(2, network.P1.Session()!.OwnMaskCounter);

            // Both parties' homes restored: the linker remembers.
            foreach (var party in new[] { network.P1, network.P2 })
            {
                await party.StopAsync();
                SetCounters(party, session, stored => stored with { OwnMaskCounter = 0, PeerMaskCounter = 0 });
                party.Start();
            }

            refused = await network.P1.CommandAsync(session, new SubmitQuery(session, "SEX"));
            Assert.Equal(FailureCodes.MaskCounter, refused.Code);
            Assert.Contains("the mask counter of P1 went backwards: 1 where 2 was seen", refused.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>One party's rows were put in order by an earlier version: rows of different records would be multiplied. No answer comes of it.</summary>
    [Fact]
    public async Task RowsInTheOrderOfAnEarlierVersion_AtOneParty_GiveNoAnswer()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            await network.P1.StopAsync();
            SetCounters(network.P1, session, stored => stored with { RowsSortedBy = 0 });
            network.P1.Start();
            var refused = await network.P1.CommandAsync(session, new SubmitQuery(session, "count by REGION"));
            Assert.Equal((false, FailureCodes.BadContribution), (refused.Ok, refused.Code));
        }
    }

    private static void SetCounters(TestParticipant party, string session, Func<PartySession, PartySession> change)
    {
        using var store = new SqliteParticipantStore(party.Home.StatePath);
        store.Write(transaction =>
        {
            transaction.PutSession(change(PartySession.Parse(transaction.FindSession(session)!)).ToStored());
            return true;
        });
    }

    [Theory]
    [InlineData("known", FailureCodes.Malformed, "known already")]
    [InlineData("unsealed", FailureCodes.Malformed, "not sealed under the parties' key")]
    [InlineData("transcript", FailureCodes.Malformed, "another session")]
    public async Task Proposal_ThatCannotBe_IsRefusedAndTheSessionGoesOn(string lie, string code, string expected)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, "REGION"))).Ok);
            var former = network.Wire.Select(envelope => envelope.Message).OfType<ProposeQuery>().First();

            // Known: P2 asks under an id P1 has used itself.
            network.Bend = envelope => envelope.Message is ProposeQuery proposal && lie != "known"
                ? [Envelope.Create(network.P1.Home, "P2", session, lie switch
                {
                    "transcript" => proposal with { Transcript = new byte[32] },
                    _ => proposal
                }, lie == "unsealed" ? RandomNumberGenerator.GetBytes(60) : envelope.Body).Frame.ToArray()]
                : [envelope.Frame.ToArray()];
            var asking = lie == "known"
                ? network.P2.CommandAsync(session, new SubmitQuery(session, "SEX"), former.QueryId)
                : network.P1.CommandAsync(session, new SubmitQuery(session, "SEX"));
            var answer = await asking;
            Assert.Equal(code, answer.Code);
            Assert.Contains(expected, answer.Message, StringComparison.Ordinal);

            network.Bend = envelope => [envelope.Frame.ToArray()];
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, "SEX"))).Ok, "the session goes on");
        }
    }

    [Fact]
    public async Task Query_PartyWithIdentifiersAlone_AsksAboutTheOthersColumns()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync("IDKEY\nA\nB\nZ\n", Firms);
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        await network.SendRowsAsync(session.Id);
        foreach (var asker in new[] { network.P1, network.P2 })
        {
            var answer = await asker.CommandAsync(session.Id, new SubmitQuery(session.Id, "count, sum(TAX) by REGION"));
            Assert.True(answer.Ok, answer.Message);
            Assert.Equal(["N|1|10", "S|1|20"], answer.Result!.Lines());
        }
    }

    /// <summary>What a hostile linker, or a stranger with its key, can answer.</summary>
    [Theory]
    [InlineData("words", FailureCodes.BadContribution, "the product is refused")]
    [InlineData("shape", FailureCodes.BadContribution, "its shape is not the query's")]
    [InlineData("short", FailureCodes.BadContribution, "its shape is not the query's")]
    [InlineData("counts", FailureCodes.Malformed, "does not fit the session's engine")]
    public async Task Product_OfAHostileLinker_IsRefusedByName(string lie, string code, string expected)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            network.Bend = envelope =>
            {
                if (envelope.Message is not ProductComputed product)
                {
                    return [envelope.Frame.ToArray()];
                }

                var body = envelope.Body.ToArray();
                object lied = lie switch
                {
                    "shape" => product with { AskerColumns = product.AskerColumns + 1 },
                    "counts" => new QueryAnswered(session, product.QueryId, 0, 1, true),
                    _ => product
                };
                if (lie == "words")
                {
                    body[0] ^= 1;
                }

                return [Envelope.Create(network.Linker.Home, envelope.Header.To, session, lied,
                    lie switch { "short" => body[..^8], "counts" => [], _ => body }).Frame.ToArray()];
            };
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, "count by REGION"));
            Assert.Equal((false, code), (answer.Ok, answer.Code));
            Assert.Contains(expected, answer.Message, StringComparison.Ordinal);
            network.Bend = envelope => [envelope.Frame.ToArray()];
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, "count by REGION"))).Ok, "the session goes on");
        }
    }

    /// <summary>
    /// Every kind of question, every word of the product changed by what a linker may choose: numbers no sum can have, in every place at once or one. The
    /// answer is refused by name, or wrong by what nobody can see; it never stops the session, and never ends as an unknown fault.
    /// </summary>
    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("count by REGION")]
    [InlineData("count, sum(PAY), sum(TAX) by SEX with totals")]
    [InlineData("mean(TAX), sd(TAX) by SEX")]
    [InlineData("cov(AGE, TAX)")]
    [InlineData("corr(AGE, TAX)")]
    [InlineData("ols(TAX ~ AGE)")]
    [InlineData("chisq(SEX, REGION)")]
    [InlineData("quantile(TAX, 0.5, 0 to 100 step 10)")]
    [InlineData("mean(TAX) weight AGE")]
    public async Task LyingLinker_ChangesAProduct_NeverStopsTheSession(string text)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            var honest = await network.P1.CommandAsync(session, new SubmitQuery(session, text));
            Assert.True(honest.Ok, honest.Message);
            using var seed = SecretBytes.CopyOf(new byte[32]);
            using var random = new SeededStream(seed, "products"u8);
            foreach (var change in new ulong[] { 1, ulong.MaxValue, 1UL << 63, 1UL << 62, long.MaxValue, 1UL << 40, 0 })
            {
                foreach (var isOnePlace in new[] { false, true })
                {
                    network.Bend = envelope =>
                    {
                        if (envelope.Message is not ProductComputed)
                        {
                            return [envelope.Frame.ToArray()];
                        }

                        var words = BodyWords.Read(envelope.Body.Span);
                        var only = random.NextInt(words.Length);
                        var drawn = new byte[BodyWords.WordSizeBytes * words.Length];
                        random.Fill(drawn);
                        var any = BodyWords.Read(drawn);
                        for (var i = 0; i < words.Length; i++)
                        {
                            words[i] += isOnePlace && i != only ? 0 : change == 0 ? any[i] : change;
                        }

                        return [Envelope.Create(network.Linker.Home, envelope.Header.To, session, envelope.Message, BodyWords.Write(words)).Frame.ToArray()];
                    };
                    var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, text));
                    Assert.True(answer.Ok || answer.Code != FailureCodes.Internal, $"{change}: {answer.Code}: {answer.Message}");
                }
            }

            network.Bend = envelope => [envelope.Frame.ToArray()];
            Assert.Equal(honest.Result!.Lines(), (await network.P1.CommandAsync(session, new SubmitQuery(session, text))).Result!.Lines());
        }
    }

    /// <summary>Labels under the right key that do not fit the question: a peer that lies about its groups.</summary>
    [Theory]
    [InlineData("{\"groups\":[[\"N\"],[\"N\"]],\"levels\":[]}")]
    [InlineData("{\"groups\":[[\"N\",\"X\"]],\"levels\":[]}")]
    [InlineData("{\"groups\":[],\"levels\":[]}")]
    [InlineData("{\"groups\":[[\"N\"]],\"levels\":[[\"a\"]]}")]
    [InlineData("{\"groups\":null,\"levels\":null}")]
    [InlineData("{\"groups\":[null],\"levels\":[]}")]
    [InlineData("{}")]
    [InlineData("[1]")]
    public async Task Labels_OfAHostilePeer_AreRefusedAndTheSessionGoesOn(string labels)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            var transcript = network.P1.Session()!.Transcript;
            network.Bend = envelope =>
            {
                if (envelope.Message is not AcceptQuery acceptance)
                {
                    return [envelope.Frame.ToArray()];
                }

                using var shared = network.P2.Home.SharedKeyWith(network.P1.Home.Card);
                using var key = shared.Derive(transcript, [.. DomainTags.QuerySeal,
                    .. SHA256.HashData(Encoding.UTF8.GetBytes($"{acceptance.QueryId}\n{nameof(AcceptQuery)}\nP2"))], DeterministicAead.KeySizeBytes);
                using var aead = new DeterministicAead(key);
                return [Envelope.Create(network.P2.Home, "P1", session, acceptance, aead.Encrypt(Encoding.UTF8.GetBytes(labels))).Frame.ToArray()];
            };
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, "count by REGION"));
            Assert.False(answer.Ok);
            Assert.True(answer.Code is FailureCodes.BadContribution or FailureCodes.Malformed, $"{answer.Code}: {answer.Message}");
            network.Bend = envelope => [envelope.Frame.ToArray()];
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, "count by REGION"))).Ok, "the session goes on");
        }
    }

    [Fact]
    public async Task Counter_OfTheAskingParty_CannotBeUsedUpByTheOther()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            // P2 announces a product of P1's under a counter far ahead; the linker takes only P1's own word for P1's counter.
            var id = new string('c', 32);
            network.Inject(network.Linker,
                Envelope.Create(network.P2.Home, "LINKER", session, new OpenProduct(session, id, "P1", 1L << 39, 5, 1, 1, 65536)).Frame.ToArray());

            // And a refusal with a counter out of reach raises nothing at P1.
            network.Bend = envelope => envelope.Message is AcceptQuery accepted
                ? [Envelope.Create(network.P2.Home, "P1", session,
                    new RefuseQuery(session, accepted.Transcript, accepted.QueryId, FailureCodes.MaskCounter, 1L << 40), envelope.Body).Frame.ToArray()]
                : [envelope.Frame.ToArray()];
            Assert.False((await network.P1.CommandAsync(session, new SubmitQuery(session, "REGION"))).Ok);
            network.Bend = envelope => [envelope.Frame.ToArray()];
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, "REGION"));
            Assert.True(answer.Ok, answer.Message);
            Assert.Equal(2, network.P1.Session()!.OwnMaskCounter);
        }
    }

    [Fact]
    public async Task MaskedRows_OfQueriesNobodyOpened_AreBounded()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            for (var i = 0; i < 80; i++)
            {
                network.Inject(network.Linker,
                    Envelope.Create(network.P2.Home, "LINKER", session, new MaskedRows(session, new string('d', 32), i, 1), new byte[64]).Frame.ToArray());
            }

            await TestNetwork.EventuallyAsync(() => network.Linker.Refused.Count == 16);
            Assert.All(network.Linker.Refused, reason => Assert.Contains("more than may wait", reason, StringComparison.Ordinal));

            // A withdrawal frees the room.
            network.Inject(network.Linker,
                Envelope.Create(network.P2.Home, "LINKER", session, new WithdrawQuery(session, new string('d', 32), FailureCodes.Cancelled)).Frame.ToArray());
            await TestNetwork.EventuallyAsync(() =>
            {
                using var store = new SqliteParticipantStore(network.Linker.Home.StatePath);
                return store.Read(transaction => transaction.PendingSlots(session, "masked/")).Count == 0;
            });
            Assert.True((await network.P1.CommandAsync(session, new SubmitQuery(session, "REGION"))).Ok);
        }
    }

    [Fact]
    public void FailureCodes_OfQueries_AreTheContracts()
    {
        // Analytics does not reference the contracts: its codes are held to theirs here.
        var contract = typeof(FailureCodes).GetFields().Select(field => (string)field.GetRawConstantValue()!).ToHashSet();
        Assert.All(typeof(Analytics.Queries.QueryException).GetFields()
            .Where(field => field.IsLiteral), field => Assert.Contains((string)field.GetRawConstantValue()!, contract));
    }

    [Fact]
    public async Task Withdrawal_NeverSaysWhy()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            // The answer says that nobody passes the filter; the wire does not.
            Assert.Equal(FailureCodes.NothingSelected,
                (await network.P1.CommandAsync(session, new SubmitQuery(session, "count by REGION where AGE > 100"))).Code);
            Assert.Equal(FailureCodes.Singular, (await network.P1.CommandAsync(session, new SubmitQuery(session, "ols(PAY ~ AGE + TAX)"))).Code);
            Assert.All(network.Wire.Select(envelope => envelope.Message)
                .OfType<WithdrawQuery>(), withdrawal => Assert.Equal(FailureCodes.Cancelled, withdrawal.Code));
        }
    }

    [Fact]
    public async Task Query_OfASessionWithTokens_IsNotAnsweredMasked()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync(People, Firms);
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh"));
        await network.SendRowsAsync(session.Id);
        foreach (var (text, expected) in new[]
        {
            ("mean(TAX)", "cannot compute mean(TAX), because the linker sees encrypted values"),
            ("ols(PAY ~ AGE)", "cannot compute a regression"), ("SEX weight TAX", "cannot compute weighted counts"),
            ("SEX where AGE > 20", "cannot filter by `AGE > 20`"),
        })
        {
            var refused = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, text));
            Assert.Equal(FailureCodes.EngineCannot, refused.Code);
            Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        }

        var answer = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "AGE in 0-39, 40+, REGION where SEX != 'M'"));
        Assert.True(answer.Ok, answer.Message);
        Assert.Equal(["0-39|N|1", "40+|N|2"], answer.Result!.Lines());
        var whole = await network.P2.CommandAsync(session.Id, new SubmitQuery(session.Id, "count where REGION in ('N')"));
        Assert.Equal(["3"], whole.Result!.Lines());
    }
}
