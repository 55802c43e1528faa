"""`scan`: metadata of every inode, as a table in memory."""

import importlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self

from . import _check, _pwalk
from ._progress import ProgressCallback
from ._report import told, walk_arguments

if TYPE_CHECKING:
    import numpy
    import pandas  # type: ignore[import-untyped,unused-ignore]
    import polars
    import pyarrow  # type: ignore[import-untyped,unused-ignore]

    from ._bar import Bar


class Scan:
    """A table of every inode below a root, which grows while its walk runs.

    Anything that reads Arrow streams reads it without copying: `polars.DataFrame(scan)`,
    `pyarrow.table(scan)`, `duckdb.sql('FROM scan')` over the latter, or batch by batch by
    iterating. `len`, `errors`, `summary` and columns wait for the end of the walk.
    """

    def __init__(self, native: _pwalk.Scan, root: str, bar: "Bar | None" = None) -> None:
        """Use `pwalk.scan` instead."""
        self._native = native
        self._root = root
        self._bar = bar

    def __new__(cls, native: _pwalk.Scan, root: str = "", bar: "Bar | None" = None) -> Self:
        if not isinstance(native, _pwalk.Scan):
            raise TypeError(f"Scan: call pwalk.scan({native!r}) instead")
        return super().__new__(cls)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Scan can't be pickled or copied, since its walk and its memory belong to this "
            "process; pickle scan.to_arrow(), or give another process the file of pwalk.report"
        )

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self._native.column_names

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, as PyArrow calls them."""
        return self._native.column_names

    @property
    def schema(self) -> dict[str, str]:
        """The type of each column by name, in Arrow's words: `{'inode': 'uint64', ...}`.

        `pyarrow.schema(scan)` is Arrow's own object.
        """
        return self._native.schema

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
        (`pw_fcount`, `pw_dirsum` and totals of subtrees of entries other than directories) hold a
        zero. Strings are copied, as an array of objects.
        """
        return self._native.column(column).to_numpy()

    def __contains__(self, column: object) -> bool:
        """True if there is a column of this name."""
        return column in self._native.column_names

    def to_numpy(self) -> "dict[str, numpy.ndarray[Any, Any]]":
        """All columns as NumPy arrays, by name, each as `scan[name]` gives it.

        Raises:
            ImportError: Without NumPy: the extra `numpy`.
        """
        return {name: self[name] for name in self.column_names}

    def to_arrow(self) -> "pyarrow.Table":
        """The table as a `pyarrow.Table`, without copying.

        Raises:
            ImportError: Without PyArrow: the extra `arrow`.
        """
        return _library("to_arrow", "pyarrow", "arrow").table(self)

    def to_polars(self) -> "polars.DataFrame":
        """The table as a `polars.DataFrame`, without copying numbers.

        Raises:
            ImportError: Without Polars: the extra `polars`.
        """
        frame: polars.DataFrame = _library("to_polars", "polars", "polars").DataFrame(self)
        return frame

    def to_pandas(self) -> "pandas.DataFrame":
        """The table as a `pandas.DataFrame`, copied. Where numbers can be missing (`pw_fcount`,
        `pw_dirsum` and totals of subtrees), the column is `float64` and holds NaN.

        Raises:
            ImportError: Without pandas or PyArrow: the extra `pandas`.
        """
        _library("to_pandas", "pandas", "pandas")
        return _library("to_pandas", "pyarrow", "pandas").table(self).to_pandas()

    def __array__(self, dtype: object = None, copy: bool | None = None) -> NoReturn:
        # NumPy and pandas would make a table of one column of it, the batches.
        raise TypeError(
            "a Scan is a table and not an array: use scan['st_size'] for one column, "
            "scan.to_numpy() for all of them, scan.to_pandas() for a pandas.DataFrame"
        )

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The batches as an Arrow stream, which may be read while the walk runs."""
        return self._native.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        """The Arrow schema."""
        return self._native.__arrow_c_schema__()

    def close(self) -> None:
        """End the walk, if it is still running. What was read stays."""
        self._native.close()
        if self._bar is not None:
            self._bar.close()

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

    def _state(self) -> tuple[str, int]:
        """What has become of the walk, and the number of rows so far; waits for nothing."""
        try:
            n_rows, state = self._native.so_far()
        except RuntimeError:
            return "of another process", 0
        if state != "ended":
            return state, n_rows
        try:
            is_complete = self.summary["complete"]
        except BaseException:  # what has ended the walk is raised where rows are asked for
            is_complete = False
        return "complete" if is_complete else "incomplete", n_rows

    def __repr__(self) -> str:
        state, n_rows = self._state()
        return f"Scan({self._root!r}, {n_rows} rows, {state}, {len(self.columns)} columns)"

    def _repr_html_(self) -> str:
        from . import _html

        state, n_rows = self._state()
        found = {"root": self._root, "state": state, "rows": f"{n_rows:,}"}
        if state == "complete":
            found |= _html.of_summary(self.summary)
        return _html.facts("Scan", found | {"columns": ", ".join(self.columns)})


def _library(method: str, name: str, extra: str) -> Any:
    """A library that only a conversion needs."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        hint = f"{method}: needs {name}: pip install 'pwalk-rs[{extra}]'"
        raise ImportError(hint, name=name) from error


