using System.Collections;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.KeyValueStore;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Oprf;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Protocols.Vole;

/// <summary>
/// PSI from vector oblivious linear evaluation (Raghuraman, Rindal, ePrint 2022/320): the receiver encodes its set in an oblivious key-value store, masks it
/// with a silent VOLE and sends it; the sender answers with the outputs of the oblivious pseudorandom function that this gives, at its own items, sorted.
/// Rounds: 1 base transfers (both ways), 2 extension and 3 its check, 4 trees, 7 masked store, 10 outputs, 11 matches; in the malicious variant also 5, 6, 8
/// and 9. docs/protocols.md.
/// </summary>
/// <remarks>
/// Who learns what, beside both sizes: the receiver which of its items are common; the sender the same where the receiver answers, otherwise nothing. Assumed:
/// dual LPN for the code in use, AES as an ideal cipher, Diffie–Hellman on ristretto255, honest-but-curious parties; the check of the extension, which always
/// runs, keeps Δ from a receiver that is not. The malicious variant has not been reviewed.
/// Everything drawn comes from the seed and the transcript: the same inputs give the same bytes after any restart.
/// </remarks>
public abstract class VoleParty : IVectorParty
{
    private readonly SecretBytes _seed;
    private readonly Dictionary<int, IncomingVector> _incoming = [];
    private readonly CancellationTokenSource _disposed = new();
    private readonly ConcurrentBag<IDisposable> _owned = [];
    private readonly List<Task> _steps = [];
    private readonly Lock _stepsLock = new();
    private bool _isDisposed;

    private protected VoleParty(VoleSettings settings, bool receives, SecretBytes seed, Func<bool, CancellationToken, ItemHashes> items, Cores cores)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(settings.Transcript.Length, 32);
        (Settings, Cores, Rounds, TagSizeBytes) = (settings, cores, settings.Rounds(receives), settings.TagSizeBytes);
        _seed = seed.Derive(settings.Transcript, DomainTags.VoleSeed, 32);
        Oprf = new VoleOprf(VoleSettings.Key("value", settings.Transcript), VoleSettings.Key("output", settings.Transcript));
        foreach (var round in Rounds.Where(round => round.Direction == RoundDirection.Incoming))
        {
            _incoming.Add(round.Number,
                new IncomingVector(round, stored: round.Number != 7 && (settings.KeepsOutputs || round.Number != VoleSettings.OutputsRound)));
        }

