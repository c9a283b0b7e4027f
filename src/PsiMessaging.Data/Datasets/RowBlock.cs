using PsiMessaging.Data.Records;

namespace PsiMessaging.Data.Datasets;

/// <summary>Some rows of a source, column by column. Read by several threads at once, written by one before.</summary>
public sealed class RowBlock
{
    private readonly TextColumn[] _columns;
    private readonly byte[][] _packed;
    private readonly int[] _lengths;

    internal RowBlock(int columns)
    {
        (_columns, _packed, _lengths) = (new TextColumn[columns], new byte[columns][], new int[columns]);
        Array.Fill(_packed, []);
        for (var i = 0; i < columns; i++)
        {
            _columns[i] = new TextColumn();
        }
    }

    /// <summary>Number of its first row, from 0.</summary>
    public int First { get; private set; }

    /// <summary>How many rows.</summary>
    public int Rows { get; private set; }

    /// <summary>Characters in all its values.</summary>
    internal long Characters { get; private set; }

    /// <summary>Works that have not yet taken it.</summary>
    internal int Waiting;

    /// <summary>A value; empty where it is missing.</summary>
    /// <param name="column">Index of the column.</param>
    /// <param name="row">Within the block, from 0.</param>
    public ReadOnlySpan<char> GetSpan(int column, int row) => _columns[column][row];

    /// <summary>A row's values.</summary>
    /// <param name="row">Within the block, from 0.</param>
    public Row this[int row] => new(this, row);

    /// <summary>The columns as they are written.</summary>
    internal ReadOnlyMemory<byte> Packed(int column) => _packed[column].AsMemory(0, _lengths[column]);

    internal void Begin(int first)
    {
        (First, Rows, Characters) = (first, 0, 0);
        Array.ForEach(_columns, column => column.Clear());
    }

    /// <summary>Takes the reader's current row; where it cannot be read, nothing of it.</summary>
    internal void Add(IRecordReader source)
    {
        for (var i = 0; i < _columns.Length; i++)
        {
            var value = source.GetSpan(i);
            _columns[i].Add(value);
            Characters += value.Length;
        }

        Rows++;
    }

    /// <summary>Packs a column.</summary>
    internal void Pack(int column, ColumnPacker packer) => _lengths[column] = packer.Pack(_columns[column], Rows, ref _packed[column]);

    /// <summary>One row of a block.</summary>
    public readonly struct Row(RowBlock block, int row) : IRowValues
    {
        /// <inheritdoc/>
        public ReadOnlySpan<char> GetSpan(int column) => block.GetSpan(column, row);
    }
}
