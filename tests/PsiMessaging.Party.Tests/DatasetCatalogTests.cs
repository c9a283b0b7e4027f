using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>Files and documents of datasets stay together, whatever is killed and whoever works at the same time.</summary>
public sealed class DatasetCatalogTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ParticipantHome _home;

    public DatasetCatalogTests() =>
        _home = ParticipantHome.Create(Path.Combine(_folder.Path, "p1"), new ParticipantConfig { Name = "P1", Role = ParticipantRole.Party });

    private string[] Left => [.. Directory.GetFileSystemEntries(_home.DatasetsPath).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private DatasetRequest Request(string name = "istat", string? content = null) =>
        new(name, _folder.Write(name + ".csv", content ?? Samples.Istat), ["IDKEY"], new RecordReaderOptions(), FoldCase: false, DuplicateRule.Reject);

    private DatasetCatalog Open(IParticipantStore store, Func<string, ScratchFolder>? scratch = null) => new(_home, store, TimeProvider.System, scratch);

    private static void Whole(DatasetCatalog catalog, string name, int rows)
    {
        var dataset = catalog.Find(name)!;
        using var identifiers = catalog.OpenIdentifiers(dataset);
        using var reader = catalog.OpenRows(dataset);
        var read = 0;
        while (reader.Read())
        {
            Assert.All(Enumerable.Range(0, reader.Columns.Count), column => reader.GetText(column));
            read++;
        }

        Assert.Equal((rows, rows, rows), (dataset.Rows, identifiers.Count, read));
    }

    /// <summary>Whatever the file wrote, numbers are kept with a point and missing ones as nothing; codes stay as they are, words and all.</summary>
    [Fact]
    public async Task Add_NumbersInTheirOwnWay_AreKeptPlainAndCodesAsTheyAre()
    {
        using var store = new SqliteParticipantStore(_home.StatePath);
        var catalog = Open(store);
        var dataset = await catalog.AddAsync(Request(content: "IDKEY;INCOME;CODE;AGE\na;1.250,50;00123;30\nb;NA;NA;.\nc;12.500;00124,5;50\n"));
        using var rows = catalog.OpenRows(dataset);
        var kept = new List<string>();
        while (rows.Read())
        {
            kept.Add($"{rows.GetSpan(0)}/{rows.GetSpan(1)}/{rows.GetSpan(2)}/{rows.GetSpan(3)}");
        }

        Assert.Equal(["a/1250.50/00123/30", "b//NA/", "c/12500/00124,5/50"], kept);
        Assert.Equal(["INCOME decimal(11,1) 1", "CODE text 0", "AGE integer(11) 1"],
            dataset.Described.Select(column => $"{column.Name} {column.Type} {column.Missing}"));
        Assert.Equal(["INCOME has a decimal comma and points between thousands", "INCOME: NA (1) taken as missing",
            "AGE: . (1) taken as missing"], catalog.Find("istat")!.Reading!.Notes);
        Assert.Equal(["istat"], Left);
        Assert.Equal(["identifiers.bin", "rows.parquet"], Directory.GetFileSystemEntries(Path.Combine(_home.DatasetsPath, "istat"))
            .Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
    }

    /// <summary>When the process is killed, seen from the state.</summary>
    public enum Moment
    {
        /// <summary>Before the write's transaction has begun.</summary>
        Before,
        /// <summary>Its files are moved, and it is rolled back.</summary>
        Within,
        /// <summary>It is committed.</summary>
        After,
    }

    /// <summary>Works until a write of the state; from then on nothing does, as after kill -9: not even the cleaning up of whoever is surprised.</summary>
    private sealed class KilledStore(IParticipantStore inner, int atWrite, Moment moment) : IParticipantStore
    {
        private int _writes;

        public bool Killed { get; private set; }

        public T Read<T>(Func<IStoreReader, T> action) => Killed ? throw new CrashException() : inner.Read(action);

        public T Write<T>(Func<IStoreWriter, T> action)
        {
            if (Killed)
            {
                throw new CrashException();
            }

            if (++_writes != atWrite)
            {
                return inner.Write(action);
            }

            Killed = true;
            if (moment == Moment.After)
            {
                inner.Write(action);
            }
            else if (moment == Moment.Within)
            {
                inner.Write<int>(transaction =>
                {
                    action(transaction);
                    throw new CrashException();
                });
            }

            throw new CrashException();
        }

        public void Dispose()
        {
        }
    }

    public static TheoryData<Moment> Moments => [Moment.Before, Moment.Within, Moment.After];

    [Theory]
    [MemberData(nameof(Moments))]
    public async Task Add_KilledAtAnyWrite_IsWholeOrNotThere(Moment moment)
    {
        using var store = new SqliteParticipantStore(_home.StatePath);
        var killed = true;
        var at = 1;
        for (; killed; at++)
        {
            using var dying = new KilledStore(store, at, moment);
            try
            {
                await Open(dying).AddAsync(Request());
            }
            catch (CrashException)
            {
                // Killed.
            }

            killed = dying.Killed;
            var catalog = Open(store);
            catalog.Sweep();
            if (catalog.Find("istat") is null)
            {
                Assert.Empty(Left);
            }
            else
            {
                Assert.Equal(["istat"], Left);
                Whole(catalog, "istat", 10);
                catalog.Remove("istat");
            }

            Assert.Empty(Left);
        }

        Assert.True(at > 4, $"only {at - 1} writes were tried");
    }

    [Theory]
    [MemberData(nameof(Moments))]
    public async Task Remove_KilledAtAnyWrite_LeavesNothingOrEverythingButTheKey(Moment moment)
    {
        using var store = new SqliteParticipantStore(_home.StatePath);
        using var threads = new ComputeThreads(2);
        var killed = true;
        var at = 1;
        for (; killed; at++)
        {
            var catalog = Open(store);
            var dataset = await catalog.AddAsync(Request());
            await ReusableSets.MakeAsync(catalog, dataset, "P1", 2048, threads, TimeProvider.System, _ => { }, CancellationToken.None);
            using var dying = new KilledStore(store, at, moment);
            try
            {
                Open(dying).Remove("istat");
            }
            catch (CrashException)
            {
                // Killed.
            }

            killed = dying.Killed;
            if (catalog.Find("istat") is null)
            {
                Assert.Empty(Directory.GetFiles(_home.DatasetsPath, "key.pk8", SearchOption.AllDirectories));
                catalog.Sweep();
            }
            else
            {
                // Nothing was removed: the dataset serves on, and can be removed again.
                Whole(catalog, "istat", 10);
                catalog.Remove("istat");
            }

            Assert.Empty(Left);
        }

        Assert.True(at > 2, $"only {at - 1} writes were tried");
    }

    /// <summary>Folders as a killed process leaves them; one that is at work keeps its own.</summary>
    [Fact]
    public async Task Sweep_FolderOfAKilledProcess_GoesAndOneInUseStays()
    {
        using var store = new SqliteParticipantStore(_home.StatePath);
        var catalog = Open(store, path =>
        {
            // What another process has open is not swept away under it.
            Open(store).Sweep();
            Assert.Single(Left);
            return new ScratchFolder(path);
        });
        await catalog.AddAsync(Request());
        Assert.Equal(["istat"], Left);

        // As a killed one leaves it: unfinished files, and a mark that nobody holds.
        foreach (var abandoned in new[] { Path.Combine(_home.DatasetsPath, ".work-0123456789abcdef"),
            Path.Combine(_home.DatasetsPath, "istat", ".work-fedcba9876543210"),
            Path.Combine(_home.DatasetsPath, ".gone-0123456789abcdef"), Path.Combine(_home.DatasetsPath, "orphan") })
        {
            Directory.CreateDirectory(Path.Combine(abandoned, "scratch"));
            foreach (var file in new[] { "lock", "rows.parquet", "identifiers.bin.part", "key.pk8", "scratch/0.run" })
            {
                File.WriteAllText(Path.Combine(abandoned, file), "left");
            }
        }

        Open(store).Sweep();
        Assert.Equal(["istat"], Left);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_home.DatasetsPath, "istat"), ".*"));
        Whole(catalog, "istat", 10);
    }

    /// <summary>Eight at once: one has the name, its files are its own and whole, and the others are told.</summary>
    [Fact]
    public async Task Add_OneNameAtOnce_TheFirstHasItWhole()
    {
        using var gate = new Barrier(8);
        var outcomes = await Task.WhenAll(Enumerable.Range(1, 8).Select(i => Task.Factory.StartNew(async () =>
        {
            using var store = new SqliteParticipantStore(_home.StatePath);
            var content = "IDKEY;A\n" + string.Concat(Enumerable.Range(0, i * 10).Select(row => $"{row};{i}\n"));
            var request = new DatasetRequest("shared", _folder.Write($"{i}.csv", content),
                ["IDKEY"], new RecordReaderOptions(), FoldCase: false, DuplicateRule.Reject);
            try
            {
                return (await Open(store, path =>
                {
                    // All of them have looked whether the name is free.
                    gate.SignalAndWait(TestNetwork.Patience);
                    return new ScratchFolder(path);
                }).AddAsync(request)).Rows;
            }
            catch (ParticipantException exception)
            {
                Assert.Contains("there is a dataset shared already", exception.Message, StringComparison.Ordinal);
                return 0;
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap()));
        var winner = Assert.Single(outcomes, rows => rows > 0);
        using var state = new SqliteParticipantStore(_home.StatePath);
        Whole(Open(state), "shared", winner);
        Assert.Equal(["shared"], Left);
    }

    [Fact]
    public async Task Prepare_DatasetRemovedMeanwhile_LeavesNoKey()
    {
        using var store = new SqliteParticipantStore(_home.StatePath);
        using var threads = new ComputeThreads(2);
        var catalog = Open(store);
        var dataset = await catalog.AddAsync(Request());
        var refused = await Assert.ThrowsAnyAsync<Exception>(() =>
            ReusableSets.MakeAsync(catalog, dataset, "P1", 2048, threads, TimeProvider.System, _ => catalog.Remove("istat"), CancellationToken.None));
        Assert.True(refused is ParticipantException { Message: "the dataset istat was removed meanwhile" }, refused.ToString());
        catalog.Sweep();
        Assert.Empty(Left);
    }

    public void Dispose()
    {
        _home.Dispose();
        _folder.Dispose();
    }
}
