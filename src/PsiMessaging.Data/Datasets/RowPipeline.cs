using System.Runtime.ExceptionServices;
using System.Threading.Channels;
using PsiMessaging.Data.Records;

namespace PsiMessaging.Data.Datasets;

/// <summary>Takes one block of rows after the other, in their order; on any thread, one call at a time.</summary>
/// <param name="block">Valid during the call.</param>
/// <param name="row">Set to the row in hand, within the block from 0: what an exception leaves there is the row at fault.</param>
public delegate void BlockWork(RowBlock block, ref int row);

/// <summary>
/// One pass over a source on all cores, in memory that does not grow with it: the caller reads blocks of rows, and every work takes them in order beside it.
/// What is wrong is thrown as if there were one thread: the first fault by row, and of one row the reader's before the works' in their order.
/// </summary>
/// <param name="works">Each sees every block.</param>
/// <param name="taken">Called in order, with no two blocks at once, when all works have taken a block.</param>
internal sealed class RowPipeline(IReadOnlyList<BlockWork> works, Func<RowBlock, Task> taken)
{
    /// <summary>Blocks on their way: one being read, one for the works, one being written, and one so that nobody waits.</summary>
    private const int Blocks = 4;

    private const int RowsABlock = 1 << 15;

    // A block of a wide table, or of long texts, has fewer rows.
    private const int ValuesABlock = 1 << 19;
    private const int CharactersABlock = 1 << 22;

    private readonly Channel<RowBlock> _free = Channel.CreateUnbounded<RowBlock>();
    private readonly Channel<RowBlock> _whole = Channel.CreateUnbounded<RowBlock>();
    private readonly Lock _lock = new();
    private (long Row, int Order, Exception Exception) _fault;
    private volatile bool _hasFault;
    private int _posted = -1;
    private int _taken;

    /// <summary>Runs to the source's end, or to its first fault.</summary>
    /// <returns>Number of rows.</returns>
    public async Task<int> RunAsync(IRecordReader source)
    {
        var lanes = works.Select((work, order) => new Lane(this, work, order)).ToArray();
        for (var i = 0; i < Blocks; i++)
        {
            _free.Writer.TryWrite(new RowBlock(source.Columns.Count));
        }

        var writing = Task.Run(WriteAsync);
        var rows = await ReadAsync(source, lanes);
        await writing;
        if (_hasFault)
        {
            ExceptionDispatchInfo.Throw(_fault.Exception);
        }

        return rows;
    }

    private async Task<int> ReadAsync(IRecordReader source, Lane[] lanes)
    {
        var most = Math.Clamp(ValuesABlock / source.Columns.Count, 1, RowsABlock);
        var (rows, posted, more) = (0, 0, true);
        while (more && !_hasFault)
        {
            var block = await _free.Reader.ReadAsync();
            block.Begin(rows);
            more = Fill(source, block, most);
            if (block.Rows == 0)
            {
                break;
            }

            rows = checked(rows + block.Rows);
            posted++;

            // One more than there are works, so that it is not done with before all have it.
            block.Waiting = lanes.Length + 1;
            Array.ForEach(lanes, lane => lane.Post(block));
            Done(block);
        }

        lock (_lock)
        {
            _posted = posted;
            FinishIfAll();
        }

        return rows;
    }

    /// <summary>Reads a block.</summary>
    /// <returns>Whether there may be more.</returns>
    private bool Fill(IRecordReader source, RowBlock block, int most)
    {
        try
        {
            while (block.Rows < most && block.Characters < CharactersABlock)
            {
                if (!source.Read())
                {
                    return false;
                }

                block.Add(source);
            }

            return true;
        }
        catch (Exception exception)
        {
            // The rows before it are looked at all the same: one of them may be at fault.
            Fault(block.First + block.Rows, -1, exception);
            return false;
        }
    }

    private void FinishIfAll()
    {
        if (_taken == _posted)
        {
            _whole.Writer.TryComplete();
        }
    }

    private void Done(RowBlock block)
    {
        if (Interlocked.Decrement(ref block.Waiting) == 0)
        {
            lock (_lock)
            {
                _whole.Writer.TryWrite(block);
                _taken++;
                FinishIfAll();
            }
        }
    }

    private async Task WriteAsync()
    {
        await foreach (var block in _whole.Reader.ReadAllAsync())
        {
            try
            {
                if (!_hasFault)
                {
                    await taken(block);
                }
            }
            catch (Exception exception)
            {
                Fault(block.First, works.Count, exception);
            }

            _free.Writer.TryWrite(block);
        }
    }

    private void Fault(long row, int order, Exception exception)
    {
        lock (_lock)
        {
            if (!_hasFault || row < _fault.Row || (row == _fault.Row && order < _fault.Order))
            {
                (_fault, _hasFault) = ((row, order, exception), true);
            }
        }
    }

    /// <summary>A work and the blocks that wait for it.</summary>
    private sealed class Lane(RowPipeline pipeline, BlockWork work, int order) : IThreadPoolWorkItem
    {
        private readonly Queue<RowBlock> _waiting = [];
        private bool _isRunning, _hasFailed;

        public void Post(RowBlock block)
        {
            lock (_waiting)
            {
                _waiting.Enqueue(block);
                if (_isRunning)
                {
                    return;
                }

                _isRunning = true;
            }

            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }

        public void Execute()
        {
            while (true)
            {
                RowBlock block;
                lock (_waiting)
                {
                    if (!_waiting.TryDequeue(out block!))
                    {
                        _isRunning = false;
                        return;
                    }
                }

                Take(block);
                pipeline.Done(block);
            }
        }

        private void Take(RowBlock block)
        {
            if (_hasFailed)
            {
                return;
            }

            var row = 0;
            try
            {
                work(block, ref row);
            }
            catch (Exception exception)
            {
                _hasFailed = true;
                pipeline.Fault(block.First + row, order, exception);
            }
        }
    }
}
