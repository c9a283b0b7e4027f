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
    [InlineData("100234", "\u200b100234")]
    [InlineData("100235", "100235\u200b\ufeff")]
    [InlineData("100240", "100\u00ad240\u202c")]
    [InlineData("Rossi Mario", "\u2067Rossi\u3000 Mario\u2069")]
    [InlineData("a b", "a\u0007 \u0001b\u007f")]
    [InlineData("00123", "=\"00123\"")]
    [InlineData("00123", "'00123")]
    [InlineData("00123", "=\"'00123 \"")]
    public void TryAdd_SameIdentifierWrittenDifferently_GivesTheSameBytes(string one, string two) => Assert.Equal(Canonical(false, one), Canonical(false, two));

    [Theory]
    [InlineData("a", "A")]
    [InlineData("strasse", "STRASSE")]
    [InlineData("é", "É")]
    [InlineData("Großmann", "GROSSMANN")]
    [InlineData("Großmann", "GROẞMANN")]
    [InlineData("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ")]
    [InlineData("\ud801\udc28", "\ud801\udc00")]
    [InlineData("ﬁx", "FIX")]
    [InlineData("ŉ", "ʼN")]
    public void TryAdd_OtherCase_IsOneOnlyWhenFolded(string one, string two)
    {
        Assert.NotEqual(Canonical(false, one), Canonical(false, two));
        Assert.Equal(Canonical(true, one), Canonical(true, two));
    }

    /// <summary>The rule for all languages, not the Turkish one: ı is no i, and İ is an i with a dot above.</summary>
    [Theory]
    [InlineData("Kılıç", "KILIÇ")]
    [InlineData("izmir", "İZMİR")]
    [InlineData("00123", "123")]
    [InlineData("1E2", "100")]
    [InlineData("100234", "100234.0")]
    [InlineData("'s-Gravenhage", "s-Gravenhage")]
    [InlineData("A-1", "A1")]
    [InlineData("é", "e")]
    public void TryAdd_DifferentIdentifiers_StayTwo(string one, string two)
    {
        Assert.NotEqual(Canonical(true, one), Canonical(true, two));
        Assert.NotEqual(Canonical(false, one), Canonical(false, two));
    }

    [Theory]
    [InlineData("NA")]
    [InlineData(" NULL ")]
    [InlineData(".")]
    [InlineData("N/A")]
    [InlineData("nan")]
    [InlineData("#N/A")]
    [InlineData("None")]
    [InlineData("-")]
    [InlineData("=\"NA\"")]
    [InlineData("ＮＡ")]
    public void TryAdd_WordsForMissing_AreNoIdentifierUnlessAskedFor(string word)
    {
        Assert.Null(Canonical(false, word));
        Assert.Null(Canonical(true, "x", word));
        var canonicalizer = new Canonicalizer(false, missingWords: false);
        canonicalizer.Begin();
        Assert.True(canonicalizer.TryAdd(word));
    }

    [Theory]
    [InlineData("Na")]
    [InlineData("NONE")]
    [InlineData("N.A.")]
    [InlineData("0")]
    [InlineData("NA1")]
    public void TryAdd_WhatMayBeSomebody_IsAnIdentifier(string text) => Assert.NotNull(Canonical(false, text));

    [Fact]
    public void TryAdd_WholeNumbers_LoseAFractionOfZeroWhereAskedFor()
    {
        var canonicalizer = new Canonicalizer(false, wholeNumbers: true);
        string Of(string text)
        {
            canonicalizer.Begin();
            Assert.True(canonicalizer.TryAdd(text));
            return Canonicalizer.Decode(canonicalizer.Current)[0];
        }

        Assert.Equal(["100234", "100234", "100234.5", "A.0", "250.00"], new[] { "100234.0", "100234,0", "100234.5", "A.0", "250.00" }.Select(Of));
    }

    [Fact]
    public void TryAdd_Composite_NeverRunsTogether() =>
        Gen.String[Gen.Char["ab 1"], 0, 4].Array[2].Select(Gen.String[Gen.Char["ab 1"], 0, 4].Array[2]).Sample((one, two) =>
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

    private static byte[]? WithoutWords(bool fold, string part)
    {
        var canonicalizer = new Canonicalizer(fold, missingWords: false);
        canonicalizer.Begin();
        return canonicalizer.TryAdd(part) ? canonicalizer.Current.ToArray() : null;
    }

    private static void IsItsOwn(string text)
    {
        foreach (var fold in new[] { false, true })
        {
            if (WithoutWords(fold, text) is { } once)
            {
                Assert.Equal(once, WithoutWords(fold, Canonicalizer.Decode(once)[0]));
            }
        }
    }

    [Fact]
    public void TryAdd_EveryCharacter_HasAFormThatIsItsOwn_AndFoldedIsOneWithItsFolding()
    {
        for (var code = 0; code <= 0x10FFFF; code++)
        {
            if (Rune.IsValid(code))
            {
                var text = char.ConvertFromUtf32(code);
                if ((code & 0xFFFE) == 0xFFFE || code is >= 0xFDD0 and <= 0xFDEF)
                {
                    // Code points that are no characters may be refused, by name.
                    continue;
                }

                IsItsOwn(text);
                Assert.Equal(WithoutWords(true, text), WithoutWords(true, CaseFolding.Fold(text)));
            }
        }
    }

    [Fact]
    public void TryAdd_Twice_ChangesNothing() =>
        Gen.String[Gen.OneOf(Gen.Char, Gen.Char["a ='\"0.\t\u00a0\u200b\u200d\u0300\u0345\u0307ßıİﬁ\u00ad\ufeff１\u1100\u1161\u11a8"]), 0, 10].Sample(text =>
    {
        try
        {
            IsItsOwn(text);
        }
        catch (InputException)
        {
            // Lone surrogates are refused, by name.
            Assert.Contains(text, char.IsSurrogate);
        }
    }, iter: 20_000);

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
