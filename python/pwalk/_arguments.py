"""The keyword arguments of `scan` and `report`, as types: for the methods of `Walker`."""

from collections.abc import Iterable
from typing import Literal, TypedDict

from ._progress import ProgressCallback


class WalkArguments(TypedDict, total=False):
    """What `scan` and `report` have in common."""

    max_threads: int | None
    columns: str | Iterable[str] | None
    ignore_snapshots: bool
    exclude: str | Iterable[str] | None
    where: str | None
    one_file_system: bool
    max_depth: int | None
    max_ops: int | None
    timeout: int | None
    nice: bool
    progress: Literal["bar"] | None
    progress_callback: ProgressCallback | None
    progress_interval: float


class ScanArguments(WalkArguments, total=False):
    """Those of `scan`."""

    buffer_size_mb: int


class ReportArguments(WalkArguments, total=False):
    """Those of `report`."""

    compress: str
    format: str | None
