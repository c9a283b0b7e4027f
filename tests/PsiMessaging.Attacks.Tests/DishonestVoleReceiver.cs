using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.KeyValueStore;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.ObliviousTransfer;
using PsiMessaging.Cryptography.Oprf;
using PsiMessaging.Cryptography.Ristretto;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Cryptography.Vole;
using PsiMessaging.Party.Rows;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.Protocols.Vole;

namespace PsiMessaging.Attacks.Tests;

/// <summary>
/// A receiver of the protocol <c>vole</c> that follows it but for some bits of round 2, to learn Δ and with it the sender's function at any identifier. In the
/// default variant, without <c>--security malicious</c>.
/// </summary>
public sealed class DishonestVoleReceiver
{
    private const int Own = 5000, Theirs = 5000, Common = 1000;

    private static readonly string[] Mine = Set(0, Own);
    private static readonly string[] Yours = Set(Own - Common, Theirs);

    private static string[] Set(int first, int count) => [.. Enumerable.Range(first, count).Select(i => $"person {i}")];

    /// <summary>
    /// 128 of some two million bits: of 16 trees the first of the packed rows, in 8 columns each. What the sender makes of it is right but for one element of C
    /// a tree, which is off by 8 bits of Δ; with a common identifier whose band has that element, 256 hashes tell which.
    /// </summary>
    [Fact]
    public async Task FlipsBitsOfTheExtension_ToLearnDeltaAndTestIdentifiersItNeverAnnounced()
    {
        var settings = new VoleSettings(RandomNumberGenerator.GetBytes(32), Own, Theirs, IsMalicious: false, AnswersResult: false);
        using var victim = new HonestSender(settings, Yours);
        var (loot, refusal) = await new Receiver(settings).AttackAsync(victim, flips: true);
        Assert.True(loot is null, $"{loot}");
        Assert.Equal(("failed-check", "a consistency check of the protocol failed"), (refusal?.Code, refusal?.Message));

        // Neither the trees, whose corrections depend on Δ, nor an output.
        Assert.Empty(victim.Released);
    }

    /// <summary>
    /// The same against a sender put together from the same layers without the check of round 3: that
    /// the attack above is one, and that the check is what stops it.
    /// </summary>
    [Fact]
    public async Task FlipsBitsOfTheExtension_OfASenderThatDoesNotCheck_ReadsItsWholeSet()
    {
        var settings = new VoleSettings(RandomNumberGenerator.GetBytes(32), Own, Theirs, IsMalicious: false, AnswersResult: false);
        using var victim = new UncheckingSender(settings, Yours);
        var (loot, _) = await new Receiver(settings).AttackAsync(victim, flips: true);
        Assert.NotNull(loot);
        Assert.Equal(victim.Delta, loot.Delta);
        Assert.Equal((Theirs - Common, Theirs - Common, 0), (loot.Found, loot.Members, loot.False));
        Assert.Equal(Common, loot.Announced);
    }

    /// <summary>
    /// Base transfers are endemic: who sends last may bias its keys. A challenge that both messages of them do not decide could be known before the keys are,
    /// and the check would show nothing. So an opening made for any other challenge is refused; an honest one, for the control, is not.
    /// </summary>
    [Theory]
    [InlineData("both messages", true)]
    [InlineData("the extension alone", false)]
    [InlineData("the transcript", false)]
    [InlineData("the offer", false)]
    [InlineData("the choice", false)]
    public async Task OpensUnderAChallengeThatIsBoundToLess(string boundTo, bool accepted)
    {
        var settings = new VoleSettings(RandomNumberGenerator.GetBytes(32), Own, Theirs, IsMalicious: false, AnswersResult: false);
        using var victim = new HonestSender(settings, Yours);
        var (loot, refusal) = await new Receiver(settings).AttackAsync(victim, flips: false, boundTo);
        Assert.Equal(accepted ? null : "failed-check", refusal?.Code);
        Assert.Equal(accepted, loot is not null);
        Assert.Equal(accepted, victim.Released.Count > 0);
    }

    /// <summary>What the attacker has in the end.</summary>
    private sealed record Loot(Vector128<byte> Delta, int Hashes, int Announced, int Found, int Members, int False)
    {
        public override string ToString() =>
            $"Δ recovered with {Hashes:N0} hashes; of {Members:N0} members it never announced {Found:N0} found, {False} false; its own result of "
                + $"{Announced:N0} is right";
    }

    /// <summary>A sender, as the attacker sees it.</summary>
    private interface ISender
    {
        int TagSizeBytes { get; }

        Task<byte[]> ChooseAsync(byte[] offer);

        Task<byte[]> ExtendAsync(byte[] message, byte[] opening);

