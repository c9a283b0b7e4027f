using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Data.Types;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Datasets;

/// <summary>A registered dataset: where its identifiers are, by which rules they are read, and what was found.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Columns">All columns in file order.</param>
/// <param name="Key">Key columns.</param>
/// <param name="FoldCase">Whether upper and lower case are one.</param>
/// <param name="Duplicates">Rule for repeated identifiers.</param>
/// <param name="Rows">Rows in the file.</param>
/// <param name="Distinct">Distinct identifiers.</param>
/// <param name="Dropped">Rows without an identifier.</param>
/// <param name="Repeated">Rows that repeat an earlier row's identifier.</param>
/// <param name="Hash">SHA-256 of the stored file, in hexadecimal.</param>
/// <param name="AddedAt">When.</param>
/// <param name="Described">The columns that are not part of the identifier, with their types: those that can be asked about.</param>
/// <param name="MinCell">Fewest records anything is said about, 1 to 1,000,000, where the owner has set it for this dataset; null means the home's.</param>
/// <param name="Rules">Version of the rules for identifiers it was added under; 1 where none is noted.</param>
/// <param name="Texts">Which texts of its columns are one value.</param>
/// <param name="MissingWords">Whether words such as NA in key columns stand for missing values.</param>
/// <param name="KeyForms">How the values of each key column look; counts only.</param>
/// <param name="WholeNumbers">Whether <c>100234.0</c> in a key column is <c>100234</c>.</param>
/// <param name="Reading">How the file was read; null in datasets of older builds.</param>
public sealed record Dataset(
    string Name, IReadOnlyList<string> Columns, IReadOnlyList<string> Key, bool FoldCase, DuplicateRule Duplicates,
    int Rows, int Distinct, int Dropped, int Repeated, string Hash, DateTimeOffset AddedAt, IReadOnlyList<DatasetColumn> Described, int? MinCell = null,
    int Rules = 1, TextRule Texts = TextRule.Exact, bool MissingWords = false,
    IReadOnlyList<KeyPartForm>? KeyForms = null, bool WholeNumbers = false, ReadingReport? Reading = null)
{
    /// <summary>The rules as they travel in a proposal.</summary>
    [JsonIgnore]
    public CanonicalizationProfile Profile => new(Rules, FoldCase ? "fold" : "keep", Key.Count, Texts == TextRule.Normal ? "normal" : "exact");

    /// <summary>The duplicate rule as it travels.</summary>
    [JsonIgnore]
    public string DuplicatesName => Duplicates == DuplicateRule.Reject ? "reject" : "first";

    /// <summary>Whether its identifiers were read by the rules of this build; else it cannot be used.</summary>
    [JsonIgnore]
    public bool HasCurrentRules => Rules == Canonicalizer.Version;

    /// <summary>What reads its identifiers as when it was added.</summary>
    public Canonicalizer NewCanonicalizer() => new(FoldCase, MissingWords, WholeNumbers);

    /// <summary>Columns that are not part of the identifier: those that go to the linker.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Attributes => [.. Columns.Except(Key, StringComparer.Ordinal)];
}

/// <summary>What a person says when adding a dataset.</summary>
/// <param name="Name">Its name.</param>
/// <param name="File">CSV, Parquet or an Excel workbook.</param>
/// <param name="Key">Key columns, 1 to 16.</param>
/// <param name="Reading">How the file is read.</param>
/// <param name="FoldCase">Whether upper and lower case are one.</param>
/// <param name="Duplicates">Rule for repeated identifiers.</param>
/// <param name="Types">Types a person has set, by column; the others are found from the values.</param>
/// <param name="MinCell">The dataset's own minimum cell size, 1 to 1,000,000; below 3 only for data that are not confidential. Null means the home's.</param>
/// <param name="Texts">Which texts of its columns are one value; both parties of a session must have the same rule.</param>
/// <param name="MissingWords">Whether words such as NA in key columns stand for missing values (<see cref="Data.Types.MissingWords"/>).</param>
/// <param name="WholeNumbers">Whether <c>100234.0</c> in a key column is <c>100234</c>: for files of programs that took the identifiers for numbers.</param>
/// <param name="OtherTypes">Types as in <paramref name="Types"/>, of columns that need not be there.</param>
public sealed record DatasetRequest(
    string Name, string File, IReadOnlyList<string> Key, RecordReaderOptions Reading,
    bool FoldCase, DuplicateRule Duplicates, IReadOnlyDictionary<string, ColumnType>? Types = null,
    int? MinCell = null, TextRule Texts = TextRule.Normal, bool MissingWords = true,
    bool WholeNumbers = false, IReadOnlyDictionary<string, ColumnType>? OtherTypes = null);

