using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Oprf;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Vole;

namespace PsiMessaging.Protocols.HiddenIntersection;

/// <summary>
/// One party's side of the set-up of a hidden intersection (docs/hidden.md): with the peer two runs of the oblivious pseudorandom function of <c>vole</c>,
/// roles exchanged, without outputs; then tokens to the linker, and one oblivious transfer a record of the keys that mask the peer's uploads. The party learns
/// the peer's announced size and nothing else: neither which of its records are matched nor how many. Own analysis, not reviewed.
/// </summary>
/// <remarks>
/// Tokens go in ascending order: they are pseudorandom, so that the order says nothing, and it needs no further secret. All that is drawn comes from the seed
/// and the transcript: the same inputs give the same bytes after any restart. Not thread-safe, but the tasks of rounds may be awaited together.
/// </remarks>
public sealed class HiddenParty : IDisposable
{
    private const int Runs = 2;

    private readonly HiddenPartySetup _setup;
    private readonly HiddenSizes _sizes;
    private readonly VoleParty[] _runs;
    private readonly KeyTransferSender _transfer;
    private SortedTags? _tokens;
    private BlockBuffer? _uploadKeys;
    private BlockBuffer? _transferKeys;

    /// <param name="setup">What was agreed.</param>
    /// <exception cref="ProtocolViolationException">The announced sizes are more than the protocol takes.</exception>
    public HiddenParty(HiddenPartySetup setup)
    {
        (_setup, _sizes) = (setup, Checked(() => setup.Sizes.Check()));
        setup.Dummies.Check();
        _runs = [.. Enumerable.Range(0, Runs).Select(run => VoleParty.Create(setup.SettingsOf(run), receives: (run == 0) == setup.IsInitiator, setup.Seed,
            (_, cancellation) => Hash(setup.SettingsOf(run).Transcript, cancellation), setup.Cores))];
        Rounds = [.. _runs.SelectMany((run, i) => run.Rounds.Select(round => Shift(round, i * VoleSettings.MatchesRound)))];
        using var secret = setup.Seed.Derive(setup.Transcript, DomainTags.HiddenPartySecret, KeyTransfer.SecretSizeBytes);
        _transfer = new KeyTransferSender(secret, setup.Transcript, setup.IsInitiator, OwnRecords, setup.Cores);
    }

    /// <summary>The rounds with the peer, of both runs, which may go at once.</summary>
    public IReadOnlyList<Round> Rounds { get; }

    /// <summary>Own records, dummies among them.</summary>
    public int OwnRecords => _sizes.RecordsOf(_setup.IsInitiator);

    /// <summary>How the own tokens are cut.</summary>
    public MessageCut TokensCut => _sizes.TokensOf(_setup.IsInitiator);

    /// <summary>The message of the base transfers to the linker, 8,192 bytes.</summary>
    public byte[] Choice => _transfer.Choice;

    /// <summary>Keys that mask this party's own uploads, in the order of its tokens. Secret.</summary>
    public BlockBuffer UploadKeys => _uploadKeys ?? throw NotReady();

    /// <summary>Keys that mask the peer's uploads, at this party's records, in the order of its tokens. Secret.</summary>
    public BlockBuffer PeerKeys => _transferKeys ?? throw NotReady();

    private static Round Shift(Round round, int by) => round with { Number = round.Number + by, After = [.. round.After.Select(former => former + by)] };

    private (VoleParty Party, Round Round) RunOf(Round round)
    {
        var run = (round.Number - 1) / VoleSettings.MatchesRound;
        return (_runs[run], Shift(round, -run * VoleSettings.MatchesRound));
    }

    /// <summary>A batch of a round that this party sends; everything the round is <see cref="Round.After"/> must have been absorbed.</summary>
    /// <exception cref="RestartException">The protocol must begin again under other keys.</exception>
    /// <exception cref="ProtocolViolationException">What the peer sent breaks the protocol.</exception>
    public Task<byte[]> ProduceAsync(Round round, int sequence)
    {
        var (party, own) = RunOf(round);
        return party.ProduceAsync(own, sequence);
    }

