using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Participants.Tests.Sealing;

/// <summary>Sealed frames between two participants, and what becomes of them in other hands.</summary>
public sealed class FrameSealingTests : IDisposable
{
    private static readonly string Session = new('a', 32);
    private static readonly string OtherSession = new('b', 32);
    private readonly TempFolder _folder = new();
    private readonly Side _p1;
    private readonly Side _p2;
    private readonly Side _p3;

    public FrameSealingTests()
    {
        Side[] all = [_p1 = new Side(_folder, "P1"), _p2 = new Side(_folder, "P2"), _p3 = new Side(_folder, "P3")];
        foreach (var (side, other) in all.SelectMany(side => all.Where(other => other != side).Select(other => (side, other))))
        {
            side.Home.Pin(other.Home.Card, replace: false);
        }
    }

    public void Dispose()
    {
        _p1.Dispose();
        _p2.Dispose();
        _p3.Dispose();
        _folder.Dispose();
    }

    private static AbortSession Abort(string session) => new(session, FailureCodes.Cancelled, "x");

    private static GrantCredit Credit(string session) => new(session, new byte[32], 1, 8);

    /// <summary>Both have begun the session, and each has the other's key.</summary>
    private void Open(string session)
    {
        foreach (var (from, to) in new[] { (_p1, _p2), (_p2, _p1) })
        {
            from.Begin(session, to);
            var opened = to.Sealing.Open(from.Seal(to, session, Abort(session))!);
            to.Learn(session, from, opened);
        }
    }

    [Fact]
    public void FirstMessage_GoesToTheCard_AndBringsTheKeyOfTheSession_AllOthersGoToThat()
    {
        _p1.Begin(Session, _p2);
        var first = _p2.Sealing.Open(_p1.Seal(_p2, Session, Abort(Session))!);
        Assert.Equal((SealedTo.Card, true), (first.To, first.Opening!.IsSignedBy(_p1.Home.Card, _p2.Home.Card, Session)));
        Assert.Equal(Abort(Session), Envelope.Parse(first.Frame).Message);
        Assert.Null(_p1.Seal(_p2, Session, Credit(Session)));

        Assert.Equal(Learnt.New, _p2.Learn(Session, _p1, first));
        var answer = _p1.Sealing.Open(_p2.Seal(_p1, Session, Credit(Session))!);
        Assert.Equal((new SealedTo(Session, "P2"), true), (answer.To, answer.Opening is not null));
        Assert.Equal(Learnt.New, _p1.Learn(Session, _p2, answer));

        // Who has been answered has been heard: no key is sent twice for nothing.
        var third = _p2.Sealing.Open(_p1.Seal(_p2, Session, Credit(Session))!);
        Assert.Equal((new SealedTo(Session, "P1"), null), (third.To, third.Opening));
    }

    [Fact]
    public void OpeningAlone_BringsTheKeyAndNothingElse()
    {
        _p1.Begin(Session, _p2);
        _p2.Begin(Session, _p1);
        Assert.Null(_p2.Sealing.Seal(new OutgoingMessage(1, "", Session, _p1.Home.Inbox, FrameSealing.OpeningFor("P1"), false)));
        _p2.Learn(Session, _p1, _p2.Sealing.Open(_p1.Seal(_p2, Session, Abort(Session))!));
        var alone = _p1.Sealing.Open(_p2.Sealing.Seal(new OutgoingMessage(1, "", Session, _p1.Home.Inbox, FrameSealing.OpeningFor("P1"), false))!);
        Assert.True(alone is { Frame.IsEmpty: true, To: { Session: not null, Peer: "P2" } });
        Assert.Equal(Learnt.New, _p1.Learn(Session, _p2, alone));
    }

