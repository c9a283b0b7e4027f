using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Testing;

namespace PsiMessaging.Participants.Tests;

/// <summary>Private keys at rest, cards that expire, identities that are taken back or followed by another.</summary>
public sealed class KeyTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static SecretBytes Text(string text) => SecretBytes.CopyOf(System.Text.Encoding.UTF8.GetBytes(text));

    private string PathOf(string name) => Path.Combine(_folder.Path, name);

    private ParticipantHome Create(string name, KeyProtection protection = KeyProtection.None, SecretBytes? opener = null) =>
        ParticipantHome.Create(PathOf(name), new ParticipantConfig { Name = name, Role = ParticipantRole.Party }, protection, opener);

    [Fact]
    public void Passphrase_OpensItsHome_AndAnotherOneDoesNot()
    {
        using var passphrase = Text("correct horse");
        using var home = Create("P1", KeyProtection.Passphrase, passphrase);
        Assert.Equal(KeyProtection.Passphrase, HomeKeys.ProtectionOf(home));
        using var again = ParticipantHome.Open(home.Path, passphrase);
        Assert.Equal(home.Card.Fingerprint, again.Card.Fingerprint);
        using var wrong = Text("correct house");
        Assert.Contains("the passphrase does not open", Assert.Throws<ParticipantException>(() => ParticipantHome.Open(home.Path, wrong)).Message,
            StringComparison.Ordinal);
        Assert.Contains("PSI_PASSPHRASE_FILE", Assert.Throws<ParticipantException>(() => ParticipantHome.Open(home.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MountedKey_OpensItsHome_AndAnotherOneDoesNot()
    {
        using var key = SecretBytes.Random(32);
        using var home = Create("P1", KeyProtection.MountedKey, key);
        using (ParticipantHome.Open(home.Path, key))
        {
        }

        using var wrong = SecretBytes.Random(32);
        Assert.Contains("the mounted key does not open", Assert.Throws<ParticipantException>(() => ParticipantHome.Open(home.Path, wrong)).Message,
            StringComparison.Ordinal);
        Assert.Contains("PSI_IDENTITY_KEY_FILE", Assert.Throws<ParticipantException>(() => ParticipantHome.Open(home.Path)).Message, StringComparison.Ordinal);
    }

    /// <summary>Nothing of the keys lies in the file as it is, and no byte of it can be changed.</summary>
    [Fact]
    public void ProtectedFile_HoldsNoKey_AndEveryByteCounts()
    {
        using var key = SecretBytes.Random(32);
        using var home = Create("P1", KeyProtection.MountedKey, key);
        var path = Path.Combine(home.Path, "identity.key");
        var file = File.ReadAllBytes(path);
        using var signing = home.Signing.Copy();
        Assert.Equal(-1, file.AsSpan().IndexOf(signing.Span[..8]));
        Assert.Equal(-1, file.AsSpan().IndexOf(home.SealingSeed.Span[..8]));
        for (var i = 0; i < file.Length; i++)
        {
            var altered = file.ToArray();
            altered[i] ^= 1;
            File.WriteAllBytes(path, altered);
            Assert.Throws<ParticipantException>(() => ParticipantHome.Open(home.Path, key));
        }
    }

    [Fact]
    public void Protect_AndUnprotect_KeepTheKeys()
    {
        using var home = Create("P1");
        using var key = SecretBytes.Random(40);
        HomeKeys.Protect(home, KeyProtection.MountedKey, key);
        using (var locked = ParticipantHome.Open(home.Path, key))
        {
            Assert.Equal(home.Card.Fingerprint, locked.Card.Fingerprint);
            HomeKeys.Protect(locked, KeyProtection.None, null);
        }

        using var open = ParticipantHome.Open(home.Path);
        Assert.Equal((home.Card.Fingerprint, KeyProtection.None), (open.Card.Fingerprint, HomeKeys.ProtectionOf(open)));
    }

    /// <summary>A second name of the file is what somebody would find who looks for what stood under the first.</summary>
    [Fact]
    public void Protect_WhatStoodThereBefore_IsOverwritten()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links of files");
        using var home = Create("P1");
        var link = Path.Combine(_folder.Path, "found");
        using (var ln = System.Diagnostics.Process.Start("ln", [Path.Combine(home.Path, "identity.key"), link]))
        {
            ln.WaitForExit();
        }

        using var signing = home.Signing.Copy();
        Assert.True(File.ReadAllBytes(link).AsSpan().IndexOf(signing.Span) > 0);
        using var key = SecretBytes.Random(32);
        HomeKeys.Protect(home, KeyProtection.MountedKey, key);
        Assert.All(File.ReadAllBytes(link), value => Assert.Equal(0, value));
        using var again = ParticipantHome.Open(home.Path, key);
        Assert.Equal(home.Card.Fingerprint, again.Card.Fingerprint);
    }

    [Theory]
    [InlineData(KeyProtection.Passphrase, "", "is empty")]
    [InlineData(KeyProtection.Passphrase, "\n", "is empty")]
    [InlineData(KeyProtection.MountedKey, "short", "it needs 32 random ones or more")]
    public void Read_FileThatHoldsTooLittle_IsRefused(KeyProtection protection, string content, string fault) => Assert.Contains(fault,
        Assert.Throws<ParticipantException>(() => IdentityLock.Read(protection, _folder.WritePrivate("secret", content))).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_FileThatOthersMayRead_IsMissingOrTooLong_IsRefused()
    {
        var path = _folder.WritePrivate("secret", "correct horse\n");
        using (var read = IdentityLock.Read(KeyProtection.Passphrase, path))
        {
            Assert.Equal("correct horse"u8.ToArray(), read.Span.ToArray());
        }

        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.OtherRead);
            Assert.Contains("chmod 600", Assert.Throws<ParticipantException>(() => IdentityLock.Read(KeyProtection.Passphrase, path)).Message,
                StringComparison.Ordinal);
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        File.WriteAllBytes(path, new byte[5000]);
        Assert.Contains("longer than", Assert.Throws<ParticipantException>(() => IdentityLock.Read(KeyProtection.MountedKey, path)).Message,
            StringComparison.Ordinal);
        Assert.Contains("does not exist", Assert.Throws<ParticipantException>(() => IdentityLock.Read(KeyProtection.MountedKey, path + "x")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Card_ThatHasExpired_IsNotBelieved_NorPinned_ADayOfGraceForClocks()
    {
        using var home = Create("P1");
        using var other = Create("P2");
        home.Pin(other.Card, replace: false);
        var last = new DateTimeOffset(other.Card.Expires.AddDays(1), new TimeOnly(23, 59), TimeSpan.Zero);
        var time = new FakeTimeProvider(last);
        home.Time = time;
        Assert.NotNull(home.FindCard("P2"));
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.Null(home.FindCard("P2"));
        Assert.Null(home.InboxOf("P2"));
        Assert.Contains("P2's card expired on", home.WhyNot(home.FindPinned("P2")!), StringComparison.Ordinal);
        using var third = Create("P3");
        Assert.Contains("expired on", Assert.Throws<ParticipantException>(() => home.Pin(third.Card, replace: false)).Message, StringComparison.Ordinal);
    }

    /// <summary>A partner's card that is good until the calendar ends: a day more of grace is no date.</summary>
    [Fact]
    public void PinnedPartner_WhoseCardEndsWithTheCalendar_StopsNobody()
    {
        using var home = Create("P1");
        using var other = Create("P2");
        HomeKeys.Renew(other, DateOnly.MaxValue, null);
        using var renewed = ParticipantHome.Open(other.Path);
        home.Pin(renewed.Card, replace: false);
        Assert.NotNull(home.FindCard("P2"));
        Assert.True(renewed.Card.IsValidAt(DateTimeOffset.MaxValue));
    }

    [Fact]
    public void Card_OfAnotherVersion_IsRefusedByItsVersion()
    {
        using var home = Create("P1");
        var older = home.Card.ToJson().Replace("\"version\": 2", "\"version\": 1", StringComparison.Ordinal);
        Assert.Contains("a card of version 1, and this is version 2: ask for a new one",
            Assert.Throws<ParticipantException>(() => ParticipantCard.Parse(older, "c")).Message, StringComparison.Ordinal);
        Assert.Contains("a newer release made it", Assert.Throws<ParticipantException>(() =>
            ParticipantCard.Parse(older.Replace("\"version\": 1", "\"version\": 3", StringComparison.Ordinal), "c")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Renewed_IsTheSameIdentity_AndNeedsNoReplace()
    {
        using var home = Create("P1");
        using var other = Create("P2");
        home.Pin(other.Card, replace: false);
        HomeKeys.Renew(other, other.Card.Expires.AddDays(100), null);
        using var renewed = ParticipantHome.Open(other.Path);
        Assert.Equal(other.Card.Expires.AddDays(100), renewed.Card.Expires);
        home.Pin(renewed.Card, replace: false);
        Assert.Equal((other.Card.Fingerprint, renewed.Card.Expires), (home.FindCard("P2")!.Fingerprint, home.FindCard("P2")!.Expires));
    }

    [Fact]
    public void Rotated_TheOldIdentityNamesItsSuccessor_AndTakesItselfBack()
    {
        using var home = Create("P1");
        using var other = Create("P2");
        home.Pin(other.Card, replace: false);
        var entered = "";
        var file = HomeKeys.Rotate(other, other.Card.Expires, null, next =>
        {
            // Whoever is killed from here on has the revocation, and the old keys until the new ones are there.
            using var still = ParticipantHome.Open(other.Path);
            Assert.Equal(other.Card.Fingerprint, still.Card.Fingerprint);
            Assert.Single(Directory.GetFiles(other.Path, "revocation-*.json"));
            entered = next.Fingerprint;
        });
        var revocation = Revocation.TryParse(File.ReadAllText(file), "r")!;
        using var rotated = ParticipantHome.Open(other.Path);
        Assert.NotEqual(other.Card.SigningKey, rotated.Card.SigningKey);
        Assert.Equal(entered, rotated.Card.Fingerprint);
        var card = ParticipantCard.Parse(rotated.Card.ToJson(), "c");
        home.Pin(card, replace: false);
        home.Revoke(revocation.Card);
        Assert.Equal(card.Fingerprint, home.FindCard("P2")!.Fingerprint);
        Assert.Contains("was revoked here", Assert.Throws<ParticipantException>(() => home.Pin(other.Card, replace: true)).Message, StringComparison.Ordinal);
    }

    /// <summary>Somebody else's successor, or one whose word was altered, is another identity like any.</summary>
    [Fact]
    public void Successor_WhomTheOldIdentityHasNotNamed_NeedsReplace()
    {
        using var home = Create("P1");
        using var other = Create("P2");
        using var stranger = ParticipantHome.Create(PathOf("stranger"), new ParticipantConfig { Name = "P2", Role = ParticipantRole.Party });
        home.Pin(other.Card, replace: false);
        HomeKeys.Rotate(stranger, stranger.Card.Expires, null, _ => { });
        using var rotated = ParticipantHome.Open(stranger.Path);
        foreach (var card in new[]
        {
            rotated.Card, rotated.Card with { Succeeds = rotated.Card.Succeeds! with { Fingerprint = other.Card.Fingerprint } },
        })
        {
            Assert.Contains("--replace", Assert.Throws<ParticipantException>(() => home.Pin(card, replace: false)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Revoked_IsNeverBelievedAgain_AndARevocationOfAnothersMakingIsNone()
    {
        using var home = Create("P1");
        using var other = Create("P2");
        home.Pin(other.Card, replace: false);
        home.Revoke(other.Card);
        Assert.Null(home.FindPinned("P2"));
        Assert.Throws<ParticipantException>(() => home.Pin(other.Card, replace: true));
        var forged = Revocation.Create(other.Card, home.Signing).ToJson();
        Assert.Throws<ParticipantException>(() => Revocation.TryParse(forged, "r"));
        Assert.Null(Revocation.TryParse(other.Card.ToJson(), "c"));
        Assert.Null(Revocation.TryParse("nothing", "c"));
    }

    /// <summary>An identity that takes itself back under another name: what is pinned stays pinned, and nobody is told that it went.</summary>
    [Fact]
    public void PinnedPartner_RevokesItselfUnderAnotherName_IsRefused()
    {
        using var home = Create("P1");
        using var other = Create("P2");
        home.Pin(other.Card, replace: false);
        var alias = ParticipantCard.Create("P3", ParticipantRole.Party, other.Signing, other.Card.AgreementKey, other.Card.SealingKey, other.Card.Expires);
        var revocation = Revocation.TryParse(Revocation.Create(alias, other.Signing).ToJson(), "r")!;
        Assert.Contains("pinned here as P2, not as P3", Assert.Throws<ParticipantException>(() => home.Revoke(revocation.Card)).Message,
            StringComparison.Ordinal);
        Assert.NotNull(home.FindCard("P2"));

        var garbled = Revocation.Create(other.Card with { Signature = new byte[64] }, other.Signing).ToJson();
        Assert.Contains("damaged card", Assert.Throws<ParticipantException>(() => Revocation.TryParse(garbled, "r")).Message, StringComparison.Ordinal);
    }

    /// <summary>A card of the same keys under another role or name, or of a role that there is not, takes no place.</summary>
    [Fact]
    public void PinnedPartner_ComesAsSomethingElse_NeedsReplaceOrIsNone()
    {
        using var home = Create("P1");
        using var other = Create("P2");
        home.Pin(other.Card, replace: false);
        var linker = ParticipantCard.Create("P2", ParticipantRole.Linker, other.Signing, other.Card.AgreementKey, other.Card.SealingKey, other.Card.Expires);
        Assert.Contains("--replace", Assert.Throws<ParticipantException>(() => home.Pin(linker, replace: false)).Message, StringComparison.Ordinal);
        var none = ParticipantCard.Create("P2", (ParticipantRole)256, other.Signing, other.Card.AgreementKey, other.Card.SealingKey, other.Card.Expires);
        Assert.Throws<ParticipantException>(() => ParticipantCard.Parse(none.ToJson(), "c"));
    }

    /// <summary>Keys that nothing can be sealed to, or agreed with: what waits for them would wait for ever.</summary>
    [Fact]
    public void PinnedPartner_WithKeysThatAreNone_IsNotPinned()
    {
        using var home = Create("P1");
        using var other = Create("P2");
        var none = Enumerable.Repeat((byte)255, HybridKey.PublicKeySizeBytes).ToArray();
        foreach (var (agreement, sealing) in new[] { (new byte[32], other.Card.SealingKey), (other.Card.AgreementKey, none) })
        {
            var card = ParticipantCard.Create("P2", ParticipantRole.Party, other.Signing, agreement, sealing, other.Card.Expires);
            Assert.Contains("is none that can be used", Assert.Throws<ParticipantException>(() => home.Pin(card, replace: false)).Message,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Lock_IsOneCommands_AndAWorkerKeepsItsKeys()
    {
        using var home = Create("P1");
        using (HomeKeys.Lock(home.Path))
        {
            Assert.Contains("another command", Assert.Throws<ParticipantException>(() => HomeKeys.Lock(home.Path)).Message, StringComparison.Ordinal);
        }

        HomeKeys.Lock(home.Path).Dispose();
        using (HomeKeys.KeepWorkerAway(home.Path))
        {
            Assert.Contains("stop it first", Assert.Throws<ParticipantException>(() => HomeKeys.KeepWorkerAway(home.Path)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Create_WhereOnlyTheConfigurationIsGone_OverwritesNoKeys()
    {
        using var home = Create("P1");
        using var other = Create("P2");
        home.Pin(other.Card, replace: false);
        var keys = File.ReadAllBytes(Path.Combine(home.Path, "identity.key"));
        File.Delete(Path.Combine(home.Path, "psi.json"));
        Assert.Contains("keys are never overwritten", Assert.Throws<ParticipantException>(() => Create("P1")).Message, StringComparison.Ordinal);
        Assert.Equal(keys, File.ReadAllBytes(Path.Combine(home.Path, "identity.key")));
    }

    /// <summary>Killed between its keys and its configuration: the next one makes a home of it, with keys of its own.</summary>
    [Fact]
    public void Create_AfterAKillBetweenKeysAndConfiguration_MakesTheHome()
    {
        string before;
        using (var home = Create("P1"))
        {
            before = home.Card.Fingerprint;
            File.Delete(Path.Combine(home.Path, "psi.json"));
        }

        using var again = Create("P1");
        Assert.NotEqual(before, again.Card.Fingerprint);
    }

    /// <summary>The examples of the paper (arXiv:0901.4016).</summary>
    [Theory]
    [InlineData("7f000001", "lusab-babad")]
    [InlineData("3f54dcc1", "gutih-tugad")]
    [InlineData("3f760723", "gutuk-bisog")]
    [InlineData("8c62c18d", "mudof-sakat")]
    [InlineData("801e342d", "mabiv-gibot")]
    public void Proquint_EncodesAndDecodes(string hex, string words)
    {
        var encoded = Proquint.Encode(Convert.FromHexString(hex));
        Assert.Equal(words, encoded);
        Assert.Equal(hex, Convert.ToHexStringLower(Proquint.TryDecode(encoded.ToUpperInvariant().Replace('-', ' '))!));
    }

    [Theory]
    [InlineData("lusab-baba")]
    [InlineData("lusab-babxd")]
    [InlineData("lüsab")]
    public void Proquint_OfWhatIsNone_IsNull(string words) => Assert.Null(Proquint.TryDecode(words));
}