        Task<byte[]> EvaluateAsync(byte[] masked);
    }

    /// <summary>The product's sender, batch by batch as the engine would hand them over.</summary>
    private sealed class HonestSender : ISender, IDisposable
    {
        private readonly SecretBytes _seed = SecretBytes.Random(32);
        private readonly VoleParty _party;

        public HonestSender(VoleSettings settings, string[] items) =>
            _party = VoleParty.Create(settings, receives: false, _seed, (_, _) => Hashes(items, settings.Transcript), Cores.One);

        public int TagSizeBytes => _party.TagSizeBytes;

        /// <summary>Rounds after the base transfers of which it let something out.</summary>
        public HashSet<int> Released { get; } = [];

        public async Task<byte[]> ChooseAsync(byte[] offer)
        {
            await GiveAsync(1, offer);
            return await TakeAsync(1);
        }

        public async Task<byte[]> ExtendAsync(byte[] message, byte[] opening)
        {
            await GiveAsync(2, message);
            await GiveAsync(3, opening);
            return await TakeAsync(4);
        }

        public async Task<byte[]> EvaluateAsync(byte[] masked)
        {
            await GiveAsync(7, masked);
            return await TakeAsync(10);
        }

        private async Task GiveAsync(int number, byte[] bytes)
        {
            if (_party.Rounds.FirstOrDefault(round => round.Number == number && round.Direction == RoundDirection.Incoming) is not { } round)
            {
                return;
            }

            for (var sequence = 0; sequence < round.Batches; sequence++)
            {
                await _party.AbsorbAsync(round, sequence,
                    bytes.AsMemory(round.FirstOf(sequence) * round.ElementSizeBytes, round.CountOf(sequence) * round.ElementSizeBytes));
            }
        }

        private async Task<byte[]> TakeAsync(int number)
        {
            var round = _party.Rounds.Single(round => round.Number == number && round.Direction == RoundDirection.Outgoing);
            var bytes = new List<byte>();
            for (var sequence = 0; sequence < round.Batches; sequence++)
            {
                bytes.AddRange(await _party.ProduceAsync(round, sequence));
                if (number > 1)
                {
                    Released.Add(number);
                }
            }

            return [.. bytes];
        }

        public void Dispose()
        {
            _party.Dispose();
            _seed.Dispose();
        }
    }

    /// <summary>A sender from the layers of the product, as the protocol was before its check ran always.</summary>
    private sealed class UncheckingSender(VoleSettings settings, string[] items) : ISender, IDisposable
    {
        private readonly Sizes _sizes = new(settings);
        private readonly SecretBytes _seed = SecretBytes.Random(32);
        private Vector128<byte>[] _keys = [];
        private byte[] _session = [];
        private BlockBuffer _b = new(0);

        public Vector128<byte> Delta { get; } = Vector128.Create<byte>(RandomNumberGenerator.GetBytes(16));

        public int TagSizeBytes => 16;

        public Task<byte[]> ChooseAsync(byte[] offer)
        {
            var choice = BaseTransfer.Choose(settings.Transcript, _seed, Delta, Cores.One);
            _session = _sizes.Session(offer, choice);
            _keys = BaseTransfer.ChooserKeys(_session, _seed, Delta, offer, Cores.One);
            return Task.FromResult(choice);
        }

        public Task<byte[]> ExtendAsync(byte[] message, byte[] opening)
        {
            using var q = new BlockBuffer(message.Length / 16);
            TransferExtension.Choose(_keys, Delta, message, q.Span);
            var corrections = new byte[_sizes.Lpn.Noise * _sizes.Lpn.TreeSizeBytes];
            using var roots = SecretBytes.Random(16);
            (_b, _) = VoleSender.Expand(_sizes.Lpn, Sizes.Keys(_session), roots, Delta, q, null, corrections, Cores.One);
            return Task.FromResult(corrections);
        }

        public Task<byte[]> EvaluateAsync(byte[] masked)
        {
            var blocks = MemoryMarshal.Cast<byte, Vector128<byte>>(masked);
            using var store = new BlockBuffer(_b.Length);
            blocks.CopyTo(store.Span);
            using var set = new Evaluation(_sizes, settings.Transcript, items, store, _b, Delta);
            return Task.FromResult(MemoryMarshal.AsBytes(set.Outputs.Span).ToArray());
        }

        public void Dispose()
        {
            _b.Dispose();
            _seed.Dispose();
        }
    }

    /// <summary>What both sides derive from the sizes and the transcript.</summary>
    private sealed class Sizes(VoleSettings settings)
    {
        public int Starts { get; } = RandomBandStore.StartsOf(settings.ReceiverSize);

        public int Columns { get; } = RandomBandStore.ColumnsOf(settings.ReceiverSize);

