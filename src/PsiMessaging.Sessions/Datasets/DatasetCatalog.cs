using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Output;
using PsiMessaging.Data.Records;
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
public sealed record Dataset(
    string Name, IReadOnlyList<string> Columns, IReadOnlyList<string> Key, bool FoldCase, DuplicateRule Duplicates,
    int Rows, int Distinct, int Dropped, int Repeated, string Hash, DateTimeOffset AddedAt)
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
public sealed record DatasetRequest(string Name, string File, IReadOnlyList<string> Key, RecordReaderOptions Reading, bool FoldCase, DuplicateRule Duplicates);

/// <summary>A party's datasets: copied into its home once, never changed afterwards.</summary>
public sealed partial class DatasetCatalog(ParticipantHome home, IParticipantStore store, TimeProvider time)
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

        using var source = RecordReader.Open(request.File, request.Reading);
        var keyColumns = DatasetFile.FindColumns(request.File, source.Columns, request.Key);
        var canonicalizer = new Canonicalizer(request.FoldCase);
        var table = new KeyTable();
        var folder = Folder(request.Name);
        Directory.CreateDirectory(folder);
        try
        {
            // The stored copy appears under its name only when it is whole.
            var path = RowsPath(request.Name);
            var part = path + ".part";
            await using (var stream = new FileStream(part, FileMode.Create, FileAccess.ReadWrite))
            {
                await DatasetFile.WriteAsync(source, stream, row => AddKey(table, row, keyColumns, canonicalizer));
                stream.Flush(flushToDisk: true);
            }

            table.Check(request.File, request.Duplicates);
            string hash;
            using (var stored = File.OpenRead(part))
            {
                hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(stored));
            }

            File.Move(part, path, overwrite: true);
            var dataset = new Dataset(request.Name, source.Columns, request.Key, request.FoldCase, request.Duplicates,
                table.Rows, table.Count, table.Dropped, table.Repeated, hash, time.GetUtcNow());
            store.Write(transaction =>
            {
                transaction.PutDocument(Kind, request.Name, JsonSerializer.Serialize(dataset, SessionJson.Default.Dataset));
                _audit.Append(transaction, "dataset-added", ("dataset", request.Name), ("rows", table.Rows), ("distinct", table.Count));
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

    /// <summary>The dataset's identifiers under its rules.</summary>
    /// <exception cref="InputException">The rules are broken.</exception>
    public KeyTable LoadKeys(Dataset dataset)
    {
        using var rows = OpenRows(dataset);
        var table = KeyTable.Build(rows, DatasetFile.FindColumns(dataset.Name, rows.Columns, dataset.Key), new Canonicalizer(dataset.FoldCase));
        table.Check($"the dataset {dataset.Name}", dataset.Duplicates);
        return table;
    }

    private ParticipantException Unknown(string name)
    {
        var names = List().Select(dataset => dataset.Name).ToArray();
        return new ParticipantException(FailureCodes.UnknownDataset,
            $"{home.Name} has no dataset {name}; it has {(names.Length == 0 ? "none" : string.Join(", ", names))}");
    }

    private static void AddKey(KeyTable table, IRecordReader row, int[] keyColumns, Canonicalizer canonicalizer)
    {
        canonicalizer.Begin();
        foreach (var column in keyColumns)
        {
            if (!canonicalizer.TryAdd(row.GetSpan(column)))
            {
                table.AddDropped();
                return;
            }
        }

        table.Add(canonicalizer.Current);
    }

    private string Folder(string name) => Path.Combine(home.DatasetsPath, name);

    private string RowsPath(string name) => Path.Combine(Folder(name), "rows.parquet");

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NamePattern();
}