    /// <summary>A partner renews its card while sessions run: the keys are the same, and so is all that was and will be sealed to them.</summary>
    [Fact]
    public void Renewed_WhatIsOnItsWayOpens_AndWhoHasTheOldCardGoesOnSealing()
    {
        Open(Session);
        var before = _p1.Seal(_p2, Session, Credit(Session))!;
        HomeKeys.Renew(_p2.Home, _p2.Home.Card.Expires.AddDays(100), null);
        using var renewed = ParticipantHome.Open(_p2.Home.Path);
        using var sealing = new FrameSealing(renewed, _p2.Store);
        foreach (var frame in new[] { before, _p1.Seal(_p2, Session, Credit(Session))!, FrameSealing.SealToCard(_p2.Home.Card, [1, 2, 3]) })
        {
            Assert.NotEqual(0, sealing.Open(frame).Frame.Length);
        }
    }

    [Fact]
    public void AnyByteAltered_OrTheEndCutOff_DoesNotOpen()
    {
        Open(Session);
        foreach (var frame in new[] { _p1.Seal(_p2, Session, Credit(Session))!, FrameSealing.SealToCard(_p2.Home.Card, [1, 2, 3]) })
        {
            for (var position = 0; position < frame.Length; position += position < 64 || position > frame.Length - 40 ? 1 : 37)
            {
                var altered = frame.ToArray();
                altered[position] ^= 0x40;
                Assert.Throws<RejectedEnvelopeException>(() => _p2.Sealing.Open(altered));
            }

            foreach (var length in new[] { 0, 3, 4, 20, 1140, 1148, frame.Length - 1 })
            {
                Assert.Throws<RejectedEnvelopeException>(() => _p2.Sealing.Open(frame[..length]));
            }

            Assert.Throws<RejectedEnvelopeException>(() => _p2.Sealing.Open((byte[])[.. frame, 0]));
            _p2.Sealing.Open(frame);
        }
    }

    [Fact]
    public void Reflected_OrHandedToAThird_DoesNotOpen()
    {
        Open(Session);
        foreach (var frame in new[] { _p1.Seal(_p2, Session, Credit(Session))!, FrameSealing.SealToCard(_p2.Home.Card, [1]) })
        {
            Assert.Throws<RejectedEnvelopeException>(() => _p1.Sealing.Open(frame));
            Assert.Throws<RejectedEnvelopeException>(() => _p3.Sealing.Open(frame));
        }
    }

    [Fact]
    public void Unsealed_AsVersion1SentIt_IsRefusedByName()
    {
        var frame = Envelope.Create(_p1.Home, "P2", Session, Abort(Session)).Frame.ToArray();
        Assert.Contains("not sealed", Assert.Throws<RejectedEnvelopeException>(() => _p2.Sealing.Open((byte[])[.. frame, .. new byte[6000]])).Message,
            StringComparison.Ordinal);
        Assert.Contains("not a PsiMessaging frame", Assert.Throws<RejectedEnvelopeException>(() => _p2.Sealing.Open((byte[])[.. "PSI3"u8, .. new byte[6000]]))
            .Message, StringComparison.Ordinal);
    }

    /// <summary>A key that was made for one session, sender and receiver serves in no other.</summary>
    [Fact]
    public void Opening_OfAnotherSessionOrReceiver_OrAltered_IsNotSigned()
    {
        _p1.Begin(Session, _p2);
        var opening = _p2.Sealing.Open(_p1.Seal(_p2, Session, Abort(Session))!).Opening!;
        Assert.True(opening.IsSignedBy(_p1.Home.Card, _p2.Home.Card, Session));
        Assert.False(opening.IsSignedBy(_p1.Home.Card, _p2.Home.Card, OtherSession));
        Assert.False(opening.IsSignedBy(_p1.Home.Card, _p3.Home.Card, Session));
        Assert.False(opening.IsSignedBy(_p3.Home.Card, _p2.Home.Card, Session));
        opening.Key[100] ^= 1;
        Assert.False(opening.IsSignedBy(_p1.Home.Card, _p2.Home.Card, Session));
    }

    [Fact]
    public void Learn_AnotherKeyForTheSameSession_IsNotTaken()
    {
        Open(Session);
        using var seed = Cryptography.Symmetric.SecretBytes.Random(32);
        using var other = new HybridKey(seed);
        var opening = ChannelOpening.Create(_p1.Home, _p2.Home.Card, Session, other.PublicKey);
        Assert.Equal(Learnt.Other, _p2.Learn(Session, _p1, new OpenedFrame(default, SealedTo.Card, opening)));
        Assert.Equal(Learnt.Known, _p2.Learn(Session, _p1, _p2.Sealing.Open(_p1.SealAgain(_p2, Session, Abort(Session)))));
    }

