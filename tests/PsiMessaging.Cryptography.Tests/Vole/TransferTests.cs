using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.ObliviousTransfer;
using PsiMessaging.Cryptography.Ristretto;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Tests.Vole;

public sealed class TransferTests
{
    private static readonly byte[] Transcript = SHA256.HashData("transcript"u8);
    private static readonly byte[] Session = SHA256.HashData("session"u8);

    private static Vector128<byte> Block() => Vector128.Create<byte>(RandomNumberGenerator.GetBytes(16));

    private static (Vector128<byte>[] Offered, Vector128<byte>[] Chosen, Vector128<byte> Delta) Base(Cores cores)
    {
        using var seed = SecretBytes.Random(32);
        using var scalar = RistrettoScalar.Derive(seed, "offer"u8);
        var delta = Block();
        var (offer, choice) = (BaseTransfer.Offer(scalar), BaseTransfer.Choose(Transcript, seed, delta, cores));
        Assert.Null(BaseTransfer.FaultOfOffer(offer));
        Assert.Null(BaseTransfer.FaultOfChoice(choice));
        return (BaseTransfer.OffererKeys(Transcript, Session, scalar, choice, cores), BaseTransfer.ChooserKeys(Session, seed, delta, offer, cores), delta);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void BaseTransfer_EveryTransfer_GivesTheChosenKeyAndNotTheOther(int threads)
    {
        using var cores = new Cores(threads);
        var (offered, chosen, delta) = Base(cores);
        for (var i = 0; i < BaseTransfer.Count; i++)
        {
            var choice = BaseTransfer.Bit(delta, i);
            Assert.Equal(offered[(2 * i) + choice], chosen[i]);
            Assert.NotEqual(offered[(2 * i) + 1 - choice], chosen[i]);
        }

        Assert.Equal(2 * BaseTransfer.Count, offered.Distinct().Count());
    }

    [Fact]
    public void BaseTransfer_OtherTranscriptOrSession_GivesOtherKeys()
    {
        using var seed = SecretBytes.Random(32);
        using var scalar = RistrettoScalar.Derive(seed, "offer"u8);
        var choice = BaseTransfer.Choose(Transcript, seed, default, Cores.One);
        var keys = BaseTransfer.OffererKeys(Transcript, Session, scalar, choice, Cores.One);
        Assert.Empty(keys.Intersect(BaseTransfer.OffererKeys(Transcript, Transcript, scalar, choice, Cores.One)));
        Assert.NotEqual(choice, BaseTransfer.Choose(Session, seed, default, Cores.One));
        Assert.Equal(choice, BaseTransfer.Choose(Transcript, seed, default, Cores.One));
    }

    [Fact]
    public void BaseTransfer_MalformedElements_AreRefused()
    {
        using var seed = SecretBytes.Random(32);
        var choice = BaseTransfer.Choose(Transcript, seed, Block(), Cores.One);
        Assert.NotNull(BaseTransfer.FaultOfChoice(choice.AsSpan(32)));
        choice.AsSpan(64, 32).Clear();
        Assert.NotNull(BaseTransfer.FaultOfChoice(choice));
        choice.AsSpan(64, 32).Fill(0xFF);
        Assert.NotNull(BaseTransfer.FaultOfChoice(choice));
        Assert.NotNull(BaseTransfer.FaultOfOffer(new byte[32]));
        Assert.NotNull(BaseTransfer.FaultOfOffer(new byte[31]));
        Assert.NotNull(BaseTransfer.FaultOfOffer(Enumerable.Repeat((byte)0xFF, 32).ToArray()));
    }

    [Fact]
    public void Transpose_IsItsDefinition()
    {
        var rows = Enumerable.Range(0, 256).Select(_ => Block()).ToArray();
        var turned = rows.ToArray();
        TransferExtension.Transpose(turned);
        for (var tile = 0; tile < 2; tile++)
        {
            for (var r = 0; r < 128; r++)
            {
                for (var c = 0; c < 128; c++)
                {
                    Assert.Equal(BaseTransfer.Bit(rows[(128 * tile) + r], c), BaseTransfer.Bit(turned[(128 * tile) + c], r));
                }
            }
        }
    }

    [Fact]
    public void Extension_EveryRow_IsCorrelatedAndTheCheckHolds()
    {
        const int Tiles = 5;
        var (offered, chosen, delta) = Base(Cores.One);
        var bits = Enumerable.Range(0, Tiles).Select(_ => Block()).ToArray();
        var message = new byte[Tiles * TransferExtension.TileSizeBytes];
        Vector128<byte>[] t = new Vector128<byte>[Tiles * 128], q = new Vector128<byte>[Tiles * 128];
        TransferExtension.Offer(offered, bits, message, t);
        TransferExtension.Choose(chosen, delta, message, q);
        for (var i = 0; i < t.Length; i++)
        {
            Assert.Equal(q[i] ^ (BaseTransfer.Bit(bits[i / 128], i % 128) == 1 ? delta : default), t[i]);
        }

        var challenge = SHA256.HashData(message);
        var opening = TransferExtension.Open(challenge, bits, t);
        Assert.True(TransferExtension.Verify(challenge, delta, q, opening));
        Assert.False(TransferExtension.Verify(challenge, delta, q, opening.AsSpan(1)));
        for (var at = 0; at < opening.Length; at += 97)
        {
            opening[at] ^= 4;
            Assert.False(TransferExtension.Verify(challenge, delta, q, opening));
            opening[at] ^= 4;
        }
    }

    /// <summary>A cheating offerer uses other bits in one column: caught unless that bit of Δ is zero, which the check cannot see and need not.</summary>
    [Fact]
    public void Extension_OtherBitsInOneColumn_AreCaughtWhereDeltaHasABit()
    {
        const int Tiles = 3;
        var (offered, chosen, delta) = Base(Cores.One);
        var bits = Enumerable.Range(0, Tiles).Select(_ => Block()).ToArray();
        var message = new byte[Tiles * TransferExtension.TileSizeBytes];
        Vector128<byte>[] t = new Vector128<byte>[Tiles * 128], q = new Vector128<byte>[Tiles * 128];
        TransferExtension.Offer(offered, bits, message, t);
        for (var column = 0; column < 128; column++)
        {
            var cheat = message.ToArray();
            cheat[(1 * TransferExtension.TileSizeBytes) + (16 * column) + 3] ^= 0x10;
            TransferExtension.Choose(chosen, delta, cheat, q);
            var challenge = SHA256.HashData(cheat);
            Assert.Equal(BaseTransfer.Bit(delta, column) == 0, TransferExtension.Verify(challenge, delta, q, TransferExtension.Open(challenge, bits, t)));
        }
    }
}
