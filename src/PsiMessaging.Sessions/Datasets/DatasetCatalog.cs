using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Output;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Data.Types;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Ports;

namespace PsiMessaging.Sessions.Datasets;

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
public sealed record Dataset(
    string Name, IReadOnlyList<string> Columns, IReadOnlyList<string> Key, bool FoldCase, DuplicateRule Duplicates,
    int Rows, int Distinct, int Dropped, int Repeated, string Hash, DateTimeOffset AddedAt, IReadOnlyList<DatasetColumn> Described, int? MinCell = null)
{
    /// <summary>The rules as they travel in a proposal.</summary>
    [JsonIgnore]
    public CanonicalizationProfile Profile => new(Canonicalizer.Version, FoldCase ? "fold" : "keep", Key.Count);

    /// <summary>The duplicate rule as it travels.</summary>
    [JsonIgnore]
    public string DuplicatesName => Duplicates == DuplicateRule.Reject ? "reject" : "first";

    /// <summary>Columns that are not part of the identifier: those that go to the linker.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Attributes => [.. Columns.Except(Key, StringComparer.Ordinal)];
}

/// <summary>What a person says when adding a dataset.</summary>
/// <param name="Name">Its name.</param>
/// <param name="File">CSV or Parquet.</param>
/// <param name="Key">Key columns, 1 to 16.</param>
/// <param name="Reading">Delimiter and encoding.</param>
/// <param name="FoldCase">Whether upper and lower case are one.</param>
/// <param name="Duplicates">Rule for repeated identifiers.</param>
/// <param name="Types">Types a person has set, by column; the others are found from the values.</param>
/// <param name="MinCell">The dataset's own minimum cell size, 1 to 1,000,000; below 3 only for data that are not confidential. Null means the home's.</param>
public sealed record DatasetRequest(
    string Name, string File, IReadOnlyList<string> Key, RecordReaderOptions Reading, bool FoldCase, DuplicateRule Duplicates, IReadOnlyDictionary<string, ColumnType>? Types = null,
    int? MinCell = null);

/// <summary>A party's datasets: copied into its home once, never changed afterwards.</summary>
/// <param name="home">The party's home.</param>
/// <param name="store">The party's state.</param>
/// <param name="time">Clock.</param>
/// <param name="openScratch">Makes the folder for sorted runs at a path; null means an ordinary one.</param>
public sealed partial class DatasetCatalog(ParticipantHome home, IParticipantStore store, TimeProvider time, Func<string, ScratchFolder>? openScratch = null)
{
    private const string Kind = "dataset";
    private readonly AuditLog _audit = new(home, time);

