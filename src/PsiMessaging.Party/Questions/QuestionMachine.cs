using System.Text.Json.Serialization;

namespace PsiMessaging.Party.Questions;

/// <summary>How far a question is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<QuestionState>))]
public enum QuestionState
{
    /// <summary>It waits for the news that both parties' rows are registered.</summary>
    Waiting,
    /// <summary>Engine <c>masked</c>: the asking party looks at its own rows.</summary>
    Preparing,
    /// <summary>Engine <c>masked</c>: the asking party waits for the other to agree.</summary>
    Proposed,
    /// <summary>Engine <c>masked</c>: the masked matrix is on its way to the linker.</summary>
    Contributing,
    /// <summary>Engine <c>masked</c>: all of it is; the asking party waits for the product.</summary>
    Contributed,
    /// <summary>Engine <c>tokens</c>: the linker was asked.</summary>
    Asked,
    /// <summary>The answer is here.</summary>
    Answered,
    /// <summary>There is none.</summary>
    Refused,
    /// <summary>The peer's: this party has contributed.</summary>
    Done,
}

/// <summary>What can happen to a question.</summary>
public enum QuestionTrigger
{
    /// <summary>Engine <c>masked</c> takes it up.</summary>
    Prepare,
    /// <summary>Engine <c>tokens</c> has sent it to the linker.</summary>
    Send,
    /// <summary>The other party was asked to contribute.</summary>
    Propose,
    /// <summary>The other party contributes.</summary>
    Agree,
    /// <summary>The last of the own matrix is in the outbox.</summary>
    LastSent,
    /// <summary>The same at the party that was asked.</summary>
    Finish,
    /// <summary>The answer is here.</summary>
    Answer,
    /// <summary>There will be none.</summary>
    Refuse,
}

/// <summary>What becomes of a question by what happens: every cell that can be. What is not listed is a fault of ours.</summary>
internal static class QuestionMachine
{
    private static readonly Dictionary<(QuestionState, QuestionTrigger), QuestionState> Moves = new()
    {
        [(QuestionState.Waiting, QuestionTrigger.Prepare)] = QuestionState.Preparing,
        [(QuestionState.Waiting, QuestionTrigger.Send)] = QuestionState.Asked,

        // No record is common: the answer is known.
        [(QuestionState.Waiting, QuestionTrigger.Answer)] = QuestionState.Answered,
        [(QuestionState.Preparing, QuestionTrigger.Propose)] = QuestionState.Proposed,
        [(QuestionState.Proposed, QuestionTrigger.Agree)] = QuestionState.Contributing,
        [(QuestionState.Contributing, QuestionTrigger.LastSent)] = QuestionState.Contributed,
        [(QuestionState.Contributing, QuestionTrigger.Finish)] = QuestionState.Done,
        [(QuestionState.Contributed, QuestionTrigger.Answer)] = QuestionState.Answered,
        [(QuestionState.Asked, QuestionTrigger.Answer)] = QuestionState.Answered,
        [(QuestionState.Waiting, QuestionTrigger.Refuse)] = QuestionState.Refused,
        [(QuestionState.Preparing, QuestionTrigger.Refuse)] = QuestionState.Refused,
        [(QuestionState.Proposed, QuestionTrigger.Refuse)] = QuestionState.Refused,
        [(QuestionState.Contributing, QuestionTrigger.Refuse)] = QuestionState.Refused,
        [(QuestionState.Contributed, QuestionTrigger.Refuse)] = QuestionState.Refused,
        [(QuestionState.Asked, QuestionTrigger.Refuse)] = QuestionState.Refused,
    };

    /// <summary>The state after a trigger.</summary>
    /// <exception cref="InvalidOperationException">It cannot happen in that state.</exception>
    public static QuestionState Next(QuestionState from, QuestionTrigger trigger) => Moves.TryGetValue((from, trigger), out var next) ? next
        : throw new InvalidOperationException($"{trigger} cannot happen to a question that is {from}");
}
