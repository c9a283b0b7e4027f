using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Analytics.Tokens;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Questions.Tokens;

/// <summary>
/// Engine <c>tokens</c> at a party: the common rows go to the linker encrypted, once; a question is the
/// tokens of its columns, and the answer counts of groups of ciphertexts.
/// </summary>
internal sealed class TokenQuestions(PartyContext party, BoundQuestions bound, Answers answers) : IQuestionEngine
{
    private readonly RowSending _rows = new(party);

    /// <inheritdoc/>
    public QueryEngine Engine => QueryEngine.Tokens;

    /// <inheritdoc/>
    public IEnumerable<Route<PartySession>> Routes => [];

    /// <inheritdoc/>
    public string NotReady(string who) => $"the linker does not have the rows of {who} yet; each party sends its own at its own home";

    /// <inheritdoc/>
    public Task<TurnOutcome> SendRowsAsync(Turn<PartySession> turn) => _rows.SendAsync(turn);

    /// <inheritdoc/>
    public TurnOutcome Begin(Turn<PartySession> turn, Question question, BoundQuery asked, SubmitQuery query, Action<Effects> follow)
    {
        var session = turn.Session;
        TokenTable.Check(asked, session.MinCell);
        var request = RequestOf(session, question.Id, asked);
        return turn.Commit(effects =>
        {
            QuestionBook.Put(effects, question.Move(QuestionTrigger.Send));
            follow(effects);
            effects.Send(session.Linker, request);
        });
    }

    /// <inheritdoc/>
    public Task<TurnOutcome> StepAsync(Turn<PartySession> turn) => Task.FromResult(TurnOutcome.Idle);

    /// <inheritdoc/>
    public Question? OpenAnswer(PartySession session, Question question, Waiting<object> answer) => answer.Message is not QueryAnswered answered ? null
        : Answers.Open(question, () => Open(session, question, answered, answer.Envelope.Body),
            exception => (FailureCodes.Malformed, $"{session.Linker}'s answer is refused: {exception.Message}"));

    /// <inheritdoc/>
    public PartySession Without(Turn<PartySession> turn, string id) => turn.Session;

    /// <inheritdoc/>
    public void End(Effects effects, PartySession session, string id, bool withdraw)
    {
        // The linker keeps nothing of a question that it has answered or refused.
    }

    /// <inheritdoc/>
    public ValueTask CloseAsync(string session, string id) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ValueTask CloseAsync(string session)
    {
        _rows.Close(session);
        bound.Forget(session);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _rows.Dispose();
        return ValueTask.CompletedTask;
    }

    private RunQuery RequestOf(PartySession session, string id, BoundQuery query)
    {
        using var shared = party.SharedKeyWith(session);
        using var keys = new TokenKeys(shared, session.Transcript);
        ColumnToken TokenOf(ColumnName column) => new(column.Party, keys.ColumnToken(column.Party, column.Name));
        var filters = query.Where.Select(condition =>
        {
            var (column, values, keep) = TokenTable.FilterOf(condition, query.Schema);
            using var cipher = keys.ValueCipher(column.Party, column.Name);
            var token = TokenOf(column);
            return new TokenFilter(token.Party, token.Column, [.. values.Select(cipher.Encrypt)], keep);
        }).ToArray();
        return new RunQuery(session.Id, id, [.. query.Groupings.Select(grouping => TokenOf(grouping.Column))], filters.Length == 0 ? null : filters);
    }

    /// <summary>
    /// Decrypts an answer and holds it to what can be known: its form, its keys, the minimum cell size, and that no more is counted than there is.
    /// </summary>
    private Question Open(PartySession session, Question question, QueryAnswered answer, ReadOnlyMemory<byte> body)
    {
        var query = bound.Of(session, question);
        if (!Fits(session, answer) || body.Length > EncryptedBatch.MaximumAnswerBytes)
        {
            throw new InvalidDataException("it does not fit the session");
        }

        var groups = Decrypt(session, question, query, answer, body);
        if (groups.Any(group => group.Count < answer.MinCell))
        {
            throw new InvalidDataException("its counts break the minimum cell size");
        }

        // Every joined row is in one group at most, and in exactly one where nothing is kept back. A count beyond all of them is none: sums stay in 64 bits.
        var released = groups.Sum(group => Math.Min(group.Count, session.IntersectionSize!.Value + 1));
        if (released > session.IntersectionSize || (answer.Complete && query.Where.Count == 0 && released != session.IntersectionSize))
        {
            throw new InvalidDataException("its counts do not add up to the rows of the join");
        }

        if (groups.Select(group => LabelKey.Of(group.Labels)).Distinct(StringComparer.Ordinal).Count() != groups.Length)
        {
            throw new InvalidDataException("it names a group twice");
        }

        return answers.Of(session, question, query, new TokenTable(query, groups, answer.Complete), answer.MinCell);
    }

    private static bool Fits(PartySession session, QueryAnswered answer) =>
        answer.MinCell >= session.MinCell && (answer.Complete || session.MinCell > 1 || answer.MinCell > 1)
            && answer.Groups is >= 0 and <= TokenEngine.MaximumGroups;

    private TokenGroup[] Decrypt(PartySession session, Question question, BoundQuery query, QueryAnswered answer, ReadOnlyMemory<byte> body)
    {
        using var shared = party.SharedKeyWith(session);
        using var keys = new TokenKeys(shared, session.Transcript);
        var ciphers = query.Groupings.Select(grouping => keys.ValueCipher(grouping.Column.Party, grouping.Column.Name)).ToArray();
        var path = party.FolderOf(session).Answer(question.Id);
        try
        {
            AtomicFile.Write(path, body.ToArray());
            var rows = ParquetInspection.ReadAnswer(path, ciphers.Length, answer.Groups);
            return Array.ConvertAll(rows, row => new TokenGroup([.. row.Labels.Select((label, i) => Open(ciphers[i], label))], row.Count));
        }
        finally
        {
            File.Delete(path);
            Array.ForEach(ciphers, cipher => cipher.Dispose());
        }
    }

    private static string? Open(ValueCipher cipher, byte[] label) =>
        cipher.TryDecrypt(label, out var value) ? value : throw new InvalidDataException("a label is not encrypted under the session's keys");
}
