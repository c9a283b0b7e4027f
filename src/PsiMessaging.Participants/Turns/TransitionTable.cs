using System.Collections.Frozen;

namespace PsiMessaging.Participants.Turns;

/// <summary>
/// A state machine as a table that is read as it stands: a row for each state, a column for each trigger, in the first row their names. The row <c>-</c>
/// is for what is not there yet; a point is let pass; a cross cannot happen.
/// </summary>
/// <typeparam name="TState">States.</typeparam>
/// <typeparam name="TTrigger">What can happen.</typeparam>
public sealed class TransitionTable<TState, TTrigger>
    where TState : struct, Enum
    where TTrigger : struct, Enum
{
    private readonly string _subject;
    private readonly FrozenDictionary<(string From, TTrigger Trigger), string> _cells;

    /// <param name="subject">What has the states, for messages.</param>
    /// <param name="table">The table: cells apart by blanks, a bar behind the names of the states.</param>
    /// <exception cref="ArgumentException">A cell is missing, or names no state or trigger.</exception>
    public TransitionTable(string subject, string table)
    {
        _subject = subject;
        var rows = table.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(row => row.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        var triggers = rows[0][2..].Select(Enum.Parse<TTrigger>).ToArray();
        var states = Enum.GetNames<TState>();
        _cells = rows[1..].SelectMany(row => row[2..].Select((cell, i) => ((row[0], triggers[i]), cell)))
            .ToFrozenDictionary(cell => cell.Item1, cell => cell.cell);
        if (states.Append("-").SelectMany(state => Enum.GetValues<TTrigger>().Select(trigger => (state, trigger))).Any(cell => !_cells.ContainsKey(cell))
            || _cells.Values.Except(["·", "✗"]).Except(states).Any())
        {
            throw new ArgumentException($"the table of a {subject} lacks a cell or names no state", nameof(table));
        }
    }

    /// <summary>The state after a trigger; the same one where it is let pass.</summary>
    /// <param name="from">The state; null where it is not there yet.</param>
    /// <param name="trigger">What happens.</param>
    /// <exception cref="InvalidOperationException">It cannot happen in that state: a fault of ours.</exception>
    public TState Next(TState? from, TTrigger trigger) => _cells[(NameOf(from), trigger)] switch
    {
        "·" when from is { } same => same,
        "·" or "✗" => throw new InvalidOperationException($"{trigger} cannot happen to a {_subject} that is {(from is null ? "not there" : NameOf(from))}"),
        var next => Enum.Parse<TState>(next),
    };

    private static string NameOf(TState? state) => state?.ToString() ?? "-";
}
