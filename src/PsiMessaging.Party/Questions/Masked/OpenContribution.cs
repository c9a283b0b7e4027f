using PsiMessaging.Analytics.Masked;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Party.Questions.Masked;

/// <summary>
/// What a running contribution holds in memory. All of it can be made again from disk: the rows and masks of a query are the same every time.
/// </summary>
internal sealed class OpenContribution : IAsyncDisposable
{
    private readonly QueryMasks _masks;
    private readonly IAsyncEnumerator<(int First, int Rows, ulong[] Words)> _batches;

    private readonly Binding? _binding;

    public OpenContribution(PartyMatrix matrix, MaskedPlan plan, bool isAsker, QueryMasks masks, Binding? binding)
    {
        (Plan, _masks, _binding) = (plan, masks, binding);
        BatchRows = RowsOfBatches(plan);
        Layout = isAsker ? plan.A : plan.B;
        SentColumns = Layout.PaddedColumns - (isAsker || plan.Binding is null ? 0 : BindingLayout.FromSeed);
        Contribution = new Contribution(masks, isAsker, plan.A.PaddedColumns, plan.B.PaddedColumns, binding, plan.WordBits);
        _batches = matrix.BatchesAsync(Layout, BatchRows, 0).GetAsyncEnumerator();
    }

    public MaskedPlan Plan { get; }

    /// <summary>Rows of every batch but the last.</summary>
    public static int RowsOfBatches(MaskedPlan plan) =>
        MaskedBatch.RowsOf(Math.Max(plan.A.PaddedColumns, plan.B.PaddedColumns), plan.WordBits);

    public MatrixLayout Layout { get; }

    /// <summary>Columns that are sent: the linker makes the others.</summary>
    public int SentColumns { get; }

    public Contribution Contribution { get; }

    public int BatchRows { get; }

    /// <summary>What the linker is told of the binding; null where the asking party is not bound, or is this one.</summary>
    public ProductBinding? Bound => _binding is null || Plan.Binding is not { } layout ? null
        : new ProductBinding(_binding.Seed, layout.Groups, layout.Width, layout.Offsets);

    public int Batches => (Plan.Rows + BatchRows - 1) / BatchRows;

    /// <summary>Number of the next batch.</summary>
    public int Next { get; private set; }

    /// <summary>The next batch, masked and taken into the correction.</summary>
    public async Task<(int Rows, ulong[] Words)> NextAsync()
    {
        if (!await _batches.MoveNextAsync())
        {
            throw new InvalidOperationException("the rows end before the plan does");
        }

        var (first, rows, words) = _batches.Current;
        Contribution.Mask(first, rows, words);
        Next++;
        return (rows, words);
    }

    public async ValueTask DisposeAsync()
    {
        await _batches.DisposeAsync();
        _masks.Dispose();
        _binding?.Dispose();
    }
}
