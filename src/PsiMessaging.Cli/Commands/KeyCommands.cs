using System.CommandLine;
using System.Globalization;
using PsiMessaging.Cli.Output;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Storage;

namespace PsiMessaging.Cli.Commands;

/// <summary>Keys and cards as <c>--json</c> prints them.</summary>
internal sealed record KeysView(string Name, string Fingerprint, string Words, string Expires, string Protection, IReadOnlyList<PinnedView> Pinned);

/// <summary>A pinned card in it.</summary>
internal sealed record PinnedView(string Name, string Role, string Fingerprint, string Words, string Expires, string? WhyNot);

/// <summary><c>psi keys</c>: the own identity, under what it lies, and whose identities are believed.</summary>
internal static class KeyCommands
{
    private static readonly Option<string?> PassphraseFile =
        new("--passphrase-file") { Description = "File with the passphrase that the private keys lie under", HelpName = "FILE" };

    private static readonly Option<string?> KeyFile = new("--key-file")
    {
        Description = "File with 32 random bytes or more that the private keys lie under, such as a mounted secret: for workers that start by themselves",
        HelpName = "FILE",
    };

    /// <summary>Where a passphrase or key comes from, for commands that make or change a home.</summary>
    public static IReadOnlyList<Option> ProtectionOptions => [PassphraseFile, KeyFile];

    public static Command Keys() => new("keys", "This participant's keys, and whose cards it believes") { Show(), Protect(), Renew(), Rotate(), Revoke() };

    /// <summary>What a command's options say the keys lie under; nothing where they say nothing.</summary>
    public static (KeyProtection Protection, SecretBytes? Opener) ProtectionOf(ParseResult parsed) =>
        (parsed.GetValue(PassphraseFile), parsed.GetValue(KeyFile)) switch
    {
        (not null, not null) => throw new UsageException("take either --passphrase-file or --key-file"),
        ({ } file, _) => (KeyProtection.Passphrase, IdentityLock.Read(KeyProtection.Passphrase, file)),
        (_, { } file) => (KeyProtection.MountedKey, IdentityLock.Read(KeyProtection.MountedKey, file)),
        _ => (KeyProtection.None, null),
    };

    private static Command Show() => new Command("show", "Print fingerprint, expiry and protection, and the pinned cards").Do((parsed, _) =>
    {
        using var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
        var pinned = home.Cards();
        if (parsed.GetValue(PsiRootCommand.Json))
        {
            Terminal.Json(new KeysView(home.Name, home.Card.Fingerprint, home.Card.SpokenFingerprint, Day(home.Card), NameOf(HomeKeys.ProtectionOf(home)),
                [.. pinned.Select(card => new PinnedView(card.Name, RoleOf(card), card.Fingerprint, card.SpokenFingerprint, Day(card), home.WhyNot(card)))]),
                OutputJson.Plain.KeysView);
            return Task.CompletedTask;
        }

        Terminal.Table(["who", "role", "fingerprint, to compare by voice", "believed until", ""],
            pinned.Select(card => (IReadOnlyList<string>)[card.Name, RoleOf(card), card.SpokenFingerprint, Day(card), home.WhyNot(card) ?? "pinned"])
                .Prepend([home.Name, RoleOf(home.Card), home.Card.SpokenFingerprint, Day(home.Card), "this home"]));
        Console.Out.WriteLine($"The private keys lie under {NameOf(HomeKeys.ProtectionOf(home))}.");
        return Task.CompletedTask;
    });

    private static Command Protect()
    {
        var none = new Option<bool>("--none") { Description = "Under nothing but the file's rights" };
        var command = new Command("protect", "Put the private keys under a passphrase or a mounted key, or another one") { PassphraseFile, KeyFile, none };
        return command.Do((parsed, _) =>
        {
            var (protection, opener) = ProtectionOf(parsed);
            if (parsed.GetValue(none) && protection != KeyProtection.None)
            {
                throw new UsageException("--none takes neither a passphrase nor a key");
            }

            var path = PsiRootCommand.HomeOf(parsed);
            using var alone = LockOf(path);
            using var home = ParticipantHome.Open(path);
            if (protection == KeyProtection.None && !parsed.GetValue(none))
            {
                (protection, opener) = (KeyProtection.Passphrase, Passphrases.AskNew() ?? throw new UsageException(
                    "name a file with --passphrase-file or --key-file, or run psi keys protect at a terminal"));
            }

            using (opener)
            {
                HomeKeys.Protect(home, protection, opener);
            }

            AuditCommands.Enter(home, "keys-protected", ("protection", NameOf(protection)));
            var variable = protection == KeyProtection.Passphrase ? IdentityLock.PassphraseFile : IdentityLock.KeyFile;
            Console.Out.WriteLine($"{home.Name}'s private keys lie under {NameOf(protection)} now."
                + (protection == KeyProtection.None ? "" : $" Its worker needs {variable}."));
            return Task.CompletedTask;
        });
    }

