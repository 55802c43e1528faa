"""`walk`: `os.walk`, read ahead by threads."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any, AnyStr

from . import _check
from ._progress import ProgressCallback
from ._pwalk import OrderedWalk

# Until 3.11 `os.walk` looked at its arguments when it was called, since then at its first step.
_IS_EAGER = sys.version_info < (3, 12)

# What `Path.walk` and `shutil.rmtree` pass to `os.walk` for `followlinks` since 3.13.
_LINKS_ARE_FILES = getattr(os, "_walk_symlinks_as_files", object())


def walk(
    top: AnyStr | os.PathLike[AnyStr],
    topdown: bool = True,
    onerror: Callable[[OSError], object] | None = None,
    followlinks: bool = False,
    *,
    max_threads: int | None = None,
    ignore_snapshots: bool = True,
    progress_callback: ProgressCallback | None = None,
    progress_interval: float = 1.0,
    max_ops: int | None = None,
    nice: bool = False,
) -> Generator[tuple[AnyStr, list[AnyStr], list[AnyStr]], None, None]:
    """Yield `(dirpath, dirnames, filenames)` for each directory below `top`, as `os.walk` does.

    The tuples, their order, their types and the errors are those of `os.walk`. With `topdown`,
    changing `dirnames` in place controls where the walk goes on. Symbolic links to directories are
    listed in `dirnames` and are entered only with `followlinks`. A directory that cannot be read
    is passed to `onerror` as an `OSError` with its `filename`; without `onerror` it is skipped.

    Meanwhile threads read ahead, in the order in which directories will be needed: up to 2048
    directories or 6 MB of names. A directory may therefore be read earlier than `os.walk` would
    read it, and changes made on disk during a walk may or may not be seen; `os.walk` promises no
    more. Changes that the caller makes between two steps are seen where they concern `dirnames`:
    directories added to it are read when they are reached.

    The walk never waits for a directory that was removed from `dirnames`. Between two steps it
    holds no file descriptor (all walks with a relative `top` share one), and after a short while
    no thread. If file descriptors run short, threads read nothing ahead, so that the walk needs
    no more of them than `os.walk`.

    A relative `top` is resolved against the working directory at the first step, even if the
    process changes directory later.

    Args:
        top: The root: `str`, `bytes` or path-like. Names have the same type; names that are not
            valid UTF-8 are decoded as by `os.fsdecode`.
        topdown: Yield a directory before its subdirectories (`True`) or after them (`False`).
        onerror: Called with each `OSError`. An exception raised in it ends the walk.
        followlinks: Enter symbolic links to directories. A link to a parent directory makes the
            walk go round until the kernel reports ELOOP or ENAMETOOLONG, as with `os.walk`.
        max_threads: Number of threads that read ahead; `None`: adapted to the filesystem during the
            walk.
        ignore_snapshots: Leave out directories named `.snapshot`, `.snapshots`, `~snapshot` and
            `.zfs`. `os.walk` has no such option.
        progress_callback: Called with a `Progress` now and then, and once at the end. `bytes` is
            0, since no sizes are read.
        progress_interval: Minimum number of seconds between two calls.
        max_ops: Maximum number of requests per second, as a file server counts them, without bursts.
        nice: Threads that read ahead give way to other processes: lowest CPU and I/O priority.
            The calling thread keeps its priority.

    Raises:
        TypeError, ValueError: For an invalid argument; the message names it.
    """
    return walk_with(
        _check.gentle({}, max_ops, nice),
        top,
        topdown,
        onerror,
        followlinks,
        max_threads=max_threads,
        ignore_snapshots=ignore_snapshots,
        progress_callback=progress_callback,
        progress_interval=progress_interval,
    )


def walk_with(
    settings: Mapping[str, bool | int | None],
    top: AnyStr | os.PathLike[AnyStr],
    topdown: bool,
    onerror: Callable[[OSError], object] | None,
    followlinks: bool,
    *,
    max_threads: int | None,
    ignore_snapshots: bool,
    progress_callback: ProgressCallback | None,
    progress_interval: float,
) -> Generator[tuple[AnyStr, list[AnyStr], list[AnyStr]], None, None]:
    """`walk` with the settings of a `Config`."""
    threads = _check.threads("max_threads", max_threads)
    snapshots = not _check.switch("ignore_snapshots", ignore_snapshots)
    callback = _check.callback("progress_callback", progress_callback)
    interval = _check.interval("progress_interval", progress_interval)

    def begin() -> Any:
        sys.audit("os.walk", top, topdown, onerror, followlinks)
        return os.fspath(top)

    start: Callable[[], Any] = begin
    if _IS_EAGER:
        root = begin()

        def start() -> Any:
            return root

    def open_walk(report_error: Callable[[OSError], object] | None) -> OrderedWalk[AnyStr]:
        return open_ordered(
            settings,
            start(),
            topdown,
            report_error,
            followlinks,
            threads=threads,
            snapshots=snapshots,
        )

    if callback is None:
        return _triples(open_walk, onerror)
    return _told(open_walk, onerror, callback, interval)


def open_ordered(
    settings: Mapping[str, bool | int | None],
    root: AnyStr,
    topdown: bool,
    onerror: Callable[[OSError], object] | None,
    followlinks: bool,
    *,
    threads: int | None,
    snapshots: bool,
) -> OrderedWalk[AnyStr]:
    """The native walk below a root that is `str` or `bytes`."""
    path = os.fsencode(root)
    if b"\0" in path:
        os.scandir(root)  # raises, as `os.walk` would
    return OrderedWalk(
        root,
        path,
        topdown=bool(topdown),
        onerror=onerror,
        followlinks=followlinks is not _LINKS_ARE_FILES and bool(followlinks),
        links_are_files=followlinks is _LINKS_ARE_FILES,
        snapshots=snapshots,
        threads=threads,
        settings=dict(settings),
    )


def _triples(
    open_walk: Callable[[Any], OrderedWalk[AnyStr]],
    onerror: Callable[[OSError], object] | None,
) -> Generator[tuple[AnyStr, list[AnyStr], list[AnyStr]], None, None]:
    native = open_walk(onerror)
    try:
        for triple in native:  # noqa: UP028 - `yield from` would pass `send` on
            yield triple
    finally:
        native.close()


def _told(
    open_walk: Callable[[Any], OrderedWalk[AnyStr]],
    onerror: Callable[[OSError], object] | None,
    callback: ProgressCallback,
    interval: float,
) -> Generator[tuple[AnyStr, list[AnyStr], list[AnyStr]], None, None]:
    """The triples, and progress between them."""
    native = open_walk(onerror)
    native.progress()  # From now on the directories visited last are collected.
    told = time.monotonic()
    try:
        for triple in native:
            if time.monotonic() - told >= interval:
                told = time.monotonic()
                callback(native.progress())
            yield triple
        callback(native.progress(done=True))
    finally:
        native.close()
