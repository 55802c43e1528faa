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

# Until 3.11 `os.walk` looked at its arguments when it was called, since then when it is begun.
_IS_EAGER = sys.version_info < (3, 12)


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
) -> Generator[tuple[AnyStr, list[AnyStr], list[AnyStr]], None, None]:
    """Yield `(dirpath, dirnames, filenames)` for each directory below `top`, as `os.walk` does.

    The triples, their order, their types, the errors and where they come are those of `os.walk`:
    top down, changing `dirnames` in place says where the walk goes on; symbolic links to
    directories are in `dirnames` and are entered only with `followlinks`; a directory that can't
    be read is passed to `onerror` as an `OSError` with its `filename`, and otherwise left out.

    Meanwhile threads read ahead in the order in which directories will be asked for: up to 2048
    directories or 6 MB of names. So a directory may be read up to that much earlier than
    `os.walk` would read it. What changes on disk while a walk is under way may be seen or not;
    `os.walk` promises no more. What the caller changes itself between two steps is seen where it
    concerns `dirnames` (directories put into it are read when they are reached).

    A relative `top` means the working directory of the first step, also when the process changes
    it later.

    Args:
        top: The root: `str`, `bytes` or path-like. Names come in the same type; what is not
            UTF-8 comes as `os.fsdecode` makes it.
        topdown: Directories before what is below them, or after.
        onerror: Called with each `OSError`. What it raises ends the walk.
        followlinks: Enter symbolic links to directories. A link that leads back up makes a walk
            that ends only where the kernel says ELOOP or ENAMETOOLONG, as with `os.walk`.
        max_threads: Threads that read ahead; `None`: as many as the filesystem wants.
        ignore_snapshots: Leave out directories named `.snapshot`, `.snapshots`, `~snapshot` and
            `.zfs`: `os.walk` has no such thing.
        progress_callback: Called with a `Progress`; `bytes` is 0, since no sizes are read.
        progress_interval: Seconds between two calls.

    Raises:
        TypeError, ValueError: For an invalid argument, which is named.
    """
    return walk_with(
        {},
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
        followlinks=bool(followlinks),
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
        callback(native.progress())
    finally:
        native.close()
