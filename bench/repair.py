"""What `pwalk repair` costs: a plan of a tree that is right, and the changes of 500,000 files.

    python3 bench/repair.py [--rounds N] [--corpora DIR] [--bin-dir DIR]

Needs root, a folder for the trees that is not one of the system's (root's home is one), and the
programs `pwalk`, `floor`, `corpus` and `change` (`make bench` builds them). The plan is compared with
the floor of a walk, the changes with a loop of fchownat and fchmodat. Each contestant runs once in
each round; the ratios are those within a round. Before each run of changes the tree is brought back
to what it was, which is not measured, nor is the plan that is applied.

The questionable decision: trees are made right by the command itself, and given a group of a number
that nobody has.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

GROUP = "54321"
BAD_GROUP, BAD_MODE = "0", "0600"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures pwalk repair.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--corpora", type=Path, default=Path("target/corpora"))
    parser.add_argument("--bin-dir", type=Path, default=Path("target/dist"))
    args = parser.parse_args()
    tools = {name: str(args.bin_dir.resolve() / name) for name in ("pwalk", "floor", "corpus", "change")}
    args.corpora = args.corpora.resolve()
    out = args.corpora.parent / "repair"
    out.mkdir(parents=True, exist_ok=True)
    os.chdir(out)
    trees = {shape: ensure(args.corpora / f"repair-{shape}", shape, tools) for shape in ("wide", "flat")}
    plan_of_what_is_right(trees["wide"], tools, args.rounds)
    changes_of_many(trees["flat"], tools, args.rounds)


def ensure(tree: Path, shape: str, tools: dict[str, str]) -> Path:
    """A tree of its own: the others keep their modes. It appears by rename."""
    if not tree.is_dir():
        unfinished = tree.with_name(f"{tree.name}.part")
        run([tools["corpus"], shape, str(unfinished)])
        unfinished.rename(tree)
    return tree


def plan_of_what_is_right(tree: Path, tools: dict[str, str], n_rounds: int) -> None:
    """A walk in which every entry is judged, and none is changed."""
    repair = [tools["pwalk"], "repair", str(tree), "--group", GROUP, "--numeric", "--no-syslog"]
    run([*repair, "--apply", "--quiet", "--journal", fresh("right.journal")])
    floors, plans = [], []
    for _ in range(n_rounds + 1):
        floors.append(timed([tools["floor"], str(tree)]))
        plans.append(timed([*repair, "--json"], contains='"changes":0,'))
    say("plan of wide, nothing to change", "floor", floors[1:], plans[1:])


def changes_of_many(tree: Path, tools: dict[str, str], n_rounds: int) -> None:
    """500,000 files get a group and a mode."""
    change = [tools["change"], str(tree)]
    repair = [tools["pwalk"], "repair", "--no-syslog"]
    floors, ours, undone = [], [], []
    for _ in range(n_rounds + 1):
        run([*change, BAD_GROUP, BAD_MODE])
        loop = subprocess.run([*change, GROUP, "0640"], check=True, capture_output=True, text=True)
        floors.append((float(loop.stdout.split()[1]), 0))
        run([*change, BAD_GROUP, BAD_MODE])
        plan = fresh("plan.arrow")
        run([*repair, str(tree), "--group", GROUP, "--numeric", "--plan", plan])
        journal = fresh("changes.journal")
        ours.append(timed([*repair, "--apply", "--from", plan, "--journal", journal, "--json"]))
        undo = [*repair, "--undo", journal, "--journal", fresh("undo.journal"), "--json"]
        undone.append(timed(undo))
    say("changes of 500,000 files", "loop", floors[1:], ours[1:])
    say("the same taken back", "loop", floors[1:], undone[1:])
    for name in ("plan.arrow", "changes.journal", "undo.journal", "right.journal"):
        fresh(name)


def fresh(name: str) -> str:
    """A name without a file."""
    Path(name).unlink(missing_ok=True)
    return name


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: status {done.returncode}: {done.stderr}")
    return done.stdout


def timed(command: list[str], contains: str = "") -> tuple[float, int]:
    """Seconds, and the peak of memory in MB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1) or contains not in text:
        sys.exit(f"{' '.join(command)}: status {process.returncode}: {text}")
    return seconds, usage.ru_maxrss // 1024


def say(what: str, floor: str, floors: list[tuple[float, int]], ours: list[tuple[float, int]]) -> None:
    ratios = sorted(own[0] / bound[0] for own, bound in zip(ours, floors, strict=True))
    median, peak = statistics.median(ratios), max(own[1] for own in ours)
    seconds = statistics.median(own[0] for own in ours)
    print(
        f"{what}: {median:.2f} x the {floor} ({ratios[0]:.2f} to {ratios[-1]:.2f}), "
        f"{seconds:.2f} s, {peak} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
