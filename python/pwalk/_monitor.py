"""`Monitor`: how fast the walks of this process are."""

import os
import time
from types import TracebackType
from typing import Self, TypedDict

from . import _pwalk


class Measurement(TypedDict):
    """What a monitor has measured."""

    files_per_second: float
    """Entries other than directories, seen by walks, scans and reports."""
    mb_per_second: float
    """Their apparent sizes, in 10^6 bytes; walks read no sizes and add nothing."""
    cpu_percent: float
    """Processor time of this process: 100 is one core."""
    memory_mb: float
    """Resident memory of this process at the end, in 10^6 bytes."""
    thread_efficiency: float
    """Processor time as a share of what the available cores could give: 0 to 1."""


class Monitor:
    """Measures from `start` to `stop`, or within a `with` block."""

    def __init__(self) -> None:
        """Measure nothing yet."""
        self._begun: tuple[float, float, int, int] | None = None
        self._last: Measurement | None = None

    def start(self) -> None:
        """Begin, or begin again."""
        self._begun = (time.perf_counter(), time.process_time(), *_pwalk.work_done())

    def stop(self) -> Measurement:
        """End, and return what was measured.

        Raises:
            RuntimeError: If it was not started.
        """
        if self._begun is None:
            raise RuntimeError("stop: the monitor was not started")
        wall, cpu, files, size = self._begun
        seconds = max(time.perf_counter() - wall, 1e-9)
        cpu_share = (time.process_time() - cpu) / seconds
        files_now, size_now = _pwalk.work_done()
        self._begun = None
        self._last = Measurement(
            files_per_second=(files_now - files) / seconds,
            mb_per_second=(size_now - size) / 1e6 / seconds,
            cpu_percent=100 * cpu_share,
            memory_mb=_resident_bytes() / 1e6,
            thread_efficiency=min(1.0, cpu_share / len(os.sched_getaffinity(0))),
        )
        return self._last

    def __enter__(self) -> Self:
        """`start`."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """`stop`; then the results are attributes."""
        if self._begun is not None:
            self.stop()

    def __repr__(self) -> str:
        if self._begun is not None:
            return "Monitor(running)"
        if self._last is None:
            return "Monitor(not started)"
        values = ", ".join(f"{name}={value:.4g}" for name, value in self._last.items())
        return f"Monitor({values})"

    def _measured(self) -> Measurement:
        if self._last is None:
            raise RuntimeError("the monitor has not been stopped yet")
        return self._last

    @property
    def files_per_second(self) -> float:
        """As in `Measurement`, once the monitor has stopped."""
        return self._measured()["files_per_second"]

    @property
    def mb_per_second(self) -> float:
        """As in `Measurement`, once the monitor has stopped."""
        return self._measured()["mb_per_second"]

    @property
    def cpu_percent(self) -> float:
        """As in `Measurement`, once the monitor has stopped."""
        return self._measured()["cpu_percent"]

    @property
    def memory_mb(self) -> float:
        """As in `Measurement`, once the monitor has stopped."""
        return self._measured()["memory_mb"]

    @property
    def thread_efficiency(self) -> float:
        """As in `Measurement`, once the monitor has stopped."""
        return self._measured()["thread_efficiency"]


def _resident_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
