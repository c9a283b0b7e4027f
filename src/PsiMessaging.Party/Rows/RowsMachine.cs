using System.Text.Json.Serialization;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Party.Rows;

/// <summary>How far a party's rows, or its word that it contributes to questions, are on their way to the linker.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RegistrationState>))]
public enum RegistrationState
{
    /// <summary>Its people have not said so.</summary>
    None,
    /// <summary>They have: the rows are read, and announced.</summary>
    Opening,
    /// <summary>They are on their way.</summary>
    Sending,
    /// <summary>All batches are in the outbox or beyond.</summary>
    Sent,
    /// <summary>The linker has confirmed all rows.</summary>
    Registered,
    /// <summary>It could not be done; a person may try it again.</summary>
    Refused,
}

/// <summary>What can happen to them.</summary>
public enum RowsTrigger
{
    /// <summary>The own people allow it.</summary>
    Allow,
    /// <summary>They are announced, and batches follow.</summary>
    Announced,
    /// <summary>The last is in the outbox.</summary>
    AllSent,
    /// <summary>The linker has them all.</summary>
    Confirmed,
    /// <summary>They cannot be read or sent.</summary>
    Fault,
}

/// <summary>What becomes of a party's rows by what happens.</summary>
internal static class RowsMachine
{
    private static readonly TransitionTable<RegistrationState, RowsTrigger> Table = new("party's rows", """
        from       | Allow   Announced AllSent Confirmed  Fault
        -          | ✗       ✗         ✗       ✗          ✗
        None       | Opening ·         ·       ·          ·
        Opening    | ·       Sending   Sent    ·          Refused
        Sending    | ·       ·         Sent    Registered Refused
        Sent       | ·       ·         ·       Registered ·
        Registered | ·       ·         ·       ·          ·
        Refused    | Opening ·         ·       ·          ·
        """);

    /// <summary>The state after a trigger; the same where it is let pass.</summary>
    public static RegistrationState Next(RegistrationState from, RowsTrigger trigger) => Table.Next(from, trigger);
}
