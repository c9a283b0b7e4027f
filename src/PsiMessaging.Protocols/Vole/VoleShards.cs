namespace PsiMessaging.Protocols.Vole;

/// <summary>
/// Into how many shards the sets of a <c>vole</c> session are cut, and how large every shard is made. Both follow from the two announced sizes and nothing
/// else, so that both parties know them before the first round, and whoever sees the rounds learns from them what it knew.
/// </summary>
/// <param name="Count">Number of shards, 1 to <see cref="Maximum"/>; 1 leaves the sets whole.</param>
/// <param name="ReceiverSize">Items in every shard of the receiver, what it is filled up with among them.</param>
/// <param name="SenderSize">The same of the sender.</param>
internal sealed record VoleShards(int Count, int ReceiverSize, int SenderSize)
{
    /// <summary>Most shards: each has its own rounds, and rounds are numbered up to 255 on the wire.</summary>
    public const int Maximum = 255 / VoleSettings.MatchesRound;

    /// <summary>A shard overflows anywhere in a session with at most the chance 2^-40, by this bound: 40 bits, and 5 for up to 32 shards.</summary>
    private const int OverflowBits = FalseMatchBound.StatisticalSecurityParameterBits + 5;

    /// <summary>
    /// Largest set of either side that stays whole. The vectors of one of 2^22 take some 0.8 GB of the receiver; a larger one is quicker in shards too.
    /// </summary>
    public const int LargestWhole = 1 << 22;

    private const double NaturalLogarithmOf2 = 0.693147180559945309;

    /// <summary>When sets are cut, and into what.</summary>
    /// <param name="Target">Items that a shard of the larger set has on average.</param>
    /// <param name="Receiver">Largest set of a receiver that stays whole.</param>
    /// <param name="Sender">Largest set of a sender that stays whole.</param>
    public sealed record Limits(int Target, int Receiver, int Sender);

    /// <summary>The limits in force. Tests put in smaller ones, so that small sets are cut.</summary>
    public static Limits InForce { get; set; } = new(3 << 20, LargestWhole, LargestWhole);

    /// <summary>
    /// Largest set of either side. 23 shards of the sizes that stay whole would hold more; but all batches of a session wait at the peer until its end, for a
    /// restart, and a peer keeps 4 GiB of them: 17.6 bytes for each item of the receiver, up to 16 for each of the sender.
    /// </summary>
    public const int LargestSet = 200_000_000;

    /// <summary>The shards for two sizes.</summary>
    /// <param name="receiver">Announced size of the receiver's set, 0 or more.</param>
    /// <param name="sender">Announced size of the sender's set, 0 or more.</param>
    public static VoleShards Of(int receiver, int sender)
    {
        var limits = InForce;
        var larger = Math.Max(receiver, sender);
        return receiver <= limits.Receiver && sender <= limits.Sender ? new VoleShards(1, receiver, sender)
            : Cut((int)Math.Clamp(((long)larger + limits.Target - 1) / limits.Target, 2, Maximum), receiver, sender);
    }

    /// <summary>A number of shards for two sizes.</summary>
    /// <param name="shards">2 to <see cref="Maximum"/>.</param>
    /// <param name="receiver">Announced size of the receiver's set, 0 or more.</param>
    /// <param name="sender">Announced size of the sender's set, 0 or more.</param>
    public static VoleShards Cut(int shards, int receiver, int sender) => new(shards, PaddedSize(receiver, shards), PaddedSize(sender, shards));

    /// <summary>
    /// Size to which every shard is filled up, 1 or more: any of them has more items than this with at most the chance 2^-40, whatever the set. An item falls
    /// into a shard with the chance p = 1/S, independently of the others (the hash as a random function, under a key drawn after the set was fixed); with n
    /// items, by Bernstein's inequality (S. N. Bernstein 1924; Boucheron, Lugosi, Massart, Concentration Inequalities, 2013, (2.10)), the chance of np + t or
    /// more is at most exp(−t² / (2(np(1−p) + t/3))), which is 2^-45 at t = L/3 + √(L²/9 + 2L·np(1−p)) with L = 45·ln 2; and the union bound over S ≤ 32
    /// shards. No more than n. Sums, products, quotients and roots are the same on every machine (IEEE 754), logarithms would not be.
    /// </summary>
    /// <param name="size">Announced size of the set, n.</param>
    /// <param name="shards">Number of shards, S.</param>
    public static int PaddedSize(int size, int shards)
    {
        const double Bits = OverflowBits * NaturalLogarithmOf2;
        var mean = (double)size / shards;
        var variance = mean * (shards - 1) / shards;
        var excess = (Bits / 3) + Math.Sqrt((Bits * Bits / 9) + (2 * Bits * variance));
        return Math.Max(1, (int)Math.Min(size, Math.Ceiling(mean + excess)));
    }
}
