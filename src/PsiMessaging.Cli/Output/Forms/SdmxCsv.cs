using System.Text;
using PsiMessaging.Data.Output;
using PsiMessaging.Files;

namespace PsiMessaging.Cli.Output.Forms;

/// <summary>
/// SDMX-CSV 2.0 (SDMX technical notes, section on the data exchange format CSV), with codes and labels: a line an observation, CONF_STATUS C where it is
/// confidential (code list CL_CONF_STATUS), F where it is free.
/// </summary>
internal static class SdmxCsv
{
    private const string Structure = "PSI:ANSWER(1.0)";

    /// <summary>Writes an answer.</summary>
    public static byte[] Write(AnswerCube cube)
    {
        using var stream = new MemoryStream();
        using (var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true))
        {
            CsvOutput.WriteRow(writer,
            [
                "STRUCTURE", "STRUCTURE_ID", "ACTION", .. cube.Dimensions.Select(dimension => Both(dimension.Id, dimension.Name)),
                Both(AnswerCube.MeasureId, cube.Measures.Name), "OBS_VALUE", "OBS_STATUS", "CONF_STATUS",
            ]);
            foreach (var (codes, row) in cube.Lines())
            {
                for (var measure = 0; measure < cube.Measures.Codes.Count; measure++)
                {
                    var (value, isConfidential) = cube.Observation(row, measure);
                    CsvOutput.WriteRow(writer,
                    [
                        "dataflow", Structure, "I", .. codes.Zip(cube.Dimensions, (code, dimension) => Both(code, dimension.LabelOf(code))),
                        Both(cube.Measures.Codes[measure], cube.Measures.Labels[measure]), isConfidential ? null : value,
                        StatusOf(value, isConfidential), isConfidential ? AnswerCube.Confidential : "F",
                    ]);
                }
            }
        }

        return stream.ToArray();
    }

    /// <summary>CL_OBS_STATUS: Q missing and suppressed, M missing since it cannot exist, A normal.</summary>
    private static string StatusOf(string? value, bool isConfidential) => isConfidential ? "Q" : value is null ? "M" : "A";

    /// <summary>Code and label in one field. A code begins with a letter, a digit or an underscore, so that no field begins a formula.</summary>
    private static string Both(string code, string label) => $"{code}: {PrintableText.Cell(label)}";
}
