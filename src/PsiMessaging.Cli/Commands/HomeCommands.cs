using System.CommandLine;
using PsiMessaging.Cli.Output;
using PsiMessaging.Compute;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Storage;
using PsiMessaging.WorkerHost;

namespace PsiMessaging.Cli.Commands;

/// <summary>A card as <c>--json</c> prints it.</summary>
internal sealed record CardView(string Name, string Role, string Fingerprint);

/// <summary>An audit check as <c>--json</c> prints it.</summary>
internal sealed record AuditView(long Entries, string LastHash, string? Fault);

/// <summary><c>psi init</c>, <c>card</c>, <c>trust</c>, <c>audit</c>.</summary>
internal static class HomeCommands
{
    public static Command Init()
    {
        var party = new Option<string?>("--party") { Description = "Make a data holder's home under this name", HelpName = "NAME" };
        var linker = new Option<string?>("--linker") { Description = "Make a linker's home under this name", HelpName = "NAME" };
        var sharedKey = new Option<string?>("--shared-key-file")
        {
            Description = "Key file both parties hold, 32 bytes or more (default: a key agreed between the pinned identities)",
            HelpName = "FILE"
        };
        var minCell = PsiRootCommand.Number("--min-cell", "Fewest records anything is ever said about; a dataset may set its own",
            ParticipantConfig.DefaultMinCell, ParticipantConfig.LeastMinCell, ParticipantConfig.MostMinCell);
        var oneSided =
            new Option<bool>("--accept-one-sided") { Description = "Agree, when asked, to sessions whose result goes to the other party alone (--reveal p1)" };
        var vole = new Option<bool>(
            "--allow-vole") { Description = "Take part in the protocol vole: the fastest by far, and on a younger assumption (docs/protocols.md)" };
        var command = new Command("init", "Make a home: identity keys and configuration") { party, linker, sharedKey, minCell, oneSided, vole };
        return command.Do((parsed, _) =>
        {
            var (asParty, asLinker) = (parsed.GetValue(party), parsed.GetValue(linker));
            if (asParty is null == asLinker is null)
            {
                throw new UsageException("psi init takes either --party NAME or --linker NAME");
            }

            if (asLinker is not null && parsed.GetValue(sharedKey) is not null)
            {
                throw new UsageException("a linker never holds the parties' shared key; leave --shared-key-file out");
            }

            var path = PsiRootCommand.HomeOf(parsed);
            var files = PsiRootCommand.FilesOf(parsed).Full();
            using var home = ParticipantHome.Create(path, new ParticipantConfig
            {
                Name = (asParty ?? asLinker)!,
                Role = asParty is null ? ParticipantRole.Linker : ParticipantRole.Party,
                Broker = parsed.GetValue(PsiRootCommand.Broker),
                BrokerCa = files.Authorities,
                BrokerCertificate = files.Certificate,
                BrokerKey = files.Key,
                SharedKeyFile = parsed.GetValue(sharedKey),
                MinCell = parsed.GetValue(minCell),
                AcceptOneSided = parsed.GetValue(oneSided),
                AllowVole = parsed.GetValue(vole),
            });
            if (home.Config.Role == ParticipantRole.Party)
            {
                ComputeKey.LoadOrCreate(home).Dispose();
            }

            Show(parsed, home.Card, $"{home.Name}'s home is {path}. Hand its card to the others: psi card --home {path} > {home.Name.ToLowerInvariant()}.json");
            return Task.CompletedTask;
        });
    }

    public static Command Card() => new Command("card", "Print this participant's public card, to hand to the others").Do((parsed, _) =>
    {
        using var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
        Console.Out.Write(home.Card.ToJson());

        // On the error stream, so that the card itself can go into a file.
        Console.Error.WriteLine($"Fingerprint of {home.Name}, to compare by voice: {home.Card.SpokenFingerprint}");
        return Task.CompletedTask;
    });

    public static Command Trust()
    {
        var file = new Argument<string>("CARD.json") { Description = "Another participant's card" };
        var replace = new Option<bool>("--replace") { Description = "Replace a card pinned under the same name" };
        var command = new Command("trust", "Pin another participant's card") { file, replace };
        return command.Do((parsed, _) =>
        {
            var path = parsed.GetValue(file)!;
            if (!File.Exists(path))
            {
                throw new ParticipantException(FailureCodes.NotPinned, $"{path} does not exist; ask for the card made with: psi card");
            }

            using var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
            var card = ParticipantCard.Parse(File.ReadAllText(path), path);
            home.Pin(card, parsed.GetValue(replace));
            using var store = new SqliteParticipantStore(home.StatePath);
            store.Write(transaction =>
                new AuditLog(home, TimeProvider.System).Append(transaction, "card-pinned", ("name", card.Name), ("fingerprint", card.Fingerprint)));
            Show(parsed, card, $"{home.Name} trusts {card.Name} ({card.Role.ToString().ToLowerInvariant()}).");
            return Task.CompletedTask;
        });
    }

    public static Command Audit()
    {
        var verify = new Command("verify", "Check that the audit log is whole and unchanged").Do((parsed, _) =>
        {
            using var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
            using var store = new SqliteParticipantStore(home.StatePath);
            var (entries, lastHash, fault) = store.Read(transaction => new AuditLog(home, TimeProvider.System).Verify(transaction));
            if (parsed.GetValue(PsiRootCommand.Json))
            {
                Terminal.Json(new AuditView(entries, lastHash, fault), OutputJson.Plain.AuditView);
            }

            if (fault is not null)
            {
                throw new ParticipantException(FailureCodes.Internal, $"the audit log is not intact: {fault}");
            }

            if (!parsed.GetValue(PsiRootCommand.Json))
            {
                Console.Out.WriteLine($"{entries:N0} entries, all whole and signed. Last hash: {(lastHash.Length == 0 ? "none" : lastHash)}");
                Console.Out.WriteLine("Note the hash: only it shows later whether entries were cut off the end.");
            }

            return Task.CompletedTask;
        });
        var show = new Command("show", "Print the audit log, an entry a line").Do((parsed, _) =>
        {
            using var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
            using var store = new SqliteParticipantStore(home.StatePath);
            for (long number = 0; ;)
            {
                var entries = store.Read(transaction => transaction.ListAudit(number, 500));
                foreach (var entry in entries)
                {
                    Console.Out.WriteLine(entry.Entry);
                    number = entry.Number;
                }

                if (entries.Count == 0)
                {
                    return Task.CompletedTask;
                }
            }
        });
        return new Command("audit", "The signed log of what this participant did") { verify, show };
    }

    private static void Show(ParseResult parsed, ParticipantCard card, string sentence)
    {
        if (parsed.GetValue(PsiRootCommand.Json))
        {
            Terminal.Json(new CardView(card.Name, card.Role.ToString().ToLowerInvariant(), card.Fingerprint), OutputJson.Plain.CardView);
            return;
        }

        Console.Out.WriteLine(sentence);
        Console.Out.WriteLine($"Fingerprint of {card.Name}, to compare by voice: {card.SpokenFingerprint}");
    }
}
