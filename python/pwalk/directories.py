"""`DirectoryProfiler`: what the folders of a tree hold, as a dict of statistics."""

import os
import time
from collections.abc import Iterable
from typing import Any, TypedDict

from . import _check, _pwalk
from ._progress import ProgressCallback
from ._report import walk_arguments

__all__ = ["DirectoryAnalysis", "DirectoryProfiler", "DirectorySummary", "DirectoryTiming"]

_NO_EXTENSION = "<no extension>"


class DirectorySummary(TypedDict):
    """The totals of a `DirectoryAnalysis`."""

    total_files: int
    """Regular files. Symbolic links and special files don't count."""
    total_folders: int
    """Folders, the root included."""
    total_size_bytes: int
    """Sum of the apparent sizes of the files."""
    total_size_mb: float
    """The same in MiB."""
    avg_files_per_folder: float
    """Files divided by folders."""
    max_depth: int
    """Depth of the deepest folder; the root has depth 0."""
    empty_folder_count: int
    """Folders without any entry."""
    error_count: int
    """What could not be read: if it is not 0, everything else is incomplete."""


class DirectoryTiming(TypedDict):
    """How an analysis was made, and how long it took."""

    elapsed_seconds: float
    """Seconds."""
    implementation: str
    """`Rust (parallel)`, `Rust (sequential)` or `Python`."""
    items_per_second: float
    """Files and folders per second."""


class DirectoryAnalysis(TypedDict):
    """What `DirectoryProfiler.analyze` returns."""

    root_path: str
    """The root, as it was given."""
    summary: DirectorySummary
    """Totals."""
    file_extensions: dict[str, int]
    """Files by extension, the most frequent first: `.txt`, in lower case, or `<no extension>`."""
    common_folder_names: dict[str, int]
    """Folders by name, the most frequent first; without the root."""
    empty_folders: list[str]
    """Paths of folders without any entry, in order."""
    top_folders_by_file_count: list[tuple[str, int]]
    """The ten folders with most files directly in them: path and number, the fullest first."""
    depth_distribution: dict[int, int]
    """Folders by depth; the root has depth 0."""
    errors: list[OSError]
    """What could not be read, each with `errno` and `filename`."""
    timing: DirectoryTiming
    """How it was made, and how long it took."""


