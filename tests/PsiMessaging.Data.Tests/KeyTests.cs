using System.Text;
using CsCheck;
using PsiMessaging.Data.Keys;

namespace PsiMessaging.Data.Tests;

/// <summary>Canonicalisation and the compact table, against the plain way of doing it.</summary>
public class KeyTests
{
    private static byte[]? Canonical(bool fold, params string[] parts)
    {
        var canonicalizer = new Canonicalizer(fold);
        canonicalizer.Begin();
        return parts.All(part => canonicalizer.TryAdd(part)) ? canonicalizer.Current.ToArray() : null;
    }

    [Theory]
    [InlineData("RALPH", " RALPH\t")]
    [InlineData("Rossi Mario", "Rossi \u00a0\t Mario")]
    [InlineData("filippo", "ﬁlippo")]
    [InlineData("Å", "A\u030a")]
    [InlineData("１２３", "123")]
    public void TryAdd_SameIdentifierWrittenDifferently_GivesTheSameBytes(string one, string two) => Assert.Equal(Canonical(false, one), Canonical(false, two));

    [Theory]
    [InlineData("a", "A")]
    [InlineData("strasse", "STRASSE")]
    [InlineData("é", "É")]
    public void TryAdd_OtherCase_IsOneOnlyWhenFolded(string one, string two)
    {
        Assert.NotEqual(Canonical(false, one), Canonical(false, two));
        Assert.Equal(Canonical(true, one), Canonical(true, two));
    }

    [Fact]
    public void TryAdd_Composite_NeverRunsTogether() => Gen.String[Gen.Char["ab 1"], 0, 4].Array[2].Select(Gen.String[Gen.Char["ab 1"], 0, 4].Array[2]).Sample((one, two) =>
    {
        string Plain(string part) => string.Join(' ', part.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        var (left, right) = (Canonical(false, one), Canonical(false, two));
        if (left is not null && right is not null)
        {
            Assert.Equal(one.Select(Plain).SequenceEqual(two.Select(Plain)), left.AsSpan().SequenceEqual(right));
            Assert.Equal(one.Select(Plain), Canonicalizer.Decode(left));
        }
        else
        {
            Assert.True(one.Any(part => Plain(part).Length == 0) || two.Any(part => Plain(part).Length == 0));
        }
    });

    [Fact]
    public void TryAdd_Twice_ChangesNothing() => Gen.String.Sample(text =>
    {
        try
        {
            if (Canonical(true, text) is { } once)
            {
                Assert.Equal(once, Canonical(true, Canonicalizer.Decode(once)[0]));
            }
        }
        catch (InputException)
        {
            // Lone surrogates are refused, by name.
            Assert.Contains(text, char.IsSurrogate);
        }
    }, iter: 2000);

    [Fact]
    public void TryAdd_TooLong_IsRefused() => Assert.Throws<InputException>(() => Canonical(false, new string('x', Canonicalizer.MaximumPartBytes + 1)));

    [Fact]
    public void KeyTable_RandomKeys_EqualsADictionary() => Gen.Int[0, 300].Array[0, 2000].Sample(keys =>
    {
        var table = new KeyTable();
        var plain = new Dictionary<int, int>();
        for (var row = 0; row < keys.Length; row++)
        {
            table.Add(Canonical(false, $"key-{keys[row]}"));
            plain.TryAdd(keys[row], row);
        }

        Assert.Equal((plain.Count, keys.Length, keys.Length - plain.Count), (table.Count, table.Rows, table.Repeated));
        for (var i = 0; i < table.Count; i++)
        {
            var key = int.Parse(Canonicalizer.Decode(table[i])[0][4..]);
            Assert.Equal(plain[key], table.RowOf(i));
        }

        var sorted = table.Sorted(Enumerable.Range(0, table.Count)).Select(i => Encoding.UTF8.GetString(table[i][4..])).ToArray();
        Assert.Equal(sorted.Order(StringComparer.Ordinal), sorted);
    }, iter: 50);

    [Fact]
    public void CompareKeys_Parts_OrderOneByOne()
    {
        Assert.True(KeyTable.CompareKeys(Canonical(false, "b"), Canonical(false, "aaa")) > 0);
        Assert.True(KeyTable.CompareKeys(Canonical(false, "a", "z"), Canonical(false, "ab", "a")) < 0);
        Assert.Equal(0, KeyTable.CompareKeys(Canonical(false, "a", "z"), Canonical(false, "a", "z")));
    }
}
