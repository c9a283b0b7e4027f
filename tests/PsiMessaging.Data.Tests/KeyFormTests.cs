using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using PsiMessaging.Data.Keys;

namespace PsiMessaging.Data.Tests;

/// <summary>How identifiers look: counts, signs of damage, check digits, what is said to the other party; and the table of case folding.</summary>
public class KeyFormTests
{
    private static KeyPartForm Count(bool fold, params IEnumerable<string> values)
    {
        var (canonicalizer, counter) = (new Canonicalizer(fold), new KeyPartCounter("ID"));
        foreach (var value in values)
        {
            canonicalizer.Begin();
            var isThere = canonicalizer.TryAdd(value, out var part, out var repairs);
            counter.Add(part, isThere, repairs);
        }

        return counter.Finish();
    }

    [Fact]
    public void Finish_MixedIdentifiers_CountsEachKindOnce()
    {
        var form = Count(false, "12345678", "1234567", "ABC", "abc", "A1", "a-b", "è",
            "NA", "", "\u200b12345678", "='x", "12345679", "=\"00123456\"", "'00123457");
        Assert.Equal((12, 1, 8, 8, 5), (form.Rows, form.Shortest, form.Longest, form.UsualLength, form.OfUsualLength));
        Assert.Equal([6, 2, 1, 2, 1], form.Alphabets);
        Assert.Equal((2, 2, 1, 1, 2), (form.UpperOnly, form.LowerOnly - 1, form.MissingWords, form.Invisible, form.Undisguised));
    }

    [Theory]
    [InlineData(KeyDamage.Exponent, "9,78013E+12", "9.78013E+12", "1E+15", "1e-5")]
    [InlineData(KeyDamage.PointZero, "100234.0", "1,0")]
    [InlineData(KeyDamage.FifteenDigits, "1234567890123450", "602000000000001000000")]
    [InlineData(KeyDamage.Hashes, "#", "########")]
    [InlineData(KeyDamage.Replacement, "Citt\ufffd")]
    public void Damage_IsCountedByItsKind(KeyDamage damage, params string[] values)
    {
        var form = Count(false, values);
        Assert.Equal(values.Length, form.Of(damage));
        Assert.Equal(values.Length, form.Damaged.Sum());
    }

    [Theory]
    [InlineData("12E3")]
    [InlineData("100234")]
    [InlineData("10.5")]
    [InlineData("1.10")]
    [InlineData("A.0")]
    [InlineData("123456789012345")]
    [InlineData("1234567890123456")]
    [InlineData("E+12")]
    [InlineData("#12")]
    [InlineData("Città")]
    public void WholeIdentifiers_AreNotTakenForDamaged(string value) => Assert.Equal(0, Count(false, value).Damaged.Sum());

    // Published examples: a test card, an EAN, an ISBN, an ORCID, the German tax number of the ministry's paper, IBANs of the registry, a LEI.
    [Theory]
    [InlineData(CheckDigit.Luhn, "4111111111111111", "4111111111111112")]
    [InlineData(CheckDigit.Gtin, "9780134685991", "9780134685992")]
    [InlineData(CheckDigit.Gtin, "96385074", "96385075")]
    [InlineData(CheckDigit.Isbn10, "080442957X", "0804429570")]
    [InlineData(CheckDigit.Mod11Radix2, "0000000218250097", "0000000218250098")]
    [InlineData(CheckDigit.Mod11Radix2, "000000021694233X", "0000000216942330")]
    [InlineData(CheckDigit.Mod11And10, "86095742719", "86095742718")]
    [InlineData(CheckDigit.Mod97, "IT60X0542811101000000123456", "IT60X0542811101000000123457")]
    [InlineData(CheckDigit.Mod97, "gb82west12345698765432", "gb82west12345698765423")]
    [InlineData(CheckDigit.Mod97, "5493001KJTIIGC8Y1R12", "5493001KJTIIGC8Y1R21")]
    public void CheckDigits_AreRightInPublishedNumbers_AndWrongNextToThem(CheckDigit kind, string right, string wrong) =>
        Assert.Equal((true, false), (CheckDigits.IsRight(kind, right), CheckDigits.IsRight(kind, wrong)));

