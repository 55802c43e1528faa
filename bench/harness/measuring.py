"""Interleaved rounds: every contestant once, then all of them again.

Interleaved, because the speed of a machine drifts by more than the differences looked for:
two contestants are compared within a round, and the median is taken of these ratios.
"""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .contestants import Contestant, Workload
from .counting import COUNTERS, Count, Written
from .places import Place, Seen
from .tools import Tools


@dataclass(frozen=True)
class Run:
    """One run of one contestant."""

    wall_s: float
    user_s: float
    sys_s: float
    rss_kb: int
    #: Processor seconds that others took meanwhile, and those that there were.
    others_s: float = 0
    capacity_s: float = 0
    #: What the server counted, where there is one that counts.
    seen: Seen = field(default_factory=dict)

    def is_disturbed(self) -> bool:
        """Too short a time says nothing: the kernel counts in hundredths of a second."""
        return self.capacity_s > 0.5 and self.others_s > BUSY_MAX * self.capacity_s


@dataclass
class Row:
    """A contestant's runs in one workload."""

    contestant: Contestant
    #: Why nothing here counts; None when all is well.
    void: str | None = None
    count: Count = field(default_factory=Count)
    #: Bytes of the file written; None without one.
    output_bytes: int | None = None
    runs: list[Run] = field(default_factory=list)


#: Share of the processors that others may take, the kernel's own threads among them.
BUSY_MAX = 0.10
#: Seconds to wait before a disturbed run is done again.
BUSY_WAIT_S = 5
#: A line of the measuring program: `wall_s`, `user_s`, `sys_s`, `rss_kb`, `status`.
Usage = dict[str, Any]


class Stop(Exception):
    """A run that makes its contestant's row void, with the reason."""