class DirectoryProfiler:
    """Counts what the folders of a tree hold: files by extension, folders by name and depth, empty
    ones, and those with most files.

    It takes the place of the class of the same name in the package filoma. Symbolic links are not
    followed. Names that are not valid UTF-8 are as `os.fsdecode` makes them.

    Args:
        use_rust: Walk with the native engine. `False`: with `os.scandir`, in this thread; the
            results are equal.
        use_parallel: Walk with as many threads as suit the filesystem. `False`: with one.
        parallel_threshold: The walk begins with one thread, and others join it once it has made
            this many requests: about one for each file and folder. So a smaller tree is read by
            one thread. 0: all start at once, which is best where each request takes long.
        ignore_snapshots: Don't count or enter folders named `.snapshot`, `.snapshots`, `~snapshot`
            and `.zfs`.
        exclude: Patterns of entries to leave out, as in gitignore. A folder of which everything is
            left out is not an empty one. Only with `use_rust`.
        where: A condition that files and folders must fulfil to count, as
            `size > 1M or kind = dir`; its language is that of `pwalk report --where`. All folders
            are entered all the same. Only with `use_rust`.
        progress_callback: Called with a `Progress`. An exception in it ends the walk and is raised
            by `analyze`.
        progress_interval: Minimum number of seconds between two calls.

    Raises:
        TypeError, ValueError: For an invalid argument; the message names it.
    """

    def __init__(
        self,
        use_rust: bool = True,
        use_parallel: bool = True,
        parallel_threshold: int = 1000,
        *,
        ignore_snapshots: bool = True,
        exclude: str | Iterable[str] | None = None,
        where: str | None = None,
        progress_callback: ProgressCallback | None = None,
        progress_interval: float = 1.0,
    ) -> None:
        self.use_rust = _check.switch("use_rust", use_rust)
        self.use_parallel = _check.switch("use_parallel", use_parallel) and use_rust
        self.parallel_threshold = _check.integer(
            "parallel_threshold", parallel_threshold, 0, 2**63 - 1
        )
        self._ignore_snapshots = _check.switch("ignore_snapshots", ignore_snapshots)
        self._filters = {
            "exclude": _check.texts("exclude", exclude),
            "where": _check.condition("where", where),
        }
        for name, value in self._filters.items():
            if value and not use_rust:
                raise ValueError(f"{name}: needs use_rust=True")
        self._callback = _check.callback("progress_callback", progress_callback)
        self._interval = _check.interval("progress_interval", progress_interval)

    def analyze(
        self,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        max_depth: int | None = None,
    ) -> DirectoryAnalysis:
        """Count what the folders below `path` hold.

        Args:
            path: The root, which must be a directory.
            max_depth: The maximum depth of folders; 0 is the root alone. Files directly in a folder
                of that depth count, the folders in it don't. `None`: no limit.

        Returns:
            A dict of plain values. It has all extensions, folder names and empty folders, so it
            grows with the tree.

        Raises:
            TypeError, ValueError: For an invalid argument; the message names it.
            FileNotFoundError: If `path` is missing.
            NotADirectoryError: If it is not a directory.
            PermissionError: If it is not accessible. What is not accessible below it is in `errors`.
        """
        started = time.perf_counter()
        max_depth = _check.depth(max_depth)
        root = _check.path("path", path)
        if self.use_rust:
            counts, n_threads, errors = self._count_natively(root, max_depth)
            implementation = "Rust (parallel)" if n_threads > 1 else "Rust (sequential)"
        else:
            counts, errors = self._count_in_python(root, max_depth)
            implementation = "Python"
        seconds = time.perf_counter() - started
        return _analysis(root, counts, errors, implementation, seconds)

    def analyze_directory(
        self,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        max_depth: int | None = None,
    ) -> DirectoryAnalysis:
        """Another name of `analyze`."""
        return self.analyze(path, max_depth)

    def _count_natively(
        self, root: str, max_depth: int | None
    ) -> tuple[dict[str, Any], int, list[OSError]]:
        arguments = walk_arguments(
            {},
            root,
            None if self.use_parallel else 1,
            ignore_snapshots=self._ignore_snapshots,
            max_depth=max_depth,
            **self._filters,
        )
        return _pwalk.folders(
            arguments,
            threshold=self.parallel_threshold if self.use_parallel else 0,
            callback=self._callback,
            interval=self._interval,
        )

    def _count_in_python(
        self, root: str, max_depth: int | None
    ) -> tuple[dict[str, Any], list[OSError]]:
        from ._folders import Count

        count = Count(max_depth, self._ignore_snapshots, self._callback, self._interval)
        count.walk(root)
        return count.counts(), count.errors

    def get_implementation_info(self) -> dict[str, bool]:
        """Tell what is available and what is used.

        Returns:
            `rust_available`, `rust_parallel_available`, `using_rust`, `using_parallel` and
            `python_fallback`. The first two are always true.
        """
        return {
            "rust_available": True,
            "rust_parallel_available": True,
            "using_rust": self.use_rust,
            "using_parallel": self.use_parallel,
            "python_fallback": not self.use_rust,
        }

    def print_summary(self, analysis: DirectoryAnalysis) -> None:
        """Print the totals, as a table: by rich if it is installed, else as plain text."""
        from . import _tables

        summary, timing = analysis["summary"], analysis["timing"]
        n_errors = summary["error_count"]
        rows = [
            ("Total Files", f"{summary['total_files']:,}"),
            ("Total Folders", f"{summary['total_folders']:,}"),
            ("Total Size", f"{summary['total_size_mb']:,.2f} MiB"),
            ("Average Files per Folder", f"{summary['avg_files_per_folder']:,.2f}"),
            ("Maximum Depth", f"{summary['max_depth']:,}"),
            ("Empty Folders", f"{summary['empty_folder_count']:,}"),
            ("Errors", f"{n_errors:,} (incomplete)" if n_errors else "0"),
            ("Analysis Time", f"{timing['elapsed_seconds']:.2f} s"),
            ("Processing Speed", f"{timing['items_per_second']:,.0f} items/s"),
        ]
        title = f"Directory Analysis: {analysis['root_path']} ({timing['implementation']})"
        _tables.show(title, ["Metric", "Value"], rows)

    def print_file_extensions(self, analysis: DirectoryAnalysis, top_n: int = 10) -> None:
        """Print the `top_n` most frequent extensions of files, if there are files.

        Raises:
            TypeError, ValueError: If `top_n` is not an integer of 0 or more.
        """
        from . import _tables

        top_n = _at_most("top_n", top_n)
        n_files = analysis["summary"]["total_files"]
        rows = [
            (name, f"{count:,}", f"{count / n_files:.1%}")
            for name, count in list(analysis["file_extensions"].items())[:top_n]
        ]
        if rows:
            _tables.show("File Extensions", ["Extension", "Count", "Percentage"], rows)

    def print_folder_patterns(self, analysis: DirectoryAnalysis, top_n: int = 10) -> None:
        """Print the `top_n` most frequent names of folders, if there are any below the root.

        Raises:
            TypeError, ValueError: If `top_n` is not an integer of 0 or more.
        """
        from . import _tables

        top_n = _at_most("top_n", top_n)
        names = list(analysis["common_folder_names"].items())[:top_n]
        rows = [(name, f"{count:,}") for name, count in names]
        if rows:
            _tables.show("Common Folder Names", ["Folder Name", "Occurrences"], rows)

    def print_empty_folders(self, analysis: DirectoryAnalysis, max_show: int = 20) -> None:
        """Print the paths of empty folders, `max_show` of them at most, and how many more there are.

        Raises:
            TypeError, ValueError: If `max_show` is not an integer of 0 or more.
        """
        from . import _tables

        max_show = _at_most("max_show", max_show)
        empty = analysis["empty_folders"]
        shown = empty[:max_show]
        rows = [(path,) for path in shown]
        if len(shown) < len(empty):
            rows.append((f"... and {len(empty) - len(shown):,} more",))
        title = f"Empty Folders ({len(shown):,} of {len(empty):,})" if empty else "No Empty Folders"
        _tables.show(title, ["Path"], rows)

    def print_report(self, analysis: DirectoryAnalysis) -> None:
        """Print all four tables."""
        self.print_summary(analysis)
        self.print_file_extensions(analysis)
        self.print_folder_patterns(analysis)
        self.print_empty_folders(analysis)


