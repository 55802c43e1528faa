"""`profile`: statistics of a tree or of a saved scan."""

import copy
import json
import os
from collections.abc import Iterable
from typing import Any, Literal, Self

from . import _check, _pwalk
from ._progress import ProgressCallback
from ._report import told, walk_arguments

_TOP_MAX = 100_000


class Profile:
    """Statistics of a tree or of a saved scan: what `profile` returns.

    It holds no more than its JSON, so it can be pickled, copied and compared. Tables are read without
    copying by anything that reads Arrow: `polars.DataFrame(profile.extensions)`,
    `pyarrow.table(profile.owners)`; one column is `profile.extensions["bytes"]`. Sizes are in bytes,
    times in seconds since the epoch. Names that are not valid UTF-8 have U+FFFD in them, as in the
    JSON.
    """

    def __init__(self, text: str) -> None:
        """Read the JSON of a profile, as `to_json` and `pwalk profile --json` write it.

        Raises:
            ValueError: If it is not the JSON of a profile.
        """
        if not isinstance(text, str):
            raise TypeError(f"text: must be a string, not {type(text).__name__}")
        self._take(_pwalk.Profile(text))

    def _take(self, native: _pwalk.Profile) -> Self:
        self._native = native
        self._text = native.to_json()
        self._values: dict[str, Any] = json.loads(self._text)
        return self

    @property
    def complete(self) -> bool | None:
        """True if everything that was asked for was seen; `None` if a saved scan doesn't say."""
        complete: bool | None = self._values["complete"]
        return complete

    @property
    def source(self) -> dict[str, Any]:
        """What it is of: `roots`, `kind` (`tree` or `scan`), `scan` (its path), `condition`."""
        return self._part("source")

    @property
    def totals(self) -> dict[str, Any]:
        """Sums over all entries: `entries`, `apparent_bytes`, `allocated_bytes`, `shared_bytes`,
        `by_kind`..."""
        return self._part("totals")

    @property
    def empty(self) -> dict[str, Any]:
        """Directories and files without content: `dirs`, `files`, `dir_examples`."""
        return self._part("empty")

    @property
    def waste(self) -> dict[str, Any]:
        """Small files and what they take on disk: `files`, `bytes`, `allocated_bytes`."""
        return self._part("waste")

    @property
    def errors(self) -> dict[str, Any]:
        """What could not be seen: `count`, `by` operation and errno, `examples`."""
        return self._part("errors")

    @property
    def seconds(self) -> float:
        """How long it took."""
        return float(self._values["seconds"])

    def _part(self, key: str) -> dict[str, Any]:
        part: dict[str, Any] = copy.deepcopy(self._values[key])
        return part

    @property
    def extensions(self) -> _pwalk.Batch:
        """Files by extension, those with most bytes first."""
        return self._table("extensions")

    @property
    def owners(self) -> _pwalk.Batch:
        """Entries by owner, those with most bytes first."""
        return self._table("owners")

    @property
    def groups(self) -> _pwalk.Batch:
        """Entries by group, those with most bytes first."""
        return self._table("groups")

    @property
    def depths(self) -> _pwalk.Batch:
        """Entries by depth; a root has depth 0."""
        return self._table("depths")

    @property
    def sizes(self) -> _pwalk.Batch:
        """Files by size, in powers of two: from `from` up to and without `to`."""
        return self._table("sizes")

    @property
    def mtime_ages(self) -> _pwalk.Batch:
        """Files by the time since they were modified."""
        return self._table("mtime_ages")

    @property
    def atime_ages(self) -> _pwalk.Batch:
        """Files by the time since they were read."""
        return self._table("atime_ages")

    @property
    def owner_ages(self) -> _pwalk.Batch:
        """Files by owner and the time since they were modified."""
        return self._table("owner_ages")

    @property
    def owner_sizes(self) -> _pwalk.Batch:
        """Files by owner and size."""
        return self._table("owner_sizes")

    @property
    def dir_entries(self) -> _pwalk.Batch:
        """Directories by the number of their direct entries, in powers of two."""
        return self._table("dir_entries")

    @property
    def largest_files(self) -> _pwalk.Batch:
        """The largest files."""
        return self._table("largest_files")

    @property
    def largest_trees(self) -> _pwalk.Batch:
        """The directories with most bytes below them."""
        return self._table("largest_trees")

    @property
    def largest_dirs(self) -> _pwalk.Batch:
        """The directories with most direct entries."""
        return self._table("largest_dirs")

    @property
    def oldest_trees(self) -> _pwalk.Batch:
        """The largest directories below which nothing was read or modified for two years."""
        return self._table("oldest_trees")

    @property
    def names(self) -> _pwalk.Batch:
        """Names that make trouble, by what is wrong with them."""
        return self._table("names")

    @property
    def tree(self) -> _pwalk.Batch:
        """The largest directories as a tree: `path` is a name, `parent` the number of a row."""
        return self._table("tree")

    def _table(self, name: str) -> _pwalk.Batch:
        return self._native.table(name)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values: the documented JSON (`docs/formats/profile.md`)."""
        return copy.deepcopy(self._values)

    def to_json(self) -> str:
        """The same as one line of JSON."""
        return self._text

    def to_html(self, path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> None:
        """Write it as one page to look at, in one file that requests nothing from anywhere.

        Args:
            path: The file. It appears only when it is complete.

        Raises:
            OSError: If it can't be written.
        """
        self._native.write_page(_check.path("path", path))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Profile):
            return NotImplemented
        return self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self._text,)

    def __repr__(self) -> str:
        source, totals = self._values["source"], self._values["totals"]
        of = source["scan"] or ", ".join(source["roots"])
        return f"Profile({of!r}, {totals['entries']} entries, complete={self.complete})"

    def _repr_html_(self) -> str:
        return self._native.fragment()


def profile(
    top_or_scan: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    max_threads: int | None = None,
    *,
    top_n: int = 100,
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
) -> Profile:
    """Compute statistics of a tree, or of a saved scan in any format.

    Args:
        top_or_scan: A root, or the path of a file or a folder of parts that `report` has written
            (a `Scan` has no path: walk its root). A file with the suffix of a table is read as one;
            what says how to walk (`ignore_snapshots`, `exclude`, `one_file_system`, `max_depth`,
            `max_ops`, `timeout`, `nice`) is refused for it.
        max_threads: Number of worker threads; `None`: adapted to the filesystem during the walk,
            and for a saved scan one for each core.
        top_n: Maximum number of rows of each list, such as `extensions` and `largest_files`.
        ignore_snapshots: Don't enter directories named `.snapshot`, `.snapshots`, `~snapshot`
            and `.zfs`.
        exclude: Patterns of entries to leave out, as in gitignore; full paths below the root work
            too.
        where: A condition that entries must fulfil, as `size > 1G and mtime < -2y`.
        one_file_system: Stay on the filesystem of the root.
        max_depth: Maximum number of levels below the root; 0 is the root alone.
        max_ops: Maximum number of requests per second, as a file server counts them, without bursts.
        timeout: Give up requests that are not answered within this many seconds: what is missing
            is in `Profile.errors` (`ETIMEDOUT`). `None`: wait.
        nice: Give way to other processes: lowest CPU and I/O priority.
        progress: `'bar'` draws a bar with tqdm, in terminals and notebooks, or without tqdm a line
            on standard error.
        progress_callback: Called with a `Progress`, also if there is a bar. An exception in it
            ends the walk and is raised here.
        progress_interval: Minimum number of seconds between two calls.

    Raises:
        TypeError, ValueError: For an invalid argument; the message names it.
        FileNotFoundError: If `top_or_scan` is missing.
        OSError: If it is not accessible, or is not a table although its name says so.
    """
    arguments = walk_arguments(
        {},
        _check.path("top_or_scan", top_or_scan),
        max_threads,
        ignore_snapshots=ignore_snapshots,
        exclude=exclude,
        where=where,
        one_file_system=one_file_system,
        max_depth=max_depth,
        max_ops=max_ops,
        timeout=timeout,
        nice=nice,
    )
    rules = {
        "ignore_snapshots": not ignore_snapshots,
        "exclude": bool(arguments["exclude"]),
        "one_file_system": one_file_system,
        "max_depth": max_depth is not None,
        "max_ops": max_ops is not None,
        "timeout": timeout is not None,
        "nice": nice,
    }
    rule = next((name for name, is_given in rules.items() if is_given), None)
    n_rows = _check.integer("top_n", top_n, 1, _TOP_MAX)
    callback, interval, bar = told(progress, progress_callback, progress_interval)
    try:
        native = _pwalk.profile(
            arguments,
            top=n_rows,
            only_tree=rule is not None,
            callback=callback,
            interval=interval,
        )
    finally:
        if bar is not None:
            bar.close()
    if native is None:
        reason = f"{arguments['root']!r} is a saved scan, which is read as it is"
        raise ValueError(f"{rule}: is for trees, and {reason}")
    return Profile.__new__(Profile)._take(native)
