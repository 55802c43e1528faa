"""Rows of runs into `results.json`, and that into the page that people read.

The page is made from the file alone, so it can be made again. A ratio is the median of the
ratios within each round; medians of times are for orientation.
"""

import json
import re
import statistics
from pathlib import Path
from typing import Any

from .contestants import Slowfs, Suite, Workload
from .counting import Count
from .measuring import BUSY_MAX, Row, Run

Record = dict[str, Any]

#: Fewer rounds are a trial.
MIN_ROUNDS = 5


def workload_record(workload: Workload, rows: list[Row]) -> Record:
    """A workload as JSON."""
    place = workload.place
    floor, n_rows = rows[0].count, rows_of(workload, rows[0].count)
    by_name = {row.contestant.name: row for row in rows}
    return {
        "name": workload.name,
        "shape": workload.shape,
        "scale": workload.scale,
        "repeats": workload.repeats,
        "entries": floor.entries,
        "bytes": floor.size_bytes,
        "others": others(rows),
        "place": " ".join(("slowfs", *place.arguments())) if isinstance(place, Slowfs) else place,
        "rows": [row_record(row, by_name.get(row.contestant.base), n_rows) for row in rows],
    }


def rows_of(workload: Workload, floor: Count) -> int | None:
    """What the user time is divided by. With hundreds of threads the floor's has no meaning."""
    return floor.entries if workload.place in ("disk", "cold") else None


def others(rows: list[Row]) -> float:
    """The share of the processors that others took during the runs."""
    runs = [run for row in rows for run in row.runs]
    capacity_s = sum(run.capacity_s for run in runs)
    return round(sum(run.others_s for run in runs) / capacity_s, 3) if capacity_s else 0.0


def row_record(row: Row, base: Row | None, entries: int | None) -> Record:
    """A row as JSON; the numbers only where it is valid."""
    record = {
        "name": row.contestant.name,
        "command": command(row.contestant.argv),
        "base": row.contestant.base,
        "note": row.contestant.note,
        "void": row.void,
        "is_fixed": row.contestant.is_fixed,
    }
    if row.void or not row.runs:
        return record
    own = {"user_ns_per_row": user_ns_per_row(row, base, entries)}
    return record | times(row) | ratios(row, base) | own | {"seen": seen(row)}


def times(row: Row) -> Record:
    """Medians of what the runs took, and the highest peak."""
    walls = [run.wall_s for run in row.runs]
    return {
        "wall_s": [round(wall, 6) for wall in walls],
        "median_s": median(walls, 6),
        "min_s": round(min(walls), 6),
        "max_s": round(max(walls), 6),
        "user_s": median([run.user_s for run in row.runs], 3),
        "sys_s": median([run.sys_s for run in row.runs], 3),
        "rss_mb": round(max(run.rss_kb for run in row.runs) / 1024, 1),
        "output_bytes": row.output_bytes,
        "n_disturbed": sum(run.is_disturbed() for run in row.runs),
    }


def seen(row: Row) -> Record:
    """What the server counted: the most of all rounds, and medians of the rest."""
    names = row.runs[0].seen
    return {
        name: (max if name.startswith("most") else statistics.median)(
            [run.seen[name] for run in row.runs]
        )
        for name in names
    }


def ratios(row: Row, base: Row | None) -> Record:
    """This row's time over the base's, round by round."""
    each = [run.wall_s / other.wall_s for run, other in rounds(row, base)]
    if not each:
        return {"ratio": None}
    return {
        "ratio": median(each, 3),
        "ratio_min": round(min(each), 3),
        "ratio_max": round(max(each), 3),
    }


def user_ns_per_row(row: Row, base: Row | None, entries: int | None) -> float | None:
    """Processor time outside of the kernel that a row costs beyond the base's, nanoseconds.

    Ratios depend on how fast the kernel is, this does not.
    """
    more_s = [run.user_s - other.user_s for run, other in rounds(row, base)]
    if row is base or not entries or not more_s:
        return None
    return median([each_s / entries * 1e9 for each_s in more_s], 1)


