"""What a progress callback receives."""

from collections.abc import Callable
from typing import TypedDict


class Stalled(TypedDict):
    """A request that the filesystem has not answered."""

    path: str
    """The directory, or the subdirectory whose inode is read."""
    operation: str
    """`open` or `read` (a directory), or `stat` (an inode)."""
    seconds: float
    """How long it has been waiting."""


class Progress(TypedDict):
    """The progress of a walk."""

    files: int
    """Entries other than directories."""
    dirs: int
    """Directories."""
    bytes: int
    """Sum of apparent sizes, in bytes; 0 where no sizes are read."""
    elapsed: float
    """Seconds since the walk began."""
    errors: int
    """Entries that could not be read."""
    last_dirs: list[str]
    """The last directories visited, ten at most."""
    stalled: list["Stalled"]
    """Requests that the filesystem has not answered for 30 seconds or longer, the oldest first. The
    walk of everything else goes on. Always empty in `walk`."""
    done: bool
    """True in the last call, when the walk has ended."""


ProgressCallback = Callable[[Progress], object]
"""Called at intervals, and once at the end; an exception in it ends the walk."""
