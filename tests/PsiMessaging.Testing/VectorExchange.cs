using System.Buffers.Binary;
using System.Collections;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.Protocols.Vole;

namespace PsiMessaging.Testing;

/// <summary>
/// Both parties of a protocol over whole vectors in one process, each batch handed from one to the other; a test may look at or change what travels.
/// </summary>
public sealed class VectorExchange : IDisposable
{
    private readonly SecretBytes _receiverSeed;
    private readonly SecretBytes _senderSeed;

    /// <param name="settings">What was agreed.</param>
    /// <param name="receiverItems">Hashes the receiver's set.</param>
    /// <param name="senderItems">Hashes the sender's set.</param>
    /// <param name="cores">Threads of the receiver and of the sender; stay the caller's.</param>
    /// <param name="seed">Makes the seeds; the same gives the same run.</param>
    public VectorExchange(
        VoleSettings settings, Func<bool, CancellationToken, ItemHashes> receiverItems,
        Func<bool, CancellationToken, ItemHashes> senderItems, (Cores Receiver, Cores Sender) cores, int? seed = null)
    {
        (_receiverSeed, _senderSeed) = (SeedOf(seed, 1), SeedOf(seed, 2));
        Receiver = VoleParty.Create(settings, receives: true, _receiverSeed, receiverItems, cores.Receiver);
        Sender = VoleParty.Create(settings, receives: false, _senderSeed, senderItems, cores.Sender);
    }

    public VoleParty Receiver { get; }

    public VoleParty Sender { get; }

    /// <summary>Bytes that went from receiver to sender and back.</summary>
    public (long ToSender, long ToReceiver) Bytes => (_toSender, _toReceiver);

    private long _toSender;
    private long _toReceiver;

    /// <summary>May change a batch on its way: whether it comes from the receiver, its round, its sequence, its bytes.</summary>
    public Func<bool, Round, int, byte[], byte[]> OnTheWay { get; set; } = (_, _, _, bytes) => bytes;

    /// <summary>Called when all batches are delivered and nobody has been asked for the result yet.</summary>
    public Action BeforeTheEnd { get; set; } = () => { };

    private static SecretBytes SeedOf(int? seed, int side)
    {
        if (seed is not { } value)
        {
            return SecretBytes.Random(32);
        }

        Span<byte> input = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(input, value);
        BinaryPrimitives.WriteInt32LittleEndian(input[4..], side);
        return SecretBytes.CopyOf(SHA256.HashData(input));
    }

    /// <summary>Hashes given identifiers for a session.</summary>
    public static Func<bool, CancellationToken, ItemHashes> Items(IReadOnlyList<string> items, byte[] transcript) => (both, _) =>
    {
        using var packed = new MemoryStream();
        Span<byte> length = stackalloc byte[4];
        foreach (var item in items)
        {
            var bytes = System.Text.Encoding.UTF8.GetBytes(item);
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            packed.Write(length);
            packed.Write(bytes);
        }

        var hashes = new ItemHashes(items.Count, both, transcript);
        hashes.Add(0, new PackedItems(packed.ToArray()));
        return hashes;
    };

    /// <summary>Runs all rounds and both ends.</summary>
    /// <returns>Positions of the common items at the receiver, and at the sender where it is told.</returns>
    public async Task<(BitArray Receiver, BitArray? Sender)> RunAsync()
    {
        using var stop = new CancellationTokenSource();
        var (toSender, toReceiver) = (new Progress(), new Progress());
        var sides = new[] { SendAsync(Receiver, Sender, toSender, toReceiver, fromReceiver: true, stop),
            SendAsync(Sender, Receiver, toReceiver, toSender, fromReceiver: false, stop) };
        await Task.WhenAll(sides);
        BeforeTheEnd();
        var (positions, _) = await Receiver.FinishAsync();
        return (positions, Sender.Rounds.Any(round => round.Number == 11) ? (await Sender.FinishAsync()).Positions : null);
    }

    private async Task SendAsync(IVectorParty from, IVectorParty to, Progress sent, Progress received, bool fromReceiver, CancellationTokenSource stop)
    {
        try
        {
            foreach (var round in from.Rounds.Where(round => round.Direction == RoundDirection.Outgoing).OrderBy(round => round.Number))
            {
                foreach (var former in round.After)
                {
                    await received.Of(former).WaitAsync(stop.Token);
                }

                var taken = to.Rounds.Single(other => other.Number == round.Number && other.Direction == RoundDirection.Incoming);
                for (var sequence = 0; sequence < round.Batches; sequence++)
                {
                    var batch = OnTheWay(fromReceiver, round, sequence, await from.ProduceAsync(round, sequence));
                    Interlocked.Add(ref fromReceiver ? ref _toSender : ref _toReceiver, batch.Length);
                    await to.AbsorbAsync(taken, sequence, batch);
                }

                sent.Complete(round.Number);
            }
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Receiver.Dispose();
        Sender.Dispose();
        _receiverSeed.Dispose();
        _senderSeed.Dispose();
    }

    private sealed class Progress
    {
        private readonly Dictionary<int, TaskCompletionSource> _rounds = [];
        private readonly Lock _lock = new();

        public Task Of(int round) => Source(round).Task;

        public void Complete(int round) => Source(round).TrySetResult();

        private TaskCompletionSource Source(int round)
        {
            lock (_lock)
            {
                return System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_rounds, round, out _) ??=
                    new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }
}
