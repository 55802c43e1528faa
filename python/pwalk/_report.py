"""`report`: metadata of every inode, as a file."""

import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from . import _check, _pwalk
from ._progress import ProgressCallback

if TYPE_CHECKING:
    from typing_extensions import disjoint_base

    from ._bar import Bar
else:

    def disjoint_base(kind):
        """For type checkers only: the class has attributes besides the items of its tuple."""
        return kind


_FORMATS, _COMPRESSIONS = _pwalk.formats()


@disjoint_base
class Report(tuple[str, list[OSError]]):
    """What `report` has done: `output, errors = report('/data')`."""

    summary: dict[str, Any]
    """The summary: `complete`, `entries` by kind, `bytes`, `errors` by errno, `seconds`..."""

    def __new__(cls, output: str, errors: list[OSError], summary: dict[str, Any]) -> Self:
        self = super().__new__(cls, (output, errors))
        self.summary = summary
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[str, list[OSError], dict[str, Any]]]:
        # Of a tuple with an attribute, pickle and copy would lose one or the other.
        return type(self), (self.output, self.errors, self.summary)

    @property
    def output(self) -> str:
        """The path of the file, or of the folder of parts."""
        return self[0]

    @property
    def errors(self) -> list[OSError]:
        """What could not be read, each with `errno` and `filename`.

        In a CSV, also the paths that are not valid UTF-8 and were written with replacement
        characters: the `errno` is `EILSEQ` and `filename` is the exact path. Their number is
        `summary['changed_names']`; they don't make a report incomplete.
        """
        return self[1]

    def __repr__(self) -> str:
        complete = self.summary.get("complete")
        return f"Report(output={self.output!r}, errors={len(self.errors)}, complete={complete})"

    def _repr_html_(self) -> str:
        from . import _html

        state = "complete" if self.summary.get("complete") else "incomplete"
        found = {"output": self.output, "state": state, **_html.of_summary(self.summary)}
        return _html.facts("Report", found | _html.of_errors(self.errors))


def report(
    top: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    output: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None = None,
    max_threads: int | None = None,
    compress: str = "auto",
    *,
    format: str | None = None,
    columns: str | Iterable[str] | None = None,
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
) -> Report:
    """Write the metadata of every inode below `top`, as the command `pwalk report` does.

    Args:
        top: The root.
        output: The file; its suffix selects the format (`.csv`, `.csv.zst`, `.csv.gz`, `.parquet`,
            `.arrow`, `.ndjson`, `.ndjson.zst`). A path that ends in a slash becomes a folder of
            parts. `None`: `scan.csv.zst` in the working directory, or what `format` and
            `compress` make of that. It appears only when it is complete.
        max_threads: Number of worker threads; `None`: adapted to the filesystem during the walk.
        compress: `auto` (as the format's name says), `zstd`, `gzip`, `none`, or `lz4`. It becomes
            part of the name: `scan.csv` compressed with `zstd` is written to `scan.csv.zst`. A
            name with another compression is refused. Parquet files are always compressed with
            zstd, inside; Arrow files are not, unless `zstd` or `lz4` is given.
        format: The format, for a folder of parts or a name without a known suffix. One that
            contradicts the suffix is refused.
        columns: Names of columns, or changes to the default ones (`+user`, `-filename_bytes`).
            `tree` stands for all totals of subtrees: `+tree`.
            Not for CSV, which always has the same 17.
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
        progress_callback: Called with a `Progress`, also if there is a bar. An exception in it
            ends the walk and is raised here.
        progress_interval: Minimum number of seconds between two calls.

    Returns:
        The path of what was written and the list of errors; the summary is an attribute.

    Raises:
        TypeError, ValueError: For an invalid argument; the message names it.
        FileNotFoundError: If `top` is missing.
        OSError: If `top` is not accessible, or the output can't be written.
    """
    return report_with(
        {},
        top,
        output,
        max_threads,
        compress,
        format=format,
        columns=columns,
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


def report_with(
    settings: Mapping[str, bool | int | None],
    top: Any,
    output: Any = None,
    max_threads: Any = None,
    compress: Any = "auto",
    *,
    format: Any = None,
    columns: Any = None,
    progress: Any = None,
    progress_callback: Any = None,
    progress_interval: Any = 1.0,
    **walk: Any,
) -> Report:
    """`report` with the settings of a `Config`."""
    compress = _check.choice("compress", compress, _COMPRESSIONS)
    if format is not None:
        format = _check.choice("format", format, _FORMATS)
    if output is None:
        path = _pwalk.default_output(format, compress)
    else:
        path = _check.path("output", output)
    arguments = walk_arguments(settings, top, max_threads, **walk)
    columns = _check.columns(columns)
    callback, interval, bar = told(progress, progress_callback, progress_interval)
    try:
        path, summary, errors = _pwalk.report(
            arguments,
            path,
            format=format,
            compress=compress,
            columns=columns,
            callback=callback,
            interval=interval,
        )
    finally:
        if bar is not None:
            bar.close()
    return Report(path, errors, json.loads(summary))


def told(
    progress: Any, callback: Any, interval: Any
) -> tuple[ProgressCallback | None, float, "Bar | None"]:
    """Who is told of the progress, how often, and the bar if there is one."""
    callback = _check.callback("progress_callback", callback)
    interval = _check.interval("progress_interval", interval)
    if progress is None:
        return callback, interval, None
    _check.choice("progress", progress, ["bar"])
    from ._bar import INTERVAL, Bar

    bar = Bar(callback)
    return bar, interval if callback else min(interval, INTERVAL), bar


def walk_arguments(
    settings: Mapping[str, bool | int | None],
    top: Any,
    max_threads: Any,
    *,
    ignore_snapshots: Any = True,
    exclude: Any = None,
    where: Any = None,
    one_file_system: Any = False,
    max_depth: Any = None,
    max_ops: Any = None,
    timeout: Any = None,
    nice: Any = False,
) -> dict[str, Any]:
    """What `report` and `scan` have in common, as the native part takes it."""
    settings = _check.gentle(settings, max_ops, nice)
    if timeout is not None:
        settings["timeout"] = _check.setting("timeout", timeout)
    return {
        "root": _check.path("top", top),
        "threads": _check.threads("max_threads", max_threads),
        "snapshots": not _check.switch("ignore_snapshots", ignore_snapshots),
        "exclude": _check.texts("exclude", exclude),
        "where": _check.condition("where", where),
        "one_file_system": _check.switch("one_file_system", one_file_system),
        "max_depth": _check.depth(max_depth),
        "settings": settings,
    }