    /// <summary>
    /// Forward secrecy: whoever has recorded all of a session, and takes both homes once it is over, opens what was sealed to a card and nothing else.
    /// </summary>
    [Fact]
    public void Close_WhatWasRecorded_OpensNoMore_EvenWithBothHomes()
    {
        Open(Session);
        Open(OtherSession);
        var toP2 = _p1.Seal(_p2, Session, Credit(Session))!;
        var toP1 = _p2.Seal(_p1, Session, Credit(Session))!;
        var other = _p1.Seal(_p2, OtherSession, Credit(OtherSession))!;
        foreach (var side in new[] { _p1, _p2 })
        {
            side.Store.Write(state => Channels.Close(state, Session));
        }

        using var thief1 = new FrameSealing(_p1.Home, _p1.Store);
        using var thief2 = new FrameSealing(_p2.Home, _p2.Store);
        foreach (var sealing in new[] { thief1, thief2, _p1.Sealing, _p2.Sealing })
        {
            Assert.Throws<RejectedEnvelopeException>(() => sealing.Open(toP1));
            Assert.Throws<RejectedEnvelopeException>(() => sealing.Open(toP2));
        }

        thief2.Open(other);
        Assert.All(new[] { _p1, _p2 }, side => Assert.DoesNotContain(side.Store.Read(state => state.ListDocuments("channel", Session)),
            document => document.Document.Contains("\"seed\"", StringComparison.Ordinal)));

        // What is still to be said can be said: the others' keys are no secrets.
        Assert.NotNull(_p1.Seal(_p2, Session, Abort(Session)));
    }

    /// <summary>Frames of a session come in many hands while it ends: each opens, or is refused by name.</summary>
    [Fact]
    public void Close_WhileManyHandsOpen_EachFrameOpensOrIsRefused()
    {
        Open(Session);
        var frames = Enumerable.Range(0, 400).Select(_ => _p1.Seal(_p2, Session, Credit(Session))!).ToArray();
        var (opened, refused) = (0, 0);
        Parallel.For(0, frames.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            if (i == 100)
            {
                _p2.Store.Write(state => Channels.Close(state, Session));
            }

            try
            {
                _p2.Sealing.Open(frames[i]);
                Interlocked.Increment(ref opened);
            }
            catch (RejectedEnvelopeException)
            {
                Interlocked.Increment(ref refused);
            }
        });
        Assert.Equal(400, opened + refused);
        Assert.True(refused > 0);

