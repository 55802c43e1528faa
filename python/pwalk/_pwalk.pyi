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
        links_are_files: bool,
        snapshots: bool,
        threads: int | None,
        settings: Mapping[str, bool | int | None],
    ) -> OrderedWalk[AnyStr]: ...
    def __iter__(self) -> Iterator[tuple[AnyStr, list[AnyStr], list[AnyStr]]]: ...
    def __next__(self) -> tuple[AnyStr, list[AnyStr], list[AnyStr]]: ...
    def next_ready(self) -> tuple[AnyStr, list[AnyStr], list[AnyStr]] | None:
        """The next triple if it is ready; `None` if it isn't, or there is none."""
    def progress(self) -> Progress:
        """The progress of the walk. The directories visited last are collected from the first
        call on."""
    def cancel(self) -> None:
        """Tells the walk to end, from any thread: its next step is its last."""
    def close(self) -> None:
        """Ends the walk and leaves no thread and no descriptor behind, unless a request hangs:
        that thread and its descriptors go once the request is answered."""

@final
class Column:
    """The values of a column. NumPy views numbers without copying them, through
    `__array_interface__`; the view keeps this object alive, and this object the memory."""

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
        """Waits for the end of the walk; raises the error that ended it, if any."""
    def close(self) -> None:
        """Ends the walk, if it is still under way."""
    def summary(self) -> str:
        """The summary as JSON; waits for it."""
    def errors(self) -> list[OSError]:
        """What could not be read; waits for the end of the walk."""
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
) -> tuple[str, str, list[OSError]]:
    """Writes a report; returns where it is, the summary as JSON, and the errors."""

def read_rows(
    path: str, limit: int | None
) -> list[tuple[str, bool, int, int, int, int, int]]:
    """The first rows of a saved table, or without a limit all of them: path, whether it is a
    directory, inode, size, owner, group and time of last change."""

def column_names() -> tuple[list[str], list[str]]:
    """The names of all columns: first those that a table has by default."""

def version() -> str:
    """The version of the package and of the command."""

def formats() -> tuple[list[str], list[str]]:
    """The names of all formats, and of all ways to compress one."""

def default_output(format: str | None, compress: str) -> str:
    """The default output of a report, given the format and the compression."""

def effective_config(
    path: str, settings: Mapping[str, bool | int | None]
) -> dict[str, tuple[bool | int, str]]:
    """The value of each setting that a walk of `path` would use, and why."""

def settings() -> list[tuple[str, bool | int | None, int | None, int | None]]:
    """For each setting its name, its default, and the smallest and the largest number it takes;
    `None` instead of these for a switch."""

def work_done() -> tuple[int, int]:
    """Files that all walks of the process have seen, and their bytes."""

def run_command(arguments: list[str]) -> int:
    """Runs the `pwalk` command with these arguments, the program's name first; returns its
    status."""
