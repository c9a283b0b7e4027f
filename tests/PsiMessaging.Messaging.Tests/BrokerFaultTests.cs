using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.Participants;
using PsiMessaging.Testing;

namespace PsiMessaging.Messaging.Tests;

/// <summary>Each way not to get through to a broker is told as what it is, in one line with the address and without the password.</summary>
public sealed class BrokerFaultTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private static async Task<string> ProblemOfAsync(string address, TimeSpan? patience = null)
    {
        await using var bus = MessageBus.RabbitMq(BrokerAddress.Parse(address), [], TimeProvider.System, NullLogger.Instance);
        var exception = await Assert.ThrowsAsync<ParticipantException>(() => bus.StartAsync(patience ?? Patience, TestContext.Current.CancellationToken));
        Assert.DoesNotContain('\n', exception.Message);
        Assert.DoesNotContain("hush", exception.Message, StringComparison.Ordinal);
        return exception.Message;
    }

    private static async Task<string> ProblemOfAsync(Func<NetworkStream, Task> server, string scheme = "amqp")
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var stop = new CancellationTokenSource();
        var serving = ServeAsync();
        try
        {
            return await ProblemOfAsync($"{scheme}://psi:hush@127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        }
        finally
        {
            await stop.CancelAsync();
            await serving;
        }

        async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await listener.AcceptTcpClientAsync(stop.Token);
                    try
                    {
                        await server(client.GetStream()).WaitAsync(stop.Token);
                    }
                    catch (IOException)
                    {
                        // The client went.
                    }
                }
            }
            catch (OperationCanceledException)
            {
                // The test is over.
            }
        }
    }

    [Fact]
    public async Task NothingListens_AsksForRabbitMq()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        Assert.Equal($"no broker answers at amqp://psi@127.0.0.1:{port}; is RabbitMQ running, and is the address right?",
            await ProblemOfAsync($"amqp://psi:hush@127.0.0.1:{port}"));
    }

    [Fact]
    public async Task NoSuchMachine_NamesTheName() =>
        Assert.Contains("no machine is known by the name broker.invalid", await ProblemOfAsync("amqp://psi:hush@broker.invalid"), StringComparison.Ordinal);

    [Fact]
    public async Task ConnectsAndSaysNothing_IsNotToldAsNotThere() =>
        Assert.Contains("does not answer; does it still start", await ProblemOfAsync(_ =>
            Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, TestContext.Current.CancellationToken)), StringComparison.Ordinal);

    [Fact]
    public async Task EndsTheConnectionAtOnce_AsksWhetherItStartsAndForThePort() =>
        Assert.Contains("does it still start, or is that not the port for amqp:// (5672 as a rule)?",
            await ProblemOfAsync(_ => Task.CompletedTask), StringComparison.Ordinal);

    [Fact]
    public async Task AnotherProtocol_AsksForThePort() =>
        Assert.Contains("does not speak AMQP 0-9-1", await ProblemOfAsync(async stream =>
            await stream.WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 400 Bad Request\r\n\r\n"))), StringComparison.Ordinal);

    [Fact]
    public async Task TlsToAPortWithoutIt_NamesBothPorts() =>
        Assert.Contains("does not speak TLS on that port",
            await ProblemOfAsync(async stream => await stream.WriteAsync(Encoding.ASCII.GetBytes("AMQP\0\0\x09\x01")), "amqps"), StringComparison.Ordinal);

    [Fact]
    public async Task NoSuchVirtualHost_IsNamed() =>
        Assert.Contains("refuses the virtual host nope to this user (NOT_ALLOWED",
            await ProblemOfAsync(Rabbit.Address.TrimEnd('/') + "/nope", TimeSpan.FromSeconds(30)), StringComparison.Ordinal);

    [Fact]
    public async Task WrongPassword_IsNamed() =>
        Assert.Contains("refuses the user or its password",
            await ProblemOfAsync($"amqp://guest:hush@{new Uri(Rabbit.Address).Authority.Split('@')[^1]}", TimeSpan.FromSeconds(30)), StringComparison.Ordinal);
}
