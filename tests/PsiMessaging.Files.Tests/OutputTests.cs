using System.Text;
using System.Text.Json;
using CsCheck;

namespace PsiMessaging.Files.Tests;

/// <summary>Files of one's own, written whole, and texts that nothing runs or obeys.</summary>
public sealed class OutputTests : IDisposable
{
    private const UnixFileMode Everybody = (UnixFileMode)0b111_111_111;
    private readonly string _folder = Directory.CreateTempSubdirectory("psi-output-").FullName;

    private string At(params string[] names) => Path.Combine([_folder, .. names]);

    [Fact]
    public void Write_AnyPlace_IsTheOwnersAlone_AndReplacesAWiderFile()
    {
        var path = At("answer.csv");
        File.WriteAllText(path, "old");
        File.SetUnixFileMode(path, Everybody);
        AtomicFile.Write(path, "new"u8.ToArray());
        Assert.Equal(("new", PrivateFile.FileRights), (File.ReadAllText(path), File.GetUnixFileMode(path)));
        Assert.Equal([path], Directory.GetFiles(_folder));
    }

    /// <summary>Writers of one file do not meet in one temporary file: each rename puts a whole content there.</summary>
    [Fact]
    public void Write_ManyAtOnce_OneOfThemIsThereWhole()
    {
        var path = At("shared");
        var contents = Enumerable.Range(1, 16).Select(i => Enumerable.Repeat((byte)i, i * 10_000).ToArray()).ToArray();
        Parallel.ForEach(contents, new ParallelOptions { MaxDegreeOfParallelism = 8 }, content => AtomicFile.Write(path, content));
        var read = File.ReadAllBytes(path);
        Assert.Equal(contents[read[0] - 1], read);
        Assert.Equal([path], Directory.GetFiles(_folder));
    }

    [Fact]
    public void CreateFolder_MakesWhatIsMissing_AllTheOwnersAlone()
    {
        PrivateFile.CreateFolder(At("a", "b", "c") + "/");
        Assert.All([At("a"), At("a", "b"), At("a", "b", "c")], path => Assert.Equal(PrivateFile.FolderRights, File.GetUnixFileMode(path)));
        File.SetUnixFileMode(At("a"), Everybody);
        Assert.True(PrivateFile.IsOpenToOthers(At("a")));
        PrivateFile.CreateFolder(At("a"));
        Assert.True(PrivateFile.IsOpenToOthers(At("a")));
        PrivateFile.CloseFolder(At("a"));
        Assert.False(PrivateFile.IsOpenToOthers(At("a")));
        Assert.False(PrivateFile.IsForeign(At("a")));
    }

    [Fact]
    public void Folders_WhereNoneCanBe_AreNamedWithTheReason()
    {
        File.WriteAllText(At("file"), "");
        Assert.Equal($"{At("file")} is a file, and a folder is needed there",
            Assert.Throws<IOException>(() => PrivateFile.CreateFolder(At("file", "a", "b"))).Message);
        Assert.StartsWith($"{At("none", "x")} cannot be written: there is no folder {At("none")}",
            Assert.Throws<IOException>(() => AtomicFile.Write(At("none", "x"), "x"u8)).Message, StringComparison.Ordinal);
        PrivateFile.MakeFolder(At("made"));
        Assert.Equal(PrivateFile.FolderRights, File.GetUnixFileMode(At("made")));
        Assert.Contains("File exists", Assert.Throws<IOException>(() => PrivateFile.MakeFolder(At("made"))).Message, StringComparison.Ordinal);
        Assert.True(PrivateFile.IsOwnFolder(At("made")));
        Directory.CreateSymbolicLink(At("link"), At("made"));
        Assert.False(PrivateFile.IsOwnFolder(At("link")));
        Assert.False(PrivateFile.IsOwnFolder(At("file")));
        Assert.False(PrivateFile.IsOwnFolder(At("nowhere")));
        File.SetUnixFileMode(At("made"), Everybody);
        Assert.False(PrivateFile.IsOwnFolder(At("made")));
    }

    [Fact]
    public void TemporaryName_IsKnownAgain_AndNothingElseIs()
    {
        Assert.True(AtomicFile.IsTemporaryName(Path.GetFileName(AtomicFile.TemporaryName(At("answer.csv")))));
        Assert.All(["answer.csv", "answer.csv.part", ".0123abcd.part", "x.0123abcg.part", "x0123abcd.part",
            "x.0123abcd.parts"], name => Assert.False(AtomicFile.IsTemporaryName(name), name));
    }

