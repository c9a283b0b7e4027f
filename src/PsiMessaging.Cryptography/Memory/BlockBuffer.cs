using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace PsiMessaging.Cryptography.Memory;

/// <summary>
/// A vector of 16-byte blocks outside the garbage collector's reach: zero at first, aligned to a cache line, wiped on disposal. Large ones are in large pages,
/// because random access to them is bound by address translation, and their memory serves the next session (<see cref="BlockPool"/>).
/// </summary>
public sealed unsafe class BlockBuffer : IDisposable
{
    private const int CacheLineBytes = 64;

    /// <summary>From here on the allocator would ask the system for every buffer.</summary>
    private const int SmallestLargeBytes = 128 << 10;
    private readonly nuint _sizeBytes;
    private readonly bool _isLarge;
    private void* _pointer;

    /// <param name="length">Blocks, 0 or more.</param>
    public BlockBuffer(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;

        // A cache line more than asked, so that the last aligned 64-byte access stays inside.
        _sizeBytes = ((nuint)length * 16) + CacheLineBytes;
        _isLarge = _sizeBytes >= SmallestLargeBytes;
        if (_isLarge)
        {
            var unit = _sizeBytes >= BlockPool.LargePageBytes ? BlockPool.LargePageBytes : BlockPool.PieceBytes;
            _sizeBytes = (_sizeBytes + (nuint)unit - 1) & ~(nuint)(unit - 1);
            _pointer = BlockPool.Shared.Take(_sizeBytes);
        }
        else
        {
            _pointer = NativeMemory.AlignedAlloc(_sizeBytes, CacheLineBytes);
            NativeMemory.Clear(_pointer, _sizeBytes);
        }

        GC.AddMemoryPressure((long)_sizeBytes);
    }

    /// <summary>Number of blocks.</summary>
    public int Length { get; }

    /// <summary>The blocks.</summary>
    public Span<Vector128<byte>> Span => new(Pointer, Length);

    /// <summary>Address of the first block, a multiple of 64. Valid until disposal.</summary>
    internal Vector128<byte>* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer is null, this);
            return (Vector128<byte>*)_pointer;
        }
    }

#pragma warning disable MA0055 // Native memory that a fault left undisposed must not leak.
    ~BlockBuffer() => Free();
#pragma warning restore MA0055

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        var pointer = _pointer;
        _pointer = null;
        if (pointer is null)
        {
            return;
        }

        for (nuint at = 0; at < _sizeBytes; at += 1 << 30)
        {
            CryptographicOperations.ZeroMemory(new Span<byte>((byte*)pointer + at, (int)nuint.Min(1 << 30, _sizeBytes - at)));
        }

        if (_isLarge)
        {
            BlockPool.Shared.Return(pointer, _sizeBytes);
        }
        else
        {
            NativeMemory.AlignedFree(pointer);
        }

        GC.RemoveMemoryPressure((long)_sizeBytes);
    }
}
