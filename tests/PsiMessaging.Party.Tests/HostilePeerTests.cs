using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>A pinned peer that breaks the rules, and a broker that forges: the session ends under a named reason, never with a wrong result.</summary>
public class HostilePeerTests
{
    /// <summary>Rewrites P2's messages of one kind, signed with P2's own key, and returns how the session ended at P1.</summary>
    private static async Task<PartySession> WithCheatingP2Async<T>(Func<T, byte[], (T Message, byte[] Body)> cheat, StartSession? start = null)
        where T : class
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Bend = envelope =>
        {
            if (envelope.Header.From != "P2" || envelope.Message is not T original)
            {
                return [envelope.Frame.ToArray()];
            }

            var (message, body) = cheat(original, envelope.Body.ToArray());
            return [Envelope.Create(network.P2.Home, envelope.Header.To, envelope.Header.Session, message, body).Frame.ToArray()];
        };
        network.Start();
        var reply = await network.P1.CommandAsync(null, start ?? TestNetwork.Propose());
        Assert.True(reply.Ok, reply.Message);
        var p1 = await network.P1.WaitAsync(session => session.IsEnded);
        Assert.Equal(SessionState.Failed, p1.State);
        await TestNetwork.EventuallyAsync(() => !Directory.Exists(network.P1.Home.SessionPath(p1.Id)));
        return p1;
    }

    [Fact]
    public async Task Acceptance_ShortRsaKey_IsRefused() => Assert.Equal(FailureCodes.WeakKey,
        (await WithCheatingP2Async<AcceptSession>((message, body) =>
            (message with { Rsa = message.Rsa! with { Modulus = message.Rsa.Modulus[..128] } }, body))).FailureCode);

    [Fact]
    public async Task Acceptance_OtherExponent_IsRefused() => Assert.Equal(FailureCodes.WeakKey,
        (await WithCheatingP2Async<AcceptSession>((message, body) => (message with { Rsa = message.Rsa! with { Exponent = [3] } }, body))).FailureCode);

    [Fact]
    public async Task Acceptance_WithoutProofOfItsKey_IsRefused() => Assert.Equal(FailureCodes.WeakKey,
        (await WithCheatingP2Async<AcceptSession>((message, body) =>
            (message with { Rsa = message.Rsa! with { Proof = [.. message.Rsa.Proof.Reverse()] } }, body))).FailureCode);

    [Fact]
    public async Task Acceptance_WithoutAKeyOrWithOneTooMany_IsRefused()
    {
        Assert.Equal(FailureCodes.Malformed, (await WithCheatingP2Async<AcceptSession>((message, body) => (message with { Rsa = null }, body))).FailureCode);
        Assert.Equal(FailureCodes.Malformed, (await WithCheatingP2Async<AcceptSession>(
            (message, body) => (message with { Rsa = new RsaSender(new byte[256], [1, 0, 1], new byte[2048]) }, body),
            TestNetwork.Propose(protocol: "ecdh"))).FailureCode);
    }

    [Fact]
    public async Task Acceptance_ReusableSetThatWasNotAgreed_IsRefused() => Assert.Equal(FailureCodes.ReusableSet,
        (await WithCheatingP2Async<AcceptSession>((message, body) =>
            (message with { Rsa = message.Rsa! with { ReusableSet = new byte[32] } }, body))).FailureCode);

    [Fact]
    public async Task Acceptance_ReusableSetOfAnotherLength_IsRefused() => Assert.Equal(FailureCodes.ReusableSet,
        (await WithCheatingP2Async<AcceptSession>((message, body) =>
            (message with { Rsa = message.Rsa! with { ReusableSet = new byte[20] } }, body))).FailureCode);

    // ---- ecdh ----------------------------------------------------------------------------------------------------------------------------

    public static TheoryData<string> Elements =>
    [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];

    [Theory]
    [MemberData(nameof(Elements))]
    public async Task MaskedElement_IdentityOrUndecodable_IsRefused(string element) => Assert.Equal(FailureCodes.BadBatch,
        (await WithCheatingP2Async<RoundBatch>((message, body) =>
                (message, message.Round == 1 ? [.. body[..64], .. Convert.FromHexString(element), .. body[96..]] : body),
            TestNetwork.Propose(protocol: "ecdh"))).FailureCode);

    [Theory]
    [MemberData(nameof(Batches))]
    public async Task EcdhBatch_ThatDoesNotFit_IsRefused(string fault)
    {
        var p1 = await WithCheatingP2Async<RoundBatch>((message, body) => message.Round != 1 ? (message, body) : fault switch
        {
            "short body" => (message, body[..^1]),
            "long body" => (message, [.. body, 0]),
            "wrong count" => (message with { Count = message.Count - 1 }, body[..^32]),
            "wrong element size" => (message with { ElementSizeBytes = 16, Count = message.Count * 2 }, body),
            "sequence out of range" => (message with { Sequence = 1 }, body),
            "negative sequence" => (message with { Sequence = -1 }, body),
            "wrong number of batches" => (message with { Batches = 2 }, body),
            "other transcript" => (message with { Transcript = new byte[32] }, body),
            "round nobody has" => (message with { Round = 9 }, body),
            _ => (message with { Round = 3 }, body),
        }, TestNetwork.Propose(protocol: "ecdh"));
        Assert.Equal(FailureCodes.BadBatch, p1.FailureCode);
    }

    [Fact]
    public async Task EcdhBatch_BeyondItsCredit_IsRefused() => Assert.Equal(FailureCodes.BadBatch,
        (await WithCheatingP2Async<RoundBatch>((message, body) => (message.Round == 1 ? message with { Sequence = 16 } : message, body),
            TestNetwork.Propose(protocol: "ecdh"))).FailureCode);

    [Fact]
    public async Task EcdhTags_Twice_AreRefused() => Assert.Equal(FailureCodes.BadBatch,
        (await WithCheatingP2Async<RoundBatch>((message, body) => (message, message.Round == 2 ? [.. body[..8], .. body[..8], .. body[16..]] : body),
            TestNetwork.Propose(protocol: "ecdh"))).FailureCode);

    [Fact]
    public async Task EcdhTags_Invented_ShowAsDifferentResults() => Assert.Equal(FailureCodes.ResultMismatch,
        (await WithCheatingP2Async<RoundBatch>((message, body) =>
                (message, message.Round == 2 ? [.. Enumerable.Range(0, body.Length).Select(i => (byte)(i * 37))] : body),
            TestNetwork.Propose(protocol: "ecdh"))).FailureCode);

    [Fact]
    public async Task EcdhSize_OtherThanAnnounced_DoesNotFitTheRounds() => Assert.Equal(FailureCodes.BadBatch,
        (await WithCheatingP2Async<AcceptSession>((message, body) => (message with { SetSize = 11 }, body),
            TestNetwork.Propose(protocol: "ecdh"))).FailureCode);

    [Fact]
    public async Task SizeOnly_CountThatDiffers_FailsAtBoth() => Assert.Equal(FailureCodes.ResultMismatch,
        (await WithCheatingP2Async<CompleteSession>((message, body) => (message with { IntersectionSize = message.IntersectionSize + 1 }, body),
            TestNetwork.Propose(protocol: "ecdh", reveal: "size"))).FailureCode);

    [Fact]
    public async Task OneReceiver_PeerReportsAResult_IsRefused() => Assert.Equal(FailureCodes.ResultMismatch,
        (await WithCheatingP2Async<CompleteSession>((message, body) => (message with { IntersectionSize = 4 }, body),
            TestNetwork.Propose(protocol: "ecdh", reveal: "initiator"))).FailureCode);

    /// <summary>How often a tag stands in a sorted list would name the element that was put in so often: nothing sorted may leave.</summary>
    [Fact]
    public async Task SizeOnly_ElementsRepeated_AreRefusedBeforeAnyTagLeaves()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Bend = envelope => envelope is { Message: RoundBatch { Round: 1 } batch, Header.From: "P2" }
            ? [Envelope.Create(network.P2.Home, "P1", batch.SessionId, batch,
                (byte[])[.. envelope.Body.Span[..64], .. envelope.Body.Span[32..64], .. envelope.Body.Span[96..]]).Frame.ToArray()]
            : [envelope.Frame.ToArray()];
        network.Start();
        await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh", reveal: "size"));
        Assert.Equal(FailureCodes.BadBatch, (await network.P1.WaitAsync(session => session.IsEnded)).FailureCode);
        Assert.DoesNotContain(network.Wire, envelope => envelope is { Message: RoundBatch { Round: 3 }, Header.From: "P1" });
    }

    [Fact]
    public async Task OneSidedSession_WithoutTheRespondersConsent_IsRefused()
    {
        await using var network = new TestNetwork(configure: config => config with { AcceptOneSided = false });
        await network.AddDataAsync();
        network.Start();
        var (p1, p2) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", reveal: "initiator"));
        Assert.Equal((FailureCodes.Unsupported, FailureCodes.Unsupported), (p1.FailureCode, p2.FailureCode));
        Assert.Contains("acceptOneSided", p1.FailureReason, StringComparison.Ordinal);
        Assert.DoesNotContain(network.Wire, envelope => envelope.Message is RoundBatch);
        var (again, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", reveal: "responder"));
        Assert.Null(again.FailureReason);
    }

    [Fact]
    public async Task BatchLongerThanAnyProtocolHas_IsNotStored()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Bend = envelope => envelope is { Message: RoundBatch batch, Header.From: "P2" }
            ? [Envelope.CreateUnbounded(network.P2.Home, "P1", batch.SessionId, batch, new byte[(1 << 20) + 1]).Frame.ToArray()]
            : [envelope.Frame.ToArray()];
        network.Start();
        await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh"));
        await TestNetwork.EventuallyAsync(() => network.P1.Refused.Any(reason => reason.Contains("larger than its type may be", StringComparison.Ordinal)));
        await network.P1.WaitAsync(session => session.State == SessionState.Running);
        Assert.Equal(0, network.P1.Engine!.Store.Read(transaction => transaction.Waiting("P2").Bytes + transaction.Waiting("P2/rounds").Bytes));
    }

    [Fact]
    public async Task AbortRightAfterTheResult_LeavesNoIdentifiersBehind()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Bend = envelope => envelope is { Message: CompleteSession completion, Header.From: "P2" }
            ? [envelope.Frame.ToArray(),
                Envelope.Create(network.P2.Home, "P1", completion.SessionId, new AbortSession(completion.SessionId, FailureCodes.Cancelled, "after all")).Frame
                    .ToArray()]
            : [envelope.Frame.ToArray()];
        network.Start();
        await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh"));
        var p1 = await network.P1.WaitAsync(session => session.State == SessionState.Failed);
        await TestNetwork.EventuallyAsync(() => !Directory.Exists(network.P1.Home.SessionPath(p1.Id))
            || Directory.GetFiles(network.P1.Home.SessionPath(p1.Id))
                .All(path => Path.GetFileName(path) is "intersection.csv" or "intersection-own.csv" or "matched.bin"));
    }

    [Fact]
    public async Task Credit_ForNoRound_IsRefused()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Bend = envelope => envelope is { Message: RoundBatch batch, Header.From: "P2" }
            ? [Envelope.Create(network.P2.Home, "P1", batch.SessionId, new GrantCredit(batch.SessionId, batch.Transcript, 1, 17)).Frame.ToArray(),
                envelope.Frame.ToArray()]
            : [envelope.Frame.ToArray()];
        network.Start();
        await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh"));
        Assert.Equal(FailureCodes.BadBatch, (await network.P1.WaitAsync(session => session.IsEnded)).FailureCode);
    }

    [Fact]
    public async Task Result_EchoedByAPeer_IsNoAgreement()
    {
        // P2 reports exactly what P1 reported.
        CompleteSession? reported = null;
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Bend = envelope =>
        {
            switch (envelope.Message)
            {
                case CompleteSession completion when envelope.Header.From == "P1":
                    reported = completion;
                    return [envelope.Frame.ToArray()];
                case CompleteSession completion:
                    return [Envelope.Create(network.P2.Home, "P1", completion.SessionId, reported ?? completion with { IntersectionHash = new byte[32] }).Frame
                        .ToArray()];
                default:
                    return [envelope.Frame.ToArray()];
            }
        };
        network.Start();
        await network.P1.CommandAsync(null, TestNetwork.Propose());
        Assert.Equal(FailureCodes.ResultMismatch, (await network.P1.WaitAsync(session => session.IsEnded)).FailureCode);
    }

    [Fact]
    public async Task Abort_ThatOvertakesItsProposal_EndsTheSession()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.P2.Start();
        var id = new string('e', 32);
        network.Inject(network.P2, Envelope.Create(network.P1.Home, "P2", id, new AbortSession(id, FailureCodes.Cancelled, "never mind")).Frame.ToArray());
        Assert.Equal(FailureCodes.Cancelled, (await network.P2.WaitAsync(session => session.IsEnded)).FailureCode);
    }

    [Fact]
    public async Task Acceptance_OfAnotherProposal_IsRefused() => Assert.Equal(FailureCodes.Malformed,
        (await WithCheatingP2Async<AcceptSession>((message, body) => (message with { ProposalHash = new byte[32] }, body))).FailureCode);

    [Fact]
    public async Task Acceptance_LooserMinimumCell_IsRefused() => Assert.Equal(FailureCodes.Malformed,
        (await WithCheatingP2Async<AcceptSession>((message, body) => (message with { MinCell = 0 }, body))).FailureCode);

    [Fact]
    public async Task Acceptance_OtherSize_DoesNotFitTheRounds() => Assert.Equal(FailureCodes.BadBatch,
        (await WithCheatingP2Async<AcceptSession>((message, body) => (message with { SetSize = 11 }, body))).FailureCode);

    public static TheoryData<string> Batches =>
        ["short body", "long body", "wrong count", "wrong element size", "sequence out of range", "negative sequence",
            "wrong number of batches", "other transcript", "round nobody has", "round of the other side"];

    [Theory]
    [MemberData(nameof(Batches))]
    public async Task RoundBatch_ThatDoesNotFit_IsRefused(string fault)
    {
        var p1 = await WithCheatingP2Async<RoundBatch>((message, body) => message.Round != 1 ? (message, body) : fault switch
        {
            "short body" => (message, body[..^1]),
            "long body" => (message, [.. body, 0]),
            "wrong count" => (message with { Count = message.Count - 1 }, body[..^256]),
            "wrong element size" => (message with { ElementSizeBytes = 128, Count = message.Count * 2 }, body),
            "sequence out of range" => (message with { Sequence = 1 }, body),
            "negative sequence" => (message with { Sequence = -1 }, body),
            "wrong number of batches" => (message with { Batches = 2 }, body),
            "other transcript" => (message with { Transcript = new byte[32] }, body),
            "round nobody has" => (message with { Round = 9 }, body),
            _ => (message with { Round = 77 }, body),
        });
        Assert.Equal(FailureCodes.BadBatch, p1.FailureCode);
    }

    [Fact]
    public async Task BlindedValue_Zero_IsRefused() => Assert.Equal(FailureCodes.BadBatch,
        (await WithCheatingP2Async<RoundBatch>((message, body) => (message, message.Round == 1 ? [.. new byte[256], .. body[256..]] : body))).FailureCode);

    [Fact]
    public async Task BlindedValue_NotBelowTheModulus_IsRefused() => Assert.Equal(FailureCodes.BadBatch,
        (await WithCheatingP2Async<RoundBatch>((message, body) =>
            (message, message.Round == 1 ? [.. Enumerable.Repeat((byte)0xff, 256), .. body[256..]] : body))).FailureCode);

    [Fact]
    public async Task Signature_ThatDoesNotVerify_IsRefused() => Assert.Equal(FailureCodes.BadSignature,
        (await WithCheatingP2Async<RoundBatch>((message, body) =>
        {
            if (message.Round == 2)
            {
                body[300] ^= 1;
            }

            return (message, body);
        })).FailureCode);

    [Fact]
    public async Task Result_ThatDiffers_FailsAtBoth() => Assert.Equal(FailureCodes.ResultMismatch,
        (await WithCheatingP2Async<CompleteSession>((message, body) => (message with { IntersectionSize = message.IntersectionSize + 1 }, body))).FailureCode);

    [Fact]
    public async Task Tags_ThatClaimMore_ShowAsDifferentResults() => Assert.Equal(FailureCodes.ResultMismatch,
        (await WithCheatingP2Async<RoundBatch>((message, body) =>
        {
            // P2 withholds its own tags: it would learn the intersection and P1 would not.
            if (message.Round == 3)
            {
                Array.ForEach(Enumerable.Range(0, body.Length).ToArray(), i => body[i] = (byte)(i * 37));
            }

            return (message, body);
        })).FailureCode);

    [Fact]
    public async Task ForgedFrames_AreRefusedAndChangeNothing()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (p1, _) = await network.IntersectAsync();
        using var folder = new TempFolder();
        using var stranger = Participants.Identities.ParticipantHome.Create(Path.Combine(folder.Path, "P2"),
            new Participants.Identities.ParticipantConfig { Name = "P2", Role = Participants.Identities.ParticipantRole.Party });
        stranger.Pin(network.P1.Home.Card, replace: false);

        network.Inject(network.P1, Envelope.Create(stranger, "P1", p1.Id, new AbortSession(p1.Id, FailureCodes.Cancelled, "forged")).Frame.ToArray());
        network.Inject(network.P1, Envelope.Create(network.P2.Home, "LINKER", p1.Id, new AbortSession(p1.Id, FailureCodes.Cancelled, "misdirected")).Frame
            .ToArray());
        network.Inject(network.P1, Envelope.Create(network.P2.Home, "P1", p1.Id, new SendDataset(p1.Id)).Frame.ToArray());
        network.Inject(network.P1, Envelope.Create(network.Linker.Home, "P1", p1.Id, new CompleteSession(p1.Id, new byte[32], 0, new byte[32])).Frame
            .ToArray());
        network.Inject(network.P1, Envelope.Create(network.P2.Home, "P1", p1.Id, new DatasetRegistered(p1.Id, "P2", 4)).Frame.ToArray());
        var frame = Envelope.Create(network.P2.Home, "P1", p1.Id, new AbortSession(p1.Id, FailureCodes.Cancelled, "x")).Frame.ToArray();
        frame[40] ^= 1;
        network.Inject(network.P1, frame);
        network.Inject(network.P1, "not a frame"u8.ToArray());

        // A command answered afterwards shows that all of them were dealt with.
        await network.P1.CommandAsync(p1.Id, new SendDataset(p1.Id));
        Assert.Equal(7, network.P1.Refused.Count);
        Assert.Equal(SessionState.Completed, network.P1.Session()!.State);
    }
}