        public LpnParameters Lpn { get; } = LpnParameters.For(RandomBandStore.LengthOf(RandomBandStore.StartsOf(settings.ReceiverSize)));

        public static byte[] Key(string purpose, byte[] binding) =>
            SHA256.HashData([.. DomainTags.VoleKey, .. Encoding.ASCII.GetBytes(purpose), 0, .. binding])[..16];

        public static VoleKeys Keys(byte[] session) => new(Key("left", session), Key("right", session), Key("transfer", session), Key("code", session));

        public byte[] Session(byte[] offer, byte[] choice) => SHA256.HashData([.. DomainTags.VoleSession, .. settings.Transcript, .. offer, .. choice]);
    }

    /// <summary>
    /// o(Dec(c, y) + Δ·(Dec(store, y) + v(y))) for a set: the sender's outputs from K = B and A', or the attacker's from C and P once it knows Δ.
    /// </summary>
    private sealed class Evaluation : IDisposable
    {
        public Evaluation(Sizes sizes, byte[] transcript, string[] items, BlockBuffer store, BlockBuffer c, Vector128<byte> delta)
        {
            using var hashes = Hashes(items, transcript);
            using var oprf = new VoleOprf(Sizes.Key("value", transcript), Sizes.Key("output", transcript));
            using var rows = BandRows.Create(hashes.First, sizes.Starts, Sizes.Key("row", transcript), Cores.One);
            using var values = oprf.Values(rows, default, Cores.One);
            using var decoded = new BlockBuffer(rows.Count);
            using var evaluated = new BlockBuffer(rows.Count);
            RandomBandStore.Decode(store, rows, decoded, Cores.One);
            RandomBandStore.Decode(c, rows, evaluated, Cores.One);
            for (var i = 0; i < rows.Count; i++)
            {
                values.Span[i] ^= decoded.Span[i];
            }

            VoleOprf.Finish(evaluated, values, delta, Cores.One);
            Outputs = oprf.Outputs(rows, evaluated, null, Cores.One);
        }

        public BlockBuffer Outputs { get; }

        public void Dispose() => Outputs.Dispose();
    }

    private static ItemHashes Hashes(string[] items, byte[] transcript)
    {
        using var packed = new MemoryStream();
        Span<byte> length = stackalloc byte[4];
        foreach (var bytes in items.Select(Encoding.UTF8.GetBytes))
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            packed.Write(length);
            packed.Write(bytes);
        }