/// <summary>
/// A party's datasets: copied into its home once, never changed afterwards. The document in the state says which there are; it is written when the files stand
/// whole under the dataset's name and deleted before they go, and both under the state's write lock, so two processes on one home never touch each other's
/// files. What a kill leaves between the two (a folder no document speaks of) is deleted at the next start of the worker and at the next use of
/// <see cref="AddAsync"/> or <see cref="Remove"/>.
/// </summary>
/// <param name="home">The party's home.</param>
/// <param name="store">The party's state.</param>
/// <param name="time">Clock.</param>
/// <param name="openScratch">Makes the folder for sorted runs at a path; null means an ordinary one.</param>
public sealed partial class DatasetCatalog(ParticipantHome home, IParticipantStore store, TimeProvider time, Func<string, ScratchFolder>? openScratch = null)
{
    private const string Kind = "dataset";

    // A dataset's name cannot begin with a dot.
    private const string WorkPrefix = ".work-";
    private const string GonePrefix = ".gone-";
    private const string LockName = "lock";
    internal const string IdentifiersName = "identifiers.bin";
    internal const string RowsName = "rows.parquet";
    private readonly AuditLog _audit = new(home, time);

    /// <summary>Reads, checks and stores a file.</summary>
    /// <exception cref="InputException">The file or its content cannot be used.</exception>
    /// <exception cref="ParticipantException">The name is taken or malformed.</exception>
    public async Task<Dataset> AddAsync(DatasetRequest request)
    {
        RequireForm(request);
        request = request with { Key = [.. request.Key.Select(RecordReader.NormalizeName)] };
        var types = DatasetReading.Named(request.Types);
        using var source = RecordReader.Open(request.File, request.Reading with { Needed = [.. request.Key, .. types.Keys] });
        var keyColumns = DatasetFile.FindColumns(request.File, source.Columns, request.Key);
        var intakes = DatasetReading.IntakesOf(request, source, types);
        Sweep();
        var work = BeginWork(home.DatasetsPath);
        try
        {
            var dataset = await new DatasetReading(this, time).ReadAsync(request, source, keyColumns, intakes, work.Folder);
            PutInPlace(work, dataset);
            return dataset;
        }
        finally
        {
            // Of a failed attempt nothing is to stay; of a successful one there is nothing left but what another had begun under the name.
            work.Dispose();
            SweepQuietly();
        }
    }

    private void RequireForm(DatasetRequest request)
    {
        if (!NamePattern().IsMatch(request.Name))
        {
            throw new ParticipantException(
                FailureCodes.Malformed, $"the dataset name {request.Name} cannot be used: take letters, digits, dots, hyphens and underscores, 64 at most");
        }

        if (Find(request.Name) is not null)
        {
            throw Taken(request.Name);
        }

        if (request.Key.Count is < 1 or > 16 || request.Key.Distinct(StringComparer.Ordinal).Count() != request.Key.Count)
        {
            throw new InputException("name 1 to 16 different key columns, for example --key IDKEY or --key SURNAME,BIRTHDATE");
        }

        if (request.MinCell is < 1 or > ParticipantConfig.MostMinCell)
        {
            throw new InputException($"a dataset's minimum cell size is 1 to {ParticipantConfig.MostMinCell}, not {request.MinCell}");
        }
    }

