"""`scan`: metadata of every inode, as a table in memory."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from . import _check, _pwalk
from ._progress import ProgressCallback
from ._report import walk_arguments

if TYPE_CHECKING:
    import numpy


class Scan:
    """A table of every inode below a root, which grows while its walk runs.

    Anything that reads Arrow streams reads it without copying: `polars.DataFrame(scan)`,
    `pyarrow.table(scan)`, `duckdb.sql('FROM scan')` over the latter, or batch by batch by
    iterating. `len`, `errors`, `summary` and columns wait for the end of the walk.
    """

    def __init__(self, native: _pwalk.Scan) -> None:
        """Use `scan` instead."""
        self._native = native

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self._native.column_names

    @property
    def errors(self) -> list[OSError]:
        """What could not be read, each with `errno` and `filename`."""
        return self._native.errors()

    @property
    def summary(self) -> dict[str, Any]:
        """The summary: `complete`, `entries` by kind, `bytes`, `errors` by errno, `seconds`..."""
        summary: dict[str, Any] = json.loads(self._native.summary())
        return summary

    @property
    def spill_count(self) -> int:
        """How often the table was too large for memory and was moved to a file."""
        return self._native.spill_count

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._native)

    def __iter__(self) -> Iterator[_pwalk.Batch]:
        """The batches, each as soon as it is ready."""
        number = 0
        while True:
            try:
                batch = self._native.batch(number)
            except IndexError:
                return
            yield batch
            number += 1

    def __getitem__(self, column: str) -> "numpy.ndarray[Any, Any]":
        """A column as a NumPy array; needs NumPy.

        Numbers are a read-only view of memory shared with the table. Rows without a value
        (`pw_fcount` and `pw_dirsum` of entries other than directories) hold a zero. Strings are
        copied, as an array of objects.
        """
        import numpy

        values = self._native.column(column)
        if values.is_numeric:
            return numpy.asarray(values)
        texts = numpy.empty(len(values), dtype=object)
        texts[:] = values.to_list()
        return texts

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The batches as an Arrow stream, which may be read while the walk runs."""
        return self._native.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        """The Arrow schema."""
        return self._native.__arrow_c_schema__()

    def close(self) -> None:
        """End the walk, if it is still running. What was read stays."""
        self._native.close()

    def __enter__(self) -> Self:
        """The scan itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """`close`."""
        self.close()

    def __repr__(self) -> str:
        return f"Scan(columns={self.columns!r})"


def scan(
    top: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    max_threads: int | None = None,
    *,
    columns: str | Iterable[str] | None = None,
    buffer_size_mb: int = 512,
    ignore_snapshots: bool = True,
    exclude: str | Iterable[str] | None = None,
    one_file_system: bool = False,
    max_depth: int | None = None,
    progress_callback: ProgressCallback | None = None,
    progress_interval: float = 1.0,
) -> Scan:
    """Begin to read the metadata of every inode below `top` into a table in memory.

    It returns at once; the walk runs in threads.

    Args:
        top: The root.
        max_threads: Worker threads; `None`: chosen for the filesystem and the cores.
        columns: Names of columns, or changes to the default ones (`+user`, `-filename_bytes`).
        buffer_size_mb: MiB held in memory. The rest is moved to unnamed files in the temporary
            folder, which are mapped when they are read and disappear with the table.
        ignore_snapshots: Don't enter directories named `.snapshot`, `.snapshots`, `~snapshot`
            and `.zfs`.
        exclude: Patterns of entries to leave out, as in gitignore; full paths below `top` work
            too. `summary['unmatched_excludes']` names those that matched nothing.
        one_file_system: Stay on the filesystem of `top`.
        max_depth: Maximum number of levels below `top`; 0 is `top` alone.
        progress_callback: Called with a `Progress`, in a thread of the walk. An exception in it
            ends the walk and is raised to the code that waits for the table.
        progress_interval: Minimum number of seconds between two calls.

    Raises:
        TypeError, ValueError: For an invalid argument; the message names it.
        FileNotFoundError: If `top` is missing.
    """
    return scan_with(
        {},
        top,
        max_threads,
        columns=columns,
        buffer_size_mb=buffer_size_mb,
        ignore_snapshots=ignore_snapshots,
        exclude=exclude,
        one_file_system=one_file_system,
        max_depth=max_depth,
        progress_callback=progress_callback,
        progress_interval=progress_interval,
    )


def scan_with(
    settings: Mapping[str, bool | int | None],
    top: Any,
    max_threads: Any = None,
    *,
    columns: Any = None,
    buffer_size_mb: Any = None,
    progress_callback: Any = None,
    progress_interval: Any = 1.0,
    **walk: Any,
) -> Scan:
    """`scan` with the settings of a `Config`."""
    settings = dict(settings)
    if buffer_size_mb is not None:
        settings["buffer_size_mb"] = _check.setting("buffer_size_mb", buffer_size_mb)
    native = _pwalk.Scan(
        walk_arguments(settings, top, max_threads, **walk),
        columns=_check.columns(columns),
        # `None`: looked for when something is spilled.
        spill_folder=os.fsdecode(tempfile.tempdir) if tempfile.tempdir else None,
        callback=_check.callback("progress_callback", progress_callback),
        interval=_check.interval("progress_interval", progress_interval),
    )
    return Scan(native)
