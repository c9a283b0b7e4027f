using PsiMessaging.Disclosure.Noise;

namespace PsiMessaging.Disclosure.Tests.Noise;

public class NoisePoolTests
{
    [Fact]
    public void TryTake_EmptyPool_GivesNothingAndDrawsNothing()
    {
        using var pool = new NoisePool(new Counting());
        var noise = new long[1];
        Assert.False(pool.TryTake(noise));
        Assert.Equal(0, noise[0]);
        Assert.Equal(0, pool.Ready);
    }

    [Fact]
    public void TryTake_SeveralTimes_GivesEveryDrawOnceInOrder()
    {
        using var pool = new NoisePool(new Counting(), batches: 2, batch: 256);
        var taken = new List<long>();
        var noise = new long[100];
        for (var i = 0; i < 50; i++)
        {
            pool.TryDrawBatch();
            Assert.True(pool.TryTake(noise));
            taken.AddRange(noise);
        }

        Assert.Equal(Enumerable.Range(1, 5000).Select(i => (long)i), taken);
    }

    [Fact]
    public void TryDrawBatch_FullPool_DrawsNothing()
    {
        using var pool = new NoisePool(new Counting(), batches: 2, batch: 256);
        Assert.True(pool.TryDrawBatch());
        Assert.True(pool.TryDrawBatch());
        Assert.False(pool.TryDrawBatch());
        Assert.True(pool.TryTake(new long[1]));
        Assert.False(pool.TryDrawBatch());
        Assert.Equal(511, pool.Ready);
    }

    [Fact]
    public void TryTake_MoreThanThereIs_LeavesWhatThereIs()
    {
        using var pool = new NoisePool(new Counting(), batches: 1, batch: 256);
        pool.TryDrawBatch();
        Assert.False(pool.TryTake(new long[257]));
        Assert.Equal(256, pool.Ready);
        var noise = new long[256];
        Assert.True(pool.TryTake(noise));
        Assert.Equal(256, noise[^1]);
    }

    /// <summary>A taker does not wait for a batch that is being drawn.</summary>
    [Fact]
    public async Task TryTake_WhileABatchIsDrawn_DoesNotWait()
    {
        using var begun = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        var sampler = new Counting();
        using var pool = new NoisePool(sampler, batches: 2, batch: 256);
        pool.TryDrawBatch();
        sampler.Before = () =>
        {
            begun.Set();
            goOn.Wait(TimeSpan.FromSeconds(30));
        };
        var drawing = Task.Run(pool.TryDrawBatch);
        Assert.True(begun.Wait(TimeSpan.FromSeconds(30)));
        Assert.True(pool.TryTake(new long[10]));
        goOn.Set();
        Assert.True(await drawing);
        Assert.Equal(502, pool.Ready);
    }

    private sealed class Counting : INoiseSampler
    {
        private long _last;

        public Action Before { get; set; } = () => { };

        public NoiseLaw Law { get; } = new DiscreteLaplace(1);

        public void Fill(Span<long> destination)
        {
            Before();
            foreach (ref var draw in destination)
            {
                draw = ++_last;
            }
        }
    }
}
