#!/usr/bin/env python3
"""Draws the ratios of a suite as bars: an SVG for the README.

    python3 bench/plot.py bench/results/<folder>/results.json docs/wide.svg [--suite wide]

Needs matplotlib, in an environment of its own:

    python3 -m venv .venv-plot && .venv-plot/bin/pip install matplotlib

One panel for each floor, since a walk of names and a walk of metadata are different work.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

Record = dict[str, Any]

OURS, PEERS, LINE = "#0b6e4f", "#b8bfc6", "#c1443c"
BAR_INCHES, HEAD_INCHES = 0.3, 0.75
#: Each word of a base in the heading of its panel.
HEADINGS = {
    "floor": "Metadata of every entry",
    "floor, split": "Metadata of every entry",
    "floor, names only": "Names only",
    "os.walk": "Iterating in Python",
}


def panels(workload: Record) -> dict[str, list[Record]]:
    """The valid rows by base, the slowest first: bars are drawn from below."""
    found: dict[str, list[Record]] = {}
    for row in workload["rows"]:
        if row.get("ratio") is not None and row["name"] != row["base"]:
            found.setdefault(row["base"], []).append(row)
    for rows in found.values():
        rows.sort(key=lambda row: -row["ratio"])
    return found


def draw(workload: Record, title: str) -> plt.Figure:
    """A figure as high as its bars need."""
    by_base = panels(workload)
    heights = [len(rows) * BAR_INCHES + HEAD_INCHES for rows in by_base.values()]
    figure, axes = plt.subplots(
        len(by_base),
        figsize=(8, sum(heights) + 0.5),
        height_ratios=heights,
        squeeze=False,
        layout="constrained",
    )
    for axis, (base, rows) in zip(axes[:, 0], by_base.items(), strict=True):
        draw_panel(axis, base, rows)
    figure.suptitle(title, fontsize=12, fontweight="bold")
    return figure


def draw_panel(axis: plt.Axes, base: str, rows: list[Record]) -> None:
    """Bars with the range of the rounds, and the floor as a line."""
    ratios = [row["ratio"] for row in rows]
    errors = [
        [row["ratio"] - row["ratio_min"] for row in rows],
        [row["ratio_max"] - row["ratio"] for row in rows],
    ]
    colors = [OURS if is_ours(row) else PEERS for row in rows]
    axis.barh([label(row) for row in rows], ratios, color=colors, height=0.72)
    axis.errorbar(ratios, range(len(rows)), xerr=errors, fmt="none", ecolor="#555", elinewidth=1)
    axis.axvline(1, color=LINE, linewidth=1.2)
    right = max(row["ratio_max"] for row in rows)
    for y, row in enumerate(rows):
        weight = "bold" if is_ours(row) else "normal"
        at = row["ratio_max"] + right * 0.01
        axis.text(at, y, f"{row['ratio']:.2f} x", va="center", fontsize=9, fontweight=weight)
    axis.set_xlim(0, right * 1.12)
    axis.set_title(f"{HEADINGS.get(base, base)}: time / time of {base}", fontsize=10, loc="left")
    axis.tick_params(labelsize=9)
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)


def is_ours(row: Record) -> bool:
    """Ours are named `pwalk ...` or `pwalk.walk`; peers of that name say where they are from."""
    return row["name"].startswith("pwalk")


def label(row: Record) -> str:
    """Name and, for peers, what they leave out."""
    return f"{row['name']} ({row['note']})" if row["note"] else row["name"]


def heading(suite: Record, workload: Record) -> str:
    """What was walked, on what."""
    machine = suite["machine"]
    return (
        f"{workload['entries']:,} entries, warm {machine['filesystem']}, "
        f"{machine['cpus']} cores: shorter is faster"
    )


def main() -> None:
    """Reads, draws, writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="a results.json")
    parser.add_argument("output", type=Path, help="the suffix says the format: .svg, .png")
    parser.add_argument("--suite", default="wide")
    parser.add_argument("--workload", type=int, default=0, help="its number in the suite")
    args = parser.parse_args()
    suite = json.loads(args.results.read_text())["suites"][args.suite]
    workload = suite["workloads"][args.workload]
    # The same results give the same bytes.
    plt.rcParams["svg.hashsalt"] = "pwalk"
    metadata = {"Date": None} if args.output.suffix == ".svg" else None
    draw(workload, heading(suite, workload)).savefig(args.output, metadata=metadata, dpi=110)


if __name__ == "__main__":
    main()
