"""Makes *.zst beside itself with the reference implementation (python-zstandard 0.25.0, libzstd 1.5.7).

    python test/reference/zstandard/make.py

Each file holds lines(1500): more than two blocks, matches far back, and raw and run-length blocks.
"""

from pathlib import Path

import zstandard

here = Path(__file__).parent


def lines(count: int) -> bytes:
    text = "".join(f"{i}\t{i * i % 97} passage {i % 13} of {i % 7}\n" for i in range(count))
    return (text + "a" * 200_000 + "\n").encode()


data = lines(1500)


def packed(level: int = 3, **options: bool) -> bytes:
    return zstandard.ZstdCompressor(level=level, **options).compress(data)


def part(piece: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(piece)


def streamed(**options: int) -> bytes:
    writer = zstandard.ZstdCompressor(**options).compressobj()
    return b"".join(writer.compress(data[at : at + 5000]) for at in range(0, len(data), 5000)) + writer.flush()


skippable = b"\x53\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"notes"
files = {
    "level-1": packed(1),
    "level-19-checksum": packed(19, write_checksum=True),
    "unknown-size": streamed(level=3),
    "frames": part(data[:20_000]) + skippable + part(b"") + part(data[20_000:]),
    "begins-with-a-note": skippable + packed(),
    "small-window": zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters.from_level(3, window_log=10, write_checksum=True)
    ).compress(data),
}
for name, content in files.items():
    (here / f"{name}.zst").write_bytes(content)
    print(name, len(content))
params = zstandard.ZstdCompressionParameters.from_level(3, window_log=28)
writer = zstandard.ZstdCompressor(compression_params=params).compressobj()
(here / "too-large-a-window.zst").write_bytes(writer.compress(b"q\td\t1\n") + writer.flush())
