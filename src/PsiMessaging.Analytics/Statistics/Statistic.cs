using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>
/// A kind of statistic that can be asked for: how its clause is read, which sums it follows from, how the answer follows, and what of it is withheld.
/// Closed: <see cref="StatisticRegistry.All"/>
/// has all of them, and everything that depends on the kind asks it here.
/// </summary>
public abstract class Statistic
{
    /// <summary>
    /// Words of the language that begin its clause, in lower case, before a parenthesis; none for a table, which is what a question without such a word asks
    /// for.
    /// </summary>
    public virtual IReadOnlyList<string> Words => [];

    /// <summary>Member of a query in JSON that holds its clause.</summary>
    public abstract string Member { get; }

    /// <summary>What people call it, without an article: <c>regression</c>.</summary>
    public abstract string Title { get; }

    /// <summary>The form of its answer.</summary>
    public virtual QueryKind Kind => QueryKind.Table;

    /// <summary>Whether a question may have <c>by</c> beside it.</summary>
    public virtual bool TakesBy => true;

    /// <summary>Whether a question may have <c>weight</c> beside it.</summary>
    public virtual bool TakesWeight => true;

    /// <summary>Whether a question may have <c>with totals</c> beside it.</summary>
    public virtual bool TakesTotals => false;

    /// <summary>Whether counts of groups are enough for it: the engine <c>tokens</c> has nothing else.</summary>
    public virtual bool CountsAlone => true;

    /// <summary>Whether the last grouping is bins of a column: under a minimum cell size those of one group are no groups of their own.</summary>
    public virtual bool LastGroupingIsBins => false;

    /// <summary>Reads the clause behind its word and parenthesis.</summary>
    /// <param name="parser">Where the question is read.</param>
    /// <param name="word">The word, in lower case.</param>
    /// <exception cref="QueryException">It cannot be read.</exception>
    internal abstract Query Parse(QueryParser parser, string word);

    /// <summary>Reads the clause from JSON.</summary>
    /// <param name="clause">The member's value.</param>
    /// <param name="common">The rest of the query, without the clause.</param>
    /// <exception cref="QueryException">It cannot be read.</exception>
    internal abstract Query Read(JsonMember clause, Query common);

    /// <summary>Refuses a question with too many columns, from the numbers of levels alone, before anything of their size is made.</summary>
    /// <exception cref="QueryException">There are too many.</exception>
    public virtual void CheckSize(BoundQuery query, Func<BoundTerm, int> levels)
    {
    }

    /// <summary>Every sum that the answer follows from. The order is that of the parties' matrices and may not change.</summary>
    /// <param name="query">The query.</param>
    /// <param name="levels">Number of levels of each class term.</param>
    public virtual IEnumerable<Moment> Moments(BoundQuery query, Func<BoundTerm, int> levels) =>
        query.Weight is null ? [query.Records] : [query.Records, query.Sum([])];

    /// <summary>The counts that a minimum cell size is held against, beside those the answer follows from.</summary>
    /// <param name="query">The query.</param>
    /// <param name="levels">Number of levels of each class term; without it the counts of single columns alone.</param>
    public virtual IEnumerable<Moment> MinimumMoments(BoundQuery query, Func<BoundTerm, int>? levels) =>
        query.WeightColumns.Select(column => query.RecordsDifferent([], column));

    /// <summary>
    /// Sums of values that the answer follows from, with the column whose values they are: what rules of concentration are about. Of products of two parties'
    /// numbers, and of squares, there are none: they are shown where the sums of the columns are.
    /// </summary>
    internal virtual IEnumerable<(ColumnName Column, Moment Sum)> MagnitudeSums(BoundQuery query) =>
        query.Measures.SelectMany(entry => entry.Columns.Distinct().Select(column => (column, query.Sum([column], entry.Columns))));

    /// <summary>Whether the asking party of engine <c>masked</c> is bound to rows of zeros and ones, each of one group.</summary>
    public virtual bool BindsAsker => false;

    /// <summary>
    /// What of it may be shown under a minimum cell size, as decisions of linker and contributing party of engine <c>masked</c> about counts that nobody sees:
    /// the asking party gets that and nothing else.
    /// </summary>
    internal abstract void Release(Disclosure.ReleaseBuilder builder);

    /// <summary>The answer to a question over no records at all.</summary>
    /// <exception cref="QueryException">There is none.</exception>
    public virtual Answer Empty(BoundQuery query) =>
        throw new QueryException(QueryException.NothingSelected, "the two parties have no records in common; there is nothing to ask about");

    /// <summary>The answer; what was withheld and how the numbers came about goes into the groups' rules.</summary>
    /// <param name="groups">The sums, group by group, and which groups are shown.</param>
    /// <param name="listed">Groups in the order of their labels: with a minimum of 1 those with records, else all, shown or not.</param>
    /// <exception cref="QueryException">There is none, or it may not be shown.</exception>
    internal abstract Answer Answer(AnswerGroups groups, int[] listed);
}
