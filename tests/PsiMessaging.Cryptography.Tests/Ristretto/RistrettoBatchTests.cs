using System.Diagnostics;
using System.Numerics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Ristretto;
using PsiMessaging.Cryptography.Tests.Rfc;

namespace PsiMessaging.Cryptography.Tests.Ristretto;

/// <summary>Batches on lanes give what libsodium gives, bit by bit, and refuse what it refuses.</summary>
public sealed class RistrettoBatchTests
{
    private const int Element = 32;
    private const int Uniform = 64;

    /// <summary>Names the path that a child process must find; unset elsewhere.</summary>
    private const string ExpectedPath = "PSI_TEST_RISTRETTO_PATH";

    private static readonly BigInteger Order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493",
        System.Globalization.CultureInfo.InvariantCulture);

    private static readonly BigInteger P = BigInteger.Pow(2, 255) - 19;

    public static TheoryData<RistrettoPath> Paths =>
        [.. new[] { RistrettoPath.Libsodium, RistrettoPath.FourLanes, RistrettoPath.EightLanes }.Where(path => path <= RistrettoBatch.Path)];

    public static TheoryData<RistrettoPath, int> PathsAndCounts
    {
        get
        {
            var data = new TheoryData<RistrettoPath, int>();
            foreach (var path in Paths)
            {
                foreach (var count in Enumerable.Range(1, 17).Concat([63, 64, 65, 127, 128, 129, 300]))
                {
                    data.Add(path.Data, count);
                }
            }

            return data;
        }
    }

    /// <summary>Zero is left out: it is no scalar.</summary>
    private static IEnumerable<byte[]> Scalars()
    {
        BigInteger[] scalars = [1, 2, 3, 7, 8, 9, 15, 16, 17, Order - 1, Order - 2, Order + 1, (Order - 1) / 2, (Order + 1) / 2, BigInteger.One << 252,
            (BigInteger.One << 255) - 1, (BigInteger.One << 256) - 1];
        foreach (var scalar in scalars)
        {
            yield return Bytes(scalar);
        }

        // Every digit the same: 0, but for the lowest, as light as can be; 8 in each, and what changes it with a carry.
        foreach (var digit in new byte[] { 0x11, 0x77, 0x78, 0x87, 0x88, 0xFF })
        {
            yield return [.. Enumerable.Repeat(digit, Element)];
        }
    }

    private static byte[] Bytes(BigInteger value)
    {
        var bytes = new byte[Element + 1];
        Assert.True(value.TryWriteBytes(bytes, out _));
        return bytes[..Element];
    }

    private static byte[] Elements(int count)
    {
        var elements = new byte[count * Element];
        RistrettoBatch.FromUniform(RistrettoPath.Libsodium, RandomNumberGenerator.GetBytes(count * Uniform), elements);
        return elements;
    }

    private static byte[] Reduced(int count)
    {
        var scalars = new byte[count * Element];
        for (var i = 0; i < count; i++)
        {
            Bytes(new BigInteger(RandomNumberGenerator.GetBytes(40), isUnsigned: true) % (Order - 1) + 1).CopyTo(scalars, i * Element);
        }

        return scalars;
    }

    /// <summary>The result of a path is libsodium's.</summary>
    private static void Same(RistrettoPath path, int count, Func<RistrettoPath, byte[], bool> compute)
    {
        byte[] expected = new byte[count * Element], actual = new byte[count * Element];
        Assert.True(compute(RistrettoPath.Libsodium, expected));
        Assert.True(compute(path, actual));
        Assert.Equal(expected, actual);
    }

    [Theory]
    [MemberData(nameof(PathsAndCounts))]
    public void Batch_RandomElements_IsLibsodiums(RistrettoPath path, int count)
    {
        var (elements, uniform, scalars) = (Elements(count), RandomNumberGenerator.GetBytes(count * Uniform), Reduced(count));
        using var scalar = RistrettoScalar.FromBytes(RandomNumberGenerator.GetBytes(Element));
        Same(path, count, (by, to) => RistrettoBatch.TryMultiply(by, scalar, elements, to));
        Same(path, count, (by, to) => RistrettoBatch.TryMultiplyMapped(by, scalar, uniform, to));
        Same(path, count, (by, to) => RistrettoBatch.TryMultiplySums(by, scalar, elements, uniform, to));
        Same(path, count, (by, to) => RistrettoBatch.TryMultiplyEach(by, scalars, elements.AsSpan(0, Element), to));
        Same(path, count, (by, to) => Done(() => RistrettoBatch.MultiplyBaseAndSubtract(by, scalars, uniform, to)));
        Same(path, count, (by, to) => Done(() => RistrettoBatch.FromUniform(by, uniform, to)));
        Assert.True(RistrettoBatch.AreUsable(path, elements));

        static bool Done(Action work)
        {
            work();
            return true;
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Multiply_ExtremeScalars_IsLibsodiums(RistrettoPath path)
    {
        const int Count = 9;
        var (elements, uniform) = (Elements(Count), RandomNumberGenerator.GetBytes(Count * Uniform));
        foreach (var bytes in Scalars())
        {
            using var scalar = RistrettoScalar.FromBytes(bytes);
            Same(path, Count, (by, to) => RistrettoBatch.TryMultiply(by, scalar, elements, to));
            Same(path, Count, (by, to) => RistrettoBatch.TryMultiplyMapped(by, scalar, uniform, to));
        }

        byte[] each = [.. Scalars().SelectMany(bytes => bytes)];
        Same(path, each.Length / Element, (by, to) => RistrettoBatch.TryMultiplyEach(by, each, elements.AsSpan(0, Element), to));
        Same(path, each.Length / Element, (by, to) =>
        {
            RistrettoBatch.MultiplyBaseAndSubtract(by, each, new byte[each.Length * 2], to);
            return true;
        });

        // A multiple of the order makes the identity of anything, which is refused.
        foreach (var multiple in new[] { Order, 2 * Order, 7 * Order })
        {
            using var scalar = RistrettoScalar.FromBytes(Bytes(multiple));
            Assert.False(RistrettoBatch.TryMultiply(path, scalar, elements, new byte[elements.Length]));
            Assert.False(RistrettoBatch.TryMultiplyMapped(path, scalar, uniform, new byte[elements.Length]));
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Multiply_InPlace_IsTheSame(RistrettoPath path)
    {
        var (elements, scalars) = (Elements(150), Reduced(150));
        using var scalar = RistrettoScalar.FromBytes(scalars.AsSpan(0, Element));
        Same(path, 150, (by, to) => RistrettoBatch.TryMultiply(by, scalar, elements, to));
        Same(path, 150, (by, to) =>
        {
            elements.CopyTo(to, 0);
            return RistrettoBatch.TryMultiply(by, scalar, to, to);
        });
        Same(path, 150, (by, to) =>
        {
            scalars.CopyTo(to, 0);
            return RistrettoBatch.TryMultiplyEach(by, to, elements.AsSpan(0, Element), to);
        });
    }

    /// <summary>RFC 9496 appendix A.1: the first multiples of the generator, and none of them changed by 1.</summary>
    [Theory]
    [MemberData(nameof(Paths))]
    public void Multiples_OfTheGenerator_AreThoseOfRfc9496A1(RistrettoPath path)
    {
        var multiples = RistrettoVectorTests.Multiples;
        byte[] generator = Convert.FromHexString(multiples[0]), all = [.. multiples.SelectMany(Convert.FromHexString)], products = new byte[all.Length];
        byte[] factors = [.. Enumerable.Range(1, multiples.Length).SelectMany(factor => Bytes(factor))];
        Assert.True(RistrettoBatch.TryMultiplyEach(path, factors, generator, products));
        Assert.Equal(all, products);
        using var one = RistrettoScalar.FromBytes(Bytes(1));
        Assert.True(RistrettoBatch.TryMultiply(path, one, all, products));
        Assert.Equal(all, products);
    }

    /// <summary>RFC 9496 appendix A.2: what is no encoding is refused in every lane, in the first vector and in the last.</summary>
    [Theory]
    [MemberData(nameof(Paths))]
    public void BadEncodings_InAnyLane_AreRefused(RistrettoPath path)
    {
        const int Count = 19;
        using var scalar = RistrettoScalar.FromBytes(Bytes(7));
        var elements = Elements(Count);
        var place = 0;
        foreach (var bad in RistrettoVectorTests.BadEncodings.Select(row => Convert.FromHexString(row.Data)).Append(new byte[Element]))
        {
            for (var turn = 0; turn < 3; turn++, place = (place + 1) % Count)
            {
                var changed = elements.ToArray();
                bad.CopyTo(changed, place * Element);
                Assert.False(RistrettoBatch.AreUsable(path, changed));
                Assert.False(RistrettoBatch.TryMultiply(path, scalar, changed, new byte[changed.Length]));
                Assert.False(RistrettoBatch.TryMultiplySums(path, scalar, changed, new byte[Count * Uniform], new byte[changed.Length]));
            }

            Assert.False(RistrettoBatch.TryMultiplyEach(path, Reduced(3), bad, new byte[3 * Element]));
        }
    }

    /// <summary>RFC 9496 appendix A.3: uniform bytes to an element.</summary>
    [Theory]
    [MemberData(nameof(Paths))]
    public void Mapped_UniformBytes_AreThoseOfRfc9496A3(RistrettoPath path)
    {
        var rows = RistrettoVectorTests.Mapped.Select(row => row.Data).ToArray();
        var elements = new byte[rows.Length * Element];
        RistrettoBatch.FromUniform(path, [.. rows.SelectMany(row => Convert.FromHexString(row.Item1))], elements);
        Assert.Equal(string.Concat(rows.Select(row => row.Item2)), Convert.ToHexStringLower(elements));
    }

    /// <summary>Uniform bytes at which the map has zeros, or numbers that are not below p or have their highest bit set.</summary>
    [Theory]
    [MemberData(nameof(Paths))]
    public void Mapped_ExtremeBytes_AreLibsodiums(RistrettoPath path)
    {
        var root = BigInteger.Parse("19681161376707505956807079304988542015446066515923890162744021073123829784752",
            System.Globalization.CultureInfo.InvariantCulture);
        var top = BigInteger.One << 255;
        BigInteger[] halves = [0, 1, 2, P - 1, P, P + 1, P - 2, top - 1, top, (2 * top) - 1, root, P - root, (P - 1) / 2];
        byte[] uniform = [.. halves.SelectMany(first => halves.SelectMany(second => Bytes(first).Concat(Bytes(second))))];
        Same(path, uniform.Length / Uniform, (by, to) =>
        {
            RistrettoBatch.FromUniform(by, uniform, to);
            return true;
        });
    }

    /// <summary>Edges, their neighbours and random bytes, one by one: what libsodium decodes is usable, and nothing else.</summary>
    [Theory]
    [MemberData(nameof(Paths))]
    public void Usable_AnyBytes_IsAsLibsodiumHasIt(RistrettoPath path)
    {
        BigInteger[] edges = [0, P, BigInteger.One << 255, (BigInteger.One << 256) - 40, (P - 1) / 2];
        var near = edges.SelectMany(edge => Enumerable.Range(-20, 60).Select(by => edge + by))
            .Where(value => value.Sign >= 0 && value >> 256 == 0).Select(Bytes);
        var random = Enumerable.Range(0, 400).Select(_ => RandomNumberGenerator.GetBytes(Element));
        var half = Enumerable.Range(0, 400).Select(_ => Bytes(new BigInteger(RandomNumberGenerator.GetBytes(Element), isUnsigned: true) % P / 2 * 2));
        var usable = 0;
        foreach (var bytes in near.Concat(random).Concat(half))
        {
            var expected = RistrettoGroup.IsUsable(bytes);
            Assert.Equal(expected, RistrettoBatch.AreUsable(path, bytes));
            usable += expected ? 1 : 0;
        }

        Assert.True(usable > 50);
        Assert.False(RistrettoBatch.AreUsable(Elements(2).AsSpan(0, 63)));
    }

    /// <summary>An element that takes the mapped one away leaves the identity, which is refused; doubled, it is not.</summary>
    [Theory]
    [MemberData(nameof(Paths))]
    public void Sums_ThatAreTheIdentity_AreRefused(RistrettoPath path)
    {
        const int Count = 11;
        using var scalar = RistrettoScalar.FromBytes(Bytes(5));
        var uniform = RandomNumberGenerator.GetBytes(Count * Uniform);
        byte[] elements = Elements(Count), mapped = new byte[Count * Element];
        RistrettoGroup.FromUniform(uniform.AsSpan(8 * Uniform, Uniform), mapped.AsSpan(0, Element));
        mapped.AsSpan(0, Element).CopyTo(elements.AsSpan(8 * Element));
        Same(path, Count, (by, to) => RistrettoBatch.TryMultiplySums(by, scalar, elements, uniform, to));
        Assert.True(RistrettoGroup.TrySubtract(new byte[Element], mapped.AsSpan(0, Element), elements.AsSpan(8 * Element, Element)));
        Assert.False(RistrettoBatch.TryMultiplySums(path, scalar, elements, uniform, new byte[Count * Element]));
    }

    [Fact]
    public void Batch_SpansThatDoNotFit_AreErrors()
    {
        using var scalar = RistrettoScalar.FromBytes(Bytes(5));
        Assert.Throws<ArgumentOutOfRangeException>(() => RistrettoBatch.TryMultiply(scalar, new byte[33], new byte[33]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RistrettoBatch.TryMultiply(scalar, new byte[64], new byte[32]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RistrettoBatch.TryMultiplyMapped(scalar, new byte[65], new byte[32]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RistrettoBatch.TryMultiplySums(scalar, new byte[64], new byte[64], new byte[64]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RistrettoBatch.FromUniform(new byte[128], new byte[32]));
        Assert.True(RistrettoBatch.TryMultiply(scalar, [], []));
        Assert.True(RistrettoBatch.AreUsable([]));
    }

    /// <summary>In a child process: the path it was started for.</summary>
    [Fact]
    public void Path_IsTheOneThatThisProcessIsFor() =>
        Assert.Equal(Environment.GetEnvironmentVariable(ExpectedPath) ?? RistrettoBatch.Path.ToString(), RistrettoBatch.Path.ToString());

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("DOTNET_EnableAVX512", RistrettoPath.FourLanes)]
    [InlineData("DOTNET_EnableAVX2", RistrettoPath.Libsodium)]
    [InlineData("DOTNET_EnableHWIntrinsic", RistrettoPath.Libsodium)]
    public void Batch_WithoutTheProcessorsInstructions_IsTheSame(string knob, RistrettoPath path)
    {
        Assert.SkipUnless(RistrettoBatch.Path >= path, "the processor has not even these");
        var program = Path.ChangeExtension(typeof(RistrettoBatchTests).Assembly.Location, null) + (OperatingSystem.IsWindows() ? ".exe" : "");
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
            Environment = { [knob] = "0", [ExpectedPath] = path.ToString() },
        };
        foreach (var argument in new[] { "-noLogo", "-noColor", "-class", typeof(RistrettoBatchTests).FullName!, "-trait-", "Speed=Slow" })
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, output);
        Assert.Contains("Failed: 0, Skipped: 0", output, StringComparison.Ordinal);
    }
}
