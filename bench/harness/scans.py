"""A large saved scan, without a tree that large: a report of `wide`, repeated under other names.

Each repetition is the tree of another root, with inodes of its own, so that the scan is what a
report of that many roots would be. It goes through pwalk's own `convert`, which is not measured.
"""

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from .measuring import say
from .tools import Tools

#: How often the tree is in a scan of scale 1: ten million rows.
N_TREES = 10
#: Added to the inodes of each repetition; no filesystem has given that many.
INODES = 1 << 40


def ensure(scan: Path, tree: Path, n_trees: int, tools: Tools) -> Path:
    """The scan, made if it is missing. It appears by rename, so one that is there is whole."""
    if scan.exists():
        return scan
    say(f"making {scan.name}; ten million rows take two minutes")
    pwalk, unfinished = tools.values["PWALK"], scan.with_name(f"unfinished-{scan.name}")
    report = scan.with_name(f"{scan.stem}.csv")
    subprocess.run([pwalk, "report", "--quiet", tree, "-o", report], check=True)
    convert = [pwalk, "convert", "--from", "csv", "/dev/stdin", unfinished]
    try:
        with subprocess.Popen(convert, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.writelines(repeated(report, bytes(tree), n_trees))
    finally:
        report.unlink()
    if process.returncode:
        unfinished.unlink(missing_ok=True)
        raise OSError(f"{scan.name} could not be made")
    return unfinished.rename(scan)


def repeated(report: Path, root: bytes, n_trees: int) -> Iterator[bytes]:
    """The lines of a CSV whose names need no quoting, once for each tree."""
    for number in range(n_trees):
        with report.open("rb") as lines:
            header = next(lines)
            if number == 0:
                yield header
            yield from of_tree(lines, root, number)


def of_tree(lines: Iterable[bytes], root: bytes, number: int) -> Iterator[bytes]:
    """The same rows of a root and inodes with another number."""
    start, other = b'"' + root, b'"%s-%d' % (root, number)
    for line in lines:
        inode, parent, depth, rest = line.split(b",", 3)
        inodes = (int(inode) + number * INODES, int(parent) and int(parent) + number * INODES)
        yield b"%d,%d,%s,%s%s" % (*inodes, depth, other, rest.removeprefix(start))
