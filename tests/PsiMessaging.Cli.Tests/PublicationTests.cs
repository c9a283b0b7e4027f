using System.Text;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Cli.Output.Forms;
using PsiMessaging.Cli.Publishing;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Party.Questions;
using static PsiMessaging.Cli.Tests.PublishedTables;

namespace PsiMessaging.Cli.Tests;

/// <summary>What is published of stored answers, before an attacker who tries every table that agrees with it.</summary>
public class PublicationTests
{
    private const int Threshold = 6;
    private static readonly string[] Sexes = ["F", "M"];
    private static readonly string[] Ages = ["a", "b", "c"];

    private static Publication Publish(params QueryResult[] results) => Publication.Suppress([.. results.Select(PublishableAnswer.Of)], Threshold);

    /// <summary>Counts by sex and age of a seed; with <paramref name="least"/> of 0 some are below the session's minimum, and not in the answer.</summary>
    private static List<(string[] Labels, long Count)> Random(ulong seed, int least)
    {
        var next = Numbers(seed);
        return [.. Sexes.SelectMany(sex => Ages.Select(age => (new[] { sex, age }, (long)(least + next(7)))))];
    }

    [Theory]
    [InlineData("SEX, AGE")]
    [InlineData("SEX, AGE with totals")]
    [InlineData("count, sum(X) by SEX, AGE with totals")]
    [Trait("Speed", "Slow")]
    public void Suppress_OneTable_NoSmallCountFollows(string text)
    {
        var protectedCounts = 0;
        for (var seed = 0UL; seed < 24; seed++)
        {
            var cells = Random(seed, seed % 3 == 0 ? 0 : Minimum);
            var answer = Answer(text, cells);
            Publication published;
            try
            {
                published = Publish(answer);
            }
            catch (ParticipantException refused)
            {
                Assert.Contains("whatever is withheld", refused.Message, StringComparison.Ordinal);
                continue;
            }

            var hasRest = cells.Exists(cell => cell.Count is > 0 and < Minimum);
            var found = Attack(published.Results[0], hasRest, answer.CommonRecords);
            foreach (var line in answer.Answer.Rows.Where(line => line[0] != AnswerCell.WithheldGroups && line[2].Text is not null))
            {
                var (low, high) = found[NameOf(line, 2)];
                var count = Number(line[2].Text!);
                Assert.True(count >= Threshold || (high >= Threshold && low < high), $"seed {seed}: {NameOf(line, 2)} is {count}, found {low} to {high}");
                protectedCounts += count < Threshold ? 1 : 0;
            }

            var rest = cells.Where(cell => cell.Count < Minimum).Sum(cell => cell.Count);
            Assert.True(rest is 0 or >= Threshold || found["rest"].High >= Threshold, $"seed {seed}: what is not shown is {rest}, found {found["rest"]}");
            Assert.Equal(Marks(published), Marks(Publish(Answer(text, cells))));
        }

        Assert.True(protectedCounts > 20, $"only {protectedCounts}");
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public void Suppress_TwoTablesWithOneColumnInCommon_AreProtectedTogether_AndOneByOneAreNot()
    {
        var (together, alone) = (0, 0);
        for (var seed = 100UL; seed < 130; seed++)
        {
            var next = Numbers(seed);
            long[] people = [.. Enumerable.Range(0, 8).Select(_ => (long)(2 + next(4)))];
            List<(string[], long)> By(int other) => [.. people.Select((count, i) => (new[] { Sexes[i & 1], $"{i >> other & 1}" }, count))];
            var (first, second) = (Answer("SEX, A", By(1)), Answer("SEX, B", By(2), id: 2));
            try
            {
                together += Exact(Publish(first, second).Results, people);
                alone += Exact([Publish(first).Results[0], Publish(second).Results[0]], people);
            }
            catch (ParticipantException refused)
            {
                Assert.Contains("whatever is withheld", refused.Message, StringComparison.Ordinal);
            }
        }

        Assert.Equal(0, together);
        Assert.True(alone > 0);
    }

    /// <summary>Small counts of which the two tables together leave one value only, found by trying both tables' counts.</summary>
    private static int Exact(IReadOnlyList<QueryResult> tables, long[] people)
    {
        long[][] truth = [.. new[] { 1, 2 }.Select(other => Enumerable.Range(0, 4).Select(cell => people.Where((_, i) =>
            (i & 1) == (cell & 1) && (i >> other & 1) == cell >> 1).Sum()).ToArray())];
        var common = people.Sum();
        var possible = new HashSet<long>[8];
        for (var i = 0; i < possible.Length; i++)
        {
            possible[i] = [];
        }

        List<long[]>[] fits = [.. tables.Select((table, t) => Fits(table, truth[t], common))];
        foreach (var (first, second) in fits[0].SelectMany(first => fits[1].Where(second => first[0] + first[2] == second[0] + second[2])
            .Select(second => (first, second))))
        {
            for (var cell = 0; cell < 4; cell++)
            {
                possible[cell].Add(first[cell]);
                possible[4 + cell].Add(second[cell]);
            }
        }

        return Enumerable.Range(0, 8).Count(cell => truth[cell / 4][cell % 4] < Threshold && possible[cell].Count < 2);
    }

    /// <summary>All tables of two by two that agree with one published one: F0, M0, F1, M1.</summary>
    private static List<long[]> Fits(QueryResult table, long[] truth, long common)
    {
        var printed = Enumerable.Range(0, 4).Select(cell => table.Answer.Rows.Single(row => row[0].Text == Sexes[cell & 1] && row[1].Text == $"{cell >> 1}"))
            .Select(row => row[2].Text is not null).ToArray();
        List<long[]> fits = [];
        for (var a = Minimum; a <= common; a++)
        {
            for (var b = Minimum; b <= common - a; b++)
            {
                for (var c = Minimum; c <= common - a - b; c++)
                {
                    long[] values = [a, b, c, common - a - b - c];
                    if (values[3] >= Minimum && Enumerable.Range(0, 4).All(cell => !printed[cell] || values[cell] == truth[cell]))
                    {
                        fits.Add(values);
                    }
                }
            }
        }

        return fits;
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public void Suppress_ATableWithGroupsNotShown_BesideItsCoarserOne_NoSmallCountFollows()
    {
        var (tried, small) = (0, 0);
        for (var seed = 300UL; seed < 340; seed++)
        {
            var cells = Random(seed, 0);
            var bySex = Sexes.Select(sex => cells.Where(cell => cell.Labels[0] == sex).Sum(cell => cell.Count)).ToArray();
            if (bySex.Min() < Minimum || bySex.Sum() < Threshold)
            {
                continue;
            }

            try
            {
                var published = Publish(Answer("SEX", [(["F"], bySex[0]), (["M"], bySex[1])], 2), Answer("SEX, AGE", cells)).Results;
                var found = AttackBoth(published[0], published[1], cells, bySex);
                tried++;
                foreach (var (name, count) in cells.Where(cell => cell.Count >= Minimum).Select(cell => (string.Join(',', cell.Labels), cell.Count))
                    .Concat(Sexes.Zip(bySex)).Where(cell => cell.Item2 < Threshold))
                {
                    small++;
                    Assert.True(found[name].Count > 1 && found[name].Max() >= Threshold, $"seed {seed}: {name} is {count}, one of {found[name].Count}");
                }

                foreach (var sex in Sexes)
                {
                    var rest = cells.Where(cell => cell.Labels[0] == sex && cell.Count < Minimum).Sum(cell => cell.Count);
                    Assert.True(rest is 0 or >= Threshold || found["rest " + sex].Max() >= Threshold, $"seed {seed}: not shown of {sex} are {rest}");
                }
            }
            catch (ParticipantException refused)
            {
                Assert.Contains("whatever is withheld", refused.Message, StringComparison.Ordinal);
            }
        }

        Assert.True(tried > 5 && small > 5, $"{tried} tables, {small} small counts");
    }

    /// <summary>All that agrees with both tables; whether somebody of a sex is not shown the attacker is held to know.</summary>
    private static Dictionary<string, SortedSet<long>> AttackBoth(QueryResult coarse, QueryResult fine, List<(string[] Labels, long Count)> cells, long[] bySex)
    {
        var common = bySex.Sum();
        var found = new Dictionary<string, SortedSet<long>>(StringComparer.Ordinal);
        var lines = fine.Answer.Rows.Where(row => row[0] != AnswerCell.WithheldGroups).ToList();
        var values = new long[lines.Count];
        Try(0, 0);
        return found;

        void Try(int line, long sum)
        {
            if (line == lines.Count)
            {
                Keep();
                return;
            }

            var printed = lines[line][2].Text is { } text ? Number(text) : (long?)null;
            for (var value = printed ?? Minimum; value <= (printed ?? common - sum); value++)
            {
                values[line] = value;
                Try(line + 1, sum + value);
            }
        }

        void Keep()
        {
            var sums = Sexes.Select(sex => lines.Select((line, i) => line[0].Text == sex ? values[i] : 0).Sum()).ToArray();
            for (long f = Math.Max(Minimum, sums[0]); f <= common - Math.Max(Minimum, sums[1]); f++)
            {
                long[] both = [f, common - f];
                var fits = Enumerable.Range(0, 2).All(sex => (coarse.Answer.Rows[sex][1].Text is not { } text || Number(text) == both[sex])
                    && (both[sex] == sums[sex] || cells.Exists(cell => cell.Labels[0] == Sexes[sex] && cell.Count is > 0 and < Minimum)));
                for (var sex = 0; fits && sex < 2; sex++)
                {
                    Possible(Sexes[sex], both[sex]);
                    Possible("rest " + Sexes[sex], both[sex] - sums[sex]);
                }

                for (var i = 0; fits && i < values.Length; i++)
                {
                    Possible(NameOf(lines[i], 2), values[i]);
                }
            }
        }

        void Possible(string name, long value) => (found.TryGetValue(name, out var set) ? set : found[name] = []).Add(value);
    }

    [Fact]
    public void Suppress_ATableAndItsCoarserOne_AreOneSetOfCells()
    {
        // M,b is small; the table by sex is printed beside it, so that a second cell of M has to go, and one more of each age.
        (string[], long)[] cells = [(["F", "a"], 40), (["F", "b"], 30), (["M", "a"], 50), (["M", "b"], 4)];
        var fine = Answer("SEX, AGE", cells);
        var coarse = Answer("SEX", [.. cells.Select(cell => (new[] { cell.Item1[0] }, cell.Item2))], id: 2);
        var published = Publish(coarse, fine);
        Assert.Equal(["F 70", "M 54"], Lines(published.Results[0]));
        Assert.Equal(["F,a 40", "F,b 30", "M,a -", "M,b -"], Lines(published.Results[1]));
        Assert.Equal(["(all)", "SEX=M,AGE=a", "SEX=M,AGE=b"], published.Audit!.Cells.Select(cell => cell.Cell.Name).Prepend("(all)"));
        Assert.True(published.Audit.IsSafe);
    }

    [Fact]
    public void Suppress_FewRecordsPutAside_DoNotFollowFromTheNumberOfAll()
    {
        // Two of 92 common records lack a value and are in no line: 92 is known, so that one line more has to go, and the total of 90 too.
        var answer = Answer("count, sum(X) by SEX with totals", [(["F"], 40), (["M"], 50)]) with { CommonRecords = 92 };
        var published = Publish(answer);
        Assert.Equal(["F -", "M 50", "(total) -"], Lines(published.Results[0]));
        Assert.Equal([(3, 42), (0, 39)], published.Audit!.Cells.Select(cell => (cell.Low, cell.High)));
    }

    [Fact]
    public void Suppress_WithheldCells_LookAlikeInEveryForm_AndNothingBesideThemCounts()
    {
        List<(string[], long)> cells = [(["F", "a"], 40), (["F", "b"], 30), (["F", "c"], 1), (["M", "a"], 50), (["M", "b"], 4), (["M", "c"], 60)];
        var answer = Answer("count, sum(X) by SEX, AGE with totals where SEX != 'X'", cells);
        var published = Publish(answer).Results[0];
        Assert.All(published.Answer.Rows.SelectMany(row => row.Skip(2)).Where(cell => cell.IsWithheld), cell => Assert.Equal(AnswerCell.Withheld, cell));

        // The sum goes with its count.
        Assert.All(published.Answer.Rows, row => Assert.Equal(row[2].Text is null, row[3].Text is null));
        var sdmx = Encoding.UTF8.GetString(SdmxCsv.Write(AnswerCube.Of(published)));
        Assert.Contains("M: M,b: b,COUNT: count,,Q,C", sdmx, StringComparison.Ordinal);
        Assert.All(sdmx.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1), line =>
            Assert.Matches(line.Contains(",,", StringComparison.Ordinal) ? ",,Q,C$" : ",A,F$", line));
        Assert.Equal(-1, published.Answer.Records);
        Assert.DoesNotContain("12 records have no value", published.Answer.Rules);
        var json = Encoding.UTF8.GetString(Output.QueryOutput.Json(published));
        Assert.Contains("\"records\": null", json, StringComparison.Ordinal);
    }

    [Fact]
    public void Round_OneTable_KeepsSums_AndATableWithoutARoundingSaysSo()
    {
        var rounded = Publication.Round([PublishableAnswer.Of(Answer("SEX, AGE with totals", Random(3, Minimum)))], 5).Results[0];
        long At(string name) => Number(rounded.Answer.Rows.Single(row => NameOf(row, 2) == name)[2].Text!);
        Assert.All(rounded.Answer.Rows, row => Assert.Equal(0, Number(row[2].Text!) % 5));
        Assert.All(Sexes, sex => Assert.Equal(Ages.Sum(age => At($"{sex},{age}")), At($"{sex},(total)")));
        Assert.Equal(Ages.Sum(age => At($"(total),{age}")), At("(total),(total)"));
        Assert.Equal(-1, rounded.CommonRecords);

        // The table of RoundingTests that has none.
        long[] counts = [2, 3, 1, 2, 3, 1, 1, 0];
        List<(string[], long)> cube = [.. counts.Select((count, i) => (new[] { $"{i >> 2}", $"{i >> 1 & 1}", $"{i & 1}" }, count))];
        var refused = Assert.Throws<ParticipantException>(() => Publication.Round([PublishableAnswer.Of(Answer("A, B, C with totals", cube, minimum: 1))], 2));
        Assert.StartsWith("cannot be published: no rounding to multiples of 2 keeps every sum true", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mean(X) by SEX", "", "has mean(X); only counts and sums")]
    [InlineData("sum(X) by SEX", "", "has no counts")]
    [InlineData("count by SEX weight W", "", "is weighted")]
    [InlineData("ols(X ~ Y)", "", "only tables of counts")]
    [InlineData("SEX", "SEX where AGE = 'a'", "have two filters")]
    [InlineData("SEX", "P1.SEX", "may be one column")]
    [InlineData("X in 0-17, 18+", "X", "is grouped in two ways")]
    public void Of_WhatCannotBeJudged_IsRefusedInOneLine(string first, string second, string reason)
    {
        var answers = new[] { first, second }.Where(text => text.Length > 0).Select((text, i) =>
            Answer("SEX", [(["F"], 40), (["M"], 50)], i + 1) with { Text = text }).ToArray();
        var refused = Assert.Throws<ParticipantException>(() => Publish(answers));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    /// <summary>Counts with noise do not add up, may be below zero, and are no counts that a threshold could be held against.</summary>
    [Fact]
    public void Of_AnAnswerWithNoise_IsRefused_AndItsJsonSaysWhatItHas()
    {
        var answer = Answer("SEX", [(["F"], 40), (["M"], 50)]);
        answer = answer with { Answer = answer.Answer with { Noise = new NoiseTerms(NoiseKind.Gaussian, 20) } };
        Assert.Contains("has noise, which protects it already", Assert.Throws<ParticipantException>(() => Publish(answer)).Message, StringComparison.Ordinal);
        var json = System.Text.Json.Nodes.JsonNode.Parse(Output.QueryOutput.Json(answer))!["noise"]!;
        Assert.Equal(("gaussian", 20m, 40), ((string?)json["law"], (decimal)json["spread"]!, (int)json["mostOff95"]!));
        var keyed = answer with { Answer = answer.Answer with { Noise = new NoiseTerms(NoiseKind.CellKey, Thresholds: [4846, 20851, 44685, 60690]) } };
        Assert.Contains("has noise by cell keys", Assert.Throws<ParticipantException>(() => Publish(keyed)).Message, StringComparison.Ordinal);
        json = System.Text.Json.Nodes.JsonNode.Parse(Output.QueryOutput.Json(keyed))!["noise"]!;
        Assert.Equal(("cellKey", 2, 2), ((string?)json["law"], (int)json["deviation"]!, (int)json["mostOff95"]!));
        Assert.Equal(1.08, (double)json["variance"]!, 3);
    }

    [Fact]
    public void Of_TablesThatShareAColumnAndHideSomething_AreRefused()
    {
        var hiding = Answer("SEX, A", [(["F", "0"], 40), (["F", "1"], 1), (["M", "0"], 50)]);
        var refused = Assert.Throws<ParticipantException>(() => Publish(hiding, Answer("SEX, B", [(["F", "0"], 41), (["M", "0"], 50)], 2)));
        Assert.Contains("share SEX and not all is shown", refused.Message, StringComparison.Ordinal);
        var wrong = Assert.Throws<ParticipantException>(() => Publish(Answer("SEX", [(["F"], 40), (["M"], 51)]), Answer("SEX, B", [(["F", "0"], 41),
            (["M", "0"], 50)], 2)));
        Assert.Contains("contradict", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_ASumThatTheAnswerWithholds_IsNotPublishedBesideATableThatGivesIt()
    {
        // The sum of F,a is withheld by the answer; the table by sex has the sum of F, and F,b is printed.
        var fine = Answer("count, sum(X) by SEX, AGE", [(["F", "a"], 40), (["F", "b"], 30), (["M", "a"], 50)]);
        fine = fine with { Answer = fine.Answer with { Rows = [[.. fine.Answer.Rows[0].Take(3), AnswerCell.Withheld], .. fine.Answer.Rows.Skip(1)] } };
        Assert.Null(Publish(fine).Results[0].Answer.Rows[0][3].Text);
        var refused = Assert.Throws<ParticipantException>(() => Publish(fine, Answer("count, sum(X) by SEX", [(["F"], 70), (["M"], 50)], 2)));
        Assert.Contains("withholds sums of counts that it shows", refused.Message, StringComparison.Ordinal);
    }

    private static string[] Lines(QueryResult result) =>
        [.. result.Answer.Rows.Select(row => $"{NameOf(row, result.Groupings)} {row[result.Groupings].Text ?? "-"}")];

    private static string Marks(Publication publication) => string.Join('\n', publication.Results.SelectMany(Lines));
}