    private static Command Renew() => new Command("renew", "Make a card of the same keys that is believed two years longer").Do((parsed, _) =>
    {
        var path = PsiRootCommand.HomeOf(parsed);
        using var alone = LockOf(path);
        using var home = ParticipantHome.Open(path);
        using var stopped = HomeKeys.KeepWorkerAway(path);
        using (var opener = OpenerOf(home))
        {
            HomeKeys.Renew(home, NewDay(), opener);
        }

        using var renewed = Reopened(home);
        AuditCommands.Enter(renewed, "card-renewed", ("fingerprint", renewed.Card.Fingerprint), ("expires", Day(renewed.Card)));
        Console.Out.WriteLine($"{renewed.Name}'s card is believed until {Day(renewed.Card)} by who pins it anew: psi card --home {home.Path} > "
            + $"{home.Name.ToLowerInvariant()}.json; there: psi trust {home.Name.ToLowerInvariant()}.json. No --replace is needed: the keys are the same.");
        return Task.CompletedTask;
    });

    private static Command Rotate() => new Command("rotate", "Make new keys, which the old ones name their successors").Do((parsed, _) =>
    {
        var path = PsiRootCommand.HomeOf(parsed);
        using var alone = LockOf(path);
        using var home = ParticipantHome.Open(path);
        using var stopped = HomeKeys.KeepWorkerAway(path);
        using (var store = new SqliteParticipantStore(home.StatePath))
        {
            // Keys of the sessions' rows come from the old agreement keys: nothing could be asked any more, and nothing that is under way would be believed.
            var open = store.Read(state => state.ListSessions()).Where(session => session.EndedAt is null).ToArray();
            if (open.Length > 0)
            {
                throw new ParticipantException(FailureCodes.WrongState,
                    $"{open.Length} session(s) hang on the old keys, the first {open[0].Id[..8]}; end them with: psi cancel SESSION, and rotate then");
            }
        }

        string file;
        using (var opener = OpenerOf(home))
        {
            file = HomeKeys.Rotate(home, NewDay(), opener, next => AuditCommands.Enter(home, "keys-rotated",
                ("from", home.Card.Fingerprint), ("to", next.Fingerprint),
                ("fromKey", Convert.ToHexStringLower(home.Card.SigningKey)), ("toKey", Convert.ToHexStringLower(next.SigningKey))));
        }

        using var rotated = Reopened(home);
        Console.Out.WriteLine($"{rotated.Name} has new keys. Hand out its card (psi card) and {file}, "
            + "which takes the old one back; there: psi trust, for each.");
        Console.Out.WriteLine($"Fingerprint of {rotated.Name}, to compare by voice: {rotated.Card.SpokenFingerprint}");
        return Task.CompletedTask;
    });

    private static Command Revoke()
    {
        var name = new Argument<string>("NAME") { Description = "Whose pinned card is believed no more" };
        var reason = new Option<string?>("--reason") { Description = "Kept in the audit log", HelpName = "TEXT" };
        return new Command("revoke", "Believe a pinned identity no more, for ever") { name, reason }.Do((parsed, _) =>
        {
            using var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
            var card = home.FindPinned(parsed.GetValue(name)!)
                ?? throw new ParticipantException(FailureCodes.NotPinned, $"no card of {parsed.GetValue(name)} is pinned; see: psi keys show");
            Revoke(home, card, parsed.GetValue(reason));
            return Task.CompletedTask;
        });
    }

    /// <summary>Believes an identity no more, and says so.</summary>
    public static void Revoke(ParticipantHome home, ParticipantCard card, string? reason)
    {
        home.Revoke(card);
        AuditCommands.Enter(home, "card-revoked", ("name", card.Name), ("fingerprint", card.Fingerprint), ("reason", reason));
        Console.Out.WriteLine($"{home.Name} believes the identity {card.SpokenFingerprint} of {card.Name} no more. "
            + "Its sessions end by their deadlines, or by psi cancel.");
    }

    /// <summary>Keeps other commands from the keys of a home, where it is one.</summary>
    private static IDisposable? LockOf(string path) => ParticipantHome.Exists(path) ? HomeKeys.Lock(path) : null;

    private static SecretBytes? OpenerOf(ParticipantHome home) =>
        HomeKeys.ProtectionOf(home) == KeyProtection.None ? null : IdentityLock.Find(HomeKeys.ProtectionOf(home), Path.Combine(home.Path, "identity.key"));

    private static ParticipantHome Reopened(ParticipantHome home) => ParticipantHome.Open(home.Path);

    private static DateOnly NewDay() => DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime).AddDays(ParticipantCard.UsualDays);

    private static string Day(ParticipantCard card) => card.Expires.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string RoleOf(ParticipantCard card) => card.Role.ToString().ToLowerInvariant();

    private static string NameOf(KeyProtection protection) => protection switch
    {
        KeyProtection.Passphrase => "a passphrase (Argon2id)", KeyProtection.MountedKey => "a mounted key", _ => "nothing but the rights of their file",
    };
}
