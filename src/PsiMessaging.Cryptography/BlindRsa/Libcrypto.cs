using System.Runtime.InteropServices;

namespace PsiMessaging.Cryptography.BlindRsa;

/// <summary>
/// The few functions of OpenSSL 3's libcrypto that raw RSA needs. .NET on Linux already runs on this library; it only hides the raw operation.
/// </summary>
internal static unsafe partial class Libcrypto
{
    private const string Library = "psi-libcrypto";

    /// <summary>openssl/rsa.h RSA_NO_PADDING.</summary>
    public const int NoPadding = 3;
    /// <summary>openssl/bn.h BN_FLG_CONSTTIME.</summary>
    public const int ConstantTime = 4;

    private static readonly nint Handle = Load();

    public static bool IsAvailable => Handle != 0;

    static Libcrypto() => NativeLibrary.SetDllImportResolver(typeof(Libcrypto).Assembly, (name, _, _) => name == Library ? Handle : 0);

    private static nint Load()
    {
        foreach (var name in new[] { "libcrypto.so.3", "libcrypto.so.4", "libcrypto.3.dylib", "libcrypto-3-x64.dll" })
        {
            if (NativeLibrary.TryLoad(name, out var handle))
            {
                return handle;
            }
        }

        return 0;
    }

    [LibraryImport(Library)] public static partial nint d2i_AutoPrivateKey(nint* key, byte** der, nint length);
    [LibraryImport(Library)] public static partial nint d2i_PUBKEY(nint* key, byte** der, nint length);
    [LibraryImport(Library)] public static partial void EVP_PKEY_free(nint key);
    [LibraryImport(Library)] public static partial nint EVP_PKEY_CTX_new(nint key, nint engine);
    [LibraryImport(Library)] public static partial void EVP_PKEY_CTX_free(nint context);
    [LibraryImport(Library)] public static partial int EVP_PKEY_CTX_set_rsa_padding(nint context, int padding);
    [LibraryImport(Library)] public static partial int EVP_PKEY_encrypt_init(nint context);
    [LibraryImport(Library)] public static partial int EVP_PKEY_encrypt(nint context, byte* output, nint* outputLength, byte* input, nint inputLength);
    [LibraryImport(Library)] public static partial int EVP_PKEY_decrypt_init(nint context);
    [LibraryImport(Library)] public static partial int EVP_PKEY_decrypt(nint context, byte* output, nint* outputLength, byte* input, nint inputLength);
    [LibraryImport(Library)] public static partial void ERR_clear_error();

    [LibraryImport(Library)] public static partial nint BN_CTX_new();
    [LibraryImport(Library)] public static partial void BN_CTX_free(nint context);
    [LibraryImport(Library)] public static partial nint BN_new();
    [LibraryImport(Library)] public static partial void BN_clear_free(nint number);
    [LibraryImport(Library)] public static partial nint BN_bin2bn(byte* bytes, int length, nint number);
    [LibraryImport(Library)] public static partial int BN_bn2binpad(nint number, byte* bytes, int length);
    [LibraryImport(Library)] public static partial int BN_set_word(nint number, ulong word);
    [LibraryImport(Library)] public static partial int BN_nnmod(nint result, nint value, nint modulus, nint context);
    [LibraryImport(Library)] public static partial nint BN_mod_inverse(nint result, nint value, nint modulus, nint context);
    [LibraryImport(Library)] public static partial void BN_set_flags(nint number, int flags);
    [LibraryImport(Library)] public static partial nint BN_MONT_CTX_new();
    [LibraryImport(Library)] public static partial void BN_MONT_CTX_free(nint montgomery);
    [LibraryImport(Library)] public static partial int BN_MONT_CTX_set(nint montgomery, nint modulus, nint context);
    [LibraryImport(Library)] public static partial int BN_to_montgomery(nint result, nint value, nint montgomery, nint context);
    [LibraryImport(Library)] public static partial int BN_from_montgomery(nint result, nint value, nint montgomery, nint context);
    [LibraryImport(Library)] public static partial int BN_mod_mul_montgomery(nint result, nint left, nint right, nint montgomery, nint context);
}
