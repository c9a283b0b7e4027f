using System.Security.Cryptography;
using System.Text.Json;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Identities;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Files;
using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Participants.Identities;

/// <summary>What <c>psi.json</c> in a home holds. Environment and command line come before it.</summary>
public sealed record ParticipantConfig
{
    /// <summary>The participant's name.</summary>
    public required string Name { get; init; }
    /// <summary>Party or linker.</summary>
    public required ParticipantRole Role { get; init; }
    /// <summary>Broker address, <c>amqp[s]://[user:password@]host[:port]/vhost</c>; null means the one in PSI_BROKER or the default.</summary>
    public string? Broker { get; init; }
    /// <summary>PEM file of the certificate authorities that an <c>amqps</c> broker's certificate must come from; null means those of the system.</summary>
    public string? BrokerCa { get; init; }
    /// <summary>PEM file of the own certificate for an <c>amqps</c> broker; with it and without a password it is the login.</summary>
    public string? BrokerCertificate { get; init; }
    /// <summary>PEM file of that certificate's key.</summary>
    public string? BrokerKey { get; init; }
    /// <summary>Path of a key file both parties hold; null means key agreement between the pinned identities.</summary>
    public string? SharedKeyFile { get; init; }
    /// <summary>Prefix of all queue names; the same at every participant.</summary>
    public string QueuePrefix { get; init; } = "psi";
    /// <summary>Cores to use; 0 means all.</summary>
    public int Parallelism { get; init; }
    /// <summary>Port of the health endpoints on loopback; 0 means none.</summary>
    public int HealthPort { get; init; }
    /// <summary>Address the health endpoints listen on.</summary>
    public string HealthAddress { get; init; } = "127.0.0.1";
    /// <summary>Largest set a peer may announce: bounds disk and work, and how many guesses a dishonest peer can put into one session.</summary>
    public int MaximumPeerSet { get; init; } = 20_000_000;
    /// <summary>Whether this party, when asked, agrees to a session whose result goes to the asking party alone.</summary>
    public bool AcceptOneSided { get; init; }
    /// <summary>Whether this party takes part in the protocol <c>vole</c>, which rests on a younger assumption than the others.</summary>
    public bool AllowVole { get; init; }
    /// <summary>
    /// Fewest records anything is said about, for every dataset that does not set its own: 3 to 1,000,000. The stricter of both parties' holds.
    /// </summary>
    public int MinCell { get; init; } = DefaultMinCell;

    /// <summary>Minimum cell size where nobody sets another.</summary>
    public const int DefaultMinCell = 10;
    /// <summary>Least a home may set; only a dataset whose owner says that it is not confidential may go below.</summary>
    public const int LeastMinCell = 3;
    /// <summary>Most it may be.</summary>
    public const int MostMinCell = 1_000_000;
}

/// <summary>A participant's home folder: identity, configuration, pinned cards, and the places of state and data.</summary>
public sealed class ParticipantHome : IDisposable
{
    private const string ConfigFile = "psi.json";
    private const string IdentityFileName = "identity.key";
    private const string CardsFolder = "cards";
    private readonly RevokedIdentities _revoked;
    private const int MinimumSharedKeyBytes = 32;
    private const int MaximumSharedKeyBytes = 4096;

    private ParticipantHome(string path, ParticipantConfig config, SigningKey signing, AgreementKey agreement, SecretBytes sealing, DateOnly expires)
    {
        Path = path;
        Config = config;
        Signing = signing;
        Agreement = agreement;
        SealingSeed = sealing;
        using var key = new HybridKey(sealing);
        _revoked = new RevokedIdentities(System.IO.Path.Combine(path, "revoked"));
        Card = WithSuccession(ParticipantCard.Create(config.Name, config.Role, signing, agreement.PublicKey, key.PublicKey, expires), SuccessionPath);
    }

