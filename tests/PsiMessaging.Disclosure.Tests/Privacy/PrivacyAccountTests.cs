using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using CsCheck;
using PsiMessaging.Disclosure.Noise;
using PsiMessaging.Disclosure.Privacy;
using PsiMessaging.Files;

namespace PsiMessaging.Disclosure.Tests.Privacy;

/// <summary>What is spent is on disk before it is used, is spent once, and never forgotten.</summary>
public sealed class PrivacyAccountTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("privacy-account-").FullName;

    private string FilePath => Path.Combine(_folder, "people.account");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static PrivacyAccount Account(int budget = 100) => new("people", new Rho(budget));

    private static Rho Cost(int units) => new(units);

    private static byte[] Never() => throw new InvalidOperationException("nothing was to be drawn");

    [Fact]
    public void Spend_UpToTheBudget_IsExactAndOneUnitMoreIsRefused()
    {
        var account = Account(100);
        account = account.Spend("q1", "count by A", Cost(60), () => [1]).After;
        account = account.Spend("q2", "count by B", Cost(39), () => [2]).After;
        var refused = Assert.Throws<PrivacyBudgetException>(() => account.Spend("q3", "count by C", Cost(2), Never));
        Assert.Contains("question q3 costs rho", refused.Message, StringComparison.Ordinal);
        Assert.Contains("of people", refused.Message, StringComparison.Ordinal);
        Assert.Equal(new BigInteger(99), account.Spent.Units);
        account = account.Spend("q3", "count by C", Cost(1), () => [3]).After;
        Assert.Equal(Rho.Zero, account.Left);
        Assert.Throws<PrivacyBudgetException>(() => account.Spend("q4", "count", Cost(1), Never));
    }

    [Fact]
    public void Spend_SameIdAndText_CostsOnceAndGivesTheSamePayload()
    {
        var (account, first) = Account().Spend("q1", "count by A", Cost(60), () => [1, 2, 3]);
        var (again, second) = account.Spend("q1", "count by A", Cost(60), Never);
        Assert.Same(account, again);
        Assert.Equal((true, false), (first.IsNew, second.IsNew));
        Assert.Equal([1, 2, 3], second.Entry.Payload);
    }

    [Theory]
    [InlineData("count by B", 60)]
    [InlineData("count by A", 10)]
    public void Spend_SameIdForSomethingElse_IsRefused(string text, int cost)
    {
        var account = Account().Spend("q1", "count by A", Cost(60), () => [1]).After;
        Assert.Throws<PrivacyBudgetException>(() => account.Spend("q1", text, Cost(cost), Never));
    }

    [Theory]
    [InlineData("")]
    [InlineData("q 1")]
    [InlineData("q\n1")]
    [InlineData("ä")]
    public void Spend_IdThatWouldBreakTheLines_IsRefused(string id)
    {
        Assert.Throws<ArgumentException>(() => Account().Spend(id, "count", Cost(1), Never));
        Assert.Throws<ArgumentException>(() => new PrivacyAccount(id, Cost(1)));
    }

    [Fact]
    public void Spend_NegativeCostOrLongPayload_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Account().Spend("q", "count", Cost(-1), Never));
        Assert.Throws<ArgumentException>(() => Account().Spend("q", "count", Cost(1), () => new byte[PrivacyAccount.MaximumPayloadBytes + 1]));
    }

    [Fact]
    public void Parse_WhatPrintWrote_IsTheSameAccount()
    {
        var account = Account().Spend("q1", "count by A", Cost(60), () => [1, 2, 3]).After.Spend("q2", "count", Cost(0), () => []).After;
        var text = PrivacyAccountText.Print(account);
        var again = PrivacyAccountText.Parse(text);
        Assert.Equal(text, PrivacyAccountText.Print(again));
        Assert.Equal((account.Dataset, account.Budget, account.Spent), (again.Dataset, again.Budget, again.Spent));
        Assert.Equal([1, 2, 3], again.Entries[0].Payload);
        Assert.Empty(again.Entries[1].Payload);
        Assert.DoesNotContain("count by A", text, StringComparison.Ordinal);
    }

    /// <summary>Cut off at every byte, and every byte altered: never read as an account, always with one line that says what to do.</summary>
    [Fact]
    public void Parse_TornOrAltered_IsRefusedWithOneLine()
    {
        var account = Account().Spend("q1", "count by A", Cost(60), () => [1, 2, 3]).After.Spend("q2", "count", Cost(1), () => [4]).After;
        var text = PrivacyAccountText.Print(account);
        for (var i = 0; i < text.Length; i++)
        {
            AssertRefused(text[..i]);
            AssertRefused(text[..i] + (char)(text[i] ^ 1) + text[(i + 1)..]);
            AssertRefused(text.Remove(i, 1));
        }

        AssertRefused(text + "x\n");
        AssertRefused(text + text);
        var lines = text.Split('\n');
        AssertRefused(string.Join('\n', lines.Where((_, i) => i != 1)));
        AssertRefused(string.Join('\n', [lines[0], lines[2], lines[1], .. lines[3..]]));
        AssertRefused(text.Replace("\n", "\r\n", StringComparison.Ordinal));
    }

    /// <summary>Lines whose checks fit, as somebody who writes the file can make them, and which are no account all the same.</summary>
    [Theory]
    [InlineData("psi-privacy-account 1 people 100|end 0 0", true)]
    [InlineData("psi-privacy-account 1 people 100|spend q1 HASH 60 AQ==|end 1 60", true)]
    [InlineData("psi-privacy-account 1 people 100|spend q1 HASH 60 -|end 1 60", true)]
    [InlineData("psi-privacy-account 2 people 100|end 0 0", false)]
    [InlineData("psi-privacy-account 1 peo;ple 100|end 0 0", false)]
    [InlineData("psi-privacy-account 1 people 0100|end 0 0", false)]
    [InlineData("psi-privacy-account 1 people -1|end 0 0", false)]
    [InlineData("psi-privacy-account 1 people 99999999999999999999999999|end 0 0", false)]
    [InlineData("psi-privacy-account 1 people 100|end 1 0", false)]
    [InlineData("psi-privacy-account 1 people 100|end 0 1", false)]
    [InlineData("psi-privacy-account 1 people 100", false)]
    [InlineData("psi-privacy-account 1 people 100|end 0 0|end 0 0", false)]
    [InlineData("psi-privacy-account 1 people 100|spend q1 HASH 60 AQ==|spend q1 HASH 10 AQ==|end 2 70", false)]
    [InlineData("psi-privacy-account 1 people 100|spend q1 HASH 101 AQ==|end 1 101", false)]
    [InlineData("psi-privacy-account 1 people 100|spend q1 HASH -5 AQ==|end 1 -5", false)]
    [InlineData("psi-privacy-account 1 people 100|spend q1 abc 60 AQ==|end 1 60", false)]
    [InlineData("psi-privacy-account 1 people 100|spend q1 HASH 60 AQ|end 1 60", false)]
    [InlineData("psi-privacy-account 1 people 100|spend q1 HASH 60 AR==|end 1 60", false)]
    [InlineData("psi-privacy-account 1 people 100|spend q1 HASH 60 |end 1 60", false)]
    [InlineData("psi-privacy-account 1 people 100|refund q1 HASH 60 AQ==|end 1 60", false)]
    public void Parse_LinesOfRightChecks_AreHeldToTheirMeaning(string lines, bool isAccount)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var text = string.Concat(lines.Replace("HASH", PrivacyAccount.HashOf("count"), StringComparison.Ordinal).Split('|').Select(line =>
        {
            hash.AppendData(Encoding.UTF8.GetBytes(line + "\n"));
            return $"{line} {Convert.ToHexStringLower(hash.GetCurrentHash())[..16]}\n";
        }));
        if (isAccount)
        {
            Assert.Equal(text, PrivacyAccountText.Print(PrivacyAccountText.Parse(text)));
        }
        else
        {
            AssertRefused(text);
        }
    }

    [Fact]
    public void Open_AfterSpending_HasWhatWasSpent()
    {
        using (var file = PrivacyAccountFile.Create(FilePath, Account()))
        {
            Assert.True(file.Spend("q1", "count by A", Cost(60), () => [9]).IsNew);
        }

        using var again = PrivacyAccountFile.Open(FilePath);
        Assert.Equal(new BigInteger(60), again.Account.Spent.Units);
        var spending = again.Spend("q1", "count by A", Cost(60), Never);
        Assert.False(spending.IsNew);
        Assert.Equal([9], spending.Entry.Payload);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(FilePath));
        Assert.Equal(["people.account", "people.account.lock"], Directory.GetFiles(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    /// <summary>When spending returns, somebody else who reads the disk sees it: the noise is used only then.</summary>
    [Fact]
    public void Spend_WhenItReturns_IsOnDisk()
    {
        using var file = PrivacyAccountFile.Create(FilePath, Account());
        for (var i = 1; i <= 5; i++)
        {
            var before = File.ReadAllText(FilePath);
            file.Spend($"q{i}", "count", Cost(10), () =>
            {
                Assert.Equal(before, File.ReadAllText(FilePath));
                return [(byte)i];
            });
            Assert.Equal(10 * i, PrivacyAccountText.Parse(File.ReadAllText(FilePath)).Spent.Units);
        }
    }

    /// <summary>Where the disk refuses, nothing is handed out and the file is the one before.</summary>
    [Fact]
    public void Spend_DiskThatDoesNotTakeIt_GivesNothingAndKeepsTheFile()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "inner")).FullName;
        var path = Path.Combine(folder, "people.account");
        using var file = PrivacyAccountFile.Create(path, Account());
        var before = File.ReadAllText(path);
        var moved = folder + ".away";
        Directory.Move(folder, moved);
        Assert.ThrowsAny<IOException>(() => file.Spend("q1", "count", Cost(10), () => [1]));
        Assert.Equal(Rho.Zero, file.Account.Spent);
        Directory.Move(moved, folder);
        Assert.Equal(before, File.ReadAllText(path));
        Assert.True(file.Spend("q1", "count", Cost(10), () => [1]).IsNew);
    }

    [Fact]
    public void Spend_PayloadThatFails_SpendsNothing()
    {
        using var file = PrivacyAccountFile.Create(FilePath, Account());
        Assert.Throws<InvalidOperationException>(() => file.Spend("q1", "count", Cost(10), Never));
        Assert.Equal(Rho.Zero, PrivacyAccountText.Parse(File.ReadAllText(FilePath)).Spent);
    }

    /// <summary>What a kill in the middle of writing leaves is a file of a temporary name, and does not count.</summary>
    [Fact]
    public void Open_BesideALeftTemporaryFile_ReadsTheAccount()
    {
        using (var file = PrivacyAccountFile.Create(FilePath, Account()))
        {
            file.Spend("q1", "count", Cost(10), () => [1]);
        }

        File.WriteAllText(FilePath + ".0123abcd" + AtomicFile.PartSuffix, File.ReadAllText(FilePath)[..20]);
        using var again = PrivacyAccountFile.Open(FilePath);
        Assert.Equal(new BigInteger(10), again.Account.Spent.Units);
        Assert.Empty(Directory.GetFiles(_folder, "*" + AtomicFile.PartSuffix));
    }

    /// <summary>The whole way: drawn ahead, paid for, and after a restart the same answer for the same question; with an empty pool nothing is paid.</summary>
    [Fact]
    public void Spend_NoiseOfAPool_IsTheSameAfterARestart()
    {
        var law = new DiscreteGaussian(100);
        using var sampler = new TableSampler(law, new SystemRandomBytes());
        using var pool = new NoisePool(sampler, batches: 1, batch: 256);
        var budget = Rho.Budget(1, 1e-6);
        var cost = Rho.Of(1, law);
        long[] first;
        using (var file = PrivacyAccountFile.Create(FilePath, new PrivacyAccount("people", budget)))
        {
            Assert.Throws<InvalidOperationException>(() => file.Spend("q1", "count by A", cost, () => NoisePayload.Take(pool, 50)));
            Assert.Equal(Rho.Zero, file.Account.Spent);
            pool.TryDrawBatch();
            first = NoisePayload.Read(file.Spend("q1", "count by A", cost, () => NoisePayload.Take(pool, 50)).Entry.Payload);
        }

        using var again = PrivacyAccountFile.Open(FilePath);
        Assert.Equal(first, NoisePayload.Read(again.Spend("q1", "count by A", cost, () => NoisePayload.Take(pool, 50)).Entry.Payload));
        Assert.Equal((206, cost), (pool.Ready, again.Account.Spent));
        Assert.NotEqual(first, NoisePayload.Read(again.Spend("q2", "count by A", cost, () => NoisePayload.Take(pool, 50)).Entry.Payload));
        Assert.Throws<FormatException>(() => NoisePayload.Read([1, 2, 3]));
    }

    /// <summary>Whatever is asked, in whatever order, with restarts: never above the budget, and every new answer is in the file.</summary>
    [Fact]
    public void Spend_RandomQuestionsAndRestarts_NeverExceedTheBudget() =>
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 40], Gen.Int[0, 4]).Array[1, 12].Sample(questions =>
        {
            var account = Account();
            var paid = new Dictionary<string, byte>(StringComparer.Ordinal);
            foreach (var (question, cost, restart) in questions)
            {
                var id = $"q{question}";
                var payload = (byte)(paid.Count + 1);
                try
                {
                    var (after, spending) = account.Spend(id, id, Cost(cost), () => [payload]);
                    Assert.Equal(!paid.ContainsKey(id), spending.IsNew);
                    paid.TryAdd(id, payload);
                    Assert.Equal(paid[id], Assert.Single(spending.Entry.Payload));
                    account = after;
                }
                catch (PrivacyBudgetException)
                {
                    // Another cost under a paid id, or too dear.
                    Assert.True(paid.ContainsKey(id) || account.Spent + Cost(cost) > account.Budget);
                }

                Assert.True(account.Spent <= account.Budget);
                Assert.Equal(account.Spent.Units, account.Entries.Aggregate(BigInteger.Zero, (sum, entry) => sum + entry.Cost.Units));
                account = restart == 0 ? PrivacyAccountText.Parse(PrivacyAccountText.Print(account)) : account;
            }
        }, iter: 1000);

    [Fact]
    public void Open_TornFile_NamesItAndLetsItGo()
    {
        PrivacyAccountFile.Create(FilePath, Account()).Dispose();
        var whole = File.ReadAllBytes(FilePath);
        File.WriteAllBytes(FilePath, whole[..^3]);
        var message = Assert.Throws<PrivacyAccountException>(() => PrivacyAccountFile.Open(FilePath)).Message;
        Assert.StartsWith($"{FilePath}: ", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        File.WriteAllBytes(FilePath, whole);
        PrivacyAccountFile.Open(FilePath).Dispose();
    }

    [Fact]
    public void Open_WhileAnotherHasIt_IsRefused()
    {
        using (PrivacyAccountFile.Create(FilePath, Account()))
        {
            Assert.Contains("in use", Assert.Throws<IOException>(() => PrivacyAccountFile.Open(FilePath)).Message, StringComparison.Ordinal);
        }

        PrivacyAccountFile.Open(FilePath).Dispose();
    }

    [Fact]
    public void Create_OverAnAccount_IsRefusedAndKeepsIt()
    {
        using (var file = PrivacyAccountFile.Create(FilePath, Account()))
        {
            file.Spend("q1", "count", Cost(10), () => [1]);
        }

        Assert.Throws<IOException>(() => PrivacyAccountFile.Create(FilePath, Account()));
        using var again = PrivacyAccountFile.Open(FilePath);
        Assert.Equal(new BigInteger(10), again.Account.Spent.Units);
    }

    [Fact]
    public void Open_NoFile_SaysSo() => Assert.ThrowsAny<IOException>(() => PrivacyAccountFile.Open(FilePath));

    private static void AssertRefused(string text)
    {
        var message = Assert.Throws<PrivacyAccountException>(() => PrivacyAccountText.Parse(text)).Message;
        Assert.DoesNotContain('\n', message);
        Assert.True(Encoding.UTF8.GetByteCount(message) < 300);
    }
}
