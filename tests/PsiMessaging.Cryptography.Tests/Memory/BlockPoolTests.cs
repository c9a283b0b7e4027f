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