class Measurer:
    """Runs contestants; knows the places."""

    def __init__(self, tools: Tools, out: Path, timeout_s: float, n_retries: int) -> None:
        self.tools = tools
        self.out = out
        self.timeout_s = timeout_s
        #: How often a run on a busy machine is done again; whatever it gave.
        self.n_retries = n_retries

    def rounds(self, workload: Workload, place: Place, n_rounds: int) -> list[Row]:
        """A warm-up that also checks, then the rounds."""
        rows = [self._row(contestant, place) for contestant in workload.contestants]
        for reason in {row.void for row in rows if row.void}:
            say(f"{workload.name}: {reason}")
        for number in range(n_rounds + 1):
            say(f"{workload.name}: " + (f"round {number}" if number else "warm-up"))
            for row in filter(lambda row: not row.void, rows):
                self._run_row(row, place, workload.repeats, is_warm_up=number == 0)
            void_unequal(rows)
        return rows

    def _row(self, contestant: Contestant, place: Place) -> Row:
        return Row(contestant, void=self.tools.missing(contestant.argv) or place.missing())

    def _run_row(self, row: Row, place: Place, repeats: int, is_warm_up: bool) -> None:
        try:
            run = self._run(row, place, 1 if is_warm_up else repeats)
            for _ in range(0 if is_warm_up else self.n_retries):
                if not run.is_disturbed():
                    break
                say(f"  {row.contestant.name}: the machine is busy, again")
                time.sleep(BUSY_WAIT_S)
                run = self._run(row, place, repeats)
        except (Stop, OSError, ValueError, KeyError) as error:
            row.void = self.mask(str(error) or type(error).__name__, place.tree)
            say(f"  {row.contestant.name}: void: {row.void}")
            return
        if not is_warm_up:
            row.runs.append(run)
            say(f"  {row.contestant.name}: {run.wall_s * 1e3:.2f} ms")

    def _run(self, row: Row, place: Place, repeats: int) -> Run:
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)
        argv, stdout = self._command(row.contestant, place.tree)
        with place.fresh(argv) as seen:
            before_s, served_s, start = busy_s(), children_s(), time.monotonic()
            runs = self._measure(argv, stdout, repeats)
            own_s = sum(run["user_s"] + run["sys_s"] for run in runs) + children_s() - served_s
            others_s = max(0.0, busy_s() - before_s - own_s)
            capacity_s = (time.monotonic() - start) * (os.cpu_count() or 1)
        written = self._written(row.contestant, stdout)
        if repeats == 1:
            count = COUNTERS[row.contestant.count](written)
            check_same(row, count)
            row.output_bytes = _output_bytes(written.output)
            if count.seconds is not None:
                runs[0]["wall_s"] = count.seconds
        return replace(median_run(runs, others_s, capacity_s), seen=seen)

    def _values(self, tree: Path) -> dict[str, str]:
        return {**self.tools.values, "TREE": str(tree), "OUT": str(self.out / "out")}

    def _command(self, contestant: Contestant, tree: Path) -> tuple[list[str], Path]:
        values = self._values(tree)
        argv = [_expand(arg, values) for arg in contestant.argv]
        if ">" in argv:
            return argv[: argv.index(">")], Path(argv[-1])
        return argv, self.out / "stdout"

    def _written(self, contestant: Contestant, stdout: Path) -> Written:
        out = next((arg for arg in contestant.argv if arg.startswith("$OUT")), None)
        name = out.removeprefix("$OUT") if out else None
        output = stdout if name is None else self.out / f"out{name}"
        return Written(output, stdout, self.out / "out.json")

    def _measure(self, argv: list[str], stdout: Path, repeats: int) -> list[Usage]:
        """The usages of `repeats` runs; Stop when one of them fails."""
        result, stderr = self.out / "usage", self.out / "stderr"
        measure = [self.tools.values["MEASURE"], str(result), str(repeats), *argv]
        with stdout.open("wb") as to, stderr.open("wb") as errors:
            process = subprocess.Popen(
                measure, stdin=subprocess.DEVNULL, stdout=to, stderr=errors, start_new_session=True
            )
            self._wait(process)
        runs = [json.loads(line) for line in result.read_text().splitlines()]
        failed = [run["status"] for run in runs if run["status"]]
        if failed or process.returncode:
            said = stderr.read_text(errors="replace").strip().splitlines()
            status = failed[0] if failed else process.returncode
            raise Stop(f"exit status {status}: {said[-1] if said else 'without a word'}")
        return runs

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Waits; on a time-out or Ctrl-C ends the command and what it started."""
        try:
            process.wait(self.timeout_s)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise Stop(f"took longer than {self.timeout_s:.0f} s") from None
            raise

    def mask(self, text: str, tree: Path) -> str:
        """Puts placeholders where paths of this machine stand."""
        values = self._values(tree) | {"CACHE": str(self.tools.settings.cache)}
        values |= {"REPO": str(Path(values["BENCH"]).parent), "HOME": str(Path.home())}
        values.pop("THREADS")
        for key, value in sorted(values.items(), key=lambda item: -len(item[1])):
            text = text.replace(value, f"${key}")
        return text


def _expand(arg: str, values: dict[str, str]) -> str:
    return re.sub(r"\$([A-Z_]+)", lambda match: values[match[1]], arg)


def _output_bytes(path: Path) -> int | None:
    return path.stat().st_size if path.exists() else None


def median_run(runs: list[Usage], others_s: float, capacity_s: float) -> Run:
    """The medians of the runs within a round; of the peaks the highest."""
    wall, user, system = (
        statistics.median(run[key] for run in runs) for key in ("wall_s", "user_s", "sys_s")
    )
    peak = max(run["rss_kb"] for run in runs)
    return Run(wall, user, system, peak, others_s, capacity_s)


def check_same(row: Row, count: Count) -> None:
    """A contestant finds the same in every round."""
    before, now = (row.count.entries, row.count.size_bytes), (count.entries, count.size_bytes)
    if row.count != Count() and before != now:
        raise Stop(f"found {before} entries and bytes, then {now}")
    row.count = count


def void_unequal(rows: list[Row]) -> None:
    """Marks the rows that disagree with the first one, the floor."""
    floor = rows[0]
    for row in rows[1:]:
        if row.void is None:
            row.void = _difference(floor.count, row.count)
            if row.void:
                say(f"  {row.contestant.name}: void: {row.void}")


def _difference(floor: Count, count: Count) -> str | None:
    pairs = (
        ("entries", floor.entries, count.entries),
        ("bytes", floor.size_bytes, count.size_bytes),
    )
    for what, expected, found in pairs:
        if None not in (expected, found) and expected != found:
            return f"found {found:,} {what}, the floor {expected:,}"
    return None


def busy_s() -> float:
    """Processor seconds since boot that were not idle, of all processes."""
    fields = Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields)
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def children_s() -> float:
    """Processor seconds of the processes below this one: the servers, while no command runs."""
    times: dict[int, tuple[int, int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        # Its own and those of its children that have ended.
        times[int(stat.parent.name)] = (int(after_name[1]), sum(map(int, after_name[11:15])))
    below, waiting = 0, [os.getpid()]
    while waiting:
        parent = waiting.pop()
        children = [pid for pid, (above, _) in times.items() if above == parent]
        below += sum(times[pid][1] for pid in children)
        waiting += children
    return below / os.sysconf("SC_CLK_TCK")


def say(text: str) -> None:
    """Progress goes to standard error."""
    print(text, file=sys.stderr, flush=True)