def rounds(row: Row, base: Row | None) -> list[tuple[Run, Run]]:
    """This row's run and the base's in each round; none if they can't be compared."""
    if base is None or base.void or len(base.runs) != len(row.runs):
        return []
    return list(zip(row.runs, base.runs, strict=True))


def median(values: list[float], n_digits: int) -> float:
    """Rounded, so that the file stays readable."""
    return round(statistics.median(values), n_digits)


def command(argv: tuple[str, ...]) -> str:
    """As one would type it, placeholders kept."""
    plain = re.compile(r"[\w$./=,:+-]+|>")
    return " ".join(arg if plain.fullmatch(arg) else f"'{arg}'" for arg in argv)


def merge(path: Path, facts: Record, versions: Record, suite: Suite, record: Record) -> Record:
    """Adds a suite to the folder's file; a suite measured again replaces the older one."""
    results = json.loads(path.read_text()) if path.exists() else {"suites": {}}
    results["suites"][suite.name] = record | {"machine": facts, "versions": versions}
    path.write_text(json.dumps(results, indent=1) + "\n")
    return results


def page(results: Record) -> str:
    """The README of a results folder."""
    parts = ["# Measured\n", INTRODUCTION]
    for name, suite in results["suites"].items():
        parts += [f"## {name}\n", suite["proves"] + "\n", _conditions(suite)]
        if name == "memory":
            parts.append(_memory_table(suite["workloads"]))
        for workload in suite["workloads"]:
            parts += [f"### {workload['name']}\n", _place(workload), _size(workload)]
            parts += [_table(workload), _against_fixed(workload), _seen_table(workload)]
        parts.append(_commands(suite["workloads"]))
    return "\n".join(parts)


INTRODUCTION = """\
Made by `bench/run.py` from `results.json`; `bench/README.md` says what each suite proves and
when it is unfair. Every row was run once in each round. *Ratio* is the median of the ratios
to the base within each round, with the lowest and the highest; *median* is of the wall time;
*user ns a row* is the processor time outside of the kernel beyond the base's, for each row.
*void* says why a row does not count: above all, a number of entries other than the floor's.
"""


def _conditions(suite: Record) -> str:
    machine = suite["machine"]
    lines = [
        f"{suite['date']}, {suite['rounds']} rounds after a warm-up, {suite['threads']} threads "
        f"for the floor; {machine['kernel']}, {machine['filesystem']}, {machine['cpus']} x "
        f"{machine['cpu']}, {machine['memory_gb']} GB.",
        "Versions: " + "; ".join(f"{key}: {value}" for key, value in suite["versions"].items()),
    ]
    lines += suite.get("notes", [])
    share = max(workload["others"] for workload in suite["workloads"])
    if share > BUSY_MAX:
        text = "**The machine was busy: others took {:.0%} of the processors during the runs.**"
        lines.insert(0, text.format(share))
    if suite["rounds"] < MIN_ROUNDS:
        lines.insert(0, f"**A trial, not a result: fewer than {MIN_ROUNDS} rounds.**")
    return "\n\n".join(lines) + "\n"


def _size(workload: Record) -> str:
    entries = workload["entries"]
    if entries is None:
        return ""
    size = workload["bytes"]
    return f"{entries:,} entries" + (f", {size:,} bytes.\n" if size is not None else ".\n")


def _table(workload: Record) -> str:
    times = ("median", "min-max", "user", "sys", "user ns a row")
    head = ("", "ratio", "min-max", "to", *times, "peak MB", "file MB")
    valid = [row for row in workload["rows"] if "median_s" in row]
    cells = [_cells(row) for row in valid]
    void = [f"* {row['name']}: void, {row['void']}" for row in workload["rows"] if row["void"]]
    disturbed = [
        f"* {row['name']}: the machine was busy during {row['n_disturbed']} of the runs"
        for row in valid
        if row["n_disturbed"]
    ]
    notes = [*void, *disturbed]
    return _markdown(head, cells) + "\n" + "\n".join([*notes, ""] if notes else [])


