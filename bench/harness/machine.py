"""What the results say of the machine: enough to read them, nothing that identifies it."""

import os
import platform
import re
from pathlib import Path


def facts(tree: Path) -> dict[str, str | int]:
    """Kernel, filesystem of the tree, processor, memory."""
    return {
        "kernel": kernel(platform.release()),
        "filesystem": filesystem(tree),
        "cpu": cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
    }


def kernel(release: str) -> str:
    """The numbers; what follows them names a site or a provider."""
    found = re.match(r"\d+(\.\d+)*", release)
    return f"Linux {found[0]}" if found else "Linux"


def filesystem(tree: Path) -> str:
    """The type of the mount that holds the tree."""
    return mount_type(str(tree.resolve()), Path("/proc/self/mountinfo").read_text())


def mount_type(path: str, mountinfo: str) -> str:
    """The longest mount point that the path is below; of equals the last one mounted."""
    best = ("", "unknown")
    for line in mountinfo.splitlines():
        before, after = line.split(" - ", 1)
        point = before.split()[4].rstrip("/") + "/"
        if f"{path}/".startswith(point) and len(point) >= len(best[0]):
            best = (point, after.split()[0])
    return best[1]


def cpu_model() -> str:
    """As /proc/cpuinfo has it; the architecture where it has none."""
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    return found[1].strip() if found else platform.machine()


def label(tree: Path) -> str:
    """The default name of a results folder, after the date."""
    return f"{len(os.sched_getaffinity(0))}cpu-{filesystem(tree)}"
