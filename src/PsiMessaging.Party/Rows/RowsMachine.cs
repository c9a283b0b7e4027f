using System.Text.Json.Serialization;

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

/// <summary>What becomes of a party's rows by what happens; what is not listed is let pass.</summary>
internal static class RowsMachine
{
    private static readonly Dictionary<(RegistrationState, RowsTrigger), RegistrationState> Moves = new()
    {
        [(RegistrationState.None, RowsTrigger.Allow)] = RegistrationState.Opening,
        [(RegistrationState.Refused, RowsTrigger.Allow)] = RegistrationState.Opening,
        [(RegistrationState.Opening, RowsTrigger.Announced)] = RegistrationState.Sending,
        [(RegistrationState.Opening, RowsTrigger.AllSent)] = RegistrationState.Sent,
        [(RegistrationState.Sending, RowsTrigger.AllSent)] = RegistrationState.Sent,
        [(RegistrationState.Sending, RowsTrigger.Confirmed)] = RegistrationState.Registered,
        [(RegistrationState.Sent, RowsTrigger.Confirmed)] = RegistrationState.Registered,
        [(RegistrationState.Opening, RowsTrigger.Fault)] = RegistrationState.Refused,
        [(RegistrationState.Sending, RowsTrigger.Fault)] = RegistrationState.Refused,
    };

    /// <summary>The state after a trigger; the same where it is let pass.</summary>
    public static RegistrationState Next(RegistrationState from, RowsTrigger trigger) => Moves.GetValueOrDefault((from, trigger), from);
}
