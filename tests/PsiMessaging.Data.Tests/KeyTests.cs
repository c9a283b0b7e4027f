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
    public void Compare_Parts_OrderOneByOne()
    {
        Assert.True(IdentifierOrder.Compare(Canonical(false, "b"), Canonical(false, "aaa")) > 0);
        Assert.True(IdentifierOrder.Compare(Canonical(false, "a", "z"), Canonical(false, "ab", "a")) < 0);
        Assert.Equal(0, IdentifierOrder.Compare(Canonical(false, "a", "z"), Canonical(false, "a", "z")));
    }
}