def scan(
    top: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    max_threads: int | None = None,
    *,
    columns: str | Iterable[str] | None = None,
    buffer_size_mb: int = 512,
    ignore_snapshots: bool = True,
    exclude: str | Iterable[str] | None = None,
    where: str | None = None,
    one_file_system: bool = False,
    max_depth: int | None = None,
    max_ops: int | None = None,
    timeout: int | None = None,
    nice: bool = False,
    progress: Literal["bar"] | None = None,
    progress_callback: ProgressCallback | None = None,
    progress_interval: float = 1.0,
) -> Scan:
    """Begin to read the metadata of every inode below `top` into a table in memory.

    It returns at once; the walk runs in threads.

    Args:
        top: The root.
        max_threads: Number of worker threads; `None`: adapted to the filesystem during the walk.
        columns: Names of columns, or changes to the default ones (`+user`, `-filename_bytes`).
            `tree` stands for all totals of subtrees: `+tree`.
        buffer_size_mb: MiB held in memory. The rest is moved to an unnamed file in the temporary
            folder, which is mapped when it is read and disappears with the table.
        ignore_snapshots: Don't enter directories named `.snapshot`, `.snapshots`, `~snapshot`
            and `.zfs`.
        exclude: Patterns of entries to leave out, as in gitignore; full paths below `top` work
            too. `summary['unmatched_excludes']` names those that matched nothing.
        where: A condition that rows must fulfil, as `size > 1G and mtime < -2y`; its language is
            that of `pwalk report --where`. All directories are entered and counted all the same.
        one_file_system: Stay on the filesystem of `top`.
        max_depth: Maximum number of levels below `top`; 0 is `top` alone.
        max_ops: Maximum number of requests per second, as a file server counts them, without bursts.
        timeout: Give up requests that are not answered within this many seconds: what is missing
            is in `errors` (`ETIMEDOUT`). `None`: wait.
        nice: Give way to other processes: lowest CPU and I/O priority.
        progress: `'bar'` draws a bar with tqdm, in terminals and notebooks, or without tqdm a line
            on standard error.
        progress_callback: Called with a `Progress`, in a thread of the walk, also if there is a
            bar. An exception in it ends the walk and is raised to the code that waits for the
            table.
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
        where=where,
        one_file_system=one_file_system,
        max_depth=max_depth,
        max_ops=max_ops,
        timeout=timeout,
        nice=nice,
        progress=progress,
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
    progress: Any = None,
    progress_callback: Any = None,
    progress_interval: Any = 1.0,
    **walk: Any,
) -> Scan:
    """`scan` with the settings of a `Config`."""
    settings = dict(settings)
    if buffer_size_mb is not None:
        settings["buffer_size_mb"] = _check.setting("buffer_size_mb", buffer_size_mb)
    arguments = walk_arguments(settings, top, max_threads, **walk)
    columns = _check.columns(columns)
    callback, interval, bar = told(progress, progress_callback, progress_interval)
    native = _pwalk.Scan(
        arguments,
        columns=columns,
        # `None`: looked for when something is spilled.
        spill_folder=os.fsdecode(tempfile.tempdir) if tempfile.tempdir else None,
        callback=callback,
        interval=interval,
    )
    if bar is not None:
        bar.begin()
    return Scan(native, arguments["root"], bar)