def _at_most(name: str, value: int) -> int:
    """A number of rows. As an index, one below 0 would count from the end."""
    return _check.integer(name, value, 0, 2**63 - 1)


def _analysis(
    root: str,
    counts: dict[str, Any],
    errors: list[OSError],
    implementation: str,
    seconds: float,
) -> DirectoryAnalysis:
    """The same of whatever has counted."""
    n_files, n_bytes, depths = counts["files"], counts["bytes"], counts["depths"]
    n_folders = sum(depths)
    return {
        "root_path": root,
        "summary": {
            "total_files": n_files,
            "total_folders": n_folders,
            "total_size_bytes": n_bytes,
            "total_size_mb": n_bytes / 2**20,
            "avg_files_per_folder": n_files / max(1, n_folders),
            "max_depth": max(0, len(depths) - 1),
            "empty_folder_count": len(counts["empty"]),
            "error_count": len(errors),
        },
        "file_extensions": _by_frequency(_in_lower_case(counts["extensions"])),
        "common_folder_names": _by_frequency(counts["names"]),
        "empty_folders": counts["empty"],
        "top_folders_by_file_count": counts["fullest"],
        "depth_distribution": {depth: n for depth, n in enumerate(depths) if n},
        "errors": sorted(errors, key=lambda error: (os.fsencode(error.filename), error.errno or 0)),
        "timing": {
            "elapsed_seconds": seconds,
            "implementation": implementation,
            "items_per_second": (n_files + n_folders) / seconds if seconds > 0 else 0.0,
        },
    }


def _in_lower_case(extensions: dict[str, int]) -> dict[str, int]:
    folded: dict[str, int] = {}
    for extension, n in extensions.items():
        name = f".{extension.lower()}" if extension else _NO_EXTENSION
        folded[name] = folded.get(name, 0) + n
    return folded


def _by_frequency(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
