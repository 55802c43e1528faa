"""The native part of the package pwalk."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, AnyStr, Generic, NoReturn, final

from ._progress import Progress

if TYPE_CHECKING:
    import numpy

__all__ = [
    "Batch",
    "Column",
    "OrderedWalk",
    "Profile",
    "RepairChanges",
    "RepairJob",
    "Scan",
    "after_fork",
    "close_all",
    "column_names",
    "default_output",
    "did_you_mean",
    "effective_config",
    "folders",
    "formats",
    "plan_repair",
    "prepare_repair",
    "profile",
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
    def is_closed(self) -> bool:
        """True once there is nothing more to come."""
    def wait_in_thread(self, done: Callable[[], object]) -> None:
        """Waits for the next step in a thread of its own, and then calls `done` in that thread.
        Until then nothing is ready. The end of the interpreter doesn't wait for it."""
    def close_in_thread(self) -> None:
        """As `close`, and nothing is waited for."""
    def progress(self, done: bool = False) -> Progress:
        """The progress of the walk. The directories visited last are collected from the first
        call on."""
    def cancel(self) -> None:
        """Tells the walk to end, from any thread: its next step is its last."""
    def close(self) -> None:
        """Ends the walk and leaves no thread and no descriptor behind, unless a request hangs:
        that thread and its descriptors go once the request is answered."""

@final
class Column:
    """The values of a column, for NumPy, for Arrow and as a list."""

    def __len__(self) -> int:
        """The number of values."""
    def __iter__(self) -> Iterator[Any]:
        """The values one after the other, as `to_list` gives them."""
    @property
    def name(self) -> str:
        """The name of the column."""
    @property
    def data_type(self) -> str:
        """The type of the values, in Arrow's words."""
    @property
    def is_numeric(self) -> bool:
        """True for numbers, which NumPy can view."""
    @property
    def null_count(self) -> int:
        """Rows that have no value."""
    @property
    def __array_interface__(self) -> dict[str, Any]: ...
    def __array__(
        self, dtype: Any = None, copy: bool | None = None
    ) -> numpy.ndarray[Any, Any]: ...
    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """The values for readers of Arrow arrays, without copying."""
    def to_numpy(self) -> numpy.ndarray[Any, Any]:
        """The values as a NumPy array: numbers as a read-only view of this memory, with 0 where
        there is none; texts copied, as objects."""
    def to_list(self) -> list[Any]:
        """The values as a list; `None` where there is none."""

@final
class Batch:
    """Some rows of a scan: what iterating over a `Scan` gives.

    `pyarrow.record_batch(batch)` and `polars.DataFrame(batch)` read it without copying.
    """

    def __len__(self) -> int:
        """The number of rows."""
    def __contains__(self, key: object, /) -> bool:
        """True if there is a column of this name."""
    def __getitem__(self, key: str, /) -> numpy.ndarray[Any, Any]:
        """A column as a NumPy array, as a `Scan` gives it; needs NumPy."""
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        """NumPy and pandas would make one object of it."""
    @property
    def num_rows(self) -> int:
        """The number of rows."""
    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
    @property
    def schema(self) -> dict[str, str]:
        """The type of each column by name, in Arrow's words."""
    def column(self, name: str) -> Column:
        """A column: `len`, `to_numpy()`, `to_list()`, `null_count`. Polars and PyArrow read it
        without copying."""
    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """The rows as an Arrow array of structs."""
    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows as an Arrow stream of one batch."""
    def __arrow_c_schema__(self) -> object:
        """The Arrow schema."""

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
        """Ends the walk, if it is still under way. What was read stays."""
    def summary(self) -> str:
        """The summary as JSON; waits for it."""
    def errors(self) -> list[OSError]:
        """What could not be read; waits for the end of the walk."""
    def column(self, name: str) -> Column:
        """The column of this name; waits for the end of the walk."""
    @property
    def column_names(self) -> list[str]: ...
    @property
    def schema(self) -> dict[str, str]:
        """The types of the columns, by name."""
    def so_far(self) -> tuple[int, str]:
        """Rows that are in the table by now, and whether its walk is `running`, was `closed`, or
        has `ended` by itself. Waits for nothing."""
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

@final
class Profile:
    """A profile, which Python knows by its JSON."""

    def __new__(cls, text: str) -> Profile: ...
    def to_json(self) -> str:
        """The profile as JSON."""
    def table(self, name: str) -> Batch:
        """One of its lists."""
    def write_page(self, path: str) -> None:
        """Writes its page to a file."""
    def fragment(self) -> str:
        """What a notebook shows."""

def profile(
    walk: Mapping[str, Any],
    *,
    top: int,
    only_tree: bool,
    callback: Callable[[Progress], object] | None,
    interval: float,
) -> Profile | None:
    """Makes a profile; `None` if it would be one of a saved scan, and has to be one of a tree."""

@final
class RepairChanges:
    """The changes of a plan: a table for readers of Arrow."""

    def __len__(self) -> int:
        """The number of changes."""
    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
    @property
    def schema(self) -> dict[str, str]:
        """The type of each column by name, in Arrow's words."""
    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The changes as an Arrow stream."""
    def __arrow_c_schema__(self) -> object:
        """The Arrow schema."""

def plan_repair(
    walk: Mapping[str, Any],
    rules: Mapping[str, Any],
    *,
    callback: Callable[[Progress], object] | None,
    interval: float,
) -> tuple[RepairChanges, str, list[OSError]]:
    """Plans a repair; returns the changes, the summary as JSON, and what is left as it is."""

@final
class RepairJob:
    """Changes that are ready to be made."""

    @property
    def journal(self) -> str:
        """Where the journal is: a file that is there already."""
    def run(
        self, *, callback: Callable[[Progress], object] | None, interval: float
    ) -> tuple[str, list[OSError], list[str]]:
        """Makes the changes; returns the summary as JSON, what is left as it is, and notes."""

def prepare_repair(
    how: Mapping[str, Any],
    *,
    changes: RepairChanges | None = None,
    plan: str | None = None,
    undo: str | None = None,
) -> RepairJob:
    """Opens changes, or a journal whose changes are to be taken back, and begins a journal."""

def folders(
    walk: Mapping[str, Any],
    *,
    threshold: int,
    callback: Callable[[Progress], object] | None,
    interval: float,
) -> tuple[dict[str, Any], int, list[OSError]]:
    """Counts what the folders below a root hold. Returns the counts by name, the number of threads,
    and the errors."""

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

def did_you_mean(name: str, known: list[str]) -> str:
    """The known name that was probably meant by one that is not known, as the end of an error."""

def default_output(format: str | None, compress: str) -> str:
    """The default output of a report, given the format and the compression."""

def effective_config(
    path: str, settings: Mapping[str, bool | int | None]
) -> dict[str, tuple[bool | int, str]]:
    """The value of each setting that a walk of `path` would use, and why."""

def settings() -> list[tuple[str, bool | int | None, int | None, int | None]]:
    """For each setting its name, its default, and the smallest and the largest number it takes;
    `None` instead of these for a switch."""

def close_all() -> None:
    """Ends all jobs of the process, before the interpreter is finalized."""

def after_fork() -> None:
    """Called in a process that was forked."""

def work_done() -> tuple[int, int]:
    """Files that all walks of the process have seen, and their bytes."""

def run_command(arguments: list[str]) -> int:
    """Runs the `pwalk` command with these arguments, the program's name first; returns its
    status."""
