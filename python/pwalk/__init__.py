"""Every inode of a filesystem, as a table, at the speed of the kernel.

`walk` behaves exactly like `os.walk`, and is faster. `report` writes the metadata of every inode
to a file, `scan` to a table in memory that NumPy, Polars, PyArrow and DuckDB read. `traverse` and
`read_buffer` are the low-level pair. `Config` and `Walker` control how a walk uses the system.
`AsyncWalker` is for asyncio, `Monitor` measures rates.

Whatever touches the disk runs without the GIL and ends within 200 ms of a Ctrl-C.
"""

from ._asyncio import AsyncWalker
from ._buffer import Row, Traversal, read_buffer, traverse
from ._config import Config, Setting, Walker
from ._monitor import Measurement, Monitor
from ._progress import Progress, ProgressCallback
from ._pwalk import Batch, column_names, version
from ._report import Report, report
from ._scan import Scan, scan
from ._walk import walk

__all__ = [
    "ALL_COLUMNS",
    "COLUMNS",
    "AsyncWalker",
    "Batch",
    "Config",
    "Measurement",
    "Monitor",
    "Progress",
    "ProgressCallback",
    "Report",
    "Row",
    "Scan",
    "Setting",
    "Traversal",
    "Walker",
    "__version__",
    "read_buffer",
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