    private void PutInPlace(WorkFolder work, Dataset dataset) => store.Write(state =>
    {
        // Another process may have been quicker; whoever comes first to this has the name.
        if (state.FindDocument(Kind, dataset.Name) is not null)
        {
            throw Taken(dataset.Name);
        }

        if (Directory.Exists(Folder(dataset.Name)))
        {
            SetAside(Folder(dataset.Name));
        }

        work.Unmark();
        PrivateFile.RenameFolder(work.Folder, Folder(dataset.Name));
        state.PutDocument(Kind, dataset.Name, JsonSerializer.Serialize(dataset, PartyJson.Default.Dataset));
        _audit.Append(state, "dataset-added", ("dataset", dataset.Name), ("rows", dataset.Rows), ("distinct", dataset.Distinct), ("minCell", dataset.MinCell));
    });

    /// <summary>One dataset, or null.</summary>
    public Dataset? Find(string name) =>
        store.Read(transaction => transaction.FindDocument(Kind, name)) is { } document
            ? JsonSerializer.Deserialize(document, PartyJson.Default.Dataset) : null;

    /// <summary>All datasets, by name.</summary>
    public IReadOnlyList<Dataset> List() =>
        [.. store.Read(transaction => transaction.ListDocuments(Kind)).Select(entry => JsonSerializer.Deserialize(entry.Document, PartyJson.Default.Dataset)!)];

    /// <summary>
    /// Removes a dataset, its stored rows and its reusable set; of a removal that a kill interrupts
    /// either nothing is done or the rest is done at the next occasion.
    /// </summary>
    /// <exception cref="ParticipantException">No such dataset, or a session still needs it.</exception>
    public void Remove(string name)
    {
        store.Write(transaction =>
        {
            var user = transaction.OpenSessions().Select(transaction.FindSession).OfType<StoredSession>().FirstOrDefault(session =>
                session.State is not (nameof(SessionState.Failed) or nameof(SessionState.Completed)) && PartySession.Parse(session).Dataset == name);
            if (user is not null)
            {
                throw new ParticipantException(FailureCodes.WrongState, $"the session {user.Id} still uses the dataset {name}; wait for it, or cancel it");
            }

            if (transaction.FindDocument(Kind, name) is not { } document)
            {
                throw Unknown(name);
            }

            // First the key: whatever happens after this, nobody signs under it any more. Killed before
            // the write, the dataset stands on without its reusable set.
            DestroyKeys(Folder(name));
            transaction.DeleteDocument(Kind, name);
            _audit.Append(transaction, "dataset-removed", ("dataset", name),
                ("rows", JsonSerializer.Deserialize(document, PartyJson.Default.Dataset)!.Rows));
        });
        Sweep();
    }

    /// <summary>Deletes what interrupted work has left: folders that no dataset's document speaks of, and unfinished ones whose process is gone.</summary>
    public void Sweep()
    {
        if (!Directory.Exists(home.DatasetsPath))
        {
            return;
        }

        // Under the state's write lock nobody else begins work or gives a folder its name.
        store.Write(transaction =>
        {
            foreach (var folder in Directory.GetDirectories(home.DatasetsPath))
            {
                var name = Path.GetFileName(folder);
                if (name.StartsWith(WorkPrefix, StringComparison.Ordinal) ? IsAbandoned(folder)
                    : !name.StartsWith(GonePrefix, StringComparison.Ordinal) && transaction.FindDocument(Kind, name) is null)
                {
                    SetAside(folder);
                }
                else if (!name.StartsWith('.'))
                {
                    foreach (var unfinished in Directory.GetDirectories(folder, WorkPrefix + "*").Where(IsAbandoned))
                    {
                        SetAside(unfinished);
                    }
                }
            }
        });

        // Nobody comes back to these, and two who delete the same do not mind each other.
        foreach (var folder in Directory.GetDirectories(home.DatasetsPath, GonePrefix + "*"))
        {
            try
            {
                DestroyKeys(folder);
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception exception) when (exception is DirectoryNotFoundException or FileNotFoundException)
            {
                // The other was quicker.
            }
        }
    }

