using System.Globalization;
using PsiMessaging.Suppression.Tests;

namespace PsiMessaging.Attacks.Tests.AttackerProgram;

/// <summary>
/// Two parties' records of a seed, the same on every machine: P1's columns are its own or made for an attack, P2's are what the attacker is after.
/// </summary>
internal sealed class RandomSession
{
    /// <summary>The minimum cell size of the session.</summary>
    public const int Minimum = 10;

    /// <summary>People whose diagnosis hardly anybody has: fewer than this, and one at least.</summary>
    private const int MostRare = 5;

    /// <param name="seed">The seed.</param>
    /// <param name="records">Common records; null for 120 to 400.</param>
    /// <param name="randomMarks">How many marks of random halves P1 has: R1, R2 and so on.</param>
    public RandomSession(int seed, int? records = null, int randomMarks = 0)
    {
        Seed = seed;
        var random = new SplitMix64((ulong)seed);
        Records = records ?? 120 + random.Below(281);
        Target = random.Below(Records);
        Fill(random);
        FillMarks(random);
        for (var mark = 1; mark <= randomMarks; mark++)
        {
            Marks[$"R{mark}"] = [.. Enumerable.Range(0, Records).Select(_ => random.Below(2) == 1)];
        }
    }

    public int Seed { get; }

    /// <summary>Common records, 120 to 400.</summary>
    public int Records { get; }

    /// <summary>The person's row.</summary>
    public int Target { get; }

    /// <summary>P1: three groups of its own.</summary>
    public string[] Area { get; private set; } = [];

    /// <summary>P1: two groups of another kind.</summary>
    public string[] Ward { get; private set; } = [];

    /// <summary>P2: three diagnoses, and a rare one.</summary>
    public string[] Disease { get; private set; } = [];

    /// <summary>P2: four states of which the rarest is of a tenth of the records.</summary>
    public string[] Status { get; private set; } = [];

    /// <summary>P2: F or M.</summary>
    public string[] Sex { get; private set; } = [];

    /// <summary>P2: an income of four digits or five; no two earn the same.</summary>
    public long[] Income { get; private set; } = [];

    /// <summary>P2: a mark that one in six has.</summary>
    public bool[] Flag { get; private set; } = [];

    /// <summary>P2: how often somebody was seen; null for one to four people.</summary>
    public int?[] Visits { get; private set; } = [];

    /// <summary>P1: marks by name, each a set of records.</summary>
    public Dictionary<string, bool[]> Marks { get; } = new(StringComparer.Ordinal);

    /// <summary>P1: numbers by name.</summary>
    public Dictionary<string, long[]> Numbers { get; } = new(StringComparer.Ordinal);

    /// <summary>People at a power of two, in the order of their powers.</summary>
    public int[] Packed { get; private set; } = [];

    private void Fill(SplitMix64 random)
    {
        string Of(params string[] labels) => labels[random.Below(labels.Length)];
        Area = [.. Enumerable.Range(0, Records).Select(_ => Of("N", "S", "W"))];
        Ward = [.. Enumerable.Range(0, Records).Select(_ => Of("x", "y"))];
        Disease = [.. Enumerable.Range(0, Records).Select(_ => Of("ASTHMA", "ASTHMA", "ASTHMA", "ASTHMA", "COLD", "COLD", "COLD", "FLU", "FLU"))];
        Status = [.. Enumerable.Range(0, Records).Select(_ => Of("M", "M", "M", "M", "S", "S", "S", "D", "D", "W"))];
        Sex = [.. Enumerable.Range(0, Records).Select(_ => Of("F", "M"))];
        var rare = 1 + random.Below(MostRare - 1);
        foreach (var i in Shuffled(random).Take(rare))
        {
            Disease[i] = "RARE";
        }

        // Different for everybody, the target's in the middle of the range.
        var step = 9000 / Records;
        Income = new long[Records];
        foreach (var (i, place) in Shuffled(random).Select((i, place) => (i, place)))
        {
            Income[i] = 1000 + (place * step) + random.Below(step);
        }

        var middle = Array.FindIndex(Income, income => income is >= 4500 and < 6500);
        (Income[middle], Income[Target]) = (Income[Target], Income[middle]);
        Flag = [.. Enumerable.Range(0, Records).Select(_ => random.Below(6) == 0)];
        Visits = [.. Enumerable.Range(0, Records).Select(_ => (int?)random.Below(100))];
        foreach (var i in Shuffled(random).Take(1 + random.Below(MostRare - 1)))
        {
            Visits[i] = null;
        }
    }

