using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using PsiMessaging.Cli.Simulation;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Protocols;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>sealing [ecdh rows [vole rows [pairs]]]</c>: whole sessions with a masked question, in one process, sealed as always and not sealed at all in turn;
/// prints the medians of the ratios, phase by phase.
/// </summary>
internal static class SealingCost
{
    public static async Task<int> RunAsync(string[] args)
    {
        var (ecdh, vole, pairs) = (Number(args, 1, 100_000), Number(args, 2, 1_000_000), Number(args, 3, 5));
        await CompareAsync("ecdh", ecdh, pairs, ["exchange"]);
        await CompareAsync("vole", vole, pairs, ["exchange", "query-1"]);
        return 0;
    }

    private static int Number(string[] args, int at, int byDefault) => args.Length > at ? int.Parse(args[at], CultureInfo.InvariantCulture) : byDefault;

    private static async Task CompareAsync(string protocol, int rows, int pairs, string[] phases)
    {
        var root = Directory.CreateTempSubdirectory("psi-sealing-").FullName;
        try
        {
            var (p1, p2) = BenchData.Write(root, rows, rows);
            var request = new SimulationRequest
            {
                P1File = p1, P2File = p2, Key = ["ID"], Queries = ["A, X"], Protocol = PsiProtocols.Find(protocol), AllowVole = true,
                Engine = QueryEngine.Masked,
            };
            await TimesAsync(request with { Sealing = null });
            var ratios = phases.ToDictionary(phase => phase, _ => new List<double>());
            for (var pair = 0; pair < pairs; pair++)
            {
                // In turn, and in both orders, since the machine has its own moods.
                var first = await TimesAsync(pair % 2 == 0 ? request : Unsealed(request));
                var second = await TimesAsync(pair % 2 == 0 ? Unsealed(request) : request);
                var (sealedOnes, open) = pair % 2 == 0 ? (first, second) : (second, first);
                foreach (var phase in phases)
                {
                    ratios[phase].Add(sealedOnes[phase] / open[phase]);
                }
            }

            foreach (var (phase, list) in ratios)
            {
                var sorted = list.Order().ToArray();
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{protocol} {rows:N0}, {phase}: sealed / not sealed {sorted[sorted.Length / 2]:0.000} (from {sorted[0]:0.000} to {sorted[^1]:0.000})"));
            }
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static SimulationRequest Unsealed(SimulationRequest request) => request with { Sealing = (home, store) => new NotSealed(home, store) };

    private static async Task<Dictionary<string, double>> TimesAsync(SimulationRequest request)
    {
        var outcome = await new SimulationRun(request, TimeProvider.System, _ => { }).RunAsync(CancellationToken.None);
        return outcome.Report.Phases.ToDictionary(phase => phase.Name, phase => phase.Seconds);
    }

    /// <summary>
    /// Carries frames as they are, with the openings that the rest waits for. It is here and nowhere else: no participant outside this program can send what
    /// is not sealed, or takes it.
    /// </summary>
    private sealed class NotSealed(ParticipantHome home, IParticipantStore store) : IFrameSealing
    {
        private static readonly byte[] Magic = "OPEN FRAME"u8.ToArray();
        private readonly FrameSealing _real = new(home, store);
        private readonly ConcurrentDictionary<(string Session, string To), byte[]> _openings = new();

        public byte[]? Seal(OutgoingMessage message)
        {
            var isAlone = FrameSealing.IsOpeningAlone(message.Frame);
            var to = isAlone ? Encoding.ASCII.GetString(message.Frame.AsSpan(4)) : Envelope.HeaderOf(message.Frame).To;
            if (message.Session is null || to == home.Name)
            {
                return _real.Seal(message);
            }

            var opening = _openings.GetOrAdd((message.Session, to), _ => OpeningOf(message.Session, to));
            var about = JsonSerializer.SerializeToUtf8Bytes(new[] { message.Session, home.Name });
            return [.. Magic, (byte)about.Length, .. about, .. opening, .. isAlone ? [] : message.Frame];
        }

        private byte[] OpeningOf(string session, string to)
        {
            var opening = new byte[ChannelOpening.SizeBytes];
            if (store.Read(state => Channels.Find(state, session, to)) is { Seed: { } stored })
            {
                using var seed = SecretBytes.CopyOf(stored);
                using var key = new HybridKey(seed);
                ChannelOpening.Create(home, home.FindCard(to)!, session, key.PublicKey).Write(opening);
            }

            return opening;
        }

        public OpenedFrame Open(ReadOnlyMemory<byte> bytes)
        {
            if (!bytes.Span.StartsWith(Magic))
            {
                return _real.Open(bytes);
            }

            var length = bytes.Span[Magic.Length];
            var about = JsonSerializer.Deserialize<string[]>(bytes.Span.Slice(Magic.Length + 1, length))!;
            var rest = bytes[(Magic.Length + 1 + length)..];
            return new OpenedFrame(rest[ChannelOpening.SizeBytes..], new SealedTo(about[0], about[1]), ChannelOpening.Read(rest.Span));
        }

        public void Forget(string session) => _real.Forget(session);

        public void Dispose() => _real.Dispose();
    }
}
