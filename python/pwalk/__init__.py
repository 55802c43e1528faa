"""Every inode of a filesystem, as a table, at the speed of the kernel.

`walk` behaves exactly like `os.walk`, and is faster. `report` writes the metadata of every inode
to a file, `scan` to a table in memory that NumPy, Polars, PyArrow and DuckDB read. `traverse` and
`read_buffer` are the low-level pair. `profile` computes statistics of a tree or of a
saved scan, and `DirectoryProfiler` counts what folders hold. `repair` puts the permissions of a
shared folder right. `Config` and `Walker` control how a walk uses the system.
`AsyncWalker` is for asyncio, `Monitor` measures rates.

Whatever touches the disk runs without the GIL, and a Ctrl-C ends it.
"""

import _thread
import os

from ._pwalk import column_names, version

# What the command `pwalk` and `import pwalk` don't need is loaded when it is first used: asyncio,
# dataclasses, tempfile and others take longer to load than a small tree takes to walk.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from ._asyncio import AsyncWalker
    from ._buffer import Row, Traversal, read_buffer, traverse
    from ._config import Config, Setting, Walker
    from ._monitor import Measurement, Monitor
    from ._progress import Progress, ProgressCallback, Stalled
    from ._profile import Profile, profile
    from ._pwalk import Batch, Column, RepairChanges
    from ._repair import Repair, repair
    from ._report import Report, report
    from ._scan import Scan, scan
    from ._walk import walk
    from .directories import (
        DirectoryAnalysis,
        DirectoryProfiler,
        DirectorySummary,
        DirectoryTiming,
    )
else:
    _HOMES = {
        "AsyncWalker": "_asyncio",
        "Batch": "_pwalk",
        "Column": "_pwalk",
        "Config": "_config",
        "DirectoryAnalysis": "directories",
        "DirectoryProfiler": "directories",
        "DirectorySummary": "directories",
        "DirectoryTiming": "directories",
        "Measurement": "_monitor",
        "Monitor": "_monitor",
        "Profile": "_profile",
        "Progress": "_progress",
        "ProgressCallback": "_progress",
        "Repair": "_repair",
        "RepairChanges": "_pwalk",
        "Report": "_report",
        "Row": "_buffer",
        "Scan": "_scan",
        "Setting": "_config",
        "Stalled": "_progress",
        "Traversal": "_buffer",
        "Walker": "_config",
        "profile": "_profile",
        "read_buffer": "_buffer",
        "repair": "_repair",
        "report": "_report",
        "scan": "_scan",
        "traverse": "_buffer",
        "walk": "_walk",
    }

    # In a fork, what another thread was about to load would stay locked for ever: each waits for
    # the other.
    _loads = _thread.RLock()
    os.register_at_fork(
        before=_loads.acquire,
        after_in_parent=_loads.release,
        after_in_child=_loads.release,
    )

    def __getattr__(name):
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        with _loads:
            value = getattr(__import__(f"{__name__}.{home}", fromlist=[name]), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})


__all__ = [
    "ALL_COLUMNS",
    "COLUMNS",
    "AsyncWalker",
    "Batch",
    "Column",
    "Config",
    "DirectoryAnalysis",
    "DirectoryProfiler",
    "DirectorySummary",
    "DirectoryTiming",
    "Measurement",
    "Monitor",
    "Profile",
    "Progress",
    "ProgressCallback",
    "Repair",
    "RepairChanges",
    "Report",
    "Row",
    "Scan",
    "Setting",
    "Stalled",
    "Traversal",
    "Walker",
    "__version__",
    "profile",
    "read_buffer",
    "repair",
    "report",
    "scan",
    "traverse",
    "walk",
]

__version__: str
"""The version of the package and of the command."""

__version__ = version()

COLUMNS: list[str]
"""The columns that a table has unless others are asked for, in their order."""

ALL_COLUMNS: list[str]
"""All available columns."""

COLUMNS, ALL_COLUMNS = column_names()
