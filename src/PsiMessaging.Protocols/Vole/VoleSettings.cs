using System.Security.Cryptography;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.KeyValueStore;
using PsiMessaging.Cryptography.ObliviousTransfer;
using PsiMessaging.Cryptography.Vole;

namespace PsiMessaging.Protocols.Vole;

/// <summary>
/// What both parties of a <c>vole</c> session agree on before the first round: sizes, sides, lengths. Everything follows from the hand-shake; a message of any
/// other length is refused.
/// </summary>
/// <param name="Transcript">Hash of the hand-shake, 32 bytes.</param>
/// <param name="ReceiverSize">Set size of the receiver, who encodes its set and learns the result.</param>
/// <param name="SenderSize">Set size of the sender, who holds Δ.</param>
/// <param name="IsMalicious">Whether the checks beyond that of the extension run: trees, output key, whole outputs.</param>
/// <param name="AnswersResult">Whether the receiver tells the sender the result.</param>
public sealed record VoleSettings(byte[] Transcript, int ReceiverSize, int SenderSize, bool IsMalicious, bool AnswersResult)
{
    /// <summary>Largest set of a receiver, or what of it is in one shard.</summary>
    public const int MaximumReceiverSize = 1 << 24;
    /// <summary>Largest set of a sender, or what of it is in one shard.</summary>
    public const int MaximumSenderSize = 1 << 25;

    /// <summary>Round in which the sender releases its outputs.</summary>
    public const int OutputsRound = 10;
    /// <summary>Round in which the receiver tells what is common.</summary>
    public const int MatchesRound = 11;

    /// <summary>Bytes of a share of w, and of the nonce its commitment is made with.</summary>
    internal const int ShareSizeBytes = 16, CommitmentNonceSizeBytes = 32, CommitmentSizeBytes =
        SHA256.HashSizeInBytes, ClaimSizeBytes = SHA256.HashSizeInBytes;

    /// <summary>Longest batch, in bytes.</summary>
    internal const int BatchSizeBytes = 1024 * 1024;

    /// <summary>Start positions of the store.</summary>
    internal int Starts { get; } = RandomBandStore.StartsOf(ReceiverSize);

    /// <summary>Elements of the store that travel.</summary>
    internal int Columns { get; } = RandomBandStore.ColumnsOf(ReceiverSize);

    /// <summary>Sizes of the VOLE.</summary>
    internal LpnParameters Lpn { get; } = LpnParameters.For(RandomBandStore.LengthOf(RandomBandStore.StartsOf(ReceiverSize)));

    /// <summary>Memory a side takes at most, roughly, in bytes: for whoever decides how many sessions run at once.</summary>
    /// <param name="receives">Whether it is the receiver.</param>
    public long EstimatedMemoryBytes(bool receives) =>
        (receives ? (72L * ReceiverSize) + (128L * Lpn.Outputs)
            + (KeepsOutputs ? (long)SenderSize * TagSizeBytes : 0) : (88L * SenderSize) + (48L * Lpn.Outputs)) + (8 << 20);

    /// <summary>
    /// Whether the receiver keeps the sender's outputs and compares when all rounds are over: in the malicious variant, whose output key comes late, and where
    /// it alone learns the result, since how long comparing takes depends on how much is common and shows in what it grants next.
    /// </summary>
    internal bool KeepsOutputs => IsMalicious || !AnswersResult;

    /// <summary>
    /// Whether outputs are released and compared. Otherwise rounds 10 and 11 fall away and each side keeps its values (<see cref="VoleParty.ValuesAsync"/>):
    /// the oblivious pseudorandom function alone, of which the receiver has the values of its set and the sender the key.
    /// </summary>
    public bool ComparesOutputs { get; init; } = true;

    /// <summary>Bytes of an output: in the malicious variant all 16.</summary>
    internal int TagSizeBytes { get; init; } = IsMalicious ? 16 : FalseMatchBound.TagSizeBytes(ReceiverSize, SenderSize);

    /// <summary>Bytes that say which of the sender's outputs are common.</summary>
    internal int BitmapSizeBytes => (SenderSize + 7) / 8;

    /// <summary>A public key for a purpose.</summary>
    /// <param name="purpose">Its name.</param>
    /// <param name="binding">Transcript, or the session hash with the base transfers.</param>
    internal static byte[] Key(string purpose, byte[] binding) =>
        SHA256.HashData([.. DomainTags.VoleKey, .. System.Text.Encoding.ASCII.GetBytes(purpose), 0, .. binding])[..16];

    internal VoleKeys VoleKeys(byte[] session) => new(Key("left", session), Key("right", session), Key("transfer", session), Key("code", session));

    /// <summary>The rounds, seen from one side. Numbers are those of the wire.</summary>
    internal IReadOnlyList<Round> Rounds(bool receives)
    {
        var rounds = new List<Round>();
        Add(1, "base offer", fromReceiver: true, 1, BaseTransfer.OfferSizeBytes, []);
        Add(1, "base choice", fromReceiver: false, 1, BaseTransfer.ChoiceSizeBytes + (IsMalicious ? CommitmentSizeBytes : 0), []);
        Add(2, "extension", fromReceiver: true, Lpn.TransferTiles(IsMalicious), TransferExtension.TileSizeBytes, [1]);
        Add(3, "extension check", fromReceiver: true, 1, TransferExtension.OpeningSizeBytes, [1]);
        Add(4, "trees", fromReceiver: false, Lpn.Noise, Lpn.TreeSizeBytes, [2, 3]);
        if (IsMalicious)
        {
            Add(5, "tree challenge", fromReceiver: true, 1, SilentVole.ChallengeSizeBytes, [4]);
            Add(6, "tree answer", fromReceiver: false, 1, SilentVole.AnswerSizeBytes, [5]);
            Add(8, "share", fromReceiver: true, 1, ShareSizeBytes, [6]);
            Add(9, "opening", fromReceiver: false, 1, ShareSizeBytes + CommitmentNonceSizeBytes, [7, 8]);
        }

        Add(7, "masked store", fromReceiver: true, Columns, 16, IsMalicious ? [6] : [4]);
        if (ComparesOutputs)
        {
            Add(OutputsRound, "outputs", fromReceiver: false, SenderSize, TagSizeBytes, IsMalicious ? [7, 8] : [7]);
        }

        if (ComparesOutputs && AnswersResult)
        {
            Add(MatchesRound, "matches", fromReceiver: true, BitmapSizeBytes + ClaimSizeBytes, 1, IsMalicious ? [9, 10] : [10]);
        }

        return rounds;

        void Add(int number, string name, bool fromReceiver, int elements, int size, int[] after) => rounds.Add(
            new Round(number, name, fromReceiver == receives ? RoundDirection.Outgoing : RoundDirection.Incoming, elements, size, BatchElementsOf(size))
            {
                Source = RoundSource.Vector,
                After = fromReceiver == receives ? after : Before(number),
            });

        // A multiple of eight, so that bits that stand for elements begin at a byte.
        static int BatchElementsOf(int size) => BatchSizeBytes / size < 8 ? 1 : BatchSizeBytes / size & ~7;

        // A batch is taken only after everything that the peer needed for it has left here.
        int[] Before(int number) =>
            number switch { 2 or 3 => [1], 4 => [2], 5 => [4], 6 => [5], 7 or 8 => IsMalicious ? [6] : [4], 9 or 10 => [7], 11 => [10], _ => [] };
    }
}
