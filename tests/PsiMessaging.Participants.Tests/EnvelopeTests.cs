using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Testing;

namespace PsiMessaging.Participants.Tests;

/// <summary>Frames as we make them, and as a broker could bend them.</summary>
public sealed class EnvelopeTests : IDisposable
{
    private const string Session = "0123456789abcdef0123456789abcdef";
    private readonly TempFolder _folder = new();
    private readonly ParticipantHome _home;

    private readonly ParticipantHome _receiver;

    public EnvelopeTests()
    {
        _home = Create("p1", "P1");
        _receiver = Create("p2", "P2");
        _home.Pin(_receiver.Card, replace: false);
    }

    private ParticipantHome Create(string folder, string name) =>
        ParticipantHome.Create(Path.Combine(_folder.Path, folder), new ParticipantConfig { Name = name, Role = ParticipantRole.Party });

    private Envelope Make(byte[]? body = null) => Envelope.Create(_home, "P2", Session, new DatasetBatch(Session, 3, 4, true), body ?? [1, 2, 3, 4, 5]);

    [Fact]
    public void Parse_OwnFrame_GivesEverythingBack()
    {
        var back = Envelope.Parse(Make().Frame);
        Assert.Equal(("P1", "P2", Session), (back.Header.From, back.Header.To, back.Header.Session));
        Assert.Equal(new DatasetBatch(Session, 3, 4, true), back.Message);
        Assert.Equal([1, 2, 3, 4, 5], back.Body.ToArray());
        Assert.True(back.IsSignedBy(_home.Card, _receiver.Card));
    }

    [Fact]
    public void Create_Twice_GivesTheSameBytes() => Assert.Equal(Make().Frame.ToArray(), Make().Frame.ToArray());

    [Fact]
    public void Parse_AnyByteFlipped_IsRefusedOrNotSigned()
    {
        var frame = Make().Frame.ToArray();
        for (var position = 0; position < frame.Length; position++)
        {
            foreach (var bit in new byte[] { 1, 0x20, 0x80 })
            {
                var altered = frame.ToArray();
                altered[position] ^= bit;
                bool trusted;
                try
                {
                    trusted = Envelope.Parse(altered).IsSignedBy(_home.Card, _receiver.Card);
                }
                catch (RejectedEnvelopeException)
                {
                    trusted = false;
                }

                Assert.False(trusted, $"byte {position}");
            }
        }
    }

    [Fact]
    public void Parse_CutOffAnywhereOrLengthened_IsRefused()
    {
        var frame = Make().Frame.ToArray();
        for (var length = 0; length < frame.Length; length++)
        {
            Assert.Throws<RejectedEnvelopeException>(() => Envelope.Parse(frame[..length]));
        }

        Assert.Throws<RejectedEnvelopeException>(() => Envelope.Parse((byte[])[.. frame, 0]));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"type\":\"psi.v1.DatasetBatch\"}")]
    [InlineData("{\"type\":\"psi.v9.Nothing\",\"from\":\"P1\",\"to\":\"P2\",\"card\":\"x\",\"bodySize\":0,\"bodyHash\":\"47DEQpj8HBSa+/"
        + "TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\",\"message\":{}}")]
    [InlineData("{\"type\":\"psi.v1.CancelSession\",\"from\":\"P1\",\"to\":\"P2\",\"card\":\"x\",\"bodySize\":0,\"bodyHash\":\"47DEQpj8HBSa+/"
        + "TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\",\"message\":{}}")]
    [InlineData("{\"type\":\"psi.v1.CancelSession\",\"session\":\"../../etc\",\"from\":\"P1\",\"to\":\"P2\",\"card\":\"x\",\"bodySize\":0,"
        + "\"bodyHash\":\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\",\"message\":{\"sessionId\":\"x\"}}")]
    [InlineData("{\"type\":\"psi.v1.CancelSession\",\"from\":\"../P1\",\"to\":\"P2\",\"card\":\"x\",\"bodySize\":0,\"bodyHash\":\"47DEQpj8HBSa+/"
        + "TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\",\"message\":{\"sessionId\":\"x\"}}")]
    public void Parse_HeaderThatIsNone_IsRefused(string header)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(header);
        byte[] frame = [.. "PSI1"u8, 0, 0, 0, 0, (byte)bytes.Length, .. bytes, .. new byte[64]];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), bytes.Length);
        Assert.Throws<RejectedEnvelopeException>(() => Envelope.Parse(frame));
    }

    [Theory]
    [InlineData(32, true)]
    [InlineData(0, false)]
    [InlineData(31, false)]
    [InlineData(33, false)]
    public void Parse_AuditHead_IsOfItsLength(int length, bool isTaken)
    {
        var frame = Envelope.CreateUnbounded(_home, "P2", Session, new AbortSession(Session, FailureCodes.Cancelled, "no"), auditHead: new byte[length]).Frame;
        if (isTaken)
        {
            Assert.Equal(new byte[length], Envelope.Parse(frame).Header.AuditHead);
        }
        else
        {
            Assert.Throws<RejectedEnvelopeException>(() => Envelope.Parse(frame));
        }
    }

    [Fact]
    public void Parse_AuditHeadOfAMessageThatMayNotNameIt_IsRefused()
    {
        var message = new WithdrawQuery(Session, Session, FailureCodes.Cancelled);
        var frame = Envelope.CreateUnbounded(_home, "P2", Session, message, auditHead: new byte[32]).Frame;
        Assert.Throws<RejectedEnvelopeException>(() => Envelope.Parse(frame));
    }

    [Fact]
    public void IsSignedBy_AnotherCardOfTheSameName_IsFalse()
    {
        using var other = Create("other", "P1");
        Assert.False(Make().IsSignedBy(other.Card, _receiver.Card));
    }

    /// <summary>Two linkers are called LINKER: what one was sent it cannot hand to the other.</summary>
    [Fact]
    public void IsSignedBy_ForAnotherReceiverOfTheSameName_IsFalse()
    {
        using var other = Create("other", "P2");
        Assert.False(Make().IsSignedBy(_home.Card, other.Card));
    }

    public void Dispose()
    {
        _home.Dispose();
        _receiver.Dispose();
        _folder.Dispose();
    }
}
