"""How many entries a contestant found, read from what it wrote.

A time without the same entries as the floor's is worth nothing, so every run is counted,
outside the measured time.
"""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import IO

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Count:
    """What a run says of the tree; None where it does not say."""

    entries: int | None = None
    size_bytes: int | None = None
    #: Seconds that the command measured itself, its own start left out.
    seconds: float | None = None


@dataclass(frozen=True)
class Written:
    """The files that a run left."""

    #: The first file named in the command, or standard output.
    output: Path
    stdout: Path
    summary: Path


def n_lines(path: Path) -> int:
    """Newlines of a file, compressed or not."""
    with path.open("rb", buffering=0) as file:
        if _is_zstd(file):
            return _zstd_newlines(file)
        # PyPI pwalk 0.1.6 writes its header in front of the first frame, uncompressed.
        n_plain = file.readline().count(b"\n")
        return n_plain + (_zstd_newlines(file) if _is_zstd(file) else _newlines(file))


def _is_zstd(file: FileIO) -> bool:
    start = file.read(len(ZSTD_MAGIC))
    file.seek(-len(start), 1)
    return start == ZSTD_MAGIC


def _zstd_newlines(file: FileIO) -> int:
    with subprocess.Popen(["zstd", "-dcq"], stdin=file, stdout=subprocess.PIPE) as zstd:
        assert zstd.stdout is not None
        n = _newlines(zstd.stdout)
    if zstd.returncode:
        raise ValueError("not a whole zstd file")
    return n


def _newlines(file: IO[bytes] | FileIO) -> int:
    return sum(block.count(b"\n") for block in iter(lambda: file.read(BLOCK_BYTES), b""))


def _words(written: Written) -> list[str]:
    return written.stdout.read_text().split()


def _printed(written: Written) -> Count:
    """`ENTRIES [BYTES]` on standard output."""
    entries, *rest = _words(written)
    return Count(int(entries), int(rest[0]) if rest and rest[0].isdigit() else None)


def _summary(written: Written) -> Count:
    """pwalk's `--summary`: entries as a number or by kind."""
    entries = json.loads(written.summary.read_text())["entries"]
    return Count(sum(entries.values()) if isinstance(entries, dict) else entries)


def _profile(written: Written) -> Count:
    """The JSON of `pwalk profile`."""
    profile = json.loads(written.stdout.read_bytes())
    return Count(profile["totals"]["entries"])


def _timed(written: Written) -> Count:
    """`ENTRIES SECONDS` of the driver."""
    entries, seconds = _words(written)
    return Count(int(entries), seconds=float(seconds))


COUNTERS: dict[str, Callable[[Written], Count]] = {
    "printed": _printed,
    "bytes": lambda written: Count(size_bytes=int(_words(written)[0])),
    "lines": lambda written: Count(n_lines(written.output)),
    # The header counts for nothing.
    "csv": lambda written: Count(n_lines(written.output) - 1),
    # The root is not printed.
    "lines_below": lambda written: Count(n_lines(written.output) + 1),
    "summary": _summary,
    "profile": _profile,
    "timed": _timed,
    # Not a whole walk, or many: nothing to compare.
    "timed_only": lambda written: Count(seconds=_timed(written).seconds),
}
