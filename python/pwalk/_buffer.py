"""The low-level pair: `traverse` writes a buffer, `read_buffer` reads it."""

import atexit
import contextlib
import os
import tempfile
from typing import Literal, NamedTuple, TypedDict

from . import _check, _pwalk
from ._progress import ProgressCallback
from ._report import report


# Files that are being written, and by which process.
_unfinished: dict[str, int] = {}


@atexit.register
def _remove_unfinished() -> None:
    """Threads that still write when the process ends get no further."""
    _pwalk.close_all()
    for name in list(_unfinished):
        _remove(name)


def _remove(name: str) -> None:
    # A fork leaves what its parent writes.
    if _unfinished[name] == os.getpid():
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


class Traversal(TypedDict):
    """What `traverse` has found."""

    buffer_file: str
    """An Arrow IPC file with the columns of a report. The caller must remove it."""
    total_files: int
    """Entries other than directories."""
    total_dirs: int
    """Directories, the root included."""
    total_bytes: int
    """Sum of apparent sizes, in bytes."""
    elapsed: float
    """Seconds."""


class Row(NamedTuple):
    """One entry of a buffer."""

    path: str
    is_dir: bool
    inode: int
    size: int
    """Bytes."""
    uid: int
    gid: int
    mtime: int
    """Seconds since the epoch."""


def traverse(
    path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    *,
    update_interval: float = 2,
    max_threads: int | None = None,
    ignore_snapshots: bool = True,
    progress: Literal["bar"] | None = None,
    progress_callback: ProgressCallback | None = None,
    output_dir: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None = None,
) -> Traversal:
    """Write every inode below `path` into a new Arrow file.

    Args:
        path: The root.
        update_interval: Minimum number of seconds between two calls of `progress_callback`.
        max_threads: Number of worker threads; `None`: adapted to the filesystem during the walk.
        ignore_snapshots: Don't enter snapshot directories.
        progress: `'bar'` draws a bar with tqdm, in terminals and notebooks, or without tqdm a line
            on standard error.
        progress_callback: Called with a `Progress`, also if there is a bar.
        output_dir: The folder for the file; `None`: the temporary folder.

    Raises:
        TypeError, ValueError: For an invalid argument; the message names it.
        FileNotFoundError: If `path` or `output_dir` is missing.
    """
    interval = _check.interval("update_interval", update_interval)
    root = _check.path("path", path)
    folder = None if output_dir is None else _check.path("output_dir", output_dir)
    descriptor, name = tempfile.mkstemp(prefix="pwalk-", suffix=".arrow", dir=folder)
    os.close(descriptor)
    _unfinished[name] = os.getpid()
    try:
        done = report(
            root,
            name,
            max_threads,
            ignore_snapshots=ignore_snapshots,
            progress=progress,
            progress_callback=progress_callback,
            progress_interval=interval,
        )
    except BaseException:
        _remove(name)
        raise
    finally:
        del _unfinished[name]
    entries = done.summary["entries"]
    dirs = entries.get("dir", 0)
    return Traversal(
        buffer_file=name,
        total_files=sum(entries.values()) - dirs,
        total_dirs=dirs,
        total_bytes=done.summary["bytes"]["apparent"],
        elapsed=done.summary["seconds"],
    )


def read_buffer(
    buffer_file: str | bytes | os.PathLike[str] | os.PathLike[bytes], limit: int | None = None
) -> list[Row]:
    """Read the rows of a buffer, or of any saved table that has the columns `filename`, `inode`,
    `st_size`, `UID`, `GID`, `st_mtime`, and `st_mode` or `kind`.

    Args:
        buffer_file: What `traverse` or `report` has written.
        limit: Maximum number of rows; `None`: all.

    Raises:
        TypeError, ValueError: For an invalid argument, or a table that lacks a column; the message
            names it.
        OSError: If the file is missing or is not a table.
    """
    if limit is not None:
        limit = _check.integer("limit", limit, 0, 2**63 - 1)
    rows = _pwalk.read_rows(_check.path("buffer_file", buffer_file), limit)
    return [Row._make(row) for row in rows]
