using System.Security.Cryptography;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Tests.Sealing;

/// <summary>What opens, and what does not.</summary>
public sealed class HpkeContextTests : IDisposable
{
    private readonly HybridKey _receiver = NewKey();
    private readonly HybridKey _other = NewKey();

    private static HybridKey NewKey()
    {
        using var seed = SecretBytes.Random(HybridKey.SizeBytes);
        return new HybridKey(seed);
    }

    private (HpkeContext Sender, HpkeContext Receiver) Pair(string sentFor = "a", string takenFor = "a", HybridKey? takenBy = null)
    {
        var sender = HpkeContext.TryToReceiver(_receiver.PublicKey, System.Text.Encoding.UTF8.GetBytes(sentFor), out var encapsulation)!;
        return (sender, HpkeContext.TryFromSender(takenBy ?? _receiver, encapsulation, System.Text.Encoding.UTF8.GetBytes(takenFor))!);
    }

    [Fact]
    public void Messages_InTheirOrder_Open()
    {
        var (sender, receiver) = Pair();
        using (sender)
        using (receiver)
        {
            foreach (var length in new[] { 0, 1, 16, 1000, 100_000 })
            {
                var text = RandomNumberGenerator.GetBytes(length);
                Assert.Equal(text, receiver.TryOpen([1], sender.Seal([1], text)));
            }

            using var sent = sender.Export([7], 32);
            using var taken = receiver.Export([7], 32);
            Assert.Equal(sent.Span.ToArray(), taken.Span.ToArray());
        }
    }

    /// <summary>Each bit of a sealed message and of what is authenticated beside it counts; what was refused does not move the row on.</summary>
    [Fact]
    public void Message_AlteredAnywhere_OpensNothing_AndTheTrueOneStill()
    {
        var (sender, receiver) = Pair();
        using (sender)
        using (receiver)
        {
            var text = sender.Seal([1, 2], "message"u8);
            for (var bit = 0; bit < text.Length * 8; bit++)
            {
                var altered = text.ToArray();
                altered[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.Null(receiver.TryOpen([1, 2], altered));
            }

            for (var length = 0; length < text.Length; length++)
            {
                Assert.Null(receiver.TryOpen([1, 2], text.AsSpan(0, length)));
            }

            Assert.Null(receiver.TryOpen([1, 3], text));
            Assert.Null(receiver.TryOpen([1], text));
            Assert.Equal("message"u8.ToArray(), receiver.TryOpen([1, 2], text));
        }
    }

    [Fact]
    public void Message_Repeated_OrBeforeItsTurn_OpensNothing()
    {
        var (sender, receiver) = Pair();
        using (sender)
        using (receiver)
        {
            var (first, second) = (sender.Seal([], "1"u8), sender.Seal([], "2"u8));
            Assert.Null(receiver.TryOpen([], second));
            Assert.NotNull(receiver.TryOpen([], first));
            Assert.Null(receiver.TryOpen([], first));
            Assert.NotNull(receiver.TryOpen([], second));
        }
    }

    [Fact]
    public void OtherKey_OtherPurpose_OpensNothing()
    {
        foreach (var (sender, receiver) in new[] { Pair(takenFor: "b"), Pair(takenBy: _other) })
        {
            Assert.Null(receiver.TryOpen([], sender.Seal([], "message"u8)));
            using var sent = sender.Export([7], 32);
            using var taken = receiver.Export([7], 32);
            Assert.NotEqual(sent.Span.ToArray(), taken.Span.ToArray());
            sender.Dispose();
            receiver.Dispose();
        }
    }

    /// <summary>Each byte of an encapsulation counts, of the lattice's part and of the curve's: what was altered on the way opens nothing.</summary>
    [Fact]
    public void Encapsulation_AlteredAnywhere_OpensNothing()
    {
        using var sender = HpkeContext.TryToReceiver(_receiver.PublicKey, [], out var encapsulation)!;
        var text = sender.Seal([], "message"u8);
        for (var place = 0; place < encapsulation.Length; place += place < HybridKey.EncapsulationSizeBytes - 40 ? 13 : 1)
        {
            var altered = encapsulation.ToArray();
            altered[place] ^= 1;
            using var receiver = HpkeContext.TryFromSender(_receiver, altered, [])!;
            Assert.Null(receiver.TryOpen([], text));
        }

        Assert.Null(HpkeContext.TryFromSender(_receiver, encapsulation.AsSpan(1), []));
        Assert.Null(HpkeContext.TryFromSender(_receiver, [.. encapsulation, 0], []));
        Assert.Null(HpkeContext.TryFromSender(_receiver, [], []));
    }

    /// <summary>A key that is none is refused and never an exception: it comes from a card or a message of somebody else.</summary>
    [Fact]
    public void PublicKey_OfWrongLengthOrValue_IsRefused()
    {
        Assert.Null(HpkeContext.TryToReceiver([], [], out _));
        Assert.Null(HpkeContext.TryToReceiver(_receiver.PublicKey.AsSpan(1), [], out _));
        Assert.Null(HpkeContext.TryToReceiver([.. _receiver.PublicKey, 0], [], out _));
        var tooLarge = _receiver.PublicKey.ToArray();
        tooLarge.AsSpan(0, MlKem768.PublicKeySizeBytes).Fill(0xff);
        Assert.Null(HpkeContext.TryToReceiver(tooLarge, [], out _));
    }

    /// <summary>Either half alone gives nothing: with the lattice's secret known, X25519's still decides, and the other way round.</summary>
    [Fact]
    public void Secrets_OfOneHalf_DoNotGiveTheWhole()
    {
        using var seed = SecretBytes.Random(HybridKey.SizeBytes);
        using var key = new HybridKey(seed);
        var drawn = RandomNumberGenerator.GetBytes(HybridKey.DrawnSizeBytes);
        Assert.True(HybridKey.TryEncapsulate(key.PublicKey, drawn, out _, out var whole));
        for (var half = 0; half < 2; half++)
        {
            var other = drawn.ToArray();
            RandomNumberGenerator.Fill(other.AsSpan(half * 32, 32));
            Assert.True(HybridKey.TryEncapsulate(key.PublicKey, other, out _, out var changed));
            Assert.NotEqual(whole!.Span.ToArray(), changed!.Span.ToArray());
            changed.Dispose();
        }

        whole!.Dispose();
    }

    public void Dispose()
    {
        _receiver.Dispose();
        _other.Dispose();
    }
}
