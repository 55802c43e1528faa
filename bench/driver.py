"""Runs one Python peer, in the interpreter that has it.

    driver.py walk|loop|first|profile NAME TREE     prints ENTRIES SECONDS
    driver.py collect NAME TREE [OUTPUT]            prints ENTRIES

`walk` iterates over a tree once; `loop` does so 200 times and gives the time of one; `first`
stops at the first triple; `profile` takes the statistics of a `DirectoryProfiler`. `collect` is
for peers that return everything at once.

The questionable decision: the seconds leave out the start of Python and the imports, which
are the same for all, and as long as the walk of a small tree.
"""

import os
import pathlib
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

Walker = Callable[[str], Iterable[tuple[Any, ...]]]
N_LOOPS = 200


def _scandir_rs(tree: str) -> Iterable[tuple[Any, ...]]:
    import scandir_rs

    return scandir_rs.Walk(tree)


def _pypi_pwalk(tree: str) -> Iterable[tuple[Any, ...]]:
    import pwalk

    return pwalk.walk(tree)


def _pwalk(tree: str) -> Iterable[tuple[Any, ...]]:
    return _our_pwalk().walk(tree)


def _our_pwalk() -> Any:
    import pwalk

    if not hasattr(pwalk, "scan"):
        sys.exit("this is another package of the name pwalk")
    return pwalk


def _path_walk(tree: str) -> Iterable[tuple[Any, ...]]:
    if not hasattr(pathlib.Path, "walk"):
        sys.exit("Path.walk needs Python 3.12")
    return pathlib.Path(tree).walk()


WALKERS: dict[str, Walker] = {
    "os.walk": os.walk,
    "os.fwalk": os.fwalk,
    "Path.walk": _path_walk,
    "scandir-rs": _scandir_rs,
    "pypi-pwalk": _pypi_pwalk,
    "pwalk.walk": _pwalk,
}


def walk(walker: Walker, tree: str) -> tuple[int, float]:
    """Entries (the root included) and seconds of a whole walk."""
    start = time.perf_counter()
    n = 1
    for triple in walker(tree):
        n += len(triple[1]) + len(triple[2])
    return n, time.perf_counter() - start


def loop(walker: Walker, tree: str) -> tuple[int, float]:
    """The median of many walks."""
    runs = [walk(walker, tree) for _ in range(N_LOOPS)]
    return runs[0][0], statistics.median(seconds for _, seconds in runs)


def first(walker: Walker, tree: str) -> tuple[int, float]:
    """The time until there is something to work with."""
    start = time.perf_counter()
    n = sum(1 for _ in islice(walker(tree), 1))
    return n, time.perf_counter() - start


def collect_pypi_pwalk(tree: str, output: str) -> int:
    """A CSV.zst, whatever the name of the output; its rows are counted by the caller."""
    import pwalk

    _, errors = pwalk.report(tree, output, compress="zstd")
    return -len(errors)


def collect_scandir_rs(tree: str) -> int:
    """Objects with every field of stat; the root is not among them."""
    import scandir_rs

    scan = scandir_rs.Scandir(tree, return_type=scandir_rs.ReturnType.Ext)
    entries, _ = scan.collect()
    return len(entries) + 1


def collect_filoma(tree: str) -> int:
    """Statistics; the root is among the folders."""
    return _found(_filoma().probe(tree).summary)


def _found(summary: dict[str, Any]) -> int:
    return summary["total_files"] + summary["total_folders"]


def _filoma() -> Any:
    from filoma.directories import DirectoryProfiler, DirectoryProfilerConfig

    return DirectoryProfiler(DirectoryProfilerConfig(show_progress=False))


PROFILERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "filoma": lambda tree: _filoma().probe(tree).summary,
    "DirectoryProfiler": lambda tree: _our_pwalk().DirectoryProfiler().analyze(tree)["summary"],
}


def profile(name: str, tree: str) -> tuple[int, float]:
    """Entries, the root included, and the seconds of the call."""
    start = time.perf_counter()
    summary = PROFILERS[name](tree)
    return _found(summary), time.perf_counter() - start


def collect_pwalk_report(tree: str, output: str) -> int:
    """The same as the command, from Python."""
    entries = _our_pwalk().report(tree, output).summary["entries"]
    return sum(entries.values()) if isinstance(entries, dict) else entries


def collect_pwalk_scan(tree: str) -> int:
    """A table in memory."""
    return len(_our_pwalk().scan(tree))


COLLECTORS: dict[str, Callable[..., int]] = {
    "pypi-pwalk": collect_pypi_pwalk,
    "scandir-rs": collect_scandir_rs,
    "filoma": collect_filoma,
    "pwalk-report": collect_pwalk_report,
    "pwalk-scan": collect_pwalk_scan,
}


def measured(verb: str, name: str, tree: str) -> tuple[int, float]:
    """What a verb with a time gives."""
    if verb == "profile":
        return profile(name, tree)
    return {"walk": walk, "loop": loop, "first": first}[verb](WALKERS[name], tree)


def main(verb: str, name: str, tree: str, *output: str) -> None:
    """Prints what the verb gives."""
    if verb == "collect":
        print(COLLECTORS[name](tree, *output))
        return
    # Imports belong to the start of Python.
    measured(verb, name, os.path.dirname(os.path.abspath(__file__)))
    n, seconds = measured(verb, name, tree)
    print(n, f"{seconds:.6f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
