"""`AsyncWalker`: `walk` for asyncio."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import AnyStr

from . import _check
from ._walk import open_ordered

# Directories in a row that need no waiting, before others get their turn.
_AT_ONCE = 64


class AsyncWalker:
    """`async for dirpath, dirnames, filenames in AsyncWalker().walk(path)`."""

    def __init__(
        self, max_workers: int | None = None, *, max_ops: int | None = None, nice: bool = False
    ) -> None:
        """Take what `walk` takes: the number of threads that read ahead (`None`: adapted to
        the filesystem), the maximum number of requests per second, and whether threads give way.
        """
        self.max_workers = _check.threads("max_workers", max_workers)
        self._settings = _check.gentle({}, max_ops, nice)

    def __repr__(self) -> str:
        given = [f"{name}={value}" for name, value in self._settings.items()]
        return f"AsyncWalker({', '.join([f'max_workers={self.max_workers}', *given])})"

    async def walk(
        self,
        path: AnyStr | os.PathLike[AnyStr],
        topdown: bool = True,
        onerror: Callable[[OSError], object] | None = None,
        followlinks: bool = False,
        *,
        ignore_snapshots: bool = True,
    ) -> AsyncGenerator[tuple[AnyStr, list[AnyStr], list[AnyStr]], None]:
        """Like the function `walk`, without blocking the event loop. `onerror` is called in the
        loop's thread. A task that is cancelled ends at once, even if the filesystem hangs.
        """
        root: AnyStr = os.fspath(path)
        native = open_ordered(
            self._settings,
            root,
            topdown,
            onerror,
            followlinks,
            threads=self.max_workers,
            snapshots=not _check.switch("ignore_snapshots", ignore_snapshots),
        )
        loop = asyncio.get_running_loop()
        try:
            n_at_once = 0
            while True:
                triple = native.next_ready()
                if triple is None:
                    if native.is_closed():
                        return
                    n_at_once = 0
                    # A thread of the native part waits, for which neither the loop nor the end of
                    # the interpreter waits if a request hangs.
                    ready = loop.create_future()
                    native.wait_in_thread(partial(_wake, loop, ready))
                    await ready
                    continue
                if (n_at_once := n_at_once + 1) == _AT_ONCE:
                    n_at_once = 0
                    await asyncio.sleep(0)
                yield triple
        finally:
            native.close_in_thread()


def _wake(loop: asyncio.AbstractEventLoop, ready: asyncio.Future[None]) -> None:
    loop.call_soon_threadsafe(_set, ready)


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