def _cells(row: Record) -> tuple[str, ...]:
    note = f" ({row['note']})" if row["note"] else ""
    has_ratio = row["ratio"] is not None
    own = row.get("user_ns_per_row")
    return (
        row["name"] + note,
        f"**{row['ratio']:.2f}**" if has_ratio else "",
        f"{row['ratio_min']:.2f}-{row['ratio_max']:.2f}" if has_ratio else "",
        row["base"],
        seconds(row["median_s"]),
        f"{seconds(row['min_s'])}-{seconds(row['max_s'])}",
        seconds(row["user_s"]),
        seconds(row["sys_s"]),
        "" if own is None else f"{own:.0f}",
        f"{row['rss_mb']:.1f}",
        f"{row['output_bytes'] / 1e6:.1f}" if (row["output_bytes"] or 0) > 1e5 else "",
    )


def _place(workload: Record) -> str:
    """Results of an older harness have none."""
    texts = {
        "disk": "",
        "cold": "Caches are dropped before each run.\n",
        "sshfs": "Through sshfs and an sshd on loopback, mounted anew for each run.\n",
    }
    place = workload.get("place", "disk")
    return texts.get(place, f"Mounted anew for each run: `{place}`.\n")


def _against_fixed(workload: Record) -> str:
    """Everybody against the number of threads that was best, if somebody had known it."""
    valid = [row for row in workload["rows"] if "median_s" in row]
    fixed = [row for row in valid if row.get("is_fixed")]
    if not fixed:
        return ""
    best = min(fixed, key=lambda row: row["median_s"])
    ratios = ", ".join(
        "{} **{:.2f}** ({:.2f}-{:.2f})".format(row["name"], *against(row, best))
        for row in valid
        if not row.get("is_fixed")
    )
    return f"Against the best fixed number of threads, `{best['name']}`: {ratios}.\n"


def against(row: Record, other: Record) -> tuple[float, float, float]:
    """The median of the ratios within each round, the lowest, the highest."""
    pairs = zip(row["wall_s"], other["wall_s"], strict=True)
    each = [mine / others for mine, others in pairs]
    return statistics.median(each), min(each), max(each)


def _seen_table(workload: Record) -> str:
    """What the server counted."""
    rows = [row for row in workload["rows"] if row.get("seen")]
    names = ("lookup", "getattr", "opendir", "readdir", "releasedir", "requests_per_second")
    names += ("mean_awaited", "most_awaited", "most_in_flight")
    cells = [(row["name"], *(f"{row['seen'][name]:,.0f}" for name in names)) for row in rows]
    head = ("the server saw", *(name.replace("_", " ") for name in names))
    return _markdown(head, cells) + "\n" if rows else ""


def _memory_table(workloads: list[Record]) -> str:
    """A row for each contestant, a column for each size, and what the last adds to the first."""
    peaks: dict[str, list[float | None]] = {}
    for workload in workloads:
        for row in workload["rows"]:
            peaks.setdefault(row["name"], []).append(row.get("rss_mb"))
    head = ("peak MB", *(f"{workload['entries'] or 0:,} entries" for workload in workloads), "x")
    cells = [_peak_cells(name, of) for name, of in peaks.items() if any(of)]
    return _markdown(head, cells) + "\n"


def _peak_cells(name: str, peaks: list[float | None]) -> tuple[str, ...]:
    growth = f"{peaks[-1] / peaks[0]:.2f}" if peaks[0] and peaks[-1] else ""
    return (name, *("void" if peak is None else f"{peak:.1f}" for peak in peaks), growth)


def _markdown(head: tuple[str, ...], cells: list[tuple[str, ...]]) -> str:
    align = ["---", *["---:"] * (len(head) - 1)]
    rows = [head, align, *cells]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _commands(workloads: list[Record]) -> str:
    commands = {row["name"]: row["command"] for load in workloads for row in load["rows"]}
    lines = [f"* {name}: `{text}`" for name, text in commands.items()]
    return "Commands:\n\n" + "\n".join(lines) + "\n"


def seconds(value: float) -> str:
    """Three digits that matter, with the unit."""
    return f"{value * 1e3:.3g} ms" if value < 0.1 else f"{value:.3g} s"
