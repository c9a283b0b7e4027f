using System.Buffers.Binary;
using System.Security.Cryptography;
using PsiMessaging.Analytics.Hidden;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Linker.Engines.Hidden;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.Protocols.HiddenIntersection;

namespace PsiMessaging.Testing;

/// <summary>A message on its way in a <see cref="HiddenExchange"/>.</summary>
/// <param name="From"><c>1</c>, <c>2</c> or <c>L</c>.</param>
/// <param name="To">The same.</param>
/// <param name="Name">What it is.</param>
/// <param name="Sequence">Its number among those of its name.</param>
/// <param name="Bytes">Its bytes.</param>
public sealed record HiddenMessage(char From, char To, string Name, int Sequence, byte[] Bytes);

/// <summary>
/// All three participants of a hidden intersection in one process, each message handed from one to the other; a test may look at or change what travels.
/// </summary>
public sealed class HiddenExchange : IDisposable
{
    private readonly SecretBytes[] _secrets;
    private readonly SecretBytes _shared;
    private readonly HiddenLinker _linker;
    private readonly Cores _cores;
    private readonly byte[] _transcript;
    private readonly int[] _counters = [0, 0];
    private int _questions;

    /// <param name="initiator">Identifiers of the party that opened the session.</param>
    /// <param name="responder">Identifiers of the other.</param>
    /// <param name="dummies">Which dummies blur the number of matches.</param>
    /// <param name="seed">Makes the secrets; the same gives the same run.</param>
    /// <param name="cores">Threads, the caller's.</param>
    public HiddenExchange(IReadOnlyList<string> initiator, IReadOnlyList<string> responder, DummyRule dummies, int seed = 1, Cores? cores = null)
        : this((initiator.Count, Reader(initiator)), (responder.Count, Reader(responder)), dummies, seed, cores)
    {
    }

    /// <summary>The same for sets that are read piece by piece.</summary>
    public HiddenExchange((int Count, ItemReader Read) initiator, (int Count, ItemReader Read) responder, DummyRule dummies, int seed = 1, Cores? cores = null)
    {
        _cores = cores ?? Cores.One;
        _transcript = Drawn(seed, 0);
        _secrets = [.. Enumerable.Range(1, 3).Select(side => SecretBytes.CopyOf(Drawn(seed, side)))];
        _shared = SecretBytes.CopyOf(Drawn(seed, 4));
        Parties = [Party(true, initiator, responder.Count), Party(false, responder, initiator.Count)];
        _linker = new HiddenLinker(Setup(true, initiator, responder.Count, dummies).Sizes, _secrets[2], _cores);

        HiddenParty Party(bool isInitiator, (int Count, ItemReader Read) own, int peer) => new(Setup(isInitiator, own, peer, dummies));
    }

    /// <summary>Initiator and responder.</summary>
    public HiddenParty[] Parties { get; }

    /// <summary>How many tokens the linker found in common.</summary>
    public int Matched => _linker.Matched;

    /// <summary>The linker's side of the set-up.</summary>
    public HiddenLinker Linker => _linker;

    /// <summary>All that went from one to the other, while <see cref="Keeps"/>.</summary>
    public List<HiddenMessage> Messages { get; } = [];

    /// <summary>Whether messages are kept.</summary>
    public bool Keeps { get; set; } = true;

    /// <summary>Bytes of all messages.</summary>
    public long Bytes { get; private set; }

    /// <summary>May change a message on its way.</summary>
    public Func<HiddenMessage, byte[]> OnTheWay { get; set; } = message => message.Bytes;

    private static byte[] Drawn(int seed, int side)
    {
        Span<byte> input = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(input, seed);
        BinaryPrimitives.WriteInt32LittleEndian(input[4..], side);
        return SHA256.HashData(input);
    }

    private static ItemReader Reader(IReadOnlyList<string> items) => (take, _) =>
    {
        Span<byte> length = stackalloc byte[4];
        for (var first = 0; first < items.Count; first += ItemBatch.Items)
        {
            using var packed = new MemoryStream();
            foreach (var item in items.Skip(first).Take(ItemBatch.Items))
            {
                var bytes = System.Text.Encoding.UTF8.GetBytes(item);
                BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
                packed.Write(length);
                packed.Write(bytes);
            }

            take(first, new PackedItems(packed.ToArray()));
        }
    };

    private HiddenPartySetup Setup(bool isInitiator, (int Count, ItemReader Read) own, int peer, DummyRule dummies) => new()
    {
        Transcript = _transcript, IsInitiator = isInitiator, OwnSize = own.Count, PeerSize = peer, Seed = _secrets[isInitiator ? 0 : 1], Shared = _shared,
        ReadItems = own.Read, Dummies = dummies, Cores = _cores,
    };

    private byte[] Deliver(char from, char to, string name, int sequence, byte[] bytes)
    {
        var sent = OnTheWay(new HiddenMessage(from, to, name, sequence, bytes));
        if (bytes.Length > MessageCut.MaximumSizeBytes)
        {
            throw new InvalidOperationException($"{name} has {bytes.Length} bytes");
        }

        Bytes += sent.Length;
        if (Keeps)
        {
            Messages.Add(new HiddenMessage(from, to, name, sequence, sent));
        }

        return sent;
    }

    /// <summary>The set-up, S1 to S5.</summary>
    public async Task SetUpAsync()
    {
        await RunRoundsAsync();
        foreach (var party in Parties)
        {
            await party.FinishRoundsAsync();
        }

        SendTokens();
        _linker.Match();
        TransferKeys(0);
        TransferKeys(1);
    }

