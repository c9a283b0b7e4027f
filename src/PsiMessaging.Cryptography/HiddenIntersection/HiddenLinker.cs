using System.Runtime.InteropServices;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Oprf;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.HiddenIntersection;

/// <summary>
/// The linker's side of the set-up of a hidden intersection (docs/hidden.md): it matches pseudorandom tokens of both parties, which come in ascending order,
/// and takes the mask keys of unmatched records by oblivious transfer, once a direction. It learns both sizes and how many tokens are common, and of records
/// nothing. The same secret gives the same messages. Not thread-safe.
/// </summary>
public sealed class HiddenLinker : IDisposable
{
    private readonly HiddenSizes _sizes;
    private readonly Cores _cores;
    private readonly MessageIntake[] _tokens;
    private readonly KeyTransferReceiver[] _transfers;
    private int[][]? _partners;

    /// <param name="sizes">What was announced.</param>
    /// <param name="secret">The linker's secret for the session, 32 random bytes; stays the caller's.</param>
    /// <param name="cores">Threads; stay the caller's.</param>
    /// <exception cref="InvalidDataException">The sizes cannot be.</exception>
    public HiddenLinker(HiddenSizes sizes, SecretBytes secret, Cores cores)
    {
        (_sizes, _cores) = (sizes.Check(), cores);
        _tokens = [new MessageIntake(sizes.TokensOf(initiator: true)), new MessageIntake(sizes.TokensOf(initiator: false))];
        _transfers = [Transfer(true), Transfer(false)];

        KeyTransferReceiver Transfer(bool initiator) => new(secret, sizes.Transcript, initiator, sizes.RecordsOf(initiator), cores);
    }

    /// <summary>How many tokens are common, with common dummies; known after <see cref="Match"/>.</summary>
    public int Matched { get; private set; }

    private static int Side(bool initiator) => initiator ? 0 : 1;

    /// <summary>Takes a part of a party's tokens.</summary>
    /// <exception cref="InvalidDataException">It does not fit the announced sizes, or came before.</exception>
    public void TakeTokens(bool ofInitiator, int sequence, ReadOnlySpan<byte> message) => _tokens[Side(ofInitiator)].Take(sequence, message);

    /// <summary>The transfer of a party's keys.</summary>
    public KeyTransferReceiver TransferOf(bool initiator) => _transfers[Side(initiator)];

    /// <summary>Matches.</summary>
    /// <exception cref="InvalidDataException">Tokens are missing, or not in strictly ascending order, so that two may be equal.</exception>
    public void Match()
    {
        var (mine, theirs) = (_tokens[0].Cut, _tokens[1].Cut);
        using var blocks = Blocks(_tokens[0].Join(), mine);
        using var sorted = SortedTags.Create(blocks, mine.ElementSizeBytes, _cores) ?? throw NotAscending(mine);
        var others = _tokens[1].Join();
        RequireAscending(others, theirs);
        var found = new byte[(theirs.Elements + 7) / 8];
        if (!sorted.TryMatch(others, found))
        {
            throw NotAscending(theirs);
        }

        // Both are ascending: the r-th common token of one is the r-th of the other.
        _partners = [Filled(mine.Elements), Filled(theirs.Elements)];
        for (var (i, j) = (0, 0); j < theirs.Elements; j++)
        {
            if ((found[j >> 3] & (1 << (j & 7))) == 0)
            {
                continue;
            }

            while (!sorted.IsCommon(i))
            {
                i++;
            }

            (_partners[0][i], _partners[1][j]) = (j, i);
            (i, Matched) = (i + 1, Matched + 1);
        }
    }

    /// <summary>
    /// Makes the columns of the transfer of a party's keys: before the other party's first question, since these keys serve that one's questions alone.
    /// </summary>
    /// <param name="ofInitiator">Whether it is the initiator whose keys are transferred.</param>
    /// <exception cref="InvalidDataException">Nothing is matched yet, or the party's choice is missing or of no use.</exception>
    public void Choose(bool ofInitiator)
    {
        var partners = (_partners ?? throw NotMatched())[Side(ofInitiator)];
        _transfers[Side(ofInitiator)].Choose(j => partners[j] >= 0);
    }

    private static InvalidDataException NotMatched() => new("nothing is matched yet");

    private static int[] Filled(int count)
    {
        var partners = new int[count];
        Array.Fill(partners, -1);
        return partners;
    }

    private static InvalidDataException NotAscending(MessageCut cut) => new($"{cut.Name} are not in ascending order, or one came twice");

    private static void RequireAscending(ReadOnlySpan<byte> tokens, MessageCut cut)
    {
        for (var at = cut.ElementSizeBytes; at < tokens.Length; at += cut.ElementSizeBytes)
        {
            if (tokens.Slice(at - cut.ElementSizeBytes, cut.ElementSizeBytes).SequenceCompareTo(tokens.Slice(at, cut.ElementSizeBytes)) >= 0)
            {
                throw NotAscending(cut);
            }
        }
    }

    private static BlockBuffer Blocks(ReadOnlySpan<byte> tokens, MessageCut cut)
    {
        RequireAscending(tokens, cut);
        var blocks = new BlockBuffer(cut.Elements);
        var bytes = MemoryMarshal.AsBytes(blocks.Span);
        for (var i = 0; i < cut.Elements; i++)
        {
            tokens.Slice(i * cut.ElementSizeBytes, cut.ElementSizeBytes).CopyTo(bytes[(16 * i)..]);
        }

        return blocks;
    }

    /// <summary>What serves the questions of one party. The caller owns it.</summary>
    /// <param name="ofInitiator">Whether the initiator asks.</param>
    /// <exception cref="InvalidDataException">The set-up is not over: nothing is matched, or covered keys of the other party are missing.</exception>
    public MatchedRecords RecordsFor(bool ofInitiator)
    {
        var partners = _partners ?? throw NotMatched();
        return new MatchedRecords(partners[Side(!ofInitiator)], _sizes.RecordsOf(ofInitiator), _transfers[Side(!ofInitiator)].Finish());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var transfer in _transfers)
        {
            transfer.Dispose();
        }
    }
}
