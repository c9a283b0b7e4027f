using System.Text.Json;

namespace PsiMessaging.Cryptography.Tests.Vectors;

/// <summary>Published vectors as data, embedded in this assembly.</summary>
internal static class VectorFile
{
    public static JsonElement Load(string name)
    {
        using var stream = typeof(VectorFile).Assembly.GetManifestResourceStream(name) ?? throw new FileNotFoundException(name);
        return JsonDocument.Parse(stream).RootElement;
    }

    public static byte[] Hex(this JsonElement element, string name) =>
        Convert.FromHexString(element.GetProperty(name).GetString()!.Replace("0x", "", StringComparison.Ordinal));
}
