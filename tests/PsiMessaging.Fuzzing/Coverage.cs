using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace PsiMessaging.Fuzzing;

/// <summary>
/// Which branches a run takes, where the assemblies were instrumented by SharpFuzz (tests/fuzz does that): a table of counters, one for each pair of places
/// that follow each other. Where they were not, nothing is ever new, and inputs are altered blindly.
/// </summary>
internal sealed unsafe class Coverage
{
    private const int Size = 1 << 16;

    /// <summary>Never given back: instrumented code that other threads still run writes into it.</summary>
    private readonly byte* _counters = (byte*)NativeMemory.AllocZeroed(Size);

    private readonly byte[] _seen = new byte[Size];

    public Coverage() => Trace.SharedMem = _counters;

    /// <summary>Places with a count that was seen.</summary>
    public int Places { get; private set; }

    /// <summary>Begins a run.</summary>
    public void Begin()
    {
        new Span<byte>(_counters, Size).Clear();
        Trace.PrevLocation = 0;
    }

    /// <summary>Ends it; whether it went somewhere, or so much more often, that none before did.</summary>
    public bool EndIsNew()
    {
        var isNew = false;
        for (var i = 0; i < Size; i++)
        {
            if (_counters[i] == 0)
            {
                continue;
            }

            // Once, a few times, many times are different; 17 and 18 times are not.
            var bucket = (byte)(1 << System.Numerics.BitOperations.Log2(_counters[i]));
            if ((_seen[i] & bucket) == 0)
            {
                Places += _seen[i] == 0 ? 1 : 0;
                _seen[i] |= bucket;
                isNew = true;
            }
        }

        return isNew;
    }
}
