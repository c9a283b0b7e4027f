using System.Net.Sockets;
using RabbitMQ.Client;

namespace PsiMessaging.Messaging;

/// <summary>
/// A connection that ends when the other side says nothing at all for <see cref="LongestSilence"/>, from the first byte on. The client library bounds neither
/// the TLS handshake nor the wait for the broker's greeting, and its heartbeats begin only behind both: a broker that starts, or a frozen one, would hold
/// MassTransit for good.
/// </summary>
internal sealed class WatchedTcpClient(Socket socket, TimeProvider time) : TcpClientAdapter(socket)
{
    /// <summary>Twice the heartbeat: a broker that lives has been heard four times by then.</summary>
    public static readonly TimeSpan LongestSilence = 2 * BrokerPublisher.Heartbeat;

    private WatchedStream? _stream;

    /// <summary>A socket as the client library makes it.</summary>
    public static WatchedTcpClient Create(AddressFamily family, TimeProvider time) =>
        new(new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }, time);

    /// <inheritdoc/>
    public override NetworkStream GetStream() => _stream ??= new WatchedStream(Client, time);

    private sealed class WatchedStream(Socket socket, TimeProvider time) : NetworkStream(socket)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            using var silence = new CancellationTokenSource(LongestSilence, time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
            try
            {
                return await base.ReadAsync(buffer, both.Token);
            }
            catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
            {
                throw new IOException($"nothing was heard for {LongestSilence.TotalSeconds:0} s", new TimeoutException(exception.Message));
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }
}
