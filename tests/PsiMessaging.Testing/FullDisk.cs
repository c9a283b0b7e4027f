using PsiMessaging.Data.Sorting;

namespace PsiMessaging.Testing;

/// <summary>A disk that is full after so many bytes, and sorters that take to it at once.</summary>
/// <param name="path">The folder.</param>
/// <param name="room">Bytes there is room for; asked at every write.</param>
public sealed class FullDisk(string path, Func<int> room) : ScratchFolder(path)
{
    private int _written;

    public override long SorterMemoryBytes => 64;

    public override Stream CreateFile() => new Limited(base.CreateFile(), bytes => (_written += bytes) <= room());

    private sealed class Limited(Stream inner, Func<int, bool> take) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => true;

        public override long Length => inner.Length;

        public override long Position { get => inner.Position; set => inner.Position = value; }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

        public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);

        public override void SetLength(long value) => inner.SetLength(value);

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (!take(buffer.Length))
            {
                throw new IOException("No space left on device");
            }

            inner.Write(buffer);
        }

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
