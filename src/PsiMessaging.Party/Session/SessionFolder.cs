using PsiMessaging.Files;

namespace PsiMessaging.Party.Session;

/// <summary>What a session's folder holds, and what goes from it when.</summary>
/// <param name="Path">The folder; may not be there.</param>
internal sealed record SessionFolder(string Path)
{
    private const string ScratchPrefix = "scratch-";

    /// <summary>Own identifiers in the session's order, while the rounds need them.</summary>
    public string Items => In("items.bin");

    /// <summary>The common identifiers.</summary>
    public string Intersection => In(Result.IntersectionFile.Name);

    /// <summary>The common records as they stand in the own file.</summary>
    public string OwnIntersection => In(Result.IntersectionFile.OwnName);

    /// <summary>Engine <c>masked</c>: from which sums that may not be said are replaced.</summary>
    public string WithheldKey => In("withheld.key");

    /// <summary>Engine <c>masked</c>: the own secret of the base transfers with the linker.</summary>
    public string ReleaseKey => In("release.key");

    /// <summary>Engine <c>masked</c>: the keys of the common rows, for noise by cell keys.</summary>
    public string RecordKeys => In("aligned.keys");

    /// <summary>Whether it is there.</summary>
    public bool Exists => Directory.Exists(Path);

    /// <summary>An answer while it is read.</summary>
    public string Answer(string question) => In($"answer-{question}.parquet");

    /// <summary>A folder for what is sorted.</summary>
    public string Scratch(string name) => In(ScratchPrefix + name);

    /// <summary>Takes away what it holds in plain text beside the result, and the session's secrets.</summary>
    public void ForgetSecrets()
    {
        if (Exists)
        {
            File.Delete(Items);
            File.Delete(Items + AtomicFile.PartSuffix);
            Array.ForEach(Directory.GetDirectories(Path, ScratchPrefix + "*"), path => Directory.Delete(path, recursive: true));
        }

        SessionSecrets.Destroy(Path);
    }

    /// <summary>Takes away what was kept for questions.</summary>
    public void ForgetRows()
    {
        if (Exists)
        {
            AtomicFile.Destroy(WithheldKey);
            AtomicFile.Destroy(ReleaseKey);
            Array.ForEach(Directory.GetFiles(Path, "aligned.*"), File.Delete);
        }
    }

    /// <summary>Takes away all of it.</summary>
    public void Delete()
    {
        if (Exists)
        {
            Directory.Delete(Path, recursive: true);
        }
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
