using System.Runtime.Intrinsics;
using PsiMessaging.Cryptography.Memory;

namespace PsiMessaging.Cryptography.Tests.Memory;

/// <summary>Memory that is kept from one vector to the next: zero, bounded, and given back.</summary>
public sealed unsafe class BlockPoolTests
{
    private const nuint Page = BlockPool.LargePageBytes;

    /// <summary>A clock that ticks when the test says so.</summary>
    private sealed class Ticking : TimeProvider
    {
        private TimerCallback? _callback;

        public void Tick() => _callback!(null);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _callback = callback;
            return System.CreateTimer(_ => { }, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private static bool IsZero(void* pointer, nuint size) => new Span<byte>(pointer, (int)size).IndexOfAnyExcept((byte)0) < 0;

    [Fact]
    public void Memory_OfTheSameSize_IsTakenAgain_AndOfAnotherMakesRoom()
    {
        using var pool = new BlockPool(4 * (long)Page, new Ticking());
        var (first, second) = ((nint)pool.Take(Page), (nint)pool.Take(2 * Page));
        Assert.True(IsZero((void*)first, Page) && IsZero((void*)second, 2 * Page));
        pool.Return((void*)first, Page);
        pool.Return((void*)second, 2 * Page);
        Assert.Equal(3 * (long)Page, pool.KeptBytes);
        Assert.Equal(second, (nint)pool.Take(2 * Page));
        Assert.Equal((long)Page, pool.KeptBytes);

        // No memory of that size: what is kept goes first.
        var third = pool.Take(3 * Page);
        Assert.Equal(0, pool.KeptBytes);
        pool.Return(third, 3 * Page);

        // Beyond the bound nothing is kept.
        pool.Return((void*)second, 2 * Page);
        Assert.Equal(3 * (long)Page, pool.KeptBytes);
    }

    /// <summary>A piece of what is kept serves a smaller vector, the rest another, and both together a larger one again.</summary>
    [Fact]
    public void Memory_OfALargerVector_ServesSmallerOnes_AndALargerOneAgain()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using var pool = new BlockPool(8 * (long)Page, new Ticking());
        var whole = (nint)pool.Take(3 * Page);
        pool.Return((void*)whole, 3 * Page);
        nint small = (nint)pool.Take(BlockPool.PieceBytes), rest = (nint)pool.Take((3 * Page) - BlockPool.PieceBytes);
        Assert.Equal((whole, whole + BlockPool.PieceBytes, 0L), (small, rest, pool.KeptBytes));
        new Span<byte>((void*)small, BlockPool.PieceBytes).Fill(1);
        new Span<byte>((void*)small, BlockPool.PieceBytes).Clear();
        pool.Return((void*)rest, (3 * Page) - BlockPool.PieceBytes);
        pool.Return((void*)small, BlockPool.PieceBytes);
        Assert.Equal(whole, (nint)pool.Take(3 * Page));
        Assert.True(IsZero((void*)whole, 3 * Page));

        // The rest of a large page is kept for others from the beginning.
        var few = pool.Take(BlockPool.PieceBytes);
        Assert.Equal((long)Page - BlockPool.PieceBytes, pool.KeptBytes);
        pool.Return(few, BlockPool.PieceBytes);
        pool.Return((void*)whole, 3 * Page);
        Assert.Equal(4 * (long)Page, pool.KeptBytes);
    }

    /// <summary>Many vectors of all sizes, taken and given back in any order: none overlaps another, each is zero, and the bound holds.</summary>
    [Fact]
    public void Memory_TakenAndGivenBackInAnyOrder_IsZeroAndNobodyElses()
    {
        using var pool = new BlockPool(6 * (long)Page, new Ticking());
        var held = new List<(nint Pointer, int SizeBytes)>();
        for (var step = 1; step <= 400; step++)
        {
            // Any fixed sequence will do.
            var draw = unchecked((uint)step * 2_654_435_761) >> 8;
            if (held.Count > 8 || (held.Count > 0 && draw % 3 == 0))
            {
                var at = (int)(draw % (uint)held.Count);
                var (pointer, size) = held[at];
                Assert.True(new Span<byte>((void*)pointer, size).IndexOfAnyExcept((byte)0xFF) < 0);
                new Span<byte>((void*)pointer, size).Clear();
                pool.Return((void*)pointer, (nuint)size);
                held.RemoveAt(at);
            }
            else
            {
                var size = (int)(1 + (draw % 70)) * BlockPool.PieceBytes;
                var pointer = (nint)pool.Take((nuint)size);
                Assert.True(IsZero((void*)pointer, (nuint)size));
                Assert.DoesNotContain(held, other => pointer < other.Pointer + other.SizeBytes && other.Pointer < pointer + size);
                new Span<byte>((void*)pointer, size).Fill(0xFF);
                held.Add((pointer, size));
            }

            Assert.InRange(pool.KeptBytes, 0, 8 * (long)Page);
        }

        foreach (var (pointer, size) in held)
        {
            new Span<byte>((void*)pointer, size).Clear();
            pool.Return((void*)pointer, (nuint)size);
        }
    }

    [Fact]
    public void Memory_ThatNobodyTakes_GoesBackAfterAWhile()
    {
        var time = new Ticking();
        using var pool = new BlockPool(4 * (long)Page, time);
        pool.Return(pool.Take(Page), Page);
        time.Tick();
        Assert.Equal((long)Page, pool.KeptBytes);
        time.Tick();
        Assert.Equal(0, pool.KeptBytes);
    }

    /// <summary>What a vector held is not in the next one, which has its memory.</summary>
    [Fact]
    public void Vector_InTheMemoryOfAnother_HoldsNothingOfIt()
    {
        for (var round = 0; round < 3; round++)
        {
            using var buffer = new BlockBuffer((4 << 20) / 16);
            Assert.True(IsZero(buffer.Pointer, (nuint)buffer.Length * 16));
            buffer.Span.Fill(Vector128.Create((byte)0xA5));
        }
    }
}
