"""The trees: found in the corpora's folder, or made there by `corpus`."""

import subprocess
from pathlib import Path

from .contestants import Workload
from .measuring import say
from .tools import Tools


def ensure(workload: Workload, folder: Path, tools: Tools) -> Path:
    """The tree of a workload. It appears by rename, so a tree that is there is whole.

    A tree on the slow filesystem is nowhere until that is mounted.
    """
    if workload.shape == "slowfs":
        return folder / "slowfs"
    scale = f"{workload.scale:g}"
    tree = folder / (workload.shape if scale == "1" else f"{workload.shape}-x{scale}")
    if tree.is_dir():
        return tree
    folder.mkdir(parents=True, exist_ok=True)
    if workload.shape == "empty":
        tree.mkdir()
        return tree
    say(f"making {tree.name}; a million files take a minute")
    unfinished = folder / f"{tree.name}.part"
    corpus = [tools.values["CORPUS"], workload.shape, str(unfinished), "--scale", scale]
    subprocess.run(corpus, check=True, stdout=subprocess.DEVNULL)
    return unfinished.rename(tree)
