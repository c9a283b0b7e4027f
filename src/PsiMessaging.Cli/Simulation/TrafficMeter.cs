using System.Collections.Concurrent;

namespace PsiMessaging.Cli.Simulation;

/// <summary>What went from whom to whom in a run, and what of it the linker saw.</summary>
internal sealed class TrafficMeter
{
    private readonly ConcurrentDictionary<string, long> _bytes = new(StringComparer.Ordinal);

    /// <summary>What reached the linker.</summary>
    public LinkerView View { get; } = new();

    /// <summary>Bytes of whole frames by <c>SENDER->RECEIVER</c>, in the order of these names.</summary>
    public IReadOnlyDictionary<string, long> Bytes =>
        _bytes.OrderBy(edge => edge.Key, StringComparer.Ordinal).ToDictionary(edge => edge.Key, edge => edge.Value);

    /// <summary>All of it.</summary>
    public long Total => _bytes.Sum(edge => edge.Value);

    /// <summary>Takes a frame that was sent.</summary>
    public void Add(string from, string to, ReadOnlyMemory<byte> frame) =>
        _bytes.AddOrUpdate($"{from}->{to}", frame.Length, (_, known) => known + frame.Length);
}
