using System.Text.Json;
using CsCheck;
using PsiMessaging.Testing;

namespace PsiMessaging.Cli.Tests;

/// <summary>The executable as people run it: results, one clear line for what is wrong, exit codes.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string Out => Path.Combine(_folder.Path, "out");

    /// <summary>The samples are small and made up: the minimum cell size is 1 where a test does not set it.</summary>
    private Task<PsiResult> Simulate(string p1, string p2, params string[] more) =>
        PsiProcess.RunAsync(["simulate", .. more.Contains("--min-cell") ? Array.Empty<string>() : ["--min-cell", "1"], "--p1",
            _folder.Write("p1.csv", p1), "--p2", _folder.Write("p2.csv", p2), "--rsa-bits", "2048", "--out", Out, .. more]);

    [Fact]
    public async Task Simulate_PrototypeSample_WritesThePrototypesResult()
    {
        var result = await Simulate(Samples.Istat, Samples.Bi, "--key", "IDKEY", "--query", "CLASSE_ETA, CLASSE_REDDITO", "--query", "NUMERO_FIGLI");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal("", result.Error);
        Assert.Equal(Samples.Intersection, File.ReadAllText(Path.Combine(Out, "P1", "intersection.csv")));
        Assert.Equal(Samples.Intersection, File.ReadAllText(Path.Combine(Out, "P2", "intersection.csv")));
        Assert.Equal(Samples.AgeByIncome, File.ReadAllText(Path.Combine(Out, "query-1.csv")));
        Assert.Equal("NUMERO_FIGLI,count\n1-2,1\n>2,3\n", File.ReadAllText(Path.Combine(Out, "query-2.csv")));
        using var report = JsonDocument.Parse(File.ReadAllText(Path.Combine(Out, "report.json")));
        Assert.Equal(["protocol", "engine", "transport", "parties", "intersection", "phases", "bytes",
            "peakMemoryBytes", "queries"], report.RootElement.EnumerateObject().Select(member => member.Name));
        Assert.Equal(4, report.RootElement.GetProperty("intersection").GetInt32());
        Assert.Equal(10, report.RootElement.GetProperty("parties").GetProperty("P2").GetProperty("rows").GetInt32());
        Assert.True(report.RootElement.GetProperty("bytes").GetProperty("P1->P2").GetInt64() is > 2000 and < 100_000);
        Assert.Equal(4, report.RootElement.GetProperty("queries")[0].GetProperty("groups").GetInt32());
        Assert.Equal(["P1", "P2"], Directory.GetDirectories(Out).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
    }

    /// <summary>One pair of files, every protocol, both securities: the same bytes at both parties.</summary>
    [Fact]
    public async Task Simulate_EveryProtocol_WritesTheSameBytes()
    {
        string Csv(int from, string column) =>
            $"ID;{column}\n" + string.Concat(Enumerable.Range(from, 3000).Select(i => $"Zoë {i * 7919 % 10_007},{(i % 5 == 0 ? " x" : "")};{column}{i % 4}\n"));
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var options in new string[][] { ["--protocol", "rsa"], ["--protocol", "ecdh"],
            ["--protocol", "vole"], ["--protocol", "vole", "--security", "malicious"], ["--allow-vole"], [] })
        {
            var result = await Simulate(Csv(0, "A"), Csv(1700, "B"), ["--key", "ID", "--delimiter", ";", .. options]);
            Assert.True(result.ExitCode == 0, result.ToString());
            Assert.Contains(options is [_, var named, ..] ? $"Protocol {named}" : "(auto: ", result.Output, StringComparison.Ordinal);
            seen.Add(File.ReadAllText(Path.Combine(Out, "P1", "intersection.csv")));
            seen.Add(File.ReadAllText(Path.Combine(Out, "P2", "intersection.csv")));
        }

        var only = Assert.Single(seen);
        Assert.Equal(1301, only.Count('\n'));
    }

    [Fact]
    public async Task Bench_Calibrate_KeepsWhatAutoReckonsWith()
    {
        var home = Path.Combine(_folder.Path, "home");
        Assert.Equal(0, (await PsiProcess.RunAsync("init", "--party", "P1", "--allow-vole", "--home", home)).ExitCode);
        var result = await PsiProcess.RunAsync("bench", "--calibrate", "--home", home);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("auto takes vole from some", result.Output, StringComparison.Ordinal);
        using var costs = JsonDocument.Parse(File.ReadAllText(Path.Combine(home, "costs.json")));
        Assert.True(costs.RootElement.GetProperty("ecdhMultiplications").GetDouble() > 100);
        Assert.True(costs.RootElement.GetProperty("voleReceiverSeconds").GetDouble() is > 0 and < 1e-3);
    }

    /// <summary>Random sets against a plain-set oracle: empty overlap, one, equal, duplicates under <c>first</c>.</summary>
    [Theory]
    [InlineData("disjoint")]
    [InlineData("equal")]
    [InlineData("one in common")]
    [InlineData("random")]
    [InlineData("duplicates")]
    public async Task Simulate_RandomSets_EqualThePlainSet(string shape)
    {
        int[] Set(int from, int count) => [.. Enumerable.Range(from, count)];
        var (one, two) = shape switch
        {
            "disjoint" => (Set(0, 30), Set(100, 20)),
            "equal" => (Set(0, 30), Set(0, 30)),
            "one in common" => (Set(0, 30), Set(29, 30)),
            "duplicates" => ([.. Set(0, 30), 5, 6, 7], [.. Set(20, 30), 21, 22]),
            _ => Gen.Int[0, 80].HashSet[10, 50].Select(Gen.Int[0, 80].HashSet[10, 50], (a, b) => (a.ToArray(), b.ToArray())).Single(),
        };
        string Csv(int[] ids, string column) => $"ID;{column}\n" + string.Concat(ids.Select((id, row) => $"id-{id};{column}{id % 3}\n"));
        var result = await Simulate(Csv(one, "A"), Csv(two, "B"), "--key", "ID", "--query", "A,B", "--duplicates", shape == "duplicates" ? "first" : "reject");
        Assert.True(result.ExitCode == 0, result.ToString());
        var common = one.Intersect(two).ToArray();
        var expected = "ID\n" + string.Concat(common.Select(id => $"id-{id}").Order(StringComparer.Ordinal).Select(id => id + "\n"));
        Assert.Equal(expected, File.ReadAllText(Path.Combine(Out, "P1", "intersection.csv")));
        Assert.Equal(expected, File.ReadAllText(Path.Combine(Out, "P2", "intersection.csv")));
        Assert.True((await Simulate(Csv(one, "A"), Csv(two, "B"), "--key", "ID", "--duplicates",
            shape == "duplicates" ? "first" : "reject", "--protocol", "rsa")).ExitCode == 0);
        Assert.Equal(expected, File.ReadAllText(Path.Combine(Out, "P1", "intersection.csv")));
        Assert.Equal(expected, File.ReadAllText(Path.Combine(Out, "P2", "intersection.csv")));
        var counts = "A,B,count\n"
            + string.Concat(common.GroupBy(id => id % 3).OrderBy(group => group.Key).Select(group => $"A{group.Key},B{group.Key},{group.Count()}\n"));
        Assert.Equal(counts, File.ReadAllText(Path.Combine(Out, "query-1.csv")));
    }

    [Fact]
    public async Task Simulate_MinimumCell_PutsSmallGroupsIntoOneLine()
    {
        // Changed with the rule: labels of small groups are not written, none and few look alike.
        var result = await Simulate(Samples.Istat, Samples.Bi, "--key", "IDKEY", "--query", "CLASSE_REDDITO", "--min-cell", "2");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal("CLASSE_REDDITO,count\nBASSA,2\n(withheld),2\n", File.ReadAllText(Path.Combine(Out, "query-1.csv")));
        Assert.Contains("Minimum cell size 2: groups of fewer than 2 records are not shown, none and few alike", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Simulate_WithoutAMinimum_IsTenAndSaysWhyASmallSampleCannotBeAsked()
    {
        var result = await PsiProcess.RunAsync("simulate", "--p1", _folder.Write("p1.csv", Samples.Istat), "--p2",
            _folder.Write("p2.csv", Samples.Bi), "--key", "IDKEY", "--query", "CLASSE_ETA", "--out", Out);
        Failed(result, 1, "the parties have fewer than 10 records in common, the session's minimum cell size");
    }

    [Fact]
    public async Task Demo_WithoutAMinimum_ShowsAWithheldLineAndWhy()
    {
        var result = await PsiProcess.RunAsync("demo", "--rows", "400");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("(withheld)", result.Output, StringComparison.Ordinal);
        Assert.Contains("Minimum cell size 10: groups of fewer than 10 records are not shown, none and few alike", result.Output, StringComparison.Ordinal);
        Assert.Contains("both engines agree", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Home_WithAMinimumBelowThree_IsRefusedWhenOpened()
    {
        var home = Path.Combine(_folder.Path, "p1");
        Failed(await PsiProcess.RunAsync("init", "--party", "P1", "--home", home, "--min-cell", "2"), 2, "--min-cell takes a whole number from 3 to 1000000");
        Assert.Equal(0, (await PsiProcess.RunAsync("init", "--party", "P1", "--home", home)).ExitCode);
        var config = Path.Combine(home, "psi.json");
        Assert.Contains("\"minCell\": 10", File.ReadAllText(config), StringComparison.Ordinal);
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"minCell\": 10", "\"minCell\": 1", StringComparison.Ordinal));
        Failed(await PsiProcess.RunAsync("dataset", "list", "--home", home), 1, "a home's minimum is 3 to 1000000; raise it there");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"minCell\": 1", "\"minCell\": 5", StringComparison.Ordinal));
        var added = await PsiProcess.RunAsync("dataset", "add", "istat", _folder.Write("a.csv", Samples.Istat), "--key", "IDKEY", "--home", home);
        Assert.Contains("Nothing is said about fewer than 5 records", added.Output, StringComparison.Ordinal);
        added = await PsiProcess.RunAsync("dataset", "add", "open", Path.Combine(_folder.Path, "a.csv"), "--key", "IDKEY", "--home", home, "--min-cell", "1");
        Assert.Contains("Answers say everything, also about single records: right for data that are not confidential, and for no others.",
            added.Output, StringComparison.Ordinal);
        Failed(await PsiProcess.RunAsync("dataset", "add", "more", Path.Combine(_folder.Path, "a.csv"), "--key", "IDKEY", "--home", home, "--min-cell", "0"),
            2, "--min-cell takes a whole number from 1");
    }

    [Fact]
    public async Task Simulate_Json_IsTheReportAndNothingElse()
    {
        var result = await Simulate(Samples.Istat, Samples.Bi, "--key", "IDKEY", "--json");
        using var report = JsonDocument.Parse(result.Output);
        Assert.Equal("memory", report.RootElement.GetProperty("transport").GetString());
    }

    public static TheoryData<string, string, string> BadInputs => new()
    {
        { "ID;A\n", "ID;B\nx;1\n", "p1.csv has a header but no rows" },
        { "", "ID;B\nx;1\n", "p1.csv is empty" },
        { "KEY;A\nx;1\n", "ID;B\nx;1\n", "p1.csv has no column ID; it has KEY, A" },
        { "ID;A\nx;1\n", "ID;B\nx;1\ny;2;3\n", "p2.csv, line 3: 3 fields where the header has 2" },
        { "ID;A\nx;1\nx;2\n", "ID;B\nx;1\n", "1 of 2 rows repeat an identifier" },
        { "ID;A\n;1\n", "ID;B\nx;1\n", "all 1 identifiers are empty" },
    };

    [Theory]
    [MemberData(nameof(BadInputs))]
    public async Task Simulate_BadInput_OneLineExitOneNothingLeft(string p1, string p2, string expected)
    {
        var result = await Simulate(p1, p2, "--key", "ID");
        Failed(result, 1, expected);
        Assert.False(Directory.Exists(Out));
    }

    [Fact]
    public async Task Simulate_UnknownColumn_OneLineExitOneNothingLeft()
    {
        Failed(await Simulate(Samples.Istat, Samples.Bi, "--key", "IDKEY", "--query", "FOO"),
            1, "neither party has a column FOO; P1 has CLASSE_ETA, NUMERO_FIGLI; P2 has");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path, "out*"));
    }

    [Fact]
    public async Task Simulate_MissingFile_IsNamed() =>
        Failed(await PsiProcess.RunAsync("simulate", "--p1", "/nope.csv", "--p2", "/nope.csv", "--key", "ID"), 1, "/nope.csv does not exist");

    [Fact]
    public async Task Simulate_OutIsAFile_IsRefused()
    {
        File.WriteAllText(Out, "mine");
        Failed(await Simulate(Samples.Istat, Samples.Bi, "--key", "IDKEY"), 1, "--out takes a folder");
        Assert.Equal("mine", File.ReadAllText(Out));
    }

    /// <summary>Places that take no files or folders: said in one line, before any work is done.</summary>
    [Theory]
    [InlineData("FILE is a file, and a folder is needed there", "demo", "--data-only", "FILE")]
    [InlineData("the folder /proc/nope cannot be made, /proc does not take it", "demo", "--data-only", "/proc/nope")]
    [InlineData("the folder /proc/nope cannot be made, /proc does not take it", "init", "--party", "P1", "--home", "/proc/nope")]
    [InlineData("FILE is a file, and a folder is needed there", "init", "--party", "P1", "--home", "FILE/home")]
    [InlineData("the results cannot be written to /proc/nope: the folder /proc/nope.",
        "simulate", "--p1", "FILE", "--p2", "FILE", "--key", "IDKEY", "--out", "/proc/nope")]
    [InlineData("the results cannot be written to FILE/a/b: FILE is a file, and a folder is needed there",
        "simulate", "--p1", "FILE", "--p2", "FILE", "--key", "IDKEY", "--out", "FILE/a/b")]
    public async Task Place_ThatTakesNothing_IsNamed(string expected, params string[] arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs /proc");
        var file = _folder.Write("a.csv", Samples.Istat);
        Failed(await PsiProcess.RunAsync([.. arguments.Select(argument => argument.Replace("FILE", file, StringComparison.Ordinal))]),
            1, expected.Replace("FILE", file, StringComparison.Ordinal));
        Assert.Equal([file], Directory.GetFileSystemEntries(_folder.Path));
    }

    /// <summary>A state that is no database is a fault nobody foresaw: one line from every process, and the trace for who asks for it.</summary>
    [Theory]
    [InlineData("sessions")]
    [InlineData("party", "run")]
    public async Task State_Damaged_OneLineAndNoStackTrace(params string[] command)
    {
        var home = Path.Combine(_folder.Path, "p1");
        Assert.Equal(0, (await PsiProcess.RunAsync("init", "--home", home, "--party", "P1")).ExitCode);
        _folder.Write("p1/state.db", new string('x', 5000));
        Failed(await PsiProcess.RunAsync([.. command, "--home", home]), 1, "file is not a database");
        var traced = await PsiProcess.RunAsync(new Dictionary<string, string> { ["PSI_DEBUG"] = "1" }, [.. command, "--home", home]);
        Assert.Contains("\n   at ", traced.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--frobnicate", "simulate", "--frobnicate")]
    [InlineData("--p1", "simulate")]
    [InlineData("nonsense", "nonsense")]
    [InlineData("--rsa-bits takes 2048 to 8192", "demo", "--rsa-bits", "1024")]
    [InlineData("--protocol takes", "demo", "--protocol", "magic")]
    [InlineData("--min-cell takes a whole number from 1", "demo", "--min-cell", "0")]
    [InlineData("--reveal takes both, p1, p2, size or a party's name, not everybody", "demo", "--reveal", "everybody")]
    [InlineData("cannot reveal the size alone", "demo", "--reveal", "size", "--protocol", "rsa")]
    [InlineData("cannot reveal the size alone", "demo", "--reveal", "size", "--protocol", "vole")]
    [InlineData("only the protocol vole has a variant", "demo", "--security", "malicious")]
    [InlineData("--security takes", "demo", "--protocol", "vole", "--security", "much")]
    [InlineData("a reusable set serves a session in which one party learns the result", "demo", "--reuse")]
    [InlineData("add --reveal p1 or --reveal p2", "demo", "--reuse", "--protocol", "rsa")]
    [InlineData("--query needs --reveal both", "demo", "--reveal", "p1", "--query", "CLASSE_ETA")]
    [InlineData("--raw-labels is about files: add --out DIR", "demo", "--raw-labels")]
    [InlineData("--raw-labels is about files: add --out DIR", "simulate", "--p1", "a.csv", "--p2", "b.csv", "--key", "ID", "--raw-labels")]
    [InlineData("--rows takes 10 to", "bench", "--rows", "5")]
    [InlineData("--rows takes 10 to", "bench", "--rows", "10x20x30")]
    [InlineData("--transport rabbitmq needs --broker", "bench", "--transport", "rabbitmq")]
    [InlineData("--transport takes memory or rabbitmq", "bench", "--transport", "pigeon")]
    [InlineData("--protocol takes", "bench", "--protocol", "magic")]
    [InlineData("--party NAME or --linker NAME", "init")]
    [InlineData("--delimiter takes one of", "dataset", "add", "x", "y.csv", "--key", "ID", "--delimiter", "xy", "--home", "HOME")]
    [InlineData("names an empty column", "dataset", "add", "x", "y.csv", "--key", "ID,,B", "--home", "HOME")]
    public async Task Usage_Wrong_OneLineExitTwo(string expected, params string[] arguments)
    {
        if (arguments.Contains("HOME"))
        {
            await PsiProcess.RunAsync("init", "--home", _folder.Path + "/home", "--party", "P1");
        }

        Failed(await PsiProcess.RunAsync([.. arguments.Select(argument => argument == "HOME" ? _folder.Path + "/home" : argument)]), 2, expected);
    }

    [Fact]
    public async Task Home_MissingOrForeign_IsNamed()
    {
        Failed(await PsiProcess.RunAsync("sessions", "--home", _folder.Path), 1, "is not a home; make one with: psi init");
        var linker = Path.Combine(_folder.Path, "linker");
        Assert.Equal(0, (await PsiProcess.RunAsync("init", "--home", linker, "--linker", "LINKER")).ExitCode);
        Failed(await PsiProcess.RunAsync("sessions", "--home", linker), 1, "is a linker's home");
        Failed(await PsiProcess.RunAsync("party", "run", "--home", linker), 1, "run it with: psi linker run");
        Failed(await PsiProcess.RunAsync("init", "--home", linker, "--party", "P1"), 1, "is a home already");
        Failed(await PsiProcess.RunAsync("trust", "--home", linker, "/nope.json"), 1, "/nope.json does not exist");
    }

    [Fact]
    public async Task Broker_NotThereOrNoAddress_IsNamed()
    {
        var home = Path.Combine(_folder.Path, "p1");
        await PsiProcess.RunAsync("init", "--home", home, "--party", "P1");
        Failed(await PsiProcess.RunAsync("intersect", "--home", home, "--with", "P2", "--dataset", "x", "--broker", "amqp://127.0.0.1:1"),
            1, "no broker answers at amqp://guest@127.0.0.1:1");
        Failed(await PsiProcess.RunAsync("intersect", "--home", home, "--with", "P2", "--dataset", "x", "--broker", "localhost"), 1, "must look like amqp://");
        Failed(await PsiProcess.RunAsync("simulate", "--p1", _folder.Write("a.csv", Samples.Istat), "--p2",
            _folder.Write("b.csv", Samples.Bi), "--key", "IDKEY", "--broker", "amqp://127.0.0.1:1"), 1, "no broker answers");
    }

    [Fact]
    public async Task Dataset_AddListRemove_SaysWhatItFound()
    {
        var home = Path.Combine(_folder.Path, "p1");
        await PsiProcess.RunAsync("init", "--home", home, "--party", "P1");
        var added = await PsiProcess.RunAsync("dataset", "add", "istat", _folder.Write("a.csv", Samples.Istat), "--key", "IDKEY", "--home", home);
        Assert.Equal("istat: 10 rows, 10 distinct identifiers in IDKEY\nRead as CSV, delimiter ;, utf-8\nColumns to ask about: CLASSE_ETA text, NUMERO_FIGLI "
            + "text\nIdentifiers, IDKEY: letters; 3 to 7 characters (5 in 3 of 10)\nNUMERO_FIGLI is text, because row 1 holds no number; correct the file, or "
            + "say how numbers and missing values are written (--decimal, --thousands, --missing)\nNothing is said about fewer than 10 records (minCell of "
            + "P1's home).\n",
            added.Output);
        Failed(await PsiProcess.RunAsync("dataset", "add", "istat", Path.Combine(_folder.Path, "a.csv"), "--key", "IDKEY", "--home", home),
            1, "there is a dataset istat already");
        using var list = JsonDocument.Parse((await PsiProcess.RunAsync("dataset", "list", "--json", "--home", home)).Output);
        Assert.Equal(10, list.RootElement[0].GetProperty("distinct").GetInt32());
        Assert.Equal("istat removed\n", (await PsiProcess.RunAsync("dataset", "remove", "istat", "--home", home)).Output);
        Failed(await PsiProcess.RunAsync("dataset", "remove", "istat", "--home", home), 1, "no dataset istat; it has none");
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(home, "datasets")));
        Assert.StartsWith("3 entries, all whole and signed", (await PsiProcess.RunAsync("audit", "verify", "--home", home)).Output, StringComparison.Ordinal);
    }

    /// <summary>
    /// kill -9 while a large file is read, then while it is removed: afterwards it is there whole or not at all, and no file is left that nobody knows of.
    /// </summary>
    [Fact]
    public async Task Dataset_KilledWhileAddedOrRemoved_LeavesNothingBehind()
    {
        var home = Path.Combine(_folder.Path, "p1");
        var datasets = Path.Combine(home, "datasets");
        Assert.Equal(0, (await PsiProcess.RunAsync("init", "--home", home, "--party", "P1")).ExitCode);
        var large = _folder.Write("large.csv", "IDKEY;A\n" + string.Concat(Enumerable.Range(0, 400_000).Select(i => $"{i * 7919L % 1_000_003:D9};{i % 7}\n")));
        using (var adding = PsiProcess.Start(null, "dataset", "add", "large", large, "--key", "IDKEY", "--home", home))
        {
            await TestNetwork.EventuallyAsync(() =>
                Directory.Exists(datasets) && Directory.GetFiles(datasets, "rows.parquet", SearchOption.AllDirectories).Length > 0);
            adding.Kill();
            await adding.WaitAsync();
        }

        // The next one clears away.
        Assert.NotEmpty(Directory.GetFileSystemEntries(datasets));
        var small = _folder.Write("a.csv", Samples.Istat);
        Assert.Equal(0, (await PsiProcess.RunAsync("dataset", "add", "istat", small, "--key", "IDKEY", "--home", home)).ExitCode);
        Assert.Equal([Path.Combine(datasets, "istat")], Directory.GetFileSystemEntries(datasets));
        using (var removing = PsiProcess.Start(null, "dataset", "remove", "istat", "--home", home))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System);
            removing.Kill();
            await removing.WaitAsync();
        }

        Assert.Equal(0, (await PsiProcess.RunAsync("dataset", "add", "again", small, "--key", "IDKEY", "--home", home)).ExitCode);
        using var list = JsonDocument.Parse((await PsiProcess.RunAsync("dataset", "list", "--json", "--home", home)).Output);
        var known = list.RootElement.EnumerateArray()
            .Select(dataset => Path.Combine(datasets, dataset.GetProperty("name").GetString()!)).Order(StringComparer.Ordinal);
        Assert.Equal(known, Directory.GetFileSystemEntries(datasets).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Demo_Small_TellsTheStory()
    {
        var result = await PsiProcess.RunAsync("demo", "--rows", "40", "--rsa-bits", "2048");
        Assert.True(result.ExitCode == 0, result.ToString());
        foreach (var part in new[] { "P1 has 40 records and P2 139. They have 29 in common",
            "CLASSE_REDDITO", "Who learned what", "How long and how much", "P1 -> LINKER" })
        {
            Assert.Contains(part, result.Output, StringComparison.Ordinal);
        }

        Assert.Equal("", result.Error);
    }

    [Fact]
    public async Task Plot_MarkupInALabel_StaysText()
    {
        var rows = string.Concat(Enumerable.Range(0, 4).Select(i => $"{i},<script>alert({i % 2})</script>\n"));
        var result = await PsiProcess.RunAsync("simulate", "--p1", _folder.Write("a.csv", "ID,A\n0,1\n1,1\n2,1\n3,2\n"), "--p2",
            _folder.Write("b.csv", "ID,L\n" + rows), "--key", "ID", "--query", "L", "--plot", "svg", "--min-cell", "1", "--out", Out);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.DoesNotContain("<script", File.ReadAllText(Path.Combine(Out, "query-1.svg")), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("p1", "ecdh", "P1 alone holds that list", "P1")]
    [InlineData("p2", "ecdh", "P2 alone holds that list", "P2")]
    [InlineData("p2", "rsa", "P2 alone holds that list", "P2")]
    [InlineData("size", "ecdh", "both know that number, and neither knows which", "")]
    public async Task Simulate_Reveal_WritesTheResultOfWhoLearnsIt(string reveal, string protocol, string expected, string learner)
    {
        var result = await Simulate(Samples.Istat, Samples.Bi, "--key", "IDKEY", "--reveal", reveal, "--protocol", protocol);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("In common: 4" + "; " + expected, result.Output, StringComparison.Ordinal);
        Assert.Equal(learner.Length == 0 ? [] : [Path.Combine(Out, learner, "intersection.csv")],
            Directory.GetFiles(Out, "intersection.csv", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Simulate_ReusableSet_GivesTheSameResult()
    {
        var result = await Simulate(Samples.Istat, Samples.Bi, "--key", "IDKEY", "--reveal", "p1", "--protocol", "rsa", "--reuse");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal(Samples.Intersection, File.ReadAllText(Path.Combine(Out, "P1", "intersection.csv")));
        Assert.Contains("reusable set", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dataset_Prepare_MakesTheSetAndSaysWhatItReveals()
    {
        var home = Path.Combine(_folder.Path, "p2");
        await PsiProcess.RunAsync("init", "--home", home, "--party", "P2");
        await PsiProcess.RunAsync("dataset", "add", "bi", _folder.Write("b.csv", Samples.Bi), "--key", "IDKEY", "--home", home);
        var made = await PsiProcess.RunAsync("dataset", "prepare", "bi", "--rsa-bits", "2048", "--home", home);
        Assert.True(made.ExitCode == 0, made.ToString());
        Assert.Contains("bi: 10 identifiers signed under a key of 2048 bits", made.Output, StringComparison.Ordinal);
        Assert.Contains("a receiver can tell whether the set has changed", made.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(home, "datasets", "bi", "reusable", "tags.bin")));
        Assert.Contains("reusable set made", (await PsiProcess.RunAsync("audit", "show", "--home", home)).Output, StringComparison.Ordinal);
        Assert.Equal("bi removed\n", (await PsiProcess.RunAsync("dataset", "remove", "bi", "--home", home)).Output);
        Failed(await PsiProcess.RunAsync("dataset", "prepare", "bi", "--home", home), 1, "no dataset bi");
    }

    [Fact]
    public async Task Bench_ReportsAreComparedSideBySide()
    {
        var (one, two) = (Path.Combine(_folder.Path, "one.json"), Path.Combine(_folder.Path, "two.json"));
        var first = await PsiProcess.RunAsync("bench", "--rows", "100", "--rows", "20x300",
            "--protocol", "ecdh", "--protocol", "rsa", "--rsa-bits", "2048", "--out", one);
        Assert.True(first.ExitCode == 0, first.ToString());
        foreach (var part in new[] { "ecdh, 100 x 100, memory", "rsa 2048, 20 x 300, memory", "session / ceiling", "bytes a pair", "peak memory" })
        {
            Assert.Contains(part, first.Output, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("cores here", first.Output, StringComparison.Ordinal);
        var explained = await PsiProcess.RunAsync("bench", "--rows", "100", "--whole", "--explain", "--out", two);
        Assert.True(explained.ExitCode == 0, explained.ToString());
        foreach (var part in new[] { "cores here", "new pages", "query-1", "█ this process on", "ceiling " })
        {
            Assert.Contains(part, explained.Output, StringComparison.Ordinal);
        }

        // Kept with the report, and of every phase.
        using var kept = JsonDocument.Parse(await File.ReadAllBytesAsync(two));
        Assert.All(kept.RootElement.GetProperty("runs")[0].GetProperty("report").GetProperty("phases").EnumerateArray(),
            phase => Assert.True(phase.GetProperty("load").GetProperty("residentBytes").GetInt64() > 1 << 20));
        var compared = await PsiProcess.RunAsync("bench", "--compare", one, two);
        Assert.True(compared.ExitCode == 0, compared.ToString());
        foreach (var part in new[] { "one.json", "two.json", "second / first", "ecdh, 100 x 100, memory", "Only in one.json: rsa 2048, 20 x 300, memory" })
        {
            Assert.Contains(part, compared.Output, StringComparison.Ordinal);
        }

        Failed(await PsiProcess.RunAsync("bench", "--compare", one, _folder.Write("bad.json", "[]")), 1, "cannot be read as a report");
    }

    [Fact]
    public async Task Compute_WithoutItsKey_SaysWhereItIs() =>
        Failed(await PsiProcess.RunAsync("party", "compute"), 1, "no compute key is named; give the party's compute.key with --key FILE");

    private static void Failed(PsiResult result, int code, string expected)
    {
        Assert.True(result.ExitCode == code, result.ToString());
        Assert.StartsWith("psi: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
        Assert.Equal(1, result.Error.Count(character => character == '\n'));
        Assert.Equal("", result.Output);
    }

    public void Dispose() => _folder.Dispose();
}
