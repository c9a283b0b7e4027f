using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using PsiMessaging.Files;

namespace PsiMessaging.Cli.Output.Forms;

/// <summary>JSON-stat 2.0 (json-stat.org/full), class dataset: every combination in row-major order; status C where a value is confidential.</summary>
internal static class JsonStat
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true, Encoder = PrintableJson.Encoder, TypeInfoResolver = new System.Text.Json.Serialization.Metadata.DefaultJsonTypeInfoResolver(),
    };

    /// <summary>Writes an answer.</summary>
    public static byte[] Write(AnswerCube cube)
    {
        CubeDimension[] all = [.. cube.Dimensions, cube.Measures];
        var (values, status) = (new JsonArray(), new JsonObject());
        foreach (var (_, row) in cube.Combinations())
        {
            for (var measure = 0; measure < cube.Measures.Codes.Count; measure++)
            {
                var (value, isConfidential) = cube.Observation(row, measure);
                if (isConfidential)
                {
                    status[values.Count.ToString(CultureInfo.InvariantCulture)] = AnswerCube.Confidential;
                }

                values.Add(isConfidential || value is null ? null : JsonNode.Parse(value));
            }
        }

        var json = new JsonObject
        {
            ["version"] = "2.0", ["class"] = "dataset", ["label"] = PrintableText.Of(cube.Result.Text), ["source"] = "PsiMessaging",
            ["updated"] = cube.Result.AnsweredAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            ["note"] = new JsonArray([.. cube.Notes.Select(note => (JsonNode)note)]),
            ["id"] = new JsonArray([.. all.Select(dimension => (JsonNode)dimension.Id)]),
            ["size"] = new JsonArray([.. all.Select(dimension => (JsonNode)dimension.Codes.Count)]),
            ["role"] = new JsonObject { ["metric"] = new JsonArray(AnswerCube.MeasureId) },
            ["dimension"] = new JsonObject(all.Select(dimension => KeyValuePair.Create(dimension.Id, (JsonNode?)Of(cube, dimension)))),
            ["value"] = values,
        };
        if (status.Count > 0)
        {
            json["status"] = status;
        }

        return JsonSerializer.SerializeToUtf8Bytes(json, Indented);
    }

    private static JsonObject Of(AnswerCube cube, CubeDimension dimension)
    {
        var category = new JsonObject
        {
            ["index"] = new JsonArray([.. dimension.Codes.Select(code => (JsonNode)code)]),
            ["label"] = new JsonObject(dimension.Codes.Zip(dimension.Labels, (code, label) => KeyValuePair.Create(code, (JsonNode?)label))),
        };
        if (ReferenceEquals(dimension, cube.Measures))
        {
            category["unit"] = new JsonObject(dimension.Codes.Select((code, measure) => (code, decimals: cube.DecimalsOf(measure)))
                .Where(entry => entry.decimals is not null)
                .Select(entry => KeyValuePair.Create(entry.code, (JsonNode?)new JsonObject { ["decimals"] = entry.decimals })));
        }

        return new JsonObject { ["label"] = dimension.Name, ["category"] = category };
    }
}
