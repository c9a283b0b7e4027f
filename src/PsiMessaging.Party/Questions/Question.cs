using System.Text.Json.Serialization;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Party.Questions;

/// <summary>
/// A question as a party keeps it: its own until and after it is answered, the peer's while this
/// party contributes. Its state is set by <see cref="Move"/> alone.
/// </summary>
public sealed record Question
{
    /// <summary>Reads a stored one; a new one is made by its desk.</summary>
    [JsonConstructor]
    public Question(QuestionState state) => State = state;

    /// <summary>Question id: the correlation id of the command.</summary>
    public required string Id { get; init; }

    /// <summary>The session.</summary>
    public required string Session { get; init; }

    /// <summary>As typed.</summary>
    public required string Text { get; init; }

    /// <summary>When it was asked, or came.</summary>
    public required DateTimeOffset AskedAt { get; init; }

    /// <summary>How far it is.</summary>
    public QuestionState State { get; private init; }

    /// <summary>The peer, where the question is its; null for the own people's.</summary>
    public string? Asker { get; init; }

    /// <summary>Where the CLI waits.</summary>
    public string? ReplyTo { get; init; }

    /// <summary>The answer, once here.</summary>
    public QueryResult? Result { get; init; }

    /// <summary>Why there is none.</summary>
    public string? FailureCode { get; init; }

    /// <summary>The same for a person.</summary>
    public string? FailureReason { get; init; }

    /// <summary>Engine <c>masked</c>: what is known while it is at work.</summary>
    public MaskedQuestion? Masked { get; init; }

    /// <summary>Whether it is the own people's.</summary>
    [JsonIgnore]
    public bool IsOwn => Asker is null;

    /// <summary>Whether nothing more happens to it.</summary>
    [JsonIgnore]
    public bool IsOver => Result is not null || FailureCode is not null || State is QuestionState.Answered or QuestionState.Refused or QuestionState.Done;

    /// <summary>The question after something happened to it.</summary>
    /// <exception cref="InvalidOperationException">It cannot happen in this state: a fault of ours.</exception>
    internal Question Move(QuestionTrigger trigger) => this with { State = QuestionMachine.Next(State, trigger) };

    /// <summary>The question with its answer.</summary>
    internal Question Answer(QueryResult result) => Move(QuestionTrigger.Answer) with { Result = result };

    /// <summary>The question without one.</summary>
    internal Question Refuse(string code, string reason) => Move(QuestionTrigger.Refuse) with { FailureCode = code, FailureReason = reason };
}

/// <summary>A question of engine <c>masked</c> while it is at work, at either party.</summary>
/// <param name="Counter">The asking party's mask counter.</param>
/// <param name="Pad">The matrices' columns are padded to a multiple of this.</param>
/// <param name="DeadlineAt">When it is given up.</param>
/// <param name="Own">Shape of the own matrix, once known.</param>
/// <param name="Peer">Shape of the other party's, once known.</param>
/// <param name="OwnLabels">At the asking party: its own labels.</param>
/// <param name="Labels">At the asking party: the other party's labels.</param>
/// <param name="SentBatches">Batches that are in the outbox or beyond.</param>
/// <param name="OwnRecords">At the asking party, under a minimum cell size: how many records its own groups have.</param>
/// <param name="Sides">Under a minimum cell size: what the release depends on, the same at both parties.</param>
/// <param name="Noise">What the contributing party adds to every count; null for nothing.</param>
/// <param name="Dominance">Sums of the contributing party's that are held to its rules of concentration; null for none.</param>
public sealed record MaskedQuestion(
    long Counter, int Pad, DateTimeOffset DeadlineAt, PartyShape? Own = null,
    PartyShape? Peer = null, PartyLabels? OwnLabels = null, PartyLabels? Labels = null,
    int SentBatches = 0, OwnRecords? OwnRecords = null, ReleaseSides? Sides = null, NoiseTerms? Noise = null,
    DominanceTerms? Dominance = null);