    private void FillMarks(SplitMix64 random)
    {
        bool[] Set(IEnumerable<int> members)
        {
            var set = new bool[Records];
            foreach (var i in members)
            {
                set[i] = true;
            }

            return set;
        }

        int[] others = [.. Shuffled(random).Where(i => i != Target)];
        var half = Records / 2;
        int[] one = [.. others.Take(half - 1), Target];
        Marks["T"] = Set([Target]);
        Marks["DUO"] = Set([Target, others[0]]);
        Marks["ONE"] = Set(one);
        Marks["TWO"] = Set(one.Where(i => i != Target));

        // Five beside the person: what a chain of small steps takes away and brings back.
        int[] five = [.. one.Take(5)], elsewhere = [.. others.Skip(half - 1)];
        Marks["SIX"] = Set(one.Except([Target, .. five]));
        Marks["REST"] = Set(elsewhere);
        Marks["FIVE"] = Set([.. elsewhere, .. five]);

        // Three sets of which no two are near, and one person lies between.
        Marks["FAR1"] = Set(others.Take(Records / 3));
        Marks["FAR2"] = Set(others.Skip(Records / 3).Take(Records / 3));
        Marks["FAR3"] = Set([.. others.Take(Records / 3 * 2), Target]);
        // Powers of two at forty-four people, the target the first of them; and the same behind a large number that is as often above as below zero.
        Packed = [Target, .. others.Take(43)];
        var (packed, ballast) = (new long[Records], new long[Records]);
        for (var i = 0; i < Records; i++)
        {
            ballast[i] = (random.Below(2) == 0 ? 1 : -1) * (1L << 46);
        }

        for (var place = 0; place < Packed.Length; place++)
        {
            packed[Packed[place]] = 1L << place;
            ballast[Packed[place]] += 1L << place;
        }

        (Numbers["SERIAL"], Numbers["PACKED"], Numbers["LONG"]) = ([.. Enumerable.Range(0, Records).Select(i => (long)i)], packed, ballast);
        Numbers["PAIR"] = [.. Enumerable.Range(0, Records).Select(i => (long)(i / 2))];
    }

    private int[] Shuffled(SplitMix64 random)
    {
        int[] all = [.. Enumerable.Range(0, Records)];
        for (var i = all.Length - 1; i > 0; i--)
        {
            var other = random.Below(i + 1);
            (all[i], all[other]) = (all[other], all[i]);
        }

        return all;
    }

    /// <summary>Labels of a column.</summary>
    public string[] LabelsOf(string column) => column switch
    {
        "AREA" => Area,
        "WARD" => Ward,
        "DISEASE" => Disease,
        "STATUS" => Status,
        "SEX" => Sex,
        _ => throw new ArgumentOutOfRangeException(nameof(column)),
    };

    /// <summary>P1's file; identifiers are in a column of that name.</summary>
    public string Asker(string identifier = "ID")
    {
        string[] names = [.. Marks.Keys, .. Numbers.Keys];
        return $"{identifier};AREA;WARD;{string.Join(';', names)}\n" + string.Concat(Enumerable.Range(0, Records).Select(i =>
            $"id-{i:D4};{Area[i]};{Ward[i]};{string.Join(';', names.Select(name => Value(name, i)))}\n"));
    }

    private string Value(string name, int i) =>
        Marks.TryGetValue(name, out var mark) ? mark[i] ? "1" : "0" : Numbers[name][i].ToString(CultureInfo.InvariantCulture);

    /// <summary>P2's file. BORN is what P1 has as SERIAL: both know everybody's day of birth.</summary>
    public string Other(string identifier = "ID") => $"{identifier};DISEASE;STATUS;SEX;INCOME;FLAG;BORN;VISITS\n"
        + string.Concat(Enumerable.Range(0, Records).Select(i => FormattableString.Invariant(
            $"id-{i:D4};{Disease[i]};{Status[i]};{Sex[i]};{Income[i]};{(Flag[i] ? 1 : 0)};{i};{Visits[i]}\n")));
}
