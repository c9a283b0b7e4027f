namespace PsiMessaging.Testing;

/// <summary>The prototype's sample, and what must come of it.</summary>
public static class Samples
{
    public const string Istat =
        "IDKEY;CLASSE_ETA;NUMERO_FIGLI\nRALPH;29-35;>2\nMASSIMO;20-28;>2\nJOERI;20-28;0\nROB;< 20;>2\nDENNIS;< "
            + "20;>2\nMATJAZ;29-35;1-2\nSAID;20-28;0\nJOE;20-28;0\nPETER;20-28;0\nALBERT;20-28;0\n";

    public const string Bi =
        "IDKEY;TIPO_RATA_MUTUO;PAGATORE_RATA_MUTUO;CLASSE_REDDITO\nRALPH;BASSA;NO;BASSA\nMASSIMO;ALTA;NO;BASSA\nFABIO;MEDIA;SI;ALTA\nMATJAZ;ALTA;SI;ALTA\n"
            + "DENNIS;BASSA;SI;MEDIA\nABEL;BASSA;SI;MEDIA\nFABRIZIO;BASSA;SI;MEDIA\nSTEVE;BASSA;SI;MEDIA\nJOHN;BASSA;SI;MEDIA\nCARL;BASSA;SI;MEDIA\n";

    public const string Intersection = "IDKEY\nDENNIS\nMASSIMO\nMATJAZ\nRALPH\n";

    /// <summary>Writes a text into a folder and returns the file's path.</summary>
    public static string Write(string folder, string name, string text)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    public const string AgeByIncome = "CLASSE_ETA,CLASSE_REDDITO,count\n< 20,MEDIA,1\n20-28,BASSA,1\n29-35,ALTA,1\n29-35,BASSA,1\n";
}