    /// <summary>S1: both runs of the pseudorandom function.</summary>
    public async Task RunRoundsAsync()
    {
        foreach (var number in Parties[0].Rounds.Select(round => round.Number).Distinct().Order())
        {
            for (var side = 0; side < 2; side++)
            {
                foreach (var round in Parties[side].Rounds.Where(round => round.Number == number && round.Direction == RoundDirection.Outgoing))
                {
                    var taken = Parties[1 - side].Rounds.Single(other => other.Number == number && other.Direction == RoundDirection.Incoming);
                    for (var sequence = 0; sequence < round.Batches; sequence++)
                    {
                        await Parties[1 - side].AbsorbAsync(taken, sequence, Deliver("12"[side], "21"[side], $"round {number} {round.Name}", sequence,
                            await Parties[side].ProduceAsync(round, sequence)));
                    }
                }
            }
        }
    }

    /// <summary>S2: tokens and base transfers.</summary>
    public void SendTokens()
    {
        for (var side = 0; side < 2; side++)
        {
            var party = Parties[side];
            for (var sequence = 0; sequence < party.TokensCut.Batches; sequence++)
            {
                _linker.TakeTokens(side == 0, sequence, Deliver("12"[side], 'L', "tokens", sequence, party.Tokens(sequence)));
            }

            _linker.TransferOf(side == 0).TakeChoice(Deliver("12"[side], 'L', "choice", 0, party.Choice));
            party.TakeOffer(Deliver('L', "12"[side], "offer", 0, _linker.TransferOf(side == 0).Offer));
        }
    }

    /// <summary>S4 and S5: the transfer of one party's keys, for the questions of the other.</summary>
    /// <param name="side">0 for the initiator's keys, 1 for the responder's.</param>
    public void TransferKeys(int side)
    {
        _linker.Choose(ofInitiator: side == 0);
        var (party, transfer) = (Parties[side], _linker.TransferOf(side == 0));
        for (var sequence = 0; sequence < KeyTransfer.ExtensionCut(party.OwnRecords).Batches; sequence++)
        {
            party.TakeColumns(sequence, Deliver('L', "12"[side], "columns", sequence, transfer.Columns(sequence)));
        }

        party.TakeOpening(Deliver('L', "12"[side], "opening", 0, transfer.Opening));
        for (var sequence = 0; sequence < KeyTransfer.KeysCut(party.OwnRecords).Batches; sequence++)
        {
            transfer.TakeKeys(sequence, Deliver("12"[side], 'L', "covered keys", sequence, party.CoveredKeys(sequence)));
        }
    }

    /// <summary>A question, as its asking party has it answered.</summary>
    /// <param name="asker">0 for the initiator, 1 for the responder.</param>
    /// <param name="columns">p and q.</param>
    /// <param name="wordBits">w.</param>
    /// <param name="rowOf">Word of a party (0 for the initiator): side, own position, column.</param>
    /// <returns>p × q words, row after row.</returns>
    public ulong[] Ask(int asker, (int P, int Q) columns, int wordBits, Func<int, int, int, ulong> rowOf)
    {
        var (mine, theirs) = (Parties[asker], Parties[1 - asker]);
        var shape = new HiddenShape(mine.OwnRecords, theirs.OwnRecords, columns.P, columns.Q, wordBits);
        _questions++;
        var question = new HiddenQuestion(shape, _shared, _transcript, $"{_questions:D32}", ++_counters[asker], $"P{asker + 1}", "a question", "");
        using var asking = new HiddenAsker(question, mine.UploadKeys, _secrets[asker], _cores);
        var dealt = asking.Deal();
        var (a, b) = ("12"[asker], "21"[asker]);
        using var records = _linker.RecordsFor(asker == 0);
        using var product = new HiddenProduct(shape, records, Deliver(a, 'L', "triple", 0, dealt.ToLinker));
        var shares = dealt.SharesToContributor.Select((share, i) => Deliver(a, b, "triple shares", i, share)).ToArray();
        using var contributing = new HiddenContributor(question, theirs.PeerKeys, _secrets[1 - asker],
            Deliver(a, b, "triple seed", 0, dealt.SeedToContributor), shares);
        for (var i = 0; i < shape.AskedRows.Batches; i++)
        {
            product.TakeAsked(i, Deliver(a, 'L', "asked rows", i, asking.Mask(i, Words(shape.AskedRows, i, columns.P, asker, rowOf))));
        }

        for (var i = 0; i < shape.ContributedRows.Batches; i++)
        {
            var words = Words(shape.ContributedRows, i, columns.Q, 1 - asker, rowOf);
            product.TakeContributed(i, Deliver(b, 'L', "contributed rows", i, contributing.Mask(i, words)));
            contributing.TakeAligned(i, Deliver('L', b, "aligned rows", i, product.Aligned(i)), words);
        }

        var ofLinker = product.Finish(Deliver(b, 'L', "cover", 0, contributing.CoverSeed));
        return asking.Open([.. ofLinker.Select((share, i) => Deliver('L', a, "linker's share", i, share))],
            [.. contributing.Finish().Select((share, i) => Deliver(b, a, "contributor's share", i, share))]);
    }

    private ulong[] Words(MessageCut cut, int sequence, int columns, int side, Func<int, int, int, ulong> rowOf)
    {
        var (first, rows) = (cut.FirstOf(sequence), cut.CountOf(sequence));
        var words = new ulong[rows * columns];
        for (var i = 0; i < rows; i++)
        {
            if (Parties[side].PositionOf(first + i) is var position and >= 0)
            {
                for (var column = 0; column < columns; column++)
                {
                    words[(column * rows) + i] = rowOf(side, position, column);
                }
            }
        }

        return words;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var party in Parties)
        {
            party.Dispose();
        }

        _linker.Dispose();
        _shared.Dispose();
        foreach (var secret in _secrets)
        {
            secret.Dispose();
        }
    }
}