        Items = new Lazy<Task<(BandRows Rows, BlockBuffer Values)>>(() => Step(() =>
        {
            using var hashes = items(settings.IsMalicious, _disposed.Token);
            var rows = Own(BandRows.Create(hashes.First, settings.Starts, VoleSettings.Key("row", settings.Transcript), cores));
            return (rows, Own(Oprf.Values(rows, hashes.Second, cores)));
        }));
    }

    /// <summary>This party's side of the protocol.</summary>
    /// <param name="settings">What was agreed.</param>
    /// <param name="receives">Whether this party is the receiver.</param>
    /// <param name="seed">This party's secret seed of this attempt, 32 bytes; stays owned by the caller.</param>
    /// <param name="items">Hashes the own set; called once, on one of the threads. Gets whether the second halves are wanted, and when to give up.</param>
    /// <param name="cores">Threads; stays owned by the caller.</param>
    public static VoleParty Create(VoleSettings settings, bool receives, SecretBytes seed, Func<bool, CancellationToken, ItemHashes> items, Cores cores) =>
        receives ? new VoleReceiverParty(settings, seed, items, cores) : new VoleSenderParty(settings, seed, items, cores);

    /// <inheritdoc/>
    public IReadOnlyList<Round> Rounds { get; }

    /// <inheritdoc/>
    public int TagSizeBytes { get; }

    private protected VoleSettings Settings { get; }

    private protected Cores Cores { get; }

    private protected VoleOprf Oprf { get; }

    /// <summary>Own items in the order of their rows, and their values v; begun when first asked for.</summary>
    private protected Lazy<Task<(BandRows Rows, BlockBuffer Values)>> Items { get; }

    /// <inheritdoc/>
    public abstract Task<byte[]> ProduceAsync(Round round, int sequence);

    /// <inheritdoc/>
    public abstract Task AbsorbAsync(Round round, int sequence, ReadOnlyMemory<byte> payload);

    /// <inheritdoc/>
    public abstract Task<(BitArray Positions, int Count)> FinishAsync();

    /// <summary>Values of the function at the own items, by position, where outputs are not compared; all rounds must be over. Secret; the caller's.</summary>
    /// <exception cref="ProtocolViolationException">What the peer sent breaks the protocol.</exception>
    /// <exception cref="RestartException">The protocol must begin again under other keys.</exception>
    public async Task<BlockBuffer> ValuesAsync()
    {
        if (Settings.ComparesOutputs)
        {
            throw new InvalidOperationException("values leave a session's party only where outputs are not compared");
        }

        var ((rows, _), evaluated) = (await Items.Value, await EvaluateAsync());
        return await Step(() =>
        {
            var values = new BlockBuffer(rows.Count);
            for (var row = 0; row < rows.Count; row++)
            {
                values.Span[rows.IndexOf(row)] = evaluated.Span[row];
            }

            return values;
        });
    }

    /// <summary>Values of the function at the own items, in the order of their rows; once.</summary>
    private protected abstract Task<BlockBuffer> EvaluateAsync();

    private protected IncomingVector Incoming(int round) => _incoming[round];

    /// <summary>Secret for a purpose, from the seed.</summary>
    private protected SecretBytes Draw(string purpose, int sizeBytes) =>
        _seed.Derive([], [.. DomainTags.VoleSeed, .. System.Text.Encoding.ASCII.GetBytes(purpose)], sizeBytes);

    private protected SecretBytes BaseSeed() => Draw("/base", 32);

    private protected Vector128<byte> DrawBlock(string purpose)
    {
        using var bytes = Draw(purpose, 16);
        return Vector128.Create<byte>(bytes.Span);
    }

    /// <summary>What every key after the base transfers is bound to.</summary>
    private protected byte[] SessionHash(ReadOnlySpan<byte> offer, ReadOnlySpan<byte> choice) =>
        SHA256.HashData([.. DomainTags.VoleSession, .. Settings.Transcript, .. offer, .. choice]);

    /// <summary>
    /// Challenge of the extension's check. Bound to both messages of the base transfers: under endemic transfers a challenge from the extension alone could be
    /// known before the keys are fixed (Asharov, ePrint 2026/976, at second hand), and the check would show nothing.
    /// </summary>
    private protected static byte[] ExtensionChallenge(byte[] session, ReadOnlySpan<byte> message) =>
        SHA256.HashData([.. DomainTags.VoleExtensionCheck, .. session, .. SHA256.HashData(message)]);

    private protected byte[] Commit(ReadOnlySpan<byte> opening) => SHA256.HashData([.. DomainTags.VoleCommitment, .. Settings.Transcript, .. opening]);

    private protected static byte[] Slice(byte[] vector, Round round, int sequence) =>
        vector.AsSpan(round.FirstOf(sequence) * round.ElementSizeBytes, round.CountOf(sequence) * round.ElementSizeBytes).ToArray();

    /// <summary>Hash over the values of what is claimed to be common, in the order of the sender's outputs: only who holds them all can make it.</summary>
    private protected byte[] ClaimOf(SortedTags tags, BlockBuffer evaluated, Func<int, bool> isCommon)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(DomainTags.VoleClaim);
        hash.AppendData(Settings.Transcript);
        Span<Vector128<byte>> values = stackalloc Vector128<byte>[256];
        var count = 0;
        for (var place = 0; place < tags.Count; place++)
        {
            if (!isCommon(place))
            {
                continue;
            }

            values[count++] = evaluated.Span[tags.RowOf(place)];
            if (count == values.Length)
            {
                hash.AppendData(MemoryMarshal.AsBytes(values));
                count = 0;
            }
        }

        hash.AppendData(MemoryMarshal.AsBytes(values[..count]));
        values.Clear();
        return hash.GetHashAndReset();
    }

    /// <summary>A consistency check that failed. One text for all: which one, and where, would tell a cheater about secrets.</summary>
    private protected static ProtocolViolationException FailedCheck() => new(FailureCodes.FailedCheck, "a consistency check of the protocol failed");

    /// <summary>Own items, by position, whose tags are common. The same is done for each, so that the time says nothing about which and how many.</summary>
    /// <param name="rows">Own items in the order of their rows.</param>
    /// <param name="tags">Their tags.</param>
    /// <param name="common">1 for a place that is common, 0 for any other.</param>
    private protected static (BitArray Positions, int Count) Positions(BandRows rows, SortedTags tags, Func<int, int> common)
    {
        var (words, count) = (new int[(rows.Count + 31) / 32], 0);
        for (var place = 0; place < tags.Count; place++)
        {
            var (position, bit) = (rows.IndexOf(tags.RowOf(place)), common(place));
            words[position >> 5] |= bit << position;
            count += bit;
        }

        return (new BitArray(words) { Length = rows.Count }, count);
    }

    private protected static SortedTags Sorted(BlockBuffer outputs, int tagSizeBytes, Cores cores) =>
        SortedTags.Create(outputs, tagSizeBytes, cores) ?? throw new RestartException("two items have the same output");

    /// <summary>A computation on the party's threads, waited for before the party is disposed of.</summary>
    private protected Task<T> Step<T>(Func<T> body)
    {
        lock (_stepsLock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            var step = Cores.Run(() =>
            {
                _disposed.Token.ThrowIfCancellationRequested();
                return body();
            });
            _steps.Add(step);
            return step;
        }
    }

    /// <summary>Forgets what is no buffer.</summary>
    private protected virtual void Wipe()
    {
    }

    /// <summary>A buffer that is wiped with the party, if not before.</summary>
    private protected T Own<T>(T buffer)
        where T : IDisposable
    {
        _owned.Add(buffer);
        return buffer;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Task[] steps;
        lock (_stepsLock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            steps = [.. _steps];
        }

        // What still runs reads the buffers; it is short, or looks at the token.
        _disposed.Cancel();
        Task.WhenAll(steps).ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
        foreach (var buffer in _owned)
        {
            buffer.Dispose();
        }

        Wipe();
        Oprf.Dispose();
        _seed.Dispose();
        _disposed.Dispose();
    }
}
