using System.Buffers.Binary;
using PsiMessaging.Analytics.Tokens;
using PsiMessaging.Batches;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Data.Types;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Result;

namespace PsiMessaging.Party.Questions.Tokens;

/// <summary>
/// A party's intersected rows, encrypted for the linker and sorted by row token, cut into batches. The same session and dataset give the same batches
/// at every run, so sending can go on after a restart. Rows are sorted on disk where they are many.
/// </summary>
internal sealed class RowSender : IDisposable
{
    private readonly ScratchFolder _scratch;
    private readonly ExternalSorter _sorter;
    private readonly SortedRecords _records;
    private readonly int _columns;
    private (int First, byte[] Body, int Rows) _last = (-1, [], 0);
    private int _next;
    private bool _hasRecord;

    private RowSender(string[] columnTokens, ScratchFolder scratch, ExternalSorter sorter)
    {
        (ColumnTokens, _columns, _scratch, _sorter) = (columnTokens, columnTokens.Length, scratch, sorter);
        Rows = (int)sorter.Count;
        _records = sorter.Read();
        _hasRecord = _records.MoveNext();
    }

    /// <summary>Column tokens, sorted, so that their order says nothing.</summary>
    public string[] ColumnTokens { get; }

    public int Rows { get; }

    public static RowSender Load(string party, Dataset dataset, IReadOnlyList<string> offered, DatasetCatalog catalog,
        MatchedRows matched, SecretBytes shared, byte[] transcript, ScratchFolder scratch)
    {
        using var tokenKeys = new TokenKeys(shared, transcript);
        var columns = dataset.Attributes.Where(offered.Contains).Select(name => (Name: name, Token: tokenKeys.ColumnToken(party, name)))
            .OrderBy(column => column.Token, StringComparer.Ordinal).ToArray();
        var ciphers = columns.Select(column => tokenKeys.ValueCipher(party, column.Name)).ToArray();
        var sorter = new ExternalSorter(scratch, (left, right) => left.SequenceCompareTo(right));
        try
        {
            using var rows = catalog.OpenRows(dataset);
            var keyColumns = DatasetFile.FindColumns(dataset.Name, rows.Columns, dataset.Key);
            var canonicalizer = dataset.NewCanonicalizer();
            var indices = columns.Select(column => rows.Columns.ToList().IndexOf(column.Name)).ToArray();
            var types = columns.Select(column => dataset.Described.First(described => described.Name == column.Name).Type).ToArray();
            var encryption = new RowEncryption(dataset, columns.Select(column => column.Name).ToArray(), ciphers, indices, types);
            for (var row = 0; rows.Read(); row++)
            {
                if (matched[row])
                {
                    IdentifierSet.TryRead(rows, keyColumns, canonicalizer);
                    var token = tokenKeys.RowToken(canonicalizer.Current);
                    sorter.Add(BinaryPrimitives.ReadUInt64BigEndian(token), encryption.Encrypt(token, rows));
                }
            }

            return new RowSender(Array.ConvertAll(columns, column => column.Token), scratch, sorter);
        }
        catch
        {
            sorter.Dispose();
            scratch.Dispose();
            throw;
        }
        finally
        {
            Array.ForEach(ciphers, cipher => cipher.Dispose());
        }
    }

    /// <summary>Makes a row's record: its token, then each encrypted cell with its length before it.</summary>
    private sealed class RowEncryption(Dataset dataset, string[] names, ValueCipher[] ciphers, int[] indices, ColumnType[] types)
    {
        private readonly MemoryStream _record = new();

        /// <summary>The record; valid until the next.</summary>
        public ReadOnlySpan<byte> Encrypt(byte[] token, IRecordReader row)
        {
            Span<byte> length = stackalloc byte[4];
            _record.SetLength(0);
            _record.Write(token);
            for (var i = 0; i < names.Length; i++)
            {
                try
                {
                    var cell = ciphers[i].Encrypt(ValueForm.Of(row.GetSpan(indices[i]), types[i], dataset.Texts));
                    BinaryPrimitives.WriteInt32LittleEndian(length, cell.Length);
                    _record.Write(length);
                    _record.Write(cell);
                }
                catch (ArgumentException exception)
                {
                    throw new InputException($"the dataset {dataset.Name}, column {names[i]}: {exception.Message}", exception);
                }
            }

            return _record.GetBuffer().AsSpan(0, (int)_record.Length);
        }
    }

    /// <summary>The batch that begins at a row: the one after the last, or the last again.</summary>
    /// <returns>Its Parquet body, its rows, and the row after its last.</returns>
    public async Task<(byte[] Body, int Rows, int Next)> BatchAsync(int firstRow)
    {
        if (_last.First == firstRow)
        {
            return (_last.Body, _last.Rows, firstRow + _last.Rows);
        }

        // After a restart the rows that are on their way already are passed over.
        for (; _next < firstRow; _next++)
        {
            _hasRecord = _records.MoveNext();
        }

        var tokens = new List<byte[]>();
        var cells = new List<byte[]>[_columns];
        for (var i = 0; i < _columns; i++)
        {
            cells[i] = [];
        }

        for (var size = 0; _hasRecord && size < EncryptedBatch.TargetSizeBytes && tokens.Count < EncryptedBatch.MaximumRows; _next++)
        {
            size += Take(_records.Content, tokens, cells);
            _hasRecord = _records.MoveNext();
        }

        var body = await EncryptedBatch.WriteAsync(tokens, ColumnTokens, cells);
        _last = (firstRow, body, tokens.Count);
        return (body, tokens.Count, _next);
    }

    private static int Take(ReadOnlySpan<byte> record, List<byte[]> tokens, List<byte[]>[] cells)
    {
        tokens.Add(record[..EncryptedBatch.RowTokenSizeBytes].ToArray());
        var rest = record[EncryptedBatch.RowTokenSizeBytes..];
        foreach (var column in cells)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(rest);
            column.Add(rest.Slice(4, length).ToArray());
            rest = rest[(4 + length)..];
        }

        return record.Length + 4;
    }

    public void Dispose()
    {
        _sorter.Dispose();
        _scratch.Dispose();
    }
}