        // None of those hands has taken the key up again for good: its card's is left, by which the session was opened.
        _p2.Sealing.Forget(Session);
        Assert.Equal((1, 0), _p2.Sealing.Held);
    }

    [Fact]
    public void Forget_WhenASessionIsOver_WipesItsKeysAndNoOthers()
    {
        Open(Session);
        Open(OtherSession);
        foreach (var session in new[] { Session, OtherSession })
        {
            _p2.Sealing.Open(_p1.Seal(_p2, session, Credit(session))!);
            _p1.Sealing.Open(_p2.Seal(_p1, session, Credit(session))!);
        }

        Assert.Equal((3, 2), _p2.Sealing.Held);
        _p2.Store.Write(state => Channels.Close(state, Session));
        _p2.Sealing.Forget(Session);
        Assert.Equal((2, 1), _p2.Sealing.Held);

        // What was still on its way leaves, and what it needed is not kept.
        Assert.NotNull(_p2.Seal(_p1, Session, Credit(Session)));
        Assert.Equal((2, 1), _p2.Sealing.Held);
        _p2.Sealing.Open(_p1.Seal(_p2, OtherSession, Credit(OtherSession))!);
    }

    /// <summary>More sessions at once than keys are held: what is put away is made again, and every frame opens.</summary>
    [Fact]
    public void ManySessionsAtOnce_KeysArePutAwayUnderTheHandsThatUseThem_NothingIsLost()
    {
        var sessions = Enumerable.Range(0, FrameSealing.MostKeys + 40).Select(i => i.ToString("x32", System.Globalization.CultureInfo.InvariantCulture));
        Parallel.ForEach(sessions.ToArray(), new ParallelOptions { MaxDegreeOfParallelism = 8 }, session =>
        {
            Open(session);
            for (var i = 0; i < 3; i++)
            {
                var opened = Envelope.Parse(_p2.Sealing.Open(_p1.Seal(_p2, session, Abort(session))!).Frame);
                Assert.Equal(Abort(session), opened.Message);
            }
        });
    }

    /// <summary>A closed session is not opened again by a late or replayed key.</summary>
    [Fact]
    public void Close_ThenAnOpening_MakesNoNewKey()
    {
        Open(Session);
        var late = _p2.Sealing.Open(_p1.SealAgain(_p2, Session, Abort(Session)));
        _p2.Store.Write(state => Channels.Close(state, Session));
        Assert.Equal(Learnt.Known, _p2.Learn(Session, _p1, late));
        Assert.Null(_p2.Store.Read(state => Channels.Find(state, Session, "P1"))!.Seed);
    }

    [Fact]
    public void Close_DropsWhatWaitsForAKey_AndLearnLetsItLeave()
    {
        _p1.Begin(Session, _p2);
        _p1.Begin(OtherSession, _p2);
        var inbox = _p2.Home.Inbox;
        _p1.Store.Write(state =>
        {
            state.Enqueue("1", Session, inbox, new byte[] { 1 }, bestEffort: false, held: true);
            state.Enqueue("2", OtherSession, inbox, new byte[] { 2 }, bestEffort: false, held: true);
        });
        Assert.Empty(_p1.Store.Read(state => state.OutgoingQueues()));
        Assert.Empty(_p1.Store.Read(state => state.Outgoing(inbox, 10)));
        _p1.Store.Write(state => Channels.Close(state, OtherSession));
        Assert.Equal((1, 0), _p1.Store.Read(state => (state.CountOutgoing(Session), state.CountOutgoing(OtherSession))));

        _p2.Begin(Session, _p1);
        _p1.Learn(Session, _p2, new OpenedFrame(default, SealedTo.Card, _p2.OpeningOf(Session, _p1)));
        Assert.Equal(["1"], _p1.Store.Read(state => state.Outgoing(inbox, 10)).Select(message => message.MessageId));
    }

    /// <summary>A sender that starts again makes a new row; the receiver reads both, in any order.</summary>
    [Fact]
    public void SenderStartsAgain_BothRowsOpen_InAnyOrder()
    {
        Open(Session);
        var before = Enumerable.Range(0, 3).Select(_ => _p1.Seal(_p2, Session, Credit(Session))!).ToArray();
        using var again = new FrameSealing(_p1.Home, _p1.Store);
        var after = _p1.Seal(_p2, Session, Credit(Session), again)!;
        foreach (var frame in before.Reverse().Append(after).Concat(before))
        {
            Assert.IsType<GrantCredit>(Envelope.Parse(_p2.Sealing.Open(frame).Frame).Message);
        }

        Assert.NotEqual(before[0][20..1140], after[20..1140]);
    }

    /// <summary>Under one key no place in the row is taken twice, however many threads seal.</summary>
    [Fact]
    public void Seal_ByManyThreads_TakesNoPlaceTwice()
    {
        Open(Session);
        var places = new System.Collections.Concurrent.ConcurrentBag<string>();
        Parallel.For(0, 200, _ => places.Add(Convert.ToHexString(_p1.Seal(_p2, Session, Credit(Session)).AsSpan(20, 1128))));
        Assert.Equal(200, places.Distinct().Count());
        Assert.Single(places.Select(place => place[..^16]).Distinct());
    }

    [Theory]
    [InlineData(1, 4096)]
    [InlineData(4096, 4096)]
    [InlineData(4097, 4352)]
    [InlineData(1_000_000, 1_015_808)]
    [InlineData(1 << 20, 1 << 20)]
    public void PaddedLength_IsAStep(int length, int padded) => Assert.Equal(padded, SealedEnvelope.PaddedLength(length));

    [Fact]
    public void PaddedLength_IsNeverMoreThanATenthLonger_AndHasFewValues()
    {
        var lengths = Enumerable.Range(0, 4000).Select(i => 4096 + (i * 4001)).ToArray();
        Assert.All(lengths, length => Assert.InRange(SealedEnvelope.PaddedLength(length), length, (int)(length * 1.1)));
        Assert.InRange(lengths.Select(SealedEnvelope.PaddedLength).Distinct().Count(), 1, 260);
        Assert.InRange(SealedEnvelope.MaximumBytes, Envelope.MaximumFrameBytes, (16 << 20) - 1);
    }

    /// <summary>One content has one form: padding that says something is refused even where its sender has sealed it.</summary>
    [Fact]
    public void Split_PaddingThatIsNotZeros_OrTooMuchOfIt_IsRefused()
    {
        var plain = new byte[4096];
        (plain[0], plain[4]) = (2, 3);
        Assert.Equal(3, SealedEnvelope.Split(plain).Frame.Length);
        plain[^1] = 1;
        Assert.Throws<RejectedEnvelopeException>(() => SealedEnvelope.Split(plain));
        Assert.Throws<RejectedEnvelopeException>(() => SealedEnvelope.Split((byte[])[.. plain[..^1], .. new byte[257]]));
        Assert.Throws<RejectedEnvelopeException>(() => SealedEnvelope.Split(new byte[4096]));
        foreach (var length in new byte[][] { [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0], [0, 1, 0, 0], [0x7f, 0xff, 0xff, 0xff] })
        {
            Assert.Throws<RejectedEnvelopeException>(() => SealedEnvelope.Split((byte[])[2, .. length, .. new byte[4091]]));
        }
    }

    /// <summary>Keys that nobody made are refused before anything is done with them.</summary>
    [Fact]
    public void Seal_ToAKeyThatIsNone_SealsNothing()
    {
        _p1.Begin(Session, _p2);
        var none = new byte[HybridKey.PublicKeySizeBytes];
        Array.Fill(none, (byte)0xff);
        _p1.Store.Write(state => Channels.Learn(state, _p1.Home, Session, "P2", none));
        Assert.Null(_p1.Seal(_p2, Session, Credit(Session)));
    }

    private sealed class Side : IDisposable
    {
        private readonly FrameSealing _again;

        public Side(TempFolder folder, string name)
        {
            Home = ParticipantHome.Create(Path.Combine(folder.Path, name), new ParticipantConfig { Name = name, Role = ParticipantRole.Party });
            Store = new SqliteParticipantStore(Home.StatePath);
            Sealing = new FrameSealing(Home, Store);
            _again = new FrameSealing(Home, Store);
        }

        public ParticipantHome Home { get; }

        public SqliteParticipantStore Store { get; }

        public FrameSealing Sealing { get; }

        public void Begin(string session, Side with) => Store.Write(state => Channels.Ensure(state, session, with.Home.Name));

        public Learnt Learn(string session, Side from, OpenedFrame opened) =>
            Store.Write(state => Channels.Learn(state, Home, session, from.Home.Name, opened.Opening!.Key));

        public byte[]? Seal(Side to, string session, object message, FrameSealing? sealing = null) =>
            (sealing ?? Sealing).Seal(new OutgoingMessage(1, ParticipantNames.NewId(), session, to.Home.Inbox,
                Envelope.Create(Home, to.Home.Name, session, message).Frame.ToArray(), false));

        /// <summary>As a process that has just started would, which does not know that the other has its key.</summary>
        public byte[] SealAgain(Side to, string session, object message) => Seal(to, session, message, _again)!;

        public ChannelOpening OpeningOf(string session, Side to)
        {
            using var seed = Cryptography.Symmetric.SecretBytes.CopyOf(Store.Read(state => Channels.Find(state, session, to.Home.Name))!.Seed);
            using var key = new HybridKey(seed);
            return ChannelOpening.Create(Home, to.Home.Card, session, key.PublicKey);
        }

        public void Dispose()
        {
            _again.Dispose();
            Sealing.Dispose();
            Store.Dispose();
            Home.Dispose();
        }
    }
}
