using System.Text.Json.Serialization;
using PsiMessaging.Participants.Turns;

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
    /// <summary>Engine <c>masked</c>: all of it is; the asking party waits for the product, the other for the linker's part of the release.</summary>
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
    /// <summary>At the party that was asked its part is done: the same, or the release's tables are in the outbox.</summary>
    Finish,
    /// <summary>The answer is here.</summary>
    Answer,
    /// <summary>There will be none.</summary>
    Refuse,
}

/// <summary>What becomes of a question by what happens. Answered while it waits is one over no common records: its answer is known.</summary>
internal static class QuestionMachine
{
    private static readonly TransitionTable<QuestionState, QuestionTrigger> Table = new("question", """
        from         | Prepare   Send  Propose  Agree        LastSent    Finish Answer   Refuse
        -            | ✗         ✗     ✗        ✗            ✗           ✗      ✗        ✗
        Waiting      | Preparing Asked ✗        ✗            ✗           ✗      Answered Refused
        Preparing    | ✗         ✗     Proposed ✗            ✗           ✗      ✗        Refused
        Proposed     | ✗         ✗     ✗        Contributing ✗           ✗      ✗        Refused
        Contributing | ✗         ✗     ✗        ✗            Contributed Done   ✗        Refused
        Contributed  | ✗         ✗     ✗        ✗            ✗           Done   Answered Refused
        Asked        | ✗         ✗     ✗        ✗            ✗           ✗      Answered Refused
        Answered     | ✗         ✗     ✗        ✗            ✗           ✗      ✗        ✗
        Refused      | ✗         ✗     ✗        ✗            ✗           ✗      ✗        ✗
        Done         | ✗         ✗     ✗        ✗            ✗           ✗      ✗        ✗
        """);

    /// <summary>The state after a trigger.</summary>
    /// <exception cref="InvalidOperationException">It cannot happen in that state.</exception>
    public static QuestionState Next(QuestionState from, QuestionTrigger trigger) => Table.Next(from, trigger);
}
