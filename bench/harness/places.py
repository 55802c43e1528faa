"""Where a tree is while a contestant walks it: on the disk, in cold caches, on a server.

A place is made fresh for each run: caches dropped, a filesystem mounted anew. What the server
says of the run afterwards goes into the results.

Owns servers and mounts, and ends them. Knows no contestant.
"""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .contestants import Slowfs, Workload
from .tools import Tools

#: What a server counted, by its own names.
Seen = dict[str, float]

DROP_CACHES = Path("/proc/sys/vm/drop_caches")
#: Filesystems that a server on this machine could serve, if the kernel had their clients.
CLIENTS = ("nfs", "nfs4", "9p", "virtiofs")
PATIENCE_S = 20


class Place:
    """A tree on the disk, in caches that the run before has filled."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree

    def missing(self) -> str | None:
        """Why nothing can be measured here, or None."""
        return None

    @contextmanager
    def fresh(self, argv: list[str]) -> Iterator[Seen]:
        """The tree as the command is to find it; filled at the end with what the server saw."""
        yield {}

    def close(self) -> None:
        """Ends what serves it."""


class Cold(Place):
    """A tree on the disk, of which nothing is in memory. The programs are."""

    def missing(self) -> str | None:
        return None if os.access(DROP_CACHES, os.W_OK) else "only root may drop caches"

    @contextmanager
    def fresh(self, argv: list[str]) -> Iterator[Seen]:
        os.sync()
        DROP_CACHES.write_text("3")
        for program in filter(os.path.isfile, argv):
            Path(program).read_bytes()
        yield {}


class Mounted(Place):
    """A filesystem that is mounted for each run, by a program that serves it meanwhile."""

    #: The program and its arguments; it ends when it is unmounted.
    argv: tuple[str, ...] = ()

    def __init__(self, mount_point: Path, below: str = "") -> None:
        super().__init__(mount_point / below)
        self.mount_point = mount_point

    @contextmanager
    def fresh(self, argv: list[str]) -> Iterator[Seen]:
        self.mount_point.mkdir(parents=True, exist_ok=True)
        server = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            self._wait(server)
            seen: Seen = {}
            yield seen
            seen |= self.seen()
        finally:
            subprocess.run(["umount", "-l", self.mount_point], check=False, capture_output=True)
            server.terminate()
            server.communicate()

    def _wait(self, server: subprocess.Popen[bytes]) -> None:
        """Until it is mounted. The table of mounts says so without asking the filesystem."""
        deadline = time.monotonic() + PATIENCE_S
        while f" {self.mount_point} " not in Path("/proc/self/mountinfo").read_text():
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                said = server.communicate()[1].decode(errors="replace").strip()
                raise OSError(f"not mounted: {said or 'without a word'}")
            time.sleep(0.01)

    def seen(self) -> Seen:
        """What it has counted."""
        return {}


class OnSlowfs(Mounted):
    """Our own slow filesystem."""

    def __init__(self, server: Slowfs, mount_point: Path, tools: Tools) -> None:
        super().__init__(mount_point)
        self.tools = tools
        self.argv = (tools.values.get("SLOWFS", ""), str(mount_point), *server.arguments())

    def missing(self) -> str | None:
        if os.geteuid() != 0:
            return "only root may mount slowfs"
        return self.tools.missing(("$SLOWFS",))

    def seen(self) -> Seen:
        lines = (self.mount_point / ".stats").read_text().splitlines()
        return {name: float(number) for name, number in map(str.split, lines)}


class OnSshfs(Mounted):
    """A tree of this machine, through an sshd that listens on loopback with keys of its own.

    Logs in as the user who measures, with a key that is thrown away afterwards.
    """

    def __init__(self, tree: Path, mount_point: Path, tools: Tools) -> None:
        super().__init__(mount_point)
        self.served = tree
        self.tools = tools
        self.keys = mount_point.with_name(f"{mount_point.name}-keys")
        self.port = 0
        self.sshd: subprocess.Popen[bytes] | None = None

    def missing(self) -> str | None:
        return self.tools.missing(("$SSHFS", "$SSHD", "$SSH_KEYGEN"))

    @contextmanager
    def fresh(self, argv: list[str]) -> Iterator[Seen]:
        if self.sshd is None:
            self._start()
        with super().fresh(argv) as seen:
            yield seen

    def _start(self) -> None:
        """One sshd for all runs."""
        shutil.rmtree(self.keys, ignore_errors=True)
        self.keys.mkdir(parents=True, mode=0o700)
        for name in ("host", "user"):
            keygen = [self.tools.values["SSH_KEYGEN"], "-q", "-t", "ed25519", "-N", ""]
            subprocess.run([*keygen, "-f", self.keys / name], check=True)
        self.port = free_port()
        config = self.keys / "sshd_config"
        config.write_text(self._config())
        if os.geteuid() == 0:
            # Where sshd gives up its rights; distributions make it when the service starts.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        sshd = [self.tools.values["SSHD"], "-D", "-e", "-f", str(config)]
        self.sshd = subprocess.Popen(sshd, stderr=(self.keys / "log").open("wb"))
        self._wait_for_port()
        self.argv = self._sshfs()

    def _config(self) -> str:
        options = {
            "Port": self.port,
            "ListenAddress": "127.0.0.1",
            "HostKey": self.keys / "host",
            "AuthorizedKeysFile": self.keys / "user.pub",
            "PidFile": "none",
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "Subsystem": "sftp internal-sftp",
        }
        return "".join(f"{key} {value}\n" for key, value in options.items())

    def _sshfs(self) -> tuple[str, ...]:
        options = {
            "port": self.port,
            "IdentityFile": self.keys / "user",
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "no",
            "LogLevel": "ERROR",
            "BatchMode": "yes",
        }
        words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        source = f"{getpass.getuser()}@127.0.0.1:{self.served}"
        # In the foreground, so that its processor time is known to be the server's.
        return (self.tools.values["SSHFS"], "-f", *words, source, str(self.mount_point))

    def _wait_for_port(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    said = (self.keys / "log").read_text(errors="replace").strip()
                    raise OSError(f"sshd does not listen: {said}") from None
                time.sleep(0.02)

    def close(self) -> None:
        if self.sshd is not None:
            self.sshd.terminate()
            self.sshd.wait()
            self.sshd = None
        shutil.rmtree(self.keys, ignore_errors=True)


def place_of(workload: Workload, tree: Path, mount_point: Path, tools: Tools) -> Place:
    """Where a workload's tree is."""
    match workload.place:
        case Slowfs() as server:
            return OnSlowfs(server, mount_point, tools)
        case "sshfs":
            return OnSshfs(tree, mount_point, tools)
        case "cold":
            return Cold(tree)
    return Place(tree)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


def without_client(filesystems: str) -> list[str]:
    """Those of `CLIENTS` that are not in the text of /proc/filesystems."""
    known = {line.split()[-1] for line in filesystems.splitlines() if line.strip()}
    return [name for name in CLIENTS if name not in known]
