using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines.Tokens;

/// <summary>
/// Engine <c>tokens</c>: the linker stores both parties' encrypted rows, joins them, counts groups of ciphertexts, withholds small counts, and tells the
/// other party of every question. It sees the sizes, the equality pattern of each column inside a session, and the counts.
/// </summary>
/// <param name="linker">The linker.</param>
internal sealed class TokensEngine(LinkerContext linker) : ILinkerEngine
{
    private readonly ISessionArea<LinkSession>[] _open = [new RowIntake(linker), new Questions(linker)];
    private readonly ISessionArea<LinkSession>[] _ended = [new Questions(linker)];

    /// <inheritdoc/>
    public QueryEngine Kind => QueryEngine.Tokens;

    /// <inheritdoc/>
    public bool HasRows => true;

    /// <inheritdoc/>
    public IReadOnlyList<ISessionArea<LinkSession>> AreasOf(LinkSession session) => session.Ended ? _ended : _open;

    /// <inheritdoc/>
    public void Release(string session)
    {
        // It holds nothing between turns.
    }
}