    /// <summary>The folder.</summary>
    public string Path { get; }
    /// <summary>Configuration from <c>psi.json</c>.</summary>
    public ParticipantConfig Config { get; private set; }
    /// <summary>Own signing key.</summary>
    public SigningKey Signing { get; }
    /// <summary>Own agreement key.</summary>
    public AgreementKey Agreement { get; }
    /// <summary>Seed of the own sealing key, <see cref="HybridKey.SizeBytes"/>.</summary>
    internal SecretBytes SealingSeed { get; }
    /// <summary>Own public card.</summary>
    public ParticipantCard Card { get; }
    /// <summary>Own name.</summary>
    public string Name => Config.Name;
    /// <summary>SQLite file with sessions, messages in hand and the audit log.</summary>
    public string StatePath => System.IO.Path.Combine(Path, "state.db");
    /// <summary>File of the private keys.</summary>
    internal string IdentityPath => System.IO.Path.Combine(Path, IdentityFileName);
    /// <summary>The word of an earlier identity that this one follows it.</summary>
    internal string SuccessionPath => System.IO.Path.Combine(Path, "succession.json");
    /// <summary>Folder of datasets.</summary>
    public string DatasetsPath => System.IO.Path.Combine(Path, "datasets");
    /// <summary>Own inbox.</summary>
    public QueueAddress Inbox => QueueAddress.InboxOf(Config.QueuePrefix, Card);

    /// <summary>Inbox of another participant; null where no card of that very name and role is pinned.</summary>
    /// <param name="name">A name as it was received or stored.</param>
    /// <param name="role">What the other must be; null takes either.</param>
    public QueueAddress? InboxOf(string name, ParticipantRole? role = null) =>
        FindCard(name) is { } card && card.Name == name && (role is null || card.Role == role) ? QueueAddress.InboxOf(Config.QueuePrefix, card) : null;

    /// <summary>Folder of one session's files.</summary>
    public string SessionPath(string sessionId) => System.IO.Path.Combine(Path, "sessions", sessionId);

    /// <summary>Whether a folder is a home.</summary>
    public static bool Exists(string path) => File.Exists(System.IO.Path.Combine(path, ConfigFile));

    /// <summary>The same with keys that lie under nothing but their file's rights.</summary>
    public static ParticipantHome Create(string path, ParticipantConfig config) => Create(path, config, KeyProtection.None, null);

    /// <summary>
    /// Makes a home: a folder that its owner alone may enter, identity keys readable by the owner only, and a
    /// configuration. An empty folder is taken over and closed to others.
    /// </summary>
    /// <param name="path">The folder.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="protection">Under what the keys lie.</param>
    /// <param name="opener">What opens them then.</param>
    /// <exception cref="ParticipantException">
    /// There is one already, the name is bad, the shared key file is unusable, or the folder holds something and others may enter it, or is another user's.
    /// </exception>
    public static ParticipantHome Create(string path, ParticipantConfig config, KeyProtection protection, SecretBytes? opener)
    {
        if (!ParticipantNames.IsValid(config.Name))
        {
            throw new ParticipantException(FailureCodes.Malformed,
                $"the name {config.Name} cannot be used: take a letter, then up to 31 letters, digits or hyphens");
        }

        if (config.MinCell is < ParticipantConfig.LeastMinCell or > ParticipantConfig.MostMinCell)
        {
            throw new ParticipantException(FailureCodes.Malformed,
                $"a home's minimum cell size is {ParticipantConfig.LeastMinCell} to {ParticipantConfig.MostMinCell}, not {config.MinCell}; a dataset may set "
                    + "its own: psi dataset add … --min-cell N");
        }

        if (Exists(path))
        {
            throw new ParticipantException(FailureCodes.WrongState, $"{path} is a home already; its keys are never overwritten. Take another folder");
        }

        if (HasUsedKeys(path))
        {
            throw new ParticipantException(FailureCodes.WrongState,
                $"{path} has {IdentityFileName} and no {ConfigFile}; keys are never overwritten. Put {ConfigFile} back from a backup, or take another folder");
        }

        if (config.SharedKeyFile is { } keyFile)
        {
            config = config with { SharedKeyFile = System.IO.Path.GetFullPath(keyFile) };
            ReadSharedKeyFile(config.SharedKeyFile).Dispose();
        }

        HomeFolders.Take(path);
        Array.ForEach([IdentityFileName, ConfigFile], name => AtomicFile.DestroyParts(System.IO.Path.Combine(path, name)));
        using (var keys = IdentityKeys.Draw(DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime).AddDays(ParticipantCard.UsualDays)))
        {
            IdentityFile.Write(System.IO.Path.Combine(path, IdentityFileName), keys, protection, opener);
        }

