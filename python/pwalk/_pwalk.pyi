"""The native part of the package pwalk."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, AnyStr, Generic, final

from ._progress import Progress

__all__ = [
    "Batch",
    "Column",
    "OrderedWalk",
    "Scan",
    "column_names",
    "default_output",
    "effective_config",
    "formats",
    "read_rows",
    "report",
    "run_command",
    "settings",
    "version",
    "work_done",
]

@final
class OrderedWalk(Generic[AnyStr]):
    """An iterator over the triples of `os.walk`."""

    def __new__(
        cls,
        top: AnyStr,
        path: bytes,
        *,
        topdown: bool,
        onerror: Callable[[OSError], object] | None,
        followlinks: bool,
        snapshots: bool,
        threads: int | None,
        settings: Mapping[str, bool | int | None],
    ) -> OrderedWalk[AnyStr]: ...
    def __iter__(self) -> Iterator[tuple[AnyStr, list[AnyStr], list[AnyStr]]]: ...
    def __next__(self) -> tuple[AnyStr, list[AnyStr], list[AnyStr]]: ...
    def next_ready(self) -> tuple[AnyStr, list[AnyStr], list[AnyStr]] | None:
        """The next triple if that needs no waiting; `None` if it does, or there is none."""
    def progress(self) -> Progress:
        """How far the walk is. The directories visited last are collected from the first call
        on."""
    def cancel(self) -> None:
        """Lets the walk end, from any thread: its next step is its last."""
    def close(self) -> None:
        """Ends the walk: no thread and no descriptor of it is left, unless a request hangs. Those
        of a thread in such a request are left once that is answered."""

@final
class Column:
    """The values of a column. NumPy takes those of numbers without copying them, by
    `__array_interface__`; the view keeps this object alive, and this the memory."""

    def __len__(self) -> int: ...
    @property
    def is_numeric(self) -> bool:
        """True for numbers, which NumPy can view."""
    @property
    def null_count(self) -> int:
        """Rows that have no value."""
    @property
    def __array_interface__(self) -> dict[str, Any]: ...
    def to_list(self) -> list[Any]:
        """The values as a list; `None` where there is none."""

@final
class Batch:
    """Some rows of a scan."""

    def __len__(self) -> int: ...
    @property
    def num_rows(self) -> int: ...
    @property
    def column_names(self) -> list[str]: ...
    def column(self, name: str) -> Column: ...
    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...
    def __arrow_c_schema__(self) -> object: ...

@final
class Scan:
    """A table of every inode, which a walk fills in the background."""

    def __new__(
        cls,
        walk: Mapping[str, Any],
        *,
        columns: str | None,
        spill_folder: str | None,
        callback: Callable[[Progress], object] | None,
        interval: float,
    ) -> Scan: ...
    def batch(self, number: int) -> Batch:
        """The batch with this number; waits for it. `IndexError` after the last."""
    def wait(self) -> None:
        """Waits for the end of the walk; raises what has ended it."""
    def close(self) -> None:
        """Ends the walk, if it is still under way."""
    def summary(self) -> str:
        """The summary as JSON; waits for it."""
    def errors(self) -> list[OSError]:
        """What could not be seen; waits for the end of the walk."""
    def column(self, name: str) -> Column: ...
    @property
    def column_names(self) -> list[str]: ...
    @property
    def spill_count(self) -> int:
        """How often the table was spilled to a file."""
    def __len__(self) -> int: ...
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...

def report(
    walk: Mapping[str, Any],
    output: str,
    *,
    format: str | None,
    compress: str,
    columns: str | None,
    callback: Callable[[Progress], object] | None,
    interval: float,
) -> tuple[str, list[OSError]]:
    """Writes a report; returns the summary as JSON, and the errors."""

def read_rows(
    path: str, limit: int | None
) -> list[tuple[str, bool, int, int, int, int, int]]:
    """The first rows of a saved table, all of them without a limit: path, whether it is a
    directory, inode, size, owner, group and time of change of each."""

def column_names() -> tuple[list[str], list[str]]:
    """The names of all columns: first those that a table has by default."""

def version() -> str:
    """The version of the package and of the command."""

def formats() -> tuple[list[str], list[str]]:
    """The names of all formats, and of all ways to compress one."""

def default_output(format: str | None, compress: str) -> str:
    """Where a report goes unless its caller says, given the format and the compression."""

def effective_config(
    path: str, settings: Mapping[str, bool | int | None]
) -> dict[str, tuple[bool | int, str]]:
    """Of each setting the value that a walk of `path` would use, and why."""

def settings() -> list[tuple[str, bool | int | None, int | None, int | None]]:
    """Of each setting its name, its default, and the least and the greatest number that it takes;
    `None` instead of these for a switch."""

def work_done() -> tuple[int, int]:
    """Files that all walks of the process have seen, and their bytes."""

def run_command(arguments: list[str]) -> int:
    """Runs the `pwalk` command with these arguments, the program's name first; returns its
    status."""