    private void SweepQuietly()
    {
        try
        {
            Sweep();
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // What brought us here is what a person must see; the files go at the next occasion.
        }
    }

    /// <summary>Takes a folder out of everybody's sight; it is deleted afterwards, also after a kill.</summary>
    private void SetAside(string folder) => PrivateFile.RenameFolder(folder, Path.Combine(home.DatasetsPath, GonePrefix + RandomName()));

    private static void DestroyKeys(string folder)
    {
        if (Directory.Exists(folder))
        {
            ReusableSets.DestroyKey(folder);
            Array.ForEach(Directory.GetDirectories(folder), ReusableSets.DestroyKey);
        }
    }

    /// <summary>A folder of one's own to work in, under another; marked as in use for as long as this process lives and has not disposed it.</summary>
    internal WorkFolder BeginWork(string parent)
    {
        PrivateFile.CreateFolder(home.DatasetsPath);
        var folder = Path.Combine(parent, WorkPrefix + RandomName());
        FileStream? mark = null;
        try
        {
            // Under the write lock: a sweep sees it marked, or not at all.
            return store.Write(transaction =>
            {
                PrivateFile.CreateFolder(folder);
                mark = PrivateFile.Open(Path.Combine(folder, LockName), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
                return new WorkFolder(folder, mark);
            });
        }
        catch
        {
            mark?.Dispose();
            throw;
        }
    }

    /// <summary>Runs something that changes a dataset's folder while nobody else does.</summary>
    /// <exception cref="ParticipantException">The dataset has gone meanwhile.</exception>
    internal void ChangeFolder(Dataset dataset, Action change) => store.Write(transaction =>
    {
        if (transaction.FindDocument(Kind, dataset.Name) is not { } document
            || JsonSerializer.Deserialize(document, PartyJson.Default.Dataset)!.Hash != dataset.Hash)
        {
            throw Gone(dataset);
        }

        change();
    });

    /// <summary>Whether a dataset is still the one that was looked up.</summary>
    internal bool IsCurrent(Dataset dataset) => Find(dataset.Name)?.Hash == dataset.Hash;

    internal static ParticipantException Gone(Dataset dataset) => new(FailureCodes.WrongState, $"the dataset {dataset.Name} was removed meanwhile");

    /// <summary>Whether the process that worked in a folder is gone: the system takes its mark away with it.</summary>
    private static bool IsAbandoned(string folder)
    {
        try
        {
            using var mark = PrivateFile.Open(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static string RandomName() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

    private static ParticipantException Taken(string name) =>
        new(FailureCodes.WrongState, $"there is a dataset {name} already; remove it first, or take another name");

    /// <summary>The dataset of that name, or the only one when no name is given.</summary>
    /// <exception cref="ParticipantException">No such dataset, or several to choose from.</exception>
    public Dataset Resolve(string? name)
    {
        if (name is not null)
        {
            return RequireRules(Find(name) ?? throw Unknown(name));
        }

        var all = List();
        return all.Count == 1 ? RequireRules(all[0]) : throw new ParticipantException(FailureCodes.UnknownDataset, all.Count == 0
            ? $"{home.Name} has no dataset; add one with: psi dataset add NAME FILE --key COLUMN"
            : $"{home.Name} has {all.Count} datasets; name one of them: {string.Join(", ", all.Select(dataset => dataset.Name))}") { ForPeer = NotOffered };
    }

    /// <summary>
    /// The dataset a peer asks for, or the only one when it names none. What a peer is told does not depend on how many datasets there are or what they are
    /// called: the same words whether there is none, only others, or several to choose from. (That a name is right it still sees: the session begins.)
    /// </summary>
    /// <exception cref="ParticipantException">No such dataset, or several to choose from.</exception>
    public Dataset ResolveForPeer(string? name)
    {
        var dataset = name is not null ? Find(name) : List() is [var only] ? only : null;
        return dataset is not null ? RequireRules(dataset) : throw new ParticipantException(FailureCodes.UnknownDataset,
            name is null
                ? $"{home.Name} was asked for its only dataset and has {List().Count}"
                : $"{home.Name} was asked for a dataset {(NamePattern().IsMatch(name) ? name : "of a name that cannot be")}, which it does not have")
                    { ForPeer = NotOffered };
    }

    /// <summary>A dataset whose identifiers were read by other rules would match nobody, or the wrong ones.</summary>
    private Dataset RequireRules(Dataset dataset) => dataset.HasCurrentRules ? dataset : throw new ParticipantException(FailureCodes.UnusableDataset,
        $"the dataset {dataset.Name} was added by another version of psi, which read identifiers by rules {dataset.Rules}; now they are rules "
            + $"{Canonicalizer.Version}. Add it again: psi dataset remove {dataset.Name}, then psi dataset add {dataset.Name} FILE --key "
            + $"{string.Join(",", dataset.Key)}")
            { ForPeer = NotOffered };

    /// <summary>Opens the stored rows; columns are read when they are asked for.</summary>
    public IRecordReader OpenRows(Dataset dataset) => DatasetFile.Open(RowsPath(dataset.Name));

    /// <summary>Opens the dataset's distinct identifiers, in an order that says nothing about the file.</summary>
    /// <exception cref="InputException">The stored file is missing or damaged.</exception>
    public IdentifierFile OpenIdentifiers(Dataset dataset)
    {
        var path = IdentifiersPath(dataset.Name);
        var identifiers = File.Exists(path)
            ? IdentifierFile.Open(path)
            : throw new InputException($"{path} is missing; remove the dataset {dataset.Name} and add it again");
        if (identifiers.Count != dataset.Distinct)
        {
            identifiers.Dispose();
            throw new InputException($"{path} is not the dataset's; remove the dataset {dataset.Name} and add it again");
        }

        return identifiers;
    }

    /// <summary>Where a dataset's reusable set lies.</summary>
    public string ReusablePath(Dataset dataset) => ReusablePath(dataset.Name);

    /// <summary>The folder for sorted runs at a path.</summary>
    public ScratchFolder Scratch(string path) => openScratch?.Invoke(path) ?? new ScratchFolder(path);

    private string NotOffered => $"{home.Name} offers no dataset for this proposal; ask its people for a dataset's name, and give it with --peer-dataset";

    private ParticipantException Unknown(string name)
    {
        var names = List().Select(dataset => dataset.Name).ToArray();
        return new ParticipantException(FailureCodes.UnknownDataset,
            $"{home.Name} has no dataset {name}; it has {(names.Length == 0 ? "none" : string.Join(", ", names))}") { ForPeer = NotOffered };
    }

    private string Folder(string name) => Path.Combine(home.DatasetsPath, name);

    private string ReusablePath(string name) => Path.Combine(Folder(name), "reusable");

    private string IdentifiersPath(string name) => Path.Combine(Folder(name), IdentifiersName);

    private string RowsPath(string name) => Path.Combine(Folder(name), RowsName);

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NamePattern();
}

/// <summary>A folder in which something is being made; see <see cref="DatasetCatalog.BeginWork"/>.</summary>
internal sealed class WorkFolder(string folder, FileStream mark) : IDisposable
{
    public string Folder => folder;

    /// <summary>The mark goes before the folder gets its name; only under the state's write lock, which keeps sweeps away.</summary>
    public void Unmark()
    {
        mark.Dispose();
        File.Delete(mark.Name);
    }

    public void Dispose() => mark.Dispose();
}