    /// <summary>Reads, checks and stores a file.</summary>
    /// <exception cref="InputException">The file or its content cannot be used.</exception>
    /// <exception cref="ParticipantException">The name is taken or malformed.</exception>
    public async Task<Dataset> AddAsync(DatasetRequest request)
    {
        if (!NamePattern().IsMatch(request.Name))
        {
            throw new ParticipantException(FailureCodes.Malformed, $"the dataset name {request.Name} cannot be used: take letters, digits, dots, hyphens and underscores, 64 at most");
        }

        if (Find(request.Name) is not null)
        {
            throw new ParticipantException(FailureCodes.WrongState, $"there is a dataset {request.Name} already; remove it first, or take another name");
        }

        if (request.Key.Count is < 1 or > 16 || request.Key.Distinct(StringComparer.Ordinal).Count() != request.Key.Count)
        {
            throw new InputException("name 1 to 16 different key columns, for example --key IDKEY or --key SURNAME,BIRTHDATE");
        }

        if (request.MinCell is < 1 or > ParticipantConfig.MostMinCell)
        {
            throw new InputException($"a dataset's minimum cell size is 1 to {ParticipantConfig.MostMinCell}, not {request.MinCell}");
        }

        using var source = RecordReader.Open(request.File, request.Reading);
        var keyColumns = DatasetFile.FindColumns(request.File, source.Columns, request.Key);
        var types = request.Types ?? new Dictionary<string, ColumnType>();
        if (types.Keys.FirstOrDefault(name => !source.Columns.Contains(name) || request.Key.Contains(name)) is { } wrong)
        {
            throw new InputException($"{request.File} has no column {wrong} to set the type of; beside its key it has {(source.Columns.Except(request.Key, StringComparer.Ordinal).ToArray() is { Length: > 0 } others ? string.Join(", ", others) : "none")}");
        }

        var profiles = source.Columns.Select((name, i) => (Index: i, Name: name)).Where(column => !request.Key.Contains(column.Name))
            .Select(column => (column.Index, Profile: new ColumnProfile(request.File, column.Name, types.GetValueOrDefault(column.Name)))).ToArray();
        var folder = Folder(request.Name);
        Directory.CreateDirectory(folder);
        try
        {
            // The stored copy appears under its name only when it is whole.
            var path = RowsPath(request.Name);
            var part = path + ".part";
            using var hash = KeyedHash.Random();
            using var scratch = Scratch(Path.Combine(folder, "scratch"));
            using var identifiers = new IdentifierSet(canonical => (ulong)(hash.Compute(canonical) >> 64), keyColumns, new Canonicalizer(request.FoldCase), scratch);
            await using (var stream = new FileStream(part, FileMode.Create, FileAccess.ReadWrite))
            {
                var number = 0;
                await DatasetFile.WriteAsync(source, stream, row =>
                {
                    identifiers.Add(row);
                    number++;
                    foreach (var (index, profile) in profiles)
                    {
                        profile.Add(row.GetSpan(index), number);
                    }
                });
                stream.Flush(flushToDisk: true);
            }

            var counts = identifiers.Write(IdentifiersPath(request.Name));
            counts.Check(request.File, request.Duplicates);
            var described = Array.ConvertAll(profiles, column => column.Profile.Finish());
            string fileHash;
            using (var stored = File.OpenRead(part))
            {
                fileHash = Convert.ToHexStringLower(await SHA256.HashDataAsync(stored));
            }

            File.Move(part, path, overwrite: true);
            var dataset = new Dataset(request.Name, source.Columns, request.Key, request.FoldCase, request.Duplicates,
                counts.Rows, counts.Distinct, counts.Dropped, counts.Repeated, fileHash, time.GetUtcNow(), described, request.MinCell);
            store.Write(transaction =>
            {
                transaction.PutDocument(Kind, request.Name, JsonSerializer.Serialize(dataset, SessionJson.Default.Dataset));
                _audit.Append(transaction, "dataset-added", ("dataset", request.Name), ("rows", counts.Rows), ("distinct", counts.Distinct), ("minCell", request.MinCell));
            });
            return dataset;
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>One dataset, or null.</summary>
    public Dataset? Find(string name) =>
        store.Read(transaction => transaction.FindDocument(Kind, name)) is { } document ? JsonSerializer.Deserialize(document, SessionJson.Default.Dataset) : null;

    /// <summary>All datasets, by name.</summary>
    public IReadOnlyList<Dataset> List() =>
        [.. store.Read(transaction => transaction.ListDocuments(Kind)).Select(entry => JsonSerializer.Deserialize(entry.Document, SessionJson.Default.Dataset)!)];

    /// <summary>Removes a dataset and its stored rows.</summary>
    /// <exception cref="ParticipantException">No such dataset, or a session still needs it.</exception>
    public void Remove(string name)
    {
        store.Write(transaction =>
        {
            var user = transaction.ListSessions().FirstOrDefault(session =>
                session.State is not (nameof(SessionState.Failed) or nameof(SessionState.Completed)) && PartySession.Parse(session).Dataset == name);
            if (user is not null)
            {
                throw new ParticipantException(FailureCodes.WrongState, $"the session {user.Id} still uses the dataset {name}; wait for it, or cancel it");
            }

            if (!transaction.DeleteDocument(Kind, name))
            {
                throw Unknown(name);
            }

            _audit.Append(transaction, "dataset-removed", ("dataset", name));
        });
        ReusableSets.DestroyKey(ReusablePath(name));
        Directory.Delete(Folder(name), recursive: true);
    }

    /// <summary>The dataset of that name, or the only one when no name is given.</summary>
    /// <exception cref="ParticipantException">No such dataset, or several to choose from.</exception>
    public Dataset Resolve(string? name)
    {
        if (name is not null)
        {
            return Find(name) ?? throw Unknown(name);
        }

        var all = List();
        return all.Count == 1 ? all[0] : throw new ParticipantException(FailureCodes.UnknownDataset, all.Count == 0
            ? $"{home.Name} has no dataset; add one with: psi dataset add NAME FILE --key COLUMN"
            : $"{home.Name} has {all.Count} datasets; name one of them with --peer-dataset");
    }

    /// <summary>Opens the stored rows.</summary>
    public IRecordReader OpenRows(Dataset dataset) => DatasetFile.Open(RowsPath(dataset.Name));

    /// <summary>Opens the dataset's distinct identifiers, in an order that says nothing about the file.</summary>
    /// <exception cref="InputException">The stored file is missing or damaged.</exception>
    public IdentifierFile OpenIdentifiers(Dataset dataset)
    {
        var path = IdentifiersPath(dataset.Name);
        var identifiers = File.Exists(path) ? IdentifierFile.Open(path) : throw new InputException($"{path} is missing; remove the dataset {dataset.Name} and add it again");
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

    private ParticipantException Unknown(string name)
    {
        var names = List().Select(dataset => dataset.Name).ToArray();
        return new ParticipantException(FailureCodes.UnknownDataset,
            $"{home.Name} has no dataset {name}; it has {(names.Length == 0 ? "none" : string.Join(", ", names))}");
    }

    private string Folder(string name) => Path.Combine(home.DatasetsPath, name);

    private string ReusablePath(string name) => Path.Combine(Folder(name), "reusable");

    private string IdentifiersPath(string name) => Path.Combine(Folder(name), "identifiers.bin");

    private string RowsPath(string name) => Path.Combine(Folder(name), "rows.parquet");

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NamePattern();
}
