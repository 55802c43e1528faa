#!/usr/bin/env python3
"""Measures pwalk, the floor and the peers in interleaved rounds.

    python3 bench/run.py --suite wide flat memory start python

Writes `results.json` and `README.md` into `bench/results/<date>-<label>/`; suites of the same
day and label end up in one folder. Standard library only. `bench/README.md` says what each
suite proves.
"""

import argparse
import datetime
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from harness import corpora, machine, places, results
from harness.contestants import SUITES, Slowfs, Suite, Workload
from harness.measuring import Measurer, say
from harness.tools import Settings, Tools

BENCH = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pwalk-bench"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or BENCH.parent / "target").resolve()


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--suite", nargs="+", choices=SUITES, default=["wide"], help="default: wide")
    add("--rounds", type=int, default=results.MIN_ROUNDS, help="after the warm-up (default 5)")
    add("--pwalk", type=Path, default=TARGET / "dist/pwalk", help="the command to measure")
    add("--python-pwalk", type=Path, help="an interpreter that has our package")
    add("--python", type=Path, default=Path(sys.executable), help="for os.walk and the peers")
    add("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of the floor")
    add("--corpora", type=Path, default=CACHE / "corpora", help="trees; made when missing")
    add("--out", type=Path, help="scratch folder for outputs, emptied (default: beside the trees)")
    add("--results", type=Path, default=BENCH / "results", help="where the dated folder goes")
    add("--label", help="ends the folder's name; the default says cores and filesystem")
    add("--bin-dir", type=Path, default=TARGET / "dist", help="where floor and corpus are")
    add("--timeout", type=float, default=900, help="seconds for a run")
    add("--retries", type=int, default=3, help="of runs during which the machine was busy")
    add("--only", nargs="+", default=[], help="contestants whose name contains one of these")
    add("--scale", type=float, default=1, help="of all trees; for a trial")
    add("--install", action="store_true", help="install the peers of the registries first")
    return parser.parse_args()


def main() -> int:
    """Exit status 2 when the floor or the measuring program is missing."""
    args = parse()
    tools = Tools(settings(args))
    if args.install:
        tools.install()
        tools = Tools(tools.settings)
    missing = tools.missing(("$FLOOR", "$CORPUS", "$MEASURE"))
    if missing:
        say(f"run.py: {missing}")
        return 2
    for key in ("PWALK", "PYTHON_PWALK"):
        if key in tools.reasons:
            say(f"run.py: {tools.reasons[key]}; its rows will be void")
    args.corpora.mkdir(parents=True, exist_ok=True)
    for name in args.suite:
        run_suite(args, tools, SUITES[name])
    return 0


def settings(args: argparse.Namespace) -> Settings:
    """Absolute paths, since commands are run from anywhere; links are kept (environments)."""
    ours = args.python_pwalk and args.python_pwalk.absolute()
    return Settings(
        cache=CACHE,
        bin_dir=args.bin_dir.absolute(),
        pwalk=args.pwalk.absolute(),
        python_pwalk=ours,
        python=args.python.absolute(),
        n_threads=args.threads,
    )


def run_suite(args: argparse.Namespace, tools: Tools, suite: Suite) -> None:
    """Measures a suite and adds it to the day's folder."""
    out = (args.out or args.corpora / "out").absolute() / f"run-{os.getpid()}"
    measurer = Measurer(tools, out, args.timeout, args.retries)
    try:
        workloads = [
            run_workload(args, tools, measurer, chosen(workload, args.only, args.scale))
            for workload in suite.workloads
        ]
    finally:
        shutil.rmtree(out, ignore_errors=True)
    record = {
        "proves": suite.proves,
        "date": datetime.date.today().isoformat(),
        "rounds": args.rounds,
        "threads": args.threads,
        "workloads": workloads,
        "notes": notes(suite),
    }
    write(args, tools, suite, record)


def notes(suite: Suite) -> list[str]:
    """What this machine can't measure."""
    lacking = places.without_client(Path("/proc/filesystems").read_text())
    if suite.name != "slow" or not lacking:
        return []
    names = ", ".join(lacking)
    note = f"Not measured: {names}, of which this kernel has no client (/proc/filesystems)."
    say(f"run.py: {note}")
    return [note]


def chosen(workload: Workload, only: list[str], scale: float) -> Workload:
    """The workload with fewer contestants, or another tree. Bases always stay."""
    bases = {contestant.base for contestant in workload.contestants}
    contestants = tuple(
        contestant
        for contestant in workload.contestants
        if not only or contestant.name in bases or any(part in contestant.name for part in only)
    )
    name = workload.name if scale == 1 else f"{workload.name} (trees x {scale:g})"
    place = workload.place
    place = place.scaled(scale) if isinstance(place, Slowfs) else place
    scale *= workload.scale
    return replace(workload, name=name, scale=scale, contestants=contestants, place=place)


def run_workload(
    args: argparse.Namespace, tools: Tools, measurer: Measurer, workload: Workload
) -> results.Record:
    """Rounds over one tree."""
    tree = corpora.ensure(workload, args.corpora.absolute(), tools)
    mount_point = args.corpora.absolute() / f"mnt-{os.getpid()}"
    place = places.place_of(workload, tree, mount_point, tools)
    try:
        return results.workload_record(workload, measurer.rounds(workload, place, args.rounds))
    finally:
        place.close()
        if mount_point.exists():
            mount_point.rmdir()


def write(args: argparse.Namespace, tools: Tools, suite: Suite, record: results.Record) -> None:
    """The two files of the results folder."""
    label = args.label or machine.label(args.corpora)
    folder = args.results / f"{record['date']}-{label}"
    folder.mkdir(parents=True, exist_ok=True)
    facts = machine.facts(args.corpora)
    merged = results.merge(folder / "results.json", facts, tools.versions(), suite, record)
    (folder / "README.md").write_text(results.page(merged))
    say(f"written: {folder}")


if __name__ == "__main__":
    sys.exit(main())
