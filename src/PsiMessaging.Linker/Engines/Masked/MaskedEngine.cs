using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines.Masked;

/// <summary>
/// Engine <c>masked</c>: masked rows become files as they arrive, are multiplied while others are on their way, and go when the product is in the outbox.
/// After a kill the product is computed again from the files. The linker sees the sizes of the matrices.
/// </summary>
internal sealed class MaskedEngine : ILinkerEngine
{
    private readonly ISessionArea<LinkSession>[] _areas;
    private readonly ProductSums _sums;
    private readonly ReleaseSecrets _secrets;

    public MaskedEngine(LinkerContext linker)
    {
        _sums = new ProductSums(linker.Folders);
        _secrets = new ReleaseSecrets(linker.Folders);
        var ending = new ProductEnding();
        Rows = new MaskedRowIntake(linker, ending);
        _areas =
        [
            new SpoiltRows(ending), new Withdrawals(ending), new Openings(linker, ending), Rows,
            new ProductCleaning(linker.Folders, _sums), new Multiplying(linker, ending, _sums, new Releasing(_secrets)),
        ];
    }

    /// <summary>Takes masked rows straight from the door.</summary>
    public MaskedRowIntake Rows { get; }

    /// <inheritdoc/>
    public QueryEngine Kind => QueryEngine.Masked;

    /// <inheritdoc/>
    public bool HasRows => false;

    /// <inheritdoc/>
    public byte[]? Register(string session, string party, ReadOnlySpan<byte> body) => body.IsEmpty ? null : _secrets.Register(session, party, body);

    /// <inheritdoc/>
    public IReadOnlyList<ISessionArea<LinkSession>> AreasOf(LinkSession session) => session.Ended ? [] : _areas;

    /// <inheritdoc/>
    public void Release(string session)
    {
        _sums.DropAll(session);
        _secrets.Drop(session);
    }
}
