"""Where the programs are that are measured, which versions, and how the peers get installed.

Peers written in Python live in a virtual environment each, below the cache folder: one of
them has the import name of ours. Peers that the system packages (find, bfs, fd, du) and the
C pwalk are looked up on PATH and never installed.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

#: Placeholder -> names on PATH, the first that exists.
ON_PATH = {
    "FIND": ("find",),
    "BFS": ("bfs",),
    "FD": ("fd", "fdfind"),
    "DU": ("du",),
    "DISKUS": ("diskus",),
    "PWALK_C": ("pwalk-c",),
    "ZSTD": ("zstd",),
    "SSHFS": ("sshfs",),
    "SSHD": ("sshd",),
    "SSH_KEYGEN": ("ssh-keygen",),
}
#: Where sshd is, which users have no use for on their PATH.
SYSTEM_PATH = "/usr/sbin:/sbin"
#: What a system's package is called where it has another name.
PACKAGES = {"sshd": "sshd (package openssh-server)", "ssh-keygen": "ssh-keygen (openssh-client)"}
#: Placeholder -> package and version.
VENVS = {
    "PYTHON_PYPI_PWALK": ("pwalk", "0.1.6"),
    "PYTHON_SCANDIR_RS": ("scandir-rs", "2.10.1"),
    "PYTHON_FILOMA": ("filoma", "1.13.0"),
}
DISKUS = ("diskus", "0.9.0")
#: Made by `make bench`: package and program.
OWN = {
    "FLOOR": ("pwalk-bench", "floor"),
    "CORPUS": ("pwalk-bench", "corpus"),
    "MEASURE": ("pwalk-bench", "measure"),
    "SLOWFS": ("pwalk-slowfs", "slowfs"),
}


@dataclass(frozen=True)
class Settings:
    """What the command line says about places."""

    cache: Path
    #: Where cargo puts release builds.
    bin_dir: Path
    pwalk: Path
    #: An interpreter that has our package; None without one.
    python_pwalk: Path | None
    python: Path
    n_threads: int


class Tools:
    """The values of the placeholders, and the reason for each that has none."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.values: dict[str, str] = {"THREADS": str(settings.n_threads)}
        self.values["BENCH"] = str(Path(__file__).resolve().parent.parent)
        self.reasons: dict[str, str] = {}
        for key, path, reason in self._places():
            if path and os.access(path, os.X_OK):
                self.values[key] = str(path)
            else:
                self.reasons[key] = reason

    def _places(self) -> Iterable[tuple[str, Path | str | None, str]]:
        own = self.settings
        yield "PYTHON", own.python, "the interpreter is missing"
        yield "PWALK", own.pwalk, "pwalk is not built (make dist, or --pwalk PATH)"
        yield "PYTHON_PWALK", own.python_pwalk, "no --python-pwalk PATH was given"
        for key, (package, name) in OWN.items():
            reason = f"{name} is not built (cargo build --profile dist -p {package})"
            yield key, own.bin_dir / name, reason
        search = os.pathsep.join((os.environ.get("PATH", ""), str(own.cache / "bin"), SYSTEM_PATH))
        for key, names in ON_PATH.items():
            found = next(filter(None, (shutil.which(name, path=search) for name in names)), None)
            yield key, found, f"{PACKAGES.get(names[0], names[0])} is not installed"
        for key, (package, _) in VENVS.items():
            yield key, self._venv(package) / "bin/python", f"{package} is not installed (--install)"

    def _venv(self, package: str) -> Path:
        return self.settings.cache / "venvs" / f"{package}-{python_tag(self.settings.python)}"

    def missing(self, argv: Iterable[str]) -> str | None:
        """Why a command cannot be run, or None."""
        wanted = {key for arg in argv for key in re.findall(r"\$([A-Z_]+)", arg)}
        return next((self.reasons[key] for key in sorted(wanted) if key in self.reasons), None)

    def install(self) -> None:
        """Installs the peers that the language registries have."""
        for package, version in VENVS.values():
            venv = self._venv(package)
            subprocess.run([self.settings.python, "-m", "venv", venv], check=True)
            pip = [venv / "bin/python", "-m", "pip", "install", "--quiet"]
            subprocess.run([*pip, f"{package}=={version}"], check=True)
        crate, version = DISKUS
        cargo = ["cargo", "install", crate, "--locked", "--version", version]
        subprocess.run([*cargo, "--root", self.settings.cache], check=True)

    def versions(self) -> dict[str, str]:
        """What `--version` says of everything found; pinned versions for packages."""
        keys = ("PWALK", "FIND", "BFS", "FD", "DU", "DISKUS", "PWALK_C", "ZSTD", "SSHFS", "PYTHON")
        found = {key.lower(): version(self.values[key]) for key in keys if key in self.values}
        packages = {
            f"{package} (Python)": number
            for key, (package, number) in VENVS.items()
            if key in self.values
        }
        return found | packages


def version(program: str) -> str:
    """What the program calls itself; never its path."""
    try:
        run = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    lines = (run.stdout.strip() or run.stderr.strip()).splitlines()
    # Of several the one with its own name: sshfs begins with the version of fusermount3.
    name = Path(program).name.lower()
    lines.sort(key=lambda line: not line.lower().startswith(name))
    return lines[0].strip("* ") if lines and run.returncode == 0 else "unknown"


def python_tag(python: Path) -> str:
    """`3.12` of an interpreter: environments are kept for each."""
    if python == Path(sys.executable):
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.check_output([python, "-c", code], text=True).strip()
