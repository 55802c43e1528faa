"""What a progress callback gets."""

from collections.abc import Callable
from typing import TypedDict


class Progress(TypedDict):
    """How far a walk is."""

    files: int
    """Entries that are no directories."""
    dirs: int
    """Directories."""
    bytes: int
    """Sum of apparent sizes; 0 where no sizes are read."""
    elapsed: float
    """Seconds since the walk began."""
    errors: int
    """Entries that could not be seen."""
    last_dirs: list[str]
    """The last directories visited, ten at the most."""


ProgressCallback = Callable[[Progress], object]
"""Called every now and then, and once at the end; an exception in it ends the walk."""
