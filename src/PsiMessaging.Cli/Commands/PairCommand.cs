using System.CommandLine;
using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.Cli.Output;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Messaging;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Pairing;
using PsiMessaging.WorkerHost;

namespace PsiMessaging.Cli.Commands;

/// <summary>
/// <c>psi pair</c>: participants make their homes and exchange their cards, over the broker they will work on,
/// under a code they read to each other.
/// </summary>
internal static class PairCommand
{
    private static readonly TimeSpan BrokerPatience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>Rounds in which the others are told that all is here, after it is: one may have missed it.</summary>
    private const int Farewells = 4;

    public static Command Create()
    {
        var code = new Argument<string?>("CODE")
        {
            Description = "As another's psi pair has printed it; left out by who begins", Arity = ArgumentArity.ZeroOrOne,
        };
        var with = new Option<string[]>("--with")
        {
            Description = "Names of those to pair with", Required = true, AllowMultipleArgumentsPerToken = true, HelpName = "NAME",
        };
        var accept = new Option<bool>("--accept") { Description = "Pin without asking whether the words are the same: for scripts that own all sides" };
        var timeout = PsiRootCommand.Number("--timeout", "Seconds to wait for the others", 600, 5, 86_400);
        var command = new Command("pair", "Make this participant's home if there is none, and exchange cards with the others over the broker")
        {
            code, HomeCommands.AsParty, HomeCommands.AsLinker, with, accept, timeout,
        };
        foreach (var option in KeyCommands.ProtectionOptions)
        {
            command.Add(option);
        }

        return command.Do(async (parsed, cancellation) =>
        {
            using var pairing = parsed.GetValue(code) is { } words ? PairingCode.Parse(words) : PairingCode.Draw();
            using var home = OpenOrMake(parsed);
            string[] others = [.. parsed.GetValue(with)!.SelectMany(name => name.Split(',')).Distinct(StringComparer.OrdinalIgnoreCase)];
            if (Array.Find(others, name => !ParticipantNames.IsValid(name) || string.Equals(name, home.Name, StringComparison.OrdinalIgnoreCase)) is { } bad)
            {
                throw new UsageException($"--with takes the names of the others, and {bad} is none");
            }

            var exchange = new PairingExchange(pairing, home.Card, others);
            if (parsed.GetValue(code) is null)
            {
                Console.Error.WriteLine($"Read this code to {string.Join(" and ", others)}, who type:  psi pair {pairing.Text} …");
                Console.Out.WriteLine(pairing.Text);
            }

            await MeetAsync(home, exchange, others, TimeSpan.FromSeconds(parsed.GetValue(timeout)), cancellation);
            Confirm(parsed.GetValue(accept), pairing.WordsOf(exchange.Cards.Append(home.Card)));
            Pin(home, exchange.Cards);
        });
    }

    private static ParticipantHome OpenOrMake(ParseResult parsed)
    {
        var path = PsiRootCommand.HomeOf(parsed);
        if (!ParticipantHome.Exists(path))
        {
            HomeCommands.Make(parsed, path).Dispose();
        }

        return WorkerSettings.OpenHome(path, parsed.GetValue(PsiRootCommand.Broker), PsiRootCommand.FilesOf(parsed));
    }

    private static async Task MeetAsync(ParticipantHome home, PairingExchange exchange, string[] others, TimeSpan patience, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(patience, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        await using var bus = MessageBus.RabbitMq(
            BrokerAddress.Parse(home.Config.Broker!, BrokerFiles.Of(home.Config)), [], TimeProvider.System, NullLogger.Instance);
        await bus.StartAsync(BrokerPatience, either.Token);
        await using var listening = await bus.ListenAsync(QueueAddress.PairingOf(home.Config.QueuePrefix, home.Name), frame =>
        {
            exchange.Hear(frame.Span);
            return Task.CompletedTask;
        }, either.Token);
        using var timer = new PeriodicTimer(Interval, TimeProvider.System);
        try
        {
            for (var farewells = 0; farewells < Farewells; farewells += exchange.Awaited.Count == 0 ? 1 : 0)
            {
                foreach (var other in others)
                {
                    await SayAsync(bus, QueueAddress.PairingOf(home.Config.QueuePrefix, other), exchange.Say(other), either.Token);
                }

                await timer.WaitForNextTickAsync(either.Token);
            }
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            throw new ParticipantException(FailureCodes.Deadline, exchange.Unreadable > 0
                ? $"{string.Join(" and ", exchange.Awaited)} did not come, and {exchange.Unreadable:N0} message(s) "
                    + "were not under this code: did all type the same one?"
                : $"{string.Join(" and ", exchange.Awaited)} did not come within {patience.TotalSeconds:0} s: "
                    + "each of them types psi pair with this code, on this broker",
                exception);
        }
    }

    private static async Task SayAsync(MessageBus bus, QueueAddress to, byte[] message, CancellationToken cancellation)
    {
        try
        {
            await bus.SendAsync(to, ParticipantNames.NewId(), message, cancellation, lifetime: TimeSpan.FromSeconds(5));
        }
        catch (UnroutableException)
        {
            // Not there yet, or done already.
        }
        catch (SendRefusedException exception)
        {
            throw new ParticipantException(FailureCodes.Internal, exception.Message, exception);
        }
    }

    /// <summary>
    /// Who has the code can pass off a card of its own as another's. That nobody has, people see who read the words to each other, each to each.
    /// </summary>
    private static void Confirm(bool accepted, string words)
    {
        Console.Error.WriteLine($"All cards are here. Each reads these words to each of the others; they must be the same everywhere:\n\n    {words}\n");
        if (accepted)
        {
            return;
        }

        if (Console.IsInputRedirected)
        {
            throw new UsageException("nobody is there to say that the words are the same: run psi pair at a terminal, or with --accept");
        }

        Console.Error.Write("Are they? [y/N] ");
        if (Console.ReadLine()?.Trim() is not ("y" or "Y" or "yes"))
        {
            throw new ParticipantException(FailureCodes.NotPinned,
                "nothing was pinned; somebody may have passed off a card of theirs as another's. Begin anew with another code");
        }
    }

    private static void Pin(ParticipantHome home, IReadOnlyList<ParticipantCard> cards)
    {
        // All or none: half a pairing would be no pairing, and nobody would know which half.
        foreach (var card in cards)
        {
            home.RequirePinnable(card, replace: false);
        }

        foreach (var card in cards)
        {
            HomeCommands.Pin(home, card, replace: false, "pair");
        }

        Console.Error.WriteLine($"{home.Name} trusts {string.Join(" and ", cards.Select(card => $"{card.Name} ({card.Role.ToString().ToLowerInvariant()})"))}. "
            + $"Its home is {home.Path}; start its worker with: psi {(home.Config.Role == ParticipantRole.Party ? "party" : "linker")} run --home {home.Path}");
    }
}
