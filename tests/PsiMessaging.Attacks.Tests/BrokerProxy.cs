using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using PsiMessaging.Party.Exchange;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>
/// Somebody between us and the real broker: shows a certificate of his choice on each connection,
/// writes down what the client says, cuts short what the broker says.
/// </summary>
internal sealed class BrokerProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<int, StringBuilder> _heard = new();
    private readonly Func<int, X509Certificate2?> _certificates;
    private readonly Func<int, double?> _passes;
    private readonly Task _accepting;
    private int _attempts;

    /// <summary>Starts listening.</summary>
    /// <param name="certificates">The certificate of a connection, the first being 1; null for plain TCP.</param>
    /// <param name="passes">
    /// Frames of the broker's (AMQP 0-9-1, section 4.2.3) that a connection gets to hear, a part of a frame
    /// too, before it hears nothing more and stays open; null for all.
    /// </param>
    public BrokerProxy(Func<int, X509Certificate2?> certificates, Func<int, double?>? passes = null)
    {
        _certificates = certificates;
        _passes = passes ?? (_ => null);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Connections so far.</summary>
    public int Attempts => Volatile.Read(ref _attempts);

    /// <summary>What the client said on a connection, a byte a character.</summary>
    public string Heard(int connection)
    {
        var heard = _heard.GetOrAdd(connection, _ => new StringBuilder());
        lock (heard)
        {
            return heard.ToString();
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = RelayAsync(client, _attempts + 1);
                Interlocked.Increment(ref _attempts);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task RelayAsync(TcpClient client, int connection)
    {
        using (client)
        {
            try
            {
                await using var stream = await GreetAsync(client, _certificates(connection));
                using var broker = new TcpClient();
                await broker.ConnectAsync(IPAddress.Loopback, new Uri(Rabbit.Address).Port, _stop.Token);
                var back = AnswerAsync(broker.GetStream(), stream, _passes(connection));
                var buffer = new byte[65536];
                for (int read; (read = await stream.ReadAsync(buffer, _stop.Token)) > 0;)
                {
                    var heard = _heard.GetOrAdd(connection, _ => new StringBuilder());
                    lock (heard)
                    {
                        heard.Append(Encoding.Latin1.GetString(buffer, 0, read));
                    }

                    await broker.GetStream().WriteAsync(buffer.AsMemory(0, read), _stop.Token);
                }

                broker.Close();
                await back;
            }
            catch (Exception exception) when (exception is IOException or OperationCanceledException
                or System.Security.Authentication.AuthenticationException or SocketException or ObjectDisposedException)
            {
                // The client turned away, or the test is over.
            }
        }
    }

    private static async Task<Stream> GreetAsync(TcpClient client, X509Certificate2? certificate)
    {
        if (certificate is null)
        {
            return client.GetStream();
        }

        var secure = new SslStream(client.GetStream());
        await secure.AuthenticateAsServerAsync(certificate);
        return secure;
    }

    private async Task AnswerAsync(NetworkStream broker, Stream client, double? passes)
    {
        var head = new byte[7];
        for (var frames = 0; passes is null || frames < passes; frames++)
        {
            await broker.ReadExactlyAsync(head, _stop.Token);
            var frame = new byte[head.Length + BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(3)) + 1];
            head.CopyTo(frame, 0);
            await broker.ReadExactlyAsync(frame.AsMemory(head.Length), _stop.Token);
            var part = Math.Min(1, (passes ?? double.MaxValue) - frames);
            await client.WriteAsync(frame.AsMemory(0, (int)(part * frame.Length)), _stop.Token);
        }

        await broker.CopyToAsync(Stream.Null, _stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Stop();
        _stop.Dispose();
    }
}