    /// <summary>Takes a batch of a round that the peer sends; each once, in any order.</summary>
    /// <exception cref="ProtocolViolationException">It breaks the protocol, or there is no such batch.</exception>
    public Task AbsorbAsync(Round round, int sequence, ReadOnlyMemory<byte> payload)
    {
        if (sequence < 0 || sequence >= round.Batches)
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"batch {sequence} of round {round.Name} came where there are {round.Batches}");
        }

        var (party, own) = RunOf(round);
        return party.AbsorbAsync(own, sequence, payload);
    }

    /// <summary>Makes tokens and keys when all rounds are over.</summary>
    /// <exception cref="RestartException">Two own records have the same token, less likely than 2^-40; the protocol must begin again.</exception>
    public async Task FinishRoundsAsync()
    {
        using var first = await _runs[0].ValuesAsync();
        using var second = await _runs[1].ValuesAsync();
        await _setup.Cores.Run(() =>
        {
            var (tokens, initiator, responder) = IdentityKeys.Derive(_setup.Transcript, first, second, _setup.Cores);
            using (tokens)
            using (initiator)
            using (responder)
            {
                _tokens = SortedTags.Create(tokens, _sizes.TokenSizeBytes, _setup.Cores) ?? throw new RestartException("two records have the same token");
                _uploadKeys = InTokenOrder(_setup.IsInitiator ? initiator : responder);
                _transferKeys = InTokenOrder(_setup.IsInitiator ? responder : initiator);
            }

            return true;
        });
    }

    private BlockBuffer InTokenOrder(BlockBuffer keys)
    {
        var ordered = new BlockBuffer(keys.Length);
        for (var place = 0; place < keys.Length; place++)
        {
            ordered.Span[place] = keys.Span[_tokens!.RowOf(place)];
        }

        return ordered;
    }

    /// <summary>Which own identifier, by its position, stands at a place among the tokens; -1 for a dummy, whose rows are zero in every question.</summary>
    public int PositionOf(int place)
    {
        var row = (_tokens ?? throw NotReady()).RowOf(place);
        return row < _setup.OwnSize ? row : -1;
    }

    /// <summary>A part of the tokens for the linker.</summary>
    public byte[] Tokens(int sequence)
    {
        var tokens = _tokens ?? throw NotReady();
        var message = new byte[TokensCut.SizeOf(sequence)];
        tokens.CopyTo(TokensCut.FirstOf(sequence), message);
        return message;
    }

    /// <summary>Takes the linker's message of the base transfers.</summary>
    /// <exception cref="ProtocolViolationException">It is no valid element.</exception>
    public void TakeOffer(ReadOnlyMemory<byte> offer) => Checked(() => _transfer.TakeOffer(offer.Span));

    /// <summary>Takes a part of the linker's columns.</summary>
    /// <exception cref="ProtocolViolationException">It does not fit the announced sizes, or came before.</exception>
    public void TakeColumns(int sequence, ReadOnlyMemory<byte> message) => Checked(() => _transfer.TakeColumns(sequence, message.Span));

    /// <summary>Takes the opening of the transfer's check.</summary>
    /// <exception cref="ProtocolViolationException">It came out of turn, or the check fails.</exception>
    public void TakeOpening(ReadOnlyMemory<byte> opening) => Checked(() => _transfer.TakeOpening(opening.Span));

    /// <summary>A part of the covered keys for the linker.</summary>
    /// <param name="sequence">Which message of <see cref="KeyTransfer.KeysCut"/>.</param>
    public byte[] CoveredKeys(int sequence) => _transfer.Keys(sequence, PeerKeys);

    /// <summary>Hashes of the own set, then of the common dummies, then of the own ones: the last two are blocks that nobody else tells from hashes.</summary>
    private ItemHashes Hash(byte[] transcript, CancellationToken cancellation)
    {
        var hashes = new ItemHashes(OwnRecords, both: false, transcript);
        try
        {
            _setup.ReadItems(hashes.Add, cancellation);
            var common = _setup.Dummies.Draw(_setup.Shared, _setup.Transcript);
            Fill(_setup.Shared, hashes, _setup.OwnSize, common);
            Fill(_setup.Seed, hashes, _setup.OwnSize + common, _setup.Dummies.Dummies - common);
            return hashes;
        }
        catch
        {
            hashes.Dispose();
            throw;
        }
    }

    private void Fill(SecretBytes secret, ItemHashes hashes, int first, int count)
    {
        using var key = secret.Derive(_setup.Transcript, DomainTags.HiddenDummies, Aes128.KeySizeBytes);
        using var stream = new Aes128(key.Span);
        stream.Counter(0, hashes.First.Span.Slice(first, count));
    }

    private static void Checked(Action body) => Checked(() =>
    {
        body();
        return true;
    });

    private static T Checked<T>(Func<T> body)
    {
        try
        {
            return body();
        }
        catch (InvalidDataException exception)
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, exception.Message);
        }
    }

    private static InvalidOperationException NotReady() => new("the rounds with the peer are not over");

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var run in _runs)
        {
            run.Dispose();
        }

        _transfer.Dispose();
        _tokens?.Dispose();
        _uploadKeys?.Dispose();
        _transferKeys?.Dispose();
    }
}