    [Fact]
    public void CheckDigit_ThatMostHave_IsFoundAndItsFaultsCounted()
    {
        static char Luhn(string digits) => "0123456789".First(last => CheckDigits.IsRight(CheckDigit.Luhn, digits + last));
        var numbers = Enumerable.Range(0, 100).Select(i => (40_000_000_000L + (i * 7919L)).ToString(CultureInfo.InvariantCulture))
            .Select(digits => digits + Luhn(digits)).ToArray();
        numbers[7] = numbers[7][..^1] + (numbers[7][^1] == '0' ? '1' : '0');
        var form = Count(false, numbers);
        Assert.Equal((CheckDigit.Luhn, 99), (form.Check!.Value, form.CheckRight));
        Assert.Null(Count(false, Enumerable.Range(10_000_000, 1000).Select(i => i.ToString(CultureInfo.InvariantCulture))).Check);
    }

    [Fact]
    public void Outline_SaysWhatNearlyAllHave_AndNothingOfOne()
    {
        var codes = Enumerable.Range(10_000_000, 100).Select(i => i.ToString(CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(new KeyOutline(KeyAlphabet.Digits, null, 8), KeyOutline.Of(Count(false, codes)));
        Assert.Equal(new KeyOutline(KeyAlphabet.Digits, null, 8), KeyOutline.Of(Count(false, codes.Append("a person's very long name è"))));
        Assert.Equal(new KeyOutline(KeyAlphabet.LettersAndDigits, true, 9), KeyOutline.Of(Count(false, codes.Select(code => "P" + code))));
        Assert.Equal(new KeyOutline(null, null, null), KeyOutline.Of(Count(false)));
    }

    [Theory]
    [InlineData(1, 1000, 1, 10_000)]
    [InlineData(1, 9, 1, 99)]
    [InlineData(1, 99, 5, 999)]
    [InlineData(100, 999, 1, 9999)]
    public void CanHardlyMatch_NumbersCountedUp_IsNeverSaid(int from, int to, int otherFrom, int otherTo)
    {
        static KeyOutline Of(int from, int to) =>
            KeyOutline.Of(Count(false, Enumerable.Range(from, to - from + 1).Select(i => i.ToString(CultureInfo.InvariantCulture))));
        Assert.False(Of(from, to).CanHardlyMatch(Of(otherFrom, otherTo)));
    }

    /// <summary>Every character against the folding of ICU, where one of at least our version is on the machine.</summary>
    [Fact]
    public void CaseFolding_EveryCharacter_IsIcusOwn()
    {
        var version = Enumerable.Range(72, 28).FirstOrDefault(version => NativeLibrary.TryLoad($"libicuuc.so.{version}", out _));
        Assert.SkipWhen(version == 0, "needs ICU 72 or later");
        NativeLibrary.TryLoad($"libicuuc.so.{version}", out var library);
        var fold = Marshal.GetDelegateForFunctionPointer<IcuFold>(NativeLibrary.GetExport(library, $"u_strFoldCase_{version}"));
        var target = new char[16];
        var folded = 0;
        for (var code = 0; code <= 0x10FFFF; code++)
        {
            if (Rune.IsValid(code) && (version == 72 || CharUnicodeInfo.GetUnicodeCategory(code) != UnicodeCategory.OtherNotAssigned))
            {
                var text = char.ConvertFromUtf32(code);
                var error = 0;
                var length = fold(target, target.Length, text.ToCharArray(), text.Length, 0, ref error);
                var expected = new string(target, 0, length);

                // Letters that came after our version fold to themselves.
                if (CaseFolding.Fold(text) is var own && own != text)
                {
                    Assert.Equal(expected, own);
                    folded++;
                }
                else if (version == 72)
                {
                    Assert.Equal(expected, own);
                }
            }
        }

        Assert.Equal(1530, folded);
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl, CharSet = CharSet.Unicode)]
    private delegate int IcuFold([Out] char[] target, int capacity, [In] char[] source, int length, uint options, ref int error);

    /// <summary>What .NET folds one to one, we do too: upper and lower case of any letter are one.</summary>
    [Fact]
    public void CaseFolding_UpperAndLowerCaseAsNetHasThem_AreOne()
    {
        var checkedLetters = 0;
        for (var code = 0; code < 0x1F000; code++)
        {
            // ı and İ have their simple mappings in i and I, which full folding keeps apart.
            if (Rune.IsValid(code) && code is not (0x130 or 0x131) && new Rune(code) is var rune
                && Rune.ToUpperInvariant(rune) is var upper && upper != rune && Rune.ToLowerInvariant(upper) == rune)
            {
                Assert.Equal(CaseFolding.Fold(rune.ToString()), CaseFolding.Fold(upper.ToString()));
                checkedLetters++;
            }
        }

        Assert.True(checkedLetters > 1000, $"{checkedLetters}");
    }
}