        PrivateFile.CreateFolder(System.IO.Path.Combine(path, CardsFolder));

        // Last, because its presence makes the folder a home.
        AtomicFile.Write(System.IO.Path.Combine(path, ConfigFile), JsonSerializer.SerializeToUtf8Bytes(config, CardJson.Default.ParticipantConfig));
        return Open(path, opener);
    }

    /// <summary>
    /// Whether a folder without a configuration has keys that somebody has worked with. Keys alone, or with an empty folder of cards, are what a killed
    /// <see cref="Create(string, ParticipantConfig)"/> left: nobody has seen their card.
    /// </summary>
    private static bool HasUsedKeys(string path) => File.Exists(System.IO.Path.Combine(path, IdentityFileName))
        && Directory.EnumerateFileSystemEntries(path).Any(entry => System.IO.Path.GetFileName(entry) switch
        {
            IdentityFileName => false,
            CardsFolder => Directory.EnumerateFileSystemEntries(entry).Any(),
            var name => !name.EndsWith(AtomicFile.PartSuffix, StringComparison.Ordinal),
        });

    /// <summary>Opens a home, whose keys are opened by what is said to, or by a person (<see cref="IdentityLock"/>).</summary>
    /// <inheritdoc cref="Open(string, SecretBytes?)" path="/exception"/>
    public static ParticipantHome Open(string path) => Open(path, null);

    /// <summary>Opens a home.</summary>
    /// <exception cref="ParticipantException">
    /// There is none, others may enter it, it or its keys are another user's, or a file of it is damaged or readable by others.
    /// </exception>
    /// <param name="path">The folder.</param>
    /// <param name="opener">What its keys lie under; null looks where that is said to be, and asks (<see cref="IdentityLock"/>).</param>
    public static ParticipantHome Open(string path, SecretBytes? opener)
    {
        if (!Exists(path))
        {
            throw new ParticipantException(FailureCodes.WrongState, $"{path} is not a home; make one with: psi init --home {path} --party P1");
        }

        HomeFolders.RefuseOpen(path);
        ParticipantConfig config;
        try
        {
            config = JsonSerializer.Deserialize(File.ReadAllBytes(System.IO.Path.Combine(path, ConfigFile)), CardJson.Default.ParticipantConfig)
                ?? throw new JsonException();
        }
        catch (JsonException exception)
        {
            throw new ParticipantException(FailureCodes.Malformed,
                $"{System.IO.Path.Combine(path, ConfigFile)} is not valid JSON: {exception.Message}", exception);
        }

        if (!ParticipantNames.IsValid(config.Name) || !ParticipantNames.IsPrefix(config.QueuePrefix))
        {
            throw new ParticipantException(FailureCodes.Malformed,
                $"{System.IO.Path.Combine(path, ConfigFile)}: \"name\" must be a letter, then up to 31 letters, digits or hyphens; \"queuePrefix\" a letter, "
                    + "then up to 39 letters, digits, hyphens or underscores");
        }

        if (config.MinCell is < ParticipantConfig.LeastMinCell or > ParticipantConfig.MostMinCell)
        {
            throw new ParticipantException(FailureCodes.Malformed,
                $"{System.IO.Path.Combine(path, ConfigFile)} sets \"minCell\" to {config.MinCell}, and a home's minimum is {ParticipantConfig.LeastMinCell} to "
                    + $"{ParticipantConfig.MostMinCell}; raise it there. For data that are not confidential give the dataset its own: psi dataset add … "
                    + $"--min-cell {Math.Max(1, Math.Min(config.MinCell, 2))}");
        }

        using var keys = IdentityFile.Read(System.IO.Path.Combine(path, IdentityFileName), opener);
        return new ParticipantHome(path, config, new SigningKey(SecretBytes.CopyOf(keys.Signing.Span)),
            new AgreementKey(SecretBytes.CopyOf(keys.Agreement.Span)), SecretBytes.CopyOf(keys.Sealing.Span), keys.Expires);
    }

    /// <summary>
    /// Deletes what killed processes left half-written: common identifiers, keys, cards. For the one worker of the home, before it serves; datasets, which have
    /// locks of their own, are swept by who works on them.
    /// </summary>
    public void SweepParts()
    {
        var inside = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = false };
        foreach (var part in Existing("sessions").SelectMany(folder => Directory.EnumerateFiles(folder, "*" + AtomicFile.PartSuffix, inside)).ToArray())
        {
            AtomicFile.DestroyPart(part);
        }

        // Commands write here beside the worker, such as psi trust: what one has open stays.
        foreach (var part in Existing(CardsFolder).Prepend(Path).SelectMany(folder => Directory.EnumerateFiles(folder, "*" + AtomicFile.PartSuffix))
            .Where(part => AtomicFile.IsTemporaryName(System.IO.Path.GetFileName(part))).ToArray())
        {
            try
            {
                PrivateFile.Open(part, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSizeBytes: 0).Dispose();
                AtomicFile.DestroyPart(part);
            }
            catch (IOException)
            {
                // In use, or finished meanwhile.
            }
        }

        IEnumerable<string> Existing(string name) => new[] { System.IO.Path.Combine(Path, name) }.Where(Directory.Exists);
    }

    /// <summary>Applies settings that come from the environment or the command line for this run only.</summary>
    public void Override(Func<ParticipantConfig, ParticipantConfig> change) => Config = change(Config);

    /// <summary>Clock by which cards expire.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>The pinned card of a name that is believed, or null: one that has expired or was revoked is not.</summary>
    public ParticipantCard? FindCard(string name) => FindPinned(name) is { } card && WhyNot(card) is null ? card : null;

    /// <summary>Why a pinned card is not believed, as a line for a person; null where it is.</summary>
    public string? WhyNot(ParticipantCard card) => _revoked.Contain(card) ? $"the identity on {card.Name}'s card was revoked"
        : !card.IsValidAt(Time.GetUtcNow()) ? $"{card.Name}'s card expired on {card.Expires:yyyy-MM-dd}; ask for a new one and pin it with: psi trust CARD.json"
        : null;

    /// <summary>The pinned card of a name, believed or not.</summary>
    public ParticipantCard? FindPinned(string name)
    {
        if (!ParticipantNames.IsValid(name))
        {
            return null;
        }

        // Asked for every message: a card is read and verified once, and again when its file changes.
        var file = new FileInfo(CardPath(name));
        if (!file.Exists)
        {
            return null;
        }

        var stamp = (file.LastWriteTimeUtc, file.Length);
        if (_cards.TryGetValue(file.FullName, out var known) && known.Stamp == stamp)
        {
            return known.Card;
        }

        var card = ParticipantCard.Parse(File.ReadAllText(file.FullName), file.FullName);
        _cards[file.FullName] = (stamp, card);
        return card;
    }

    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, ((DateTime, long) Stamp, ParticipantCard Card)> _cards =
        new(StringComparer.Ordinal);

    /// <summary>All pinned cards, by name.</summary>
    public IReadOnlyList<ParticipantCard> Cards()
    {
        var folder = System.IO.Path.Combine(Path, CardsFolder);
        return !Directory.Exists(folder)
            ? [] : [.. Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal).Select(path => ParticipantCard.Parse(File.ReadAllText(path), path))];
    }

    /// <summary>Pins a card.</summary>
    /// <exception cref="ParticipantException">It may not be; see <see cref="RequirePinnable"/>.</exception>
    public void Pin(ParticipantCard card, bool replace)
    {
        RequirePinnable(card, replace);
        PrivateFile.CreateFolder(System.IO.Path.Combine(Path, CardsFolder));
        AtomicFile.Write(CardPath(card.Name), System.Text.Encoding.UTF8.GetBytes(card.ToJson()));
    }

    /// <summary>Whether a card may be pinned.</summary>
    /// <param name="card">The card.</param>
    /// <param name="replace">Whether another one under its name may go for it.</param>
    /// <exception cref="ParticipantException">
    /// It is the own name, or its identity was revoked, or it has expired or holds unusable keys, or another card is pinned under that name and
    /// <paramref name="replace"/> is false.
    /// </exception>
    public void RequirePinnable(ParticipantCard card, bool replace)
    {
        if (string.Equals(card.Name, Name, StringComparison.OrdinalIgnoreCase))
        {
            throw new ParticipantException(FailureCodes.NotPinned, $"this home is {Name} itself; pin the cards of the others here");
        }

        if (_revoked.Contain(card))
        {
            throw new ParticipantException(FailureCodes.NotPinned, $"the identity on this card of {card.Name} was revoked here, and is never pinned again");
        }

        if (!card.IsValidAt(Time.GetUtcNow()))
        {
            throw new ParticipantException(FailureCodes.NotPinned,
                $"this card of {card.Name} expired on {card.Expires:yyyy-MM-dd}; ask for a new one, made with: psi keys renew");
        }

        if (!card.HasUsableKeys())
        {
            throw new ParticipantException(FailureCodes.WeakKey, $"a key on this card of {card.Name} is none that can be used; do not trust that card");
        }

        var pinned = FindPinned(card.Name);
        if (pinned is not null && pinned.Fingerprint != card.Fingerprint && !card.Follows(pinned) && !replace)
        {
            throw new ParticipantException(FailureCodes.NotPinned,
                $"another card is pinned for {card.Name} (pinned {pinned.SpokenFingerprint}, given {card.SpokenFingerprint}); if {card.Name} confirms the new "
                    + "one, repeat with --replace");
        }
    }

    /// <summary>Believes an identity no more, for ever, and unpins its card.</summary>
    /// <exception cref="ParticipantException">The identity is pinned here under another name, or another command is at work on this home's keys.</exception>
    public void Revoke(ParticipantCard card)
    {
        using var alone = HomeKeys.Lock(Path);
        if (Cards().FirstOrDefault(pinned => pinned.SigningKey.AsSpan().SequenceEqual(card.SigningKey) && pinned.Name != card.Name) is { } other)
        {
            throw new ParticipantException(FailureCodes.NotPinned,
                $"this identity is pinned here as {other.Name}, not as {card.Name}; nothing was revoked. If it should be: psi keys revoke {other.Name}");
        }

        _revoked.Add(card);
        if (FindPinned(card.Name) is { } pinned && pinned.SigningKey.AsSpan().SequenceEqual(card.SigningKey))
        {
            File.Delete(CardPath(card.Name));
        }
    }

    private static ParticipantCard WithSuccession(ParticipantCard card, string path) => File.Exists(path)
        ? card with { Succeeds = JsonSerializer.Deserialize(File.ReadAllBytes(path), CardJson.Default.CardSuccession) } : card;

    /// <summary>The key shared with another party: from the key file where one is configured, from X25519 between the pinned identities otherwise.</summary>
    /// <exception cref="ParticipantException">The key file is missing, too short or readable by others, or the peer's key is of small order.</exception>
    public SecretBytes SharedKeyWith(ParticipantCard peer)
    {
        if (Config.SharedKeyFile is { } path)
        {
            using var file = ReadSharedKeyFile(path);
            return file.Derive([], DomainTags.SharedKeyFile, 32);
        }

        return Agreement.TryAgree(peer.AgreementKey)
            ?? throw new ParticipantException(FailureCodes.WeakKey, $"the agreement key on {peer.Name}'s card is of small order; do not trust that card");
    }

    private static SecretBytes ReadSharedKeyFile(string path)
    {
        var bytes = OwnerOnlyFile.Read(path, "the shared key file");
        if (bytes.Length is < MinimumSharedKeyBytes or > MaximumSharedKeyBytes)
        {
            throw new ParticipantException(FailureCodes.WeakKey,
                $"the shared key file {path} holds {bytes.Length} bytes; it needs {MinimumSharedKeyBytes} to {MaximumSharedKeyBytes} random ones, for example: "
                    + $"head -c 32 /dev/urandom > {path}")
            {
                ForPeer = "the shared key file cannot be used there; its people see why",
            };
        }

        var secret = SecretBytes.CopyOf(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return secret;
    }

    private string CardPath(string name) => System.IO.Path.Combine(Path, CardsFolder, name.ToLowerInvariant() + ".json");

    /// <inheritdoc/>
    public void Dispose()
    {
        Signing.Dispose();
        Agreement.Dispose();
        SealingSeed.Dispose();
    }
}
