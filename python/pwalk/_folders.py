"""What the folders of a tree hold, counted in Python: what `DirectoryProfiler` does without Rust."""

import errno
import heapq
import os
import stat
import time
from collections import Counter, deque
from typing import Any

from ._progress import ProgressCallback

_SNAPSHOTS = frozenset([".snapshot", ".snapshots", "~snapshot", ".zfs"])

# Entries that vanish while they are looked at are no errors.
_VANISHED = frozenset([errno.ENOENT, errno.ESTALE])

_N_FULLEST = 10

# What progress tells of sizes stops there, as that of a native walk does.
_BYTES_MAX = 2**64 - 1

# Longer paths are opened in pieces: with an entry's name they may exceed the kernel's 4096 bytes.
_PATH_MAX = 4096 - 256 - 1


class Count:
    """One walk. Folders are read by their paths, one after the other."""

    def __init__(
        self,
        max_depth: int | None,
        ignore_snapshots: bool,
        callback: ProgressCallback | None,
        interval: float,
    ) -> None:
        self.errors: list[OSError] = []
        self._max_depth = max_depth
        self._snapshots = _SNAPSHOTS if ignore_snapshots else frozenset()
        self._callback = callback
        self._interval = interval
        self._started = self._told = time.monotonic()
        self._last_dirs: deque[str] = deque(maxlen=10)
        self._n_files = self._n_others = self._n_bytes = self._n_bytes_of_all = 0
        self._extensions: Counter[str] = Counter()
        self._names: Counter[str] = Counter()
        self._depths: Counter[int] = Counter()
        self._empty: list[str] = []
        self._files: dict[str, int] = {}

    def walk(self, root: str) -> None:
        """Counts everything below a root, which must be readable."""
        root = root.rstrip("/") or "/"
        with os.scandir(root):
            pass
        waiting = [(root, 0)]
        while waiting:
            folder, depth = waiting.pop()
            self._depths[depth] += 1
            subfolders = self._read(folder)
            if self._max_depth is None or depth < self._max_depth:
                self._names.update(os.path.basename(path) for path in subfolders)
                waiting.extend((path, depth + 1) for path in subfolders)
            if time.monotonic() - self._told >= self._interval:
                self._tell(False)
        self._tell(True)

    def _read(self, folder: str) -> list[str]:
        """Counts the files of a folder; returns the paths of its folders."""
        self._last_dirs.append(folder)
        if len(os.fsencode(folder)) <= _PATH_MAX:
            return self._scan(folder, folder)
        try:
            descriptor = _open(folder)
        except OSError as error:
            self._note(error, folder)
            return []
        try:
            return self._scan(folder, descriptor)
        finally:
            os.close(descriptor)

    def _scan(self, folder: str, place: str | int) -> list[str]:
        try:
            with os.scandir(place) as scan:
                entries: list[os.DirEntry[str]] = list(scan)
        except OSError as error:
            self._note(error, folder)
            return []
        if not entries:
            self._empty.append(folder)
        n_before = self._n_files
        prefix = folder.rstrip("/") + "/"
        entries = [entry for entry in entries if not self._is_snapshot(entry)]
        subfolders = [prefix + entry.name for entry in entries if self._is_folder(entry, prefix)]
        if self._n_files > n_before:
            self._files[folder] = self._n_files - n_before
        return subfolders

    def _is_snapshot(self, entry: os.DirEntry[str]) -> bool:
        return entry.name in self._snapshots and entry.is_dir(follow_symlinks=False)

    def _is_folder(self, entry: os.DirEntry[str], prefix: str) -> bool:
        """Counts an entry, unless it is a folder."""
        try:
            info = entry.stat(follow_symlinks=False)
        except OSError as error:
            self._note(error, prefix + entry.name)
            return False
        self._n_bytes_of_all += info.st_size
        if stat.S_ISDIR(info.st_mode):
            return True
        if stat.S_ISREG(info.st_mode):
            self._n_files += 1
            self._n_bytes += info.st_size
            # A leading dot begins no extension.
            _, dot, extension = entry.name[1:].rpartition(".")
            self._extensions[extension if dot else ""] += 1
        else:
            self._n_others += 1
        return False

    def _note(self, error: OSError, path: str) -> None:
        if error.errno not in _VANISHED:
            self.errors.append(OSError(error.errno, error.strerror, path))

    def _tell(self, done: bool) -> None:
        if self._callback is None:
            return
        self._told = time.monotonic()
        self._callback(
            {
                "files": self._n_files + self._n_others,
                "dirs": self._depths.total(),
                "bytes": min(self._n_bytes_of_all, _BYTES_MAX),
                "elapsed": self._told - self._started,
                "errors": len(self.errors),
                "last_dirs": list(self._last_dirs),
                "stalled": [],
                "done": done,
            }
        )

    def counts(self) -> dict[str, Any]:
        """What was counted, in the form of the native part."""
        depths = [self._depths[depth] for depth in range(max(self._depths, default=-1) + 1)]
        fullest = heapq.nsmallest(
            _N_FULLEST, self._files.items(), key=lambda item: (-item[1], os.fsencode(item[0]))
        )
        return {
            "files": self._n_files,
            "bytes": self._n_bytes,
            "extensions": dict(self._extensions),
            "names": dict(self._names),
            "depths": depths,
            "empty": sorted(self._empty, key=os.fsencode),
            "fullest": fullest,
        }


def _open(path: str) -> int:
    """Opens a folder whose path is too long for the kernel."""
    descriptor = os.open(path[:1] if path.startswith("/") else ".", os.O_RDONLY)
    rest = os.fsencode(path).lstrip(b"/")
    while rest:
        # The longest piece that ends at a slash.
        cut = len(rest) if len(rest) <= _PATH_MAX else rest.rindex(b"/", 0, _PATH_MAX)
        above, piece = descriptor, rest[:cut]
        try:
            descriptor = os.open(piece, os.O_RDONLY | os.O_DIRECTORY, dir_fd=above)
        finally:
            os.close(above)
        rest = rest[cut:].lstrip(b"/")
    return descriptor
