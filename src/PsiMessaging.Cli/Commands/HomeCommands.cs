using System.CommandLine;
using PsiMessaging.Cli.Output;
using PsiMessaging.Compute;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Party.Policy;
using PsiMessaging.WorkerHost;

namespace PsiMessaging.Cli.Commands;

/// <summary>A card as <c>--json</c> prints it.</summary>
internal sealed record CardView(string Name, string Role, string Fingerprint);

/// <summary><c>psi init</c>, <c>card</c>, <c>trust</c>.</summary>
internal static class HomeCommands
{
    /// <summary>Makes a data holder's home.</summary>
    public static readonly Option<string?> AsParty = new("--party") { Description = "Make a data holder's home under this name", HelpName = "NAME" };

    /// <summary>Makes a linker's home.</summary>
    public static readonly Option<string?> AsLinker = new("--linker") { Description = "Make a linker's home under this name", HelpName = "NAME" };

    private static readonly Option<string?> SharedKey = new("--shared-key-file")
    {
        Description = "Key file both parties hold, 32 bytes or more (default: a key agreed between the pinned identities)", HelpName = "FILE",
    };

    private static readonly Option<int> MinCell = PsiRootCommand.Number("--min-cell", "Fewest records anything is ever said about; a dataset may set its own",
        ParticipantConfig.DefaultMinCell, ParticipantConfig.LeastMinCell, ParticipantConfig.MostMinCell);

    private static readonly Option<bool> OneSided =
        new("--accept-one-sided") { Description = "Agree, when asked, to sessions whose result goes to the other party alone (--reveal p1)" };

    private static readonly Option<bool> Vole =
        new("--allow-vole") { Description = "Take part in the protocol vole: the fastest by far, and on a younger assumption (docs/protocols.md)" };

    public static Command Init()
    {
        var command = new Command("init", "Make a home: identity keys and configuration") { AsParty, AsLinker, SharedKey, MinCell, OneSided, Vole };
        foreach (var option in KeyCommands.ProtectionOptions)
        {
            command.Add(option);
        }

        return command.Do((parsed, _) =>
        {
            var path = PsiRootCommand.HomeOf(parsed);
            using var home = Make(parsed, path);
            Show(parsed, home.Card, $"{home.Name}'s home is {path}. Hand its card to the others: psi card --home {path} > {home.Name.ToLowerInvariant()}.json");
            return Task.CompletedTask;
        });
    }

    /// <summary>Makes the home that a command's options describe.</summary>
    public static ParticipantHome Make(ParseResult parsed, string path)
    {
        var (asParty, asLinker) = (parsed.GetValue(AsParty), parsed.GetValue(AsLinker));
        if (asParty is null == asLinker is null)
        {
            throw new UsageException("a home is made with either --party NAME or --linker NAME");
        }

        if (asLinker is not null && parsed.GetValue(SharedKey) is not null)
        {
            throw new UsageException("a linker never holds the parties' shared key; leave --shared-key-file out");
        }

        var (protection, opener) = KeyCommands.ProtectionOf(parsed);
        using var opens = opener;
        var files = PsiRootCommand.FilesOf(parsed).Full();
        var home = ParticipantHome.Create(path, new ParticipantConfig
        {
            Name = (asParty ?? asLinker)!,
            Role = asParty is null ? ParticipantRole.Linker : ParticipantRole.Party,
            Broker = parsed.GetValue(PsiRootCommand.Broker),
            BrokerCa = files.Authorities,
            BrokerCertificate = files.Certificate,
            BrokerKey = files.Key,
            SharedKeyFile = parsed.GetValue(SharedKey),
            MinCell = parsed.GetValue(MinCell) is > 0 and var most ? most : ParticipantConfig.DefaultMinCell,
            AcceptOneSided = parsed.GetValue(OneSided),
            AllowVole = parsed.GetValue(Vole),
        }, protection, opener);
        if (home.Config.Role == ParticipantRole.Party)
        {
            ComputeKey.LoadOrCreate(home).Dispose();
            AtomicFile.Write(Path.Combine(path, PartyPolicy.FileName), System.Text.Encoding.UTF8.GetBytes(PolicyText.Template));
        }

        AuditCommands.Enter(home, "home-made", ("role", home.Config.Role.ToString().ToLowerInvariant()), ("fingerprint", home.Card.Fingerprint),
            ("minCell", home.Config.MinCell));
        if (protection == KeyProtection.None)
        {
            Console.Error.WriteLine($"psi: the private keys lie in {path} under nothing but the file's rights; "
                + "put them under a passphrase with: psi keys protect");
        }

        return home;
    }

    public static Command Card() => new Command("card", "Print this participant's public card, to hand to the others").Do((parsed, _) =>
    {
        using var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
        Console.Out.Write(home.Card.ToJson());

        // On the error stream, so that the card itself can go into a file.
        Console.Error.WriteLine($"Fingerprint of {home.Name}, to compare by voice: {home.Card.SpokenFingerprint}");
        return Task.CompletedTask;
    });

    /// <summary>Pins a card, and enters it.</summary>
    /// <param name="home">Where.</param>
    /// <param name="card">The card.</param>
    /// <param name="replace">Whether another one under its name may go for it.</param>
    /// <param name="how">By which command.</param>
    public static void Pin(ParticipantHome home, ParticipantCard card, bool replace, string how)
    {
        using var alone = HomeKeys.Lock(home.Path);
        var before = home.FindPinned(card.Name)?.Fingerprint;
        home.Pin(card, replace);
        if (before is null || before == card.Fingerprint)
        {
            AuditCommands.Enter(home, "card-pinned", ("name", card.Name), ("fingerprint", card.Fingerprint), ("how", how));
        }
        else
        {
            AuditCommands.Enter(home, "card-replaced", ("name", card.Name), ("fingerprint", card.Fingerprint), ("before", before), ("how", how));
        }
    }

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
            var text = File.ReadAllText(path);
            if (Revocation.TryParse(text, path) is { } revocation)
            {
                KeyCommands.Revoke(home, revocation.Card, "its own revocation");
                return Task.CompletedTask;
            }

            var card = ParticipantCard.Parse(text, path);
            Pin(home, card, parsed.GetValue(replace), "trust");
            Show(parsed, card, $"{home.Name} trusts {card.Name} ({card.Role.ToString().ToLowerInvariant()}).");
            return Task.CompletedTask;
        });
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
