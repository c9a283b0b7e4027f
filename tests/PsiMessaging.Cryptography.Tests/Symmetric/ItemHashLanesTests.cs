using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using CsCheck;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Tests.Symmetric;

/// <summary>Eight hashes at once, each of them libsodium's, which is held to RFC 7693 (Aes128Tests).</summary>
public class ItemHashLanesTests
{
    [Fact]
    public void EveryLane_AnyLengths_OneAfterTheOther_IsWhatLibsodiumGives()
    {
        Assert.SkipUnless(ItemHashLanes.IsSupported, "the machine has no 512-bit vectors");
        Gen.Select(Gen.Byte.Array[0, 128].Array[8].Array[1, 5], Gen.Byte.Array[32]).Sample((rounds, transcript) =>
        {
            var salt = ItemHash.SaltOf(transcript);
            using var lanes = new ItemHashLanes(salt);
            var (hashes, expected) = (new Vector128<byte>[16], new byte[32]);
            foreach (var messages in rounds)
            {
                for (var lane = 0; lane < 8; lane++)
                {
                    lanes.Put(lane, messages[lane]);
                }

                lanes.Compute(hashes);
                for (var lane = 0; lane < 8; lane++)
                {
                    ItemHash.Compute(messages[lane], salt, expected);
                    Assert.Equal(expected, MemoryMarshal.AsBytes(hashes.AsSpan(2 * lane, 2)).ToArray());
                }
            }
        }, iter: 300);
    }

    /// <summary>Every length, the full block among them, without salt and personalisation: BLAKE2b-256 as anybody has it.</summary>
    [Fact]
    public void EveryLength_WithoutSalt_IsBlake2b256()
    {
        Assert.SkipUnless(ItemHashLanes.IsSupported, "the machine has no 512-bit vectors");
        using var lanes = new ItemHashLanes(default, default);
        var (hashes, expected) = (new Vector128<byte>[16], new byte[32]);
        for (var length = 0; length <= ItemHashLanes.MaximumBytes; length++)
        {
            var message = Enumerable.Range(0, length).Select(i => (byte)(i * 7)).ToArray();
            lanes.Put(length % 8, message);
            lanes.Compute(hashes);
            ItemHash.Compute(message, default, default, expected);
            Assert.Equal(expected, MemoryMarshal.AsBytes(hashes.AsSpan(2 * (length % 8), 2)).ToArray());
        }
    }

    [Fact]
    public void LongerThanABlock_OrNoLane_IsRefused()
    {
        Assert.SkipUnless(ItemHashLanes.IsSupported, "the machine has no 512-bit vectors");
        using var lanes = new ItemHashLanes(new byte[16]);
        Assert.Throws<ArgumentOutOfRangeException>(() => lanes.Put(0, new byte[129]));
        Assert.Throws<ArgumentOutOfRangeException>(() => lanes.Put(8, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => lanes.Put(-1, new byte[1]));
    }
}