    [Fact]
    public void Rename_OntoWhatIsThere_OnlyWhenAsked()
    {
        File.WriteAllText(At("part"), "new");
        File.WriteAllText(At("whole"), "old");
        Assert.Throws<IOException>(() => AtomicFile.Rename(At("part"), At("whole"), overwrite: false));
        Assert.Equal("old", File.ReadAllText(At("whole")));
        AtomicFile.Rename(At("part"), At("whole"));
        Assert.Equal("new", File.ReadAllText(At("whole")));
        Assert.Throws<IOException>(() => PrivateFile.FlushFolder(At("nowhere")));
    }

    [Theory]
    [InlineData("=1+1", "'=1+1")]
    [InlineData("@SUM(A1)", "'@SUM(A1)")]
    [InlineData("  +1", "  '+1")]
    [InlineData("-", "'-")]
    [InlineData("-5", "-5")]
    [InlineData("+3.25", "+3.25")]
    [InlineData("-5..-1", "'-5..-1")]
    [InlineData("-1-1", "'-1-1")]
    [InlineData("--5", "'--5")]
    [InlineData("-.5", "'-.5")]
    [InlineData("a=b", "a=b")]
    [InlineData("a;=b", "a;'=b")]
    [InlineData("\uFF1D1", "'\uFF1D1")]
    [InlineData("\t=1", "\u2409=1")]
    [InlineData("a\u001b[2J\r\nb\u007f\u0085", "a\u241B[2J\u240D\u240Ab\u2421\uFFFD")]
    [InlineData("x\u202Ey\u2066z", "x\uFFFDy\uFFFDz")]
    [InlineData("Zoë < 20 \U0001F600", "Zoë < 20 \U0001F600")]
    [InlineData("", "")]
    public void Cell_OfALabel_IsWhatASpreadsheetShows(string label, string expected) => Assert.Equal(expected, PrintableText.Cell(label));

    [Fact]
    public void Cell_OfAnyLabel_BeginsNoFormulaAndSteersNothing()
    {
        var character = Gen.OneOf(Gen.Char["=+-@;', \t\r\n09.aZ"], Gen.Char);
        character.Array[0, 12].Select(characters => new string(characters)).Sample(label =>
        {
            var cell = PrintableText.Cell(label);
            Assert.DoesNotContain(cell, PrintableText.IsControl);
            if (!decimal.TryParse(cell, System.Globalization.NumberStyles.AllowLeadingSign
                | System.Globalization.NumberStyles.AllowDecimalPoint, System.Globalization.CultureInfo.InvariantCulture, out _))
            {
                Assert.All(cell.Split(';'),
                    piece => Assert.False(piece.TrimStart() is ['=' or '+' or '-' or '@' or '\uFF1D' or '\uFF0B' or '\uFF0D' or '\uFF20', ..], cell));
            }

            // Said once is said: what has been made harmless stays as it is but for its own apostrophes.
            Assert.Equal(cell, PrintableText.Cell(cell));
        }, iter: 20_000);
    }

    /// <summary>
    /// Every character there is, and any text: the JSON holds nothing that steers a terminal, letters stay readable, and it says what was written.
    /// </summary>
    [Fact]
    public void PrintableJson_OfAnyText_SaysTheSameAndSteersNothing()
    {
        var options = new JsonSerializerOptions { Encoder = PrintableJson.Encoder };
        void Check(string text)
        {
            var json = JsonSerializer.Serialize(text, options);
            Assert.DoesNotContain(json, PrintableText.IsControl);
            Assert.Equal(text, JsonSerializer.Deserialize<string>(json));
            Assert.Equal(json, Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(text, options)));
        }

        Check(new string([.. Enumerable.Range(0, 0xD800).Concat(Enumerable.Range(0xE000, 0x2000)).Select(code => (char)code)]) + "\U0001F600");
        Gen.Char.Where(character => !char.IsSurrogate(character)).Array[0, 40].Select(characters => new string(characters)).Sample(Check);
        Assert.Equal("\"é>\\u200E\\u202Ex\\u001B\\u0085\"", JsonSerializer.Serialize("é>\u200E\u202Ex\u001B\u0085", options));
    }

    [Fact]
    public void Write_FailureWhileWriting_LeavesWhatWasThere()
    {
        var path = Path.Combine(_folder, "f");
        AtomicFile.Write(path, "old"u8.ToArray());
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new InvalidOperationException();
        }));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(_folder));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
