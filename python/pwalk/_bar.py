"""`progress='bar'`: a bar of tqdm where that is installed, else a line on standard error."""

import importlib
import sys
import threading
import time
from typing import Any

from ._progress import Progress, ProgressCallback

# Seconds between two drawings, if nobody else is told.
INTERVAL = 0.2


class Bar:
    """A progress callback that draws, and passes the progress on to another callback."""

    def __init__(self, other: ProgressCallback | None) -> None:
        self._other = other
        self._lock = threading.Lock()
        self._drawing: Any = None
        self._is_closed = False

    def begin(self) -> None:
        """Draw from now on. A notebook wants that in the thread of its cell."""
        with self._lock:
            if self._drawing is None:
                self._drawing = _tqdm_bar() or _Line()

    def __call__(self, progress: Progress) -> None:
        self.begin()
        if not self._is_closed:
            self._drawing.show(progress)
        if progress["done"]:
            self.close()
        if self._other is not None:
            self._other(progress)

    def close(self) -> None:
        """Leave the last state where it stands. Once is enough."""
        self._is_closed = True
        if self._drawing is not None:
            self._drawing.close()

    def __del__(self) -> None:
        # A walk that fails has no last call.
        self.close()


class _TqdmBar:
    """Entries and their rate; how many there will be is not known."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def show(self, progress: Progress) -> None:
        # The walk has begun before there was a bar.
        self._bar.start_t = time.time() - progress["elapsed"]
        self._bar.n = progress["files"] + progress["dirs"]
        self._bar.set_postfix_str(_details(progress), refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        self._bar.close()


class _Line:
    """On a terminal one line that changes; elsewhere only its last state."""

    def __init__(self) -> None:
        self._text = ""
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()

    def show(self, progress: Progress) -> None:
        n_entries = progress["files"] + progress["dirs"]
        noun = "entry" if n_entries == 1 else "entries"
        seconds = progress["elapsed"]
        self._text = (
            f"{n_entries:,} {noun}, {n_entries / max(seconds, 1e-9):,.0f} a second, "
            f"{_details(progress)}, {seconds:.0f} s"
        )
        if self._is_terminal:
            print(f"\r{self._text}\x1b[K", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._text and sys.stderr is not None:
            print("" if self._is_terminal else self._text, file=sys.stderr, flush=True)
        self._text = ""


def _tqdm_bar() -> _TqdmBar | None:
    try:
        tqdm = importlib.import_module("tqdm.auto")
    except ImportError:
        return None
    return _TqdmBar(tqdm.tqdm(desc="pwalk", unit=" entries", unit_scale=True))


def _details(progress: Progress) -> str:
    n_errors = progress["errors"]
    errors = "" if n_errors == 0 else f", {n_errors:,} error{'s' * (n_errors != 1)}"
    return f"{progress['bytes'] / 1e6:,.0f} MB{errors}"
