using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Exchange;

/// <summary>How far a session's rounds are: by round number, the next batch to produce, batches dealt with, and batches that the peer allows.</summary>
/// <param name="Produced">Next sequence to produce, by outgoing round.</param>
/// <param name="Consumed">Batches dealt with, by incoming round.</param>
/// <param name="Credit">Batches allowed, by outgoing round without replies.</param>
internal readonly record struct RoundCounts(IReadOnlyDictionary<int, int> Produced,
    IReadOnlyDictionary<int, int> Consumed, IReadOnlyDictionary<int, int> Credit);

/// <summary>Which batch: round, sequence, and whether the peer sent it.</summary>
internal readonly record struct BatchPlace(int Round, int Sequence, bool Incoming);

/// <summary>
/// The book of rounds: from what is produced, consumed and allowed follows what may go next, what may come, and
/// when all is over. Pure, so that it can be held against plain counting.
/// </summary>
/// <param name="rounds">The rounds, seen from this party.</param>
internal sealed class RoundBook(IReadOnlyList<Round> rounds)
{
    /// <summary>Batches of a round that may be on their way to a party that has not yet dealt with them.</summary>
    public const int CreditWindow = 16;

    /// <summary>A receiver grants more credit each time it has dealt with this many batches.</summary>
    public const int CreditStep = 8;

    private readonly Dictionary<int, Round> _outgoing = ByNumber(rounds, RoundDirection.Outgoing);
    private readonly Dictionary<int, Round> _incoming = ByNumber(rounds, RoundDirection.Incoming);

    /// <summary>The rounds.</summary>
    public IReadOnlyList<Round> Rounds => rounds;

    /// <summary>Batches to produce and to consume in all; those that only answer a batch are not counted.</summary>
    public int TotalBatches { get; } = rounds.Where(round => round.Direction != RoundDirection.Reply).Sum(round => round.Batches);

    /// <summary>The round that this party sends, or null.</summary>
    public Round? Outgoing(int number) => _outgoing.GetValueOrDefault(number);

    /// <summary>The round that the peer sends, or null.</summary>
    public Round? Incoming(int number) => _incoming.GetValueOrDefault(number);

    /// <summary>The round whose batches answer those of an incoming one, or null.</summary>
    public Round? ReplyTo(Round round) => rounds.FirstOrDefault(other => other.Direction == RoundDirection.Reply && other.Number == round.Number + 1);

    /// <summary>Whether the peer answers each batch of this outgoing round with one of the next.</summary>
    public bool IsAnswered(Round round) => rounds.Any(other => other.IsAnswer && other.Number == round.Number + 1);

    /// <summary>The first batch that is neither sent nor in hand: after a fault that may be one before others in hand.</summary>
    public static int NextOf(Round round, in RoundCounts counts, Func<BatchPlace, bool> isInHand)
    {
        var next = counts.Produced.GetValueOrDefault(round.Number);
        while (isInHand(new BatchPlace(round.Number, next, Incoming: false)))
        {
            next++;
        }

        return next;
    }

    /// <summary>Batches of an outgoing round that may have been sent by now: bounds the peer's inbox.</summary>
    public int AllowedOf(Round round, in RoundCounts counts) => IsAnswered(round)
        ? counts.Consumed.GetValueOrDefault(round.Number + 1) + CreditWindow
        : Math.Max(CreditWindow, counts.Credit.GetValueOrDefault(round.Number));

    /// <summary>Whether the next batch of an outgoing round may be made: it is there, the peer allows it, and what it depends on has come.</summary>
    public bool MayProduce(Round round, in RoundCounts counts, Func<BatchPlace, bool> isInHand)
    {
        var next = NextOf(round, counts, isInHand);
        return next < round.Batches && next < AllowedOf(round, counts) && HasCome(round, counts) && HasBegun(round.Stage, counts);
    }

    /// <summary>Whether an incoming round's batches may be here: all that the peer needed for them has left, and all of the stages before.</summary>
    public bool MayCome(Round round, in RoundCounts counts)
    {
        foreach (var own in round.After)
        {
            if (!HasLeft(Outgoing(own)!, counts))
            {
                return false;
            }
        }

        foreach (var own in rounds)
        {
            if (own.Stage < round.Stage && own.Direction == RoundDirection.Outgoing && !HasLeft(own, counts))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Whether all rounds of the stages before one are over, in both directions: a peer may be there a little earlier, and what it sends waits.
    /// </summary>
    public bool HasBegun(int stage, RoundCounts counts) => stage == 0 || rounds.All(round => round.Stage >= stage || IsOver(round, counts));

    /// <summary>
    /// Up to which batch the peer is allowed to send after this one was dealt with; null where nothing is said. Rounds that answer an own one are bounded by
    /// it; all others by what is granted here.
    /// </summary>
    /// <param name="round">The incoming round.</param>
    /// <param name="consumed">Its batches dealt with.</param>
    public int? GrantAfter(Round round, int consumed) =>
        ReplyTo(round) is null && !round.IsAnswer && consumed % CreditStep == 0 && consumed - CreditStep + CreditWindow < round.Batches ? consumed
            + CreditWindow : null;

    /// <summary>Whether a peer may grant so many batches of a round.</summary>
    public bool IsGrant(int number, int batches) =>
        Outgoing(number) is { } round && !IsAnswered(round) && batches >= CreditWindow && batches <= round.Batches + CreditWindow;

    /// <summary>Whether every batch has been sent and dealt with.</summary>
    public bool IsOver(RoundCounts counts) => rounds.All(round => IsOver(round, counts));

    private static bool IsOver(Round round, in RoundCounts counts) => round.Direction switch
    {
        RoundDirection.Outgoing => HasLeft(round, counts),
        RoundDirection.Incoming => counts.Consumed.GetValueOrDefault(round.Number) == round.Batches,
        _ => true,
    };

    private static Dictionary<int, Round> ByNumber(IReadOnlyList<Round> rounds, RoundDirection direction) =>
        rounds.Where(round => round.Direction == direction).ToDictionary(round => round.Number);

    private static bool HasLeft(Round round, in RoundCounts counts) => counts.Produced.GetValueOrDefault(round.Number) == round.Batches;

    private bool HasCome(Round round, in RoundCounts counts)
    {
        foreach (var former in round.After)
        {
            if (Incoming(former)!.Batches != counts.Consumed.GetValueOrDefault(former))
            {
                return false;
            }
        }

        return true;
    }
}
