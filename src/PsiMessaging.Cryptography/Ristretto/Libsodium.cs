using System.Runtime.InteropServices;

namespace PsiMessaging.Cryptography.Ristretto;

/// <summary>The few functions of libsodium that we use, from its NuGet package. All of them are constant-time in their secrets.</summary>
internal static unsafe partial class Libsodium
{
    private const string Library = "libsodium";

    static Libsodium()
    {
        // Safe to call from several threads and more than once; it chooses the implementations for this processor.
        if (sodium_init() < 0)
        {
            throw new PlatformNotSupportedException("libsodium cannot be initialised on this machine");
        }
    }

    [LibraryImport(Library)] private static partial int sodium_init();
    [LibraryImport(Library)] public static partial int crypto_core_ristretto255_from_hash(byte* element, byte* uniform);
    [LibraryImport(Library)] public static partial void crypto_core_ristretto255_scalar_reduce(byte* scalar, byte* wide);
    [LibraryImport(Library)] public static partial int crypto_scalarmult_ristretto255(byte* result, byte* scalar, byte* element);
    [LibraryImport(Library)] public static partial int crypto_scalarmult_ristretto255_base(byte* result, byte* scalar);
    [LibraryImport(Library)] public static partial int crypto_core_ristretto255_add(byte* sum, byte* left, byte* right);
    [LibraryImport(Library)] public static partial int crypto_core_ristretto255_sub(byte* difference, byte* left, byte* right);
    [LibraryImport(Library)] public static partial int crypto_core_ristretto255_is_valid_point(byte* element);
    [LibraryImport(Library)] public static partial int crypto_generichash_blake2b_salt_personal(
        byte* hash, nuint hashLength, byte* message, ulong length, byte* key, nuint keyLength, byte* salt, byte* personal);
    [LibraryImport(Library)] public static partial int crypto_pwhash(
        byte* key, ulong keyLength, byte* passphrase, ulong length, byte* salt, ulong passes, nuint memory, int algorithm);
    [LibraryImport(Library)] public static partial int crypto_pwhash_str_verify(byte* encoded, byte* passphrase, ulong length);
    [LibraryImport(Library)] public static partial int crypto_shorthash_siphashx24(byte* hash, byte* message, ulong length, byte* key);
}
