"""`Config` and `Walker`: how a walk uses the system."""

import dataclasses
import os
from collections.abc import Callable, Generator
from typing import AnyStr, NamedTuple, Unpack

from . import _check, _pwalk
from ._arguments import ReportArguments, ScanArguments
from ._progress import ProgressCallback
from ._report import Report, report_with
from ._scan import Scan, scan_with
from ._walk import walk_with


class Setting(NamedTuple):
    """The effective value of a field of `Config`."""

    value: bool | int
    """The value that is used."""
    reason: str
    """Why."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of a `Walker`. The defaults are what measured best.

    Mechanisms that brought no gain in measurements are off by default, and work as named when
    switched on; the numbers are from warm ext4 on two cores. `Walker.effective_config` says
    which value each setting gets on a given path, and why.
    """

    min_threads: int | None = None
    """The minimum number of worker threads, whatever the cores and the filesystem suggest."""
    max_threads: int | None = None
    """The maximum number of worker threads."""
    max_ops: int | None = None
    """The maximum number of requests per second, as a file server counts them, by all workers
    together and without bursts."""
    timeout: int | None = None
    """Give up requests that are not answered within this many seconds: what is missing is listed as
    errors (`ETIMEDOUT`). Each request takes about 10 µs longer, and io_uring is not used. No effect on
    `walk`."""
    nice: bool = False
    """Give way to other processes: workers have the lowest CPU and I/O priority."""
    work_stealing: bool = True
    """Give each worker a queue of its own, from which idle ones steal; else all share one queue."""
    cpu_affinity: bool = False
    """Bind each worker to a core. Measured: no gain (1.01)."""
    numa_aware: bool = False
    """Bind the workers to the NUMA nodes, in turn."""
    prefer_local_numa: bool = False
    """Ask for memory on the node that a worker runs on, which is the kernel's default anyway."""
    use_getdents: bool = True
    """Read names with getdents64 into a large buffer; else with readdir(3)."""
    use_statx: bool = True
    """Read inodes with statx and a mask of the fields needed; else with fstatat (1.4% slower, and
    without creation times)."""
    use_o_direct: bool = False
    """Open directories with O_DIRECT first. Linux filesystems refuse that (EINVAL), and each is
    opened again without."""
    readahead_kb: int = 0
    """Announce that this many KiB of each directory will be read (posix_fadvise). Measured: no
    effect; readahead(2) itself is refused on directories."""
    use_io_uring: bool = False
    """Read inodes with statx through an io_uring, many at once; not with `max_ops` or
    `timeout`. Measured: 1.24 times slower on a disk, and 1.4 times slower with 1 ms a request,
    since the kernel hands each request to a thread of its own."""
    use_mmap: bool = False
    """Write outputs through a memory map. Measured: no gain (0.99)."""
    buffer_size_mb: int = 512
    """MiB that a scan holds in memory before it moves them into a file."""
    detect_filesystem: bool = True
    """Detect the filesystem; else it is treated as a local disk."""
    auto_tune: bool = True
    """Choose threads, slices and buffers for the filesystem, from the table of tunings; else as for
    a local disk."""

    def __post_init__(self) -> None:
        """Check every field, by name."""
        for field in dataclasses.fields(self):
            _check.setting(field.name, getattr(self, field.name))
        if self.min_threads and self.max_threads and self.min_threads > self.max_threads:
            raise ValueError("min_threads: must not be more than max_threads")

    def _settings(self) -> dict[str, bool | int | None]:
        """In the form that the native part takes."""
        return dataclasses.asdict(self)


class Walker:
    """`walk`, `scan` and `report` with the settings of a `Config`."""

    def __init__(self, config: Config | None = None) -> None:
        """Take a configuration; `None`: the defaults."""
        if config is not None and not isinstance(config, Config):
            raise TypeError(f"config: must be a Config, not {type(config).__name__}")
        self.config = config or Config()

    def effective_config(
        self, path: str | bytes | os.PathLike[str] | os.PathLike[bytes]
    ) -> dict[str, Setting]:
        """The value of each setting that a walk of `path` uses, and why.

        Besides the fields of `Config`, there is `threads`: the number of workers.

        Raises:
            FileNotFoundError: If `path` is missing.
        """
        settings = self.config._settings()
        effective = _pwalk.effective_config(_check.path("path", path), settings)
        return {name: Setting(*setting) for name, setting in effective.items()}

    def walk(
        self,
        path: AnyStr | os.PathLike[AnyStr],
        topdown: bool = True,
        onerror: Callable[[OSError], object] | None = None,
        followlinks: bool = False,
        *,
        ignore_snapshots: bool = True,
        progress_callback: ProgressCallback | None = None,
        progress_interval: float = 1.0,
    ) -> Generator[tuple[AnyStr, list[AnyStr], list[AnyStr]], None, None]:
        """Like the function `walk`."""
        return walk_with(
            self.config._settings(),
            path,
            topdown,
            onerror,
            followlinks,
            max_threads=None,
            ignore_snapshots=ignore_snapshots,
            progress_callback=progress_callback,
            progress_interval=progress_interval,
        )

    def scan(
        self,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        **arguments: Unpack[ScanArguments],
    ) -> Scan:
        """Like the function `scan`, with the same keywords."""
        _check.keywords("Walker.scan", arguments, ScanArguments.__optional_keys__)
        return scan_with(self.config._settings(), path, **arguments)

    def report(
        self,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        output: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None = None,
        **arguments: Unpack[ReportArguments],
    ) -> Report:
        """Like the function `report`, with the same keywords."""
        _check.keywords("Walker.report", arguments, ReportArguments.__optional_keys__)
        return report_with(self.config._settings(), path, output, **arguments)

    def __repr__(self) -> str:
        fields = dataclasses.fields(self.config)
        given = {field.name: getattr(self.config, field.name) for field in fields}
        changed = [
            f"{field.name}={given[field.name]!r}"
            for field in fields
            if given[field.name] != field.default
        ]
        return f"Walker(Config({', '.join(changed)}))"