        var hashes = new ItemHashes(items.Length, both: false, transcript);
        hashes.Add(0, new PackedItems(packed.ToArray()));
        return hashes;
    }

    /// <summary>The attacker. It knows what any receiver knows, and does what any receiver does, but for the bits it flips.</summary>
    private sealed class Receiver(VoleSettings settings)
    {
        private const int Trees = 16, ColumnsEach = 8;

        private readonly Sizes _sizes = new(settings);

        public async Task<(Loot? Loot, ProtocolViolationException? Refusal)> AttackAsync(ISender victim, bool flips, string boundTo = "both messages")
        {
            var (transcript, lpn) = (settings.Transcript, _sizes.Lpn);
            using var seed = SecretBytes.Random(32);
            using var scalar = RistrettoScalar.Derive(seed, "offer"u8);
            var offer = BaseTransfer.Offer(scalar);
            var choice = await victim.ChooseAsync(offer);
            var session = _sizes.Session(offer, choice);
            var baseKeys = BaseTransfer.OffererKeys(transcript, session, scalar, choice, Cores.One);

            var noise = RandomNumberGenerator.GetBytes(16);
            using var receiver = new VoleReceiver(lpn, noise, malicious: false);
            using var t = new BlockBuffer(receiver.Choices.Length * TransferExtension.TileRows);
            var message = new byte[receiver.Choices.Length * TransferExtension.TileSizeBytes];
            TransferExtension.Offer(baseKeys, receiver.Choices, message, t.Span);
            var places = Places(noise);
            for (var k = 0; flips && k < Trees; k++)
            {
                // U of the first of the 128 rows that are packed for this tree, in columns 8k to 8k + 7.
                var row = (lpn.Noise * lpn.Depth) + (128 * TreeOf(k));
                for (var column = k * ColumnsEach; column < (k + 1) * ColumnsEach; column++)
                {
                    message[(row / 128 * TransferExtension.TileSizeBytes) + (16 * column) + (row % 128 / 8)] ^= (byte)(1 << (row % 8));
                }
            }

            byte[] bound = boundTo switch
            {
                "both messages" => session,
                "the transcript" => transcript,
                "the offer" => _sizes.Session(offer, []),
                "the choice" => _sizes.Session([], choice),
                _ => [],
            };
            var challenge = SHA256.HashData([.. DomainTags.VoleExtensionCheck, .. bound, .. SHA256.HashData(message)]);
            byte[] corrections;
            try
            {
                corrections = await victim.ExtendAsync(message, TransferExtension.Open(challenge, receiver.Choices, t.Span));
            }
            catch (ProtocolViolationException refusal)
            {
                return (null, refusal);
            }

            var (a, c, _) = receiver.Expand(Sizes.Keys(session), t, corrections, null, Cores.One);
            using var hashes = Hashes(Mine, transcript);
            using var oprf = new VoleOprf(Sizes.Key("value", transcript), Sizes.Key("output", transcript));
            using var rows = BandRows.Create(hashes.First, _sizes.Starts, Sizes.Key("row", transcript), Cores.One);
            using var values = oprf.Values(rows, default, Cores.One);
            using var store = RandomBandStore.Encode(rows, values.Span, RandomNumberGenerator.GetBytes(16), Cores.One, out _)!;
            using var masked = new BlockBuffer(store.Length);
            store.Span.CopyTo(masked.Span);
            VoleOprf.Add(a, masked, _sizes.Columns, Cores.One);
            var outputs = await victim.EvaluateAsync(MemoryMarshal.AsBytes(masked.Span[.._sizes.Columns]).ToArray());
            var theirs = outputs.Chunk(victim.TagSizeBytes).Select(Convert.ToHexString).ToHashSet(StringComparer.Ordinal);

            // Which of the own items' bands have one of the 16 elements.
            using var marks = new BlockBuffer(store.Length);
            for (var k = 0; k < Trees; k++)
            {
                marks.Span[places[k]] = Vector128.CreateScalar((ulong)(1 << k)).AsByte();
            }

            using var marked = new BlockBuffer(rows.Count);
            using var u = new BlockBuffer(rows.Count);
            RandomBandStore.Decode(marks, rows, marked, Cores.One);
            RandomBandStore.Decode(c, rows, u, Cores.One);
            using var output = new Aes128(Sizes.Key("output", transcript));
            var (delta, found, hashed) = (Vector128<byte>.Zero, 0, 0);
            for (var i = 0; i < rows.Count; i++)
            {
                var mark = marked.Span[i].AsUInt64().GetElement(0);
                if (mark == 0 || (mark & (ulong)found) != 0)
                {
                    continue;
                }

                var k = System.Numerics.BitOperations.Log2(mark);
                var guesses = new Vector128<byte>[256];
                for (var guess = 0; guess < 256; guess++)
                {
                    guesses[guess] = u.Span[i] ^ Vector128<byte>.Zero.WithElement(k, (byte)guess);
                }

                output.Hash(guesses, guesses);
                hashed += 256;
                if (Array.FindIndex(guesses, guess => theirs.Contains(TagOf(guess, victim))) is >= 0 and var right)
                {
                    delta = delta.WithElement(k, (byte)right);
                    found |= 1 << k;
                    c.Span[places[k]] ^= Vector128<byte>.Zero.WithElement(k, (byte)right);
                }
            }

            // Its own items come out right again; then the others of the sender's, and as many that nobody has.
            var hits = new[] { Mine, Yours[Common..], Set(Own + Theirs, Theirs) }.Select(items =>
            {
                using var evaluated = new Evaluation(_sizes, transcript, items, store, c, delta);
                return evaluated.Outputs.Span.ToArray().Count(value => theirs.Contains(TagOf(value, victim)));
            }).ToArray();
            a.Dispose();
            c.Dispose();
            return (new Loot(delta, hashed, hits[0], hits[1], Theirs - Common, hits[2]), null);
        }

        /// <summary>16 trees of the half that is not folded, further apart than a band is wide.</summary>
        private static int TreeOf(int k) => 4 + (7 * k);

        /// <summary>Where the noise of each of the trees is: from its own key, as in <see cref="VoleReceiver"/>.</summary>
        private int[] Places(byte[] noise)
        {
            using var stream = new Aes128(noise);
            var draws = new Vector128<byte>[_sizes.Lpn.Noise];
            stream.Counter(0, draws);
            return [.. Enumerable.Range(0, Trees).Select(k =>
                (TreeOf(k) * _sizes.Lpn.BlockLength) + (int)Math.BigMul(draws[TreeOf(k)].AsUInt64().GetElement(0), (ulong)_sizes.Lpn.BlockLength, out _))];
        }

        private static string TagOf(Vector128<byte> output, ISender victim)
        {
            Span<byte> bytes = stackalloc byte[16];
            output.CopyTo(bytes);
            return Convert.ToHexString(bytes[..victim.TagSizeBytes]);
        }
    }
}
