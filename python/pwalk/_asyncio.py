"""`AsyncWalker`: `walk` for asyncio."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import AnyStr

from . import _check
from ._walk import open_ordered

# Directories in a row that need no waiting, before others get their turn.
_AT_ONCE = 64


class AsyncWalker:
    """`async for dirpath, dirnames, filenames in AsyncWalker().walk(path)`."""

    def __init__(self, max_workers: int | None = None) -> None:
        """Take the number of threads that read ahead; `None`: as many as suit the filesystem."""
        self.max_workers = _check.threads("max_workers", max_workers)

    def __repr__(self) -> str:
        return f"AsyncWalker(max_workers={self.max_workers})"

    async def walk(
        self,
        path: AnyStr | os.PathLike[AnyStr],
        topdown: bool = True,
        onerror: Callable[[OSError], object] | None = None,
        followlinks: bool = False,
        *,
        ignore_snapshots: bool = True,
    ) -> AsyncGenerator[tuple[AnyStr, list[AnyStr], list[AnyStr]], None]:
        """Like the function `walk`, without blocking the event loop. `onerror` may be called in a
        thread other than the loop's.
        """
        root: AnyStr = os.fspath(path)
        native = open_ordered(
            {},
            root,
            topdown,
            onerror,
            followlinks,
            threads=self.max_workers,
            snapshots=not _check.switch("ignore_snapshots", ignore_snapshots),
        )
        loop = asyncio.get_running_loop()
        executor = ThreadPoolExecutor(1, thread_name_prefix="pwalk-async")
        try:
            n_at_once = 0
            while True:
                triple = native.next_ready()
                if triple is None:
                    n_at_once = 0
                    triple = await loop.run_in_executor(executor, next, native, None)
                    if triple is None:
                        return
                elif (n_at_once := n_at_once + 1) == _AT_ONCE:
                    n_at_once = 0
                    await asyncio.sleep(0)
                yield triple
        finally:
            # The loop waits for nothing: a thread that waits for a directory closes the walk.
            native.cancel()
            executor.submit(native.close)
            executor.shutdown(wait=False)
