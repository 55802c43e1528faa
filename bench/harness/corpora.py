"""The trees and the saved scan: found in the corpora's folder, or made there."""

import subprocess
from pathlib import Path

from . import scans
from .contestants import Workload
from .measuring import say
from .tools import Tools


def ensure(workload: Workload, folder: Path, tools: Tools) -> Path:
    """The tree of a workload, or the scan.

    A tree on the slow filesystem is nowhere until that is mounted.
    """
    if workload.shape == "slowfs":
        return folder / "slowfs"
    if workload.shape == "scan":
        wide = _tree("wide", workload.scale, folder, tools)
        return scans.ensure(folder / f"scan-{wide.name}.parquet", wide, scans.N_TREES, tools)
    return _tree(workload.shape, workload.scale, folder, tools)


def _tree(shape: str, scale_of: float, folder: Path, tools: Tools) -> Path:
    """It appears by rename, so a tree that is there is whole."""
    scale = f"{scale_of:g}"
    tree = folder / (shape if scale == "1" else f"{shape}-x{scale}")
    if tree.is_dir():
        return tree
    folder.mkdir(parents=True, exist_ok=True)
    if shape == "empty":
        tree.mkdir()
        return tree
    say(f"making {tree.name}; a million files take a minute")
    unfinished = folder / f"{tree.name}.part"
    corpus = [tools.values["CORPUS"], shape, str(unfinished), "--scale", scale]
    subprocess.run(corpus, check=True, stdout=subprocess.DEVNULL)
    return unfinished.rename(tree)
