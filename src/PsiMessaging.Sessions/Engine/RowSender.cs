using PsiMessaging.Analytics.Tokens;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data;
using PsiMessaging.Data.Batches;
using PsiMessaging.Data.Keys;
using PsiMessaging.Sessions.Datasets;

namespace PsiMessaging.Sessions.Engine;

/// <summary>
/// A party's intersected rows, encrypted for the linker and sorted by row token, cut into batches. The same session and dataset give the same batches
/// at every run, so sending can go on after a restart.
/// </summary>
internal sealed class RowSender
{
    private readonly byte[][] _tokens;
    private readonly byte[][][] _cells;

    private RowSender(string[] columnTokens, byte[][] tokens, byte[][][] cells)
    {
        ColumnTokens = columnTokens;
        _tokens = tokens;
        _cells = cells;
    }

    /// <summary>Column tokens, sorted, so that their order says nothing.</summary>
    public string[] ColumnTokens { get; }

    public int Rows => _tokens.Length;

    public static RowSender Load(string party, Dataset dataset, DatasetCatalog catalog, KeyTable keys, int[] matched, SecretBytes shared, byte[] transcript)
    {
        using var tokenKeys = new TokenKeys(shared, transcript);
        var columns = dataset.Attributes.Select(name => (Name: name, Token: tokenKeys.ColumnToken(party, name))).OrderBy(column => column.Token, StringComparer.Ordinal).ToArray();
        var ciphers = columns.Select(column => tokenKeys.ValueCipher(party, column.Name)).ToArray();
        try
        {
            // Matched indices ascend with the rows they stand in, so one pass over the file meets them in order.
            var tokens = new byte[matched.Length][];
            var cells = columns.Select(_ => new byte[matched.Length][]).ToArray();
            using var rows = catalog.OpenRows(dataset);
            var indices = columns.Select(column => rows.Columns.ToList().IndexOf(column.Name)).ToArray();
            for (int row = 0, next = 0; next < matched.Length && rows.Read(); row++)
            {
                if (keys.RowOf(matched[next]) != row)
                {
                    continue;
                }

                tokens[next] = tokenKeys.RowToken(keys[matched[next]]);
                for (var i = 0; i < columns.Length; i++)
                {
                    try
                    {
                        cells[i][next] = ciphers[i].Encrypt(rows.GetText(indices[i]));
                    }
                    catch (ArgumentException exception)
                    {
                        throw new InputException($"the dataset {dataset.Name}, column {columns[i].Name}: {exception.Message}", exception);
                    }
                }

                next++;
            }

            var order = Enumerable.Range(0, matched.Length).ToArray();
            Array.Sort(order, (left, right) => tokens[left].AsSpan().SequenceCompareTo(tokens[right]));
            return new RowSender(
                Array.ConvertAll(columns, column => column.Token),
                Array.ConvertAll(order, index => tokens[index]),
                Array.ConvertAll(cells, column => Array.ConvertAll(order, index => column[index])));
        }
        finally
        {
            Array.ForEach(ciphers, cipher => cipher.Dispose());
        }
    }

    /// <summary>The batch that begins at a row.</summary>
    /// <returns>Its Parquet body, and the row after its last.</returns>
    public async Task<(byte[] Body, int Rows, int Next)> BatchAsync(int firstRow)
    {
        var next = firstRow;
        for (var size = 0; next < Rows && size < EncryptedBatch.TargetSizeBytes && next - firstRow < EncryptedBatch.MaximumRows; next++)
        {
            size += EncryptedBatch.RowTokenSizeBytes + 4;
            foreach (var column in _cells)
            {
                size += column[next].Length + 4;
            }
        }

        var body = await EncryptedBatch.WriteAsync(_tokens[firstRow..next], ColumnTokens, Array.ConvertAll(_cells, column => column[firstRow..next]));
        return (body, next - firstRow, next);
    }
}
